"""What a worker of the library faces is sent to call: pickled by name, so a module of its own.

A worker imports this file when it unpickles its first function; nothing heavy may stand here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Star:
    """A function of one tuple of arguments; pickled with the function it calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Wrap a function of several arguments."""
        self._function = function

    def __call__(self, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401  # its own result
        """Call it."""
        return self._function(*arguments)


def call(item: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]) -> Any:  # noqa: ANN401
    """Run one submitted call in the worker."""
    function, arguments, keywords = item
    return function(*arguments, **keywords)


def maybe_encoding_error(error: BaseException, value: object) -> BaseException:
    """Return what multiprocessing.Pool raises for a result that cannot be pickled."""
    from multiprocessing.pool import MaybeEncodingError  # type: ignore[attr-defined]  # typeshed

    told: BaseException = MaybeEncodingError(error, value)
    return told
