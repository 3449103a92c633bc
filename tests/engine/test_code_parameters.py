"""Parameters of own code, read from its source without running it."""

from pathlib import Path

import pytest

from workers.errors import PipelineError
from workers.operations import find_operation
from workers.operations.code_parameters import CodeParameters, own_operation
from workers.operations.declaration import ParameterKind
from workers.pipeline import parse_pipeline

SOURCE = '''
from typing import Literal
raise RuntimeError("this must never run")

def process(path, output, minimum=3, *, mode: Literal["a", "b"] = "b", share=0.5, loud=True,
            title="x", table=None, need):
    """Keep the long lines.

    minimum: Lines that are shorter go.
    mode: How.
    """
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "long_lines.py"
    file.write_text(SOURCE)
    return file


def test_defaults_declare_kinds_choices_and_sentences(file: Path) -> None:
    operation = own_operation(find_operation("user.process"), file)
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
def test_what_cannot_be_read_takes_anything(tmp_path: Path, source: str) -> None:
    file = tmp_path / "own.py"
    file.write_text(source)
    code = CodeParameters(file)
    assert code.parameters == ()
    assert code.takes("whatever")
    assert CodeParameters(tmp_path / "missing.py").takes("whatever")
