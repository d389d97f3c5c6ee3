"""What the maker of the test clip draws, and that what lies in the tree is of it. It needs no ffmpeg: whether the film
shows what was drawn is asked of a browser, in tests/web/test_clip_browser.py."""

from __future__ import annotations

import re
import struct

import pytest

from simulators import clip

FILES = sorted(clip.TARGET.glob("clip*"))


@pytest.fixture(scope="module")
def drawing() -> clip.Drawing:
    return clip.Drawing()


def luma(pixels: bytes, x: int, y: int) -> float:
    red, green, blue = pixels[(y * clip.WIDTH + x) * 3 :][:3]
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


@pytest.mark.parametrize("frame", [0, 1, 2, 24, 25, 307, 512, 598, 599])
def test_the_small_lamps_tell_the_number_of_the_frame(drawing: clip.Drawing, frame: int) -> None:
    pixels = drawing.frame(frame)
    assert len(pixels) == 640 * 360 * 3
    bits = "".join("1" if luma(pixels, x, y) > 128 else "0" for x, y in clip.NUMBER_AT)
    assert int(bits, 2) == frame


def test_each_frame_is_another(drawing: clip.Drawing) -> None:
    assert len({drawing.frame(frame) for frame in range(100, 150)}) == 50


def test_the_time_code_and_the_lamp() -> None:
    assert [clip.time_code(frame) for frame in (0, 24, 25, 307, 599)] == [
        "00:00.00",
        "00:00.24",
        "00:01.00",
        "00:12.07",
        "00:23.24",
    ]
    ends = [clip.lamp_of(25 * second)[0] for second in range(4)]
    assert ends == [clip.RAIL_FROM, clip.RAIL_TO] * 2
    colours = [clip.lamp_of(25 * second)[1] for second in range(clip.SECONDS)]
    assert colours == [clip.STANDBY] * 4 + [clip.GO] * 16 + [clip.STOP] * 4


def test_its_colours_are_those_of_the_pages() -> None:
    tokens = (clip.TARGET.parent / "tokens.css").read_text()
    for name, colour in (("go", clip.GO), ("standby", clip.STANDBY), ("stop", clip.STOP)):
        assert f"--lit-{name}: #{bytes(colour).hex()};" in tokens
    for name, colour in (
        ("page", clip.PAGE),
        ("raised", clip.RAISED),
        ("text", clip.TEXT),
        ("quiet", clip.QUIET),
    ):
        assert re.search(rf"--{name}: light-dark\(#\w+, #{bytes(colour).hex()}\)", tokens), name


def test_it_clicks_at_each_full_second_and_is_silent_between() -> None:
    samples = struct.unpack(f"<{clip.SAMPLE_RATE * clip.SECONDS}h", clip.sound())
    for second in range(clip.SECONDS):
        heard = samples[second * clip.SAMPLE_RATE : (second + 1) * clip.SAMPLE_RATE]
        assert 3000 < max(map(abs, heard[:2400])) < 8000
        assert not any(heard[clip.SAMPLE_RATE * 60 // 1000 :])


def test_what_lies_in_the_tree_is_whole_and_small() -> None:
    sizes = {path.name: path.stat().st_size for path in FILES}
    segments = clip.SECONDS // clip.SEGMENT_SECONDS
    names = [f"clip-{number}.ts" for number in range(segments)]
    assert set(sizes) == {"clip.mp4", "clip.vtt", "clip.m3u8", *names}
    assert sizes["clip.mp4"] < 400_000
    assert sum(sizes[name] for name in names) < 500_000
    listed = (clip.TARGET / "clip.m3u8").read_text()
    assert re.findall(r"^[^#\n].*$", listed, re.M) == names
    assert "#EXT-X-ENDLIST" in listed
    assert (clip.TARGET / "clip.vtt").read_text("utf-8") == clip.subtitles()
    assert clip.TITLE.encode() in (clip.TARGET / "clip.mp4").read_bytes()
