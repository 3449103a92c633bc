"""The window's end of the preview's process (preview_program.py): starts, asks and ends it.

What it answers is handed over on a thread of ours, as frozen values; a process that is gone is
told as None.
"""

import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

from workers import programs
from workers.errors import EngineLost
from workers.messages import decode, encode
from workers.preview import Preview, PreviewAsked
from workers.search_program import LENGTH

THREAD: Final = "preview-reader"

Deliver = Callable[["PreviewProcess", Preview | None], None]


class PreviewProcess:
    """A process that looks at files which it was allowed to read when it was started."""

    def __init__(self, readable: tuple[Path, ...], *, has_code: bool, deliver: Deliver) -> None:
        """Start it; raises OSError where no process can be started.

        One without own code never leaves its sandbox.
        """
        self.readable: Final = readable
        self.has_code: Final = has_code
        self._folder = TemporaryDirectory(prefix="everycore-preview-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            programs.command(programs.PREVIEW, self._folder.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._thread = threading.Thread(target=self._read, args=(deliver,), name=THREAD)
        self._thread.start()

    def ask(self, asked: PreviewAsked) -> None:
        """Ask for a preview; one that is gone is told through `deliver`."""
        assert self._process.stdin is not None
        written = encode(asked)
        with suppress(OSError):
            self._process.stdin.write(LENGTH.pack(len(written)) + written)
            self._process.stdin.flush()

    def end(self) -> None:
        """End it at once, and delete what it made."""
        self._process.kill()
        self._thread.join()
        self._process.wait()
        assert self._process.stdin is not None
        with suppress(OSError):  # what was not read any more
            self._process.stdin.close()
        self._folder.cleanup()

    def _read(self, deliver: Deliver) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            while (answer := _answer(answers)) is not None:
                deliver(self, answer)
        deliver(self, None)


def _answer(answers: IO[bytes]) -> Preview | None:
    with suppress(OSError, EngineLost):
        head = answers.read(LENGTH.size)
        if len(head) == LENGTH.size:
            answer = decode(answers.read(LENGTH.unpack(head)[0]))
            return answer if isinstance(answer, Preview) else None
    return None
