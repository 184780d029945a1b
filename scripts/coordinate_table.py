"""Slopes of a coordinate check for every parameterization with Adam and SGD, as the table of docs/transfer.md.

    python scripts/coordinate_table.py

The toy is the net 32-n-n-10 on one batch of 64 vectors of noise, four steps, widths 128, 384 and 1024, eight seeds. The
base model has width 32, far from the widths compared, so that readouts that start as 1 / n are small in all of them.
Rates are those that give hidden layers of width 128 the rate 1e-3 with Adam and 0.1 with SGD without momentum. Two to
three minutes of CPU time.
"""

from __future__ import annotations

from dataclasses import replace

from tenfold.ladder.coordinates import CoordinateCheck, coordinate_check
from tenfold.ladder.families.mlp import Shape
from tenfold.ladder.models import Model
from tenfold.ladder.parameterization import PARAMETERIZATIONS
from tenfold.ladder.spec import Optimizer

RATES = {"adam": 1e-3, "sgd": 0.1}
"""Rates of hidden layers of width ``WIDTHS[0]``."""

WIDTHS = (128, 384, 1024)
BASE = 32
SHAPE = Shape(width=128, depth=1, inputs=32, outputs=10, zero_init=False)


def settings(parameterization: str, optimizer: str) -> Optimizer:
    """The optimizer whose rate at the first width is the toy's, whatever the rule makes of it on the way there."""
    found = Optimizer(
        lr_embed=1.0, lr_hidden=1.0, lr_head=1.0, base_width=BASE, name=optimizer, clip=1e9,
        parameterization=parameterization, b1=0.9 if optimizer == "adam" else 0.0, b2=0.999,
    )  # fmt: skip
    factor = Model("mlp", SHAPE, found)
    step = factor.rates["blocks.0.up"] * factor.rules["blocks.0.up"].multiplier ** (1 if optimizer == "adam" else 2)
    rate = RATES[optimizer] / step
    return replace(found, lr_embed=rate, lr_hidden=rate, lr_head=rate)


def toy(parameterization: str, optimizer: str, *, widths: tuple[int, ...] = WIDTHS, seeds: int = 8) -> CoordinateCheck:
    """The check of one row."""
    given = settings(parameterization, optimizer)
    return coordinate_check(SHAPE, given, values=widths, seeds=seeds, batch=64, over="all")


def main() -> None:
    """Print the table, a row a parameterization."""
    print("| parameterization | optimizer | first layer | hidden layer | logits | error | verdict |")
    print("|---|---|---:|---:|---:|---:|---|")
    for name in PARAMETERIZATIONS:
        for optimizer in RATES:
            check = toy(name, optimizer)
            slopes = [check.slope(each) for each in ("first", "blocks.0", "logits")]
            numbers = " | ".join(f"{slope.change:+.2f}" for slope in slopes)
            verdict = "right" if check.passed else "not flat"
            print(f"| {name} | {optimizer} | {numbers} | {max(s.error for s in slopes):.2f} | {verdict} |", flush=True)


if __name__ == "__main__":
    main()
