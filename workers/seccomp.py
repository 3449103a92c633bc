"""A filter in front of the kernel: the calls that a worker of built-in operations never needs.

It refuses what Landlock cannot: sockets of all kinds, new processes, other processes' memory,
shared memory of the person's other programs, modes of files. Linux on x86-64 and 64-bit ARM;
nothing to gain elsewhere. Runs in the worker that confines itself; holds for all its threads.
"""

import ctypes
import errno
import os
import struct
import sys
from typing import Final, NamedTuple

from workers.system_call import call, give_up_new_privileges

_SET_FILTER: Final = 1
_ASK_ACTION: Final = 2
_ALL_THREADS: Final = 1

# Instructions of the classic packet filter, where a system call and its arguments are the packet.
_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_IF_BITS: Final = 0x45
_ANSWER: Final = 0x06
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_FIRST_ARGUMENT_AT: Final = 16
_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000
_POINTER_BYTES: Final = 8
_CLONE_THREAD: Final = 0x00010000
# From here on the numbers of the x32 interface: the same calls by another door.
_X32: Final = 0x40000000


class _Machine(NamedTuple):
    audit: int
    column: int


MACHINES: Final = {"x86_64": _Machine(0xC000003E, 0), "aarch64": _Machine(0xC00000B7, 1)}

# Several calls a line, to see them at once.
# fmt: off
# Name: number on x86-64, on ARM; -1 where there is no such call.
_REFUSED: Final = {
    # the network, and every other door to another program
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191),
    "semtimedop": (220, 192), "mq_open": (240, 180), "mq_unlink": (241, 181),
    # new processes and other programs
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    "pidfd_send_signal": (424, 424),
    # another view of the file system
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    # large, seldom needed parts of the kernel; the first three make calls that no filter sees
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # the computer itself, for a worker that root started
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "sethostname": (170, 161), "setdomainname": (171, 162),
}
# By path, so on any file of the person's: Landlock does not look at these.
_MODES: Final = {
    "chmod": (90, -1), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, -1),
    "lchown": (94, -1), "fchownat": (260, 54), "truncate": (76, 45), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "setxattrat": (463, 463), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "removexattrat": (466, 466), "file_setattr": (469, 469),
}
# The first argument says whom they are for.
_SIGNALS: Final = {
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}
# fmt: on
_LIMITS: Final = (302, 261)
_CLONE: Final = (56, 220)
_CLONE3: Final = (435, 435)
_SECCOMP: Final = (317, 277)


class _Instruction(NamedTuple):
    """One step; `then` and `otherwise` are labels, "" for the next step."""

    code: int
    operand: int
    then: str = ""
    otherwise: str = ""


def is_offered() -> bool:
    """Say whether this kernel, on this machine, takes our filter."""
    machine = _machine()
    if machine is None:
        return False
    action = struct.pack("I", _ERROR)
    return call(_SECCOMP[machine.column], _ASK_ACTION, 0, action) == 0


def restrict(*, may_change_modes: bool) -> bool:
    """Refuse these calls from now on, for ever and in all threads; say whether the kernel does."""
    machine = _machine()
    if machine is None or not give_up_new_privileges():
        return False
    code = program(machine.audit, machine.column, os.getpid(), may_change_modes=may_change_modes)
    steps = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(steps))
    return call(_SECCOMP[machine.column], _SET_FILTER, _ALL_THREADS, header) == 0


def _machine() -> _Machine | None:
    """Return the machine whose calls this process makes; a 32-bit process makes others."""
    if sys.platform != "linux" or struct.calcsize("P") != _POINTER_BYTES:
        return None
    return MACHINES.get(os.uname().machine)


def program(audit: int, column: int, pid: int, *, may_change_modes: bool) -> bytes:
    """Return the filter as the kernel reads it: steps of eight bytes."""
    refused = _REFUSED if may_change_modes else _REFUSED | _MODES
    numbers = [entry[column] for entry in refused.values() if entry[column] >= 0]
    start = [
        _Instruction(_LOAD, _ARCHITECTURE_AT),
        _Instruction(_IF_EQUAL, audit, otherwise="refuse"),
        _Instruction(_LOAD, _NUMBER_AT),
        _Instruction(_IF_AT_LEAST, _X32, then="refuse"),
        *(_Instruction(_IF_EQUAL, number, then="refuse") for number in numbers),
        *(_Instruction(_IF_EQUAL, entry[column], then="own") for entry in _SIGNALS.values()),
        _Instruction(_IF_EQUAL, _LIMITS[column], then="limits"),
        _Instruction(_IF_EQUAL, _CLONE[column], then="clone"),
        # Its flags lie in memory, where no filter looks: libc falls back to clone.
        _Instruction(_IF_EQUAL, _CLONE3[column], then="unknown", otherwise="allow"),
    ]
    blocks = {
        "limits": [
            _Instruction(_LOAD, _FIRST_ARGUMENT_AT),
            _Instruction(_IF_EQUAL, 0, then="allow"),
        ],
        "own": [
            _Instruction(_LOAD, _FIRST_ARGUMENT_AT),
            _Instruction(_IF_EQUAL, pid, then="allow", otherwise="refuse"),
        ],
        "clone": [
            _Instruction(_LOAD, _FIRST_ARGUMENT_AT),
            _Instruction(_IF_BITS, _CLONE_THREAD, then="allow", otherwise="refuse"),
        ],
        "unknown": [_Instruction(_ANSWER, _ERROR | errno.ENOSYS)],
        "refuse": [_Instruction(_ANSWER, _ERROR | errno.EPERM)],
        "allow": [_Instruction(_ANSWER, _ALLOW)],
    }
    return _assembled(start, blocks)


def _assembled(start: list[_Instruction], blocks: dict[str, list[_Instruction]]) -> bytes:
    """Put the blocks behind each other and each label's distance in its place."""
    steps, places = list(start), {"": 0}
    for label, block in blocks.items():
        places[label] = len(steps)
        steps += block
    return b"".join(
        struct.pack(
            "HBBI",
            step.code,
            places[step.then] - at - 1 if step.then else 0,
            places[step.otherwise] - at - 1 if step.otherwise else 0,
            step.operand,
        )
        for at, step in enumerate(steps)
    )
