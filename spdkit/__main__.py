"""Program: ``spdkit``, or ``python -m spdkit``."""

from __future__ import annotations

import sys

INTERRUPTED = 128 + 2  # as shells have it


def main() -> None:
    """Run a command; a Ctrl-C ends it in one line, also while the commands are being loaded."""
    try:
        from spdkit.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.stderr.write("spdkit: interrupted\n")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
