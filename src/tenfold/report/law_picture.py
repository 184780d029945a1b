"""A law as a picture: what it predicts along its widest input, at published or else at worked coefficients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import OUTPUTS, axis_of, say
from tenfold.core.law import Law, predict
from tenfold.report.palette import step
from tenfold.report.scene import Label, Scale, Scene, Stroke
from tenfold.report.scenes import log_scale, title_of
from tenfold.report.ticks import value_ticks

Array = NDArray[np.float64]

_POINTS = 61
_COMMON = ("N", "D", "U", "C")  # drawn along, rather than told apart by, where there is something more particular


def law_scene(law: Law) -> Scene | None:
    """One curve, or three for a low, a middle and a high value of the second input; None where nothing is finite."""
    coef, span, source = _set_of(law)
    order = sorted(law.inputs, key=lambda symbol: -float(np.log(span[symbol][1] / span[symbol][0])))
    first = order[0]
    x = np.geomspace(*span[first], _POINTS)
    middle = {symbol: float(np.sqrt(low * high)) for symbol, (low, high) in span.items()}
    others = sorted((s for s in order[1:] if not axis_of(s).simplex), key=lambda symbol: symbol in _COMMON)
    second = others[0] if others else None
    levels = [None] if second is None else list(np.geomspace(*span[second], 3))
    curves = []
    for level in levels:
        at = {**middle, **({second: level} if second is not None else {})}
        y = np.broadcast_to(predict(law, coef, {**at, **_swept(law, first, x)}), x.shape)
        good = np.isfinite(y)
        if good.sum() > 2:
            curves.append((level, x[good], y[good]))
    return _scene(law, first, second, curves, middle, source) if curves else None


def _set_of(law: Law) -> tuple[Mapping[str, float], dict[str, tuple[float, float]], str]:
    """Coefficients to draw, the span to draw them over, and what they are."""
    if law.published:
        name, found = next(iter(law.published.items()))
        return found.coef, law.spans(found.span), f"published coefficients ({name})"
    check = law.checks[0]
    return check.coef, law.spans(), "the coefficients of a worked value"


def _swept(law: Law, first: str, x: Array) -> dict[str, Array]:
    """The first input along its range; the other shares of its mixture fill up to one."""
    out = {first: x}
    mix = axis_of(first).simplex
    others = [symbol for symbol in law.inputs if symbol != first and mix and axis_of(symbol).simplex == mix]
    return out | {symbol: (1.0 - x) / len(others) for symbol in others}


def _scene(
    law: Law,
    first: str,
    second: str | None,
    curves: list[tuple[float | None, Array, Array]],
    middle: Mapping[str, float],
    source: str,
) -> Scene:
    everything = np.concatenate([y for _, _, y in curves])
    unit = OUTPUTS.get(law.output, "")
    title = law.output.replace("_", " ") + (f", {unit}" if unit else "")
    y = _scale(title, everything)
    marks, labels = [], []
    for index, (level, along, values) in enumerate(curves):
        colour = "blue" if level is None else step(index, len(curves))
        marks.append(Stroke(tuple(along.tolist()), tuple(values.tolist()), colour, 2.4))
        if level is not None and second is not None:
            text = f"{axis_of(second).title} {say(float(level), second, unit=False)}"
            labels.append(_label(along, values, text, colour))
    held = [
        f"{axis_of(symbol).title} {say(value, symbol, unit=False)}"
        for symbol, value in middle.items()
        if symbol not in (first, second) and not axis_of(symbol).simplex
    ]
    words = f"{law.name} at {source}" + (f", with {', '.join(held)}" if held else "") + "."
    column = axis_of(first).column
    x = log_scale(title_of(column), [float(curves[0][1][0]), float(curves[0][1][-1])], column, pad=0.01)
    return Scene(x, y, tuple(marks), tuple(labels), words, law.name, height=420)


def _label(along: Array, values: Array, text: str, colour: str) -> Label:
    """Beside the curve, at the first of a few places that has room."""
    places = [int(share * (len(along) - 1)) for share in (0.72, 0.5, 0.3, 0.9)]
    spots = [(float(along[k]), float(values[k])) for k in places]
    return Label(*spots[0], text, colour, ("above", "below", "right", "left"), also=tuple(spots[1:]))


def _scale(title: str, values: Array) -> Scale:
    """Logarithmic where everything is positive and spans more than a little."""
    low, high = float(values.min()), float(values.max())
    if low > 0 and high / low > 3:
        return log_scale(title, [low, high], pad=0.06)
    room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return Scale(title, low - room, high + room, value_ticks(low - room, high + room), log=False)
