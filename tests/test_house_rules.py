"""The house rules that a machine can check, on the whole tree.

Each rule is a function from a module's syntax tree to the lines that break it; a failure lists
them as `file:line: what`.
"""

import ast
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PRODUCT: Final = ("gui_app", "workers", "resources")
OURS: Final = (*PRODUCT, "packaging", "benchmarks", "tests")

MOST_LINES_IN_FILE: Final = 500
MOST_LINES_IN_FUNCTION: Final = 50
MOST_ARGUMENTS: Final = 6

# Where a person's own code runs and may raise anything (tasks; in the library faces functions,
# arguments, results, iterables, callbacks), and the bridge's run, which Qt would leave without a
# word. Cleaning up and raising again is no broad except.
BROAD_EXCEPT_ALLOWED: Final = {
    "workers/beside.py": 1,
    "workers/worker.py": 3,
    "workers/error_words.py": 2,
    "workers/operations/sweep.py": 1,
    "workers/call_worker.py": 4,
    "workers/call_answers.py": 2,
    "workers/call_results.py": 1,
    "workers/call_pool.py": 2,
    "workers/supervisor.py": 2,
    "workers/pickling.py": 2,
    "workers/operations/__init__.py": 1,
    "gui_app/bridge.py": 1,
    # The preview has a worker and a bridge of its own.
    "workers/preview_program.py": 1,
    "gui_app/preview_bridge.py": 1,
}
# The library faces have the standard library's signatures and names, and speak its pickles.
STANDARD_FACES: Final = {
    "many_arguments": ("workers/drop_in.py", "workers/call_pool.py"),
    "vague_names": ("workers/drop_in.py",),
    "unpickling": ("workers/pickling.py",),
}

# "core" is vague alone, but `core_load` is about a processor's core.
VAGUE: Final = re.compile(
    r"(^|_)(managers?|helpers?|utils?|common|misc|base|data|info|stuff|tmp)($|_)|^_?core$",
    re.IGNORECASE,
)
VAGUE_CLASS: Final = re.compile(r"(Manager|Helper|Utils?|Common|Base|Mixin|Impl)$")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Finding = tuple[int, str]
Rule = Callable[[ast.Module], Iterator[Finding]]


@functools.cache
def _parsed(folder: str) -> tuple[tuple[Path, ast.Module], ...]:
    files = sorted((ROOT / folder).rglob("*.py"))
    return tuple((file, ast.parse(file.read_bytes(), str(file))) for file in files)


@functools.cache
def _nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Return all nodes of a tree; many rules look at the same."""
    return tuple(ast.walk(tree))


def _broken(rule: Rule, folders: Sequence[str], *, allowed: Sequence[str] = ()) -> list[str]:
    return [
        f"{name}:{line}: {what}"
        for folder in folders
        for file, tree in _parsed(folder)
        if (name := file.relative_to(ROOT).as_posix()) not in allowed
        for line, what in rule(tree)
    ]


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in _nodes(tree) if isinstance(node, Function))


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Yield each call with the last part of the called name."""
    for node in _nodes(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node, node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node, node.func.id


def _relative_or_star_imports(tree: ast.Module) -> Iterator[Finding]:
    for node in _nodes(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "relative import"
            if any(alias.name == "*" for alias in node.names):
                yield node.lineno, "star import"


def _process_events(tree: ast.Module) -> Iterator[Finding]:
    for call, name in _calls(tree):
        if name == "processEvents":
            yield call.lineno, "processEvents"


def _lambda_slots(tree: ast.Module) -> Iterator[Finding]:
    for call, name in _calls(tree):
        if name == "connect" and any(isinstance(argument, ast.Lambda) for argument in call.args):
            yield call.lineno, "a lambda as a slot may run on the sender's thread"


def _connections_in_loops(tree: ast.Module) -> Iterator[Finding]:
    for node in _nodes(tree):
        if isinstance(node, ast.While):
            for call, name in _calls(node):
                if name == "connect" and _is_signal(call):
                    yield call.lineno, "connects inside a loop"


def _is_signal(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Attribute)


def _broad_excepts(tree: ast.Module) -> Iterator[Finding]:
    for node in _nodes(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = "BaseException" if node.type is None else ast.unparse(node.type)
            if re.search(r"\b(Exception|BaseException)\b", caught) and not _raises_again(node):
                yield node.lineno, f"except {caught}"
    for call, name in _calls(tree):
        suppressed = {ast.unparse(argument) for argument in call.args}
        if name == "suppress" and suppressed & {"Exception", "BaseException"}:
            yield call.lineno, "suppress(Exception)"


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))


def _long_functions(tree: ast.Module) -> Iterator[Finding]:
    for function in _functions(tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > MOST_LINES_IN_FUNCTION:
            yield function.lineno, f"{function.name} has {lines} lines"


def _many_arguments(tree: ast.Module) -> Iterator[Finding]:
    for function in _functions(tree):
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        count = len([one for one in named if one.arg not in ("self", "cls")])
        if count > MOST_ARGUMENTS:
            yield function.lineno, f"{function.name} takes {count} arguments"


def _vague_names(tree: ast.Module) -> Iterator[Finding]:
    for node in _nodes(tree):
        if isinstance(node, ast.ClassDef) and VAGUE_CLASS.search(node.name):
            yield node.lineno, f"class {node.name}"
        elif isinstance(node, Function) and VAGUE.search(node.name) and not _overrides(node):
            yield node.lineno, f"function {node.name}"


def _overrides(function: Function) -> bool:
    """Say whether the name was chosen by a base class, as Qt's `data` was."""
    return any(ast.unparse(mark) == "override" for mark in function.decorator_list)


def _unescaped_words(tree: ast.Module) -> Iterator[Finding]:
    """Find texts that Qt would read as HTML: a file may be called `<img src=...>`."""
    tips = ("setToolTip", "setStatusTip", "setWhatsThis", "IconButton", "show_icon")
    for call, name in _calls(tree):
        if name == "QLabel" and not all(_is_harmless(argument) for argument in call.args):
            yield call.lineno, "QLabel with a text that is not written here"
        elif name in tips and not _is_harmless(call.args[1 if name in tips[3:] else -1]):
            yield call.lineno, f"{name} with a text that is neither written here nor escaped"


def _is_harmless(text: ast.expr) -> bool:
    match text:
        case ast.Constant():
            return True
        case ast.IfExp():
            return _is_harmless(text.body) and _is_harmless(text.orelse)
        case ast.Call():
            called = ast.unparse(text.func).rsplit(".", 1)[-1]
            return called in ("escape", "tool_tip", "plain_tool_tip", "setNum")
        case ast.Subscript(value=ast.Name(id=table)):
            return table.isupper()
        case ast.Name(id=name):
            # "says" is IconButton's own parameter: its callers are held to the same rule.
            return name.isupper() or name in ("self", "parent", "says")
        case _:
            return False


def _unpickling(tree: ast.Module) -> Iterator[Finding]:
    risky = {("pickle", "load"), ("pickle", "loads"), ("pickle", "Unpickler"), ("marshal", "loads")}
    for node in _nodes(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in risky:
                yield node.lineno, f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module in ("pickle", "marshal", "shelve"):
            yield node.lineno, f"from {node.module} import"
    for call, name in _calls(tree):
        # A Connection's recv() unpickles what came; recv_bytes() does not.
        if name == "recv" and not call.args and not call.keywords:
            yield call.lineno, "recv() unpickles"
        if any(word.arg == "allow_pickle" and _is_true(word.value) for word in call.keywords):
            yield call.lineno, "allow_pickle=True"


def _is_true(node: ast.expr) -> bool:
    return not (isinstance(node, ast.Constant) and node.value is False)


def _evaluation(tree: ast.Module) -> Iterator[Finding]:
    for call, name in _calls(tree):
        if name in ("eval", "exec") and isinstance(call.func, ast.Name):
            yield call.lineno, name
        if any(word.arg == "shell" and _is_true(word.value) for word in call.keywords):
            yield call.lineno, "shell=True"


def _hollow_tests(tree: ast.Module) -> Iterator[Finding]:
    asking = {
        function.name
        for function in _functions(tree)
        if any(isinstance(node, ast.Assert) for node in ast.walk(function))
    }
    for function in _functions(tree):
        if function.name.startswith("test_") and not _checks_something(function, asking):
            yield function.lineno, f"{function.name} checks nothing"


def _checks_something(function: Function, asking: set[str]) -> bool:
    """Say whether a test asserts, by itself or through a function of its file that does."""
    known = {"raises", "warns", "fail", "waitUntil", "waitSignal", "waitSignals", "wait_until"}
    prefixes = ("assert", "check", "expect", "verify", "run_state_machine_as_test")
    return function.name in asking or any(
        name in known | asking or name.startswith(prefixes) for _, name in _calls(function)
    )


def _sleeping_tests(tree: ast.Module) -> Iterator[Finding]:
    for function in _functions(tree):
        if function.name.startswith("test_"):
            for call, _name in _calls(function):
                if ast.unparse(call.func) in ("time.sleep", "sleep", "qtbot.wait"):
                    yield call.lineno, f"{function.name} sleeps"


def _mocks(tree: ast.Module) -> Iterator[Finding]:
    for node in _nodes(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unittest"):
            yield node.lineno, f"from {node.module} import"
        elif isinstance(node, ast.Import) and any("mock" in alias.name for alias in node.names):
            yield node.lineno, "mock"


RULES: Final[tuple[tuple[Rule, tuple[str, ...]], ...]] = (
    (_relative_or_star_imports, OURS),
    (_process_events, OURS),
    (_lambda_slots, OURS),
    (_connections_in_loops, PRODUCT),
    (_long_functions, OURS),
    (_many_arguments, OURS),
    (_vague_names, PRODUCT),
    (_unescaped_words, ("gui_app",)),
    (_unpickling, PRODUCT),
    (_hollow_tests, ("tests",)),
    (_sleeping_tests, ("tests",)),
    (_mocks, ("tests",)),
)


def test_tree_keeps_the_rules() -> None:
    # All of them in one test: to parse the tree takes longer than any rule.
    broken = []
    for rule, folders in RULES:
        allowed = STANDARD_FACES.get(rule.__name__.strip("_"), ())
        broken += _broken(rule, folders, allowed=allowed)
    assert not broken, "\n".join(broken)


def test_broad_excepts_stand_only_where_a_bug_must_become_a_value() -> None:
    found: dict[str, int] = {}
    for line in _broken(_broad_excepts, PRODUCT):
        file = line.partition(":")[0]
        found[file] = found.get(file, 0) + 1
    beyond = {file: n for file, n in found.items() if n > BROAD_EXCEPT_ALLOWED.get(file, 0)}
    assert beyond == {}


def test_only_a_persons_own_trusted_code_is_executed() -> None:
    assert _broken(_evaluation, PRODUCT, allowed=["workers/operations/user_function.py"]) == []


def test_files_are_small_and_named_for_what_they_are() -> None:
    wrong = []
    for folder in OURS:
        for file, _tree in _parsed(folder):
            lines = file.read_bytes().count(b"\n")
            if lines > MOST_LINES_IN_FILE:
                wrong.append(f"{file.relative_to(ROOT)} has {lines} lines")
            if folder in PRODUCT and VAGUE.search(file.stem):
                wrong.append(f"{file.relative_to(ROOT)} has a vague name")
    assert not wrong, "\n".join(wrong)
