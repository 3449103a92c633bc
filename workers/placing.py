"""From a finished temporary file to an output: what it is called and whose place it takes.

Runs in workers.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from workers import in_place
from workers.folder_publishing import publish_folder
from workers.in_place import keeps_name
from workers.messages import RunFile, Setup
from workers.name_template import filled_in, is_late
from workers.operations import FOLDER, Companion, companion_path
from workers.operations.input_file import InputFile
from workers.outcome import Failure, Skip, Success
from workers.output_names import fitted
from workers.publishing import KEPT, Ours, checked, name_before, publish
from workers.wording import count_words, printable, size_words

_SHOWN_MOST: Final = 3


class Made(NamedTuple):
    """A temporary file, and what is to become of it; `outdated` outputs give way to it.

    `beside` it lie others, which go to names after its own. One that `is_salvaged` is better than
    its input, which is damaged, whatever they weigh.
    """

    setup: Setup
    request: RunFile
    target: Path
    suffix: str
    outdated: tuple[Path, ...]
    beside: tuple[Companion, ...] = ()
    is_salvaged: bool = False

    @property
    def is_folder(self) -> bool:
        """Say whether it is a folder of files instead of one."""
        return FOLDER in self.beside

    @property
    def written(self) -> tuple[Path, ...]:
        """Return all temporary files, the main one first; of a folder its files, then itself."""
        if self.is_folder:
            staged = companion_path(self.target, FOLDER)
            return (*sorted(staged.iterdir()), staged) if staged.is_dir() else ()
        return (self.target, *(companion_path(self.target, each) for each in self.beside))


def place(made: Made, source: InputFile) -> Success | Failure | Skip:
    """Give the file its final name, as the job says; raises OSError when a disk refuses it."""
    if made.is_folder:
        return _put_folder(made, source)
    words, whole = "", made
    may_keep = made.setup.only_smaller and not made.is_salvaged
    if may_keep and (words := _not_smaller(made.target, source)):
        if made.setup.is_in_place:
            return Skip(words)
        made = _copied(made, source)
    try:
        outcome = _put_in_place(made, source) if made.setup.is_in_place else _put(made, source)
    finally:
        with suppress(OSError):
            made.target.unlink()
    if made.beside and isinstance(outcome, Success):
        placed = _place_beside(whole, source, outcome)
        if isinstance(placed, Failure):
            return placed
        outcome = placed
    if isinstance(outcome, Success) and words:
        return replace(outcome, warning=" ".join(filter(None, (words, outcome.warning))))
    return outcome


def _put_folder(made: Made, source: InputFile) -> Success | Failure | Skip:
    """Give a folder of files its name; files of it whose names are taken are left out."""
    planned = companion_path(_with_suffix(made.request.planned, made.suffix), FOLDER)
    # It may have had to take a number then.
    final = made.outdated[0].parent if made.outdated else planned
    staged = companion_path(made.target, FOLDER)
    published = publish_folder(staged, final, made.setup.on_existing, _ours(made, source))
    if isinstance(published, Failure):
        return published
    if not published.outputs:
        return Skip(KEPT)
    checks = tuple(checked(output) for output in published.outputs)
    gone = [path for path in made.outdated if path not in published.outputs and path.exists()]
    words = [
        f"{count_words(len(paths), 'file')} {said}: {_named(paths)}."
        for paths, said in (
            (published.kept, "of before the job kept"),
            (gone, "of an earlier job left, whose values are no more"),
        )
        if paths
    ]
    return Success(
        published.outputs, sum(each.size for each in checks), " ".join(words), checks=checks
    )


def _named(paths: Sequence[Path]) -> str:
    shown = ", ".join(printable(path.name) for path in paths[:_SHOWN_MOST])
    return f"{shown}, ..." if len(paths) > _SHOWN_MOST else shown


def _place_beside(made: Made, source: InputFile, main: Success) -> Success | Failure:
    """Give what was written beside the main output its name, after that of the main one.

    One whose name is taken by a file of before the job is left out, with a sentence.
    """
    outputs, checks, words = list(main.outputs), list(main.checks), []
    _, *written = made.written
    for companion, target in zip(made.beside, written, strict=True):
        ours = _ours(made, source)
        final = name_before(companion_path(main.outputs[0], companion), ours)
        published = publish(target, final, made.setup.on_existing, ours)
        if isinstance(published, Failure):
            return published
        if isinstance(published, Skip):
            words.append(f"{printable(final.name)} was there already; it was kept.")
            continue
        outputs.append(published)
        checks.append(checked(published))
    return replace(
        main,
        outputs=tuple(outputs),
        checks=tuple(checks),
        bytes_out=sum(check.size for check in checks),
        warning=" ".join(part for part in (main.warning, *words) if part),
    )


def _put_in_place(made: Made, source: InputFile) -> Success | Failure | Skip:
    setup, request = made.setup, made.request
    is_named_alike = keeps_name(request.path, made.suffix)
    final = request.path if is_named_alike else _with_suffix(request.planned, made.suffix)
    return in_place.put(
        made.target,
        source,
        in_place.Place(setup.job, request.task, request.attempt, request.folder, final),
        Ours(
            since_ns=request.own_since_ns,
            shared_since_ns=setup.since_ns,
            mtime_ns=source.mtime_ns if setup.keeps_dates else None,
            like=source.fileno(),
        ),
    )


def _put(made: Made, source: InputFile) -> Success | Failure | Skip:
    setup, request = made.setup, made.request
    final = _with_suffix(request.planned, made.suffix)
    is_unplanned = is_late(final)
    if is_unplanned:
        final = _filled_in(final, made.target)
    elif made.outdated and made.outdated[0].suffix == final.suffix:
        final = made.outdated[0]  # it may have had to take a number then
    published = publish(
        made.target,
        final,
        setup.on_existing,
        _ours(made, source, is_unplanned=is_unplanned),
    )
    if not isinstance(published, Path):
        return published
    check = checked(published)
    return Success((published,), check.size, checks=(check,))


def _ours(made: Made, source: InputFile, *, is_unplanned: bool = False) -> Ours:
    setup, request = made.setup, made.request
    return Ours(
        since_ns=request.own_since_ns,
        outdated=made.outdated,
        shared_since_ns=setup.since_ns if is_unplanned else None,
        mtime_ns=source.mtime_ns if setup.keeps_dates else None,
    )


def _not_smaller(target: Path, source: InputFile) -> str:
    """Return a sentence where the output is no smaller than the input, else nothing."""
    try:
        size = target.stat().st_size
    except OSError:  # there is none: to publish it says so
        return ""
    if size < source.size:
        return ""
    sizes = f"{size_words(size)} instead of {size_words(source.size)}"
    return f"The result would not be smaller ({sizes}); the original was kept."


def _copied(made: Made, source: InputFile) -> Made:
    """Let the original, under its own suffix, be the output."""
    suffix = source.path.suffix
    copy = made.target.with_name(f"{made.target.stem}-original{suffix.lower()}")
    with copy.open("wb") as file, open(source.fileno(), "rb", closefd=False) as original:
        shutil.copyfileobj(original, file)
    return made._replace(target=copy, suffix=suffix)


def _with_suffix(planned: Path, suffix: str) -> Path:
    """Keep the planned name, but for a file whose content is not what its name said."""
    if planned.name.endswith(suffix):
        return planned
    return planned.with_name(planned.name.removesuffix(planned.suffix) + suffix)


def _filled_in(planned: Path, made: Path) -> Path:
    """Return the name of a finished output whose name waited for it."""
    from workers.operations.picture_size import picture_size

    try:
        sha256 = checked(made).sha256
    except OSError:  # there is none: to publish it says so
        return planned
    final = filled_in(planned, sha256, lambda: picture_size(made))
    return final.with_name(fitted(final.stem, final.suffix))
