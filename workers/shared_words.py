"""A few words of memory that a process and its child both see; nothing else is shared.

Smaller than multiprocessing's shared arrays, which cost a starting worker 15 ms of imports. Can
be handed to a child of any start method; lives as long as either side holds it.
"""

import mmap
import os
import sys

WORD_BYTES = 8


class SharedWords:
    """Unsigned 64-bit words, zero at first."""

    def __init__(self, count: int) -> None:
        """Make so many words; raises OSError when there is no memory for them."""
        self._size = count * WORD_BYTES
        self._file = -1
        self._name = ""
        if sys.platform == "win32":
            import secrets

            self._name = f"everycore-{secrets.token_hex(8)}"
            self._memory = mmap.mmap(-1, self._size, tagname=self._name)
            return
        self._file = _nameless_file()
        try:
            os.ftruncate(self._file, self._size)
            self._memory = mmap.mmap(self._file, self._size)
        except BaseException:
            self.close_file()
            raise

    def view(self) -> memoryview:
        """Return the words, to read and to write."""
        return memoryview(self._memory).cast("Q")

    def close_file(self) -> None:
        """Give up what only a child that starts needs; the words stay."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __getstate__(  # type: ignore[explicit-override]  # `typing` costs a worker 3 ms
        self,
    ) -> tuple[int, object]:
        if sys.platform == "win32":
            return self._size, self._name
        from multiprocessing.reduction import DupFd

        return self._size, DupFd(self._file)

    def __setstate__(self, state: tuple[int, object]) -> None:
        self._size, place = state
        self._file, self._name = -1, ""
        if sys.platform == "win32":
            self._memory = mmap.mmap(-1, self._size, tagname=str(place))
            return
        descriptor: int = place.detach()  # type: ignore[attr-defined]  # what DupFd became
        self._memory = mmap.mmap(descriptor, self._size)
        os.close(descriptor)


def _nameless_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("everycore-words")
    import tempfile

    descriptor, name = tempfile.mkstemp(prefix="everycore-words-")
    os.unlink(name)  # noqa: PTH108  # pathlib costs a worker 3 ms of its start
    return descriptor
