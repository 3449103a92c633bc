"""What user code raised, in words: plain, bounded, whatever the exception's own methods do.

An exception may be of any size, have a `__str__` that raises or text that no message can carry.
"""

import traceback
from pathlib import Path
from typing import Final

OWN_CODE: Final = "everycore_own_code_"
"""What the name of a module of own code begins with."""

LINE_MOST: Final = 500
DETAIL_MOST: Final = 64 * 1024
# Of a recursion a million calls deep, the innermost calls tell all there is.
_FRAMES_MOST: Final = 100


def first_line(error: BaseException) -> str:
    """Return 'ValueError: reason', with the line of the own code it came from where known."""
    name = sendable(type(error).__name__)
    if isinstance(error, SyntaxError) and error.filename:
        line = f"{shown(error.msg)} ({Path(shown(error.filename)).name}, line {error.lineno})"
    else:
        line = next(iter(shown(error).splitlines()), "")
    return (f"{name}: {line}" if line else name) + _own_line(error)


def _own_line(error: BaseException) -> str:
    """Return ' (own.py, line 3)': the last line of a person's own file that was running."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__")
        if type(module) is str and module.startswith(OWN_CODE):
            file = Path(shown(trace.tb_frame.f_code.co_filename)).name
            place = f" ({file}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return place


def traceback_text(error: BaseException) -> str:
    """Return its traceback, without the middle when it is long."""
    try:
        text = "".join(traceback.format_exception(error, limit=-_FRAMES_MOST))
    except BaseException:  # noqa: BLE001  # the exception's own methods run here
        return f"{sendable(type(error).__name__)}: its traceback cannot be shown."
    if len(text) > DETAIL_MOST:
        text = f"{text[: DETAIL_MOST // 2]}\n[...]\n{text[-DETAIL_MOST // 2 :]}"
    return sendable(text)


def shown(value: object) -> str:
    """Return the beginning of the value's text, or nothing when it has none to give."""
    try:
        # A subclass of str may do anything in its own methods; str's own gives plain text.
        text = str.__getitem__(str(value), slice(LINE_MOST * 10))
    except BaseException:  # noqa: BLE001  # its own __str__ may fail; its type still tells
        return ""
    text = text.strip()
    return sendable(text if len(text) <= LINE_MOST else f"{text[:LINE_MOST]}...")


def sendable(text: str) -> str:
    """Return the text without lone surrogates, which no message can carry."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
