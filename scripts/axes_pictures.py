"""The pictures of docs/axes.md, from the packaged tables.

python scripts/axes_pictures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tenfold import read_runs
from tenfold.core.runs import Runs
from tenfold.report.palette import step
from tenfold.report.scene import Dots, Label, Mark, Scale, Scene, Stroke
from tenfold.report.scenes import log_scale
from tenfold.report.static import panels
from tenfold.report.ticks import value_ticks
from tenfold.report.transfer import draw
from tenfold.transfer import transfer

DOCS = Path(__file__).resolve().parent.parent / "docs"


def shapes_scene(runs: Runs, low: float, high: float) -> Scene:
    """Loss against compute: a line a width and a length of training, along it the depth."""
    widths, lengths = np.unique(runs.column("width")), np.unique(np.round(runs.column("tokens"), -5))
    marks: list[Mark] = []
    labels = []
    for place, width in enumerate(widths):
        for length in lengths:
            rows = (runs.column("width") == width) & (np.round(runs.column("tokens"), -5) == length)
            depths = np.unique(runs.column("depth")[rows])
            xs, ys = [], []
            for depth in depths:
                these = rows & (runs.column("depth") == depth)
                xs.append(float(runs.column("flops")[these].mean()))
                ys.append(float(runs.column("loss")[these].mean()))
            colour = step(place, len(widths))
            marks += [Stroke(tuple(xs), tuple(ys), colour, 2.2), Dots(tuple(xs), tuple(ys), colour, size=6.0)]
            if length == lengths[-1]:
                labels.append(Label(xs[-1], ys[-1], f"width {width:g}", colour, ("right", "above", "below")))
    flops = runs.column("flops")
    room = 0.05 * (high - low)
    y = Scale("loss, nats/byte", low - room, high + room, value_ticks(low - room, high + room), log=False)
    x = log_scale("compute, FLOP", [float(flops.min()), float(flops.max())], "flops", pad=0.06)
    words = "Loss against compute; along a line the depth goes 2, 4, 8; upper lines 0.5 M bytes, lower ones 2 M."
    return Scene(x, y, tuple(marks), tuple(labels), words, "shapes", height=380)


def main() -> None:
    """Write the pictures."""
    draw(transfer(read_runs("data:rates"), by="parameterization"), DOCS / "transfer-width.svg")
    draw(transfer(read_runs("data:depths"), axis="depth", by="parameterization"), DOCS / "transfer-depth.svg")
    shapes = read_runs("data:shapes")
    low, high = shapes.span("loss")
    groups = shapes.groups("parameterization")
    scenes = [shapes_scene(groups[name], low, high) for name in ("standard", "completep")]
    titles = ["standard: depth 2, 4, 8 along a line", "completep: depth 2, 4, 8 along a line"]
    (DOCS / "shapes.svg").write_bytes(panels(scenes, titles=titles))


if __name__ == "__main__":
    main()
