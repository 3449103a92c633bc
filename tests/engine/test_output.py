"""Output names, staging and publishing on a real disk."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from workers.job import JobId, OnExisting, TaskId
from workers.no_clobber import move_if_free
from workers.outcome import Failure, FailureKind, Skip
from workers.output import (
    Staging,
    output_failure,
    stops_job,
)
from workers.publishing import Ours, publish

JOB = JobId("20250101-120000-holiday-1a2b")
ROOT = Path("/in/Holiday")

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def staging(output: Path) -> Staging:
    staging = Staging(output, JOB)
    assert staging.prepare() is None
    return staging


def written(staging: Staging, content: bytes = b"new", task: int = 1) -> Path:
    temp = staging.target(TaskId(task), 1, ".jpg")
    temp.write_bytes(content)
    return temp


@needs_posix
def test_staging_is_private_whatever_the_umask(output: Path) -> None:
    mask = os.umask(0)
    try:
        Staging(output, JOB).prepare()
    finally:
        os.umask(mask)

    assert stat.S_IMODE((output / f".everycore-{JOB}").stat().st_mode) == 0o700


def test_staging_names_are_ascii_and_end_in_the_suffix(staging: Staging) -> None:
    target = staging.target(TaskId(7), 2, ".su é/mmary.csv")

    assert target.name.isascii()
    assert target.name.endswith("mmary.csv")
    assert target.parent.name == f".everycore-{JOB}"


def test_disk_is_asked_which_names_it_takes_for_one(
    output: Path, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test disk here folds names, so the look at it is what folds them."""
    is_telling_apart = not (output / f".EVERYCORE-{JOB}").exists()
    assert staging.folds_names() is not is_telling_apart
    there = os.path.lexists

    def folding(path: Path) -> bool:
        names = {file.name.casefold() for file in path.parent.iterdir()}
        return there(path) or path.name.casefold() in names

    monkeypatch.setattr(os.path, "lexists", folding)
    assert staging.folds_names()
    assert list((output / f".everycore-{JOB}").iterdir()) == []


def test_staging_starts_empty_and_leaves_nothing(output: Path, staging: Staging) -> None:
    written(staging)
    assert staging.prepare() is None
    assert list((output / f".everycore-{JOB}").iterdir()) == []

    staging.remove()

    assert list(output.iterdir()) == []


@needs_posix
def test_a_link_in_place_of_the_staging_folder_is_not_followed(
    tmp_path: Path, output: Path
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").touch()
    output.mkdir()
    (output / f".everycore-{JOB}").symlink_to(victim)

    assert Staging(output, JOB).prepare() is None

    assert not (output / f".everycore-{JOB}").is_symlink()
    assert (victim / "precious").exists()


def test_an_output_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    failure = Staging(tmp_path / "file" / "out", JOB).prepare()

    assert failure is not None
    assert failure.kind is FailureKind.OUTPUT_FAILED
    assert "file" in failure.message
    assert failure.message.endswith(".")


def test_an_output_stands_under_its_name_and_the_temporary_is_gone(
    output: Path, staging: Staging
) -> None:
    temp = written(staging)
    final = output / "sub" / "deep" / "a.jpg"

    assert publish(temp, final, OnExisting.SKIP) == final

    assert final.read_bytes() == b"new"
    assert not temp.exists()


@needs_posix
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_an_output_has_the_permissions_of_a_new_file(
    output: Path, staging: Staging, mask: int, mode: int
) -> None:
    temp = written(staging)
    temp.chmod(0o755)
    before = os.umask(mask)
    try:
        publish(temp, output / "a.jpg", OnExisting.SKIP)
    finally:
        os.umask(before)

    assert stat.S_IMODE((output / "a.jpg").stat().st_mode) == mode


def test_an_operation_that_wrote_nothing_has_failed(output: Path, staging: Staging) -> None:
    missing = publish(staging.target(TaskId(1), 1, ".jpg"), output / "a.jpg", OnExisting.SKIP)
    empty = publish(written(staging, b""), output / "a.jpg", OnExisting.SKIP)

    assert missing == empty
    assert isinstance(empty, Failure)
    assert (empty.kind, empty.message) == (
        FailureKind.OPERATION_FAILED,
        "The operation wrote nothing.",
    )
    assert not (output / "a.jpg").exists()


def test_an_existing_output_is_kept(output: Path, staging: Staging) -> None:
    (output / "a.jpg").write_bytes(b"old")
    temp = written(staging)

    assert isinstance(publish(temp, output / "a.jpg", OnExisting.SKIP), Skip)

    assert (output / "a.jpg").read_bytes() == b"old"
    assert not temp.exists()


def test_an_output_beside_existing_ones_is_numbered(output: Path, staging: Staging) -> None:
    for name in ("a.jpg", "a (2).jpg"):
        (output / name).write_bytes(b"old")

    published = publish(written(staging), output / "a.jpg", OnExisting.RENAME)

    assert published == output / "a (3).jpg"
    assert (output / "a.jpg").read_bytes() == (output / "a (2).jpg").read_bytes() == b"old"


@needs_linux
def test_a_replaced_file_goes_to_the_trash(output: Path, staging: Staging, trash: Path) -> None:
    (output / "a.jpg").write_bytes(b"old")

    assert publish(written(staging), output / "a.jpg", OnExisting.REPLACE) == output / "a.jpg"

    assert (output / "a.jpg").read_bytes() == b"new"
    assert [file.read_bytes() for file in (trash / "files").iterdir()] == [b"old"]


@needs_linux
def test_without_a_trash_the_replaced_file_stays_beside(
    output: Path, staging: Staging, trash: Path
) -> None:
    trash.write_bytes(b"a file where the trash should be")
    for content in (b"old", b"older"):
        (output / "a.jpg").write_bytes(content)
        assert publish(written(staging), output / "a.jpg", OnExisting.REPLACE) == output / "a.jpg"

    kept = {file.name: file.read_bytes() for file in output.glob("*.jpg")}
    assert kept == {
        "a.jpg": b"new",
        "a (before Everycore).jpg": b"old",
        "a (before Everycore) (2).jpg": b"older",
    }


@needs_linux
def test_files_of_one_name_replaced_at_once_all_reach_the_trash(
    output: Path, staging: Staging, trash: Path
) -> None:
    finals = [output / str(number) / "a.jpg" for number in range(12)]
    temps = [written(staging, b"new", number) for number in range(12)]
    for number, final in enumerate(finals):
        final.parent.mkdir()
        final.write_bytes(b"old %d" % number)

    threads = [
        threading.Thread(target=publish, args=(temp, final, OnExisting.REPLACE))
        for temp, final in zip(temps, finals, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {file.read_bytes() for file in (trash / "files").iterdir()} == {
        b"old %d" % n for n in range(12)
    }


@pytest.mark.parametrize("on_existing", OnExisting)
def test_an_earlier_attempt_of_the_task_is_replaced(
    output: Path, staging: Staging, on_existing: OnExisting
) -> None:
    final = output / "a.jpg"
    final.write_bytes(b"earlier attempt")
    since = final.stat().st_mtime_ns

    assert publish(written(staging), final, on_existing, Ours(since_ns=since)) == final

    assert final.read_bytes() == b"new"
    assert [file.name for file in output.glob("*.jpg")] == ["a.jpg"]


def test_a_file_older_than_the_job_is_no_earlier_attempt(output: Path, staging: Staging) -> None:
    final = output / "a.jpg"
    final.write_bytes(b"old")
    since = final.stat().st_mtime_ns + 1

    assert isinstance(publish(written(staging), final, OnExisting.SKIP, Ours(since_ns=since)), Skip)


def test_a_numbered_name_may_be_another_tasks_and_is_not_replaced(
    output: Path, staging: Staging
) -> None:
    final = output / "a (2).jpg"
    final.write_bytes(b"another task's")

    published = publish(written(staging), final, OnExisting.RENAME, Ours(since_ns=0))

    assert final.read_bytes() == b"another task's"
    assert isinstance(published, Path)
    assert published.read_bytes() == b"new"


@pytest.mark.parametrize("on_existing", OnExisting)
def test_a_folder_in_the_way_is_never_replaced(
    output: Path, staging: Staging, on_existing: OnExisting
) -> None:
    (output / "a.jpg").mkdir()
    (output / "a.jpg" / "inside").touch()

    failure = publish(written(staging), output / "a.jpg", on_existing, Ours(since_ns=0))

    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.OUTPUT_FAILED
    assert (output / "a.jpg" / "inside").exists()


def test_of_many_that_publish_one_name_each_keeps_its_content(
    output: Path, staging: Staging
) -> None:
    contents = {b"%d" % number for number in range(16)}
    temps = [written(staging, content, int(content)) for content in contents]

    threads = [
        threading.Thread(target=publish, args=(temp, output / "a.jpg", OnExisting.RENAME))
        for temp in temps
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {file.read_bytes() for file in output.glob("*.jpg")} == contents


def test_an_output_folder_that_is_gone_stops_the_job(output: Path, staging: Staging) -> None:
    temp = written(staging)
    output.rename(output.with_name("moved"))

    failure = publish(temp, output / "a.jpg", OnExisting.SKIP)

    assert isinstance(failure, Failure)
    assert failure.message == f"The output folder {output} is gone."
    assert stops_job(failure)
    assert not output.exists()


@needs_posix
def test_a_file_where_a_folder_belongs_fails_that_output_alone(
    output: Path, staging: Staging
) -> None:
    (output / "sub").touch()

    failure = publish(written(staging), output / "sub" / "a.jpg", OnExisting.SKIP)

    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.OUTPUT_FAILED
    assert not stops_job(failure)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_takes_nothing_more_stops_the_job(tmp_path: Path, code: int) -> None:
    failure = output_failure(tmp_path, OSError(code, os.strerror(code)))

    assert stops_job(failure)
    assert str(tmp_path) in failure.message


def test_a_name_that_the_disk_refuses_fails_that_output_alone(tmp_path: Path) -> None:
    failure = output_failure(tmp_path, OSError(errno.ENAMETOOLONG, "File name too long"))

    assert not stops_job(failure)


@needs_posix
def test_a_name_that_is_no_utf8_is_published(output: Path, staging: Staging) -> None:
    final = output / os.fsdecode(b"caf\xe9\n.jpg")

    if sys.platform == "linux":
        assert publish(written(staging), final, OnExisting.SKIP) == final
    assert "\n" not in output_failure(final, OSError(errno.EACCES, "no")).message


@needs_linux
def test_where_the_kernel_cannot_rename_without_replacing_links_do(
    output: Path, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.no_clobber._renamed_by_linux", _no_rename)
    first, second = written(staging, b"1", 1), written(staging, b"2", 2)

    assert move_if_free(first, output / "a.jpg")
    assert not move_if_free(second, output / "a.jpg")

    assert (output / "a.jpg").read_bytes() == b"1"
    assert not first.exists()
    assert second.exists()


def _no_rename() -> None:
    return None


_PUBLISHER = """
import sys
from pathlib import Path
from workers.job import JobId, OnExisting, TaskId
from workers.output import Staging
from workers.publishing import publish
output = Path(sys.argv[1])
staging = Staging(output, JobId("kill"))
staging.prepare()
print("ready", flush=True)
for number in range(100_000):
    temp = staging.target(TaskId(number), 1, ".bin")
    temp.write_bytes(b"x" * 100_000)
    publish(temp, output / f"{number % 50}" / f"{number}.bin", OnExisting.SKIP)
    print(number, flush=True)
"""


def test_kill_at_any_moment_leaves_only_whole_outputs(tmp_path: Path) -> None:
    for round_number in range(4):
        output = tmp_path / str(round_number)
        process = subprocess.Popen(
            [sys.executable, "-c", _PUBLISHER, str(output)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        for _ in range(3 + 5 * round_number):
            process.stdout.readline()
        process.kill()
        process.wait()
        process.stdout.close()

        sizes = {file.stat().st_size for file in output.glob("[0-9]*/*.bin")}
        assert sizes == {100_000}


@needs_posix
def test_a_file_size_limit_is_a_failure_and_nothing_partial_stands(
    output: Path, staging: Staging
) -> None:
    """Stand in for a full disk: the write fails half way, the caller asks for the sentence."""
    import resource  # Windows has none

    temp = staging.target(TaskId(1), 1, ".jpg")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            temp.write_bytes(b"x" * 20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert output_failure(output, caught.value).message.startswith("The output is too large")
    assert list(output.glob("*.jpg")) == []
