"""What a person's own `.py` file imports to declare its steps; it costs nothing to import.

    from workers.own_code import operation, parameter

    @operation(
        "Keep long lines",
        "Keeps the lines of a text that are long enough.",
        output_suffix=".txt",
        minimum=parameter("Shorter lines go.", unit="letters", at_least=0, at_most=1000),
    )
    def keep_long(path, output, minimum=10): ...

Type and default of a parameter are those of the function's own argument. The window and the
engine read all this from the source (operations/code_declaration.py), which they never run; so
whatever stands in these calls is written out: numbers, texts, True, False, tuples of texts.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, ParamSpec, TypeVar, overload

_P = ParamSpec("_P")
_R = TypeVar("_R")


class ParameterWords(NamedTuple):
    """What a declaration says of one parameter besides its type and default."""

    sentence: str
    label: str
    unit: str
    at_least: float | None
    at_most: float | None
    choices: tuple[str, ...]


class OperationWords(NamedTuple):
    """What a declaration says of a function; `output_suffix` None is not said."""

    label: str
    sentence: str
    output_suffix: str | None
    parameters: dict[str, ParameterWords]


def parameter(
    sentence: str = "",
    *,
    label: str = "",
    unit: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
    choices: Sequence[str] = (),
) -> ParameterWords:
    """Say what a parameter is; numbers go from `at_least` to `at_most` (inclusive, in `unit`)."""
    return ParameterWords(sentence, label, unit, at_least, at_most, tuple(choices))


def operation_words(
    label: str,
    sentence: str = "",
    /,
    *,
    output_suffix: str | None = None,
    **parameters: ParameterWords,
) -> OperationWords:
    """Return what `@operation(...)` with these arguments says."""
    return OperationWords(label, sentence, output_suffix, parameters)


@overload
def operation(function: Callable[_P, _R], /) -> Callable[_P, _R]: ...


@overload
def operation(
    label: str,
    sentence: str = "",
    /,
    *,
    output_suffix: str | None = None,
    **parameters: ParameterWords,
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...


def operation(
    label: str | Callable[_P, _R],
    sentence: str = "",
    /,
    *,
    output_suffix: str | None = None,
    **parameters: ParameterWords,
) -> Callable[_P, _R] | Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Declare `function(path, output, ...)` a step of its own; the function stays as it is.

    `output_suffix` is that of the files it writes, as in ".txt"; without one they keep the input's.
    Without a sentence that of the docstring is told. Plain `@operation` takes everything from the
    function itself.
    """
    if callable(label):
        return label

    def unchanged(function: Callable[_P, _R]) -> Callable[_P, _R]:
        return function

    return unchanged
