"""What own code declares: read from its source, which is never executed. Any process.

`def process(path, output, minimum=0, mode: Literal["a", "b"] = "a", *, loud=True)` declares three
parameters. A line `minimum: Lines shorter than this go.` of the function's docstring is what a
form says of it. With `@operation(...)` (workers/own_code.py) a function of any name is a step, of
which more is told.
"""

import ast
import difflib
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from workers.errors import PipelineError
from workers.job import ParameterValue
from workers.operations.code_declaration import BOUND_MOST, Declarations, Declared, Function
from workers.operations.declaration import Parameter, ParameterKind
from workers.own_code import ParameterWords
from workers.wording import printable

PLAIN: Final = "process"
"""The function that is a step without being declared."""

OUTPUT_SUFFIX: Final = "output_suffix"
FUNCTION: Final = "function"
SUFFIX_WORD: Final = re.compile(r"(\.[A-Za-z0-9_-]{1,16}){1,2}")
_OWN: Final = ("path", "output")
_LONGEST: Final = 1_000_000
# What a form's controls can hold.
_INTEGER_MOST: Final = 2**31 - 1


class CodeFunction(Struct, frozen=True):
    """A function of own code that can be a step.

    `names` are what it takes besides its two paths, `parameters` those of them that a form can
    show. Empty texts and None are not said.
    """

    name: str
    label: str = ""
    sentence: str = ""
    output_suffix: str | None = None
    parameters: tuple[Parameter, ...] = ()
    names: frozenset[str] = frozenset()
    takes_any: bool = True

    def takes(self, name: str) -> bool:
        """Say whether the function can be called with that parameter."""
        return self.takes_any or name in self.names

    def check(self, name: str, value: ParameterValue) -> None:
        """Raise PipelineError where a value is not what its declaration says."""
        for declared in self.parameters:
            if declared.name == name and self.label:
                declared.check(value)


def source_of(file: Path) -> bytes:
    """Return the source of own code; nothing where it cannot be read or is no source."""
    try:
        return file.read_bytes() if file.stat().st_size <= _LONGEST else b""
    except OSError:
        return b""


@functools.lru_cache(maxsize=16)
def code_functions(source: bytes, name: str) -> tuple[CodeFunction, ...]:
    """Return the functions that can be steps, in their order; none where it is no source.

    `name` is that of the file. Raises PipelineError with the line of a wrong declaration.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    declarations = Declarations(tree, printable(name))
    found: dict[str, CodeFunction] = {}
    for node in tree.body:
        if isinstance(node, Function):
            declared = declarations.of(node)
            if declared is not None:
                found[node.name] = _declared(node, declared, declarations)
            elif node.name == PLAIN and isinstance(node, ast.FunctionDef):
                found[node.name] = _undeclared(node)
    return tuple(found.values())


def chosen_function(source: bytes, name: str, wanted: str) -> CodeFunction:
    """Return the function that a step means: the `wanted` one, process(), or the only one.

    Where the source tells of none, as when it imports one, it is one that takes anything. Raises
    PipelineError where it cannot be told which is meant, or where a declaration is wrong.
    """
    functions = {function.name: function for function in code_functions(source, name)}
    if wanted in functions:
        return functions[wanted]
    if wanted and set(functions) - {PLAIN}:
        near = difflib.get_close_matches(wanted, functions, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(functions)}."
        raise PipelineError(f"{printable(name)} has no operation {printable(wanted)!r}. {hint}")
    if wanted or not functions or PLAIN in functions:
        return functions.get(wanted or PLAIN, CodeFunction(wanted or PLAIN))
    if len(functions) > 1:
        several = ", ".join(functions)
        raise PipelineError(
            f"{printable(name)} has several operations; name one, as {FUNCTION} = "
            f'"{next(iter(functions))}". There are {several}.'
        )
    return next(iter(functions.values()))


def _declared(node: Function, declared: Declared, declarations: Declarations) -> CodeFunction:
    words = declared.words
    plain = _undeclared(node)
    positional = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    if len(positional) < len(_OWN) and node.args.vararg is None:
        raise declarations.error(node.lineno, f"{node.name}() takes a path and an output first.")
    if words.output_suffix and not SUFFIX_WORD.fullmatch(str(words.output_suffix)):
        line = declared.lines[OUTPUT_SUFFIX]
        raise declarations.error(line, "output_suffix is a suffix such as .txt.")
    own = tuple(positional[: len(_OWN)])
    shown = {each.name: each for each in plain.parameters if each.name not in own}
    for name, said in words.parameters.items():
        line = declared.lines[name]
        if name not in shown:
            reason = f"{node.name}() has no {printable(name)!r} with a plain default."
            raise declarations.error(line, reason)
        try:
            shown[name] = _told(shown[name], said)
        except PipelineError as error:
            raise declarations.error(line, str(error)) from error
    return replace(
        plain,
        label=words.label or node.name.replace("_", " ").strip().capitalize() or node.name,
        sentence=words.sentence or plain.sentence,
        output_suffix=words.output_suffix,
        parameters=tuple(shown.values()),
        names=plain.names - set(own),
    )


def _told(shown: Parameter, said: ParameterWords) -> Parameter:
    """Return the parameter with what is said of it; PipelineError where both do not fit."""
    is_number = shown.kind in (ParameterKind.INTEGER, ParameterKind.NUMBER)
    if not is_number and (said.at_least is not None or said.at_most is not None):
        raise PipelineError(f"{shown.name} is no number, so it has no range.")
    if said.choices and not isinstance(shown.default, str):
        raise PipelineError(f"{shown.name} is no text, so it has no choices.")
    told = replace(
        shown,
        kind=ParameterKind.CHOICE if said.choices else shown.kind,
        label=said.label or shown.label,
        sentence=said.sentence or shown.sentence,
        unit=said.unit,
        minimum=said.at_least,
        maximum=said.at_most,
        choices=said.choices or shown.choices,
    )
    told.check(told.default)
    return told


def _undeclared(function: Function) -> CodeFunction:
    lines = (ast.get_docstring(function) or "").splitlines()
    arguments = function.args
    return CodeFunction(
        function.name,
        sentence=lines[0].strip() if lines else "",
        parameters=tuple(_parameters(arguments, _said(lines))),
        names=frozenset(argument.arg for argument in _arguments(arguments)) - set(_OWN),
        takes_any=arguments.kwarg is not None,
    )


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def _parameters(arguments: ast.arguments, said: dict[str, str]) -> Iterator[Parameter]:
    """Yield those with a plain default; one without, and *args, a form cannot show."""
    for argument, default in _with_defaults(arguments):
        value = _constant(default)
        if argument.arg in (*_OWN, FUNCTION, OUTPUT_SUFFIX) or value is None:
            continue
        choices = _choices(argument.annotation)
        if value in choices:
            kind = ParameterKind.CHOICE
        else:
            kind, choices = _kind(value, argument.annotation), ()
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
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _INTEGER_MOST else None
    return value if isinstance(value, float) and abs(value) <= BOUND_MOST else None


def _kind(value: ParameterValue, annotation: ast.expr | None) -> ParameterKind:
    match value:
        case bool():
            return ParameterKind.FLAG
        case int() if isinstance(annotation, ast.Name) and annotation.id == "float":
            return ParameterKind.NUMBER
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


def _said(lines: Sequence[str]) -> dict[str, str]:
    """Return what the lines of a docstring say of each name before a colon."""
    found = {}
    for line in lines[1:]:
        name, colon, sentence = line.strip().partition(":")
        if colon and name.isidentifier() and sentence.strip():
            found[name] = sentence.strip()
    return found
