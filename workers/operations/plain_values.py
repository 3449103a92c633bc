"""What a function returns, as plain data that can cross to the engine and into a file.

Plain data is numbers, text, bytes, None, lists and dicts of them. The rest is refused in words,
also what would not end (a list that contains itself) or not fit. Runs in a worker.
"""

from typing import Any, Final

from workers.error_words import sendable

POINT_BYTES_MOST: Final = 32 * 1024 * 1024
# A block of points crosses and is journalled as one piece.
BLOCK_BYTES_MOST: Final = 128 * 1024 * 1024
_DEPTH_MOST: Final = 50
_DIGITS_MOST: Final = 4200  # Python itself refuses to write more than 4,300
_BITS_MOST: Final = 13_950  # of so many digits
_PART_BYTES: Final = 9  # a number in msgpack
_WIDE: Final = 1

Value = Any  # plain data as a user's function returns it


class UnusableResult(Exception):
    """The value is not plain data; the message says why."""


class PlainValues:
    """Turns the values of one block into plain data; bounded together and each."""

    def __init__(self) -> None:
        """Begin with all the room there is."""
        self._room = BLOCK_BYTES_MOST
        self._point_room = 0
        self._around: set[int] = set()

    def of(self, value: Value) -> Value:
        """Return the value as plain data; raises UnusableResult, or what its own methods raise."""
        self._around.clear()
        self._point_room = room = min(self._room, POINT_BYTES_MOST)
        plain = self._of(value)
        self._room -= room - self._point_room
        return plain

    def _of(self, value: Value) -> Value:
        kind = type(value)
        if kind is float or kind is bool or value is None:
            self._take(_PART_BYTES)
            return value
        if kind is int:
            self._take(_PART_BYTES)
            return value if -(2**63) <= value < 2**64 else self._wide(value)
        if kind is str or kind is bytes:
            self._take(_PART_BYTES + len(value))
            return value if kind is bytes else sendable(value)
        if isinstance(value, list | tuple | dict) or hasattr(value, "tolist"):
            return self._collection(value)
        for simple in (bool, int, float, str):
            if isinstance(value, simple):
                return self._of(simple(value))
        raise UnusableResult(f"{kind.__name__} is not a number, text or a list")

    def _collection(self, value: Value) -> Value:
        self._take(_PART_BYTES)
        if id(value) in self._around:
            raise UnusableResult("it contains itself")
        if len(self._around) >= _DEPTH_MOST:
            raise UnusableResult("it is nested too deeply")
        self._around.add(id(value))
        plain: Value
        if isinstance(value, list | tuple):
            plain = [self._of(part) for part in value]
        elif isinstance(value, dict):
            plain = {self._of(str(name)): self._of(part) for name, part in value.items()}
        else:  # NumPy scalars and arrays
            size = getattr(value, "nbytes", 0)
            if isinstance(size, int) and size > self._point_room:
                raise UnusableResult(_too_large())
            plain = self._of(value.tolist())
        self._around.discard(id(value))
        return plain

    def _wide(self, number: int) -> Value:
        import msgspec

        if number.bit_length() > _BITS_MOST:
            raise UnusableResult(f"a number of more than {_DIGITS_MOST:,} digits")
        return msgspec.msgpack.Ext(_WIDE, str(number).encode())

    def _take(self, size: int) -> None:
        self._point_room -= size
        if self._point_room < 0:
            raise UnusableResult(_too_large())


def _too_large() -> str:
    most = POINT_BYTES_MOST // (1024 * 1024)
    return f"it is too large: a point may return {most} MB, a block of points four times that"


def revive(code: int, content: memoryview) -> Value:
    """Return the integer that needed more than 64 bits; for the reader of packed values."""
    if code != _WIDE:
        raise ValueError(f"unknown extension {code}")
    return int(bytes(content))
