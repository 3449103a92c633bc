"""Large results handed over as memory."""

import gc
import multiprocessing
import os
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.engine import called
from workers import lent_memory
from workers.channel import Channel, WorkerChannel
from workers.drop_in import Pool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone lends memory")


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_large_buffers_arrive_whole_beside_small_ones_and_leave_no_descriptor() -> None:
    ours, theirs = socket.socketpair()
    receiver, sender = Channel(ours, borrows=True), WorkerChannel(theirs, lends=True)
    before = _open_descriptors()
    large = [os.urandom(lent_memory.LENT_BYTES + n) for n in range(3)]
    small = os.urandom(70_000)
    sender.send(7, b"body", [large[0], small, large[1], large[2]])
    sender.send(8, b"next")
    frame, following = receiver.receive(), receiver.receive()
    assert frame is not None
    assert following is not None
    assert [bytes(buffer) for buffer in frame.buffers] == [large[0], small, large[1], large[2]]
    assert (frame.lease, bytes(frame.body), following.lease) == (7, b"body", 8)
    del frame, following
    gc.collect()
    assert _open_descriptors() == before
    receiver.close()
    theirs.close()


def test_who_keeps_many_buffers_gets_copies_and_runs_out_of_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lent_memory, "MOST_HELD", 3)
    gc.collect()
    ours, theirs = socket.socketpair()
    receiver, sender = Channel(ours, borrows=True), WorkerChannel(theirs, lends=True)
    before = _open_descriptors()
    kept = []
    for number in range(20):
        sender.send(number, b"body", [bytes([number]) * lent_memory.LENT_BYTES])
        frame = receiver.receive()
        assert frame is not None
        kept.append(frame.buffers[0])
    assert [bytes(buffer[-3:]) for buffer in kept] == [bytes([n]) * 3 for n in range(20)]
    assert _open_descriptors() <= before + 3
    receiver.close()
    theirs.close()


def test_buffers_travel_in_the_stream_when_no_descriptor_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_name: str) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", refuse)
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    receiver, sender = Channel(ours, borrows=True), WorkerChannel(theirs, lends=True)
    large = bytes(100_000)
    monkeypatch.setattr(lent_memory, "LENT_BYTES", 50_000)
    sender.send(1, b"body", [large])
    frame = receiver.receive()
    assert frame is not None
    assert bytes(frame.buffers[0]) == large
    receiver.close()
    theirs.close()


def test_lent_memory_that_nobody_took_is_closed_with_the_channel() -> None:
    before = _open_descriptors()
    ours, theirs = socket.socketpair()
    receiver, sender = Channel(ours, borrows=True), WorkerChannel(theirs, lends=True)
    # A header that announces a body which never comes: its descriptor is here already.
    sender._end.sendmsg([b"half a header"], lent_memory.enclosure([0]))
    assert receiver.receive() is None
    receiver.close()
    theirs.close()
    assert _open_descriptors() == before


def test_array_from_a_worker_is_the_receivers_own_to_change() -> None:
    context = multiprocessing.get_context("spawn")
    with Pool(2, context=context) as pool:
        arrays = pool.map(called.ramp, [300_000, 10, 400_000])
        arrays[0] += 1.0
        again = pool.apply(called.ramp, (300_000,))
    pool.join()
    assert np.array_equal(arrays[0], np.arange(300_000) + 1.0)
    assert np.array_equal(again, np.arange(300_000))
    assert np.array_equal(arrays[1], np.arange(10))
