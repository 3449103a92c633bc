"""A worker as every task finds it: what the last task changed or left behind is undone.

Runs in the worker's main thread, between two leases. What cannot be undone (a thread of user
code, a limit the system does not raise again) makes the worker spent: its owner replaces it.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from workers.interpreter_state import InterpreterState
from workers.leftovers import Leftovers
from workers.process_state import ProcessState
from workers.warned import Warned

if TYPE_CHECKING:
    from workers.attempt import Preparation


class Settled(NamedTuple):
    """What a task left: `words` for its row, and whether the worker must not run another."""

    words: str = ""
    is_spent: bool = False


class Surroundings:
    """How the worker was when this was made: ready for tasks, before the first of them."""

    def __init__(self, *, has_own_code: bool) -> None:
        """Look at everything. With own code in the job, its warnings are told, too."""
        self._has_own_code = has_own_code
        self._warned = Warned()
        self._process = ProcessState()
        self._interpreter = InterpreterState()
        self._leftovers = Leftovers(has_own_code=has_own_code)

    def settle(self) -> Settled:
        """End what the task left behind and put everything back."""
        self.calm()
        left = self._leftovers.collect()
        words = " ".join(filter(None, (self._warnings(), left.words)))
        return Settled(words, not self.put_back() or left.is_spent)

    def calm(self) -> None:
        """Let nothing call user code any more: timers, trace and profile functions."""
        self._process.calm()
        self._interpreter.calm()

    def put_back(self) -> bool:
        """Put back what was changed; say whether all could be."""
        self._interpreter.put_back()
        return self._process.put_back()

    def _warnings(self) -> str:
        found = self._warned.sentences()
        return found if self._has_own_code else ""


_taken: Final[list[tuple["Preparation", Surroundings]]] = []


def surroundings_of(preparation: "Preparation") -> Surroundings:
    """Return the surroundings as the preparation of a job left them: taken at its first task.

    There are those of one job at a time: each task leaves its worker as it was, so those of the
    next job are taken from a clean worker, too.
    """
    if not _taken or _taken[0][0] is not preparation:
        from workers.pipeline import own_code

        setup = preparation.setup
        has_own_code = setup.sweep is not None or (
            setup.pipeline is not None and bool(own_code(setup.pipeline))
        )
        _taken[:] = [(preparation, Surroundings(has_own_code=has_own_code))]
    return _taken[0][1]
