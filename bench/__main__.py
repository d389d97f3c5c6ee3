"""`python -m bench NAME [--json]`: run one bench. Without a name: which there are."""

from __future__ import annotations

import argparse
import ast
import asyncio
import inspect
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from bench.report import Result, for_people, for_programs

HERE = Path(__file__).parent


def benches(directory: Path = HERE) -> dict[str, tuple[str, str]]:
    """Name → module name and first line of its docstring. A bench is a module with `NAME = "..."`.

    The sources are read, not imported: one bench that cannot be imported does not hide the others.
    """
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(directory.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id="NAME")], value=ast.Constant(value=str() as name)):
                    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
                    found[name] = (path.stem, summary)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when the bench was measured, missed aims included; 2 for a name that does not exist."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    known = benches()
    name = given.pop(0) if given and not given[0].startswith("-") else None
    if name is None or name not in known:
        if name is not None:
            print(f"There is no bench {name!r}.", file=sys.stderr)
        print("python -m bench NAME [--json] [options of the bench, see --help]\n", file=sys.stderr)
        for each, (_, summary) in known.items():
            print(f"  {each:<14} {summary}", file=sys.stderr)
        return 0 if name is None else 2
    module = import_module(f"bench.{known[name][0]}")
    parser = argparse.ArgumentParser(
        prog=f"python -m bench {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="end the output with one line of JSON")
    if hasattr(module, "add_options"):
        module.add_options(parser)
    options = parser.parse_args(given)
    found = module.run(options)
    result: Result = asyncio.run(found) if inspect.iscoroutine(found) else found
    print(for_people(name, result), file=sys.stderr)
    if options.json:
        print(for_programs(name, result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
