"""The program `everycore`: the command line; without arguments, the window.

Every worker process imports this module again, so it imports nothing before `main` runs.
"""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command line; return the exit status."""
    from multiprocessing import freeze_support

    # First of all: in the bundle a worker process is this very program.
    freeze_support()
    import sys

    from workers import programs

    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == [programs.VERB]:
        programs.run(given[1:])
        return 0
    from workers.command_line.dispatch import perform

    return int(perform(given))


if __name__ == "__main__":
    import sys

    sys.exit(main())
