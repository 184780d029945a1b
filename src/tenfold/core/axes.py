"""Axes: what can be scaled, and the conventions under which it is counted.

An axis is one declaration in :data:`AXES`. Laws name their inputs by the axis symbol (``N``, ``D``); tables hold them
under the canonical column (``params``, ``tokens``); reports print them with the unit and the words people say.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from tenfold.core.errors import DataError, LawError, did_you_mean


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that is scaled.

    ``lower`` is the smallest legal value (exclusive), ``spoken`` the style of the printed number: ``si`` for words
    people say (70 B), ``power`` for powers of ten (10^18), ``plain`` otherwise.
    """

    symbol: str
    column: str
    title: str
    unit: str
    spoken: str = "si"
    lower: float = 0.0
    integer: bool = False


AXES: tuple[Axis, ...] = (
    Axis("N", "params", "parameters", "parameters"),
    Axis("D", "tokens", "training tokens", "tokens"),
    Axis("U", "unique_tokens", "unique training tokens", "tokens"),
    Axis("C", "flops", "training compute", "FLOP", spoken="power"),
    Axis("S", "steps", "optimiser steps", "steps"),
    Axis("batch", "batch_tokens", "batch size", "tokens"),
    Axis("M", "token_multiplier", "tokens per parameter", "tokens/parameter", spoken="plain"),
    Axis("W", "width", "model width", "units", spoken="plain", integer=True),
    Axis("H", "depth", "layers", "layers", spoken="plain", integer=True),
    Axis("K", "experts", "experts", "experts", spoken="plain", integer=True),
    Axis("x", "x", "scale", ""),
)

OUTPUTS: dict[str, str] = {"loss": "nats/token", "error": "fraction"}

# What a quantity may be counted as. The first of each list is what is assumed, with a note, when nothing is said.
CONVENTIONS: dict[str, tuple[str, ...]] = {
    "params": (
        "unspecified",
        "total",
        "non-embedding",
        "non-embedding+head",
        "active",
        "flop/6",
    ),
    "flops": ("unspecified", "6ND", "counted", "kaplan", "palm", "matmul"),
    "loss": ("unspecified", "nats/token", "nats/byte", "bits/byte", "bits/token", "perplexity"),
}


@dataclass(frozen=True, slots=True)
class Conventions:
    """How the numbers of a table or of a published set were counted."""

    params: str = "unspecified"
    flops: str = "unspecified"
    loss: str = "unspecified"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            known = CONVENTIONS[field.name]
            if value not in known:
                raise DataError(
                    f"unknown convention {value!r} for {field.name}",
                    hint=did_you_mean(value, known),
                )

    def merge(self, other: Conventions, *, here: str, there: str) -> Conventions:
        """The conventions two sources share.

        Raises:
            DataError: when both are specified and differ, naming both and the way out.
        """
        out = self
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if "unspecified" in (mine, theirs):
                out = replace(out, **{field.name: theirs if mine == "unspecified" else mine})
            elif mine != theirs:
                raise DataError(
                    f"mixed conventions for {field.name}: {here} counts {mine}, {there} counts {theirs}",
                    hint=f"recount one of them, keep only one with --where, or state the right one with "
                    f"--convention {field.name}={mine}",
                )
        return out

    def stated(self) -> dict[str, str]:
        """Only what was specified."""
        pairs = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in pairs.items() if value != "unspecified"}


def axis_of(name: str) -> Axis:
    """The axis with this symbol or canonical column.

    >>> axis_of("N").column
    'params'
    """
    for axis in AXES:
        if name in (axis.symbol, axis.column):
            return axis
    known = [axis.symbol for axis in AXES] + [axis.column for axis in AXES]
    raise LawError(f"no axis {name!r}", hint=did_you_mean(name, known))


def say(value: float, axis: Axis | str | None = None, *, digits: int = 2, unit: bool = True) -> str:
    """A quantity as people say it: ``70 B``, ``1.4 T tokens``, ``10^18 FLOP``.

    >>> say(7e10, "params", unit=False)
    '70 B'
    >>> say(1.4e12, "tokens")
    '1.4 T tokens'
    >>> say(1e18, "flops")
    '10^18 FLOP'
    >>> say(3.2e11, "flops")
    '3.2e11 FLOP'
    """
    axis = axis_of(axis) if isinstance(axis, str) else axis
    style = "si" if axis is None else axis.spoken
    tail = f" {axis.unit}" if axis is not None and unit and axis.unit and axis.unit != "parameters" else ""
    if value != value or value in (float("inf"), float("-inf")):
        return f"{value}{tail}"
    if style == "power":
        return _power(value, digits) + tail
    if style == "plain" or value == 0:
        return f"{value:.{max(digits + 1, 3)}g}{tail}"
    return _si(value, digits) + tail


def _power(value: float, digits: int) -> str:
    if value <= 0:
        return f"{value:g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if float(mantissa) == 1.0:
        return f"10^{int(exponent)}"
    return f"{float(mantissa):g}e{int(exponent)}"


def _si(value: float, digits: int) -> str:
    for bound, suffix in ((1e15, None), (1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k"), (1.0, "")):
        if abs(value) * (1 + 0.5 * 10.0**-digits) >= bound:
            if suffix is None:
                return _power(value, digits)
            scaled = value / bound
            places = max(digits - len(f"{int(abs(scaled))}"), 0)
            text = f"{scaled:.{places}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + suffix
    return f"{value:.{digits}g}"
