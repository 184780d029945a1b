"""A table as it was found: names, a way to load it, and what the source says about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenfold.core.errors import DataError
from tenfold.io.files import first_line, shown

_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Raw:
    """A table before its columns are understood.

    Attributes:
        here: what to call it in messages.
        names: the columns.
        load: gives the polars frame, or one of nothing but numbers (:mod:`tenfold.io.plain_tables`), and notes; its
            argument names columns that must stay text.
        from_text: whether numbers were written as text, so that a text column may be numbers after all.
        line: the line of the file on which a row (from 0) stands, or None.
        conventions, columns, units: what the source itself declares, as the options of ``read_runs``.
        notes: what was noticed so far.
    """

    here: str
    names: tuple[str, ...]
    load: Callable[[frozenset[str]], tuple[Any, tuple[str, ...]]]
    from_text: bool = False
    line: Callable[[int], int | None] = lambda row: None
    conventions: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def of_frame(
    frame: Any,
    *,
    here: str,
    notes: Iterable[str] = (),
    line: Callable[[int], int | None] = lambda row: None,
) -> Raw:
    """A polars frame as a table; nested fields become columns named ``outer.inner``.

    Raises:
        DataError: no columns, no rows, or nested names that collide.
    """
    import polars as pl

    said = list(notes)
    try:
        for _ in range(_DEPTH):
            nested = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Struct)]
            if not nested:
                break
            frame = pl.DataFrame([part for column in frame.get_columns() for part in _fields(column)])
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as cause:
        raise DataError(f"cannot flatten the nested columns of {here}: {first_line(cause)}", hint="rename them") from None
    kept = []
    for name, kind in frame.schema.items():
        if kind.is_nested() or kind in (pl.Binary, pl.Object, pl.Unknown):
            said.append(f"column {shown(name)} of {here} left out: it holds {str(kind).lower()} values")
        else:
            kept.append(name)
    frame = pl.DataFrame([frame.get_column(name) for name in kept])
    if frame.width == 0:
        raise DataError(f"{here} has no columns of numbers or text", hint="a table needs one column a quantity")
    if frame.height == 0:
        raise DataError(f"{here} holds column names and no rows", hint="add one row a run")
    return Raw(here, tuple(frame.columns), lambda text: (frame, tuple(said)), line=line)


def _fields(column: Any) -> list[Any]:
    import polars as pl

    if not isinstance(column.dtype, pl.Struct):
        return [column]
    parts = column.struct.unnest().get_columns()
    return [part.alias(f"{column.name}.{part.name}") for part in parts]


def of_records(
    records: Sequence[Mapping[str, Any]],
    *,
    here: str,
    notes: Iterable[str] = (),
    line: Callable[[int], int | None] = lambda row: None,
) -> Raw:
    """A sequence of flat or nested mappings, one a row, as a table.

    Raises:
        DataError: no rows or no columns.
    """
    if not records:
        raise DataError(f"{here} holds no rows", hint="a table needs one record a run")
    flat = [_flatten(record) for record in records]
    names = list(dict.fromkeys(name for record in flat for name in record))
    columns = {name: [record.get(name) for record in flat] for name in names}
    return of_values(columns, here=here, notes=notes, line=line)


def _flatten(record: Mapping[Any, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and depth < _DEPTH:
            out.update(_flatten(value, f"{name}.", depth + 1))
        else:
            out[name] = value
    return out


def of_values(
    columns: Mapping[str, Any],
    *,
    here: str,
    notes: Iterable[str] = (),
    line: Callable[[int], int | None] = lambda row: None,
) -> Raw:
    """Columns of equal length, as lists, arrays or polars series, as a table.

    Raises:
        DataError: lengths differ, or nothing in it is a number or a text.
    """
    import polars as pl

    said = list(notes)
    made = []
    for name, values in columns.items():
        series = series_of(_clean(str(name)), values, here=here)
        if series is None:
            said.append(f"column {shown(name)} of {here} left out: it holds neither numbers nor text")
        else:
            made.append(series)
    lengths = {series.name: len(series) for series in made}
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"columns of {here} differ in length: {shown(lengths, limit=120)}", hint="one value a run in each"
        )
    if len(lengths) < len(made):
        raise DataError(f"{here} names a column twice", hint="give every column its own name")
    return of_frame(pl.DataFrame(made), here=here, notes=said, line=line)


def series_of(name: str, values: Any, *, here: str) -> Any:
    """One column as a polars series of numbers, truth values or text; None when it is neither.

    Raises:
        DataError: more than one dimension, or no column at all.
    """
    import numpy as np
    import polars as pl

    if isinstance(values, pl.Series):
        return values.alias(name)
    if isinstance(values, (str, bytes, Mapping)) or not (hasattr(values, "__len__") or hasattr(values, "__array__")):
        raise DataError(f"column {shown(name)} of {here} is {shown(values)}", hint="give one value a run, as a list")
    if not isinstance(values, (list, tuple)):
        array = (
            np.ma.filled(values.astype(float), np.nan) if isinstance(values, np.ma.MaskedArray) else np.asarray(values)
        )
        if array.ndim != 1:
            raise DataError(f"column {shown(name)} of {here} has {array.ndim} dimensions", hint="one value a run")
        if array.dtype.kind in "iufb":
            exact = array.dtype.itemsize <= 8 and array.dtype.kind != "f"
            return pl.Series(name, array if exact else array.astype(np.float64))
        values = array.astype(str).tolist() if array.dtype.kind in "Mm" else array.tolist()
    return _series_of_list(name, list(values), here)


def _series_of_list(name: str, values: list[Any], here: str) -> Any:
    import numpy as np
    import polars as pl

    kinds = set(map(type, values))
    if any(issubclass(kind, (np.generic, np.ndarray)) for kind in kinds):
        values = [value.item() if isinstance(value, np.generic) else value for value in values]
        kinds = set(map(type, values))
    absent = {kind for kind in kinds if kind.__name__ in ("NAType", "NaTType")}
    if absent:
        values = [None if type(value) in absent else value for value in values]
    kinds -= {type(None), *absent}
    try:
        if kinds == {str}:
            return pl.Series(name, values, dtype=pl.String)
        if kinds <= {int}:
            return _integers(name, values)
        if kinds <= {int, float, bool}:
            return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    except OverflowError:
        raise DataError(f"column {shown(name)} of {here} holds a number beyond 1e308", hint="check it") from None
    except UnicodeEncodeError:
        return pl.Series(name, [_text(value) for value in values], dtype=pl.String)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as cause:
        raise DataError(f"cannot read column {shown(name)} of {here}: {first_line(cause)}", hint="check it") from None
    if any(issubclass(kind, (Mapping, list, tuple, set, bytes, np.ndarray, complex)) for kind in kinds):
        return None
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _integers(name: str, values: list[Any]) -> Any:
    import polars as pl

    try:
        return pl.Series(name, values, dtype=pl.Int64)
    except (pl.exceptions.PolarsError, OverflowError, TypeError):
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return _clean(str(value))


def _clean(text: str) -> str:
    """A text that can be written as UTF-8: lone surrogates, legal in JSON, become their escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
