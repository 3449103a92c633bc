"""How names, sizes, times and rates are written for a person, in the window and the terminal."""

import sys
import unicodedata
from pathlib import Path

# Bidirectional controls can reorder what a terminal or a label shows.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(name: str | Path) -> str:
    """Return the name with control, bidi and undecodable characters escaped.

    The result encodes to UTF-8 and cannot drive a terminal.
    """
    text = str(name)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character == " "
        or not (
            unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp", "Cn") or character in _BIDI
        )
        else _escaped(character)
        for character in text
    )


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, kept by surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def trash_name() -> str:
    """Return what this system calls its trash."""
    return "recycle bin" if sys.platform == "win32" else "trash"


def finds_originals() -> bool:
    """Say whether undo finds originals in the trash: only that of Linux tells whose they were."""
    return sys.platform == "linux"


def size_words(size: float) -> str:
    """Return a size in bytes as 812 B, 5.2 MB or 1.3 GB (powers of 1,000)."""
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5 or unit == "TB":
            break
    return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"


def time_words(seconds: float) -> str:
    """Return a time as 0.09 s, 9 s, 2 min or 1 h 20 min."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def remaining_words(low_s: float, high_s: float) -> str:
    """Return an estimate as '8 to 10 s left', 'about 2 min left'."""
    low, high = _rounded(low_s), _rounded(high_s)
    if high < 2:
        return "a second left"
    if low == high or time_words(low) == time_words(high):
        return f"about {time_words(high)} left"
    if high < 119.5:
        return f"{low:.0f} to {high:.0f} s left"
    return f"{time_words(low)} to {time_words(high)} left"


def _rounded(seconds: float) -> float:
    return max(1.0, float(round(seconds)))


def count_words(count: int, one: str, many: str = "") -> str:
    """Return '1 file', '1,284 files'."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def rate_words(per_second: float, unit: str = "files") -> str:
    """Return a rate as '51.8 files/s'."""
    return f"{per_second:,.1f} {unit}/s" if per_second < 1000 else f"{per_second:,.0f} {unit}/s"
