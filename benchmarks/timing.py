"""Clocks and the table. Wall time depends on what else runs; CPU seconds of all processes are the number to compare."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Row:
    """One measurement: what was done, by whom, seconds of wall clock and CPU, and what came out."""

    task: str
    who: str
    wall: float
    cpu: float
    note: str = ""
    skipped: bool = False

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)

    def line(self) -> str:
        """One line of text."""
        if self.skipped:
            return f"{self.task:32s} {self.who:44s} skipped: {self.note}"
        return f"{self.task:32s} {self.who:44s} wall {self.wall:9.4f} s  cpu {self.cpu:9.4f} s  {self.note}"


def clock() -> float:
    """CPU seconds of this process and of its finished children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def best(job: Callable[[], object], repeats: int) -> tuple[float, float, object]:
    """The least wall and the least CPU seconds of several runs, after one run that warms up, and the last result."""
    result = job()
    wall = cpu = float("inf")
    for _ in range(repeats):
        begin, used = time.perf_counter(), time.process_time()
        result = job()
        wall, cpu = min(wall, time.perf_counter() - begin), min(cpu, time.process_time() - used)
    return wall, cpu, result


def least(rows: list[Row]) -> list[Row]:
    """One row a task and who: the least seconds of those that ran, in the order of the first."""
    kept: dict[tuple[str, str], Row] = {}
    for row in rows:
        before = kept.get((row.task, row.who))
        if before is None or before.skipped:
            kept[row.task, row.who] = row
        elif not row.skipped:
            kept[row.task, row.who] = replace(row, wall=min(row.wall, before.wall), cpu=min(row.cpu, before.cpu))
    return list(kept.values())


def table(rows: list[Row], machine: str, load: float) -> str:
    """The Markdown fragment, with ratios to our first row of the same task."""
    lines = [
        "# Benchmarks",
        "",
        f"One run of `make bench`, side by side on one machine ({machine}; load {load:.1f} at the end). Least of three",
        "rounds of several repeats, everybody in each of them; warm unless it says fresh. CPU seconds add up",
        "all threads and processes. The ratio is in CPU seconds, to the first row of the same task.",
        "",
        "| task | who | wall s | CPU s | ratio | result |",
        "|---|---|---|---|---|---|",
    ]
    first: dict[str, float] = {}
    for row in rows:
        if row.skipped:
            lines.append(f"| {row.task} | {row.who} | | | | skipped: {row.note} |")
            continue
        base = first.setdefault(row.task, row.cpu)
        ratio = row.cpu / base if base > 0 else float("nan")
        lines.append(f"| {row.task} | {row.who} | {row.wall:.4g} | {row.cpu:.4g} | {ratio:.3g} | {row.note} |")
    return "\n".join(lines) + "\n"
