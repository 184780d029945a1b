"""Where labels go: beside their points, inside the figure, never on top of one another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tenfold.report.powers import spelled
from tenfold.report.scene import Dots, Label, Scale, Scene, Stroke, Whisker

_WIDTH = 0.56  # of an average character, as a share of the font's size
_LINE = 1.28  # height of a line, likewise
_Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """A drawing area in pixels, inside the margins."""

    width: float
    height: float
    font: float = 13.0
    short: bool = False
    right: float = 0.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A label, the point it stands beside and the offset of its box's anchor from there (pixels right and up)."""

    label: Label
    text: str
    dx: float
    dy: float
    xanchor: str
    yanchor: str
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    bottom: float
    right: float
    top: float
    weight: float = 1.0

    def overlap(self, other: _Box) -> float:
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(wide, 0.0) * max(high, 0.0)


def place(scene: Scene, frame: Frame) -> tuple[Placed, ...]:
    """Choose a place for every label, in order: clear of those before it, near its point, off the marks if it can be."""
    marks = _obstacles(scene, frame)
    taken: list[_Box] = []
    out = []
    for label in scene.labels:
        text = label.text if not frame.short or label.short is None else label.short
        if not text:
            continue
        best: tuple[float, Placed, _Box] | None = None
        for cost, option, box in _options(label, text, scene, frame):
            cost += 1000.0 * sum(box.overlap(other) for other in taken) + 200.0 * _outside(box, frame)
            if best is None or cost < best[0]:
                cost += sum(box.overlap(mark) * mark.weight for mark in marks)
                if best is None or cost < best[0] - 1e-9:
                    best = (cost, option, box)
        if best is not None:
            taken.append(best[2])
            out.append(best[1])
    return tuple(out)


def margin(scene: Scene, font: float, width: float, *, short: bool) -> float:
    """Room that labels to the right of the last points need beyond the plot, in pixels."""
    need = 14.0 if short else 20.0
    for label in scene.labels:
        if label.sides[0] == "right":
            text = label.text if not short or label.short is None else label.short
            inside = (1.0 - fraction(scene.x, label.x)) * width * 0.7
            need = max(need, size_of(text, font)[0] + label.gap + 3.0 - inside)
    return min(need, 0.4 * width)


def left_margin(scene: Scene, font: float) -> float:
    """Room for the vertical axis: its widest tick label, its title and the gaps between."""
    widest = max((size_of(tick.text + str(tick.exponent or ""), font)[0] for tick in scene.y.ticks), default=0.0)
    return widest + 1.9 * font + 12.0


def fraction(scale: Scale, value: float) -> float:
    """Where a value lies along an axis, 0 to 1."""
    if scale.log:
        return math.log(value / scale.low) / math.log(scale.high / scale.low)
    return (value - scale.low) / (scale.high - scale.low)


def size_of(text: str, font: float) -> tuple[float, float]:
    """An estimate of a text's width and height, in pixels."""
    lines = spelled(text).replace("^", "").split("\n")
    return max(len(line) for line in lines) * font * _WIDTH + 2, len(lines) * font * _LINE


def _obstacles(scene: Scene, frame: Frame) -> list[_Box]:
    boxes = []
    for mark in scene.marks:
        if isinstance(mark, Dots):
            pairs: Sequence[tuple[float, float]] = list(zip(mark.x, mark.y, strict=True))
            half = mark.size / 2
        elif isinstance(mark, Stroke):
            boxes += _line(mark, scene, frame)
            continue
        elif isinstance(mark, Whisker):
            pairs = [(mark.x, mark.low + (mark.high - mark.low) * k / 8) for k in range(9)]
            half = 3.0
        else:
            continue
        for x, y in pairs:
            px, py = fraction(scene.x, x) * frame.width, fraction(scene.y, y) * frame.height
            boxes.append(_Box(px - half, py - half, px + half, py + half, 4.0))
    return boxes


def _line(mark: Stroke, scene: Scene, frame: Frame) -> list[_Box]:
    """Small boxes along a line."""
    at = [
        (fraction(scene.x, x) * frame.width, fraction(scene.y, y) * frame.height)
        for x, y in zip(mark.x, mark.y, strict=True)
    ]
    boxes = []
    weight = 2.0 if mark.dash == "solid" else 0.7
    for (ax, ay), (bx, by) in pairwise(at):
        steps = max(int(math.hypot(bx - ax, by - ay) / 6), 1)
        for k in range(steps + 1):
            px, py = ax + (bx - ax) * k / steps, ay + (by - ay) * k / steps
            boxes.append(_Box(px - 1.5, py - 1.5, px + 1.5, py + 1.5, weight))
    return boxes[:: max(len(boxes) // 4000, 1)]


def _options(label: Label, text: str, scene: Scene, frame: Frame) -> Iterator[tuple[float, Placed, _Box]]:
    """Every place a label may take, with what it costs to stand far off or on a later choice of side."""
    size = size_of(text, frame.font)
    for other, point in enumerate(((label.x, label.y), *label.also)):
        at = fraction(scene.x, point[0]) * frame.width, fraction(scene.y, point[1]) * frame.height
        for step in (0.0, 0.55, 1.1, 1.7, 2.4, 3.2):
            for rank, side in enumerate(label.sides):
                cost = 5.0 * other + 2.5 * step * size[1] + 6.0 * rank
                for worse, made in enumerate(_beside(label, text, side, step * size[1], at, size, frame)):
                    option, box = made
                    yield cost + 5.0 * worse, replace(option, x=point[0], y=point[1]), box


def _beside(
    label: Label, text: str, side: str, extra: float, at: _Pair, size: _Pair, frame: Frame
) -> list[tuple[Placed, _Box]]:
    if side == "top":
        return [_top(label, text, extra, at, size, frame, anchor) for anchor in ("left", "right")]
    if side in ("above", "below"):
        up = side == "above"
        return [_vertical(label, text, extra, at, size, anchor, up=up) for anchor in ("center", "right", "left")]
    return [_sideways(label, text, side, sign * extra, at, size) for sign in ((1, -1) if extra else (1,))]


_BACK = {"left": 0.0, "center": 0.5, "right": 1.0}  # how much of its width a label reaches back from its point


def _top(label: Label, text: str, extra: float, at: _Pair, size: _Pair, frame: Frame, anchor: str) -> tuple[Placed, _Box]:
    """Beside a vertical line, at the top of the plot."""
    shift = 6.0 if anchor == "left" else -6.0
    left, top = at[0] + shift - _BACK[anchor] * size[0], frame.height - 4.0 - extra
    return Placed(label, text, shift, top - at[1], anchor, "top"), _Box(left, top - size[1], left + size[0], top)


def _vertical(
    label: Label, text: str, extra: float, at: _Pair, size: _Pair, anchor: str, *, up: bool
) -> tuple[Placed, _Box]:
    """Above or below a point."""
    left, away = at[0] - _BACK[anchor] * size[0], label.gap + extra
    if up:
        bottom = at[1] + away
        return Placed(label, text, 0.0, away, anchor, "bottom"), _Box(left, bottom, left + size[0], bottom + size[1])
    top = at[1] - away
    return Placed(label, text, 0.0, -away, anchor, "top"), _Box(left, top - size[1], left + size[0], top)


def _sideways(label: Label, text: str, side: str, extra: float, at: _Pair, size: _Pair) -> tuple[Placed, _Box]:
    """Right or left of a point."""
    low, high = at[1] + extra - size[1] / 2, at[1] + extra + size[1] / 2
    if side == "right":
        box = _Box(at[0] + label.gap, low, at[0] + label.gap + size[0], high)
        return Placed(label, text, label.gap, extra, "left", "middle"), box
    box = _Box(at[0] - label.gap - size[0], low, at[0] - label.gap, high)
    return Placed(label, text, -label.gap, extra, "right", "middle"), box


def _outside(box: _Box, frame: Frame) -> float:
    """How far a box reaches out of the drawing area (the right margin may be used), in pixels."""
    return (
        max(-box.left, 0.0)
        + max(-box.bottom, 0.0)
        + max(box.right - frame.width - frame.right, 0.0)
        + max(box.top - frame.height, 0.0)
    )
