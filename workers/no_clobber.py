"""Renaming that never replaces a file, and two files that change places: each in one step."""

import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_NOREPLACE: Final = 1
_RENAME_EXCHANGE: Final = 2
_MACOS_SWAP: Final = 2
# Old kernels and some network disks know no such rename; some disks know no hard links.
_NO_RENAMEAT2: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})
NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


def move_if_free(source: Path, final: Path) -> bool:
    """Rename a file on its disk; False, and nothing done, when the name is taken."""
    rename = _renamed_by_linux() if sys.platform == "linux" else None
    if rename is not None:
        code = rename(os.fsencode(source), os.fsencode(final), _RENAME_NOREPLACE)
        if code in (0, errno.EEXIST):
            return code == 0
        if code not in _NO_RENAMEAT2:
            raise OSError(code, os.strerror(code), str(source), None, str(final))
    return _renamed(source, final) if os.name == "nt" else _linked(source, final)


def exchange(one: Path, other: Path) -> bool:
    """Let two files change places in one step; False, and nothing done, where that is not known."""
    swap = _swapping()
    if swap is None:
        return False
    code = swap(os.fsencode(one), os.fsencode(other))
    if code in _NO_RENAMEAT2:
        return False
    if code:
        raise OSError(code, os.strerror(code), str(one), None, str(other))
    return True


def _swapping() -> Callable[[bytes, bytes], int] | None:
    if sys.platform == "darwin":
        return _swapped_by_macos()
    rename = _renamed_by_linux() if sys.platform == "linux" else None
    return None if rename is None else lambda one, other: rename(one, other, _RENAME_EXCHANGE)


@cache
def _swapped_by_macos() -> Callable[[bytes, bytes], int] | None:
    import ctypes

    try:
        renamex = ctypes.CDLL(None, use_errno=True).renamex_np
    except AttributeError:
        return None
    renamex.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint)

    def swap(one: bytes, other: bytes) -> int:
        return ctypes.get_errno() if renamex(one, other, _MACOS_SWAP) else 0

    return swap


@cache
def _renamed_by_linux() -> Callable[[bytes, bytes, int], int] | None:
    """Return a function that renames as a flag says and returns the error's number."""
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return None
    renameat2.argtypes = (
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_uint,
    )

    def rename(source: bytes, final: bytes, flag: int) -> int:
        result = renameat2(_AT_FDCWD, source, _AT_FDCWD, final, flag)
        return ctypes.get_errno() if result else 0

    return rename


def _renamed(source: Path, final: Path) -> bool:
    """Rename on Windows, where renaming never replaces."""
    try:
        source.rename(final)
    except FileExistsError:
        return False
    return True


def _linked(source: Path, final: Path) -> bool:
    try:
        os.link(source, final, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # Such a disk offers nothing better than looking first.
        if os.path.lexists(final):
            return False
        source.rename(final)
        return True
    source.unlink()
    return True
