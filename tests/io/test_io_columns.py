"""What columns mean: names, units, numbers written as text, conventions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tenfold.core import Conventions, DataError, Runs
from tenfold.io import read_runs
from tenfold.io.columns import ALIASES, CANONICAL, match_columns
from tenfold.io.units import PF_DAY, parse_unit

ROWS = [{"params": 1e9, "loss": 2.75}, {"params": 7e9, "loss": 2.25}]


def notes(runs: Runs) -> str:
    return "\n".join(runs.notes)


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
