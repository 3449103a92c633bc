"""Which pictures look alike, by a hash of what the eye sees first. Runs in a worker.

The hash is pHash (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions",
2010): the picture in grey at 32 x 32 pixels, its cosine transform, and of the 8 x 8 lowest
frequencies whether each is above their median. Another size, format or quality alters a few of the
64 marks; a turned or mirrored picture is another one. A picture of one grey has no frequencies: as
many of its marks are set as it is bright.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.operations.hash_groups import alike_leaders
from workers.operations.image_colours import OUR_COLOURS, to_srgb
from workers.operations.image_decode import decode, upright_size
from workers.operations.image_encode import in_memory
from workers.operations.image_plan import ImagePlan
from workers.operations.image_reduce import HASHED_EDGE
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat
from workers.operations.picture_size import picture_size
from workers.outcome import Failure
from workers.partials import Partial, shown_names
from workers.report import formula_safe

_MARKS: Final = 64
_LOWEST: Final = 8
# Every pixel one off, by chance, makes a frequency of some 16 to 32.
_PLAIN: Final = 64.0
_COLUMNS: Final = ("group", "picture", "distance", "width", "height", "bytes")
_WHITE: Final = 255


class _Picture(NamedTuple):
    """A picture of the report: pixels of the file as it is, its size in bytes, its hash."""

    name: str
    width: int
    height: int
    size: int
    marks: int


def write_hash(plan: ImagePlan, source: InputFile, target: Path) -> Failure | str:
    """Write the hash of a picture after the steps to `target`, with its sizes.

    Returns a warning sentence or "". Raises OSError when the output cannot be written.
    """
    decoded = decode(source, plan.steps, ImageFormat.PNG, plan.reading)
    if isinstance(decoded, Failure):
        return decoded
    held = in_memory(decoded)
    if isinstance(held, Failure):
        return held
    image = held.image
    if image.interpretation not in OUR_COLOURS:
        image = to_srgb(image)
    if image.hasalpha():
        image = image.flatten(background=_WHITE)
    grey = image.colourspace("b-w").extract_band(0).cast("uchar")
    pixels = np.frombuffer(grey.write_to_memory(), np.uint8).reshape(HASHED_EDGE, HASHED_EDGE)
    told = (*_size_of(source), source.size, perceptual_hash(pixels))
    target.write_text(json.dumps(told), encoding="ascii")
    return decoded.warning


def _size_of(source: InputFile) -> tuple[int, int]:
    """Return width and height in pixels as the file has them, 0 where its header says nothing."""
    if (size := picture_size(source.safe_path())) is not None:
        return size
    upright = upright_size(source)
    return (0, 0) if upright is None else (upright.width, upright.height)


def perceptual_hash(pixels: NDArray[np.uint8]) -> int:
    """Return the 64 marks of a square grey picture as a number."""
    edge = len(pixels)
    places = np.arange(edge)
    waves = np.cos(np.pi * (2 * places[None, :] + 1) * np.arange(_LOWEST)[:, None] / (2 * edge))
    lowest = (waves @ pixels.astype(float) @ waves.T).ravel()
    if np.abs(lowest[1:]).max() < _PLAIN:
        return (1 << round(float(pixels.mean()) / 255 * _MARKS)) - 1
    marks = lowest > np.median(lowest[1:])
    marks[0] = False  # how bright it is in all tells little
    return int("".join("1" if mark else "0" for mark in marks), 2)


def write_report(partials: Sequence[Partial], distance: int, target: Path) -> Failure | str:
    """Write the groups of pictures that are at most so many marks apart, in a CSV table.

    A group's first picture has the most pixels; the distances of the others are those to it. Who
    is alike to one of a group belongs to it. Raises OSError when the disk does not take it.
    """
    named = zip(shown_names(partials), partials, strict=True)
    pictures = [_Picture(name, *json.loads(each.path.read_bytes())) for name, each in named]
    with target.open("x", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_COLUMNS)
        for number, group in enumerate(_groups(pictures, distance), 1):
            first = group[0]
            for each in group:
                apart = (each.marks ^ first.marks).bit_count()
                name = formula_safe(each.name)
                writer.writerow((number, name, apart, each.width, each.height, each.size))
    return ""


def _groups(pictures: Sequence[_Picture], distance: int) -> Iterator[list[_Picture]]:
    """Yield pictures that are alike, the largest first; groups by their first picture's place."""
    marks = np.array([each.marks for each in pictures], np.uint64)
    hashes, places = np.unique(marks, return_inverse=True)
    leaders = alike_leaders(hashes, distance)
    groups: dict[int, list[_Picture]] = {}
    for picture, leader in zip(pictures, leaders[places].tolist(), strict=True):
        groups.setdefault(leader, []).append(picture)
    for group in groups.values():
        if len(group) > 1:
            yield sorted(group, key=lambda each: (-each.width * each.height, -each.size))
