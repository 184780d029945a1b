"""Ticks at values that people say: powers of ten for compute, ``300 k`` for sizes, round numbers for losses."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tenfold.core.axes import AXES, Axis, say
from tenfold.report.numbers import fixed


@dataclass(frozen=True, slots=True)
class Tick:
    """A value and its label; ``exponent`` is set where the label is a power of ten, to be raised by the renderer."""

    value: float
    text: str
    exponent: int | None = None


def log_ticks(low: float, high: float, *, column: str = "", most: int = 7) -> tuple[Tick, ...]:
    """Ticks of a logarithmic axis between two positive values."""
    axis = next((axis for axis in AXES if axis.column == column), None)
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = list(range(first, last + 1))
    if len(powers) >= 3:
        step = max(1, math.ceil(len(powers) / most))
        chosen = powers[::step]
        if len(powers) < 4 and axis is not None and axis.spoken == "si":
            return tuple(_tick(v, axis) for v in _mantissas(low, high, (1.0, 3.0)))[:most]
        return tuple(_tick(10.0**power, axis) for power in chosen)
    for mantissas in ((1.0, 2.0, 3.0, 5.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        values = _mantissas(low, high, mantissas)
        if 2 <= len(values) <= most:
            return tuple(_tick(value, axis) for value in values)
    return tuple(_tick(value, axis) for value in _round_values(low, high, most))


def value_ticks(low: float, high: float, *, most: int = 6, tail: str = "") -> tuple[Tick, ...]:
    """Ticks at round numbers, for a linear axis or for a logarithmic one that spans little."""
    if low > 0 and high / low >= 8:
        return log_ticks(low, high, most=most)
    return tuple(Tick(value, _number(value, _step(low, high, most)) + tail) for value in _round_values(low, high, most))


def _mantissas(low: float, high: float, mantissas: tuple[float, ...]) -> list[float]:
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    values = [m * 10.0**power for power in range(first, last + 1) for m in mantissas]
    return [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def _step(low: float, high: float, most: int) -> float:
    raw = (high - low) / max(most, 1)
    if not raw > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * (1 - 1e-9))


def _round_values(low: float, high: float, most: int) -> list[float]:
    step = _step(low, high, most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def _number(value: float, step: float) -> str:
    return fixed(value, max(-math.floor(math.log10(step) + 1e-9), 0)).replace("-", "−")


def _tick(value: float, axis: Axis | None) -> Tick:
    if axis is None or axis.spoken == "power":
        exponent = math.floor(math.log10(value) + 1e-9)
        mantissa = value / 10.0**exponent
        if axis is None and -2 <= exponent <= 3:
            return Tick(value, f"{value:g}")
        head = "" if abs(mantissa - 1) < 1e-6 else f"{mantissa:g}·"
        return Tick(value, f"{head}10", exponent)
    return Tick(value, say(value, axis, unit=False))
