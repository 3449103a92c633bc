"""What a person sees of a file before the job: the input and what the pipeline makes of it.

Frozen values; they cross from the preview's process (preview_program.py) to the window.
"""

from pathlib import Path

from msgspec import Struct

from workers.job import Pipeline


class PreviewAsked(Struct, frozen=True):
    """Run the pipeline on one file, for the eye alone; `trusted` are digests of own code.

    `readable` is what the process may read once it has begun; a path outside needs a new one.
    Of a file that is only `measured` nothing is shown but sizes and seconds.
    """

    number: int
    path: Path
    pipeline: Pipeline
    trusted: tuple[str, ...] = ()
    readable: tuple[Path, ...] = ()
    is_measured: bool = False


class Side(Struct, frozen=True):
    """One side of a preview: its size in bytes, a few words, and what there is to see.

    A picture as PNG, at most `MOST_PIXELS` long, with the size it has in truth; or the first
    rows of a table, whose columns are (name, type).
    """

    size: int
    words: str
    picture: bytes = b""
    width: int = 0
    height: int = 0
    columns: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


class Preview(Struct, frozen=True):
    """The answer to the question of that number.

    `message` is a sentence where there is no other side, or a warning. `seconds` is what the
    steps took, without reading the result again. `is_partial` says that what was made goes into
    the one output of all files.
    """

    number: int
    path: Path
    before: Side | None = None
    after: Side | None = None
    message: str = ""
    seconds: float = 0.0
    is_partial: bool = False
