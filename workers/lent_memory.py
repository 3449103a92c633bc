"""Large buffers handed over as memory, not as bytes: Linux only, from a worker to its supervisor.

The worker writes the buffer into a nameless file in memory and sends its descriptor; the
supervisor maps it. So a megabyte costs the supervisor a system call or two instead of a copy,
and several workers fill their files at the same time. The mapping is private: what the receiver
changes is its own, as with any unpickled object.
"""

from __future__ import annotations

import mmap
import os
import socket
import sys
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final

# Below this size a copy through the socket is as quick.
LENT_BYTES: Final = 256 * 1024
# The kernel takes 253 descriptors a message; a receiver must have room for them.
MOST_LENT: Final = 32
# Beside the size of a buffer: it does not follow in the stream, its descriptor came with it.
LENT_FLAG: Final = 1 << 63
_DESCRIPTOR_BYTES: Final = 4
_UNTRACKED: Final[dict[str, Any]] = {"trackfd": False} if sys.version_info >= (3, 13) else {}
# So many mapped buffers may be held at once: below any limit of maps, or of descriptors.
MOST_HELD: Final = 4096 if _UNTRACKED else 64
_held: Final[weakref.WeakSet[mmap.mmap]] = weakref.WeakSet()
ANCILLARY_BYTES: Final = (
    socket.CMSG_SPACE(MOST_LENT * _DESCRIPTOR_BYTES) if hasattr(socket, "CMSG_SPACE") else 0
)


def can_lend() -> bool:
    """Say whether this system knows nameless files in memory, and hands over descriptors."""
    return hasattr(os, "memfd_create") and hasattr(socket, "SCM_RIGHTS")


def lend(views: Sequence[memoryview]) -> dict[int, int]:
    """Return descriptors of files with the content of the large buffers, by their index.

    Where there is no room for one more, the others travel in the stream. Close them once sent.
    """
    lent: dict[int, int] = {}
    for index, view in enumerate(views):
        if len(view) < LENT_BYTES or len(lent) == MOST_LENT:
            continue
        try:
            lent[index] = _filled(view)
        except OSError:
            break
    return lent


def _filled(view: memoryview) -> int:
    descriptor = os.memfd_create("everycore-result")
    try:
        while len(view):
            view = view[os.write(descriptor, view) :]
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def borrow(descriptor: int, size: int) -> mmap.mmap | bytearray:
    """Return a lent buffer and close its descriptor; raises OSError when there is no memory.

    It is mapped as long as few are held: a mapping costs one of the process's maps and, before
    Python 3.13, a descriptor. Who keeps more of them gets copies.
    """
    try:
        if len(_held) >= MOST_HELD:
            copy = bytearray(size)
            view = memoryview(copy)
            while view:
                view = view[os.preadv(descriptor, [view], size - len(view)) :]
            return copy
        mapped = mmap.mmap(
            descriptor,
            size,
            flags=mmap.MAP_PRIVATE,
            prot=mmap.PROT_READ | mmap.PROT_WRITE,
            **_UNTRACKED,
        )
        _held.add(mapped)
        return mapped
    finally:
        os.close(descriptor)


def enclosure(descriptors: Sequence[int]) -> list[tuple[int, int, bytes]]:
    """Return what `sendmsg` takes as ancillary data to hand descriptors over."""
    data = b"".join(fd.to_bytes(_DESCRIPTOR_BYTES, sys.byteorder) for fd in descriptors)
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, data)]


def enclosed(ancillary: Sequence[tuple[int, int, bytes]]) -> list[int]:
    """Return the descriptors in the ancillary data that `recvmsg_into` gave."""
    found: list[int] = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            whole = len(data) - len(data) % _DESCRIPTOR_BYTES
            found += (
                int.from_bytes(data[at : at + _DESCRIPTOR_BYTES], sys.byteorder)
                for at in range(0, whole, _DESCRIPTOR_BYTES)
            )
    return found
