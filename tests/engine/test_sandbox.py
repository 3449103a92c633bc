"""What a worker in its sandbox can do and cannot, and which jobs run in one."""

import json
import multiprocessing
import os
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.engine import sandbox_attempts
from workers import landlock, sandbox, seccomp
from workers.actions import RetireWorker, StartWorker
from workers.command_line.options import MapOptions, RunOptions
from workers.command_line.parser import parse
from workers.events import TasksOffered, WorkerReady, WorkersOutdated
from workers.job import Axis, JobId, JobSpec, OnExisting, Pipeline, Step, Sweep, TaskId, WorkerId
from workers.journal_schema import decoded
from workers.messages import Setup, decode, encode, to_bytes
from workers.sandbox import Sandbox, offered, python_places
from workers.sandbox_choice import is_sandboxed, sandbox_of, with_inputs
from workers.scheduler import Scheduler
from workers.trash_places import trash_places

ROOT = Path(__file__).resolve().parents[2]
OFFER = offered()
PLACE = Path("somewhere")
REFUSED = list(sandbox_attempts.refused_things(PLACE, 0))
FILTERED = list(sandbox_attempts.filtered_things(PLACE))
ALLOWED = list(sandbox_attempts.allowed_things(PLACE))
FORBIDDEN = {"EACCES", "EPERM", "EXDEV"}

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux has it")
needs_landlock = pytest.mark.skipif(
    not OFFER.protects_files, reason=f"the kernel offers Landlock {OFFER.landlock}, not 2 or more"
)
needs_seccomp = pytest.mark.skipif(
    not OFFER.has_seccomp, reason="the kernel takes no filter of ours on this machine"
)


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """Return the port of a TCP server on this computer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def place_in(tmp_path: Path) -> Path:
    """Make a home with a secret, an input and a folder for outputs."""
    for folder in ("in", "out", "secret", "home/.ssh"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("in/a.txt", "in-and-more", "secret/key", "home/.ssh/id"):
        (tmp_path / file).write_text("x", encoding="ascii")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret" / "key")
    return tmp_path


def tried(place: Path, port: int, version: int = 0) -> dict[str, str]:
    """Return how each attempt of a confined process ended."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(place / "home")}
    program = [sys.executable, sandbox_attempts.__file__, str(place), str(port), str(version)]
    printed = subprocess.run(
        program, env=environment, cwd=place, check=True, capture_output=True, timeout=60
    ).stdout
    answers: dict[str, str] = json.loads(printed)
    return answers


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, server: int) -> dict[str, str]:
    """Return how each attempt ended in a sandbox of all that this kernel offers."""
    return tried(place_in(tmp_path_factory.mktemp("confined")), server)


@needs_landlock
@pytest.mark.parametrize("thing", REFUSED)
def test_a_confined_worker_cannot(answers: dict[str, str], thing: str) -> None:
    assert answers[thing] in FORBIDDEN


@needs_seccomp
@pytest.mark.parametrize("thing", FILTERED)
def test_with_the_filter_a_confined_worker_cannot(answers: dict[str, str], thing: str) -> None:
    assert answers[thing] == "EPERM"


@needs_landlock
@pytest.mark.parametrize("thing", ALLOWED)
def test_a_confined_worker_can(answers: dict[str, str], thing: str) -> None:
    assert answers[thing] == "done"


@needs_landlock
def test_the_thread_that_waits_for_the_parents_end_is_in_the_sandbox(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=sandbox_attempts.list_privileges, args=(tmp_path, theirs))
    child.start()
    assert ours.poll(60)
    assert json.loads(ours.recv_bytes()) == [True, True]
    child.join(60)
    assert child.exitcode == 0


@needs_landlock
@pytest.mark.parametrize("version", [2, 3, 4, 5, 6])
def test_an_older_landlock_protects_what_it_can(tmp_path: Path, server: int, version: int) -> None:
    if version > OFFER.landlock:
        pytest.skip(f"the kernel offers Landlock {OFFER.landlock}")
    found = tried(place_in(tmp_path), server, version)
    refused = set(REFUSED)
    if version < 4:
        refused -= {"connect by TCP"}
    if version < 6:
        refused -= {"end its parent"}
    assert {thing for thing in REFUSED if found[thing] in FORBIDDEN} == refused
    assert {found[thing] for thing in ALLOWED} == {"done"}


def test_no_version_of_landlock_is_asked_for_what_it_does_not_know() -> None:
    known = [landlock.handled(version) for version in (1, 2, 3, 4, 5, 6, 7, 99)]
    counts = [forbidden.files.bit_count() for forbidden in known]
    assert counts == [13, 14, 15, 15, 16, 16, 16, 16]
    assert [forbidden.tcp for forbidden in known] == [0, 0, 0, 3, 3, 3, 3, 3]
    assert [forbidden.scopes for forbidden in known] == [0, 0, 0, 0, 0, 3, 3, 3]


# ---- the filter, read as the kernel reads it, for both machines

ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x50001, 0x50026
PID = 4321


def answer(machine: str, number: int, first: int = 0, audit: int | None = None) -> int:
    """Run the filter of a machine on one system call."""
    meant, column = seccomp.MACHINES[machine]
    code = seccomp.program(meant, column, PID, may_change_modes=False)
    steps = [struct.unpack_from("HBBI", code, at) for at in range(0, len(code), 8)]
    packet = {0: number, 4: meant if audit is None else audit, 16: first}
    at = loaded = 0
    while True:
        kind, then, otherwise, operand = steps[at]
        if kind == 0x06:
            return int(operand)
        if kind == 0x20:
            loaded, is_so = packet[operand], None
        else:
            is_so = {
                0x15: loaded == operand,
                0x35: loaded >= operand,
                0x45: bool(loaded & operand),
            }[kind]
        at += 1 + (0 if is_so is None else then if is_so else otherwise)


@pytest.mark.parametrize(
    ("machine", "calls"),
    [
        ("x86_64", {"openat": 257, "socket": 41, "kill": 62, "clone": 56, "prlimit": 302}),
        ("aarch64", {"openat": 56, "socket": 198, "kill": 129, "clone": 220, "prlimit": 261}),
    ],
)
def test_the_filter_means_the_right_calls(machine: str, calls: dict[str, int]) -> None:
    assert answer(machine, calls["openat"]) == ALLOW
    assert answer(machine, calls["socket"]) == EPERM
    assert answer(machine, calls["kill"], PID) == ALLOW
    assert answer(machine, calls["kill"], PID + 1) == EPERM
    assert answer(machine, calls["kill"], 0) == EPERM
    assert answer(machine, calls["prlimit"], 0) == ALLOW
    assert answer(machine, calls["prlimit"], PID + 1) == EPERM
    assert answer(machine, calls["clone"], 0x3D0F00) == ALLOW  # a thread
    assert answer(machine, calls["clone"], 0x1200011) == EPERM  # a process
    assert answer(machine, 435) == ENOSYS
    assert answer(machine, calls["openat"], audit=0x40000003) == EPERM  # as a 32-bit process
    assert answer(machine, 0x40000000 + calls["openat"]) == EPERM


# ---- which jobs, and with what

RESIZE = Pipeline("Shrink", (Step("images.resize", {"width": 64}),))
OWN = Pipeline("Own", (Step("user.process", file=Path("/code/clean.py")),))
SWEEP = Sweep(Path("/code/f.py"), "f", (Axis("n", 0, 3),))


@pytest.mark.parametrize(
    ("spec", "is_confined"),
    [
        (JobSpec(PLACE, RESIZE), True),
        (JobSpec(PLACE, RESIZE, sandboxed=False), False),
        (JobSpec(PLACE, OWN), False),
        (JobSpec(PLACE, OWN, sandboxed=True), True),
        (JobSpec(PLACE, sweep=SWEEP), False),
        (JobSpec(PLACE, sweep=SWEEP, sandboxed=True), True),
    ],
)
def test_own_code_runs_in_a_sandbox_only_when_asked_for(spec: JobSpec, is_confined: bool) -> None:
    assert is_sandboxed(spec) is is_confined


def test_a_kernel_that_offers_nothing_means_no_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    monkeypatch.setattr(seccomp, "is_offered", lambda: False)
    assert sandbox_of(JobSpec(PLACE, RESIZE), (), PLACE) is None
    assert sandbox.enter(Sandbox((), (), tmp_path / "t"), offered()) == (0, False)
    assert Path(tempfile.gettempdir()) == tmp_path / "t"


@pytest.mark.parametrize(
    ("words", "sandboxed"), [((), None), (("--sandbox",), True), (("--no-sandbox",), False)]
)
def test_the_command_line_leaves_the_choice_open_unless_told(
    words: tuple[str, ...], sandboxed: bool | None
) -> None:
    run = parse(["run", "shrink", "photos", *words])
    swept = parse(["map", "f.py:f", "--over", "n=0:3", *words])
    assert isinstance(run, RunOptions)
    assert isinstance(swept, MapOptions)
    assert run.limits.sandboxed is swept.limits.sandboxed is sandboxed


@needs_landlock
def test_a_sandbox_holds_inputs_output_and_own_code(everycore_home: Path) -> None:
    plain = sandbox_of(JobSpec(PLACE, RESIZE), (Path("/a"), Path("/b"), Path("/a")), PLACE / "t")
    assert plain == Sandbox((Path("/a"), Path("/b")), (PLACE,), PLACE / "t")
    own = sandbox_of(JobSpec(PLACE, OWN, sandboxed=True), (Path("/a"),), PLACE / "t")
    kept = everycore_home / "config" / "own_code"
    readable = (Path("/a"), Path("/code"))
    assert own == Sandbox(readable, (PLACE, kept), PLACE / "t", has_own_code=True)
    swept = sandbox_of(JobSpec(PLACE, sweep=SWEEP, sandboxed=True), (), PLACE / "t")
    assert swept == Sandbox((Path("/code"),), (kept,), PLACE / "t", has_own_code=True)


def test_known_inputs_do_not_change_a_sandbox() -> None:
    before = Sandbox((Path("/a"), Path("/code")), (), PLACE)
    assert with_inputs(before, (Path("/a"),), is_in_place=False) == before
    more = with_inputs(before, (Path("/a"), Path("/b")), is_in_place=False)
    assert Path("/b") in more.readable
    assert more.writable == ()


def test_inputs_are_writable_only_where_outputs_take_their_places(tmp_path: Path) -> None:
    file = tmp_path / "photos" / "a.jpg"
    file.parent.mkdir()
    file.touch()
    in_place = JobSpec(PLACE, RESIZE, is_in_place=True)
    chosen = sandbox_of(in_place, (file,), PLACE / "t")
    assert chosen is not None
    assert chosen.writable == (PLACE, file.parent)
    more = with_inputs(chosen, (file, tmp_path), is_in_place=True)
    assert more.writable == (PLACE, file.parent, tmp_path)


@needs_linux
def test_neither_home_nor_the_current_folder_is_readable_because_python_searches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here, packages = tmp_path / "home", tmp_path / "here", tmp_path / "home" / "packages"
    for folder in (here, packages):
        folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    searched = ["", str(tmp_path), str(home), str(here), str(packages)]
    monkeypatch.setattr(sys, "path", searched)
    found = python_places()
    assert str(packages) in found
    assert not {str(tmp_path), str(home), str(here)} & set(found)


def test_a_setup_crosses_the_process_boundary_with_its_sandbox(tmp_path: Path) -> None:
    chosen = Sandbox((tmp_path / "in\udce9",), (tmp_path,), tmp_path / "t", (tmp_path / "x",))
    setup = Setup(JobId("job"), OnExisting.SKIP, RESIZE, None, (), sandbox=chosen)
    assert decode(encode(setup)) == setup


def test_the_spec_of_an_older_journal_is_read() -> None:
    spec = JobSpec(Path("/out"), RESIZE)
    fields = msgspec.msgpack.decode(to_bytes(spec))
    del fields["sandboxed"]
    assert decoded(msgspec.msgpack.encode(fields), JobSpec) == spec


@needs_linux
def test_the_trash_of_the_homes_volume_is_the_persons_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    trash = tmp_path / "share" / "Trash"
    assert trash_places(tmp_path) == (trash / "files", trash / "info")


# ---- workers that were told too little


def test_outdated_workers_leave_and_others_come() -> None:
    scheduler = Scheduler(target=1)
    assert scheduler.handle(TasksOffered((TaskId(1), TaskId(2))), 0.0) == [StartWorker()]
    scheduler.worker_started(WorkerId(1))
    scheduler.handle(WorkerReady(WorkerId(1)), 0.0)
    assert scheduler.handle(WorkersOutdated(), 0.0) == [RetireWorker(WorkerId(1))]
