"""`everycore operations` and `everycore presets`: what there is, written from declarations."""

from pathlib import Path

from msgspec.structs import replace

from workers.command_line.exit_status import ExitStatus
from workers.command_line.options import OperationsOptions, PresetsOptions
from workers.errors import PipelineError
from workers.job import ParameterValue
from workers.operations.declaration import Operation, Parameter, ParameterKind
from workers.wording import printable


def operations(options: OperationsOptions) -> ExitStatus:
    """Print all operations, or one with its parameters; raise PipelineError on no such name."""
    from workers.operations import all_operations, find_operation

    if options.name.endswith(".py"):
        lines = _code_lines(Path(options.name))
    elif options.name:
        lines = operation_lines(find_operation(options.name))
    else:
        found = sorted(all_operations(), key=_operation_id)
        lines = _columns([(operation.id, operation.sentence) for operation in found])
    print("\n".join(lines))
    return ExitStatus.DONE


def _code_lines(file: Path) -> list[str]:
    """Return what a file of own code offers, each as its step is written; the file is not run."""
    from workers.operations import find_operation
    from workers.operations.code_parameters import FUNCTION, PLAIN, code_functions, source_of
    from workers.operations.code_steps import first_step, own_operation
    from workers.operations.source_check import check_source

    base = find_operation("user.process")
    functions = code_functions(source_of(file), file.name)
    names = [function.name for function in functions]
    if not names and (problem := check_source(file, PLAIN)):
        raise PipelineError(problem)
    lines: list[str] = []
    for name in names or [PLAIN]:
        operation = own_operation(base, first_step(base.id, file, name))
        own = [each for each in operation.parameters if each.name != FUNCTION]
        lines += [""] if lines else []
        lines += operation_lines(replace(operation, parameters=tuple(own)))
        chosen = f', {FUNCTION} = "{name}"' if len(names) > 1 else ""
        lines.append(printable(f'Step: operation = "{base.id}", file = "{file}"{chosen}'))
    return lines


def presets(options: PresetsOptions) -> ExitStatus:
    """Print all presets, or one as its file; raise PipelineError on no such name."""
    from workers.pipeline import dump_pipeline, load_pipeline, preset_pipelines

    if options.name:
        text = dump_pipeline(load_pipeline(options.name)).rstrip("\n")
        lines = text.split("\n")
    else:
        lines = _columns(
            [
                (pipeline.id, pipeline.description or pipeline.name)
                for pipeline in preset_pipelines()
            ]
        )
    print("\n".join(printable(line) for line in lines))
    return ExitStatus.DONE


def operation_lines(operation: Operation) -> list[str]:
    """Return an operation's declaration as lines of text."""
    lines = [
        f"{operation.id}: {operation.label}",
        operation.sentence,
        f"Reads: {operation.reads.value}",
    ]
    if operation.parameters:
        lines += ["", "Parameters:"]
    for parameter in operation.parameters:
        lines += _parameter_lines(parameter)
    return [printable(line) for line in lines]


def _operation_id(operation: Operation) -> str:
    return operation.id


def _parameter_lines(parameter: Parameter) -> list[str]:
    lines = [
        f"  {parameter.name} = {toml_value(parameter.default)}",
        f"      {parameter.sentence or parameter.label}",
        f"      {values_words(parameter)}",
    ]
    if parameter.shown_when is not None:
        other, values = parameter.shown_when
        words = " or ".join(toml_value(value) for value in values)
        lines.append(f"      Matters when {other} is {words}.")
    return lines


def values_words(parameter: Parameter) -> str:
    """Return which values a parameter takes, in words."""
    match parameter.kind:
        case ParameterKind.CHOICE:
            return "One of: " + ", ".join(toml_value(choice) for choice in parameter.choices)
        case ParameterKind.FLAG:
            return "true or false"
        case ParameterKind.TEXT:
            return "Text"
        case ParameterKind.COLOUR:
            return "Colour"
        case ParameterKind.PICTURE:
            return "Path of a picture"
        case ParameterKind.INTEGER | ParameterKind.NUMBER:
            words = "Whole number" if parameter.kind is ParameterKind.INTEGER else "Number"
            if parameter.minimum is not None:
                words += f" from {_number_words(parameter.minimum)}"
            if parameter.maximum is not None:
                words += f" to {_number_words(parameter.maximum)}"
            return f"{words}, in {parameter.unit}" if parameter.unit else words


def _number_words(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:g}"


def toml_value(value: ParameterValue) -> str:
    """Return a value as it stands in a pipeline file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


def _columns(pairs: list[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in pairs), default=0)
    return [printable(f"{name:<{width}}  {sentence}") for name, sentence in pairs]
