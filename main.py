"""`azora`: reads run, tour and --home itself, so that the window comes up without what only the command line needs."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the window, the tour or a command; returns the exit code."""
    arguments = sys.argv[1:]
    home = None
    rest = list(arguments)
    if len(rest) >= 2 and rest[0] == "--home":
        home, rest = rest[1], rest[2:]
    if rest and rest[0] in ("run", "tour") and "--help" not in rest:
        if len(rest) >= 3 and rest[1] == "--home":
            home, rest = rest[2], [rest[0], *rest[3:]]
        if rest[0] == "run":
            from ui.application import run

            return run(home, rest[1:])
        from ui.tour import run as tour

        return tour(home, rest[1:])
    from app.cli import main as command

    command(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
