"""Runs out: a table as CSV, JSON lines or Parquet, written atomically, that :func:`read_runs` reads back the same."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError
from tenfold.core.runs import Labels, Runs
from tenfold.io.results import write_bytes
from tenfold.io.tables import STATED

FORMATS = (".csv", ".jsonl", ".parquet")


def check_suffix(path: str | os.PathLike[str]) -> str:
    """The ending of a table's file name.

    Raises:
        ConfigError: it is none that can be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ConfigError(
            f"cannot tell the format of {os.fspath(path)!r}", path="--out", hint=f"end it in {', '.join(FORMATS)}"
        )
    return suffix


def write_runs(path: str | os.PathLike[str], runs: Runs) -> None:
    """Write runs atomically, in the format that the name ends in; missing numbers are empty or null.

    Conventions that are stated become columns, so that a reader knows them; infinite numbers stay in Parquet and are
    missing elsewhere.

    Raises:
        ConfigError: the ending names no format. DataError: the file cannot be written.

    Example:
        >>> from tenfold import Runs
        >>> write_runs("runs.csv", Runs({"params": [1e6], "loss": [3.0]}))  # doctest: +SKIP
    """
    suffix = check_suffix(path)
    import polars as pl

    runs = _stating(runs)
    data: dict[str, pl.Series] = {
        name: pl.Series(labels.values(), dtype=pl.String) for name, labels in runs.labels.items()
    }
    for name, values in runs.columns.items():
        kept = values if suffix == ".parquet" else np.where(np.isfinite(values), values, np.nan)
        column = pl.Series(kept, nan_to_null=True)
        data[name] = column.cast(pl.Int64) if _whole(kept[~np.isnan(kept)]) else column
    frame = pl.DataFrame(data)
    out = io.BytesIO()
    if suffix == ".csv":
        frame.write_csv(out)
    elif suffix == ".jsonl":
        frame.write_ndjson(out)
    else:
        frame.write_parquet(out)
    write_bytes(path, out.getvalue())


def _whole(values: NDArray[np.float64]) -> bool:
    """Whether there are any, all whole and small enough to be printed as such without loss."""
    return bool(values.size and (np.abs(values) < 2**53).all() and (values == np.round(values)).all())


def _stating(runs: Runs) -> Runs:
    """The same rows with a column for each convention that is stated."""
    stated = runs.conventions.stated()
    said = {
        column: Labels.of([stated[quantity]] * len(runs))
        for column, quantity in STATED.items()
        if quantity in stated and column not in runs.labels
    }
    return replace(runs, labels={**runs.labels, **said})
