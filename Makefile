# Everything a person types. Each target makes the environment (.venv) by itself, once per pyproject.toml.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo run test again test-fast check bench soak lock clean

KEY := $(shell cksum pyproject.toml | cut -d' ' -f1)
RUN_READY := .venv/.ready-run-$(KEY)
TEST_READY := .venv/.ready-test-$(KEY)
PY := .venv/bin/python
BENCHES := conduits dashboard fanout inbox party_browser redemptions sockets sync topics

help: ## this list
	@echo "make demo       see it at work in the browser, with a simulated Twitch"
	@echo "make run        the real thing, with the settings of .env"
	@echo "make test       every test, on real servers where they can be had"
	@echo "make again      the tests that failed, one after the other, with nothing beside them"
	@echo "make test-fast  the tests that need no server, in a minute and a half"
	@echo "make check      format, lint, types, layers"
	@echo "make bench      the measurements ($(BENCHES))"
	@echo "make soak       the long variants of the kill tests"
	@echo "make lock       the versions of a release, with their hashes (requirements.lock)"
	@echo "make clean      remove the environment and what the tools left behind"

demo: $(RUN_READY) ## simulator, daemon and page in one command
	@$(PY) -m daemon.cli demo

run: $(RUN_READY) ## the daemon, from .env
	@$(PY) -m daemon.cli run

test: $(TEST_READY) ## everything, with the floor of the coverage; the last line is pytest's
	@$(PY) -m pytest -p tests.coverage_floor -n 3 --dist loadgroup -m "not soak" -rs

again: $(TEST_READY)
	@$(PY) -m pytest --last-failed --last-failed-no-failures none -rs

test-fast: $(TEST_READY)
	@$(PY) -m pytest -n 3 --dist loadgroup -m "not server and not browser and not journey and not soak"

check: $(TEST_READY)
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@$(PY) -m pytest tests/test_architecture.py

bench: $(TEST_READY)
	@for name in $(BENCHES); do $(PY) -m bench $$name --json || exit 1; done

soak: $(TEST_READY)
	@$(PY) -m tests.journeys.fleet.report --forget
	@$(PY) -m pytest -m soak --timeout 1800

lock:
	@deploy/lock

clean:
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info

$(RUN_READY): .venv/bin/python
	@echo "Installing what Cuelight needs (once)..." >&2
	@$(PY) -m pip install --quiet --disable-pip-version-check -e .
	@rm -f .venv/.ready-run-*; touch $@

$(TEST_READY): $(RUN_READY)
	@echo "Installing what the tests need (once)..." >&2
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[test,check]'
	@rm -f .venv/.ready-test-*; touch $@

.venv/bin/python:
	@python=; \
	for name in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Cuelight needs Python 3.11 or later and finds none. On Debian or Ubuntu type:" >&2; \
	  echo "  sudo apt-get install python3 python3-venv" >&2; exit 1; \
	fi; \
	if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "$$python lacks venv. Type this, then try again:" >&2; \
	  echo "  sudo apt-get install python3-venv" >&2; exit 1; \
	fi; \
	echo "Making .venv with $$python..." >&2; \
	$$python -m venv .venv || { rm -rf .venv; exit 1; }
