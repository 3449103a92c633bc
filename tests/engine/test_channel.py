"""Frames between two real sockets: whole, in order, and never waited for at the supervising end."""

import itertools
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from workers.channel import LARGE_BYTES, NO_LEASE, Channel, Frame, WorkerChannel, socket_pair


@dataclass(frozen=True, slots=True)
class Pair:
    """Both ends of a channel, and the worker's bare socket."""

    ours: Channel
    theirs: WorkerChannel
    end: socket.socket


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket_pair()
    pair = Pair(Channel(ours), WorkerChannel(theirs), theirs)
    yield pair
    pair.ours.close()
    theirs.close()


def content(frame: Frame | None) -> tuple[int, bool, bytes, list[bytes]]:
    assert frame is not None
    return frame.lease, frame.is_last, bytes(frame.body), [bytes(b) for b in frame.buffers]


def bytes_of(pair: Pair, lease: int, body: bytes, buffers: Sequence[bytes] = ()) -> bytes:
    """Return a small frame as it travels."""
    pair.ours.send(lease, body, buffers)
    return pair.end.recv(1 << 16)


def test_frame_without_body_and_buffers_is_a_frame(pair: Pair) -> None:
    pair.ours.send(NO_LEASE, b"")
    pair.theirs.send(NO_LEASE, b"", is_last=False)
    assert content(pair.theirs.receive()) == (NO_LEASE, True, b"", [])
    assert content(pair.ours.receive()) == (NO_LEASE, False, b"", [])


def test_nothing_there_is_no_frame_and_no_wait(pair: Pair) -> None:
    assert pair.ours.receive() is None
    pair.theirs.send(1, b"one")
    assert content(pair.ours.receive()) == (1, True, b"one", [])
    assert pair.ours.receive() is None


@pytest.mark.parametrize(
    "size", [0, 1, LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1, 3 * LARGE_BYTES]
)
def test_body_and_buffer_around_the_size_of_the_stock_arrive_whole(pair: Pair, size: int) -> None:
    body, buffer = os.urandom(size), os.urandom(size)
    pair.ours.send(5, body, [buffer, b"small", buffer])
    frames: list[Frame] = []
    while pair.ours.is_stuffed:  # neither end may wait for the other in one thread
        pair.ours.flush()
        read_some(pair, frames)
    frames = frames or [pair.theirs.receive()]
    assert content(frames[0]) == (5, True, body, [buffer, b"small", buffer])


def read_some(pair: Pair, frames: list[Frame]) -> None:
    """Let the worker's end read what is there, as if it were about to wait for the rest."""
    pair.end.setblocking(False)
    frame = next(pair.theirs._frames)
    pair.end.setblocking(True)
    if frame is not None:
        frames.append(frame)


def test_large_frame_to_a_busy_worker_waits_in_parts_and_in_order(pair: Pair) -> None:
    pair.end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    large = os.urandom(4 << 20)
    pair.ours.send(1, b"first", [large])
    pair.ours.send(2, b"second")
    assert pair.ours.is_stuffed
    frames: list[Frame] = []
    while len(frames) < 2:
        read_some(pair, frames)
        pair.ours.flush()
    assert not pair.ours.is_stuffed
    assert [content(frame) for frame in frames] == [
        (1, True, b"first", [large]),
        (2, True, b"second", []),
    ]


def test_many_small_frames_and_many_small_buffers_keep_their_order(pair: Pair) -> None:
    numbers = range(100)  # so many fit into the socket
    for number in numbers:
        pair.theirs.send(number, bytes([number]) * 5, is_last=number % 2 == 0)
    for number in numbers:
        is_last, body = number % 2 == 0, bytes([number]) * 5
        assert content(pair.ours.receive()) == (number, is_last, body, [])
    many = [str(number).encode() for number in range(1200)]  # more pieces than one call takes
    pair.ours.send(7, b"many", many)
    assert content(pair.theirs.receive()) == (7, True, b"many", many)


def test_frame_that_comes_byte_by_byte_is_put_together(pair: Pair) -> None:
    sent = bytes_of(pair, 9, b"body", [b"buffer", b""])
    for byte in sent[:-1]:
        pair.end.send(bytes([byte]))
        assert pair.ours.receive() is None
    pair.end.send(sent[-1:])
    assert content(pair.ours.receive()) == (9, True, b"body", [b"buffer", b""])


def test_end_after_whole_frames_comes_after_them(pair: Pair) -> None:
    pair.theirs.send(1, b"last words")
    pair.end.shutdown(socket.SHUT_RDWR)
    assert content(pair.ours.receive()) == (1, True, b"last words", [])
    with pytest.raises(EOFError):
        pair.ours.receive()


@pytest.mark.parametrize("kept", [1, 20, 24, -1])
def test_end_within_a_frame_is_an_end_and_no_frame(pair: Pair, kept: int) -> None:
    sent = bytes_of(pair, 9, b"body", [b"buffer"])
    pair.end.send(sent[:kept])
    pair.end.shutdown(socket.SHUT_RDWR)
    for _ in itertools.repeat(None, 2):  # asked again, the answer is the same
        with pytest.raises(EOFError):
            pair.ours.receive()


def test_word_to_a_dead_worker_is_dropped(pair: Pair) -> None:
    pair.end.close()
    for _ in range(3):
        pair.ours.send(1, b"anybody there?", [bytes(1 << 20)])
    assert not pair.ours.is_stuffed


def test_worker_sees_the_end_of_its_pool(pair: Pair) -> None:
    pair.ours.send(1, b"last words")
    pair.ours.close()
    assert content(pair.theirs.receive()) == (1, True, b"last words", [])
    with pytest.raises(EOFError):
        pair.theirs.receive()
    with pytest.raises(OSError, match=r"."):
        pair.theirs.send(1, b"answer")


def test_received_buffer_is_its_receivers_own(pair: Pair) -> None:
    pair.theirs.send(1, b"", [b"before"])
    frame = pair.ours.receive()
    assert frame is not None
    buffer = frame.buffers[0]
    buffer[:] = b"AFTER!"
    pair.theirs.send(2, b"", [b"second"])
    assert content(pair.ours.receive()) == (2, True, b"", [b"second"])
    assert bytes(buffer) == b"AFTER!"
