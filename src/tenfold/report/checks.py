"""Coordinate, movement and sharpness checks as text."""

from __future__ import annotations

from typing import Any


def text(found: Any) -> Any:
    """The verdict or the finding in one line, and a table."""
    from rich.console import Group

    kind = type(found).__name__
    parts = {"CoordinateCheck": _coordinates, "MovementCheck": _movement, "SharpnessCourse": _sharpness}[kind](found)
    return Group(*parts)


def _coordinates(found: Any) -> list[Any]:
    head = found.verdict[0].upper() + found.verdict[1:]
    table = _table("activation", "size at the start", "change", "standard error", "")
    for slope in found.slopes:
        mark = "" if slope.passed else slope.pattern
        table.add_row(slope.activation, _power(slope.start), _power(slope.change), f"{slope.error:.2f}", mark)
    return [f"{head}.", f"Powers of {found.axis} with which root mean squares go, after {found.steps} steps:", table]


def _movement(found: Any) -> list[Any]:
    head = f"{found.parameterization} with {found.optimizer}: powers of {found.axis} after {found.steps} steps"
    table = _table("what", "of", "power", "standard error", "")
    for kind, name, slope, error in found.slopes:
        table.add_row(kind, name, _power(slope), f"{error:.2f}", "")
    return [f"{head} (alignments are powers of the fan-in themselves).", table, *found.notes]


def _sharpness(found: Any) -> list[Any]:
    table = _table(found.axis, *(f"step {step}" for step in found.steps))
    for value, course in zip(found.values, found.sharpness, strict=True):
        table.add_row(f"{value:g}", *(f"{each:.3g}" for each in course))
    spreads = ", ".join(f"{100 * each:.0f} %" for each in found.super_consistency)
    losses = ", ".join(f"{100 * each:.0f} %" for each in found.loss_spread)
    line = f"Sharpness differs between values by {spreads} at these steps, losses by {losses}"
    return [f"{line}; training becomes unstable from {found.threshold:.3g}.", table]


def _power(value: float) -> str:
    return "starts at zero" if value != value else f"{value:+.2f}"


def _table(*heads: str) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 or not head else "right")
    return table
