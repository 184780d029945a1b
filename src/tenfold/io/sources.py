"""Where tables come from: files by their ending, packaged data, frames of any library, mappings, Runs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tenfold.core.errors import ConfigError, DataError, did_you_mean
from tenfold.core.runs import Runs
from tenfold.io.files import (
    GZIP,
    PARQUET,
    decode,
    first_line,
    gunzip,
    place,
    read_bytes,
    refuse_foreign,
    shown,
)
from tenfold.io.raw import Raw, of_frame, of_records, of_values, series_of

FORMATS: dict[str, str] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def open_source(source: Any) -> Raw:
    """The table behind anything that ``read_runs`` accepts.

    Raises:
        DataError: it cannot be opened, or is not a table.
    """
    if isinstance(source, Runs):
        return _open_runs(source)
    if isinstance(source, str) and source.startswith("data:"):
        return _open_packaged(source.removeprefix("data:"))
    if isinstance(source, (str, os.PathLike)):
        return open_file(source)
    if isinstance(source, Mapping):
        if not source:
            raise DataError("the mapping holds no columns", hint="give one list or array a column")
        return of_values(source, here="the mapping")
    if isinstance(source, Sequence) and all(isinstance(record, Mapping) for record in source):
        return of_records(list(source), here="the list of records")
    return _open_frame(source)


def _open_packaged(name: str) -> Raw:
    from tenfold.io.packaged import packaged_table

    table = packaged_table(name)
    parts: dict[str, Any] = {}
    for key in ("conventions", "columns", "units"):
        parts[key] = table.sidecar.get(key, {})
        if not isinstance(parts[key], Mapping):
            raise ConfigError(f"the sidecar of data:{name} gives {key} as {shown(parts[key])}", path=key, hint="a table")
    return replace(open_file(table.path, here=f"data:{name}"), **parts)


def open_file(path: str | os.PathLike[str], *, here: str = "") -> Raw:
    """The table in a file, by the ending of its name; content of another kind is refused, saying which.

    Raises:
        DataError: missing, unreadable, empty, damaged, or not what its name says.
    """
    text = os.fspath(path)
    if not isinstance(text, str):
        raise DataError(f"the path {shown(path)} is not text", hint="give a path as text")
    if re.match(r"^[a-z][a-z0-9+.]+://", text):
        raise DataError(f"{place(text)} is an address, not a file", hint="download it and give the path")
    if not text.strip():
        raise DataError("the path is empty", hint="give the path of a table, or data:NAME")
    here = here or place(text)
    data = read_bytes(text)
    kind, zipped = _format(Path(text), here, data)
    if not data:
        raise DataError(f"{here} is empty", hint="a table needs a header row and at least one row of values")
    if zipped:
        if not data.startswith(GZIP):
            raise DataError(f"{here} is not gzip, although its name ends in .gz", hint="remove .gz from its name")
        data = gunzip(data, here=here)
    elif data.startswith(GZIP):
        raise DataError(f"{here} is gzip-compressed, although its name does not say so", hint="add .gz to its name")
    refuse_foreign(data, here=here)
    return _open_content(data, kind, here)


def _format(path: Path, here: str, data: bytes) -> tuple[str, bool]:
    name = path.name.lower()
    zipped = name.endswith(".gz")
    ending = Path(name.removesuffix(".gz")).suffix
    if ending in FORMATS and not (zipped and FORMATS[ending] == "parquet"):
        return FORMATS[ending], zipped
    refuse_foreign(data, here=here)
    known = ".csv, .tsv, .jsonl, .json (also with .gz) and .parquet"
    close = did_you_mean(ending, FORMATS) if ending else ""
    guess = close if close.startswith("did you mean") else f"tables end in {known}"
    raise DataError(f"the ending {shown(ending or path.name)} of {here} does not name a format of tables", hint=guess)


def _open_content(data: bytes, kind: str, here: str) -> Raw:
    if kind == "parquet":
        return _open_parquet(data, here)
    if data.startswith(PARQUET):
        raise DataError(f"{here} is a Parquet file, although its name does not say so", hint="name it .parquet")
    data = decode(data, here=here)
    start = data.lstrip()[:1]
    if kind in ("csv", "tsv"):
        from tenfold.io.text_tables import open_delimited

        if start == b"{" or data.lstrip()[:2] in (b"[{", b"[\n", b"[]", b"[ "):
            raise DataError(f"{here} holds JSON, although its name does not say so", hint="name it .json or .jsonl")
        return open_delimited(data, separator="\t" if kind == "tsv" else ",", here=here)
    from tenfold.io.json_tables import open_json, open_lines

    if start and start not in b"[{" and b"," in data.split(b"\n", 1)[0]:
        raise DataError(
            f"{here} is not JSON: it starts with {shown(data[:20].decode('utf-8', 'replace'))}",
            hint="name it .csv if it is a table of comma-separated values",
        )
    if kind == "jsonl" and start == b"[":
        raise DataError(f"{here} holds one JSON array, not lines", hint="name it .json")
    return (open_lines if kind == "jsonl" else open_json)(data, here=here)


def _open_parquet(data: bytes, here: str) -> Raw:
    import polars as pl

    if not data.startswith(PARQUET):
        begins = shown(data[:12].decode("ascii", "replace"))
        raise DataError(f"{here} is not a Parquet file: it starts with {begins}", hint="name it after what it holds")
    size = int.from_bytes(data[-8:-4], "little") if len(data) >= 12 else 0
    if not data.endswith(PARQUET) or len(data) < 12 or size + 12 > len(data):
        raise DataError(f"{here} is cut off: its end is not that of a Parquet file", hint="copy it again")
    try:
        frame = pl.read_parquet(data)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as cause:
        raise DataError(f"{here} is damaged: {first_line(cause)}", hint="copy or write it again") from None
    return of_frame(frame, here=here)


def _open_runs(runs: Runs) -> Raw:
    import polars as pl

    columns: dict[str, Any] = dict(runs.columns)
    for name, labels in runs.labels.items():
        names = pl.Series(name, [*labels.names, None], dtype=pl.String)
        columns[name] = names.gather(labels.codes % (len(labels.names) + 1))
    if not len(runs):
        raise DataError(f"{runs.source} holds no runs", hint="nothing is left to read")
    raw = of_values(columns, here=runs.source, notes=runs.notes)
    return replace(raw, conventions=runs.conventions.stated())


def _open_frame(source: Any) -> Raw:
    import narwhals as nw
    import polars as pl

    kind = type(source).__module__.split(".")[0]
    here = f"the {kind} frame"
    if isinstance(source, pl.DataFrame):
        return of_frame(source, here=here)
    try:
        frame = nw.from_native(source)
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect()
        if frame.implementation.is_polars():
            return of_frame(frame.to_native(), here=here)
        columns = {str(name): _column(frame.get_column(name), str(name), here) for name in frame.columns}
    except DataError:
        raise
    except TypeError:
        raise DataError(
            f"cannot read a {type(source).__module__}.{type(source).__qualname__} as runs",
            hint="give a path, 'data:NAME', a pandas, polars or pyarrow frame, a mapping of arrays, or Runs",
        ) from None
    except (Exception, pl.exceptions.PanicException) as cause:
        raise DataError(f"cannot read {here}: {first_line(cause)}", hint="check its column names and types") from None
    if len(columns) < len(frame.columns):
        raise DataError(f"{here} names a column twice", hint="give every column its own name")
    return of_values(columns, here=here)


def _column(series: Any, name: str, here: str) -> Any:
    import narwhals as nw

    kind = series.dtype
    if kind.is_integer() and not series.null_count():
        return series_of(name, series.to_numpy(), here=here)
    if (kind.is_numeric() and not kind.is_integer()) or kind == nw.Boolean:
        return series_of(name, series.cast(nw.Float64).to_numpy(), here=here)
    return series.to_list()
