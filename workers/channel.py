"""Frames over a socket: a header, a body, and large buffers that nobody copies.

    supervising end (Channel)                     worker's end (WorkerChannel)
    sends what the socket takes, keeps the rest   sends and receives whole frames, blocking
    receives what is there, never waits

A frame belongs to a lease (0: to none) and says whether it is the lease's last. Header, body
and the sizes of the buffers come first, so a receiver allocates each buffer once and the kernel
writes into it; large ones come as memory where the system can (lent_memory.py). No lock is
shared: each end is used by one thread.
"""

from __future__ import annotations

import os
import socket
import struct
from collections import deque

from workers.lent_memory import (
    ANCILLARY_BYTES,
    LENT_FLAG,
    borrow,
    can_lend,
    enclosed,
    enclosure,
    lend,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from collections.abc import Generator, Iterator, Sequence
    from typing import Final

NO_LEASE: Final = 0
# Below this size a copy is cheaper than a system call of its own.
LARGE_BYTES: Final = 64 * 1024
_HEAD: Final = struct.Struct("<Q?IQ")
# The kernel takes no more pieces in one call (IOV_MAX is 1024 on Linux and macOS).
_MOST_PIECES: Final = 512

Buffer = bytes | bytearray | memoryview


class Frame:
    """What one end sent: `is_last` says that nothing more comes for this lease."""

    # Not a dataclass: to import those costs a starting worker 8 ms.
    __slots__ = ("body", "buffers", "is_last", "lease")

    def __init__(
        self, lease: int, is_last: bool, body: Buffer, buffers: Sequence[bytearray | mmap.mmap]
    ) -> None:
        """Hold what was sent."""
        self.lease = lease
        self.is_last = is_last
        self.body = body
        self.buffers = buffers

    @property
    def size(self) -> int:
        """Return how many bytes the frame carries."""
        return len(self.body) + sum(map(len, self.buffers))


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets; the second is for the worker, whoever inherits it."""
    return socket.socketpair()


class Channel:
    """The supervising end: belongs to the thread that waits for the workers."""

    def __init__(self, end: socket.socket, *, borrows: bool = False) -> None:
        """Take over one end of a pair; a borrowing one takes large buffers as memory."""
        end.setblocking(False)
        self._end = end
        self._ahead = _ReadAhead(end, borrows=borrows)
        self._frames = _frames(self._ahead)
        self._unsent: deque[memoryview] = deque()
        self._is_broken = False

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._end.fileno()

    @property
    def is_stuffed(self) -> bool:
        """Say whether something waits until the worker reads: then wait to write, too."""
        return bool(self._unsent)

    def send(self, lease: int, body: Buffer, buffers: Sequence[Buffer] = ()) -> None:
        """Send a frame, now or as the worker reads; for a dead worker nothing happens."""
        if not self._is_broken:
            self._unsent.extend(_pieces((lease, True), body, _views(buffers), {}))
            self.flush()

    def flush(self) -> None:
        """Send what the socket takes now."""
        try:
            while self._unsent:
                _drop(self._unsent, _send_some(self._end, self._unsent))
        except BlockingIOError:
            return
        except OSError:  # it is dead: its sentinel tells what becomes of its tasks
            self._is_broken = True
            self._unsent.clear()

    def receive(self) -> Frame | None:
        """Return the next frame, None when none is there whole; raises EOFError at the end."""
        try:
            return next(self._frames)
        except (OSError, StopIteration) as error:
            raise EOFError from error

    def close(self) -> None:
        """Close this end; the worker's next call ends."""
        self._ahead.forget_lent()
        self._end.close()


class WorkerChannel:
    """The worker's end: belongs to the worker's main thread."""

    def __init__(self, end: socket.socket, *, lends: bool = False) -> None:
        """Take over the other end of a pair; a lending one sends large buffers as memory."""
        end.setblocking(True)
        self._end = end
        self._lends = lends and can_lend()
        self._frames = _frames(_ReadAhead(end, borrows=False))

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._end.fileno()

    def send(
        self, lease: int, body: Buffer, buffers: Sequence[Buffer] = (), *, is_last: bool = True
    ) -> None:
        """Send a frame; blocks until the other end has taken it. Raises OSError without one."""
        views = _views(buffers)
        lent = lend(views) if self._lends and views else {}
        unsent = deque(_pieces((lease, is_last), body, views, lent))
        if lent:  # the first bytes take the descriptors along
            try:
                _drop(unsent, self._end.sendmsg([unsent[0]], enclosure(list(lent.values()))))
            finally:
                for descriptor in lent.values():
                    os.close(descriptor)
        while unsent:
            _drop(unsent, _send_some(self._end, unsent))

    def receive(self) -> Frame:
        """Return the next frame; blocks. Raises EOFError when the other end is gone."""
        try:
            frame = next(self._frames)
        except (OSError, StopIteration) as error:
            raise EOFError from error
        assert frame is not None, "a blocking socket always answers"
        return frame


def _views(buffers: Sequence[Buffer]) -> list[memoryview]:
    return [memoryview(buffer).cast("B") for buffer in buffers]


def _pieces(
    kind: tuple[int, bool], body: Buffer, views: Sequence[memoryview], lent: dict[int, int]
) -> list[memoryview]:
    """Return what goes through the socket: the buffers that are lent leave only their size."""
    head = _HEAD.pack(*kind, len(views), len(body))
    for index, view in enumerate(views):
        size = len(view) | LENT_FLAG if index in lent else len(view)
        head += size.to_bytes(8, "little")
    following = [view for index, view in enumerate(views) if index not in lent]
    if len(body) < LARGE_BYTES:
        return [memoryview(head + body), *following]
    return [memoryview(head), memoryview(body), *following]


def _send_some(end: socket.socket, unsent: deque[memoryview]) -> int:
    if len(unsent) == 1 or not hasattr(end, "sendmsg"):  # Windows has none
        return end.send(unsent[0])
    pieces = [unsent[i] for i in range(min(len(unsent), _MOST_PIECES))]
    return end.sendmsg(pieces)


def _drop(unsent: deque[memoryview], sent: int) -> None:
    while unsent and sent >= len(unsent[0]):
        sent -= len(unsent.popleft())
    if sent:
        unsent[0] = unsent[0][sent:]


def _frames(ahead: _ReadAhead) -> Iterator[Frame | None]:
    """Yield each frame, None whenever the socket has no more now; raise EOFError at its end."""
    while True:
        head = yield from ahead.take(_HEAD.size)
        lease, is_last, count, size = _HEAD.unpack(head)
        sizes = yield from ahead.take(8 * count)
        body = yield from ahead.take(size)
        buffers: list[bytearray | mmap.mmap] = []
        for at in range(0, 8 * count, 8):
            length = int.from_bytes(sizes[at : at + 8], "little")
            if length & LENT_FLAG:
                buffers.append(ahead.take_lent(length ^ LENT_FLAG))
            else:
                buffers.append((yield from ahead.take(length)))
        whole = [Frame(lease, is_last, body, buffers)]
        del body, buffers  # the frame's receiver alone decides how long they live
        yield whole.pop()


class _ReadAhead:
    """Reads small things many at a time, and large ones straight into their place."""

    def __init__(self, end: socket.socket, *, borrows: bool) -> None:
        self._end = end
        self._borrows = borrows and can_lend()
        self._lent: deque[int] = deque()
        self._stock = bytearray(LARGE_BYTES)
        self._view = memoryview(self._stock)
        self._from = 0
        self._to = 0

    def take(self, size: int) -> Generator[None, None, bytearray]:
        piece = bytearray(size)
        got = self._from_stock(piece, 0)
        while got < size:
            is_small = size - got < LARGE_BYTES
            target = self._view if is_small else memoryview(piece)[got:]
            try:
                count = self._receive(target)
            except BlockingIOError:
                yield None
                continue
            if not count:
                raise EOFError
            if is_small:
                self._from, self._to = 0, count
                got = self._from_stock(piece, got)
            else:
                got += count
        return piece

    def _receive(self, target: bytearray | memoryview) -> int:
        if not self._borrows:
            return self._end.recv_into(target)
        count, ancillary, _, _ = self._end.recvmsg_into([target], ANCILLARY_BYTES)
        if ancillary:
            self._lent.extend(enclosed(ancillary))
        return count

    def take_lent(self, size: int) -> mmap.mmap | bytearray:
        """Return the next lent buffer; raises EOFError when it was lost for want of room."""
        if not self._lent:
            raise EOFError
        return borrow(self._lent.popleft(), size)

    def forget_lent(self) -> None:
        """Close what was lent and never taken."""
        while self._lent:
            os.close(self._lent.popleft())

    def _from_stock(self, piece: bytearray, got: int) -> int:
        count = min(len(piece) - got, self._to - self._from)
        if count > 0:
            piece[got : got + count] = self._view[self._from : self._from + count]
            self._from += count
        return got + count
