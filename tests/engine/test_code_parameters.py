"""What own code declares, read from its source without running it."""

from pathlib import Path

import pytest

from tests.engine.conftest import Running, job_of
from workers import Step
from workers.command_line import catalogue
from workers.command_line.options import OperationsOptions
from workers.errors import JobRefused, PipelineError
from workers.job import JobSpec, Pipeline
from workers.job_starts import check_spec
from workers.operations import find_operation
from workers.operations.code_parameters import chosen_function, code_functions
from workers.operations.code_steps import first_step, own_operation
from workers.operations.declaration import ParameterKind
from workers.operations.user_function import digest, load_step
from workers.pipeline import parse_pipeline

SOURCE = '''
from typing import Literal
raise RuntimeError("this must never run")

def process(path, output, minimum=3, *, mode: Literal["a", "b"] = "b", share=0.5, loud=True,
            title="x", table=None, need, huge=10**99, far=4e99):
    """Keep the long lines.

    minimum: Lines that are shorter go.
    mode: How.
    """
'''
DECLARED = '''
from workers.own_code import operation, parameter as told
import workers.own_code as own

@operation(
    "Keep long lines",
    "Keeps the lines that have enough letters.",
    output_suffix=".md",
    minimum=told("Shorter go.", label="Least", unit="letters", at_least=0, at_most=-9 + 1009),
    mode=told(choices=("letters", "words")),
)
def keep_long(src, dst, minimum: float = 10, mode="letters", loud=False):
    dst.write_text(f"{minimum} {mode}")

@own.operation
def shout(path, output, *, times=2):
    """Make it loud.

    times: How often.
    """
    output.write_text("!" * times)

def not_a_step(path, output): ...
'''.replace("-9 + 1009", "1000")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "long_lines.py"
    file.write_text(SOURCE)
    return file


def test_defaults_declare_kinds_choices_and_sentences(file: Path) -> None:
    operation = own_operation(find_operation("user.process"), first_step("user.process", file))
    assert (operation.label, operation.sentence) == ("Long lines", "Keep the long lines.")
    told = {p.name: (p.kind, p.default, p.sentence) for p in operation.parameters}
    assert told.pop("output_suffix")[0] is ParameterKind.TEXT
    assert told == {
        "minimum": (ParameterKind.INTEGER, 3, "Lines that are shorter go."),
        "mode": (ParameterKind.CHOICE, "b", "How."),
        "share": (ParameterKind.NUMBER, 0.5, ""),
        "loud": (ParameterKind.FLAG, True, ""),
        "title": (ParameterKind.TEXT, "x", ""),
    }
    mode = next(p for p in operation.parameters if p.name == "mode")
    assert mode.choices == ("a", "b")


def test_decorators_declare_labels_units_ranges_and_several_operations(file: Path) -> None:
    file.write_text(DECLARED)
    step = first_step("user.process", file)
    assert step.parameters == {"function": "keep_long", "output_suffix": ".md"}
    operation = own_operation(find_operation("user.process"), step)
    assert operation.label == "Keep long lines"
    assert operation.sentence == "Keeps the lines that have enough letters."
    told = {each.name: each for each in operation.parameters}
    assert list(told) == ["function", "minimum", "mode", "loud", "output_suffix"]
    assert told["function"].choices == ("keep_long", "shout")
    minimum = told["minimum"]
    assert (minimum.kind, minimum.default) == (ParameterKind.NUMBER, 10)
    assert (minimum.label, minimum.unit, minimum.sentence) == ("Least", "letters", "Shorter go.")
    assert (minimum.minimum, minimum.maximum) == (0, 1000)
    assert (told["mode"].kind, told["mode"].choices) == (ParameterKind.CHOICE, ("letters", "words"))
    assert told["output_suffix"].default == ".md"
    other = own_operation(find_operation("user.process"), Step("", {"function": "shout"}, file))
    assert (other.label, other.sentence) == ("Shout", "Make it loud.")
    assert other.parameters[1].sentence == "How often."


def test_the_worker_calls_the_function_that_is_named(file: Path, tmp_path: Path) -> None:
    file.write_text(DECLARED)
    name, shout = load_step(Step("user.process", {"function": "shout"}, file), (digest(file),))
    shout(file, tmp_path / "out", times=3)
    assert (name, (tmp_path / "out").read_text()) == ("shout", "!!!")
    with pytest.raises(PipelineError, match=r"several operations.*function = \"keep_long\""):
        load_step(Step("user.process", {}, file))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("minimum = -1", r"p\.toml, line 5, .*'minimum': minimum goes from 0 to 1000; -1 is out"),
        ('minimum = "x"', r"'minimum': minimum takes a number"),
        ('mode = "lines"', r"'mode': mode is one of letters, words"),
        ("minimun = 1", r"keep_long\(\) of long_lines\.py has no such.*'minimum'"),
        ('function = "keep_lon"', r"line 4, .*no operation 'keep_lon'. Did you mean 'keep_long'"),
        ('function = "not_a_step"', r"has no operation 'not_a_step'"),
        ("", r"'file': long_lines\.py has several operations"),
    ],
)
def test_a_step_is_checked_against_its_declaration(file: Path, line: str, words: str) -> None:
    file.write_text(DECLARED)
    text = '[[steps]]\noperation = "user.process"\nfile = "long_lines.py"\n'
    if line and not line.startswith("function"):
        text += 'function = "keep_long"\n'
    with pytest.raises(PipelineError, match=words):
        parse_pipeline(text + line, file.with_name("p.toml"))


def test_a_declared_step_runs_and_names_the_own_line_of_what_it_raises(
    running: Running, folder: Path, file: Path
) -> None:
    file.write_text(DECLARED.replace("    dst.write", "    assert src.stem != 'b'\n    dst.write"))
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name)
    text = '[[steps]]\noperation = "user.process"\nfile = "long_lines.py"\nfunction = "keep_long"\n'
    pipeline = parse_pipeline(text + "minimum = 2.5", file.with_name("p.toml"))
    running.post(*job_of(folder, file.with_name("out"), pipeline))
    running.until_ended()
    assert (file.parent / "out" / "a.md").read_text() == "2.5 letters"
    messages = {row.name: row.message for row in running.ended}
    assert messages == {"a.txt": "", "b.txt": "AssertionError (long_lines.py, line 13)"}


def test_a_pipeline_takes_the_suffix_that_is_declared_unless_it_has_one(file: Path) -> None:
    file.write_text(DECLARED)
    text = '[[steps]]\noperation = "user.process"\nfile = "long_lines.py"\nfunction = "keep_long"\n'
    (step,) = parse_pipeline(text, file.with_name("p.toml")).steps
    assert step.parameters["output_suffix"] == ".md"
    (step,) = parse_pipeline(text + 'output_suffix = ""', file.with_name("p.toml")).steps
    assert step.parameters["output_suffix"] == ""


WRONG = [
    ('@operation("L", minimun=parameter("x"))', "f() has no 'minimun' with a plain default."),
    ('@operation("L", n=parameter("x", at_least=5))', "n goes from 5 up; 3 is outside."),
    ('@operation("L", n=parameter("x", at_most=1e999))', "at_least and at_most are numbers."),
    ('@operation("L", n=parameter(at_least=2, at_most=1))', "at_least is greater than at_most."),
    ('@operation("L", n=parameter(choices=("a",)))', "n is no text, so it has no choices."),
    ('@operation("L", t=parameter(at_most=1))', "t is no number, so it has no range."),
    ('@operation("L", t=parameter(choices=("a", "b")))', "t is one of a, b; not 'x'."),
    ('@operation("L", n=parameter(unit=3))', "sentence, label and unit are text."),
    ('@operation("L", n=parameter(least=3))', "got an unexpected keyword argument 'least'."),
    ('@operation("L", n=3)', "n is told by parameter(...)."),
    ('@operation("L", n=parameter(unit=UNIT))', "written out plainly, not as UNIT."),
    ("@operation(label())", "written out plainly, not as label()."),
    ('@operation("L", **more)', "written out plainly; ** is not."),
    ('@operation("")', "the label is one line of text, at most 60 letters."),
    ("@operation(7)", "the label is one line of text, at most 60 letters."),
    ('@operation("L", 7)', "the sentence is text."),
    ('@operation("L", output_suffix="txt")', "output_suffix is a suffix such as .txt."),
    ("@operation()", "missing a required argument: 'label'."),
]


@pytest.mark.parametrize(("decorator", "reason"), WRONG)
def test_a_wrong_declaration_is_told_with_its_line(file: Path, decorator: str, reason: str) -> None:
    source = "from workers.own_code import operation, parameter\n\n{}\ndef f({}n=3, t='x'): ...\n"
    file.write_text(source.format(decorator, "path, output, "))
    step = Step("user.process", {}, file)
    spec = JobSpec(file.parent, Pipeline("", (step,)), trusted=(digest(file),))
    with pytest.raises(JobRefused) as refused:
        check_spec(spec)
    assert str(refused.value).startswith("long_lines.py, line 3: ")
    assert str(refused.value).endswith(reason)
    card = own_operation(find_operation("user.process"), first_step("user.process", file))
    with pytest.raises(PipelineError, match="line 3"):
        card.summarize({})


def test_a_step_takes_a_path_and_an_output_and_is_no_coroutine(file: Path) -> None:
    for line, words in (("def f(n=3)", "f() takes a path and an"), ("async def f(a, b)", "async")):
        source = f"from workers.own_code import operation\n@operation\n{line}: ...\n".encode()
        with pytest.raises(PipelineError, match=r"x\.py, line 3: ") as told:
            code_functions(source, "x.py")
        assert words in str(told.value)
    # A decorator of another library is not ours.
    foreign = b"from click import operation\n@operation(x)\ndef process(a, b): ...\n"
    assert [each.label for each in code_functions(foreign, "x.py")] == [""]


def test_the_terminal_tells_what_a_file_declares(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(DECLARED)
    catalogue.operations(OperationsOptions(str(file)))
    told = capsys.readouterr().out
    assert "user.process: Keep long lines" in told
    assert "Number from 0 to 1,000, in letters" in told
    assert f'file = "{file}", function = "shout"' in told
    file.write_text("def (")
    with pytest.raises(PipelineError, match=r"long_lines\.py, line 1: invalid syntax"):
        catalogue.operations(OperationsOptions(str(file)))


def test_pipeline_with_a_parameter_that_the_function_lacks_is_refused(file: Path) -> None:
    text = '[[steps]]\noperation = "user.process"\nfile = "long_lines.py"\nminimun = 4\n'
    with pytest.raises(PipelineError, match=r"line 4.*no such parameter.*'minimum'"):
        parse_pipeline(text, file.with_name("p.toml"))
    text = text.replace("minimun", "need")
    assert parse_pipeline(text, file.with_name("p.toml")).steps[0].parameters == {"need": 4}


@pytest.mark.parametrize(
    "source",
    ["def process(path, output, **more): pass", "this is no Python", "x = 1", "\x00"],
)
def test_what_cannot_be_read_takes_anything(source: str) -> None:
    function = chosen_function(source.encode(), "own.py", "")
    assert (function.name, function.parameters) == ("process", ())
    assert function.takes("whatever")
