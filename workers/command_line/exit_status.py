"""What the exit status of `everycore` tells a script."""

import enum


class ExitStatus(enum.IntEnum):
    """How a command ended; 128 + n stands for a signal, as shells have it."""

    DONE = 0
    SOME_FAILED = 1
    USAGE = 2
    COULD_NOT_RUN = 3
    HUNG_UP = 129
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143
