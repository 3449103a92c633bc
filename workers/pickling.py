"""Objects as bytes for the library faces, large buffers out of band (pickle protocol 5).

Only for `drop_in`, whose callers hand over their own functions, arguments and results, as with
the standard library's pools. Jobs never come here: they speak messages.py.
"""

from __future__ import annotations

import io
import pickle
from multiprocessing.reduction import ForkingPickler

from workers.channel import LARGE_BYTES, Buffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence
    from typing import Any, Final

_PROTOCOL: Final = 5


def dump(value: object) -> tuple[Buffer, list[memoryview]]:
    """Return the pickle and the large buffers that it leaves out; raises what pickling raises."""
    large: list[memoryview] = []

    def is_small(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < LARGE_BYTES:
            return True
        large.append(view)
        return False

    stream = io.BytesIO()
    # multiprocessing's own pickler: it knows how to send sockets, connections and shared arrays.
    ForkingPickler(stream, _PROTOCOL, True, is_small).dump(value)
    # A view spares a large pickle a copy. A small one is copied: a view that an error keeps alive
    # together with its stream lets Python 3.13 complain when it collects both.
    is_small_pickle = stream.tell() < LARGE_BYTES
    return (stream.getvalue() if is_small_pickle else stream.getbuffer()), large


def load(body: Buffer, buffers: Sequence[Buffer | mmap.mmap] = ()) -> Any:  # noqa: ANN401  # the caller's own
    """Return the object; raises whatever its class raises while it is put together."""
    return pickle.loads(body, buffers=buffers)


def portable(error: BaseException) -> tuple[BaseException, str]:
    """Return an exception that can cross, and its traceback as text.

    One that does not survive the way there and back is replaced by a plain one with its words.
    """
    import traceback

    lines = "".join(traceback.format_exception(error))
    error.__traceback__ = None
    try:
        load(*dump(error))
    except BaseException:  # noqa: BLE001  # its own class fails: reported as what can cross
        error = RuntimeError(f"{type(error).__module__}.{_words_of(error)}")
    return error, f'\n"""\n{lines}"""'


def _words_of(error: BaseException) -> str:
    try:
        return f"{type(error).__qualname__}: {error}"
    except Exception:  # noqa: BLE001  # its __str__ fails, too
        return type(error).__qualname__
