"""Whether a rate transfers, as text and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.core.errors import ConfigError
from tenfold.io.results import write_bytes
from tenfold.report.palette import step
from tenfold.report.scene import Dots, Label, Scale, Scene, Stroke
from tenfold.report.scenes import log_scale
from tenfold.report.ticks import value_ticks
from tenfold.transfer import Transfer

_HEADLINES = {"transfers": "transfers", "does not transfer": "DOES NOT TRANSFER", "not decided": "not decided"}


def transfer_text(found: Sequence[Transfer]) -> Any:
    """One verdict line a group, and a table of best rates under it."""
    from rich.console import Group
    from rich.table import Table

    parts: list[Any] = []
    for each in found:
        name = each.group or "the sweep"
        parts.append(f"{name}: {_HEADLINES[each.verdict]}. {each.reason[0].upper()}{each.reason[1:]}.")
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        heads = (each.axis, f"best {each.rate}", "90 %", "loss", "with the first's", "price", "sensitivity", "seeds")
        for head in heads:
            table.add_column(head, justify="right")
        for best in each.bests:
            edge = {"low": "<= ", "high": ">= "}.get(best.edge, "")
            table.add_row(
                f"{best.size:g}",
                f"{edge}{best.rate:.3g}",
                f"{best.low:.2g} to {best.high:.2g}",
                f"{best.loss:.4f}",
                "not swept" if best.copied is None else f"{best.copied:.4f}",
                "" if best.price is None else f"{100 * best.price:+.2f} %",
                f"{best.sensitivity:.3f}",
                str(best.seeds),
            )
        parts.append(table)
    return Group(*parts)


def transfer_scene(each: Transfer, *, top: float | None = None, bottom: float | None = None) -> Scene:
    """Loss against rate, a line a size, the best rate of each marked.

    Args:
        each: the verdict on one group.
        top: highest loss shown; default a quarter above the lowest.
        bottom: lowest loss shown.
    """
    losses = np.concatenate([np.array(values) for _, values in each.curves.values()])
    low = float(np.min(losses[np.isfinite(losses)])) if bottom is None else bottom
    high = min(1.25 * low, float(np.max(losses[np.isfinite(losses)]))) if top is None else top
    room = 0.06 * (high - low)
    marks: list[Any] = []
    labels = []
    for place, (size, (rates, values)) in enumerate(each.curves.items()):
        colour = step(place, len(each.curves))
        kept = [(x, y) for x, y in zip(rates, values, strict=True) if np.isfinite(y) and y <= high]
        if not kept:
            continue
        xs, ys = zip(*kept, strict=True)
        marks += [Stroke(xs, ys, colour, 2.2), Dots(xs, ys, colour, size=5.0)]
        best = next(each_best for each_best in each.bests if each_best.size == size)
        marks.append(Dots((best.rate,), (best.loss,), colour, "diamond", 11.0))
        labels.append(
            Label(best.rate, best.loss, f"{each.axis} {size:g}", colour, ("below", "left", "right", "above"),
                  also=((xs[-1], ys[-1]), (xs[0], ys[0])))
        )  # fmt: skip
    rates = [rate for xs, _ in each.curves.values() for rate in xs]
    title = {"lr_scale": "learning rate over the tuned one"}.get(each.rate, each.rate.replace("_", " "))
    y = Scale(
        f"loss, {each.unit}" if each.unit else "loss",
        low - room,
        high + room,
        value_ticks(low - room, high + room),
        log=False,
    )
    words = f"{each.group or 'Loss against rate'}: {each.verdict}. {each.reason}."
    return Scene(
        log_scale(title, [min(rates), max(rates)], pad=0.03),
        y,
        tuple(marks),
        tuple(labels),
        words,
        each.group,
        height=380,
    )


def _highest(found: Sequence[Transfer]) -> float:
    """The highest finite loss of all sweeps."""
    return max(value for each in found for _, values in each.curves.values() for value in values if np.isfinite(value))


def draw(found: Sequence[Transfer], path: Path) -> None:
    """Write one picture with a panel a group.

    Raises:
        ConfigError: the file's ending is no format.
    """
    from tenfold.report.static import panels

    kind = path.suffix.lstrip(".").lower()
    if kind not in ("svg", "png", "pdf"):
        raise ConfigError(f"{path.name} is no picture", path="--picture", hint="end it in .svg, .png or .pdf")
    lows = [min(best.loss for best in each.bests) for each in found]
    bottom = min(lows)
    top = max(1.06 * max(best.loss for each in found for best in each.bests), min(1.3 * bottom, _highest(found)))
    scenes = [transfer_scene(each, top=top, bottom=bottom) for each in found]
    titles = [f"{each.group}: {each.verdict}" if each.group else each.verdict for each in found]
    write_bytes(path, panels(scenes, titles=titles, format=kind))
