"""Makes the test clip of the watch parties again: `python -m simulators.clip`. Needs ffmpeg (Debian's will do), writes

    web/static/watch/clip.mp4               24 s, 640 x 360, H.264 and AAC, a key frame each second
    web/static/watch/clip.m3u8, clip-*.ts   the same for HLS, six segments of four seconds
    web/static/watch/clip.vtt               subtitles, one cue each two seconds

Every pixel and every sample is computed here, without fonts or pictures, so that the same ffmpeg makes the same files.

What one sees tells where the film is. The time code is minutes, seconds and frames. The lamp reaches an end of its rail
at each full second, lights up and clicks; it is amber for the first four seconds, red for the last four and green in
between. The row of ten small lamps is the number of the frame in binary, the highest bit on the left: a program can
read it from the picture (`NUMBER_AT`), however the picture was compressed.
"""

from __future__ import annotations

import itertools
import math
import shutil
import struct
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).parents[1] / "web" / "static" / "watch"
TITLE = "Cuelight test clip"
WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 25, 24
FRAMES = FPS * SECONDS
SEGMENT_SECONDS = 4
SAMPLE_RATE = 48_000

Colour = tuple[int, int, int]
# The dark theme of web/static/tokens.css: --page, --raised, --text, --quiet, --bezel, --unlit and the lamps.
PAGE, RAISED, TEXT, QUIET = (0x17, 0x14, 0x12), (0x2A, 0x25, 0x21), (0xEF, 0xE9, 0xE1), (0xB8, 0xAD, 0xA0)
BEZEL, UNLIT = (0x11, 0x0E, 0x0C), (0x35, 0x2F, 0x2A)
GO, STANDBY, STOP = (0x62, 0xD3, 0x94), (0xF4, 0xB9, 0x42), (0xFF, 0x7B, 0x6B)

CODE_TOP, CODE_SIZE = 104, 9.2
RAIL_Y, RAIL_FROM, RAIL_TO = 256, 88, 552
LAMP, GLOW = 19, 46
NUMBER_BITS = 10
NUMBER_AT = tuple((320 + round((bit - 4.5) * 28), 326) for bit in range(NUMBER_BITS))
"""Middles of the small lamps, the highest bit first: lit is much brighter than unlit (luma 190 and 48)."""

# -- letters of lines and arcs -----------------------------------------------------------------------------------------
# Capitals and digits are ten units high and stand on 10; y goes down. A stroke is a list of points, or six numbers: an
# arc of an ellipse by its middle, its two radii, and from where to where in degrees, clockwise, from the right.

Stroke = list[tuple[float, float]] | tuple[float, float, float, float, float, float]
GLYPHS: dict[str, list[Stroke]] = {
    "0": [(3, 5, 3, 5, 0, 360)],
    "1": [[(1, 2.2), (3.4, 0), (3.4, 10)]],
    "2": [(3, 3, 2.9, 3, 190, 395), [(5.4, 4.7), (0.2, 10), (6, 10)]],
    "3": [(2.9, 2.5, 2.6, 2.5, 205, 450), (2.9, 7.4, 3, 2.6, 270, 515)],
    "4": [[(4.4, 10), (4.4, 0), (0, 7), (6.2, 7)]],
    "5": [[(5.4, 0), (1, 0), (0.6, 4.7)], (2.9, 6.8, 3, 3.2, 220, 505)],
    "6": [(3, 6.9, 3, 3.1, 0, 360), (6, 6.9, 6, 6.9, 180, 255)],
    "7": [[(0, 0), (6, 0), (2.2, 10)]],
    "8": [(3, 2.4, 2.5, 2.4, 0, 360), (3, 7.4, 3, 2.6, 0, 360)],
    "9": [(3, 3.1, 3, 3.1, 0, 360), (0, 3.1, 6, 6.9, 0, 75)],
    ":": [[(0.6, 3.2), (0.6, 3.2)], [(0.6, 8.4), (0.6, 8.4)]],
    ".": [[(0.6, 9.8), (0.6, 9.8)]],
    "C": [(4, 5, 4, 5, 45, 315)],
    "c": [(2.6, 7, 2.6, 3, 45, 315)],
    "e": [(2.6, 7, 2.6, 3, 50, 360), [(0, 7), (5.2, 7)]],
    "g": [(2.6, 7, 2.6, 3, 0, 360), [(5.2, 4), (5.2, 10.6)], (2.6, 10.6, 2.6, 2.6, 0, 150)],
    "h": [[(0, 0), (0, 10)], (2.4, 6.6, 2.4, 2.6, 180, 360), [(4.8, 6.6), (4.8, 10)]],
    "i": [[(0.4, 4), (0.4, 10)], [(0.4, 1.4), (0.4, 1.4)]],
    "l": [[(0.4, 0), (0.4, 10)]],
    "p": [(2.6, 7, 2.6, 3, 0, 360), [(0, 4), (0, 13.2)]],
    "s": [(2.2, 5.5, 2, 1.5, 90, 320), (2.2, 8.5, 2.2, 1.5, 270, 500)],
    "t": [[(1.4, 1.4), (1.4, 8.4)], (3, 8.4, 1.6, 1.6, 90, 180), [(0, 4), (3.2, 4)]],
    "u": [[(0, 4), (0, 7.4)], (2.4, 7.4, 2.4, 2.6, 0, 180), [(4.8, 4), (4.8, 10)]],
    " ": [],
}
ADVANCE = {"C": 9.8, ":": 3.6, ".": 3.6, "i": 2.8, "l": 2.8, "t": 5.2, " ": 4.2}
DIGIT_ADVANCE, LETTER_ADVANCE = 8.2, 7.2


def segments(glyph: str) -> Iterator[tuple[float, float, float, float]]:
    """A glyph as straight pieces, in its own units."""
    for stroke in GLYPHS[glyph]:
        points = stroke if isinstance(stroke, list) else list(_arc(stroke))
        for (x1, y1), (x2, y2) in itertools.pairwise(points):
            yield x1, y1, x2, y2


def _arc(arc: tuple[float, float, float, float, float, float]) -> Iterator[tuple[float, float]]:
    x, y, rx, ry, start, end = arc
    steps = max(2, round(abs(end - start) / 12))
    for step in range(steps + 1):
        angle = math.radians(start + (end - start) * step / steps)
        yield x + rx * math.cos(angle), y + ry * math.sin(angle)


def _distance(px: float, py: float, piece: tuple[float, float, float, float]) -> float:
    x1, y1, x2, y2 = piece
    length = (x2 - x1) ** 2 + (y2 - y1) ** 2
    along = ((px - x1) * (x2 - x1) + (py - y1) * (y2 - y1)) / length if length else 0.0
    along = max(0.0, min(1.0, along))
    return math.hypot(px - x1 - along * (x2 - x1), py - y1 - along * (y2 - y1))


# -- pictures ----------------------------------------------------------------------------------------------------------


class Picture:
    """640 x 360 pixels of three bytes."""

    def __init__(self, pixels: bytes | bytearray = b"") -> None:
        self.pixels = bytearray(pixels or bytes(PAGE) * (WIDTH * HEIGHT))

    def blend(self, x: int, y: int, colour: Colour, share: float) -> None:
        """Put a colour over a pixel; `share` of 1 covers it."""
        if share <= 0.0:
            return
        at, share = (y * WIDTH + x) * 3, min(1.0, share)
        for part in range(3):
            below = self.pixels[at + part]
            self.pixels[at + part] = round(below + (colour[part] - below) * share)

    def disc(self, x: int, y: int, radius: float, colour: Colour) -> None:
        reach = math.ceil(radius) + 1
        for py in range(y - reach, y + reach + 1):
            for px in range(x - reach, x + reach + 1):
                self.blend(px, py, colour, radius + 0.5 - math.hypot(px - x, py - y))

    def halo(self, x: int, y: int, radius: int, colour: Colour, strength: float) -> None:
        """Light around a lamp, fading outwards."""
        for py in range(y - radius, y + radius + 1):
            for px in range(x - radius, x + radius + 1):
                self.blend(px, py, colour, strength * max(0.0, 1 - math.hypot(px - x, py - y) / radius) ** 2)

    def bar(self, x1: int, x2: int, y: int, half: float, colour: Colour) -> None:
        """A level bar with round ends."""
        piece = (float(x1), float(y), float(x2), float(y))
        reach = math.ceil(half) + 1
        for py in range(y - reach, y + reach + 1):
            for px in range(x1 - reach, x2 + reach + 1):
                self.blend(px, py, colour, half + 0.5 - _distance(px, py, piece))

    def text(self, words: str, x: float, y: float, *, size: float, half: float, colour: Colour) -> None:
        """`size`: pixels of one unit; `half`: half the width of a stroke; y: where capitals begin."""
        for glyph in words:
            pieces = [
                (x + x1 * size, y + y1 * size, x + x2 * size, y + y2 * size)
                for x1, y1, x2, y2 in segments(glyph)
            ]
            if pieces:
                across = [value for piece in pieces for value in piece[::2]]
                down = [value for piece in pieces for value in piece[1::2]]
                for py in range(int(min(down) - half) - 1, math.ceil(max(down) + half) + 2):
                    for px in range(int(min(across) - half) - 1, math.ceil(max(across) + half) + 2):
                        near = min(_distance(px, py, piece) for piece in pieces)
                        self.blend(px, py, colour, half + 0.5 - near)
            x += size * advance(glyph)

    def paste(
        self, other: Picture, x: int, y: int, width: int, height: int, *, source: tuple[int, int]
    ) -> None:
        """Copy a rectangle that lies at `source` in another picture."""
        for row in range(height):
            start = ((source[1] + row) * WIDTH + source[0]) * 3
            at = ((y + row) * WIDTH + x) * 3
            self.pixels[at : at + width * 3] = other.pixels[start : start + width * 3]


def advance(glyph: str) -> float:
    """How far the next glyph is, in units. All digits are as wide, so that a running number stands still."""
    return ADVANCE.get(glyph, DIGIT_ADVANCE if glyph.isdigit() else LETTER_ADVANCE)


def time_code(frame: int) -> str:
    """Minutes, seconds and frames: `00:12.07`."""
    seconds, rest = divmod(frame, FPS)
    return f"{seconds // 60:02}:{seconds % 60:02}.{rest:02}"


def lamp_of(frame: int) -> tuple[int, Colour, float]:
    """Where the lamp is on its rail, its colour, and how brightly it lights up (a click fades within six frames)."""
    second, rest = divmod(frame, FPS)
    x = (RAIL_FROM + RAIL_TO) / 2 - (RAIL_TO - RAIL_FROM) / 2 * math.cos(math.pi * frame / FPS)
    colour = STANDBY if second < 4 else STOP if second >= SECONDS - 4 else GO
    return round(x), colour, 0.22 + 0.5 * max(0.0, 1 - rest / 6)


class Drawing:
    """Draws any frame; what all of them share is drawn once."""

    def __init__(self) -> None:
        self._base = Picture()
        self._base.text(TITLE, 40, 34, size=2.1, half=1.1, colour=QUIET)
        self._base.bar(RAIL_FROM, RAIL_TO, RAIL_Y, 5, RAISED)
        for x, y in NUMBER_AT:
            self._base.disc(x, y, 8, UNLIT)
        self._digits = {digit: Picture() for digit in "0123456789"}
        for digit, sheet in self._digits.items():
            sheet.text(digit, 20, 20, size=CODE_SIZE, half=4.6, colour=TEXT)
        width = sum(advance(glyph) for glyph in time_code(0)) * CODE_SIZE
        self._places: list[int] = []
        right = (WIDTH - width) / 2 + 8
        for glyph in time_code(0):
            x = round(right)
            self._places.append(x)
            if not glyph.isdigit():
                self._base.text(glyph, x, CODE_TOP, size=CODE_SIZE, half=5.0, colour=QUIET)
            right += CODE_SIZE * advance(glyph)

    def frame(self, frame: int) -> bytes:
        """The pixels of a frame, row by row, red green blue."""
        picture = Picture(self._base.pixels)
        cell, tall = round(6 * CODE_SIZE) + 16, round(10 * CODE_SIZE) + 16
        for glyph, x in zip(time_code(frame), self._places, strict=True):
            if glyph.isdigit():
                picture.paste(self._digits[glyph], x - 8, CODE_TOP - 8, cell, tall, source=(12, 12))
        x, colour, light = lamp_of(frame)
        picture.halo(x, RAIL_Y, GLOW, colour, light)
        picture.disc(x, RAIL_Y, LAMP + 4, BEZEL)
        picture.disc(x, RAIL_Y, LAMP, colour)
        for bit, (px, py) in enumerate(NUMBER_AT):
            if frame >> (NUMBER_BITS - 1 - bit) & 1:
                picture.disc(px, py, 8, STANDBY)
        return bytes(picture.pixels)


# -- sound, subtitles, files -------------------------------------------------------------------------------------------


def sound() -> bytes:
    """A soft click at each full second: 16 bit, one channel. It swells for 2 ms and is gone after 60 ms."""
    samples = [0] * (SAMPLE_RATE * SECONDS)
    for second in range(SECONDS):
        for at in range(SAMPLE_RATE * 60 // 1000):
            t = at / SAMPLE_RATE
            swell, fade = min(1.0, t / 0.002), math.exp(-t / 0.012)
            samples[second * SAMPLE_RATE + at] = round(7000 * swell * fade * math.sin(2 * math.pi * 880 * t))
    return struct.pack(f"<{len(samples)}h", *samples)


def subtitles() -> str:
    """Each cue says which two seconds it is for."""
    cues = [
        f"00:00:{at:02}.000 --> 00:00:{at + 2:02}.000\nSeconds {at} to {at + 2}\n"
        for at in range(0, SECONDS, 2)
    ]
    return "\n".join(["WEBVTT\n", *cues])


EXACT = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
PICTURES = f"-f rawvideo -pix_fmt rgb24 -s {WIDTH}x{HEIGHT} -r {FPS} -i pipe:0".split()
COLOURS = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
AS_SEEN = ["-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=bitexact+accurate_rnd,format=yuv420p"]
# No B frames: none is stored before its turn, and each can be had at once.
H264 = f"-c:v libx264 -profile:v main -preset veryslow -crf 26 -bf 0 -threads 1 -g {FPS} -keyint_min {FPS}".split()
CUTS = ["-sc_threshold", "0"]  # key frames at full seconds only
AAC = ["-c:a", "aac", "-b:a", "24k", "-ac", "1"]
# An AAC stream begins with 21 ms of nothing. A file says so and they are left out; a stream would begin with them, and
# all its pictures would be late by so much.
FROM_ZERO = ["-bsf:a", "noise=drop=lt(pts\\,0)"]
HLS = f"-f hls -hls_time {SEGMENT_SECONDS} -hls_playlist_type vod -hls_flags independent_segments".split()


def main() -> int:
    found = shutil.which("ffmpeg")
    if found is None:
        sys.stderr.write("ffmpeg is missing: apt-get install ffmpeg\n")
        return 1
    ffmpeg = [found, "-y", "-loglevel", "error"]
    (TARGET / "clip.vtt").write_text(subtitles(), "utf-8")
    for old in TARGET.glob("clip-*.ts"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder) / "sound.wav"
        with wave.open(str(audio), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes(sound())
        encode(ffmpeg, audio)
    segment(ffmpeg)
    return 0


def encode(ffmpeg: list[str], audio: Path) -> None:
    """Draw each frame and hand it over."""
    command = [*ffmpeg, *PICTURES, "-i", str(audio), *AS_SEEN, *H264, *CUTS, *COLOURS, *AAC, *EXACT]
    command += ["-metadata", f"title={TITLE}", "-movflags", "+faststart", str(TARGET / "clip.mp4")]
    drawing = Drawing()
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for frame in range(FRAMES):
            process.stdin.write(drawing.frame(frame))
    if process.returncode:
        raise SystemExit(process.returncode)


def segment(ffmpeg: list[str]) -> None:
    """The same pictures and sounds, cut for HLS."""
    names = ["-hls_segment_filename", str(TARGET / "clip-%d.ts"), str(TARGET / "clip.m3u8")]
    command = [*ffmpeg, "-i", str(TARGET / "clip.mp4"), "-c", "copy", *FROM_ZERO, *EXACT, *HLS, *names]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())
