"""Which parameters own code declares: read from its source, which is never executed. Any process.

`def process(path, output, minimum=0, mode: Literal["a", "b"] = "a", *, loud=True)` declares three.
A line `minimum: Lines shorter than this go.` of the function's docstring is what a form says of it.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from workers.job import ParameterValue
from workers.operations.declaration import Operation, Parameter, ParameterKind

_FUNCTION: Final = "process"
_OWN: Final = ("path", "output")
_LONGEST: Final = 1_000_000


class CodeParameters:
    """What the function `process` of a file takes besides its two paths."""

    def __init__(self, file: Path) -> None:
        """Read the source; one that cannot be read declares nothing and takes anything."""
        self.parameters: tuple[Parameter, ...] = ()
        self.takes_any = True
        self.sentence = ""
        function = _function_of(file)
        if function is None:
            return
        lines = (ast.get_docstring(function) or "").splitlines()
        self.sentence = lines[0].strip() if lines else ""
        self.parameters = tuple(_parameters(function.args, _said(lines)))
        self.takes_any = function.args.kwarg is not None
        self._names = {argument.arg for argument in _arguments(function.args)} - set(_OWN)

    def takes(self, name: str) -> bool:
        """Say whether the function can be called with that parameter."""
        return self.takes_any or name in self._names


def own_operation(base: Operation, file: Path) -> Operation:
    """Return the operation of own code with the parameters that the file declares."""
    code = CodeParameters(file)
    return replace(
        base,
        label=file.stem.replace("_", " ").capitalize(),
        sentence=code.sentence or base.sentence,
        parameters=(*code.parameters, *base.parameters),
    )


def _function_of(file: Path) -> ast.FunctionDef | None:
    try:
        if file.stat().st_size > _LONGEST:
            return None
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    found = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == _FUNCTION
    ]
    return found[-1] if found else None


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def _parameters(arguments: ast.arguments, said: dict[str, str]) -> Iterator[Parameter]:
    """Yield those with a plain default; one without, and *args, a form cannot show."""
    for argument, default in _with_defaults(arguments):
        value = _constant(default)
        if argument.arg in _OWN or value is None:
            continue
        choices = _choices(argument.annotation)
        if value in choices:
            kind = ParameterKind.CHOICE
        else:
            kind, choices = _kind(value), ()
        label = argument.arg.replace("_", " ").capitalize()
        sentence = said.get(argument.arg, "")
        yield Parameter(argument.arg, kind, label, sentence, value, choices=choices)


def _with_defaults(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = arguments.defaults
    if defaults:
        yield from zip(positional[-len(defaults) :], defaults, strict=True)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield argument, default


def _constant(node: ast.expr) -> ParameterValue | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, (bool, int, float, str)) else None


def _kind(value: ParameterValue) -> ParameterKind:
    match value:
        case bool():
            return ParameterKind.FLAG
        case int():
            return ParameterKind.INTEGER
        case float():
            return ParameterKind.NUMBER
        case _:
            return ParameterKind.TEXT


def _choices(annotation: ast.expr | None) -> tuple[str, ...]:
    """Return the words of Literal["a", "b"]."""
    if not isinstance(annotation, ast.Subscript):
        return ()
    named = annotation.value
    name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")
    if name != "Literal":
        return ()
    inside = annotation.slice
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    words = [part.value for part in parts if isinstance(part, ast.Constant)]
    return tuple(word for word in words if isinstance(word, str))


def _said(lines: list[str]) -> dict[str, str]:
    """Return what the lines of a docstring say of each name before a colon."""
    found = {}
    for line in lines[1:]:
        name, colon, sentence = line.strip().partition(":")
        if colon and name.isidentifier() and sentence.strip():
            found[name] = sentence.strip()
    return found
