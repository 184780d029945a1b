"""Delimited text as a table: one header row, then one row a run, with errors that name the line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tenfold.core.errors import DataError
from tenfold.io.files import first_line, shown
from tenfold.io.plain_tables import plain_table
from tenfold.io.raw import Raw

_SAMPLE = 1000
_SEPARATORS = (",", "\t", ";", "|")
_SAID = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}


def open_delimited(data: bytes, *, separator: str, here: str) -> Raw:
    """A table from checked UTF-8 bytes.

    Raises:
        DataError: empty, no rows, a header that names a column twice or holds numbers.
    """
    if not data.strip():
        raise DataError(f"{here} is empty", hint="a table needs a header row and at least one row of values")
    notes = []
    header = _header(data, separator)
    if len(header) == 1:
        other = _other_separator(data, header[0])
        if other:
            notes.append(f"{here} is separated by {_SAID[other]}")
            separator = other
            header = _header(data, separator)
    names = tuple(name.strip() for name in header)
    _check_header(names, here)
    if next(_records(data, separator), None) is None:
        raise DataError(f"{here} holds a header and no rows", hint="add one row a run")

    def load(text: frozenset[str]) -> tuple[Any, tuple[str, ...]]:
        small = None if text else plain_table(data, names, separator)
        if small is not None:
            return small, tuple(notes)
        frame, said = _load(data, names, separator, text, here)
        return frame, (*notes, *said)

    named = tuple(name for name in names if name)
    return Raw(here, named, load, from_text=True, line=lambda row: _line_of(data, separator, row))


def _reader(data: bytes, separator: str) -> Any:
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    return csv.reader(stream, delimiter=separator)


def _header(data: bytes, separator: str) -> list[str]:
    try:
        for record in _reader(data, separator):
            if any(cell.strip() for cell in record):
                return list(record)
    except csv.Error:
        return [""]
    return [""]


def _other_separator(data: bytes, header: str) -> str:
    """The mark that splits both the header and the first row into the same number of fields, or an empty text."""
    for mark in _SEPARATORS:
        if mark in header:
            row = next(_records(data, mark), None)
            if row is not None and row[1] == len(_header(data, mark)):
                return mark
    return ""


def _records(data: bytes, separator: str) -> Iterator[tuple[int, int]]:
    """Line of the file (from 1) and number of fields of each row that is not blank, without the header."""
    reader = _reader(data, separator)
    seen = False
    line = 0
    try:
        for record in reader:
            start, line = line + 1, reader.line_num
            if any(cell.strip() for cell in record):
                if seen:
                    yield start, len(record)
                seen = True
    except csv.Error:
        return


def _line_of(data: bytes, separator: str, row: int) -> int | None:
    for index, (line, _) in enumerate(_records(data, separator)):
        if index == row:
            return line
    return None


def _check_header(names: Sequence[str], here: str) -> None:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name and name in first:
            raise DataError(
                f"{here} names two columns {shown(name)} (columns {first[name] + 1} and {index + 1})",
                hint="rename one of them in the header",
            )
        first.setdefault(name, index)
    if not any(names):
        raise DataError(f"{here} has no column names", hint="the first line must name the columns")
    if all(_is_number(name) for name in names):
        raise DataError(
            f"the first line of {here} holds numbers, not names ({shown(', '.join(names))})",
            hint="add a header line such as params,tokens,loss",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _load(
    data: bytes, names: tuple[str, ...], separator: str, text: frozenset[str], here: str
) -> tuple[Any, tuple[str, ...]]:
    import polars as pl

    keys = [name or f"\0{index}" for index, name in enumerate(names)]
    options: dict[str, Any] = {"separator": separator, "new_columns": keys, "raise_if_empty": False}
    try:
        try:
            head = pl.read_csv(data, n_rows=_SAMPLE, infer_schema_length=_SAMPLE, **options)
            kinds = [
                pl.Float64 if kind.is_numeric() and name not in text else pl.String
                for name, kind in zip(names, head.dtypes, strict=True)
            ]
            frame = pl.read_csv(data, schema_overrides=kinds, **options)
        except (pl.exceptions.PolarsError, ValueError):
            frame = pl.read_csv(data, infer_schema=False, **options)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as cause:
        _explain(data, separator, len(names), here)
        raise DataError(f"cannot read {here}: {first_line(cause)}", hint="check its quotes and separators") from None
    if frame.width != len(names):
        _explain(data, separator, len(names), here)
        raise DataError(f"{here} has {frame.width} columns but names {len(names)}", hint="check its header")
    return _without_blanks(frame, data, separator, names, here)


def _without_blanks(
    frame: Any, data: bytes, separator: str, names: tuple[str, ...], here: str
) -> tuple[Any, tuple[str, ...]]:
    """The frame without blank lines and unnamed columns; lines that lack fields are refused."""
    import polars as pl

    notes = []
    if frame.width and frame.to_series(frame.width - 1).null_count():
        if frame.width > 1 and _suspect(data, separator, len(names)):
            _explain(data, separator, len(names), here)
        blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
        blanks = int(blank.sum())
        if blanks:
            frame = frame.filter(~blank)
            notes.append(f"blank lines of {here} left out: {blanks}")
    for index in (index for index, name in enumerate(names) if not name):
        column = frame.get_column(f"\0{index}")
        if column.null_count() < len(column):
            notes.append(f"column {index + 1} of {here} has no name and was left out")
        frame = frame.drop(f"\0{index}")
    return frame, tuple(notes)


def _suspect(data: bytes, separator: str, width: int) -> bool:
    """Whether some line may have another number of fields than the header; exact when there are no quotes."""
    if b'"' in data:
        return True
    array = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(array == 10)
    if len(array) and array[-1] != 10:
        ends = np.append(ends, len(array))
    marks = np.flatnonzero(array == ord(separator))
    counts = np.diff(np.searchsorted(marks, ends), prepend=0)
    lengths = np.diff(ends, prepend=-1) - 1
    return bool(((counts != width - 1) & (lengths > 1)).any())


def _explain(data: bytes, separator: str, width: int, here: str) -> None:
    """Raise for the first line that has too many or too few fields, if there is one.

    Raises:
        DataError: naming the line, the number of fields found and the number expected.
    """
    for row, (line, fields) in enumerate(_records(data, separator)):
        if fields != width:
            fix = "quote values that hold the separator" if fields > width else "the line may be cut off"
            raise DataError(
                f"row {row + 1} (line {line}) of {here} has {fields} fields, but the header names {width} columns",
                hint=fix + ", or empty fields are missing at its end" * (fields < width),
            )
    if data.count(b'"') % 2:
        raise DataError(f"{here} opens a quotation mark that is never closed", hint='close it, or write "" for one')
