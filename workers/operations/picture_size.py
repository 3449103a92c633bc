"""The size of a finished picture, from its header."""

from pathlib import Path

from workers.job import Kind
from workers.operations.kinds import HEAD_BYTES, kind_of_content


def picture_size(file: Path) -> tuple[int, int] | None:
    """Return width and height in pixels; None for what is no picture."""
    with file.open("rb") as stream:
        if kind_of_content(stream.read(HEAD_BYTES)) is not Kind.IMAGE:
            return None
    import pyvips

    try:
        # A source, for libvips remembers what a file name held.
        picture = pyvips.Image.new_from_source(pyvips.Source.new_from_file(str(file)), "")
    except pyvips.Error:
        return None
    return picture.width, picture.height
