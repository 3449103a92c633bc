"""The programs of ours that run beside the window and the terminal, and how they are started.

They are started by `subprocess`, not by `multiprocessing`: that would join each of them when the
starting process ends, and an engine may outlive its window. In the bundle there is no
interpreter to call; there the second program, which never loads Qt, takes their part.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

# The first argument of the bundle's second program when it is to be one of these.
VERB: Final = "--everycore-program"
ENGINE: Final = "workers.engine_program"
KEEPER: Final = "workers.keeper"
SEARCH: Final = "workers.search_program"
PREVIEW: Final = "workers.preview_program"


def command(program: str, *arguments: str) -> list[str]:
    """Return the command line that runs a program; it finds modules where this process does."""
    if getattr(sys, "frozen", False):
        suffix = ".exe" if sys.platform == "win32" else ""
        second = Path(sys.executable).with_name(f"everycore{suffix}")
        return [str(second), VERB, program, *arguments]
    code = f"import sys; sys.path[:] = {sys.path!r}; from {program} import main; main()"
    return [sys.executable, "-c", code, *arguments]


def run(arguments: Sequence[str]) -> None:
    """Be the program that the arguments after VERB name."""
    program = arguments[0]
    if program not in (ENGINE, KEEPER, SEARCH, PREVIEW):
        raise ValueError(f"no program of ours: {program!r}")
    sys.argv = [sys.argv[0], *arguments[1:]]
    import_module(program).main()
