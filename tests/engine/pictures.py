"""Pictures that tests draw, run through image steps and look at with Pillow."""

import io
from functools import cache
from pathlib import Path

from PIL import Image, ImageCms, ImageDraw

from workers import Failure, ParameterValue, Step
from workers.operations import images
from workers.operations.input_file import InputFile, open_input

ORIENTATION, MAKE, GPS = 0x0112, 0x010F, 0x8825
FORMATS = {
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "tiff": "TIFF",
    "avif": "AVIF",
    "gif": "GIF",
}
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def step(operation: str, **values: ParameterValue) -> Step:
    return Step(f"images.{operation}", values)


def run(source: Path, *steps: Step) -> tuple[Failure | str, Path]:
    """Run the steps; return what they answered and where they wrote."""
    opened = open_input(source)
    assert isinstance(opened, InputFile)
    with opened:
        suffix = images.output_suffix(steps, opened.suffix)
        target = source.parent / f"staged{len(list(source.parent.iterdir()))}{suffix}"
        return images.run(steps, opened, target), target


def as_pillow_sees(file: Path) -> Image.Image:
    """Return the picture of a file, which is closed again."""
    picture = Image.open(io.BytesIO(file.read_bytes()))
    picture.load()
    return picture


def succeeded(source: Path, *steps: Step, warning: str = "") -> Image.Image:
    """Run the steps, which must succeed, and return the output as Pillow sees it."""
    answer, target = run(source, *steps)
    assert answer == warning
    return as_pillow_sees(target)


def failed(source: Path, *steps: Step) -> Failure:
    answer, _target = run(source, *steps)
    assert isinstance(answer, Failure)
    return answer


def quarters(width: int = 400, height: int = 300) -> Image.Image:
    """Draw red, green, blue and yellow quarters: any turn or flip shows."""
    picture = Image.new("RGB", (width, height), "red")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((width // 2, 0, width, height // 2), fill=(0, 255, 0))
    pen.rectangle((0, height // 2, width // 2, height), fill="blue")
    pen.rectangle((width // 2, height // 2, width, height), fill="yellow")
    return picture


def pixel(picture: Image.Image, x: int = 5, y: int = 5) -> tuple[int, ...]:
    """Return the channels of one pixel."""
    found = picture.getpixel((x, y))
    assert isinstance(found, tuple)
    return tuple(int(channel) for channel in found)


def corners(picture: Image.Image) -> list[str]:
    """Name the colours of the four quarters, read as people read."""
    width, height = picture.size
    names = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
    rgb = picture.convert("RGB")
    found = []
    for x, y in ((1, 1), (3, 1), (1, 3), (3, 3)):
        there = pixel(rgb, width * x // 4, height * y // 4)
        near = {
            name: sum(abs(a - b) for a, b in zip(there, colour, strict=True))
            for name, colour in names.items()
        }
        found.append(min(near, key=lambda name: near[name]))
    return found


UPRIGHT = ["red", "green", "blue", "yellow"]


def exif(orientation: int = 1, *, has_place: bool = False) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    tags[MAKE] = "Everycore"
    if has_place:
        place = tags.get_ifd(GPS)
        place[1], place[2], place[3], place[4] = "N", (47.0, 1.0, 2.0), "E", (11.0, 1.0, 2.0)
    return tags


@cache  # it holds the second in which it was made
def swapped_profile() -> bytes:
    """Return an RGB profile in which red and blue have changed places."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entries = {
        bytes(made[start : start + 4]): start
        for start in range(132, 132 + 12 * int.from_bytes(made[128:132], "big"), 12)
    }
    red, blue = (slice(entries[name] + 4, entries[name] + 12) for name in (b"rXYZ", b"bXYZ"))
    made[red], made[blue] = made[blue], made[red]
    return bytes(made)
