"""Which tasks may take much memory at once: predicted needs against one budget; pure.

Granted in the order of the wishes, so that a big task is not overtaken for ever by small ones.
A task that needs more than the whole budget runs when no other holds a grant: it may fit after
all, and the cap on each worker's memory ends it when it does not.
"""

from collections import deque

from workers.job import WorkerId


class MemoryGrants:
    """The memory promised to the tasks that run now."""

    def __init__(self, budget_bytes: int | None) -> None:
        """Promise at most so much at once; None grants every wish."""
        self._budget = budget_bytes
        self._granted: dict[WorkerId, int] = {}
        self._wishes: deque[tuple[WorkerId, int]] = deque()

    @property
    def granted_bytes(self) -> int:
        """Return the sum of what is promised."""
        return sum(self._granted.values())

    def want(self, worker: WorkerId, need_bytes: int) -> None:
        """Note that a worker's task waits for so much."""
        self._wishes.append((worker, need_bytes))

    def release(self, worker: WorkerId) -> None:
        """Forget a worker's promise and its wish: its task has ended."""
        self._granted.pop(worker, None)
        self._wishes = deque(wish for wish in self._wishes if wish[0] != worker)

    def grant(self) -> list[WorkerId]:
        """Return the workers whose wish is granted now."""
        workers: list[WorkerId] = []
        while self._wishes:
            worker, need = self._wishes[0]
            is_fitting = self._budget is None or self.granted_bytes + need <= self._budget
            if not is_fitting and self._granted:
                break
            self._wishes.popleft()
            self._granted[worker] = need
            workers.append(worker)
        return workers
