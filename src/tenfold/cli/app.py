"""The application: commands found by walking ``cli/commands``, and the one place where errors become lines."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path
from typing import Any

from cyclopts import App, CycloptsError, Parameter

from tenfold.core.errors import TenfoldError, did_you_mean, one_line

COMMANDS = Path(__file__).parent / "commands"

_INTERRUPTED = 130


def build() -> App:
    """The application with every command found in the folder."""
    app = App(
        name="tenfold",
        help="Neural scaling: fit laws to runs, rehearse, forecast with intervals, plan what to train next.",
        help_epilogue="Example: tenfold forecast data:bytes --law chinchilla --at params=1e6,tokens=3e8",
        version=_version,
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        help_format="plaintext",
        default_parameter=Parameter(show_default=False),
    )
    for info in sorted(pkgutil.iter_modules([str(COMMANDS)]), key=lambda info: info.name):
        module = importlib.import_module(f"tenfold.cli.commands.{info.name}")
        module.register(app)
    return app


def _version() -> str:
    from tenfold.core.provenance import version

    return version()


def run(arguments: list[str]) -> int:
    """Parse, call, print; returns the exit code. No traceback reaches a user for bad input."""
    _settings()
    as_json = "--json" in arguments
    try:
        app = build()
        result = app(arguments, exit_on_error=False, print_error=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except TenfoldError as error:
        return _say(error.to_dict(), error.exit_code, as_json=as_json)
    except CycloptsError as error:
        return _say(_usage(error, arguments), 2, as_json=as_json)
    except KeyboardInterrupt:
        print("tenfold: interrupted; finished work is kept, nothing half-written is left", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _say(
            _error("memory", "not enough memory for this table", "use fewer rows with --where"),
            2,
            as_json=as_json,
        )
    except Exception as error:
        if os.environ.get("TENFOLD_DEBUG"):
            raise
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        return _say(
            _error(
                "internal",
                f"this is a defect in tenfold: {text}",
                "set TENFOLD_DEBUG=1 for the traceback and report it",
            ),
            1,
            as_json=as_json,
        )


def _settings() -> None:
    """Environment of our own process: one BLAS thread beside our own pool, and a cache for compiled laws."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.join(home, "tenfold", "jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    os.environ.setdefault("JAX_PLATFORMS", os.environ.get("TENFOLD_PLATFORM", "cpu"))


def _error(kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "message": message, "hint": hint}}


def _usage(error: CycloptsError, arguments: list[str]) -> dict[str, Any]:
    text = " ".join(str(error).split())
    text = text.strip(" ╭╮╰╯│─")
    hint = "see 'tenfold --help'"
    first = next((a for a in arguments if not a.startswith("-")), "")
    known = [info.name.replace("_", "-") for info in pkgutil.iter_modules([str(COMMANDS)])]
    if first in known:
        hint = f"see 'tenfold {first} --help'"
    elif first:
        text, hint = (
            f"there is no command {first!r};",
            did_you_mean(first, known) + " 'tenfold --help' lists them all.",
        )
    return _error("usage", text, hint)


def _say(error: dict[str, Any], code: int, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(error))
    else:
        body = error["error"]
        print(f"tenfold: {one_line(body['message'], body['hint'])}", file=sys.stderr)
    return code
