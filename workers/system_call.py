"""System calls of Linux that neither Python nor every libc has a function for."""

import ctypes
from functools import cache
from typing import Final

_PR_SET_NO_NEW_PRIVS: Final = 38


def call(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call; the answer is -1 when the kernel refuses or does not know it."""
    passed = (ctypes.c_long(word) if isinstance(word, int) else word for word in arguments)
    return int(_libc().syscall(ctypes.c_long(number), *passed))


def give_up_new_privileges() -> bool:
    """Let no program that this process becomes have more rights; what confines asks for it."""
    return int(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) == 0


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None)
    libc.syscall.restype = ctypes.c_long
    return libc
