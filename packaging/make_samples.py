"""Makes resources/samples: pictures, tables, arrays and damaged files to try Everycore with.

Run it from the top folder: `python packaging/make_samples.py [FOLDER]`. Everything is drawn and
counted here from fixed seeds; the names below are the whole list.
"""

import datetime as dt
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from PIL import Image, ImageCms
from sample_scenes import SCENES, Numbers, draw_arrow, noise

_FOLDER: Final = Path(__file__).resolve().parent.parent / "resources" / "samples"
_QUALITY: Final = {".jpg": 74, ".webp": 70, ".avif": 55}
_ORIENTATION, _MAKE, _MODEL, _TAKEN, _GPS = 0x0112, 0x010F, 0x0110, 0x0132, 0x8825
# How the upright picture is stored so that a viewer who obeys the mark turns it back.
_STORED: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture; `style` is plain, grey, cmyk, alpha, deep (16 bits), palette or animated."""

    name: str
    scene: str
    width: int
    height: int
    orientation: int = 1
    has_place: bool = False
    has_profile: bool = False
    style: str = "plain"


PICTURES: Final = (
    *(Picture(f"turned-{n}.jpg", "landscape", 640, 480, orientation=n) for n in range(1, 9)),
    Picture("harbour-at-dawn.jpg", "landscape", 2000, 1333, has_place=True),
    Picture("ridge-walk.jpg", "landscape", 1600, 1067, has_place=True),
    Picture("valley.jpg", "landscape", 1280, 853, has_place=True),
    Picture("evening-hills.jpg", "landscape", 1200, 900, orientation=6, has_place=True),
    Picture("northern-coast.jpg", "landscape", 1024, 683, has_profile=True),
    Picture("wide-panorama.jpg", "landscape", 1920, 480),
    Picture("stone-01.jpg", "marble", 800, 800),
    Picture("stone-02.jpg", "marble", 960, 640, has_profile=True),
    Picture("stone-03.jpg", "marble", 640, 960),
    Picture("city-lights-01.jpg", "lights", 1280, 720),
    Picture("city-lights-02.jpg", "lights", 1000, 1500, has_place=True),
    Picture("city-lights-03.jpg", "lights", 720, 720),
    Picture("poster-print.jpg", "poster", 900, 1200, style="cmyk"),
    Picture("grey-valley.jpg", "landscape", 1024, 768, style="grey"),
    Picture("small-window.jpg", "lights", 320, 240),
    Picture("two words [1].jpg", "marble", 480, 360),
    *(Picture(f"poster-{n:02}.png", "poster", 500 + 80 * n, 640, style="palette") for n in (1, 2)),
    Picture("poster-03.png", "poster", 1280, 960, style="palette"),
    Picture("poster-04.png", "poster", 1920, 1080, style="palette"),
    Picture("sticker-01.png", "poster", 480, 480, style="alpha"),
    Picture("sticker-02.png", "poster", 640, 400, style="alpha"),
    Picture("deep-gradient.png", "landscape", 320, 200, style="deep"),
    Picture("badge-01.png", "poster", 320, 320),
    Picture("badge-02.png", "poster", 400, 320, has_profile=True),
    Picture("badge-03.png", "poster", 640, 360),
    *(Picture(f"web-{n:02}.webp", "landscape", 640 + 120 * n, 480 + 80 * n) for n in range(1, 7)),
    Picture("web-07.webp", "lights", 1600, 900),
    Picture("web-08.webp", "marble", 800, 600, has_place=True),
    Picture("web-09.webp", "poster", 700, 700, style="alpha"),
    Picture("web-10.webp", "lights", 960, 1280),
    Picture("scan-01.tif", "poster", 800, 1000, style="palette"),
    Picture("scan-02.tif", "poster", 1200, 900, style="palette"),
    Picture("scan-03.tif", "poster", 640, 640),
    Picture("scan-04.tiff", "poster", 480, 640, orientation=3),
    Picture("scan-05.tiff", "poster", 1000, 700, style="grey"),
    Picture("scan-06.tiff", "poster", 600, 400),
    *(Picture(f"new-format-{n}.avif", "landscape", 600 + 200 * n, 800) for n in range(1, 4)),
    Picture("new-format-4.avif", "marble", 900, 600),
    Picture("new-format-5.avif", "lights", 1200, 800),
    Picture("diagram-1.gif", "poster", 480, 320, style="palette"),
    Picture("diagram-2.gif", "poster", 640, 480, style="palette"),
    Picture("turning-shapes.gif", "poster", 320, 240, style="animated"),
    Picture("old-drawing-1.bmp", "poster", 320, 240, style="palette"),
    Picture("old-drawing-2.bmp", "poster", 400, 240, style="grey"),
)


def declared() -> tuple[str, ...]:
    """Return the path of every sample below the folder, sorted."""
    pictures = [f"pictures/{picture.name}" for picture in PICTURES]
    others = [*_TABLES, *_ARRAYS, *_DAMAGED]
    return tuple(sorted(pictures + others))


def write_samples(folder: Path) -> None:
    """Write every sample below the folder; files of the same name are replaced."""
    for part in ("pictures", "tables", "arrays", "damaged"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for seed, picture in enumerate(PICTURES, start=1):
        (folder / "pictures" / picture.name).write_bytes(_encoded(picture, Numbers(seed)))
    for makers in (_TABLES, _ARRAYS, _DAMAGED):
        for seed, (name, make) in enumerate(makers.items(), start=100):
            (folder / name).write_bytes(make(Numbers(seed)))


def _encoded(picture: Picture, numbers: Numbers) -> bytes:
    image = SCENES[picture.scene](picture.width, picture.height, numbers)
    if picture.orientation != 1 or picture.name.startswith("turned"):
        draw_arrow(image)
    if picture.orientation in _STORED:
        image = image.transpose(_STORED[picture.orientation])
    frames = [image]
    if picture.style == "animated":
        frames = [image.rotate(angle).quantize(32) for angle in (0, 20, 40, 60)]
    elif picture.style == "deep":
        return _deep_png(image, numbers)
    else:
        frames = [_styled(image, picture.style)]
    return _saved(frames, picture)


def _styled(image: Image.Image, style: str) -> Image.Image:
    if style == "palette":
        return image.quantize(16, dither=Image.Dither.NONE)
    if style == "alpha":
        mask = Image.new("L", image.size, 0)
        mask.paste(255, (image.width // 8, image.height // 8, image.width, image.height))
        image.putalpha(mask)
        return image
    return image.convert({"grey": "L", "cmyk": "CMYK"}.get(style, "RGB"))


def _saved(frames: list[Image.Image], picture: Picture) -> bytes:
    suffix = Path(picture.name).suffix
    options: dict[str, object] = {}
    if suffix in _QUALITY:
        options["quality"] = _QUALITY[suffix]
    if suffix in (".jpg", ".webp", ".tiff") and (picture.orientation != 1 or picture.has_place):
        options["exif"] = _exif(picture)
    if suffix == ".png":
        options["optimize"] = True
    if suffix in (".tif", ".tiff"):
        options["compression"] = "tiff_deflate"
    if picture.has_profile:
        options["icc_profile"] = wide_profile()
    if len(frames) > 1:
        options |= {"save_all": True, "append_images": frames[1:], "duration": 200, "loop": 0}
    kind = {".jpg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}.get(suffix, suffix[1:].upper())
    stream = io.BytesIO()
    frames[0].save(stream, kind, **options)
    return stream.getvalue()


def _exif(picture: Picture) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION] = picture.orientation
    exif[_MAKE], exif[_MODEL], exif[_TAKEN] = "Everycore", "Painter 1", "2024:05:01 12:00:00"
    if picture.has_place:
        place = exif.get_ifd(_GPS)
        place[1], place[2] = "N", (47.0, 33.0, 36.5)
        place[3], place[4] = "E", (10.0, 45.0, 12.25)
    return exif


def wide_profile() -> bytes:
    """Return a colour profile with the primaries of Display P3 and a fixed date."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[24:36] = bytes((7, 232, 0, 5, 0, 1, 0, 12, 0, 0, 0, 0))
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for number in range(int.from_bytes(made[128:132], "big")):
        entry = 132 + 12 * number
        values = primaries.get(bytes(made[entry : entry + 4]))
        start = int.from_bytes(made[entry + 4 : entry + 8], "big") + 8
        for place, value in enumerate(values or ()):
            fixed = round(value * 65536).to_bytes(4, "big", signed=True)
            made[start + 4 * place : start + 4 * place + 4] = fixed
    return bytes(made)


def _deep_png(image: Image.Image, numbers: Numbers) -> bytes:
    grey = np.asarray(image.convert("L"), dtype=np.float64) * 257
    fine = grey + 40 * noise(image.width, image.height, 2, numbers)
    stream = io.BytesIO()
    Image.fromarray(np.clip(fine, 0, 65535).astype(np.uint16)).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _weather(numbers: Numbers, rows: int) -> pl.DataFrame:
    day = dt.date(2024, 1, 1)
    low = [round(-5 + 20 * numbers.one(), 1) for _ in range(rows)]
    rain = [round(9 * numbers.one(), 1) if numbers.one() > 0.6 else None for _ in range(rows)]
    return pl.DataFrame(
        {
            "date": [day + dt.timedelta(days=number) for number in range(rows)],
            "low": low,
            "high": [round(value + 4 + 9 * numbers.one(), 1) for value in low],
            "rain": rain,
            "station": [("Alm", "Hafen", "Turm")[int(3 * numbers.one())] for _ in range(rows)],
        }
    )


def _sales(numbers: Numbers, rows: int) -> pl.DataFrame:
    goods = ("Café crème", "Brötchen", "Jalapeño", "Tea, green", 'Cake "small"')
    return pl.DataFrame(
        {
            "order": list(range(1000, 1000 + rows)),
            "article": [goods[int(5 * numbers.one())] for _ in range(rows)],
            "pieces": [1 + int(12 * numbers.one()) for _ in range(rows)],
            "price": [round(0.5 + 20 * numbers.one(), 2) for _ in range(rows)],
            "is_paid": [numbers.one() > 0.1 for _ in range(rows)],
        }
    )


def _text(
    table: Callable[[Numbers, int], pl.DataFrame], rows: int, separator: str, encoding: str
) -> Callable[[Numbers], bytes]:
    def make(numbers: Numbers) -> bytes:
        return table(numbers, rows).write_csv(separator=separator).encode(encoding)

    return make


def _parquet(
    table: Callable[[Numbers, int], pl.DataFrame], rows: int
) -> Callable[[Numbers], bytes]:
    def make(numbers: Numbers) -> bytes:
        stream = io.BytesIO()
        table(numbers, rows).write_parquet(stream)
        return stream.getvalue()

    return make


_TABLES: Final[dict[str, Callable[[Numbers], bytes]]] = {
    "tables/weather-2024.csv": _text(_weather, 366, ",", "utf-8"),
    "tables/weather-harbour.csv": _text(_weather, 200, ",", "utf-8-sig"),
    "tables/weather-tower.csv": _text(_weather, 120, ";", "utf-8"),
    "tables/weather-alm.tsv": _text(_weather, 90, "\t", "utf-8"),
    "tables/weather-bars.csv": _text(_weather, 60, "|", "utf-8"),
    "tables/sales-january.csv": _text(_sales, 300, ",", "utf-8"),
    "tables/sales-february.csv": _text(_sales, 280, ";", "utf-8"),
    "tables/sales-march.csv": _text(_sales, 310, ";", "utf-8"),
    "tables/sales-april.tsv": _text(_sales, 150, "\t", "utf-8"),
    "tables/sales-old-till.csv": _text(_sales, 150, ";", "cp1252"),
    "tables/sales-archive.parquet": _parquet(_sales, 2000),
    "tables/weather-archive.parquet": _parquet(_weather, 1500),
}


def _npy(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _tone(numbers: Numbers) -> bytes:
    time = np.arange(4096) / 4096
    waves = [numbers.between(0.2, 1) * np.sin(2 * np.pi * f * time) for f in (50, 120, 333)]
    return _npy(sum(waves, np.zeros(4096)))


def _gaps(numbers: Numbers) -> bytes:
    plane = noise(64, 64, 3, numbers)
    plane[10:20, 5:9] = np.nan
    return _npy(plane)


def _spiral(numbers: Numbers) -> bytes:
    turn = np.linspace(0, numbers.between(20, 40), 2048)
    return _npy((turn * np.exp(1j * turn)).astype(np.complex64))


def _height_map(numbers: Numbers) -> bytes:
    return _npy(np.clip(128 + 110 * noise(128, 128, 4, numbers), 0, 255).astype(np.uint8))


def _volume(numbers: Numbers) -> bytes:
    layers = [noise(32, 32, 3, numbers) for _ in range(16)]
    return _npy(np.stack(layers).astype(np.float32))


def _by_columns(numbers: Numbers) -> bytes:
    return _npy(np.asfortranarray((1000 * noise(50, 100, 2, numbers)).astype(np.int16)))


_ARRAYS: Final[dict[str, Callable[[Numbers], bytes]]] = {
    "arrays/tone.npy": _tone,
    "arrays/gaps.npy": _gaps,
    "arrays/spiral.npy": _spiral,
    "arrays/height-map.npy": _height_map,
    "arrays/volume.npy": _volume,
    "arrays/by-columns.npy": _by_columns,
}


def _cut_jpeg(numbers: Numbers) -> bytes:
    whole = _encoded(Picture("cut.jpg", "landscape", 800, 600), numbers)
    return whole[: len(whole) * 55 // 100]


def _nothing(_numbers: Numbers) -> bytes:
    return b""


def _letter(_numbers: Numbers) -> bytes:
    return b"This is a letter, although its name says picture.\n" * 12


def _ragged(numbers: Numbers) -> bytes:
    lines = _weather(numbers, 30).write_csv().splitlines()
    lines[7] += ",one value too many"
    lines[19] = lines[19].rpartition(",")[0]
    return ("\n".join(lines) + "\n").encode()


def _object_array(_numbers: Numbers) -> bytes:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }"
    padded = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + b"\x80\x04N."


def _broken_parquet(numbers: Numbers) -> bytes:
    whole = bytearray(_parquet(_sales, 200)(numbers))
    middle = len(whole) - 200
    whole[middle : middle + 60] = bytes(60)
    return bytes(whole)


_DAMAGED: Final[dict[str, Callable[[Numbers], bytes]]] = {
    "damaged/cut-short.jpg": _cut_jpeg,
    "damaged/empty.png": _nothing,
    "damaged/letter.jpg": _letter,
    "damaged/ragged.csv": _ragged,
    "damaged/objects.npy": _object_array,
    "damaged/broken.parquet": _broken_parquet,
}


if __name__ == "__main__":
    write_samples(Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER)
