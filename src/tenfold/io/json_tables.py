"""JSON as a table: lines of records, or one array of records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tenfold.core.errors import DataError
from tenfold.io.files import first_line, shown
from tenfold.io.raw import Raw, of_frame, of_records, of_values


def open_lines(data: bytes, *, here: str) -> Raw:
    """JSON lines as a table. A last line that was cut off while being written is left out with a note.

    Raises:
        DataError: empty, a line that is no JSON object (named), or no columns.
    """
    if not data.strip():
        raise DataError(f"{here} is empty", hint="give one JSON object a line")
    lines = data.split(b"\n")
    numbers = [index + 1 for index, line in enumerate(lines) if line.strip()]

    def line_of(row: int) -> int | None:
        return numbers[row] if row < len(numbers) else None

    frame = _fast(data)
    if frame is not None:
        return of_frame(frame, here=here, line=line_of)
    records: list[dict[str, Any]] = []
    notes: list[str] = []
    for number in numbers:
        try:
            record = json.loads(lines[number - 1])
        except (ValueError, RecursionError) as cause:
            if number == numbers[-1] == len(lines) and records:
                notes.append(f"line {number} of {here}, the last, is cut off and was left out")
                continue
            raise DataError(
                f"line {number} of {here} is not JSON: {_reason(cause)}",
                hint="give one JSON object a line",
            ) from None
        if not isinstance(record, dict):
            raise DataError(f"line {number} of {here} is {shown(record)}", hint="each line must be a JSON object")
        records.append(record)
    return of_records(records, here=here, notes=notes, line=line_of)


def _reason(cause: Exception) -> str:
    if isinstance(cause, json.JSONDecodeError):
        return f"{cause.msg} at column {cause.colno}"
    return first_line(cause)


def _fast(data: bytes) -> Any:
    """The frame by polars when it accepts every line, else None: NaN and mixed types take the slow way."""
    import polars as pl

    if b"\\u" in data:
        return None
    try:
        return pl.read_ndjson(data, infer_schema_length=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError):
        return None


def open_json(data: bytes, *, here: str) -> Raw:
    """One JSON array of records, or one object of columns, as a table.

    Raises:
        DataError: not JSON (with line and column), or another shape.
    """
    if not data.strip():
        raise DataError(f"{here} is empty", hint='give an array of records: [{"params": 1e9, ...}, ...]')
    try:
        content = json.loads(data)
    except json.JSONDecodeError as cause:
        several = cause.msg.startswith("Extra data")
        raise DataError(
            f"{here} is not JSON: {cause.msg} at line {cause.lineno}, column {cause.colno}",
            hint="name it .jsonl if it holds one object a line" if several else "check the file",
        ) from None
    except (ValueError, RecursionError) as cause:
        raise DataError(f"{here} is not JSON: {first_line(cause)}", hint="check the file") from None
    if isinstance(content, list) and all(isinstance(record, dict) for record in content):
        return of_records(content, here=here)
    if isinstance(content, Mapping) and content and all(isinstance(part, list) for part in content.values()):
        return of_values(content, here=here)
    raise DataError(
        f"{here} holds {shown(content)}, not a table",
        hint="give an array of records (in pandas: to_json(orient='records'))",
    )
