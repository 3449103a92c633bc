"""A watch in its process: what it tells of new, changed, moved and deleted files, and when."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue

import msgspec
import pytest

from workers import programs
from workers.found_files import FoundFile
from workers.job import InputFilter
from workers.search import Search, Written, news_of
from workers.search_program import LENGTH, Request
from workers.watching import News, Pace

PATIENCE_S = 60.0
QUICK = Pace(settle_s=0.4, rescan_s=0.4, word_s=0.05)
# Nothing but events tells within a test; and nothing but a rescan does.
EVENTS_ALONE = Pace(settle_s=0.4, rescan_s=1000.0, word_s=0.05)
RESCAN_ALONE = Pace(settle_s=0.4, rescan_s=0.2, word_s=0.05, has_events=False)


class Watched:
    """A real watch of folders, and all that it told of."""

    def __init__(self, paths: Sequence[Path], pace: Pace, left_out: Sequence[Path]) -> None:
        self.files: list[FoundFile] = []
        self.missing: list[tuple[Path, ...]] = []
        self._news: SimpleQueue[News | None] = SimpleQueue()
        self.search = Search(
            paths, InputFilter(), left_out=left_out, pace=pace, deliver=self._deliver
        )
        self.search.start()

    def _deliver(self, search: Search, written: Written | None) -> None:
        self._news.put(None if written is None else news_of(written))
        search.taken()

    def next(self) -> News:
        """Wait for the next word."""
        news = self._news.get(timeout=PATIENCE_S)
        assert news is not None, "the watch ended"
        self.files += news.files
        if news.missing is not None:
            self.missing.append(news.missing)
        return news

    def until(self, is_true: Callable[[], bool]) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not is_true():
            assert time.monotonic() < give_up, f"waited in vain; told of {self.names()}"
            self.next()

    def until_all_told(self) -> None:
        while not self.next().is_all_told:
            pass

    def until_told_of(self, *names: str) -> None:
        self.until(lambda: set(names) <= set(self.names()))

    def words_for(self, seconds: float) -> None:
        """Listen for so long: whatever was to be told of by then is."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end)

    def names(self) -> list[str]:
        return [file.relative for file in self.files]


Watching = Callable[..., Watched]


@pytest.fixture
def watch(folder: Path) -> Iterator[Watching]:
    """Return what begins to watch the folder; at the end it watches no more."""
    begun: list[Watched] = []

    def begin(pace: Pace = QUICK, *, left_out: Sequence[Path] = ()) -> Watched:
        watched = Watched([folder], pace, left_out)
        begun.append(watched)
        watched.until_all_told()
        return watched

    yield begin
    for watched in begun:
        watched.search.stop()


def write(file: Path, words: str, *, age_s: float = 0.0) -> Path:
    """Write a file; it was changed so long ago."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(words, encoding="utf-8")
    if age_s:
        then = time.time() - age_s
        os.utime(file, (then, then))
    return file


def test_watch_tells_first_of_all_that_is_there(folder: Path, watch: Watching) -> None:
    for number in range(3):
        write(folder / f"{number}.txt", "old", age_s=60)
    assert watch().names() == ["0.txt", "1.txt", "2.txt"]


def test_file_that_was_dropped_twice_is_told_of_once(folder: Path) -> None:
    inner = write(folder / "deep" / "a.txt", "old", age_s=60)
    watched = Watched([inner, folder], QUICK, ())
    watched.until_all_told()
    watched.search.stop()
    assert [file.path for file in watched.files] == [inner]


def test_file_that_was_just_written_is_told_of_once_it_has_settled(
    folder: Path, watch: Watching
) -> None:
    write(folder / "fresh.txt", "fresh")
    watched = watch(Pace(settle_s=1.0, rescan_s=0.2, word_s=0.05))
    assert watched.names() == []
    watched.until_told_of("fresh.txt")


@pytest.mark.parametrize("pace", [EVENTS_ALONE, RESCAN_ALONE], ids=["events", "rescan"])
def test_new_file_is_told_of_once(folder: Path, watch: Watching, pace: Pace) -> None:
    watched = watch(pace)
    watched.next()
    write(folder / "new.txt", "new")
    watched.until_told_of("new.txt")
    watched.words_for(1.0)
    assert watched.names() == ["new.txt"]


def test_file_that_grows_slowly_is_told_of_once_and_whole(folder: Path, watch: Watching) -> None:
    watched = watch()
    with (folder / "slow.txt").open("w", encoding="utf-8") as file:
        for _ in range(40):  # two seconds: five times as long as it takes to settle
            file.write("more")
            file.flush()
            watched.next()
    watched.until_told_of("slow.txt")
    watched.words_for(1.0)
    assert [(file.relative, file.size) for file in watched.files] == [("slow.txt", 160)]


def test_file_that_changes_is_told_of_again(folder: Path, watch: Watching) -> None:
    write(folder / "a.txt", "first", age_s=60)
    watched = watch()
    write(folder / "a.txt", "second time")
    watched.until(lambda: len(watched.files) > 1)
    assert [file.size for file in watched.files] == [5, 11]


@pytest.mark.parametrize("name", ["a.jpg.part", "A.CRDOWNLOAD", "~$a.docx", ".~lock.a.odt#"])
def test_unfinished_download_is_not_told_of_until_it_has_its_name(
    folder: Path, watch: Watching, name: str
) -> None:
    write(folder / "old.tmp", "left behind", age_s=60)
    watched = watch()
    unfinished = write(folder / name, "whole")
    watched.words_for(1.0)
    assert watched.names() == []
    unfinished.rename(folder / "a.jpg")
    watched.until_told_of("a.jpg")
    assert watched.names() == ["a.jpg"]


def test_file_that_takes_the_inode_of_a_deleted_one_is_told_of(
    folder: Path, watch: Watching
) -> None:
    old = write(folder / "old.txt", "old", age_s=60)
    watched = watch()
    number = old.stat().st_ino
    old.rename(folder / "new.txt")  # the same inode under a new name, as after a reuse
    watched.until_told_of("new.txt")
    assert watched.files[-1].number == number


def test_deleted_file_is_not_told_of_and_harms_nothing(folder: Path, watch: Watching) -> None:
    write(folder / "old.txt", "old", age_s=60)
    watched = watch()
    (folder / "old.txt").unlink()
    write(folder / "short-lived.txt", "x").unlink()
    write(folder / "new.txt", "new")
    watched.until_told_of("new.txt")
    assert watched.names() == ["old.txt", "new.txt"]


def test_folder_that_is_moved_in_is_told_of_with_all_below(
    folder: Path, watch: Watching, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere / "a.txt", "a", age_s=60)
    write(elsewhere / "deep" / "b.txt", "b", age_s=60)
    watched = watch(EVENTS_ALONE)
    watched.next()
    elsewhere.rename(folder / "in")
    watched.until_told_of(str(Path("in", "a.txt")), str(Path("in", "deep", "b.txt")))


@pytest.mark.parametrize("pace", [EVENTS_ALONE, RESCAN_ALONE], ids=["events", "rescan"])
def test_output_and_staging_folders_inside_are_not_looked_at(
    folder: Path, watch: Watching, pace: Pace
) -> None:
    watched = watch(pace, left_out=[folder / "out"])
    watched.next()
    write(folder / "out" / "made.txt", "made")  # the folder comes after the watch began
    write(folder / ".everycore-job" / "half.txt", "half")
    write(folder / "new.txt", "new")
    watched.until_told_of("new.txt")
    write(folder / "out" / "later.txt", "later")  # by now its folder has events of its own
    write(folder / "last.txt", "last")
    watched.until_told_of("last.txt")
    watched.words_for(1.0)
    assert watched.names() == ["new.txt", "last.txt"]


def test_watch_goes_on_when_its_folder_comes_back(
    folder: Path, watch: Watching, tmp_path: Path
) -> None:
    write(folder / "old.txt", "old", age_s=60)
    watched = watch()
    unplugged = folder.rename(tmp_path / "unplugged")
    watched.until(lambda: watched.missing == [(folder,)])
    watched.words_for(1.0)
    unplugged.rename(folder)
    watched.until(lambda: watched.missing == [(folder,), ()])
    write(folder / "new.txt", "new")
    watched.until_told_of("new.txt")
    assert watched.names() == ["old.txt", "new.txt"]


def test_folder_that_is_missing_at_the_start_is_no_file(
    folder: Path, watch: Watching, tmp_path: Path
) -> None:
    folder.rename(tmp_path / "unplugged")
    watched = watch()
    assert (watched.names(), watched.missing) == ([], [(folder,)])


def test_watch_whose_events_broke_still_finds_what_comes(folder: Path, watch: Watching) -> None:
    watched = watch()
    # No event of this name can be told as text; whatever that breaks, the rescan mends.
    (folder / os.fsdecode(b"not-text-\xff")).write_bytes(b"x")
    write(folder / "new.txt", "new")
    watched.until_told_of("new.txt", os.fsdecode(b"not-text-\xff"))
    assert len(watched.files) == 2


def test_watch_says_a_word_while_there_is_nothing_to_say(watch: Watching) -> None:
    watched = watch(Pace(word_s=0.05))
    watched.words_for(1.0)
    assert watched.search.silent_s() < 1.0


def test_watch_ends_soon_after_nobody_listens(folder: Path) -> None:
    program = subprocess.Popen(
        programs.command(programs.SEARCH), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert program.stdin is not None
    assert program.stdout is not None
    request: Request = [os.fsencode(folder)], (True, [], []), [], QUICK
    program.stdin.write(msgspec.msgpack.encode(request))
    program.stdin.close()
    assert program.stdout.read(LENGTH.size)
    program.stdout.close()
    assert program.wait(PATIENCE_S) == 1
