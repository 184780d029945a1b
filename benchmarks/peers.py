"""Installable packages that fit the same law, each in a virtual environment of its own under the user's cache folder.

They minimise other objectives (their defaults); the row says which. Where one cannot be installed its row says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.data import points
from benchmarks.fits import DRAWS, FIT
from benchmarks.timing import Row

SIMPLE_NEEDS = ("numpy", "scipy", "pandas", "polars", "pyyaml")
CHINCHILLA = """
import json, os, sys, time, numpy as np
from chinchilla import Chinchilla
from chinchilla._metrics import log_huber
def clock():
    t = os.times(); return t.user + t.system + t.children_user + t.children_system
grid = dict(E=np.linspace(1, 2, 2), a=np.linspace(1, 10, 2), b=np.linspace(1, 10, 2),
            alpha=np.linspace(.1, .7, 2), beta=np.linspace(.1, .7, 2))
cc = Chinchilla(sys.argv[1], param_grid=grid, loss_fn=lambda y, p: log_huber(y, p, delta=1e-3), log_level=50)
begin, used = time.perf_counter(), clock()
cc.fit(parallel=False)
print(json.dumps(dict(wall=time.perf_counter() - begin, cpu=clock() - used,
                      coef={k: float(v) for k, v in cc.params.items()})))
"""
SIMPLE = """
import json, sys, time, polars as pl
from simple_scaling_laws import fit
frame = pl.read_csv(sys.argv[1] + "/df.csv")
frame = frame.select(
    pl.int_range(pl.len()).alias("training_run_id"), pl.col("N").alias("model_size__n"),
    pl.col("D").alias("dataset_size__d"), pl.col("loss").alias("test_loss__loss"))
out = {}
for draws in (2, 200):
    begin, used = time.perf_counter(), time.process_time()
    model = fit(frame, n_draws=draws, seed=0)
    out[draws] = (time.perf_counter() - begin, time.process_time() - used)
print(json.dumps(dict(one=out[2], many=out[200])))
"""


def environment(package: str) -> Path | str:
    """The interpreter of an environment that holds a package, made once; or why there is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenfold" / "peers"
    folder = cache / package.replace("==", "-")
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if (folder / "ready").is_file():
        return python
    try:
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
        steps = [[*pip, package]]
        if package.startswith("simple"):  # it asks for a newer Python than it needs; what it builds on must not
            steps = [[*pip, *SIMPLE_NEEDS], [*pip, "--no-deps", "--ignore-requires-python", package]]
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True, timeout=600, check=False)
            if done.returncode != 0:
                break
    except (OSError, subprocess.SubprocessError) as error:
        return f"{package} could not be installed: {type(error).__name__}"
    if done.returncode != 0:
        return f"{package} could not be installed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1][:120]}"
    (folder / "ready").touch()
    return python


def ask(package: str, code: str, folder: str) -> dict[str, Any] | str:
    """What a package's script prints, or why it does not."""
    python = environment(package)
    if isinstance(python, str):
        return python
    try:
        command = [str(python), "-W", "ignore", "-c", code, folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return f"{package} did not run: {type(error).__name__} ({sys.platform})"


def run() -> Iterator[Row]:
    """All peers."""
    n, d, loss, _ = points()
    with tempfile.TemporaryDirectory() as folder:
        lines = [
            f"{6 * a * b!r},{a!r},{b!r},{c!r}" for a, b, c in zip(n.tolist(), d.tolist(), loss.tolist(), strict=True)
        ]
        (Path(folder) / "df.csv").write_text("\n".join(["C,N,D,loss", *lines]) + "\n")
        got = ask("chinchilla==0.2.0", CHINCHILLA, folder)
        who = "chinchilla 0.2.0, log Huber 1e-3, 3,125 starts"
        if isinstance(got, str):
            yield Row(FIT, who, 0.0, 0.0, got, skipped=True)
        else:
            factor = 3125 / 32
            note = f"alpha {got['coef']['alpha']:.4f}; 32 starts run, one process, times scaled by {factor:.0f}"
            yield Row(FIT, who, float(got["wall"]) * factor, float(got["cpu"]) * factor, note)
        got = ask("simple-scaling-laws==0.2.0", SIMPLE, folder)
        who = "simple-scaling-laws 0.2.0, least squares"
        if isinstance(got, str):
            yield Row(FIT, who, 0.0, 0.0, got, skipped=True)
            return
        (wall, cpu), (wall_many, cpu_many) = got["one"], got["many"]
        yield Row(FIT, who, wall, cpu, "with 2 draws; another objective")
        yield Row(DRAWS, who, wall_many * 20, cpu_many * 20, "200 draws run, times scaled by 20; another objective")
