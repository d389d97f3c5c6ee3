"""Where the socket is, however long the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.admin_protocol import SOCKET_NAME, socket_address


def test_a_short_path_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket_address(Path("d")) as address:
        assert address == str(tmp_path / "d" / SOCKET_NAME)


def test_a_long_path_fits_and_names_the_same_file(tmp_path: Path) -> None:
    place = tmp_path / ("x" * 100)
    place.mkdir()
    (place / SOCKET_NAME).write_text("here")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with socket_address(place) as address:
        assert len(address) < 100
        assert Path(address).read_text() == "here"
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_long_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), socket_address(tmp_path / ("x" * 100)):
        pass
