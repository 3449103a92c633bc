"""`override` for Python 3.11, whose typing module has none yet; the checker sees the real one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing_extensions import override as override
else:
    _Method = TypeVar("_Method", bound=Callable[..., Any])

    def override(method: _Method) -> _Method:
        """Mark a method that replaces one of its base class."""
        return method
