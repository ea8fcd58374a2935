"""A few small pictures of coloured shapes: `python -m examples.boxes.images DIR`.

They are the same on every call. PNG is written by hand (https://www.w3.org/TR/png-3/): a signature
and three chunks, so no imaging library is needed.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

WIDTH, HEIGHT = 320, 240
BACKGROUND = (244, 241, 232)

Colour = tuple[int, int, int]


class Shape(NamedTuple):
    """A circle or a square. x, y: its centre; reach: half its width. All in pixels."""

    kind: str
    x: int
    y: int
    reach: int
    colour: Colour


SCENES: tuple[tuple[Shape, ...], ...] = (
    (Shape("circle", 90, 120, 50, (200, 60, 50)), Shape("square", 230, 110, 45, (40, 110, 180))),
    (Shape("square", 80, 80, 40, (60, 150, 90)), Shape("square", 220, 160, 55, (220, 160, 40))),
    (Shape("circle", 160, 120, 80, (90, 80, 160)),),
    (Shape("circle", 70, 70, 35, (40, 150, 160)), Shape("circle", 240, 170, 50, (190, 80, 130))),
)


def images() -> dict[str, bytes]:
    """The pictures by name: `scene-1.png` and so on, 320 x 240, about 1 KiB each."""
    return {f"scene-{n}.png": png(scene_pixel(scene)) for n, scene in enumerate(SCENES, start=1)}


def scene_pixel(scene: tuple[Shape, ...]) -> Callable[[int, int], Colour]:
    """The scene as a function from a pixel to its colour; later shapes lie on top."""

    def pixel(x: int, y: int) -> Colour:
        for shape in reversed(scene):
            if covers(shape, x, y):
                return shape.colour
        return BACKGROUND

    return pixel


def covers(shape: Shape, x: int, y: int) -> bool:
    """Whether the shape covers that pixel."""
    across, down = abs(x - shape.x), abs(y - shape.y)
    if shape.kind == "circle":
        return across * across + down * down <= shape.reach * shape.reach
    return max(across, down) <= shape.reach


def png(pixel: Callable[[int, int], Colour], width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A PNG of 8-bit RGB; every row is stored unfiltered (filter type 0)."""
    rows = b"".join(
        b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height)
    )
    # Width, height, bit depth 8, colour type 2 (RGB), then the only defined methods.
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows, 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def main() -> None:
    """Write the pictures into the folder that is named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in images().items():
        (folder / name).write_bytes(body)
        print(folder / name)


if __name__ == "__main__":
    main()
