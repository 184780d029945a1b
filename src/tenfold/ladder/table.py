"""Records of a ladder as runs, and as the text of a table that can be shipped."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tenfold.core.axes import Conventions
from tenfold.core.runs import Labels, Runs
from tenfold.ladder.records import RunRecord, to_curve_rows, to_rows

CONVENTIONS = Conventions(params="flop/6", flops="matmul", loss="nats/byte")
_TEXT = ("run", "group", "cell", "status", "device")
_CANONICAL = (
    "run", "seed", "params", "width", "depth", "group", "status", "params_hidden", "params_hidden_head", "params_total",
    "tokens", "unique_tokens", "flops", "steps", "batch_tokens", "lr_peak", "loss", "seconds", "device", "cell",
)  # fmt: skip


def to_runs(records: Iterable[RunRecord], *, source: str = "ladder") -> Runs:
    """Finished and unfinished runs with their status; seeds of one size and budget share a ``cell``."""
    return _runs([{**row, "cell": cell(row)} for row in to_rows(records)], source)


def to_curves(records: Iterable[RunRecord], *, source: str = "ladder") -> Runs:
    """Checkpoints, one row each."""
    return _runs(to_curve_rows(records), source)


def cell(row: Mapping[str, Any]) -> str:
    """The name that runs of one size, one budget and one choice of settings share whatever their seed."""
    extra = "".join(f"-{name}={row[name]}" for name in row if name not in _CANONICAL)
    sizes = f"-L{row['depth']}-D{row['tokens']}-B{row['batch_tokens']}" if extra else ""
    return f"{row['group']}-d{row['width']}{sizes}{extra}"


def _runs(rows: list[dict[str, Any]], source: str) -> Runs:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = {name for name in names if name in _TEXT or any(isinstance(row.get(name), str) for row in rows)}
    labels = {name: Labels.of(row.get(name) for row in rows) for name in names if name in text}
    columns = {
        name: np.array([np.nan if row.get(name) is None else float(row[name]) for row in rows])
        for name in names
        if name not in text
    }
    return Runs(columns, labels, CONVENTIONS, source)


def to_csv(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV text: nine significant digits, empty for missing."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(_text(row.get(name)) for name in names)
    return out.getvalue()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.9g}"
    return str(value)
