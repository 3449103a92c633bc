"""The searches of the open job, its watch among them. Belongs to the engine's thread."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from workers.errors import JobRefused
from workers.found_files import KnownFiles
from workers.job import InputFilter, JobSpec
from workers.search import Search, Written, news_of
from workers.watching import News, Pace
from workers.wording import printable

# A search that was killed, as for memory, is begun again so often.
LOSSES_MOST: Final = 2
LONG_LIFE_S: Final = 60.0
# A search says something a few times a second, unless its drive does not answer.
SILENT_S: Final = 5.0
PACE: Final = Pace()


class Searches:
    """Those that have not ended, and what they found."""

    def __init__(self, deliver: Callable[[Search, Written | None], None]) -> None:
        """Begin with none; `deliver` is called on threads of theirs."""
        self._deliver = deliver
        self._running: list[Search] = []
        self._known = KnownFiles()
        self._losses = 0

    def __bool__(self) -> bool:
        return bool(self._running)

    def __contains__(self, search: Search) -> bool:
        return search in self._running

    @property
    def is_watching(self) -> bool:
        """Say whether one of them watches: it does not end by itself."""
        return any(search.is_watching for search in self._running)

    @property
    def is_discovering(self) -> bool:
        """Say whether something that was dropped is still being looked for."""
        return any(not search.is_over for search in self._running)

    @property
    def is_given_up(self) -> bool:
        """Say whether a search was killed so often that none goes on with it."""
        return self._losses > LOSSES_MOST

    def begin(
        self,
        paths: Sequence[Path],
        chosen: InputFilter,
        spec: JobSpec | None,
        *,
        is_comparing: bool = False,
    ) -> None:
        """Search, or watch if the spec says so; JobRefused where no process can be started."""
        search = Search(
            paths,
            chosen,
            left_out=(spec.output,) if spec is not None and not spec.is_in_place else (),
            pace=PACE if spec is not None and spec.is_watching else None,
            is_comparing=is_comparing,
            deliver=self._deliver,
        )
        try:
            search.start()
        except OSError as error:
            raise JobRefused(f"No search can be started: {error.strerror or error}.") from error
        self._running.append(search)

    def stop(self) -> None:
        """Stop all, and forget what they found."""
        for search in self._running:
            search.stop()
        self._running.clear()
        self._known = KnownFiles()
        self._losses = 0

    def end(self, search: Search) -> bool:
        """Take out a search that has ended; say whether another has to go on with it."""
        self._running.remove(search)
        if search.age_s() > LONG_LIFE_S:  # a watch may live for months
            self._losses = 0
        self._losses += search.is_lost
        return search.is_lost and not self.is_given_up

    def news(self, written: Written, search: Search) -> News:
        """Return what a search tells of, each file once.

        To a watch a file is its path: a new one may have the inode of one that was deleted.
        """
        news = news_of(written)
        if search.is_watching:
            return news
        return replace(news, files=self._known.new_of(news.files))

    def silence(self) -> str:
        """Return a sentence while a drive does not answer; whatever lies elsewhere goes on."""
        silent = [search for search in self._running if search.silent_s() > SILENT_S]
        return f"{printable(silent[0].paths[0].name)} does not answer." if silent else ""
