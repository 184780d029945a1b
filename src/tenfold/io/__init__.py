"""Input and output: the only code that opens files. Tables in, results and configuration in and out."""

from tenfold.io.config import load_config, load_toml, validate
from tenfold.io.needs import derive, require
from tenfold.io.packaged import PackagedTable, packaged_table, packaged_tables
from tenfold.io.results import (
    append_line,
    plain,
    read_json,
    read_lines,
    to_json,
    write_bytes,
    write_json,
    write_text,
)
from tenfold.io.tables import as_conventions, read_runs
from tenfold.io.where import filter_runs

__all__ = [
    "PackagedTable",
    "append_line",
    "as_conventions",
    "derive",
    "filter_runs",
    "load_config",
    "load_toml",
    "packaged_table",
    "packaged_tables",
    "plain",
    "read_json",
    "read_lines",
    "read_runs",
    "require",
    "to_json",
    "validate",
    "write_bytes",
    "write_json",
    "write_text",
]
