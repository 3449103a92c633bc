"""Renaming that never replaces a file: the system refuses in the same step."""

import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_NOREPLACE: Final = 1
# Old kernels and some network disks know no such rename; some disks know no hard links.
_NO_RENAMEAT2: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


def move_if_free(source: Path, final: Path) -> bool:
    """Rename a file on its disk; False, and nothing done, when the name is taken."""
    rename = _renamed_by_linux() if sys.platform == "linux" else None
    if rename is not None:
        code = rename(os.fsencode(source), os.fsencode(final))
        if code in (0, errno.EEXIST):
            return code == 0
        if code not in _NO_RENAMEAT2:
            raise OSError(code, os.strerror(code), str(source), None, str(final))
    return _renamed(source, final) if os.name == "nt" else _linked(source, final)


@cache
def _renamed_by_linux() -> Callable[[bytes, bytes], int] | None:
    """Return a function that renames without replacing and returns the error's number."""
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

    def rename(source: bytes, final: bytes) -> int:
        result = renameat2(_AT_FDCWD, source, _AT_FDCWD, final, _RENAME_NOREPLACE)
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
        if error.errno not in _NO_LINKS:
            raise
        # Such a disk offers nothing better than looking first.
        if os.path.lexists(final):
            return False
        source.rename(final)
        return True
    source.unlink()
    return True
