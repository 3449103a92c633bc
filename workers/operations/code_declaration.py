"""What `@operation(...)` says in the source of own code, which is never executed. Any process.

Read are the arguments of the two calls, which therefore are written out as plain values. What is
wrong is told with the file and the line of it.
"""

import ast
import inspect
import math
from collections.abc import Iterator
from typing import Final, NamedTuple, cast

from workers.errors import PipelineError
from workers.own_code import OperationWords, ParameterWords, operation_words, parameter
from workers.wording import printable

Function = ast.FunctionDef | ast.AsyncFunctionDef

BOUND_MOST: Final = 1e15
_MODULE: Final = "workers.own_code"
_OPERATION: Final = "operation"
_PARAMETER: Final = "parameter"
_PLAIN: Final = "the file is read without running it, so values are written out plainly"
_LABEL_MOST: Final = 60


class Declared(NamedTuple):
    """A declaration, and the lines of its parts."""

    words: OperationWords
    line: int
    lines: dict[str, int]


class Declarations:
    """The declarations of one file."""

    def __init__(self, tree: ast.Module, name: str) -> None:
        """Look at the module's imports; `name` is that of the file in sentences."""
        self._name = name
        self._known = dict(_imported(tree))

    def of(self, function: Function) -> Declared | None:
        """Return what is declared of a function, if it is; PipelineError on what is wrong."""
        for decorator in function.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            if self._meant(decorator if call is None else call.func) != _OPERATION:
                continue
            if isinstance(function, ast.AsyncFunctionDef):
                raise self.error(function.lineno, "a step cannot be an async function.")
            words = operation_words("") if call is None else self._operation(call)
            keywords = [] if call is None else call.keywords
            lines = {word.arg: word.value.lineno for word in keywords if word.arg}
            return Declared(words, decorator.lineno, lines)
        return None

    def error(self, line: int, reason: str) -> PipelineError:
        """Return the error about a line of the file."""
        return PipelineError(f"{self._name}, line {line}: {reason}")

    def _meant(self, node: ast.expr) -> str:
        return self._known.get(_dotted(node), "")

    def _operation(self, call: ast.Call) -> OperationWords:
        values = [self._literal(argument) for argument in call.args]
        named: dict[str, object] = {}
        for keyword in call.keywords:
            if keyword.arg is None:
                raise self.error(keyword.value.lineno, f"{_PLAIN}; ** is not.")
            is_call = isinstance(keyword.value, ast.Call)
            read = self._parameter if is_call else self._literal
            named[keyword.arg] = read(keyword.value)
        words = cast("OperationWords", self._called(operation_words, call, values, named))
        self._check_operation(words, call)
        return words

    def _check_operation(self, words: OperationWords, call: ast.Call) -> None:
        label: object = words.label  # as it is written; of any type
        is_line = isinstance(label, str) and label.strip() and label.isprintable()
        if not is_line or len(words.label) > _LABEL_MOST:
            most = f"the label is one line of text, at most {_LABEL_MOST} letters."
            raise self.error(call.lineno, most)
        if not isinstance(words.sentence, str):
            raise self.error(call.lineno, "the sentence is text.")
        for name, said in words.parameters.items():
            if not isinstance(said, ParameterWords):
                raise self.error(call.lineno, f"{name} is told by parameter(...).")

    def _parameter(self, node: ast.expr) -> ParameterWords:
        assert isinstance(node, ast.Call)
        if self._meant(node.func) != _PARAMETER:
            raise self.error(node.lineno, f"{_PLAIN}, or by parameter(...).")
        values = [self._literal(argument) for argument in node.args]
        named: dict[str, object] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self.error(keyword.value.lineno, f"{_PLAIN}; ** is not.")
            named[keyword.arg] = self._literal(keyword.value)
        words = cast("ParameterWords", self._called(parameter, node, values, named))
        self._check_parameter(words, node)
        return words

    def _check_parameter(self, words: ParameterWords, call: ast.Call) -> None:
        if not all(isinstance(text, str) for text in words[:3]):
            raise self.error(call.lineno, "sentence, label and unit are text.")
        bounds = [bound for bound in (words.at_least, words.at_most) if bound is not None]
        if any(isinstance(bound, bool) or not _is_number(bound) for bound in bounds):
            raise self.error(call.lineno, "at_least and at_most are numbers.")
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise self.error(call.lineno, "at_least is greater than at_most.")
        if not all(isinstance(choice, str) for choice in words.choices):
            raise self.error(call.lineno, "choices are texts.")

    def _called(
        self, function: object, call: ast.Call, values: list[object], named: dict[str, object]
    ) -> object:
        """Call one of our own two functions; a wrong argument is told with its line."""
        assert callable(function)
        try:
            inspect.signature(function).bind(*values, **named)
            return function(*values, **named)
        except TypeError as error:
            raise self.error(call.lineno, f"{ast.unparse(call.func)}: {error}.") from error

    def _literal(self, node: ast.expr) -> object:
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise self.error(node.lineno, f"{_PLAIN}, not as {_shown(node)}.") from None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and abs(value) <= BOUND_MOST


def _shown(node: ast.expr) -> str:
    text = printable(ast.unparse(node))
    return text if len(text) <= _LABEL_MOST else f"{text[:_LABEL_MOST]}..."


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield under which names the file knows `operation` and `parameter`."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == _MODULE:
            for alias in node.names:
                yield alias.asname or alias.name, alias.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            before = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                if before + alias.name == _MODULE:
                    place = alias.asname or alias.name
                    yield f"{place}.{_OPERATION}", _OPERATION
                    yield f"{place}.{_PARAMETER}", _PARAMETER


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
