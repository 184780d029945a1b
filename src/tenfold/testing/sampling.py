"""Where a law is examined: its published sets, its worked values, its domain inside and at the edges."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.core.domains import Domain
from tenfold.core.law import Law
from tenfold.core.sampling import spread
from tenfold.testing.synthetic import ranges

Array = NDArray[np.float64]
OUTPUT_RANGE = (1.5, 4.0)  # losses as a domain on the scale of the output sees them
INSIDE = 12  # rows drawn from inside the domain


@dataclass(frozen=True)
class Rows:
    """Points to examine: one value a row for every coefficient and input, and what the row is."""

    coef: Mapping[str, Array]
    inputs: Mapping[str, Array]
    what: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.what)

    def take(self, rows: list[int]) -> Rows:
        """Selected rows."""
        return Rows(
            {name: values[rows] for name, values in self.coef.items()},
            {name: values[rows] for name, values in self.inputs.items()},
            tuple(self.what[row] for row in rows),
        )

    def at(self, row: int) -> str:
        """A row in words."""
        pairs = [*self.inputs.items(), *self.coef.items()]
        return f"{self.what[row]} (" + ", ".join(f"{name} = {values[row]:.6g}" for name, values in pairs) + ")"


def rows_of(law: Law) -> Rows:
    """The rows on which a law is examined. The same law gives the same rows in every process."""
    seed = zlib.crc32(law.name.encode())
    found: list[tuple[str, Mapping[str, float], Mapping[str, float]]] = []
    for index, check in enumerate(law.checks):
        found.append((f"worked value {index}", check.coef, check.inputs))
    for name, published in law.published.items():
        span = ranges(law, published.span)
        found.append((f"published {name}, low end", published.coef, {k: low for k, (low, _) in span.items()}))
        found.append((f"published {name}, high end", published.coef, {k: high for k, (_, high) in span.items()}))
        found.append((f"published {name}", published.coef, _row(spread(span, 3, seed), 0)))
    span = ranges(law)
    inside = inside_domains(law, span, INSIDE, seed)
    points = spread(span, INSIDE, seed + 1)
    for row in range(INSIDE):
        found.append((f"inside {row}", _row(inside, row), _row(points, row)))
    for index, (name, edge) in enumerate(edges(law)):
        row = index % INSIDE
        found.append((f"{name} at its bound {edge:g}", {**_row(inside, row), name: edge}, _row(points, row)))
    return Rows(
        {name: np.array([float(coef[name]) for _, coef, _ in found]) for name in law.coefs},
        {name: np.array([float(inputs[name]) for _, _, inputs in found]) for name in law.inputs},
        tuple(what for what, _, _ in found),
    )


def inside_domains(law: Law, span: Mapping[str, tuple[float, float]], n: int, seed: int) -> dict[str, Array]:
    """Coefficients drawn from the ranges that starts are drawn from."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, domain in law.coefs.items():
        low, high = start_range(domain, span)
        share = (rng.permutation(n) + rng.random(n)) / n
        if domain.transform == "log":
            out[name] = np.exp(np.log(low) + share * (np.log(high) - np.log(low)))
        else:
            out[name] = low + share * (high - low)
    return out


def start_range(domain: Domain, span: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    """The range of starts in natural units, for data over ``span``; a floor stays below the outputs."""
    low, high = domain.start
    if not domain.like:
        return low, high
    smallest, largest = OUTPUT_RANGE if domain.like == "output" else span[domain.like]
    return low * smallest, high * (smallest if high < 1.0 else largest)


def edges(law: Law) -> list[tuple[str, float]]:
    """Finite bounds that a coefficient may reach; one solved for in its logarithm never reaches zero."""
    return [
        (name, bound)
        for name, domain in law.coefs.items()
        if domain.transform != "log"
        for bound in (domain.lower, domain.upper)
        if np.isfinite(bound)
    ]


def _row(columns: Mapping[str, Array], row: int) -> dict[str, float]:
    return {name: float(values[row]) for name, values in columns.items()}
