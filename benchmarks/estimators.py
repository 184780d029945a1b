"""What each estimator does on simulated runs whose truth is known: the tables of docs/estimators.md.

    python benchmarks/estimators.py [checkpoints] [inputs] [near] [outliers] [--repeats 60]

Every line is many simulated ladders: how far the estimate scatters, how far it is off, and how large its own standard
error is beside that scatter (1 is right).
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tenfold import Runs, fit
from tenfold.core.runs import Labels
from tenfold.laws import get

TRUTH = {"E": 1.8, "A": 400.0, "B": 1000.0, "alpha": 0.34, "beta": 0.36}


def correlated(rng: np.random.Generator, *, share: float, length: float, noise: float = 0.01) -> Runs:
    """24 runs with 4 to 40 checkpoints each; errors of one run share a part and fade with distance in log tokens."""
    law = get("chinchilla")
    columns: dict[str, list[np.ndarray]] = {"params": [], "tokens": [], "loss": []}
    names: list[str] = []
    for k, (n, d) in enumerate((n, d) for n in np.geomspace(1e7, 1e10, 6) for d in np.geomspace(1e9, 1e12, 4)):
        count = int(rng.integers(4, 41))
        tokens = d * np.geomspace(0.1, 1.0, count)
        z = np.log(tokens)
        cov = share + (1 - share) * np.exp(-np.abs(z[:, None] - z) / length)
        error = noise * np.linalg.cholesky(cov + 1e-10 * np.eye(count)) @ rng.standard_normal(count)
        columns["params"].append(np.full(count, n))
        columns["tokens"].append(tokens)
        columns["loss"].append(law(coef=TRUTH, N=n, D=tokens) * np.exp(error))
        names += [f"run{k}"] * count
    return Runs({name: np.concatenate(parts) for name, parts in columns.items()}, {"run": Labels.of(names)})


def digitised(rng: np.random.Generator, *, error: float, noise: float = 0.005, rows: int = 120) -> Runs:
    """A power law read off a figure: sizes carry errors of their own, as wide as ``error`` in the logarithm."""
    true = np.exp(rng.uniform(np.log(1e7), np.log(1e9), rows))
    loss = 30.0 * true**-0.15 * np.exp(noise * rng.standard_normal(rows))
    return Runs({"params": true * np.exp(error * rng.standard_normal(rows)), "loss": loss})


def bent(rng: np.random.Generator, *, noise: float = 0.004) -> Runs:
    """A power law whose exponent changes over five decades: no single one is right everywhere."""
    c = np.repeat(np.geomspace(1e16, 1e21, 11), 3)
    loss = (1.6 + 40.0 * c**-0.1 / (1 + (c / 1e19) ** 0.5) ** 0.15) * np.exp(noise * rng.standard_normal(len(c)))
    return Runs({"flops": c, "loss": loss})


def spoiled(rng: np.random.Generator, *, noise: float = 0.004, share: float = 0.06, size: float = 0.06) -> Runs:
    """A grid of sizes and tokens, of which a few large runs diverged a little: their losses lie above the law."""
    n, d = (v.ravel() for v in np.meshgrid(np.geomspace(1e7, 1e10, 7), np.geomspace(1e9, 1e12, 7)))
    bad = rng.random(len(n)) < share * 2 * (n > 1e8)
    error = noise * rng.standard_normal(len(n)) + bad * size
    return Runs({"params": n, "tokens": d, "loss": get("chinchilla")(coef=TRUTH, N=n, D=d) * np.exp(error)})


def repeat(
    make: Callable[[np.random.Generator], Runs],
    law: str,
    ways: Mapping[str, Mapping[str, Any]],
    *,
    repeats: int,
    seed: int,
) -> dict[str, dict[str, np.ndarray]]:
    """Coefficients and standard errors of every way on the same simulated tables, (repeats,) each."""
    out: dict[str, dict[str, list[float]]] = {way: {} for way in ways}
    for k in range(repeats):
        runs = make(np.random.default_rng([seed, k]))
        for way, options in ways.items():
            made = fit(law, runs, throw=False, **options)
            for name, value in made.coef.items():
                out[way].setdefault(name, []).append(value)
                out[way].setdefault(f"{name} error", []).append(made.certificate.errors.get(name, np.nan))
    return {way: {name: np.array(values) for name, values in found.items()} for way, found in out.items()}


def lines(title: str, found: Mapping[str, Mapping[str, np.ndarray]], truth: Mapping[str, float]) -> list[str]:
    """A Markdown table: bias, scatter and the ratio of the standard error to it."""
    head = [f"**{title}**", "", "| | " + " | ".join(f"{n}: bias | scatter | s.e. / scatter" for n in truth) + " |"]
    head.append("|---" * (1 + 3 * len(truth)) + "|")
    for way, values in found.items():
        cells = []
        for name, value in truth.items():
            spread = values[name].std()
            cells.append(
                f"{values[name].mean() - value:+.4f} | {spread:.4f} | {np.median(values[f'{name} error']) / spread:.2f}"
            )
        head.append(f"| {way} | " + " | ".join(cells) + " |")
    return [*head, ""]


def checkpoints(repeats: int) -> Iterator[str]:
    """Rows alike, last rows and pooled ones, under errors that fade and errors that stay."""
    ways: dict[str, dict[str, Any]] = {
        "every row alike": {},
        "last rows": {"checkpoints": "last"},
        "pooled": {"checkpoints": "pooled"},
    }
    for title, share, length in (
        ("errors fade slowly (over a factor e in tokens)", 0.0, 1.0),
        ("errors fade fast", 0.0, 0.1),
        ("half stays", 0.5, 0.3),
        ("nine tenths stay", 0.9, 0.3),
    ):
        make = functools.partial(correlated, share=share, length=length)
        found = repeat(make, "chinchilla", ways, repeats=repeats, seed=1)
        yield from lines(title, found, {"alpha": TRUTH["alpha"], "beta": TRUTH["beta"]})


def inputs(repeats: int) -> Iterator[str]:
    """Sizes with errors, as recorded and with the errors stated."""
    for error in (0.1, 0.3, 0.5):
        for objective in ("squared", "huber:1e-3"):
            ways: dict[str, dict[str, Any]] = {
                "as recorded": {"objective": objective},
                "errors stated": {"objective": objective, "errors": {"params": error}},
            }
            found = repeat(functools.partial(digitised, error=error), "A * N**-alpha", ways, repeats=repeats, seed=2)
            yield from lines(f"error {error:g} in ln params, {objective}", found, {"alpha": 0.15})


def near(repeats: int) -> Iterator[str]:
    """A forecast two decades ahead of runs whose exponent changes."""
    target = 1e23
    true = 1.6 + 40.0 * target**-0.1 / (1 + (target / 1e19) ** 0.5) ** 0.15
    yield from ("| weights | bias two decades ahead | scatter |", "|---|---|---|")
    for way, option in {"alike": "", "near flops=1e23": "flops=1e23", "near flops=1e23:0.5": "flops=1e23:0.5"}.items():
        seen = []
        for k in range(repeats):
            runs = bent(np.random.default_rng([3, k]))
            made = fit("power_offset", runs, axis="flops", near=option, certificate=False, throw=False)
            seen.append(float(made.predict(flops=target)) / true)
        yield f"| {way} | {np.mean(seen) - 1:+.2%} | {np.std(seen):.2%} |"


def outliers(repeats: int) -> Iterator[str]:
    """A few large runs above the law, in the fit and dropped, under two objectives."""
    ways: dict[str, dict[str, Any]] = {
        f"{objective}, {action}": {"objective": objective, "outliers": action}
        for objective in ("squared", "huber:1e-3")
        for action in ("keep", "drop")
    }
    found = repeat(spoiled, "chinchilla", ways, repeats=repeats, seed=4)
    yield from lines("some large runs 6 % above the law", found, {"alpha": TRUTH["alpha"], "beta": TRUTH["beta"]})


TABLES: dict[str, Callable[[int], Iterator[str]]] = {
    made.__name__: made for made in (checkpoints, inputs, near, outliers)
}


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=list(TABLES))
    parser.add_argument("--repeats", type=int, default=60)
    given = parser.parse_args()
    for name in given.what:
        for line in TABLES[name](given.repeats):
            print(line, flush=True)


if __name__ == "__main__":
    main()
