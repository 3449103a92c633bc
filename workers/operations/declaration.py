"""How an operation declares itself: forms, command-line help, validation and docs come from it.

Light to import: the window and the engine read declarations, only workers run operations.
"""

import enum
from collections.abc import Callable, Mapping

from msgspec import Struct

from workers.errors import PipelineError
from workers.job import Kind, ParameterValue


class ParameterKind(enum.Enum):
    """Which values a parameter takes, and so which control a form shows."""

    INTEGER = "integer"
    NUMBER = "number"
    CHOICE = "choice"
    FLAG = "flag"
    TEXT = "text"
    COLOUR = "colour"
    PICTURE = "picture"


def name_problem(text: str) -> str:
    """Say what is wrong with the name of an output, or nothing."""
    return "it is a name, not a path; it has no slash." if {"/", "\\"} & set(text) else ""


class Parameter(Struct, frozen=True):
    """One declared parameter.

    `minimum` and `maximum` bound numbers (inclusive, in `unit`); `choices` lists a CHOICE's
    values; `shown_when` names another parameter and the values of it for which this one
    matters. `problem` says in a sentence what is wrong with a TEXT or COLOUR, or "". A PICTURE is
    the path of a file that each worker may read; its content counts as part of the pipeline.
    `least_word` is what a form shows in place of the least whole number, such as "no limit".
    """

    name: str
    kind: ParameterKind
    label: str
    sentence: str
    default: ParameterValue
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    shown_when: tuple[str, tuple[ParameterValue, ...]] | None = None
    problem: Callable[[str], str] | None = None
    least_word: str = ""

    def check(self, value: ParameterValue) -> ParameterValue:
        """Return the value in the parameter's type; raise PipelineError with a sentence."""
        kinds: dict[ParameterKind, tuple[type, ...]] = {
            ParameterKind.INTEGER: (int,),
            ParameterKind.NUMBER: (int, float),
            ParameterKind.CHOICE: (str,),
            ParameterKind.FLAG: (bool,),
            ParameterKind.TEXT: (str,),
            ParameterKind.COLOUR: (str,),
            ParameterKind.PICTURE: (str,),
        }
        is_flag = self.kind is ParameterKind.FLAG
        if not isinstance(value, kinds[self.kind]) or isinstance(value, bool) is not is_flag:
            raise PipelineError(f"{self.name} takes {_WORDS[self.kind]}, not {value!r}.")
        if self.kind is ParameterKind.CHOICE and value not in self.choices:
            raise PipelineError(f"{self.name} is one of {', '.join(self.choices)}; not {value!r}.")
        if isinstance(value, (int, float)) and not is_flag:
            self._check_range(value)
        if self.problem is not None and isinstance(value, str) and (said := self.problem(value)):
            raise PipelineError(f"{self.name}: {said}")
        return value

    def _check_range(self, value: float) -> None:
        is_low = self.minimum is not None and not value >= self.minimum
        is_high = self.maximum is not None and not value <= self.maximum
        if is_low or is_high:
            raise PipelineError(f"{self.name} goes {self._range_words()}; {value} is outside.")

    def _range_words(self) -> str:
        low = "" if self.minimum is None else f"from {self.minimum:g} "
        return f"{low}{'up' if self.maximum is None else f'to {self.maximum:g}'}"


_WORDS = {
    ParameterKind.INTEGER: "a whole number",
    ParameterKind.NUMBER: "a number",
    ParameterKind.CHOICE: "one of its words",
    ParameterKind.FLAG: "true or false",
    ParameterKind.TEXT: "text",
    ParameterKind.COLOUR: "a colour in quotes",
    ParameterKind.PICTURE: "the path of a picture in quotes",
}


class Operation(Struct, frozen=True):
    """A declared operation.

    `id` is family.operation; the family names the module under workers/operations that runs
    it. `summarize` turns checked values into the short line of a step's card. A reduce step makes
    one output of all inputs; it is the last step, and where it `stands_alone` the only one.
    """

    id: str
    label: str
    sentence: str
    reads: Kind
    parameters: tuple[Parameter, ...]
    summarize: Callable[[Mapping[str, ParameterValue]], str]
    is_reduce: bool = False
    stands_alone: bool = False

    @property
    def family(self) -> str:
        """Return the part of the id before the dot."""
        return self.id.partition(".")[0]

    def complete(self, values: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
        """Return all parameters, checked, with defaults; raise PipelineError on the first bad."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in values:
            if name not in known:
                raise PipelineError(
                    f"{self.id} has no parameter {name!r}; it has {', '.join(known) or 'none'}."
                )
        return {
            name: parameter.check(values.get(name, parameter.default))
            for name, parameter in known.items()
        }
