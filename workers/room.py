"""When the system has no room for one more: which errors say so, and how a worker tells.

A worker that is refused a thread, memory or a descriptor before its first task is no fault of the
job's: it leaves by an exit code of its own, and the job makes do with the others.
"""

import errno
from typing import Final

# sysexits.h calls it EX_TEMPFAIL: ask again later.
NO_ROOM_EXIT: Final = 75
NO_ROOM: Final = "The system has no room for more processes."
NO_WORKER: Final = "No worker can be started:"
_ERRORS: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})


def lacks_room(error: BaseException) -> bool:
    """Say whether an error means that the system refused a thread, memory or a descriptor."""
    if isinstance(error, OSError):
        return error.errno in _ERRORS
    # CPython has no class of its own for a thread that cannot be started.
    is_thread = isinstance(error, RuntimeError) and "start new thread" in str(error)
    return is_thread or isinstance(error, MemoryError)
