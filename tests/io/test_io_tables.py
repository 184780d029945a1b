"""Reading tables: formats, column names, units, numbers written as text, conventions, groups."""

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

from tenfold.core import Conventions, DataError, Labels, Runs
from tenfold.io import read_runs
from tenfold.io.columns import ALIASES, CANONICAL, match_columns
from tenfold.io.units import PF_DAY, parse_unit

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


class TestNames:
    @pytest.mark.parametrize(
        ("name", "canonical"),
        [
            ("n_params", "params"),
            ("Model Size", "params"),
            ("N", "params"),
            ("#params", "params"),
            ("non-embedding params", "params"),
            ("Training Tokens", "tokens"),
            ("D", "tokens"),
            ("tokens seen", "tokens"),
            ("Training FLOP", "flops"),
            ("C", "flops"),
            ("compute", "flops"),
            ("Validation Loss", "loss"),
            ("val/loss", "loss"),
            ("final_loss", "loss"),
            ("train_loss", "loss"),
            ("L", "loss"),
            ("trainer/global_step", "step"),
            ("_step", "step"),
            ("d_model", "width"),
            ("n_layers", "depth"),
            ("State", "status"),
            ("run_name", "run"),
            ("peak_lr", "lr_peak"),
        ],
    )
    def test_well_known_names_are_read_and_said(self, name: str, canonical: str) -> None:
        runs = read_runs({name: [1, 2]})
        assert runs.names == (canonical,)
        assert f"column {name!r} read as {canonical}" in runs.notes

    @pytest.mark.parametrize("name", ["n", "d", "c", "l", "lossy", "tokens_per_second", "params_dense", "time_t"])
    def test_other_names_stay(self, name: str) -> None:
        assert read_runs({name: [1.0]}).names == (name,)

    def test_every_alias_is_unique(self) -> None:
        seen = [alias for tiers in ALIASES.values() for tier in tiers for alias in tier]
        assert len(seen) == len(set(seen))
        assert set(ALIASES) <= set(CANONICAL)

    def test_exact_names_go_first(self) -> None:
        runs = read_runs({"val_loss": [1.0], "loss": [2.0], "loss (bits/byte)": [3.0]})
        assert runs.columns["loss"].tolist() == [2.0]
        assert runs.columns["val_loss"].tolist() == [1.0]
        assert runs.notes == ()

    def test_validation_goes_before_training(self) -> None:
        runs = read_runs({"train_loss": [1.0], "val_loss": [2.0]})
        assert runs.columns["loss"].tolist() == [2.0]
        assert runs.columns["train_loss"].tolist() == [1.0]

    def test_explicit_mapping_wins_and_says_what_it_hides(self) -> None:
        runs = read_runs({"loss": [1.0], "acc": [2.0]}, columns={"loss": "acc"})
        assert runs.columns["loss"].tolist() == [2.0]
        assert "column 'loss' of the mapping left out: 'acc' is read as loss" in runs.notes

    def test_mapping_to_a_free_name_and_one_column_twice(self) -> None:
        runs = read_runs({"score": [0.5], "s": ["a"]}, columns={"accuracy": "score", "run": "s", "group": "s"})
        assert runs.columns["accuracy"].tolist() == [0.5]
        assert runs.labels["run"].values() == runs.labels["group"].values() == ["a"]

    def test_two_candidates(self, refused: Any) -> None:
        said = refused(DataError, read_runs, {"params_total": [1.0], "n_params": [2.0]})
        assert "'params_total'" in said
        assert "'n_params'" in said
        assert "columns={'params': 'params_total'}" in said
        runs = read_runs({"params_total": [1.0], "n_params": [2.0]}, columns={"params": "n_params"})
        assert runs.columns["params"].tolist() == [2.0]

    @pytest.mark.parametrize(
        ("columns", "words"),
        [
            ({"params": "Model Siz"}, "did you mean 'Model Size'?"),
            ({"params": "model_size"}, "did you mean 'Model Size'?"),
            ({"params": 3}, "columns maps 'params' to 3"),
            ({"": "Model Size"}, "columns maps to the name ''"),
            ({3: "Model Size"}, "columns maps to the name 3"),
            ("params=Model Size", "give pairs"),
        ],
    )
    def test_wrong_mappings(self, refused: Any, columns: Any, words: str) -> None:
        assert words in refused(DataError, read_runs, {"Model Size": [1.0]}, columns=columns)

    def test_identifiers_stay_exact(self, tmp_path: Path) -> None:
        path = tmp_path / "r.csv"
        path.write_text("run,seed\n9007199254740993,1\n9007199254740992,2\n007,3\n")
        assert read_runs(path).labels["run"].values() == ["9007199254740993", "9007199254740992", "007"]
        assert read_runs({"run": [2**53 + 1, 3]}).labels["run"].values() == ["9007199254740993", "3"]
        assert read_runs({"run": [3.0, None]}).labels["run"].values() == ["3", None]
        assert read_runs({"run": [0.5, 1.0]}).labels["run"].values() == ["0.5", "1.0"]


class TestUnits:
    @pytest.mark.parametrize(
        ("name", "canonical", "scale"),
        [
            ("params (B)", "params", 1e9),
            ("Params (millions)", "params", 1e6),
            ("tokens [T]", "tokens", 1e12),
            ("D (billion tokens)", "tokens", 1e9),
            ("tokens_b", "tokens", 1e9),
            ("n_params_in_millions", "params", 1e6),
            ("Training FLOP [PF-days]", "flops", PF_DAY),
            ("compute (petaflop/s-days)", "flops", PF_DAY),
            ("compute_pf_days", "flops", PF_DAY),
            ("Training compute (FLOP)", "flops", 1.0),
            ("flops (1e18)", "flops", 1e18),
            ("flops (EFLOPs)", "flops", 1e18),
            ("tokens (10^9)", "tokens", 1e9),
            ("N (params)", "params", 1.0),
            ("batch_tokens (M)", "batch_tokens", 1e6),
        ],
    )
    def test_units_in_names(self, name: str, canonical: str, scale: float) -> None:
        runs = read_runs({name: [1.5, 3.0]})
        assert runs.columns[canonical].tolist() == [1.5 * scale, 3.0 * scale]
        assert scale == 1.0 or f"times {scale:g}" in notes(runs)

    def test_a_petaflop_day(self) -> None:
        assert PF_DAY == 1e15 * 86400

    @pytest.mark.parametrize(
        ("name", "unit"),
        [
            ("loss (bits/byte)", "bits/byte"),
            ("loss [bits per byte]", "bits/byte"),
            ("val_loss (nats)", "nats/token"),
            ("loss_nats_per_token", "nats/token"),
            ("val_bpb", "bits/byte"),
            ("loss (nats/byte)", "nats/byte"),
            ("loss (ppl)", "perplexity"),
        ],
    )
    def test_units_of_loss_state_the_convention_and_convert_nothing(self, name: str, unit: str) -> None:
        runs = read_runs({name: [1.5]})
        assert runs.columns["loss"].tolist() == [1.5]
        assert runs.conventions.loss == unit
        assert f"loss counted as {unit}" in notes(runs)

    def test_a_bpb_column_used_as_loss(self) -> None:
        runs = read_runs({"bpb_mmlu": [0.7]}, columns={"loss": "bpb_mmlu"})
        assert runs.conventions.loss == "bits/byte"

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("params_total", "total"),
            ("non_embedding_params", "non-embedding"),
            ("active params", "active"),
            ("params (non-embedding)", "non-embedding"),
        ],
    )
    def test_conventions_in_names(self, name: str, kind: str) -> None:
        assert read_runs({name: [1e9]}).conventions.params == kind

    def test_units_as_options(self) -> None:
        runs = read_runs(
            {"params": [7], "tokens": [1.4], "flops": [1], "loss": [0.8], "acc": [55]},
            units={"params": "B", "tokens": "trillion", "flops": "PF-days", "loss": "bits/byte", "acc": "%"},
        )
        assert {name: values[0] for name, values in runs.columns.items()} == {
            "params": 7e9,
            "tokens": 1.4e12,
            "flops": PF_DAY,
            "loss": 0.8,
            "acc": pytest.approx(0.55),
        }
        assert runs.conventions.loss == "bits/byte"
        assert read_runs({"params": [7]}, units={"params": 1e6}).columns["params"][0] == 7e6

    def test_the_option_may_repeat_the_name(self) -> None:
        assert read_runs({"params (B)": [7]}, units={"params": "billion"}).columns["params"][0] == 7e9

    @pytest.mark.parametrize(
        ("data", "units", "words"),
        [
            ({"params (B)": [7]}, {"params": "M"}, "says 'B', but the unit given for 'params' is 'M'"),
            ({"loss (bits/byte)": [1]}, {"loss": "nats/token"}, "says 'bits/byte'"),
            ({"params": [7]}, {"params": "Q"}, "unknown unit 'Q' for 'params'"),
            ({"params": [7]}, {"tokens": "B"}, "a unit is given for 'tokens'"),
            ({"params": [7]}, {"param": "B"}, "did you mean 'params'?"),
            ({"loss": [7]}, {"loss": "bits"}, "unknown unit 'bits'"),
            ({"loss": [7]}, {"loss": "B"}, "unknown unit 'B'"),
            ({"flops": [7]}, {"flops": "FLOP/s"}, "unknown unit 'FLOP/s'"),
            ({"params": [7]}, {"params": -1}, "positive number"),
            ({"params": [7]}, {"params": None}, "give a text such as 'B'"),
            ({"params": [7]}, "B", "give pairs"),
            ({"model": ["x"]}, {"model": "B"}, "holds text, so it has no unit"),
            ({"params (B)": ["7B"]}, None, "give the scale once"),
        ],
    )
    def test_wrong_units(self, refused: Any, data: Any, units: Any, words: str) -> None:
        assert words in refused(DataError, read_runs, data, units=units)

    def test_an_unknown_unit_in_a_name(self, refused: Any) -> None:
        runs = read_runs({"params (est.)": [7.0]})
        assert runs.names == ("params (est.)",)
        assert "the unit 'est.' is unknown" in notes(runs)
        mapping = {"params": "params (est.)"}
        assert "is unknown for 'params'" in refused(DataError, read_runs, {"params (est.)": [7.0]}, columns=mapping)
        runs = read_runs({"params (est.)": [7.0]}, columns=mapping, units={"params": "B"})
        assert runs.columns["params"].tolist() == [7e9]

    def test_small_sizes_are_remarked(self) -> None:
        assert "params reaches only 70" in notes(read_runs({"params": [7.0, 70.0]}))

    def test_units_are_not_invented(self) -> None:
        assert parse_unit("seen", "tokens") is None
        assert parse_unit("B", "width") is None
        assert match_columns(["step_time_s", "flops_per_step_fwd", "loss_c4"]).notes == ()


class TestNumbersAsText:
    def read(self, folder: Path, text: str, **options: Any) -> Runs:
        path = folder / "r.csv"
        path.write_text(text)
        return read_runs(path, **options)

    def test_scaled_and_grouped(self, tmp_path: Path) -> None:
        runs = self.read(
            tmp_path, 'params,tokens\n1.4B,"1,000"\n70M,3e9\n2.5 billion, 7T \n1_000,12 345 678\n512,6 tokens\n'
        )
        assert runs.columns["params"].tolist() == [1.4e9, 70e6, 2.5e9, 1000.0, 512.0]
        assert runs.columns["tokens"].tolist() == [1000.0, 3e9, 7e12, 12345678.0, 6.0]
        assert "params: text such as '1.4B' read as numbers" in runs.notes

    def test_words_for_missing(self, tmp_path: Path) -> None:
        runs = self.read(tmp_path, "loss,x,schedule\n3.5,NA,none\nN/A,2,cosine\n nan ,-,none\n1e400,null,NA\n")
        np.testing.assert_equal(runs.columns["loss"], [3.5, np.nan, np.nan, np.inf])
        np.testing.assert_equal(runs.columns["x"], [np.nan, 2.0, np.nan, np.nan])
        assert runs.labels["schedule"].values() == ["none", "cosine", "none", "NA"]

    def test_a_late_text_costs_no_value(self, tmp_path: Path) -> None:
        body = "".join(f"{index}.5,{index}\n" for index in range(3000))
        runs = self.read(tmp_path, f"loss,y\n{body}NA,late\n")
        np.testing.assert_equal(runs.columns["loss"], [*(index + 0.5 for index in range(3000)), np.nan])
        assert runs.labels["y"].values()[-1] == "late"

    def test_late_decimals_after_integers(self, tmp_path: Path) -> None:
        body = "".join(f"{index}\n" for index in range(3000))
        assert self.read(tmp_path, f"loss\n{body}0.5\n").columns["loss"][-1] == 0.5

    def test_truth_values(self, tmp_path: Path) -> None:
        np.testing.assert_equal(
            self.read(tmp_path, "deduped,y\nTrue,1\nfalse,2\nNA,3\n").columns["deduped"], [1.0, 0.0, np.nan]
        )

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("loss\n1\n\n2\ndiverged\n", "row 3 (line 5)"),
            ("loss\n1\n\n2\ndiverged\n", "column 'loss' holds 'diverged'"),
            ("loss\n1\n\n2\ndiverged\n", "a column 'status'"),
            ('a,loss\n"x\ny",1\nz,oops\nz,oops\n', "row 2 (line 4)"),
            ('a,loss\n"x\ny",1\nz,oops\nz,oops\n', "and 1 more"),
            ("loss;x\n3,5;1\n", "decimals with a point"),
            ("loss\n1.4B\n2\n", "'1.4B'"),
            ("params\n7x8B\n", "column 'params' holds '7x8B'"),
            ('params\n"1,00"\n', "'1,00'"),
            ("lr\nauto\n", "'auto'"),
        ],
    )
    def test_other_text_is_refused_with_its_place(self, refused: Any, tmp_path: Path, text: str, words: str) -> None:
        assert words in refused(DataError, self.read, tmp_path, text)

    def test_the_row_of_a_frame(self, refused: Any) -> None:
        said = refused(DataError, read_runs, pd.DataFrame({"loss": ["3.5", "x"]}))
        assert "row 2 of the pandas frame: column 'loss' holds 'x'" in said

    def test_the_line_of_json_lines(self, refused: Any, tmp_path: Path) -> None:
        path = tmp_path / "r.jsonl"
        path.write_text('{"loss": 1}\n\n{"loss": "x"}\n')
        assert "row 2 (line 3)" in refused(DataError, read_runs, path)


class TestConventions:
    def test_given(self) -> None:
        assert read_runs(ROWS, conventions={"params": "total"}).conventions == Conventions(params="total")
        assert read_runs(ROWS, conventions=Conventions(flops="6ND")).conventions.flops == "6ND"
        assert read_runs(ROWS, conventions={"loss": "bits per byte"}).conventions.loss == "bits/byte"
        assert read_runs(ROWS, conventions={"params": "Non-Embedding"}).conventions.params == "non-embedding"

    @pytest.mark.parametrize(
        ("conventions", "words"),
        [
            ({"params": "totl"}, "did you mean 'total'?"),
            ({"param": "total"}, "did you mean 'params'?"),
            ({"params": 3}, "the convention of params is 3"),
            ("total", "give pairs"),
        ],
    )
    def test_wrong(self, refused: Any, conventions: Any, words: str) -> None:
        assert words in refused(DataError, read_runs, ROWS, conventions=conventions)

    def test_a_clash_of_name_and_option(self, refused: Any) -> None:
        said = refused(DataError, read_runs, {"val_bpb": [1.0]}, conventions={"loss": "nats/token"})
        assert "mixed conventions for loss" in said

    @pytest.mark.parametrize(
        ("column", "kinds", "field"),
        [
            ("params_convention", ["total", "non-embedding"], "params"),
            ("flops_convention", ["6ND", "palm"], "flops"),
            ("loss_unit", ["nats", "bits/byte"], "loss"),
        ],
    )
    def test_a_column_of_conventions(self, refused: Any, column: str, kinds: list[str], field: str) -> None:
        table = {"loss": [1.0, 2.0, 3.0], column: [kinds[0], kinds[1], kinds[0]]}
        said = refused(DataError, read_runs, table)
        assert "count" in said
        assert f"--where \"{column} == '" in said
        runs = read_runs(table, where=f"{column} == '{kinds[0]}'")
        assert len(runs) == 2
        assert getattr(runs.conventions, field) != "unspecified"
        assert "mixed conventions" in refused(
            DataError, read_runs, table, where=f"{column} == '{kinds[0]}'", conventions={field: kinds[1]}
        )

    def test_an_unknown_word_in_the_column(self, refused: Any) -> None:
        said = refused(DataError, read_runs, {"params": [1e9], "params_convention": ["all of them"]})
        assert "unknown convention 'all of them'" in said


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
    path.write_text("loss|val\n3.5\n")
    assert read_runs(path).names == ("loss|val",)


def test_importing_loads_no_reader() -> None:
    code = "import sys, tenfold.io; print([m for m in ('polars', 'narwhals', 'pydantic', 'jax') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_labels_are_codes() -> None:
    runs = read_runs({"run": ["b", " a ", "", None, "b"]})
    assert isinstance(runs.labels["run"], Labels)
    assert runs.labels["run"].names == ("a", "b")
    assert runs.labels["run"].codes.tolist() == [1, 0, -1, -1, 1]
