"""A window that does not read, and one that waits for an answer."""

import os
import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from workers import engine_program
from workers.attendance import Attendance
from workers.commands import PauseJob, Quit
from workers.engine import Engine
from workers.engine_program import drive
from workers.messages import decode
from workers.snapshot import JobSnapshot
from workers.typed import override


class CountedEngine(Engine):
    """An engine that counts its turns."""

    turns = 0

    @override
    def turn(self, timeout_s: float) -> bool:
        self.turns += 1
        return super().turn(timeout_s)


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    """Return the window's and the engine's end of a channel."""
    ours, theirs = Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


def unheard() -> None:
    """Hear that the window went; these tests end the engine themselves."""


def fill_up(channel: Connection) -> None:
    os.set_blocking(channel.fileno(), False)
    try:
        while os.write(channel.fileno(), b"\0" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(channel.fileno(), True)


@pytest.mark.skipif(os.name == "nt", reason="a pipe of Windows is filled otherwise")
def test_window_that_does_not_read_costs_the_engine_no_turns(
    journals: Path, ends: tuple[Connection, Connection]
) -> None:
    _window, channel = ends
    engine = CountedEngine(journals, workers=1)
    attendance = Attendance(engine, channel, unheard)
    fill_up(channel)
    attendance.show(engine.snapshot())
    threading.Timer(2.0, engine.post, (Quit(),)).start()
    drive(engine, attendance)
    engine.close()
    assert engine.turns < 20


def test_answer_to_a_command_does_not_wait_for_the_heartbeat(
    journals: Path, ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_program, "HEARTBEAT_S", 30.0)
    window, channel = ends
    engine = Engine(journals, workers=1)
    attendance = Attendance(engine, channel, unheard)
    assert window.recv_bytes() == b"welcome"
    driver = threading.Thread(target=drive, args=(engine, attendance))
    driver.start()
    window.recv_bytes()  # the next snapshot comes a thirtieth of a second later at the earliest
    engine.post(PauseJob())
    try:
        assert window.poll(10.0)
        snapshot = decode(window.recv_bytes())
        assert isinstance(snapshot, JobSnapshot)
        assert snapshot.refusal == "No job is open."
    finally:
        engine.post(Quit())
        driver.join()
        engine.close()
