"""Kill a ladder in training at random moments, resume it, and count what was lost.

    python -m benchmarks.kills [--trials 50] [--seed 0]

Every trial starts the same ladder of six runs in a fresh folder, sends SIGKILL to the whole process after a random time,
and resumes it to the end. It must hold that no recorded line changes, that at most the runs in flight are trained again,
and that all losses are, bit for bit, those of a ladder that nobody disturbed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tenfold.ladder.records import read_records

LADDER = """
[model]
depth = 1
context = 16
[batch]
choices = [64]
[evaluation]
windows = 96
curve_windows = 64
curve_points = 3
[corpus]
kind = "folder"
path = "{text}"
[[row]]
flops = 2e8
widths = [8]
seeds = 3
[[row]]
flops = 4e8
widths = [8]
seeds = 3
"""
WORDS = ("def", "return", "for", "in", "if", "else", "self", "value", "index", "range", "print", "not", "None", "yield")


def prepare(folder: Path) -> Path:
    """A text and a ladder file in ``folder``."""
    draw = random.Random(0)
    (folder / "text").mkdir()
    for number in range(20):
        (folder / "text" / f"{number:02}.txt").write_text(" ".join(draw.choices(WORDS, k=400)))
    path = folder / "ladder.toml"
    path.write_text(LADDER.format(text=(folder / "text").as_posix()))
    return path


def command(ladder: Path, out: Path, workers: int) -> list[str]:
    """How the ladder is trained."""
    return [sys.executable, "-m", "tenfold.ladder.sweep", str(ladder), "--out", str(out), "--workers", str(workers)]


def trial(ladder: Path, out: Path, *, after: float, workers: int, cache: Path) -> dict[str, int]:
    """Kill after ``after`` seconds, resume; how many runs were recorded before, and how many records there are."""
    environment = {**os.environ, "TENFOLD_CACHE": str(cache)}
    process = subprocess.Popen(
        command(ladder, out, workers), env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    path = out / "runs.jsonl"
    before = path.read_bytes() if path.is_file() else b""
    kept = before[: before.rfind(b"\n") + 1]
    subprocess.run(command(ladder, out, workers), env=environment, check=True, stderr=subprocess.DEVNULL)
    whole = path.read_bytes()
    return {
        "before": kept.count(b"\n"),
        "lines": whole.count(b"\n"),
        "unchanged": int(whole.startswith(kept)),
        "partial": sum(1 for each in out.rglob("*.tmp")),
    }


def run(trials: int, *, seed: int = 0, workers: int = 2) -> dict[str, int]:
    """All trials; the worst of each count.

    Returns:
        ``trials``, ``interrupted`` (killed before the end), ``lost`` (a record changed), ``repeated`` (most records
        written twice), ``different`` (losses that differ from an undisturbed ladder's), ``partial`` (half-written files).
    """
    draw = random.Random(seed)
    worst = {"trials": trials, "interrupted": 0, "lost": 0, "repeated": 0, "different": 0, "partial": 0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ladder, cache = prepare(folder), folder / "cache"
        environment = {**os.environ, "TENFOLD_CACHE": str(cache)}
        for place in ("warm", "reference"):
            began = time.perf_counter()
            subprocess.run(
                command(ladder, folder / place, workers), env=environment, check=True, stderr=subprocess.DEVNULL
            )
            length = time.perf_counter() - began
        losses = {record.run: record.loss for record in read_records(folder / "reference" / "runs.jsonl")}
        for number in range(trials):
            out = folder / f"trial{number}"
            found = trial(ladder, out, after=draw.uniform(0.0, length), workers=workers, cache=cache)
            records = read_records(out / "runs.jsonl")
            worst["interrupted"] += found["before"] < len(losses)
            worst["lost"] = max(worst["lost"], 1 - found["unchanged"])
            worst["repeated"] = max(worst["repeated"], found["lines"] - len(losses))
            worst["different"] += sum(losses[record.run] != record.loss for record in records)
            worst["partial"] += found["partial"]
            assert {record.run for record in records} == set(losses)
    return worst


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(run(options.trials, seed=options.seed))


if __name__ == "__main__":
    main()
