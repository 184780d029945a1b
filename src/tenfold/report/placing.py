"""Where labels go: beside their points, inside the figure, never on top of one another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tenfold.report.scene import Dots, Label, Scale, Scene, Stroke, Whisker

_WIDTH = 0.56  # of an average character, as a share of the font's size
_LINE = 1.28  # height of a line, likewise


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
    """A label and the offset of its box's anchor from its point, in pixels (up and right are positive)."""

    label: Label
    text: str
    dx: float
    dy: float
    xanchor: str
    yanchor: str


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: _Box) -> float:
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(wide, 0.0) * max(high, 0.0)


def place(scene: Scene, frame: Frame) -> tuple[Placed, ...]:
    """Choose a side for every label, in order; each keeps clear of those before it and, if it can, of the points."""
    points = _points(scene, frame)
    taken: list[_Box] = []
    out = []
    for label in scene.labels:
        text = label.text if not frame.short or label.short is None else label.short
        if not text:
            continue
        best: tuple[float, Placed, _Box] | None = None
        for rank, (option, box) in enumerate(_options(label, text, scene, frame)):
            clash = sum(box.overlap(other) for other in taken)
            hits = sum(box.overlap(point) for point in points)
            cost = 1000.0 * clash + 4.0 * hits + 40.0 * _outside(box, frame) + 6.0 * rank
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
            inside = (1.0 - fraction(scene.x, label.x)) * width * 0.75
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
    lines = text.split("\n")
    return max(len(line) for line in lines) * font * _WIDTH + 2, len(lines) * font * _LINE


def _points(scene: Scene, frame: Frame) -> list[_Box]:
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
            boxes.append(_Box(px - half, py - half, px + half, py + half))
    return boxes


def _line(mark: Stroke, scene: Scene, frame: Frame) -> list[_Box]:
    """Small boxes along a line."""
    at = [(fraction(scene.x, x) * frame.width, fraction(scene.y, y) * frame.height) for x, y in zip(mark.x, mark.y, strict=True)]
    boxes = []
    for (ax, ay), (bx, by) in pairwise(at):
        steps = max(int(math.hypot(bx - ax, by - ay) / 6), 1)
        for k in range(steps + 1):
            px, py = ax + (bx - ax) * k / steps, ay + (by - ay) * k / steps
            boxes.append(_Box(px - 1.5, py - 1.5, px + 1.5, py + 1.5))
    return boxes[:: max(len(boxes) // 4000, 1)]


def _options(label: Label, text: str, scene: Scene, frame: Frame) -> list[tuple[Placed, _Box]]:
    wide, high = size_of(text, frame.font)
    px, py = fraction(scene.x, label.x) * frame.width, fraction(scene.y, label.y) * frame.height
    out = []
    for side in label.sides:
        for extra in (0.0, 0.55 * high, 1.1 * high, 1.7 * high, 2.4 * high, 3.2 * high):
            for sign in (1, -1) if side in ("right", "left") and extra else (1,):
                out.append(_option(label, text, side, sign * extra, (px, py), (wide, high), frame))
    return out


def _option(
    label: Label,
    text: str,
    side: str,
    extra: float,
    at: tuple[float, float],
    size: tuple[float, float],
    frame: Frame,
) -> tuple[Placed, _Box]:
    (px, py), (wide, high) = at, size
    gap = label.gap
    if side in ("above", "below", "top"):
        # keep the box inside by choosing its anchor, not by moving it off its point
        anchor = "center"
        if side == "top" or px - wide / 2 < 0:
            anchor = "left"
        if px + (wide if anchor == "left" else wide / 2) > frame.width + frame.right:
            anchor = "right"
        left = px - {"left": 0.0, "center": wide / 2, "right": wide}[anchor]
        shift = {"left": 6.0, "center": 0.0, "right": -6.0}[anchor] if side == "top" else 0.0
        if side == "top":
            top = frame.height - 4.0 - extra
            box = _Box(left + shift, top - high, left + shift + wide, top)
            return Placed(label, text, shift, top - py, anchor, "top"), box
        if side == "above":
            bottom = py + gap + extra
            return Placed(label, text, 0.0, gap + extra, anchor, "bottom"), _Box(left, bottom, left + wide, bottom + high)
        top = py - gap - extra
        return Placed(label, text, 0.0, -gap - extra, anchor, "top"), _Box(left, top - high, left + wide, top)
    if side == "right":
        box = _Box(px + gap, py + extra - high / 2, px + gap + wide, py + extra + high / 2)
        return Placed(label, text, gap, extra, "left", "middle"), box
    box = _Box(px - gap - wide, py + extra - high / 2, px - gap, py + extra + high / 2)
    return Placed(label, text, -gap, extra, "right", "middle"), box


def _outside(box: _Box, frame: Frame) -> float:
    """How far a box reaches out of the drawing area (the right margin may be used), in pixels."""
    return (
        max(-box.left, 0.0)
        + max(-box.bottom, 0.0)
        + max(box.right - frame.width - frame.right, 0.0)
        + max(box.top - frame.height, 0.0)
    )
