"""The command line: thin shells over the verbs, one file a command, found by walking this folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code is 0 (done), 1 (no trustworthy answer) or 2 (bad input)."""
    try:
        from tenfold.cli.app import run

        code = run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:  # while the commands were still being imported
        print("tenfold: interrupted before anything was done", file=sys.stderr)
        code = 130
    if arguments is None:
        sys.exit(code)
    return code
