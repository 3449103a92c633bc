"""The kernel's Landlock: a process gives up rights to files, to TCP and to signals, for ever.

Linux only, no privilege needed; Python has no binding, so the system calls are made by number.
What an older kernel does not know is left out. Runs in the worker that confines itself.
"""

import os
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from workers.system_call import call, give_up_new_privileges

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
# The other threads of the process, too; without it they keep what they had.
_ALL_THREADS: Final = 1 << 3

EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
REMOVE_DIR: Final = 1 << 4
REMOVE_FILE: Final = 1 << 5
MAKE_DIR: Final = 1 << 7
MAKE_REG: Final = 1 << 8
MAKE_SYM: Final = 1 << 12
REFER: Final = 1 << 13
TRUNCATE: Final = 1 << 14
IOCTL_DEV: Final = 1 << 15

READ: Final = READ_FILE | READ_DIR
WRITE: Final = READ | WRITE_FILE | TRUNCATE | MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR | REFER
ADD: Final = WRITE_FILE | MAKE_REG | REFER
# What may be said of a file that is no folder.
_OF_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

# How many rights on files each version knows, from the lowest bit on.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP_FROM: Final = 4
_SCOPES_FROM: Final = 6
_ALL_THREADS_FROM: Final = 8
_TCP: Final = 0b11
_SIGNALS_AND_ABSTRACT_SOCKETS: Final = 0b11

# Before version 2 no confined process may move a file to another folder: outputs are staged.
OLDEST_ABI: Final = 2


class Allowance(NamedTuple):
    """The rights to a file, or to a folder and all below it."""

    path: str | int
    rights: int


class Handled(NamedTuple):
    """What a version of Landlock forbids unless it is allowed."""

    files: int
    tcp: int
    scopes: int


def abi() -> int:
    """Return the kernel's version of Landlock, 0 where it has none or it is turned off."""
    return max(0, call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def handled(version: int) -> Handled:
    """Return what a kernel of that version can forbid."""
    known = _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]
    return Handled(
        (1 << known) - 1,
        _TCP if version >= _TCP_FROM else 0,
        _SIGNALS_AND_ABSTRACT_SOCKETS if version >= _SCOPES_FROM else 0,
    )


def restrict(allowances: Iterable[Allowance], version: int) -> bool:
    """Give up, for ever, every right to files that is not allowed, and TCP and signals to others.

    Says whether the kernel did so. What does not exist is not allowed. Threads that were there
    before are bound from version 8 on.
    """
    forbidden = handled(version)
    attributes = struct.pack("QQQ", *forbidden)
    ruleset = call(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for allowance in allowances:
            with suppress(OSError):
                _allow(ruleset, allowance, forbidden.files)
        if not give_up_new_privileges():
            return False
        flags = _ALL_THREADS if version >= _ALL_THREADS_FROM else 0
        return call(_RESTRICT_SELF, ruleset, flags) == 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, allowance: Allowance, known: int) -> None:
    """Add one rule; raises OSError for what cannot be opened."""
    place, rights = allowance.path, allowance.rights & known
    owned = os.open(place, os.O_PATH | os.O_CLOEXEC) if isinstance(place, str) else None
    descriptor = place if isinstance(place, int) else owned
    assert descriptor is not None
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_FILES
        call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        if owned is not None:
            os.close(owned)
