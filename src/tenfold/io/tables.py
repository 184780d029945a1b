"""Reading runs: any table in, :class:`Runs` out, with everything that was interpreted said in its notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import CONVENTIONS, Conventions
from tenfold.core.errors import DataError, did_you_mean
from tenfold.core.runs import Labels, Runs
from tenfold.io.columns import NUMERIC, TEXT, Match, match_columns, suggest
from tenfold.io.files import shown
from tenfold.io.raw import Raw
from tenfold.io.sources import open_source
from tenfold.io.units import COUNTS, Unit, parse_unit, read_numbers, read_plain
from tenfold.io.where import columns_of, keep_where

Array = NDArray[np.float64]

STATED = {"params_convention": "params", "flops_convention": "flops", "loss_unit": "loss"}


def read_runs(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    where: str | None = None,
    units: Mapping[str, Any] | None = None,
    conventions: Mapping[str, str] | Conventions | None = None,
    group: str | None = None,
) -> Runs:
    """Read a table of training runs.

    Args:
        source: a path (``.csv``, ``.tsv``, ``.jsonl``, ``.json``, each also with ``.gz``, or ``.parquet``);
            ``"data:NAME"`` for a table that comes with tenfold; a pandas, polars or pyarrow frame; a mapping
            of arrays; records; or Runs.
        columns: canonical name to the table's own, such as ``{"params": "Model Size"}``. Without it exact
            names are taken first, then well-known other names; each such reading is said in the notes.
        where: rows to keep, such as ``"status == 'finished' and flops < 1e21"``, see :mod:`tenfold.io.where`.
            Canonical names have canonical units; the table's own names have its own values.
        units: unit of a column where its name does not say: ``{"tokens": "B", "loss": "bits/byte"}``.
        conventions: how quantities are counted: ``{"params": "non-embedding"}``.
        group: the column that becomes the label ``group``.

    Returns:
        every column as read: numbers as floats (missing NaN), text as labels. Nothing is derived or dropped,
        except by ``where``; :func:`tenfold.io.require` does that for the columns a question needs.

    Raises:
        DataError: the source cannot be read, or does not mean what the options say: what, where, what to do.

    >>> read_runs({"N (B)": [1.0, 7.0], "D": [2e10, 1.4e11], "loss": [2.6, 2.2]}).columns["params"].tolist()
    [1000000000.0, 7000000000.0]
    """
    if isinstance(source, Runs) and not any((columns, where, units, conventions, group)):
        return source
    raw = open_source(source)
    plan = match_columns(
        raw.names,
        columns={**_mapping(raw.columns, "columns"), **_mapping(columns, "columns")},
        units={**_mapping(raw.units, "units"), **_mapping(units, "units")},
        here=raw.here,
    )
    label = _group_source(group, plan.matches, raw.names, raw.here)
    text = {match.source for match in plan.matches if match.target in TEXT} | ({label} if label else set())
    frame, notes = raw.load(frozenset(text))
    runs = _build(frame, plan.matches, raw, (*raw.notes, *notes, *plan.notes))
    if label is not None:
        runs = _grouped(runs, frame, label)
    stated = _conventions(conventions, plan.conventions, raw)
    if where is not None:
        runs = keep_where(runs, where, {**_originals(frame, plan.matches, raw), **columns_of(runs)})
    runs = _column_conventions(replace(runs, conventions=stated))
    return runs if isinstance(source, Runs) else _remark(runs)


def _mapping(value: Any, what: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise DataError(f"{what} is {shown(value)}", hint=f"give pairs, such as {what}={{'params': ...}}")
    return dict(value)


# ----------------------------------------------------------------------------------------------------
# columns


def _build(frame: Any, matches: tuple[Match, ...], raw: Raw, notes: tuple[str, ...]) -> Runs:
    columns: dict[str, Array] = {}
    labels: dict[str, Labels] = {}
    said = list(notes)
    for match in matches:
        series = frame.get_column(match.source)
        if match.target in TEXT:
            labels[match.target] = labels_of(series)
            continue
        values, remark = _read(series, match, raw)
        if remark:
            said.append(remark)
        if isinstance(values, Labels):
            labels[match.target] = values
        else:
            columns[match.target] = values
    return Runs(columns, labels, source=raw.here, notes=tuple(said))


def _read(series: Any, match: Match, raw: Raw) -> tuple[Array | Labels, str]:
    """One column as numbers or text, and a note when something was interpreted."""
    if isinstance(series, np.ndarray):
        return _scaled(series, match.unit), ""
    import polars as pl

    kind = series.dtype
    if kind.is_numeric() or kind in (pl.Boolean, pl.Null):
        return _scaled(_floats(series), match.unit), ""
    if kind not in (pl.String, pl.Categorical, pl.Enum):
        return labels_of(series), ""
    texts = series.cast(pl.String)
    if match.target in NUMERIC:
        return _strict(texts, match, raw)
    if raw.from_text:
        numbers = read_plain(texts)
        if numbers is not None:
            return _scaled(numbers, match.unit), ""
    if match.unit.scale != 1.0:
        raise DataError(f"column {shown(match.source)} of {raw.here} holds text, so it has no unit", hint="drop the unit")
    return labels_of(texts), ""


def _strict(texts: Any, match: Match, raw: Raw) -> tuple[Array, str]:
    """A column that must hold numbers.

    Raises:
        DataError: a text that is none, with its row, its line and its column.
    """
    counts = match.target in COUNTS
    numbers, wrong, example = read_numbers(texts, counts=counts)
    if wrong is not None:
        line = raw.line(wrong.row)
        spot = f"row {wrong.row + 1}" + (f" (line {line})" if line else "")
        more = f", and {wrong.count - 1} more" if wrong.count > 1 else ""
        raise DataError(
            f"{spot} of {raw.here}: column {shown(match.source)} holds {shown(wrong.text)}, not a number{more}",
            hint=_fix(wrong.text, match),
        )
    if example and match.unit.scale != 1.0:
        raise DataError(
            f"column {shown(match.source)} of {raw.here} has the unit {match.unit.text!r} and the value {shown(example)}",
            hint="give the scale once: in the unit or in the values",
        )
    note = f"{match.target}: text such as {shown(example)} read as numbers" if example else ""
    return _scaled(numbers, match.unit), note


def _fix(text: str, match: Match) -> str:
    if "," in text:
        return "write decimals with a point, and no commas between thousands"
    if match.target == "loss":
        return "leave the field empty and say what happened in a column 'status'"
    return "write a plain number, leave it empty, or read another column with columns={...}"


def _floats(series: Any) -> Array:
    import polars as pl

    filled = series.cast(pl.Float64).fill_null(float("nan"))
    return np.asarray(filled.to_numpy(), dtype=np.float64)


def _scaled(values: Array, unit: Unit) -> Array:
    if unit.scale == 1.0:
        return values
    with np.errstate(over="ignore"):
        return values * unit.scale


def labels_of(series: Any) -> Labels:
    """A polars series as labels: blanks around texts removed, empty texts missing, 3.0 written as 3."""
    import polars as pl

    if series.dtype.is_float():
        whole = ((series % 1.0 == 0.0) & (series.abs() < 2.0**63)).fill_null(value=False)
        if bool(whole.all()) or bool((whole | series.is_null() | series.is_nan()).all()):
            series = series.set(~whole, None).cast(pl.Int64)
    texts = series.cast(pl.String).str.strip_chars()
    texts = texts.set((texts == "").fill_null(value=False), None)
    names = texts.unique().drop_nulls().sort()
    codes = texts.cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(-1)
    return Labels(np.asarray(codes.to_numpy(), dtype=np.int64), tuple(names.to_list()))


def _originals(frame: Any, matches: tuple[Match, ...], raw: Raw) -> dict[str, Callable[[], Any]]:
    """The table's own columns under their own names and with their own values, for filters."""

    def getter(match: Match) -> Callable[[], Any]:
        series = frame.get_column(match.source)
        if match.target in TEXT:
            return lambda: labels_of(series)
        return lambda: _read(series, Match(match.target, match.source), raw)[0]

    return {match.source: getter(match) for match in matches}


# ----------------------------------------------------------------------------------------------------
# group and conventions


def _group_source(group: str | None, matches: tuple[Match, ...], names: tuple[str, ...], here: str) -> str | None:
    if group is None:
        return None
    by_target = {match.target: match.source for match in matches}
    if isinstance(group, str) and group in by_target:
        return by_target[group]
    if isinstance(group, str) and group in names:
        return group
    raise DataError(f"no column {shown(group)} in {here} to group by", hint=suggest(str(group), [*by_target, *names]))


def _grouped(runs: Runs, frame: Any, source: str) -> Runs:
    labels = {**runs.labels, "group": labels_of(frame.get_column(source))}
    columns = {name: values for name, values in runs.columns.items() if name != "group"}
    return replace(runs, columns=columns, labels=labels, notes=(*runs.notes, f"grouped by {shown(source)}"))


def _conventions(
    option: Mapping[str, str] | Conventions | None, named: tuple[tuple[str, str, str], ...], raw: Raw
) -> Conventions:
    """What the option, the source and the column names say together.

    Raises:
        DataError: they clash.
    """
    out = as_conventions(raw.conventions)
    out = as_conventions(option).merge(out, here="the option", there=raw.here)
    for quantity, value, source in named:
        said = as_conventions({quantity: value})
        out = out.merge(said, here=raw.here if option is None else "the option", there=f"column {shown(source)}")
    return out


def as_conventions(value: Mapping[str, str] | Conventions | None) -> Conventions:
    """Conventions from pairs, such as ``{"loss": "bits/byte"}``; spelling as in units is understood.

    Raises:
        DataError: an unknown quantity or convention, with the closest.
    """
    if isinstance(value, Conventions):
        return value
    known = [part.name for part in fields(Conventions)]
    out: dict[str, str] = {}
    for quantity, text in _mapping(value, "conventions").items():
        if quantity not in known:
            raise DataError(f"no convention for {shown(quantity)}", hint=did_you_mean(str(quantity), known))
        if not isinstance(text, str):
            raise DataError(f"the convention of {quantity} is {shown(text)}", hint="give a text")
        out[quantity] = _convention(text, quantity)
    return Conventions(**out)


def _convention(text: str, quantity: str) -> str:
    exact = {name.lower(): name for name in CONVENTIONS[quantity]}
    plain = text.strip().lower()
    if plain in exact:
        return exact[plain]
    unit = parse_unit(text, quantity)
    if unit is not None and unit.convention:
        return unit.convention
    raise DataError(
        f"unknown convention {shown(text)} for {quantity}",
        hint=did_you_mean(text, CONVENTIONS[quantity][1:]),
    )


def _column_conventions(runs: Runs) -> Runs:
    """Conventions that a column of the table states, one for all rows.

    Raises:
        DataError: rows differ, or the column contradicts what was stated otherwise.
    """
    out = runs.conventions
    for name, quantity in STATED.items():
        if name not in runs.labels:
            continue
        labels = runs.labels[name]
        present = [text for code, text in enumerate(labels.names) if bool((labels.codes == code).any())]
        kinds = {_convention(text, quantity) for text in present}
        if len(kinds) > 1:
            raise DataError(
                f"rows of {runs.source} count {quantity} differently: column {name!r} holds "
                + " and ".join(repr(text) for text in present[:4])
                + "",
                hint=f"keep one kind: --where \"{name} == '{present[0]}'\"",
            )
        for kind in kinds:
            out = out.merge(Conventions(**{quantity: kind}), here=runs.source, there=f"its column {name!r}")
    return replace(runs, conventions=out)


def _remark(runs: Runs) -> Runs:
    """Notes on columns whose size suggests another unit."""
    notes = list(runs.notes)
    for name in ("params", "tokens"):
        if runs.has(name):
            top = float(np.nanmax(runs.columns[name]))
            if 0 < top < 1000:
                notes.append(f"{name} reaches only {top:g}: if that is in billions, say units={{{name!r}: 'B'}}")
    return replace(runs, notes=tuple(notes))
