"""``python -m benchmarks [--quick] [--json FILE] [--markdown FILE] [--no-peers]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
from functools import partial
from pathlib import Path

from benchmarks import fits, peers
from benchmarks.timing import Row, least, table

ROUNDS = 3  # everybody is measured in each: a machine that is slow for a minute is slow for all


def main() -> None:
    """Run everything, print the table, write JSON and Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats, and no peers")
    parser.add_argument("--no-peers", action="store_true", help="do not install other packages")
    parser.add_argument("--json", default="benchmarks.json", help="where the numbers go")
    parser.add_argument("--markdown", default="docs/benchmarks.md", help="where the table goes")
    given = parser.parse_args()
    measures = [partial(measure, repeats=2) for measure in fits.ALL]
    if not (given.quick or given.no_peers):
        measures.append(peers.run)
    found: list[Row] = []
    for _ in range(1 if given.quick else ROUNDS):
        for measure in measures:
            for row in measure():
                found.append(row)
                print(row.line(), flush=True)
    rows = least(found)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    record = {"machine": machine, "load": load, "rows": [row.to_dict() for row in rows]}
    Path(given.json).write_text(json.dumps(record, indent=1) + "\n")
    text = table(rows, machine, load)
    Path(given.markdown).parent.mkdir(parents=True, exist_ok=True)
    Path(given.markdown).write_text(text)
    print("\n" + text)


if __name__ == "__main__":
    main()
