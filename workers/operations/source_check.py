"""Looks at own code before it runs: read and parsed, never executed. Any process."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workers.wording import printable

_STARTERS: Final = ("Pool", "ProcessPoolExecutor")
_PROCESS_MODULES: Final = ("multiprocessing", "mp")


def check_source(file: Path, function: str) -> str:
    """Return "" or a sentence with file, line and reason why the code cannot run."""
    name = printable(file.name)
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except FileNotFoundError:
        return f"There is no file {printable(file)}."
    except OSError as error:
        return f"{name} cannot be read ({error.strerror})."
    except SyntaxError as error:
        return f"{name}, line {error.lineno or 1}: {printable(error.msg)}."
    except ValueError as error:
        return f"{name} is not Python source ({printable(str(error))})."
    except RecursionError:
        return f"{name} is nested too deeply to be read."
    found = _look_through(tree)
    if found.starts_processes_at:
        return (
            f"{name}, line {found.starts_processes_at}: it starts processes when it is "
            f'imported; put that below if __name__ == "__main__".'
        )
    if function in found.names or "*" in found.names:
        return ""
    return f"{name}, line 1: it defines no function {function}()."


@dataclass(slots=True)
class _Found:
    """What runs at import: the names it binds, the first line that starts processes."""

    names: set[str]
    starts_processes_at: int = 0


def _look_through(tree: ast.Module) -> _Found:
    found = _Found(set())
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:  # not by recursion: generated code can be nested very deeply
        node, is_in_class = waiting.pop()
        if not is_in_class:
            found.names.update(_bound_by(node))
        if isinstance(node, ast.Call) and _starts_processes(node.func):
            line = found.starts_processes_at
            found.starts_processes_at = min(line, node.lineno) if line else node.lineno
        is_inside = is_in_class or isinstance(node, ast.ClassDef)
        waiting.extend((child, is_inside) for child in _run_at_import(node))
    return found


def _bound_by(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Name(ctx=ast.Store()):
            return [node.id]
        case ast.alias():
            return [node.asname or node.name.partition(".")[0]]
        case _:
            return []


def _run_at_import(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a node that run when its module is imported."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = [default for default in node.args.kw_defaults if default is not None]
            return [*node.decorator_list, *node.args.defaults, *defaults]
        case ast.Lambda():
            return []
        case ast.If() if _is_main_guard(node.test):
            return list(node.orelse)
        case _:
            return list(ast.iter_child_nodes(node))


def _is_main_guard(test: ast.expr) -> bool:
    if not (isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = [test.left, *test.comparators]
    has_name = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    return has_name and any(
        isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
    )


def _starts_processes(called: ast.expr) -> bool:
    if isinstance(called, ast.Name):
        return called.id in _STARTERS
    if not isinstance(called, ast.Attribute):
        return False
    is_process = called.attr == "Process" and isinstance(called.value, ast.Name)
    if is_process and isinstance(called.value, ast.Name):
        return called.value.id in _PROCESS_MODULES
    return called.attr in _STARTERS
