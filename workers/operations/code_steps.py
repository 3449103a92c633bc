"""A step of own code: which function it means, whether its values fit, what its form shows.

All of it is read from the source, which is never executed. Any process.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from workers.errors import PipelineError
from workers.job import ParameterValue, Step
from workers.operations.code_parameters import (
    FUNCTION,
    OUTPUT_SUFFIX,
    PLAIN,
    CodeFunction,
    chosen_function,
    code_functions,
    source_of,
)
from workers.operations.declaration import Operation, Parameter, ParameterKind

_ASKS: Final = "own code, asks before it runs"


def wanted_function(step: Step) -> str:
    """Return the name of the function that the step names, or nothing."""
    return str(step.parameters.get(FUNCTION, ""))


def step_function(step: Step) -> CodeFunction:
    """Return the function that a step of own code means; raises PipelineError.

    One whose file cannot be read takes anything.
    """
    assert step.file is not None
    return chosen_function(source_of(step.file), step.file.name, wanted_function(step))


def check_step(step: Step) -> CodeFunction:
    """Return the function that a step means; PipelineError where a value does not fit it."""
    function = step_function(step)
    for name, value in step.parameters.items():
        if name not in (FUNCTION, OUTPUT_SUFFIX):
            function.check(name, value)
    return function


def with_suffix(step: Step, function: CodeFunction) -> Step:
    """Return the step with the suffix that its function declares, unless it has one."""
    if function.output_suffix is None or OUTPUT_SUFFIX in step.parameters:
        return step
    return replace(step, parameters={**step.parameters, OUTPUT_SUFFIX: function.output_suffix})


def first_step(operation_id: str, file: Path, wanted: str = "") -> Step:
    """Return the step that a file stands for when it is chosen; of several functions the first."""
    step = Step(operation_id, {FUNCTION: wanted} if wanted else {}, file)
    try:
        names = [function.name for function in code_functions(source_of(file), file.name)]
        if not wanted and len(names) > 1:
            step = replace(step, parameters={FUNCTION: PLAIN if PLAIN in names else names[0]})
        return with_suffix(step, step_function(step))
    except PipelineError:  # its card says what is wrong
        return step


def own_operation(base: Operation, step: Step) -> Operation:
    """Return the operation of own code with the parameters that the file declares.

    Where a declaration is wrong, `summarize` raises PipelineError with its line.
    """
    assert step.file is not None
    try:
        functions = code_functions(source_of(step.file), step.file.name)
        function = step_function(step)
    except PipelineError as error:
        return replace(base, parameters=_of_all(base), summarize=_refusing(str(error)))
    stem = step.file.stem.replace("_", " ").capitalize()
    suffix = function.output_suffix or ""
    last = [replace(each, default=suffix) for each in _of_all(base)]
    return replace(
        base,
        label=function.label or stem,
        sentence=function.sentence or base.sentence,
        parameters=(*_choice_of(functions, function), *function.parameters, *last),
        summarize=_saying(f"{function.label}: {_ASKS}" if function.label else _ASKS),
    )


def _of_all(base: Operation) -> tuple[Parameter, ...]:
    return tuple(each for each in base.parameters if each.name != FUNCTION)


def _choice_of(functions: tuple[CodeFunction, ...], chosen: CodeFunction) -> tuple[Parameter, ...]:
    if len(functions) < 2:
        return ()
    return (
        Parameter(
            FUNCTION,
            ParameterKind.CHOICE,
            "Operation",
            "Which operation of the file is done.",
            chosen.name,
            choices=tuple(function.name for function in functions),
        ),
    )


def _saying(words: str) -> Callable[[Mapping[str, ParameterValue]], str]:
    return lambda _values: words


def _refusing(words: str) -> Callable[[Mapping[str, ParameterValue]], str]:
    def refuse(_values: Mapping[str, ParameterValue]) -> str:
        raise PipelineError(words)

    return refuse
