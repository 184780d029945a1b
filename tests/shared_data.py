"""The one way to the measured public tables that lie beside the project, not in it.

They are looked for in ``$TENFOLD_SHARED/data`` when that variable is set, else in ``../shared/data`` beside the
project. Where they are absent a test that asks for one is skipped with the reason, and fails when ``CI`` is set.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared_folder() -> Path:
    """The folder of the tables, whether it exists or not."""
    given = os.environ.get("TENFOLD_SHARED", "")
    return (Path(given) if given else ROOT.parent / "shared") / "data"


def shared_table(name: str) -> Path:
    """The path of one table, such as ``chinchilla_svg.csv``; skips the test when it is not there.

    With ``CI`` set a missing table is a failure: there nothing may be left out quietly.
    """
    path = shared_folder() / name
    if path.is_file():
        return path
    reason = f"no {name} in {path.parent}: set TENFOLD_SHARED to the folder that holds data/{name}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def shared_tables() -> list[Path]:
    """Every table of the folder, in alphabetical order; empty when there is none."""
    folder = shared_folder()
    return sorted(path for path in folder.glob("*.csv*") if path.is_file()) if folder.is_dir() else []
