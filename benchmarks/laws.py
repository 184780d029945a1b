"""``python -m benchmarks.laws [NAMES] [--rows 500] [--draws 200] [--workers 1]``: every law on a table that follows it.

A global fit and 200 bootstrap refits, warm, of 500 rows made from the law's published (else worked)
coefficients with 1 % noise. Wall and CPU seconds of the second of two runs in one process. One law at a time has all
cores, as it has for a user, and its wall seconds are held against the bar; several workers have a core each.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

NOISE = 0.01
BAR = 2.0
NOTE = (
    "Laws that take longest have the most coefficients and a curved ridge, along which refits take up to a hundred "
    "steps. Fewer refits, or `--draws laplace`, which needs none, take a fraction of the time. These are times with "
    "numba (`pip install 'tenfold[fast]'`) and its compiled code on disk; NumPy alone took 9.4 to 10 s for bnsl6, 7.4 "
    "to 8.0 for bnsl5, 7.2 for moe_inference and 3.6 to 3.7 for bnsl4 (2026-11-27).\n"
)


@dataclass(frozen=True)
class Timed:
    """One law: seconds of a warm fit with refits, of the first (compiling) one, and what came out."""

    law: str
    wall: float
    cpu: float
    first: float
    status: str
    agree: float
    rms: float


def timed(name: str, rows: int, draws: int) -> Timed:
    """Fit a law twice and time the second."""
    import numpy as np

    from tenfold import draw, fit
    from tenfold.core.axes import OUTPUTS
    from tenfold.laws import laws
    from tenfold.testing import synthetic

    law = laws()[name]
    coef = next(iter(law.published)) if law.published else dict(law.checks[0].coef)
    runs = synthetic(law, coef, n=rows, noise=NOISE)
    if OUTPUTS.get(law.output) == "fraction":  # no table holds shares below zero or above one
        made = synthetic(law, coef, n=8 * rows, noise=NOISE)
        values = made.column(law.output)
        runs = made.take(np.flatnonzero((values >= 0.0) & (values <= 1.0))[:rows])
    linear = not (runs.column(law.output) > 0).all()
    options = {"target": law.output, "certificate": False, "throw": False}
    options |= {"axis": "x"} if "x" in law.inputs else {}
    options |= {"objective": "squared@linear"} if linear else {}
    seconds = []
    for _ in range(2):  # the first time imports, or compiles what numba has not kept on disk
        wall, cpu = time.perf_counter(), time.process_time()
        made = fit(law, runs, **options)
        draw(made, runs, method=f"bootstrap:{draws}")
        seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
    return Timed(name, *seconds[1], seconds[0][0], made.status.name.lower(), made.certificate.agree, made.rms)


def main() -> None:
    """Time the laws, print and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.laws", description=__doc__)
    parser.add_argument("names", nargs="*", help="laws; all of the catalogue when left out")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1, help="laws side by side, on one core each")
    parser.add_argument("--markdown", default="docs/laws/speed.md")
    parser.add_argument("--resume", action="store_true", help="keep what the table holds and time the rest")
    parser.add_argument("--only", nargs="+", default=[], help="time these again and keep the table's other rows")
    given = parser.parse_args()
    from tenfold.laws import laws

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if given.workers > 1:
        os.environ.setdefault("TENFOLD_THREADS", "1")
    names = given.names or sorted(laws(), key=lambda name: len(laws()[name].coefs))  # the long ones last
    found = _read(Path(given.markdown)) if given.resume or given.only else []
    found = [item for item in found if item.law in names and item.law not in given.only]
    wanted = len(names)
    names = [name for name in names if name not in {item.law for item in found}]
    if given.only:
        names = [name for name in names if name in given.only]
    batch = 8 * given.workers
    for begin in range(0, len(names), batch):  # fresh processes now and then
        part = names[begin : begin + batch]
        with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(timed, name, given.rows, given.draws) for name in part]
            for name, job in zip(part, jobs, strict=True):
                found.append(job.result())
                print(f"{name}: {found[-1].wall:.2f} s wall, {found[-1].cpu:.2f} s CPU, {found[-1].status}", flush=True)
        if not given.names:  # a run that is cut short leaves what it has measured
            Path(given.markdown).write_text(_table(found, wanted, given.rows, given.draws, given.workers))


def _read(path: Path) -> list[Timed]:
    """The rows of an earlier table."""
    rows = [line.strip("| ").split(" | ") for line in path.read_text().splitlines() if line.startswith("| [")]
    return [
        Timed(
            name.partition("]")[0].lstrip("["), float(wall), float(cpu), float(first), status, *map(_share, (agree, rms))
        )
        for name, wall, cpu, first, agree, rms, status in rows
    ]


def _share(text: str) -> float:
    return float(text.rstrip("%")) / 100.0


def _table(found: list[Timed], wanted: int, rows: int, draws: int, workers: int) -> str:
    slow = [item.law for item in sorted(found, key=lambda item: item.wall) if item.wall > BAR]
    how = "one law at a time" if workers == 1 else f"{workers} laws side by side on one core each"
    lines = [
        "# How long laws take\n",
        f"`python -m benchmarks.laws` on {os.cpu_count()} cores ({platform.machine()}, Python "
        f"{platform.python_version()}, {how}, load {os.getloadavg()[0]:.1f} at the end): a "
        f"global fit and {draws} bootstrap refits of {rows} rows that follow the law with {NOISE:.0%} noise, "
        "in a process that has done so once before: the column of first times.\n",
        f"{len(found) - len(slow)} of {len(found)} laws take {BAR:g} s or less"
        + (f"; {', '.join(slow)} take longer." if slow else ".")
        + (
            f" Not timed, because the run was cut short: {wanted - len(found)} of the largest."
            if len(found) < wanted
            else ""
        )
        + "\n",
        NOTE,
        "| law | wall s | CPU s | first time, s | starts that agree | rms | status |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| [{t.law}]({t.law}.md) | {t.wall:.2f} | {t.cpu:.2f} | {t.first:.1f} | {t.agree:.0%} | {t.rms:.2%} | "
        f"{t.status} |"
        for t in sorted(found, key=lambda item: -item.wall)
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
