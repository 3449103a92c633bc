"""Own code: looked at without running, loaded under a private name, called with paths."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from workers import Failure, ParameterValue, Step
from workers.errors import PipelineError
from workers.operations import user_function
from workers.operations.input_file import InputFile, open_input
from workers.operations.user_function import check_source, digest, load_function


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    return folder / "own.py"


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    file = tmp_path / "letter.txt"
    file.write_text("hello")
    return file


def run(source: Path, *steps: Step) -> tuple[Failure | str, Path]:
    opened = open_input(source)
    assert isinstance(opened, InputFile)
    with opened:
        folder = source.parent / "staging"
        folder.mkdir(exist_ok=True)
        target = folder / f"out{user_function.output_suffix(steps, opened.suffix)}"
        return user_function.run(steps, opened, target), target


def step(file: Path, **values: ParameterValue) -> Step:
    return Step("user.process", values, file)


def test_the_function_gets_paths_and_parameters(code: Path, letter: Path) -> None:
    code.write_text(
        "from pathlib import Path\n"
        "def process(path, output, *, times, word='!'):\n"
        "    assert isinstance(path, Path) and isinstance(output, Path)\n"
        "    output.write_text(path.read_text() * times + word)\n"
    )
    answer, target = run(letter, step(code, times=2, word="?"))
    assert answer == ""
    assert target.name == "out.txt"
    assert target.read_text() == "hellohello?"


def test_steps_follow_each_other_and_leave_nothing_between(code: Path, letter: Path) -> None:
    code.write_text(
        "def process(path, output, add):\n    output.write_text(path.read_text() + add)\n"
    )
    answer, target = run(
        letter, step(code, add="1", output_suffix=".md"), step(code, add="2"), step(code, add="3")
    )
    assert answer == ""
    assert target.read_text() == "hello123"
    assert target.name == "out.md"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("body", ["pass", "output.touch()"])
def test_a_function_that_writes_nothing_fails(code: Path, letter: Path, body: str) -> None:
    code.write_text(f"def process(path, output):\n    {body}\n")
    answer, _target = run(letter, step(code))
    assert isinstance(answer, Failure)
    assert answer.message == "process() wrote nothing."


def test_what_the_function_raises_goes_through(code: Path, letter: Path) -> None:
    code.write_text("def process(path, output):\n    raise KeyError('mine')\n")
    with pytest.raises(KeyError, match="mine"):
        run(letter, step(code))


def test_the_module_is_loaded_once_and_again_after_a_change(code: Path) -> None:
    code.write_text("import itertools\ncounter = itertools.count()\n\ndef f():\n    return 1\n")
    first = load_function(code, "f")
    assert load_function(code, "f") is first
    code.write_text("def f():\n    return 2\n")
    os.utime(code, ns=(1, 1))
    assert load_function(code, "f")() == 2


def test_a_touched_file_with_the_same_content_is_not_loaded_again(code: Path) -> None:
    code.write_text("def f():\n    return 1\n")
    first = load_function(code, "f")
    os.utime(code, ns=(1, 1))
    assert load_function(code, "f") is first


def test_the_module_is_private_and_never_main(code: Path) -> None:
    code.write_text(
        "import dataclasses\n"
        "@dataclasses.dataclass\n"
        "class Point:\n"
        "    x: 'int' = 1\n"
        "def name():\n"
        "    return __name__, __file__\n"
        "if __name__ == '__main__':\n"
        "    raise SystemExit\n"
    )
    before = set(sys.modules)
    found = load_function(code, "name")()
    assert isinstance(found, tuple)
    assert found[0].startswith("everycore_own_code_")
    assert found[1] == str(code)
    assert "own" not in set(sys.modules) - before
    assert not (code.parent / "__pycache__").exists()


def test_a_stale_bytecode_file_is_never_run(code: Path) -> None:
    import py_compile

    code.write_text("def f():\n    return 'evil'\n")
    py_compile.compile(str(code), doraise=True)
    status = code.stat()
    code.write_text("def f():\n    return 'good'\n")
    os.utime(code, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load_function(code, "f")() == "good"


def test_a_module_that_fails_at_import_is_not_kept(code: Path) -> None:
    code.write_text("raise ValueError('at import')\n")
    for _ in range(2):
        with pytest.raises(ValueError, match="at import"):
            load_function(code, "f")
    assert not any(name.endswith(digest(code)[:16]) for name in sys.modules)


def test_a_missing_function_is_named(code: Path) -> None:
    code.write_text("f = 3\n")
    with pytest.raises(PipelineError, match=r"own\.py has no function f\(\)\."):
        load_function(code, "f")


def test_only_trusted_bytes_are_run(code: Path) -> None:
    code.write_text("def f():\n    return 1\n")
    assert digest(code) == hashlib.sha256(code.read_bytes()).hexdigest()
    with pytest.raises(PipelineError, match=r"own\.py was changed after it was allowed to run\."):
        load_function(code, "f", ("0" * 64,))
    assert load_function(code, "f", ("0" * 64, digest(code)))() == 1


def test_a_trusted_version_runs_on_when_the_file_is_edited(code: Path) -> None:
    code.write_text("def f():\n    return 1\n")
    trusted = (digest(code),)
    assert load_function(code, "f", trusted)() == 1
    code.write_text("raise SystemExit('not trusted')\n")
    os.utime(code, ns=(1, 1))
    assert load_function(code, "f")() == 1
    assert load_function(code, "f", trusted)() == 1
    code.write_text("def f():\n    return 2\n")
    assert load_function(code, "f", (digest(code),))() == 2


GOOD = (
    "def process(path, output):\n    pass\n",
    "async def process(path, output):\n    pass\n",
    "from somewhere import process\n",
    "from somewhere import *\n",
    "from somewhere import run as process\n",
    "process = make()\n",
    "try:\n    import fast\nexcept ImportError:\n    def process(path, output): ...\n",
    (
        "import multiprocessing\n"
        "def process(path, output):\n    multiprocessing.Pool(2)\n"
        'if __name__ == "__main__":\n    multiprocessing.Pool(4)\n'
    ),
    "import psutil\nme = psutil.Process()\nprocess = lambda path, output: Pool(2)\n",
    'text = "' + '" + "'.join("ab" * 300) + '"\ndef process(path, output): ...\n',
)


@pytest.mark.parametrize("source", GOOD)
def test_code_that_can_run_is_accepted(code: Path, source: str) -> None:
    code.write_text(source)
    assert check_source(code, "process") == ""


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def f(:\n", "own.py, line 1: invalid syntax."),
        ("x = 1\n\nfoo(\n", "own.py, line 3: '(' was never closed."),
        ("def other(): ...\n", "own.py, line 1: it defines no function process()."),
        (
            "class C:\n    def process(self): ...\n",
            "own.py, line 1: it defines no function process().",
        ),
        (
            "from multiprocessing import Pool\ndef process(p, o): ...\npool = Pool(4)\n",
            (
                "own.py, line 3: it starts processes when it is imported; "
                'put that below if __name__ == "__main__".'
            ),
        ),
        (
            "import multiprocessing as mp\nclass C:\n    p = mp.Process(target=print)\n",
            (
                "own.py, line 3: it starts processes when it is imported; "
                'put that below if __name__ == "__main__".'
            ),
        ),
        (
            (
                "import concurrent.futures as cf\n"
                "with cf.ProcessPoolExecutor() as e:\n    e.map(abs, [1])\n"
                "def process(p, o): ...\n"
            ),
            (
                "own.py, line 2: it starts processes when it is imported; "
                'put that below if __name__ == "__main__".'
            ),
        ),
    ],
)
def test_code_that_cannot_run_is_told_with_its_line(code: Path, source: str, sentence: str) -> None:
    code.write_text(source)
    assert check_source(code, "process") == sentence


def test_a_missing_or_strange_file_is_told(code: Path) -> None:
    assert check_source(code, "process") == f"There is no file {code}."
    code.write_bytes(b"\x00\x01")
    assert check_source(code, "process").startswith("own.py")
    code.write_bytes(b"x = '\xff'\n")
    assert check_source(code, "process").startswith("own.py, line 1: ")


def test_looking_at_code_never_runs_it(code: Path, tmp_path: Path) -> None:
    flag = tmp_path / "PWNED"
    code.write_text(f"open({str(flag)!r}, 'w')\ndef process(path, output): ...\n")
    assert check_source(code, "process") == ""
    assert not flag.exists()
