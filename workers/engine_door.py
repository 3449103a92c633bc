"""The socket by which a window reaches an engine: who may come in, and how both make sure.

It lies in the person's runtime folder (mode 0700), wants a key that only the two processes
know, and stands only while an engine waits for a window. On Linux each side also asks the kernel
whose process the other is.
"""

import os
import secrets
import socket
import struct
import sys
import tempfile
from contextlib import ExitStack, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from pathlib import Path
from typing import Final

from workers.errors import EngineLost
from workers.folders import runtime_folder

# The kernel takes no path above 107 bytes for a socket.
_SOCKET_FOLDER_MOST: Final = 80
_WELCOME: Final = b"welcome"
_CREDENTIALS: Final = "3i"
# What a stranger, or somebody with a wrong key, makes of the greeting.
_REFUSALS: Final = (OSError, EOFError, AssertionError, AuthenticationError)


class Door:
    """A socket at which one window may come in."""

    def __init__(self) -> None:
        """Listen; raises OSError where no socket can be made."""
        self.key: Final = secrets.token_bytes(32)
        with ExitStack() as held:
            address = None if sys.platform == "win32" else str(_socket_path(held))
            self._listener = held.enter_context(Listener(address))
            if address is not None:
                Path(address).chmod(0o600)
            self._held = held.pop_all()
        self.address: Final = str(self._listener.address)

    def admit(self) -> Connection:
        """Wait for somebody with the key and return the connection; blocks.

        Raises OSError once the door is closed.
        """
        while True:
            connection = self._listener.accept()
            try:
                _check_owner(connection)
                deliver_challenge(connection, self.key)
                answer_challenge(connection, self.key)
            except _REFUSALS:  # it gave up, or has no key; the next one may have it
                connection.close()
                continue
            return connection

    def close(self) -> None:
        """Let nobody in any more."""
        self._held.close()


def welcome(connection: Connection) -> None:
    """Tell a window that came in that it is served from now on."""
    with suppress(OSError):  # it went away meanwhile; whoever reads from it sees that
        connection.send_bytes(_WELCOME)


def come_in(address: str, key: bytes, within_s: float) -> Connection:
    """Connect to an engine, which must answer each word within so many seconds.

    Raises OSError when nobody listens there, EngineLost when it does not let us in.
    """
    connection: Connection = Client(address)
    try:
        _check_owner(connection)
        _limit_reading(connection, within_s)
        _await_word(connection, within_s)
        answer_challenge(connection, key)
        deliver_challenge(connection, key)
        _await_word(connection, within_s)
        if connection.recv_bytes(len(_WELCOME)) != _WELCOME:
            raise EngineLost("The engine did not welcome us.")
        _limit_reading(connection, 0.0)
    except (*_REFUSALS, EngineLost) as error:
        connection.close()
        raise EngineLost(f"The engine lets nobody in ({error}).") from error
    return connection


def _await_word(connection: Connection, within_s: float) -> None:
    if not connection.poll(within_s):
        raise EngineLost("The engine does not answer.")


def _limit_reading(connection: Connection, within_s: float) -> None:
    """Let each read fail that waits longer, 0 for ever: an engine may stop in mid-sentence."""
    if sys.platform != "win32":
        with socket.socket(fileno=os.dup(connection.fileno())) as end:
            limit = struct.pack("ll", int(within_s), int(within_s % 1 * 1e6))
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _check_owner(connection: Connection) -> None:
    """Raise PermissionError unless the process at the other end is of the same person (Linux)."""
    if sys.platform == "linux":
        with socket.socket(fileno=os.dup(connection.fileno())) as end:
            size = struct.calcsize(_CREDENTIALS)
            found = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        _pid, owner, _group = struct.unpack(_CREDENTIALS, found)
        if owner != os.getuid():
            raise PermissionError("The other process belongs to somebody else.")


def _socket_path(held: ExitStack) -> Path:
    """Return a path short enough for a socket; a deep runtime folder gives way to one in /tmp."""
    folder = runtime_folder()
    if len(os.fsencode(folder)) > _SOCKET_FOLDER_MOST:
        made = tempfile.TemporaryDirectory(prefix="everycore-", dir="/tmp")
        folder = Path(held.enter_context(made))
    return folder / f"engine-{os.getpid()}.sock"
