"""Our fits by both paths, SciPy's multi-start on the same objective, other laws, many rows, and fresh processes."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.data import large, points
from benchmarks.timing import Row, best, clock
from tenfold.core.law import predict
from tenfold.engine.objective import Huber
from tenfold.engine.problem import Problem, build
from tenfold.engine.solve import refit, solve
from tenfold.laws import laws
from tenfold.testing.synthetic import ranges, spread

FIT, DRAWS = "one global fit", "4,000 bootstrap refits"
OBJECTIVE = Huber(1e-3)


@contextmanager
def path(switch: str) -> Iterator[None]:
    """Force the NumPy path (0) or the compiled one (1)."""
    before = os.environ.get("TENFOLD_NUMBA")
    os.environ["TENFOLD_NUMBA"] = switch
    try:
        yield
    finally:
        os.environ.pop("TENFOLD_NUMBA", None)
        if before is not None:
            os.environ["TENFOLD_NUMBA"] = before


PATHS = [("0", "tenfold, NumPy"), ("1", "tenfold, numba")]


def ways() -> list[tuple[str, str]]:
    """The paths that can run here."""
    return PATHS if importlib.util.find_spec("numba") else PATHS[:1]


def problem() -> Problem:
    """The reference problem."""
    n, d, loss, _ = points()
    return build(laws()["chinchilla"], {"N": n, "D": d}, loss, objective=OBJECTIVE)


def global_fit(repeats: int) -> Iterator[Row]:
    """From a table to the optimum, all starts refined."""
    for switch, who in ways():
        with path(switch):
            wall, cpu, found = best(lambda: solve(problem()), 10 * repeats)
        yield Row(FIT, who, wall, cpu, f"{found.value:.10e}, {found.agree:.0%} of {len(found.lanes.value)} starts agree")


def bootstrap(repeats: int) -> Iterator[Row]:
    """4,000 resamples, warm-started."""
    ready = problem()
    rows = len(ready.y)
    weights = np.random.default_rng(0).multinomial(rows, np.full(rows, 1 / rows), size=4000).astype(float)
    start = np.repeat(solve(ready).theta[None], 4000, axis=0)
    for switch, who in ways():
        with path(switch):
            wall, cpu, lanes = best(lambda: refit(ready, start, weights=weights), repeats)
        ended = float(np.mean(np.isin(lanes.status, (0, 1))))
        yield Row(DRAWS, who, wall, cpu, f"{lanes.steps.mean():.1f} steps each, {ended:.1%} converged")


def scipy_rows(repeats: int) -> Iterator[Row]:
    """The same objective by SciPy's L-BFGS-B from the usual grid of 4,500 starts, and its refits."""
    from scipy.optimize import minimize

    n, d, loss, _ = points()
    x, z, y = np.log(n), np.log(d), np.log(loss)

    def value(theta, w, scale):
        e, a, b, alpha, beta = theta
        parts = np.stack([np.full_like(x, e), a - alpha * x, b - beta * z])
        top = parts.max(axis=0)
        share = np.exp(parts - top)
        total = share.sum(axis=0)
        r = np.log(total) + top - y
        psi = np.clip(r, -1e-3, 1e-3)
        share *= w * psi / total
        slope = np.array([share[0].sum(), share[1].sum(), share[2].sum(), -share[1] @ x, -share[2] @ z])
        return scale * (w * psi * (r - 0.5 * psi)).sum(), scale * slope

    def alone(theta, w, scale):
        return value(theta, w, scale)[0]

    grid = np.array(list(itertools.product(
        (-1, -0.5, 0, 0.5, 1), range(0, 26, 5), range(0, 26, 5), (0, 0.5, 1, 1.5, 2), (0, 0.5, 1, 1.5, 2)
    )), dtype=float)  # fmt: skip
    ones, tight = np.ones_like(y), {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-12, "maxcor": 20}
    cases = [("exact gradient, tight", 100, True, tight, 1e3), ("finite differences, default", 30, False, {}, 1.0)]
    for what, count, exact, options, scale in cases:
        picked = grid[np.linspace(0, len(grid) - 1, count).astype(int)]
        fn, factor = value if exact else alone, len(grid) / count

        def searched(fn=fn, picked=picked, exact=exact, options=options, scale=scale) -> float:
            ends = [minimize(fn, t, args=(ones, scale), jac=exact, method="L-BFGS-B", options=options) for t in picked]
            return min(end.fun for end in ends) / scale

        wall, cpu, lowest = best(searched, 2)
        note = f"best {lowest:.10e}; {count} of 4,500 starts run, times scaled by {factor:.0f}"
        yield Row(FIT, f"SciPy L-BFGS-B, 4,500 starts, {what}", wall * factor, cpu * factor, note)
    start = solve(problem()).theta
    weights = np.random.default_rng(0).multinomial(len(y), np.full(len(y), 1 / len(y)), size=50).astype(float)

    def refitted() -> None:
        for w in weights:
            minimize(value, start, args=(w, 1e3), jac=True, method="L-BFGS-B", options=tight)

    wall, cpu, _ = best(refitted, 2 * repeats)
    note = "50 run, times scaled by 80"
    yield Row(DRAWS, "SciPy L-BFGS-B, exact gradient, tight, warm", wall * 80, cpu * 80, note)


def other_laws(repeats: int) -> Iterator[Row]:
    """Laws that are not sums of power terms: a global fit and 200 resamples."""
    for name in ("kaplan_nd", "data_constrained", "bnsl1", "m4"):
        law = laws().get(name)
        if law is None:
            continue
        published = next(iter(law.published.values()), None)
        coef, span = (published.coef, published.span) if published else (law.checks[0].coef, None)
        inputs = spread(ranges(law, span), 128, 0)
        y = predict(law, coef, inputs) * np.exp(0.005 * np.random.default_rng(1).standard_normal(128))
        ready = build(law, inputs, y, objective=OBJECTIVE)
        weights = np.random.default_rng(1).multinomial(128, np.full(128, 1 / 128), size=200).astype(float)

        def job(ready=ready, weights=weights):
            found = solve(ready)
            refit(ready, np.repeat(found.theta[None], 200, axis=0), weights=weights)
            return found

        for switch, tool in ways():
            with path(switch):
                wall, cpu, found = best(job, min(repeats, 3))
            yield Row(f"{name}: fit and 200 refits", tool, wall, cpu, f"{found.agree:.0%} of starts agree")


def million(repeats: int) -> Iterator[Row]:
    """A million rows."""
    n, d, loss = large(1_000_000)

    def job():
        return solve(build(laws()["chinchilla"], {"N": n, "D": d}, loss, objective=OBJECTIVE))

    for switch, who in ways():
        with path(switch):
            wall, cpu, found = best(job, min(repeats, 2))
        yield Row("one fit of 1,000,000 rows", who, wall, cpu, found.status.name.lower())


# what a fit costs without us: one start, no certificate and no intervals
SCRIPT = """
import sys
import numpy as np
import polars as pl
from scipy.optimize import least_squares

table = pl.read_csv(sys.argv[1])
n, d, y = (np.log(table[name].to_numpy()) for name in ("params", "tokens", "loss"))

def residual(t):
    return np.logaddexp(np.logaddexp(t[0], t[1] - t[3] * n), t[2] - t[4] * d) - y

print(least_squares(residual, [0.5, 6.0, 7.0, 0.35, 0.35]).x)
"""


def fresh(repeats: int) -> Iterator[Row]:
    """The command line from nothing, and a script that reads the same table and minimises once."""
    command = shutil.which("tenfold", path=str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", ""))
    if command is None:
        yield Row("fresh process", "tenfold", 0.0, 0.0, "no 'tenfold' on the path", skipped=True)
        return
    n, d, loss, _ = points()
    with tempfile.TemporaryDirectory() as folder:
        # byte code is kept, as an installed package's is, also where the environment says not to write any
        cached = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        cached["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "pyc")
        file = Path(folder) / "runs.csv"
        lines = [f"{a!r},{b!r},{c!r}" for a, b, c in zip(n.tolist(), d.tolist(), loss.tolist(), strict=True)]
        file.write_text("\n".join(["params,tokens,loss", *lines]) + "\n")
        jobs = [
            ("tenfold --help", "tenfold", [command, "--help"], "exit code"),
            ("tenfold fit", "tenfold", [command, "fit", str(file), "--law", "chinchilla", "--json"], "exit code"),
            (
                "tenfold fit",
                "polars and SciPy",
                [sys.executable, "-c", SCRIPT, str(file)],
                "one start, nothing else; exit code",
            ),
        ]
        for what, who, line, note in jobs:
            wall = cpu = float("inf")
            code = 0
            for _ in range(1 + 2 * repeats):  # the first writes the byte code, which later starts find
                begin, used = time.perf_counter(), clock()
                code = subprocess.run(line, capture_output=True, check=False, env=cached).returncode
                wall, cpu = min(wall, time.perf_counter() - begin), min(cpu, clock() - used)
            yield Row(f"fresh process: {what}", who, wall, cpu, f"{note} {code}")


ALL = (global_fit, bootstrap, scipy_rows, other_laws, million, fresh)
