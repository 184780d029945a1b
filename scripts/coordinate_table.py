"""Slopes of a coordinate check for every parameterization with Adam and SGD, as the table of docs/transfer.md.

    python scripts/coordinate_table.py

The toy is the net 32-n-n-10 on one batch of 64 vectors of noise, four steps, widths 128, 384 and 1024, eight seeds;
Adam at rate 1e-3, SGD without momentum at 0.1, both in the base model of width 128. Two to three minutes of CPU time.
"""

from __future__ import annotations

from tenfold.ladder.coordinates import CoordinateCheck, coordinate_check
from tenfold.ladder.families.mlp import Shape
from tenfold.ladder.parameterization import PARAMETERIZATIONS
from tenfold.ladder.spec import Optimizer

RATES = {"adam": 1e-3, "sgd": 0.1}
WIDTHS = (128, 384, 1024)
U_MUP = {"adam": 1e-3 * 128**0.5, "sgd": 0.1}
"""u-muP counts its rates from width 1, not from the base model: these give hidden layers of width 128 the same rate."""


def toy(parameterization: str, optimizer: str, *, widths: tuple[int, ...] = WIDTHS, seeds: int = 8) -> CoordinateCheck:
    """The check of one row."""
    rate = (U_MUP if parameterization == "u-mup" else RATES)[optimizer]
    settings = Optimizer(
        lr_embed=rate, lr_hidden=rate, lr_head=rate, base_width=128, name=optimizer, clip=1e9,
        parameterization=parameterization, b1=0.9 if optimizer == "adam" else 0.0, b2=0.999,
    )  # fmt: skip
    shape = Shape(width=128, depth=1, inputs=32, outputs=10, zero_init=False)
    return coordinate_check(shape, settings, values=widths, seeds=seeds, batch=64, over="all")


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
