"""Work on a thread of its own that a generator waits for, so that its caller's loop goes on.

For what a drive or a trash may keep for ever: nothing else of the caller's waits with it.
"""

import threading
from collections.abc import Callable, Generator
from typing import Final, TypeVar

# So long the caller waits for it at a time; most work is done by then.
_PATIENCE_S: Final = 0.05
T = TypeVar("T")


def beside(work: Callable[[], T]) -> Generator[None, None, T]:
    """Do the work, yield while it is not done, return what it returns; raises what it raises."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            errors.append(error)

    thread = threading.Thread(target=run, name="beside", daemon=True)
    thread.start()
    while True:
        thread.join(_PATIENCE_S)
        if not thread.is_alive():
            break
        yield
    if errors:
        raise errors[0]
    return answers[0]
