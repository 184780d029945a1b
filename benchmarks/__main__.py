"""``python -m benchmarks [--quick] [--json FILE] [--markdown FILE] [--no-peers]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path

from benchmarks import fits, peers
from benchmarks.timing import Row, table


def main() -> None:
    """Run everything, print the table, write JSON and Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats, and no peers")
    parser.add_argument("--no-peers", action="store_true", help="do not install other packages")
    parser.add_argument("--json", default="benchmarks.json", help="where the numbers go")
    parser.add_argument("--markdown", default="docs/benchmarks.md", help="where the table goes")
    given = parser.parse_args()
    rows: list[Row] = []
    for measure in fits.ALL:
        for row in measure(repeats=2 if given.quick else 5):
            rows.append(row)
            print(row.line(), flush=True)
    if not (given.quick or given.no_peers):
        for row in peers.run():
            rows.append(row)
            print(row.line(), flush=True)
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
