"""The program that runs a pipeline on one file for the eye; preview_process.py is its other end.

A worker of its own, so that a hostile or slow file is never decoded where the window is. It reads
questions from its standard input and writes answers to its standard output, each with its length
in front, and ends when nobody asks any more. Own code runs without a sandbox, as in jobs.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Final

from workers import limits
from workers.error_words import first_line
from workers.job import Step
from workers.memory import available_bytes
from workers.messages import decode, encode
from workers.operations import FOLDER, companion_path
from workers.operations.input_file import InputFile, open_input
from workers.outcome import Failure
from workers.pipeline import (
    companions,
    output_suffix,
    own_code,
    own_steps,
    reduce_step,
    steps_for,
    takes_empty,
)
from workers.preview import Preview, PreviewAsked, Side
from workers.preview_sides import side_of
from workers.sandbox import Sandbox, enter
from workers.search_program import LENGTH
from workers.step_runs import forget, predicted_need, run_steps
from workers.wording import count_words, size_words

# Somebody looks on: before the workers of a job, behind the window.
_NICE: Final = 5
# What the window and the engine need is left to them.
_SHARE_OF_MEMORY: Final = 0.8


def main() -> None:
    """Answer until the questions end; the first argument is a folder for what is made."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits.library_threads(1)  # seconds are to be those of one core
    limits.lower_priority(_NICE)
    limits.first_for_the_oom_killer()
    limits.end_with_starter()
    questions, answers = _own_streams()
    looking = Looking(Path(sys.argv[1]))
    while (asked := _read(questions)) is not None:
        written = encode(looking.answer(asked))
        answers.write(LENGTH.pack(len(written)) + written)
        answers.flush()


def _own_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Take the standard streams away from whatever own code reads and prints."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    return questions, answers


def _read(questions: IO[bytes]) -> PreviewAsked | None:
    head = questions.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    asked = decode(questions.read(LENGTH.unpack(head)[0]))
    return asked if isinstance(asked, PreviewAsked) else None


class Looking:
    """Runs pipelines on single files below one folder; keeps what was seen of the last input."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_confined = False
        self._known: tuple[tuple[Path, int, int], Side] | None = None

    def answer(self, asked: PreviewAsked) -> Preview:
        """Return what the pipeline makes of the file; whatever goes wrong is a sentence."""
        answer = Preview(asked.number, asked.path)
        try:
            self._begin(asked)
            return self._answered(asked, answer)
        except Exception as error:  # noqa: BLE001  # as in a worker: own code may raise anything
            return _with(answer, message=first_line(error))

    def _begin(self, asked: PreviewAsked) -> None:
        """Confine this process for ever, at its first question."""
        code = own_code(asked.pipeline)
        if not self._is_confined and not code:
            enter(Sandbox(asked.readable, (), self._folder))
        self._is_confined = True
        for step in own_steps(asked.pipeline):
            from workers.operations.user_function import load_step

            load_step(step, asked.trusted)

    def _answered(self, asked: PreviewAsked, answer: Preview) -> Preview:
        opened = open_input(asked.path, may_be_empty=takes_empty(asked.pipeline))
        if not isinstance(opened, InputFile):
            return _with(answer, message=opened.message)
        with opened as source:
            before = Side(source.size, "") if asked.is_measured else self._before(source)
            answer = _with(answer, before=before)
            steps = steps_for(asked.pipeline, source.kind)
            if not steps:
                return _with(answer, message="No step of this pipeline reads such a file.")
            answer = _with(answer, is_partial=reduce_step(asked.pipeline) is not None)
            if words := _too_much(steps, source):
                return _with(answer, message=words)
            suffix = output_suffix(asked.pipeline, source.kind, source.suffix)
            target = self._folder / f"after{suffix}"
            told = companions(asked.pipeline, source.kind, source.suffix)
            beside = [companion_path(target, each) for each in told]
            try:
                run = partial(run_steps, source, steps, target)
                return _made(run, (target, *beside), answer, is_measured=asked.is_measured)
            finally:
                for written in (target, *beside):
                    forget(written)

    def _before(self, source: InputFile) -> Side:
        key = source.path, source.size, source.mtime_ns
        if self._known is None or self._known[0] != key:
            self._known = key, side_of(source, self._folder)
        return self._known[1]


def _made(
    run: Callable[[], Failure | str],
    written: Sequence[Path],
    answer: Preview,
    *,
    is_measured: bool,
) -> Preview:
    """Run the steps; `written` is the output, then what they write beside it."""
    begin = time.perf_counter()
    result = run()
    answer = _with(answer, seconds=time.perf_counter() - begin)
    if isinstance(result, Failure):
        return _with(answer, message=result.message)
    target = written[0]
    several = _files_in(companion_path(target, FOLDER))
    opened = open_input(several[0] if several else target)
    if not isinstance(opened, InputFile):
        return _with(answer, message="The steps wrote nothing.")
    size = sum(file.stat().st_size for file in (*several, *filter(Path.is_file, written)))
    words = f"The first of {count_words(len(several), 'file')}." if several else ""
    with opened as made:
        after = Side(size, "") if is_measured else side_of(made, target.parent)
        return _with(answer, after=after, message=" ".join(filter(None, (words, result))))


def _files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _too_much(steps: tuple[Step, ...], source: InputFile) -> str:
    """Return a sentence where the steps need more memory than there is, else nothing."""
    need, free = predicted_need(steps, source), available_bytes()
    if need <= free * _SHARE_OF_MEMORY:
        return ""
    return (
        f"A preview of this file needs {size_words(need)} of memory; {size_words(free)} are free."
    )


def _with(answer: Preview, **changes: object) -> Preview:
    from msgspec.structs import replace

    return replace(answer, **changes)
