"""What is wrong with a picture, in words a person can act on. Light to import."""

from typing import Final

from workers.operations.kinds import ImageFormat
from workers.outcome import Failure, FailureKind

_ENDS_EARLY: Final = (
    "premature end of jpeg",
    "unexpected end of",
    "file size too small",
    "missing sos",
    "unable to parse image",
    "bytes, expected",
    "libpng read error",
    "truncated",
    "need_more_input",
    "insufficient input",
    "outside of file bounds",
    "cannot read full",
    "input/output error",
)
_UNSUPPORTED: Final = (
    "unsupported codec",
    "unsupported feature",
    "unsupported image file",
    "not built",
    "no decoding plugin",
)


def damage(known: ImageFormat, text: str) -> Failure:
    """Return the failure that says in a sentence what a decoder says in its own words."""
    lower = text.lower()
    if "out of memory" in lower:
        return Failure(
            FailureKind.OUT_OF_MEMORY, "The picture needs more memory than there is.", text
        )
    if any(words in lower for words in _UNSUPPORTED):
        reason = "it uses a feature Everycore cannot decode"
    elif any(words in lower for words in _ENDS_EARLY) or not lower.strip():
        reason = "file ends early"
    else:
        reason = "its content is damaged"
    return Failure(
        FailureKind.BAD_INPUT, f"Not a readable {known.value} ({reason}).", detail=text.strip()
    )


def missing(known: ImageFormat, library: str, extra: str) -> Failure:
    """Return the failure that says which of our extras would read or write the format."""
    return Failure(
        FailureKind.OPERATION_FAILED,
        f"{known.value} needs the library {library}: pip install 'everycore[{extra}]'.",
    )
