"""A worker program whose every step a test decides; run by the tests of the pool.

A lease's body says what it does: `pid` answers the process id; `hold` waits for the word `go`,
then answers how many bytes came with it; `points 5` reaches five points, each but the first after
a `go`, and answers how many; `take 300` takes so many MB, then waits; `spin` computes for ever.
`stay` answers, and the worker then ignores the word to leave.
"""

from __future__ import annotations

import os
from collections import deque

from workers.channel import NO_LEASE, Frame, WorkerChannel
from workers.mark import Mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from workers.shared_words import SharedWords

GO = b"go"


def main(end: socket.socket, words: SharedWords) -> None:
    channel = WorkerChannel(end)
    channel.send(NO_LEASE, b"")
    _Obedient(channel, Mark(words)).serve()


def silent(end: socket.socket, _words: SharedWords) -> None:
    """Never say that the worker is up."""
    end.recv(1)


class _Obedient:
    def __init__(self, channel: WorkerChannel, mark: Mark) -> None:
        self._channel = channel
        self._mark = mark
        self._waiting: deque[Frame] = deque()
        self._will_stay = False

    def serve(self) -> None:
        while (frame := self._next()).body or self._will_stay:
            if self._mark.begin(frame.lease):
                answer = self._run(bytes(frame.body), frame)
                self._channel.send(frame.lease, answer)
            else:
                self._channel.send(frame.lease, b"")
            self._mark.end()

    def _next(self) -> Frame:
        return self._waiting.popleft() if self._waiting else self._channel.receive()

    def _wait_for_go(self) -> None:
        while (frame := self._channel.receive()).body != GO:
            self._waiting.append(frame)

    def _run(self, body: bytes, frame: Frame) -> bytes:
        match body.decode().split():
            case ["hold"]:
                self._wait_for_go()
                return str(sum(map(len, frame.buffers))).encode()
            case ["points", count]:
                return str(self._reach(int(count))).encode()
            case ["take", megabytes]:
                held = bytearray(int(megabytes) << 20)
                held[::4096] = b"x" * len(held[::4096])
                self._wait_for_go()
            case ["spin"]:
                while True:
                    pass
            case ["stay"]:
                self._will_stay = True
        return str(os.getpid()).encode()

    def _reach(self, count: int) -> int:
        for position in range(count):
            if position:
                self._wait_for_go()
            if not self._mark.reach(position):
                return position
        return count
