"""What an input is: by its first bytes where they tell, else by its suffix. Pure, no I/O."""

import enum
from typing import Final

from workers.job import Kind

HEAD_BYTES: Final = 64
"""How many first bytes `kind_of_content` and `image_format` want to see."""


class ImageFormat(enum.Enum):
    """A picture format on the allow-list; the value is the word people know it by."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    TIFF = "TIFF"
    AVIF = "AVIF"
    HEIC = "HEIC"
    GIF = "GIF"
    BMP = "BMP"
    JXL = "JPEG XL"
    RAW = "RAW"


# As the makers of cameras name them; DNG is what several share.
_RAW_SUFFIXES: Final = (
    *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".rw2"),
    *(".orf", ".pef", ".srw", ".3fr", ".iiq", ".kdc", ".dcr", ".erf", ".mef", ".mos", ".mrw"),
    *(".rwl", ".x3f"),
)
_IMAGE_SUFFIXES: Final = {
    ".jpg": ImageFormat.JPEG,
    ".jpeg": ImageFormat.JPEG,
    ".jpe": ImageFormat.JPEG,
    ".jfif": ImageFormat.JPEG,
    ".png": ImageFormat.PNG,
    ".webp": ImageFormat.WEBP,
    ".tif": ImageFormat.TIFF,
    ".tiff": ImageFormat.TIFF,
    ".avif": ImageFormat.AVIF,
    ".heic": ImageFormat.HEIC,
    ".heif": ImageFormat.HEIC,
    ".gif": ImageFormat.GIF,
    ".bmp": ImageFormat.BMP,
    ".dib": ImageFormat.BMP,
    ".jxl": ImageFormat.JXL,
    **dict.fromkeys(_RAW_SUFFIXES, ImageFormat.RAW),
}
_TABLE_SUFFIXES: Final = frozenset(
    {".csv", ".tsv", ".tab", ".parquet", ".pq", ".jsonl", ".ndjson"}
    | {".arrow", ".feather", ".ipc", ".xlsx", ".xls", ".ods"}
)
_ARRAY_SUFFIXES: Final = frozenset({".npy", ".npz", ".h5", ".hdf5"})
_ARRAY_MAGIC: Final = (b"\x93NUMPY", b"\x89HDF\r\n\x1a\n")
_MAGIC: Final = (
    (b"\xff\xd8\xff", ImageFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", ImageFormat.PNG),
    (b"II*\x00\x10\x00\x00\x00CR", ImageFormat.RAW),
    (b"II\x1a\x00\x00\x00HEAPCCDR", ImageFormat.RAW),
    (b"IIU\x00", ImageFormat.RAW),
    (b"IIRO", ImageFormat.RAW),
    (b"IIRS", ImageFormat.RAW),
    (b"MMOR", ImageFormat.RAW),
    (b"\x00MRM", ImageFormat.RAW),
    (b"FOVb", ImageFormat.RAW),
    (b"FUJIFILMCCD-RAW", ImageFormat.RAW),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", ImageFormat.JXL),
    (b"\xff\x0a", ImageFormat.JXL),
    (b"GIF87a", ImageFormat.GIF),
    (b"GIF89a", ImageFormat.GIF),
    (b"II*\x00", ImageFormat.TIFF),
    (b"MM\x00*", ImageFormat.TIFF),
    (b"II+\x00", ImageFormat.TIFF),
    (b"MM\x00+", ImageFormat.TIFF),
)
_HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")


def kind_of_suffix(suffix: str) -> Kind:
    """Return the kind that a file name's last suffix promises; ANY when it promises none."""
    lower = suffix.lower()
    if lower in _IMAGE_SUFFIXES:
        return Kind.IMAGE
    if lower in _TABLE_SUFFIXES:
        return Kind.TABLE
    return Kind.ARRAY if lower in _ARRAY_SUFFIXES else Kind.ANY


def kind_of_content(head: bytes) -> Kind | None:
    """Return the kind that the first bytes prove; None when they prove nothing (as in CSV)."""
    if image_format(head) is not None:
        return Kind.IMAGE
    if head.startswith((b"PAR1", b"ARROW1\x00\x00")):
        return Kind.TABLE
    return Kind.ARRAY if head.startswith(_ARRAY_MAGIC) else None


def image_format(head: bytes) -> ImageFormat | None:
    """Return the allowed picture format that the first bytes prove, or None."""
    for magic, known in _MAGIC:
        if head.startswith(magic):
            return known
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if head[4:8] == b"ftyp":
        return _heif_format(head[8:])
    # Two letters prove little, so the reserved zeros and the header size must fit as well.
    is_bmp = head[:2] == b"BM" and head[6:10] == bytes(4) and head[14:18] in _BMP_HEADERS
    return ImageFormat.BMP if is_bmp else None


_BMP_HEADERS: Final = tuple(
    size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)
)


def _heif_format(brands: bytes) -> ImageFormat | None:
    found = {brands[start : start + 4] for start in range(0, len(brands), 4)}
    if found & {b"avif", b"avis"}:
        return ImageFormat.AVIF
    if b"crx " in found:
        return ImageFormat.RAW
    return ImageFormat.HEIC if found & set(_HEIC_BRANDS) else None


def picture_format(head: bytes, suffix: str) -> ImageFormat | None:
    """Return the picture format of a file, or None; its suffix tells a raw file from a TIFF."""
    known = image_format(head)
    is_raw = known is ImageFormat.TIFF and format_of_suffix(suffix) is ImageFormat.RAW
    return ImageFormat.RAW if is_raw else known


def picture_suffixes() -> tuple[str, ...]:
    """Return the suffixes that pictures have."""
    return tuple(_IMAGE_SUFFIXES)


def format_of_suffix(suffix: str) -> ImageFormat | None:
    """Return the picture format that a suffix promises, or None."""
    return _IMAGE_SUFFIXES.get(suffix.lower())
