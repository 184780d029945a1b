"""The generated page of interval coverage: the benchmark's summary as tables, every number from its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parent.parent / "benchmarks" / "coverage.json"

TOP = """# Do intervals hold the truth?

`python -m benchmarks.coverage` simulates ladders whose truth is known (`tenfold simulate ladder`), fits each one by default
settings unless the row says otherwise, and counts how often nominal 50 and 90 % intervals hold what they should. A share
that is truly 90 % comes out, nine times in ten, {ranges}. Every ladder is one of Chinchilla's law with the coefficients of Besiroglu et al. (2024), {low_flops} to
{high_flops} FLOP, and draws are {draws} a fit ({machine}).

Each cell below gives the 90 % share and, behind the bar, the width of the 90 % interval: one is the width of the interval
that the estimator's own spread over the ladders asks for, so the shortest interval that covers is near one.
A width of `none` means that a draw in some interval's middle had no such quantity at all. `auto` is what `draw`, `forecast`
and `plan` use when nothing is said.

A weakness is known: noise that differs between runs without a trend along the ladder is not noticed. `wild` and `bootstrap`
do not assume that it is alike.
"""

WORDS = {
    "auto": "`residual`; where rows are weighted, and for quantiles and counts, `counts`, or `dirichlet` below four runs a coefficient",
    "counts": "whole runs drawn with replacement",
    "dirichlet": "smooth weights (the Bayesian bootstrap)",
    "wild": "each run's residuals, made as large as the noise, with a random factor",
    "residual": "residuals, made as large as the noise, exchanged between runs, in units of the noise where it shows a trend",
    "laplace": "normal draws from the cluster-robust covariance of residuals made as large as the noise",
    "profile": "margins of the profile likelihood",
    "nuts": "the posterior, by the no-U-turn sampler",
}


def coverage_page(source: Path = SOURCE) -> str:
    """The page, or a line that says what would make it."""
    if not source.is_file():
        return "# Do intervals hold the truth?\n\nNot measured yet: `python -m benchmarks.coverage`.\n"
    found = json.loads(source.read_text())
    counts = sorted({count for cell in found["cells"].values() for count in cell["counted"].values()})
    ladder = found["ladder"]
    top = TOP.format(
        ranges=" and ".join(_range(count) for count in counts),
        draws=found["draws"],
        machine=found["machine"],
        low_flops=_power(ladder["low"]),
        high_flops=_power(ladder["high"]),
    )
    parts = [top, _summary(found["cells"]), _methods(found["cells"])]
    parts += [_cell(name, cell) for name, cell in found["cells"].items()]
    parts.append(_forecasts(found["cells"]))
    return "\n".join(parts) + "\n"


def _range(tables: int) -> str:
    """What chance alone does to a share of 90 % counted on so many ladders."""
    half = 164.5 * (0.9 * 0.1 / tables) ** 0.5
    return f"between {90 - half:.0f} and {90 + half:.0f} % where {tables} ladders were counted"


def _power(value: float) -> str:
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"10^{int(exponent)}" if mantissa == "1.0" else f"{mantissa} x 10^{int(exponent)}"


def _methods(cells: dict[str, Any]) -> str:
    measured = {method for cell in cells.values() for method in cell["methods"]}
    rows = [f"| `{name}` | {text} |" for name, text in WORDS.items() if name in measured]
    lines = ["| method | what is drawn |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _summary(cells: dict[str, Any]) -> str:
    """The mean over the quantities of every cell in which the law is right, one row a cell."""
    right = {name: cell for name, cell in cells.items() if cell["right"]}
    methods = list(dict.fromkeys(method for cell in right.values() for method in cell["methods"]))
    lines = [
        "## Where the law is right\n",
        "The mean 90 % share over all quantities, and the lowest of them.\n",
        f"| ladders | objective | {' | '.join(methods)} |",
        "|---|---|" + "---|" * len(methods),
    ]
    for cell in right.values():
        row = [_mean(cell["methods"][method]) if method in cell["methods"] else "" for method in methods]
        lines.append(f"| {cell['words']} | {cell['objective']} | {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _mean(quantities: dict[str, Any]) -> str:
    shares = [found["0.9"] for found in quantities.values()]
    return f"{100 * sum(shares) / len(shares):.0f} (lowest {100 * min(shares):.0f})"


def _cell(name: str, cell: dict[str, Any]) -> str:
    """Every method and quantity of one cell."""
    quantities = list(next(iter(cell["methods"].values())))
    lines = [
        f"## {name[0].upper()}{name[1:]}\n",
        f"{cell['words']}; objective {cell['objective']}; auto chose {_chosen(cell)}. Behind each method: how many ladders.",
    ]
    if not cell["right"]:
        lines.append(
            "The law does not describe these runs, and draws of its coefficients know nothing of that error: beyond the data "
            "they hold the truth by luck only. What a forecast adds for this is in the last table."
        )
    lines += ["", f"| method | {' | '.join(quantities)} |", "|---|" + "---|" * len(quantities)]
    for method, found in cell["methods"].items():
        row = [f"{100 * found[what]['0.9']:.0f} / {_width(found[what]['width'])}" for what in quantities]
        lines.append(f"| {method} ({cell['counted'][method]}) | {' | '.join(row)} |")
    halves = "; ".join(
        f"{method} {100 * min(shares):.0f} to {100 * max(shares):.0f}"
        for method, found in cell["methods"].items()
        for shares in [[one["0.5"] for one in found.values()]]
    )
    lines.append(f"\nShares of 50 % intervals, lowest to highest: {halves}.")
    return "\n".join(lines) + "\n"


def _width(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _chosen(cell: dict[str, Any]) -> str:
    return " and ".join(f"{method} in {100 * count / cell['tables']:.0f} %" for method, count in cell["chosen"].items())


def _forecasts(cells: dict[str, Any]) -> str:
    """Whole forecasts against one new run."""
    names = list(next(iter(cells.values()))["forecast"])
    lines = [
        "## Whole forecasts\n",
        "Coefficients, the noise of one run and the rehearsed error together, held against one new run: the share of the 50 "
        "and of the 90 % intervals that hold its loss, and the median width of the latter in percent of the loss.\n",
        f"| ladders | {' | '.join(names)} |",
        "|---|" + "---|" * len(names),
    ]
    for cell in cells.values():
        row = []
        for what in names:
            found = cell["forecast"][what]
            row.append(f"{100 * found['0.5']:.0f}, {100 * found['0.9']:.0f} / {100 * found['width']:.1f} %")
        lines.append(f"| {cell['words']} | {' | '.join(row)} |")
    return "\n".join(lines)
