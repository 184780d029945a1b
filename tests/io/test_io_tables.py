"""Reading tables: formats, frames of other libraries, groups, and the oddities of files."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tenfold.core import DataError, Labels, Runs
from tenfold.io import read_runs

ROWS = [
    {"run": "a", "params": 1e9, "tokens": 2e10, "loss": 2.75, "status": "finished"},
    {"run": "b", "params": 7e9, "tokens": 1.4e11, "loss": 2.25, "status": "failed"},
]
CSV = "run,params,tokens,loss,status\na,1e9,2e10,2.75,finished\nb,7e9,1.4e11,2.25,failed\n"


def notes(runs: Runs) -> str:
    return "\n".join(runs.notes)


def check_rows(runs: Runs) -> None:
    assert runs.columns["params"].tolist() == [1e9, 7e9]
    assert runs.columns["tokens"].tolist() == [2e10, 1.4e11]
    assert runs.columns["loss"].tolist() == [2.75, 2.25]
    assert runs.labels["run"].values() == ["a", "b"]
    assert runs.labels["status"].values() == ["finished", "failed"]


def written(folder: Path, name: str) -> Path:
    path = folder / name
    plain = name.removesuffix(".gz")
    if plain.endswith(".parquet"):
        pl.DataFrame(ROWS).write_parquet(path)
        return path
    text = {
        ".csv": CSV,
        ".tsv": CSV.replace(",", "\t"),
        ".jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
        ".ndjson": "\n".join(json.dumps(row) for row in ROWS),
        ".json": json.dumps(ROWS, indent=1),
    }["." + plain.rsplit(".", 1)[1]]
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


NAMES = ["r.csv", "r.tsv", "r.csv.gz", "r.tsv.gz", "r.jsonl", "r.ndjson", "r.jsonl.gz", "r.json", "r.json.gz"]


@pytest.mark.parametrize("name", [*NAMES, "r.parquet", "UPPER.CSV"])
def test_every_format_gives_the_same_runs(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name) if name != "UPPER.CSV" else tmp_path / name
    if name == "UPPER.CSV":
        path.write_text(CSV)
    runs = read_runs(path)
    check_rows(runs)
    assert runs.source == str(path)
    assert runs.notes == ()
    check_rows(read_runs(str(path)))


def test_the_content_hash_does_not_depend_on_the_format(tmp_path: Path) -> None:
    assert len({read_runs(written(tmp_path, name)).id for name in (*NAMES, "r.parquet")}) == 1


class TestFrames:
    @pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table.from_pylist, list, tuple])
    def test_frames_and_records(self, make: Any) -> None:
        check_rows(read_runs(make(ROWS)))

    def test_mapping_of_anything(self) -> None:
        columns = {
            "run": ["a", "b"],
            "params": np.array([10**9, 7 * 10**9]),
            "tokens": pd.Series([2e10, 1.4e11]),
            "loss": pl.Series([2.75, 2.25]),
            "status": np.array(["finished", "failed"]),
        }
        check_rows(read_runs(columns))

    def test_runs_pass_through(self) -> None:
        runs = read_runs(ROWS)
        assert read_runs(runs) is runs
        small = read_runs(runs, where="run == 'b'", group="status", conventions={"params": "total"})
        assert len(small) == 1
        assert small.labels["group"].values() == ["failed"]
        assert small.conventions.params == "total"
        renamed = read_runs(Runs({"x1": [1.0]}, notes=("before",)), columns={"params": "x1"}, units={"params": "B"})
        assert renamed.columns["params"].tolist() == [1e9]
        assert renamed.notes[0] == "before"

    def test_kinds_of_pandas(self) -> None:
        frame = pd.DataFrame(
            {
                "seed": pd.array([1, None], dtype="Int64"),
                "flag": pd.array([True, None], dtype="boolean"),
                "kind": pd.Categorical(["u", None]),
                "when": pd.to_datetime(["2024-01-01", None]),
                "mixed": [1, "x"],
                "lists": [[1], [2]],
                "price": [Decimal("1.5"), Decimal(2)],
            }
        )
        runs = read_runs(frame)
        np.testing.assert_equal(runs.columns["seed"], [1.0, np.nan])
        np.testing.assert_equal(runs.columns["flag"], [1.0, np.nan])
        assert runs.labels["kind"].values() == ["u", None]
        assert runs.labels["when"].values()[1] is None
        assert runs.labels["mixed"].values() == ["1", "x"]
        assert "column 'lists'" in notes(runs)
        assert "lists" not in runs.names

    def test_kinds_of_polars(self) -> None:
        frame = pl.DataFrame(
            {
                "s": [{"x": 1, "y": {"z": "q"}}, {"x": None, "y": {"z": None}}],
                "d": pl.Series([Decimal("1.25"), None]),
                "e": pl.Series(["p", "q"], dtype=pl.Enum(["q", "p"])),
                "none": [None, None],
                "b": [b"1", b"2"],
                "big": pl.Series([2**100, 1], dtype=pl.Int128),
            }
        )
        runs = read_runs(frame)
        np.testing.assert_equal(runs.columns["s.x"], [1.0, np.nan])
        assert runs.labels["s.y.z"].values() == ["q", None]
        np.testing.assert_equal(runs.columns["d"], [1.25, np.nan])
        assert runs.labels["e"].values() == ["p", "q"]
        assert np.isnan(runs.columns["none"]).all()
        assert runs.columns["big"][0] == 2.0**100
        assert "column 'b'" in notes(runs)

    def test_masked_arrays(self) -> None:
        runs = read_runs({"loss": np.ma.masked_array([1, 2], mask=[False, True])})
        np.testing.assert_equal(runs.columns["loss"], [1.0, np.nan])

    @pytest.mark.parametrize(
        ("source", "words"),
        [
            (3, "cannot read a builtins.int"),
            (None, "cannot read a builtins.NoneType"),
            ({}, "holds no columns"),
            ([], "holds no rows"),
            ({"a": [1], "b": [1, 2]}, "differ in length: {'a': 1, 'b': 2}"),
            ({"a": 5}, "column 'a' of the mapping is 5"),
            ({"a": "text"}, "is 'text'"),
            ({"a": np.ones((2, 2))}, "2 dimensions"),
            ({"a": [[1], [2]]}, "no columns of numbers or text"),
            ({"a": []}, "no rows"),
            ({"params": [10**400]}, "beyond 1e308"),
            (pd.DataFrame(), "no columns"),
            (pd.Series([1.0]), "cannot read a pandas.Series"),
            (pd.DataFrame([[1, 2]], columns=["a", "a"]), "cannot read the pandas frame"),
        ],
    )
    def test_not_a_table(self, refused: Any, source: Any, words: str) -> None:
        assert words in refused(DataError, read_runs, source)


class TestGroup:
    def test_by_any_column(self) -> None:
        table = {"recipe": ["a", "b"], "Width of it": [64, 128], "loss": [1.0, 2.0]}
        assert read_runs(table, group="recipe").labels["group"].values() == ["a", "b"]
        runs = read_runs(table, group="Width of it")
        assert runs.labels["group"].values() == ["64", "128"]
        assert "Width of it" in runs.columns
        assert "grouped by 'Width of it'" in runs.notes
        assert len(read_runs(table, group="recipe", where="group == 'a'")) == 1

    def test_by_a_canonical_name(self, tmp_path: Path) -> None:
        path = tmp_path / "r.csv"
        path.write_text("d_model,group\n64,x\n128,y\n")
        assert read_runs(path, group="width").labels["group"].values() == ["64", "128"]

    def test_unknown(self, refused: Any) -> None:
        assert "did you mean 'recipe'?" in refused(DataError, read_runs, {"recipe": ["a"]}, group="recip")
        assert "to group by" in refused(DataError, read_runs, {"recipe": ["a"]}, group=3)


def test_nothing_is_dropped_or_derived_by_reading() -> None:
    table = {"params": [1e9, -1.0], "tokens": [None, 0.0], "loss": [float("inf"), float("nan")]}
    runs = read_runs(table)
    assert len(runs) == 2
    assert runs.names == ("params", "tokens", "loss")


def test_blank_lines_and_unnamed_columns(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("\n,params,loss\n0,1e9,3\n\n,,\n1,2e9,2\n\n")
    runs = read_runs(path)
    assert runs.columns["params"].tolist() == [1e9, 2e9]
    assert "column 1 of" in notes(runs)
    assert "blank lines of" in notes(runs)


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_other_separators_are_seen(tmp_path: Path, mark: str, word: str) -> None:
    path = tmp_path / "r.csv"
    path.write_text(CSV.replace(",", mark))
    runs = read_runs(path)
    check_rows(runs)
    assert f"separated by {word}" in notes(runs)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_and_byte_order_mark(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"\xef\xbb\xbf" + CSV.replace("\n", ending).encode())
    check_rows(read_runs(path))


def test_nested_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"run": 1, "config": {"lr": 0.1, "opt": {"name": "adam"}}, "loss": NaN}\n{"run": 2, "loss": 3}\n')
    runs = read_runs(path)
    np.testing.assert_equal(runs.columns["config.lr"], [0.1, np.nan])
    assert runs.labels["config.opt.name"].values() == ["adam", None]
    np.testing.assert_equal(runs.columns["loss"], [np.nan, 3.0])


def test_a_torn_last_line_of_json(tmp_path: Path, refused: Any) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"loss": 1}\n{"loss": 2}\n{"lo')
    runs = read_runs(path)
    assert runs.columns["loss"].tolist() == [1.0, 2.0]
    assert "line 3" in notes(runs)
    path.write_text('{"loss": 1}\n{"lo\n{"loss": 2}\n')
    assert "line 2" in refused(DataError, read_runs, path)


def test_columns_of_json(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text('{"params": [1e9, 2e9], "loss": [3, null]}')
    np.testing.assert_equal(read_runs(path).columns["loss"], [3.0, np.nan])


def test_a_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "r.csv").write_text(CSV)
    check_rows(read_runs(os.path.join("~", "r.csv")))


def test_a_mark_within_a_name_is_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("size|kind\n3.5\n")
    assert read_runs(path).names == ("size|kind",)


def test_importing_loads_no_reader() -> None:
    code = "import sys, tenfold.io; print([m for m in ('polars', 'narwhals', 'pydantic', 'jax') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_that_polars_would_expand(tmp_path: Path) -> None:
    for name in ("*", "^.*$", "^a", "$"):
        assert read_runs({"params": [1e9], name: [2.0]}).names == ("params", name)
        path = tmp_path / "r.csv"
        path.write_text(f"params,{name}\n1e9,2\n")
        assert read_runs(path).columns[name].tolist() == [2.0]


def test_lone_surrogates_become_escapes(tmp_path: Path) -> None:
    assert read_runs({"run": ["a", "\ud800"]}).labels["run"].values() == ["a", "\\ud800"]
    path = tmp_path / "r.jsonl"
    path.write_text('{"run": "\\ud800", "\\ud801": 1}\n')
    runs = read_runs(path)
    assert set(runs.names) == {"run", "\\ud801"}
    assert runs.labels["run"].values() == ["\\ud800"]


def test_a_scale_may_overflow() -> None:
    assert read_runs({"params (B)": [1e305]}).columns["params"].tolist() == [float("inf")]


def test_labels_are_codes() -> None:
    runs = read_runs({"run": ["b", " a ", "", None, "b"]})
    assert isinstance(runs.labels["run"], Labels)
    assert runs.labels["run"].names == ("a", "b")
    assert runs.labels["run"].codes.tolist() == [1, 0, -1, -1, 1]
