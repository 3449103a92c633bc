"""Pipelines as files: read, checked and written. Pure but for the files it is asked to read.

An error names file, line and field in one sentence. Nothing in a pipeline is ever executed here;
own code is a path and its digest.
"""

import difflib
import hashlib
import itertools
import json
import logging
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from workers.errors import PipelineError
from workers.folders import presets_folder
from workers.job import Kind, ParameterValue, Pipeline, Step
from workers.operations import Companion, find_family, find_operation
from workers.operations.declaration import ParameterKind
from workers.wording import printable

if TYPE_CHECKING:
    from workers.operations.code_parameters import CodeFunction

_FORMAT: Final = 1
_TOP: Final = ("format", "name", "description", "steps")
_LOG: Final = logging.getLogger(__name__)


def load_pipeline(reference: str) -> Pipeline:
    """Return a preset by its id, or the pipeline of a .toml file; raises PipelineError."""
    if reference.lower().endswith(".toml"):
        return _load_file(Path(reference))
    known = _preset_files()
    if reference not in known:
        near = difflib.get_close_matches(reference, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else f" There are {', '.join(known)}."
        raise PipelineError(f"There is no preset {printable(reference)!r}.{hint}")
    return _load_file(known[reference])


def preset_pipelines() -> tuple[Pipeline, ...]:
    """Return the bundled presets, then the person's own; a broken own one is logged and left."""
    pipelines = []
    for file in _preset_files().values():
        try:
            pipelines.append(_load_file(file))
        except PipelineError as error:
            _LOG.warning("A preset was left out: %s", error)
    return tuple(pipelines)


def parse_pipeline(text: str, where: Path | str) -> Pipeline:
    """Return the pipeline of a TOML text; `where` names it in errors and roots own code."""
    source = _Source(text, where)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise source.syntax_error(str(error)) from error
    _check_top(source, content)
    entries = content["steps"]
    steps = tuple(_step(source, number, entry) for number, entry in enumerate(entries))
    file = where if isinstance(where, Path) else None
    pipeline = Pipeline(
        name=content.get("name") or (file.stem if file else "Pipeline"),
        steps=steps,
        description=content.get("description", ""),
        id=file.stem if file else "",
    )
    if (problem := reduce_problem(pipeline)) is not None:
        number, reason = problem
        raise source.error("operation", reason, number)
    return pipeline


def dump_pipeline(pipeline: Pipeline) -> str:
    """Return the TOML text of a pipeline; parsing it gives the same steps."""
    import tomli_w

    steps = []
    for step in pipeline.steps:
        entry: dict[str, ParameterValue] = {"operation": step.operation}
        if step.file is not None:
            entry["file"] = str(step.file)
        steps.append(entry | dict(step.parameters))
    content: dict[str, object] = {"format": _FORMAT, "name": pipeline.name}
    if pipeline.description:
        content["description"] = pipeline.description
    # A list of tables, each below its own [[steps]], as people write it.
    return tomli_w.dumps(content) + "".join(
        "\n[[steps]]\n" + tomli_w.dumps(entry) for entry in steps
    )


def fingerprint(pipeline: Pipeline) -> str:
    """Return the SHA-256 of what the pipeline does, with what the files it names hold.

    Raises PipelineError where one cannot be read.
    """
    entries = []
    for step in pipeline.steps:
        entry: dict[str, object] = {"operation": step.operation, **_completed(step)}
        for name, picture in _pictures(step).items():
            entry[name] = hashlib.sha256(_own_bytes(Path(picture))).hexdigest() if picture else ""
        if step.file is not None:
            entry["file digest"] = hashlib.sha256(_own_bytes(step.file)).hexdigest()
        entries.append(entry)
    canonical = json.dumps(entries, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def fingerprint_or_none(pipeline: Pipeline) -> str | None:
    """Return the fingerprint; None where own code cannot be read."""
    try:
        return fingerprint(pipeline)
    except PipelineError:
        return None


def reduce_step(pipeline: Pipeline) -> Step | None:
    """Return the step that puts all inputs into one output: the last, or none."""
    for last in pipeline.steps[-1:]:
        return last if find_operation(last.operation).is_reduce else None
    return None


def takes_empty(pipeline: Pipeline) -> bool:
    """Say whether the pipeline tells of files as they are, empty ones, too."""
    return any(find_operation(step.operation).stands_alone for step in pipeline.steps)


def reduce_problem(pipeline: Pipeline) -> tuple[int, str] | None:
    """Return which step is where a reduce step cannot do its work, and why; None where none is."""
    for number, step in enumerate(pipeline.steps):
        operation = find_operation(step.operation)
        if operation.is_reduce and number < len(pipeline.steps) - 1:
            return number, f"{operation.label} puts all files into one; no step can follow it."
        if operation.stands_alone and number:
            return number, f"{operation.label} tells of the files as they are; it is the only step."
    if reduce_step(pipeline) is not None:
        for number, step in enumerate(pipeline.steps):
            if _companions((step,), ".png"):
                reason = "what it saves beside each file would be lost; take it out."
                return number, f"{find_operation(step.operation).label}: {reason}"
    return None


def steps_for(pipeline: Pipeline, kind: Kind) -> tuple[Step, ...]:
    """Return the steps that an input of that kind passes through.

    None where there is a reduce step and it does not read that kind.
    """
    steps = tuple(
        step for step in pipeline.steps if find_operation(step.operation).reads in (kind, Kind.ANY)
    )
    last = reduce_step(pipeline)
    return steps if last is None or last in steps[-1:] else ()


def families_of(steps: Iterable[Step]) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """Return the steps as runs of one family each, in order."""
    grouped = itertools.groupby(steps, key=_family)
    return tuple((family, tuple(group)) for family, group in grouped)


def output_suffix(pipeline: Pipeline, kind: Kind, suffix: str) -> str:
    """Return the suffix of the output for an input of that kind and suffix."""
    for family, steps in families_of(steps_for(pipeline, kind)):
        suffix = find_family(family).output_suffix(steps, suffix)
    return suffix


def companions(pipeline: Pipeline, kind: Kind, suffix: str) -> tuple[Companion, ...]:
    """Return what is written beside the output for an input of that kind and suffix."""
    runs = families_of(steps_for(pipeline, kind))
    for family, steps in runs[:-1]:
        suffix = find_family(family).output_suffix(steps, suffix)
    return _companions(runs[-1][1], suffix) if runs else ()


def _companions(steps: Sequence[Step], suffix: str) -> tuple[Companion, ...]:
    """Return what steps of one family write beside the output for an input of that suffix."""
    told = getattr(find_family(_family(steps[0])), "companions", None)
    return () if told is None else tuple(told(steps, suffix))


def own_code(pipeline: Pipeline) -> tuple[Path, ...]:
    """Return the .py files that the pipeline runs, each once."""
    return tuple(dict.fromkeys(step.file for step in pipeline.steps if step.file is not None))


def named_pictures(pipeline: Pipeline) -> tuple[str, ...]:
    """Return the paths of pictures that steps lay over others; "" where none is chosen yet."""
    found = [picture for step in pipeline.steps for picture in _pictures(step).values()]
    return tuple(dict.fromkeys(found))


def picture_files(pipeline: Pipeline) -> tuple[Path, ...]:
    """Return the pictures that a run of the pipeline reads besides its inputs, each once."""
    return tuple(Path(picture) for picture in named_pictures(pipeline) if picture)


def own_steps(pipeline: Pipeline) -> tuple[Step, ...]:
    """Return the steps that run a .py file."""
    return tuple(step for step in pipeline.steps if step.file is not None)


class _Source:
    """A pipeline's text and name; finds the line that an error is about."""

    def __init__(self, text: str, where: Path | str) -> None:
        self.folder = where.parent if isinstance(where, Path) else Path()
        self.name = printable(where.name if isinstance(where, Path) else where)
        self._lines = text.splitlines()
        self._starts = [
            number
            for number, line in enumerate(self._lines)
            if re.match(r"\s*\[\[\s*steps\s*\]\]", line)
        ]

    def error(self, field: str, reason: str, step: int | None = None) -> PipelineError:
        """Return the error, in one sentence, with the field's line where it can be found."""
        line = self._line(field, step)
        place = f"{self.name}, line {line}" if line else self.name
        where = f"step {step + 1}, field {field!r}" if step is not None else f"field {field!r}"
        return PipelineError(f"{place}, {where}: {reason}")

    def syntax_error(self, reason: str) -> PipelineError:
        """Return the error of the TOML reader, which names the place in its own way."""
        at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", reason)
        line = (at and at[1]) or len(self._lines)
        said = reason.replace(at[0], "") if at else reason
        return PipelineError(f"{self.name}, line {line}: {printable(said)}.")

    def _line(self, field: str, step: int | None) -> int:
        first, last = self._range(step)
        pattern = re.compile(rf"\s*[\"']?{re.escape(field)}[\"']?\s*=")
        for number in range(first, last):
            if pattern.match(self._lines[number]):
                return number + 1
        return first + 1 if step is not None and step < len(self._starts) else 0

    def _range(self, step: int | None) -> tuple[int, int]:
        ends = [*self._starts, len(self._lines)]
        if step is None or step >= len(self._starts):
            return 0, len(self._lines) if step is not None else ends[0]
        return self._starts[step], ends[step + 1]


def _check_top(source: _Source, content: Mapping[str, object]) -> None:
    for field in content:
        if field not in _TOP:
            raise source.error(field, f"there is no such field.{_near(field, _TOP)}")
    version = content.get("format", _FORMAT)
    if isinstance(version, int) and not isinstance(version, bool) and version > _FORMAT:
        reason = f"{version} is of a newer Everycore; this one reads {_FORMAT}."
        raise source.error("format", reason)
    if version is True or version != _FORMAT:
        raise source.error("format", f"it is {_FORMAT}, not {version!r}.")
    for field in ("name", "description"):
        if not isinstance(content.get(field, ""), str):
            raise source.error(field, "it is text in quotes.")
    steps = content.get("steps")
    if not isinstance(steps, list) or not steps:
        raise source.error("steps", "a pipeline has at least one [[steps]].")


def _step(source: _Source, number: int, entry: object) -> Step:
    if not isinstance(entry, dict):
        raise source.error("steps", "each step is a table, [[steps]].", number)
    operation_id = entry.get("operation")
    if not isinstance(operation_id, str):
        raise source.error("operation", "a step names its operation, as text.", number)
    try:
        find_operation(operation_id)
    except PipelineError as error:
        raise source.error("operation", str(error), number) from error
    file = _own_file(source, number, operation_id, entry)
    values = {
        name: _scalar(source, number, name, value)
        for name, value in entry.items()
        if name not in ("operation", "file")
    }
    step = Step(operation_id, values, file)
    if step.file is not None:
        return _checked_own(source, number, step)
    _check_values(source, number, step)
    return _rooted(source, number, step)


def _rooted(source: _Source, number: int, step: Step) -> Step:
    """Return the step with the pictures it names found from the pipeline's folder."""
    named = {name: picture for name, picture in _pictures(step).items() if picture}
    for name, picture in named.items():
        if "\x00" in picture:
            raise source.error(name, "no file is called so.", number)
    rooted = {name: str((source.folder / file).absolute()) for name, file in named.items()}
    return replace(step, parameters={**step.parameters, **rooted}) if rooted else step


def _own_file(
    source: _Source, number: int, operation_id: str, entry: Mapping[str, object]
) -> Path | None:
    is_user = operation_id.startswith("user.")
    file = entry.get("file")
    if not is_user and file is not None:
        raise source.error("file", f"{operation_id} takes no file; only user.process does.", number)
    if not is_user:
        return None
    if not isinstance(file, str) or not file.endswith(".py") or "\x00" in file:
        raise source.error("file", "user.process names a .py file.", number)
    return (source.folder / file).absolute()


def _scalar(source: _Source, number: int, name: str, value: object) -> ParameterValue:
    if isinstance(value, (bool, int, float, str)):
        return value
    raise source.error(name, "a value is a number, text, or true or false.", number)


def _check_values(source: _Source, number: int, step: Step) -> None:
    """Check the values one by one, so that the error names the right line."""
    operation = find_operation(step.operation)
    known = [parameter.name for parameter in operation.parameters]
    for name, value in step.parameters.items():
        if name not in known:
            reason = f"{step.operation} has no such parameter.{_near(name, known)}"
            raise source.error(name, reason, number)
        try:
            operation.complete({name: value})
        except PipelineError as error:
            raise source.error(name, str(error), number) from error


def _checked_own(source: _Source, number: int, step: Step) -> Step:
    """Check a step of own code against its file; return it with the suffix declared there."""
    from workers.operations import code_parameters, code_steps

    assert step.file is not None
    suffix = step.parameters.get(code_parameters.OUTPUT_SUFFIX, "")
    is_known = isinstance(suffix, str) and (
        not suffix or code_parameters.SUFFIX_WORD.fullmatch(suffix)
    )
    if not is_known:
        raise source.error("output_suffix", "it is a suffix such as .txt.", number)
    try:
        function = code_steps.step_function(step)
    except PipelineError as error:
        is_named = code_parameters.FUNCTION in step.parameters
        field = code_parameters.FUNCTION if is_named else "file"
        raise source.error(field, str(error), number) from error
    for name, value in step.parameters.items():
        if name not in (code_parameters.FUNCTION, code_parameters.OUTPUT_SUFFIX):
            _check_own_value(source, number, step.file, function, (name, value))
    return code_steps.with_suffix(step, function)


def _check_own_value(
    source: _Source,
    number: int,
    file: Path,
    function: "CodeFunction",
    given: tuple[str, ParameterValue],
) -> None:
    name, value = given
    if not name.isidentifier() or name == "path" or name == "output":
        reason = f"this name cannot be a parameter of {function.name}()."
        raise source.error(name, reason, number)
    if not function.takes(name):
        near = _near(name, [parameter.name for parameter in function.parameters])
        reason = f"{function.name}() of {printable(file.name)} has no such parameter.{near}"
        raise source.error(name, reason, number)
    try:
        function.check(name, value)
    except PipelineError as error:
        raise source.error(name, str(error), number) from error


def _completed(step: Step) -> dict[str, ParameterValue]:
    operation = find_operation(step.operation)
    is_user = operation.family == "user"
    return dict(step.parameters) if is_user else operation.complete(step.parameters)


def _family(step: Step) -> str:
    return step.operation.partition(".")[0]


def _near(word: str, known: Iterable[str]) -> str:
    names = list(known)
    matches = difflib.get_close_matches(word, names, n=1)
    if matches:
        return f" Did you mean {matches[0]!r}?"
    return f" There are {', '.join(names)}." if names else ""


def _preset_files() -> dict[str, Path]:
    """Return the preset files by id: the bundled in their order, then the person's own."""
    import resources

    bundled = {name: resources.presets_path() / f"{name}.toml" for name in resources.PRESETS}
    own = {file.stem: file for file in sorted(presets_folder().glob("*.toml"))}
    return bundled | own


def _load_file(file: Path) -> Pipeline:
    name = printable(file)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PipelineError(f"There is no pipeline file {name}.") from None
    except UnicodeDecodeError:
        raise PipelineError(f"{name} is not UTF-8 text.") from None
    except OSError as error:
        raise PipelineError(f"{name} cannot be read ({error.strerror}).") from error
    return parse_pipeline(text, file)


def _pictures(step: Step) -> dict[str, str]:
    """Return the pictures that a step names by its parameters; "" where none is chosen yet."""
    return {
        parameter.name: str(step.parameters.get(parameter.name, parameter.default))
        for parameter in find_operation(step.operation).parameters
        if parameter.kind is ParameterKind.PICTURE
    }


def _own_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise PipelineError(f"{printable(file)} cannot be read ({error.strerror}).") from error
