"""What is asked of the engine, and what its searches tell it, in the order it came."""

from collections import deque
from queue import Empty, SimpleQueue
from typing import Final

from workers.commands import Attach, Command, Detach, Quit, ResizeWorkers, SetResponsive
from workers.search import Search, Written

Item = Command | tuple[Search, Written | None]
# Who asks for these does not mean the job.
_AT_ONCE: Final = (Attach, Detach, Quit, ResizeWorkers, SetResponsive)


class Inbox:
    """Only `put` may be called from other threads than the engine's."""

    def __init__(self) -> None:
        """Begin empty."""
        self._items: SimpleQueue[Item] = SimpleQueue()
        self._held: deque[Command] = deque()

    def put(self, item: Item) -> None:
        """Add what is to be read."""
        self._items.put(item)

    @property
    def has_post(self) -> bool:
        """Say whether something has come that was not looked at yet."""
        return not self._items.empty()

    @property
    def holds(self) -> bool:
        """Say whether commands wait for the job to be in order."""
        return bool(self._held)

    def take(self, *, is_in_order: bool) -> Item | None:
        """Return what is next, None when nothing is.

        While the job is not in order, commands that mean it wait, and are next once it is.
        """
        if is_in_order and self._held:
            return self._held.popleft()
        while True:
            try:
                item = self._items.get_nowait()
            except Empty:
                return None
            if is_in_order or isinstance(item, (tuple, *_AT_ONCE)):
                return item
            self._held.append(item)
