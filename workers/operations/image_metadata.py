"""Metadata of pictures changed without touching a pixel, where the format allows it.

Runs in a worker.
"""

from pathlib import Path

from workers.operations.input_file import InputFile
from workers.outcome import Failure


def rewrite_metadata(source: InputFile, metadata: str, target: Path) -> Failure | str | None:
    """Write the same picture with other metadata; None when it has to be encoded again."""
    if metadata != "keep" or source.suffix != target.suffix:
        return None
    content = source.read_or_failure()
    if isinstance(content, Failure):
        return content
    with target.open("xb") as stream:
        stream.write(content)
    return ""
