"""The size of a finished picture, from its header."""

from pathlib import Path
from typing import Final

from workers.operations.kinds import HEAD_BYTES, ImageFormat, image_format

_JXL_HEAD: Final = 4096


def picture_size(file: Path) -> tuple[int, int] | None:
    """Return width and height in pixels; None for what is no picture."""
    with file.open("rb") as stream:
        known = image_format(stream.read(HEAD_BYTES))
    if known is None:
        return None
    if known is ImageFormat.JXL:
        return _jxl_size(file)
    import pyvips

    try:
        # A source, for libvips remembers what a file name held.
        picture = pyvips.Image.new_from_source(pyvips.Source.new_from_file(str(file)), "")
    except pyvips.Error:
        return None
    return picture.width, picture.height


def _jxl_size(file: Path) -> tuple[int, int] | None:
    from workers.operations.jxl_boxes import codestream_head
    from workers.operations.jxl_header import read_header

    with file.open("rb") as stream:

        def read(place: int, count: int) -> bytes:
            stream.seek(place)
            return stream.read(count)

        header = read_header(codestream_head(read, file.stat().st_size, _JXL_HEAD))
    return None if header is None else (header.width, header.height)
