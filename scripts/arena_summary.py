"""Keep what an arena found, without its entries: ``benchmarks/arena.json`` and the picture of ``docs/arena.md``.

python scripts/arena_summary.py OUT/arena.json [--command "tenfold arena ..."] [--out FILE] [--picture FILE]
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.core.provenance import version
from tenfold.io.results import read_json, write_bytes, write_json
from tenfold.report.arena import failures
from tenfold.report.arena_pictures import arena_pictures
from tenfold.report.static import panels

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "tenfold arena ../shared/data --out build/arena"
TITLES = {"errors": "Error by contestant", "duels": "Auto against each", "coverage": "Coverage by reach"}


def main() -> int:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arena", type=Path)
    parser.add_argument("--command", default=COMMAND, help="what made it")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "arena.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "arena.svg")
    options = parser.parse_args()
    kept = summary(read_json(options.arena), options.command)
    write_json(options.out, kept, indent=1)
    write_bytes(options.picture, picture(kept))
    return 0


def summary(saved: dict[str, Any], command: str = COMMAND) -> dict[str, Any]:
    """Settings, means and what was played, table by table; no row and no prediction of any table."""
    entries = saved["entries"]
    tables: dict[str, Any] = {}
    for entry in entries:
        facts = tables.setdefault(entry["table"], {"tasks": {}, "splits": [], "reach": 0.0})
        facts["tasks"][entry["task"]] = entry["withheld"]
        facts["reach"] = max(facts["reach"], entry["reach"])
        facts["splits"] = sorted({*facts["splits"], entry["split"]})
    for facts in tables.values():
        facts["withheld"] = sum(facts["tasks"].values())
        facts["tasks"] = len(facts["tasks"])
    python = f"Python {platform.python_version()}, NumPy {np.__version__}, tenfold {version()}"
    return {
        "command": command,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {python}",
        "settings": saved["settings"],
        "without": saved["without"],
        "played": tables,
        "failures": failures(entries),
        "summary": saved["summary"],
    }


def picture(kept: dict[str, Any]) -> bytes:
    """The three figures of the page side by side."""
    scenes = arena_pictures(kept)
    return panels(list(scenes.values()), titles=[TITLES[key] for key in scenes], across=1)


if __name__ == "__main__":
    sys.exit(main())
