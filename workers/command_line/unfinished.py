"""Finds the unfinished job that a repeated `everycore run` or `map` means."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from workers.errors import JournalError, PipelineError
from workers.folders import journals_folder
from workers.job import InputFilter, JobSpec, JobState, Pipeline
from workers.journal import JournalReader, journal_path, list_jobs
from workers.pipeline import fingerprint
from workers.snapshot import JobEntry


class Wanted(Struct, frozen=True):
    """What the new command line asks for; `has_output` False leaves the output's name open."""

    spec: JobSpec
    inputs: tuple[Path, ...] = ()
    filter: InputFilter = InputFilter()
    has_output: bool = True


class Unfinished(Struct, frozen=True):
    """A journalled job that can go on, and whether its limits differ from those asked for."""

    entry: JobEntry
    spec: JobSpec
    has_other_options: bool


def find_unfinished(wanted: Wanted) -> Unfinished | None:
    """Return the newest unfinished job of the same inputs, work and output, if there is one.

    A journal that cannot be read is passed over: `everycore jobs` tells of it.
    """
    for entry in _newest_first(list_jobs(journals_folder())):
        if entry.state.is_ended or entry.state in (JobState.EMPTY, JobState.DRAFT):
            continue
        found = _as_recorded(entry)
        if found is not None and _is_same(wanted, *found):
            return Unfinished(entry, found[0], _has_other_options(wanted.spec, found[0]))
    return None


def _newest_first(entries: Sequence[JobEntry]) -> list[JobEntry]:
    def created_at(entry: JobEntry) -> float:
        return entry.created_at

    return sorted(entries, key=created_at, reverse=True)


def _as_recorded(entry: JobEntry) -> tuple[JobSpec, tuple[Path, ...], InputFilter] | None:
    try:
        reader = JournalReader(journal_path(journals_folder(), entry.job))
    except JournalError:
        return None
    try:
        spec = reader.spec()
        return None if spec is None else (spec, *reader.inputs())
    except JournalError:
        return None
    finally:
        reader.close()


def _is_same(wanted: Wanted, spec: JobSpec, inputs: tuple[Path, ...], chosen: InputFilter) -> bool:
    return (
        set(inputs) == set(wanted.inputs)
        and (chosen == wanted.filter or spec.sweep is not None)
        and spec.sweep == wanted.spec.sweep
        and _is_same_pipeline(spec.pipeline, wanted.spec.pipeline)
        and _outputs_of(spec) == _outputs_of(wanted.spec)
        and (spec.output == wanted.spec.output or not wanted.has_output)
        # Own code that was edited since is other work.
        and set(wanted.spec.trusted) <= set(spec.trusted)
    )


def _outputs_of(spec: JobSpec) -> tuple[object, ...]:
    """Return what decides how outputs are called and whose places they take."""
    return spec.names, spec.keeps_dates, spec.is_in_place, spec.only_smaller, spec.by_content


def _is_same_pipeline(recorded: Pipeline | None, wanted: Pipeline | None) -> bool:
    if recorded is None or wanted is None:
        return recorded is wanted
    wanted_print = fingerprint(wanted)
    try:
        return fingerprint(recorded) == wanted_print
    except PipelineError:  # its own code is gone, or an operation of another version
        return False


def _has_other_options(wanted: JobSpec, spec: JobSpec) -> bool:
    return _options_of(wanted) != _options_of(spec)


def _options_of(spec: JobSpec) -> tuple[object, ...]:
    limits = spec.timeout_s, spec.retries, spec.sandboxed
    return (*limits, spec.on_existing, spec.redo, spec.manifest)
