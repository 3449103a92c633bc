"""Start the window. Light on purpose: each process that the window starts imports this again."""

import sys
from multiprocessing import freeze_support


def main() -> int:
    """Run the window until it is closed; return the exit status."""
    freeze_support()
    from gui_app.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
