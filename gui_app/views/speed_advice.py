"""Why a job is not faster, in one sentence, and what one click could change; no Qt."""

from typing import Final

from msgspec import Struct

from workers import JobSnapshot, JobState
from workers.wording import count_words, size_words, time_words

# The first seconds measure the start of the workers, not the job.
_SETTLED_S: Final = 2.0
# On few cores, one left idle would cost too much.
_SPARED_ABOVE: Final = 4
_BUSY_PERCENT: Final = 85.0
_IDLE_PERCENT: Final = 50.0
_MINUTES_FROM_S: Final = 119.5
_LITTLE_MEMORY: Final = 500_000_000


class Advice(Struct, frozen=True):
    """A sentence; `workers` is the number that would help, None where none would."""

    sentence: str
    workers: int | None = None


def speed_advice(snapshot: JobSnapshot) -> Advice:
    """Return what keeps the running job from being faster."""
    if snapshot.state is not JobState.RUNNING:
        return Advice("")
    if snapshot.is_resting:
        return Advice("Nothing to do until files come.")
    if snapshot.elapsed_s < _SETTLED_S:
        return Advice("Measuring…")
    busy = snapshot.counts.running
    if not snapshot.counts.waiting and not snapshot.is_discovering and busy:
        left = count_words(busy, "file")
        verb = "is" if busy == 1 else "are"
        return Advice(f"Only {left} {verb} left; the other cores have nothing to do.")
    if 0 < snapshot.memory_free < _LITTLE_MEMORY:
        free = size_words(snapshot.memory_free)
        fewer = max(snapshot.workers_target - 1, 1)
        is_useful = fewer < snapshot.workers_target
        return Advice(f"Only {free} of memory is free.", fewer if is_useful else None)
    return _core_advice(snapshot)


def _core_advice(snapshot: JobSnapshot) -> Advice:
    target, most = snapshot.workers_target, snapshot.workers_maximum
    load = sum(snapshot.core_loads) / max(len(snapshot.core_loads), 1)
    better = most - 1 if most > _SPARED_ABOVE else most
    if target < better and load < _BUSY_PERCENT:
        return Advice(_more_workers_sentence(snapshot, better), better)
    share = 100 * target / max(most, 1)
    if target > 1 and load < _IDLE_PERCENT and load < share / 2:
        return Advice("The cores wait for the drive; more workers would not help.")
    if load >= _BUSY_PERCENT and target < most / 2:
        return Advice("Other programs keep the other cores busy.")
    if target < most:
        return Advice("One core is left free so that this computer stays responsive.", most)
    return Advice("Every core works.")


def _more_workers_sentence(snapshot: JobSnapshot, better: int) -> str:
    target, most = snapshot.workers_target, snapshot.workers_maximum
    sentence = f"Only {target} of {most} cores may work."
    if snapshot.remaining_s is None:
        return sentence
    then_s = max(snapshot.remaining_s[1] * target / better, 1.0)
    then = f"{then_s:.0f} s" if then_s < _MINUTES_FROM_S else time_words(then_s)
    return f"{sentence} With {better} workers this job would end in about {then}."
