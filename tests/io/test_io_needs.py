"""What a question needs: derived columns, rows left out with a count, sizes refused, copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tenfold.core import Conventions, DataError, Runs
from tenfold.io import derive, read_runs, require
from tenfold.io.needs import RULES, copies

NEED = ("params", "tokens", "loss")


def runs_of(**columns: Any) -> Runs:
    return read_runs(columns)


class TestDerive:
    def test_compute_does_not_overflow(self) -> None:
        runs = derive(runs_of(params=[10**12], tokens=[10**14]), ["flops"])
        assert runs.columns["flops"].tolist() == [6e26]
        assert runs.conventions.flops == "6ND"
        assert runs.notes[-1] == "derived flops = 6 params tokens"

    def test_tokens_and_params_from_compute(self) -> None:
        assert derive(runs_of(params=[1e9], flops=[1.2e20]), ["tokens"]).columns["tokens"][0] == pytest.approx(2e10)
        assert derive(runs_of(tokens=[2e10], flops=[1.2e20]), ["params"]).columns["params"][0] == pytest.approx(1e9)

    def test_tokens_from_steps(self) -> None:
        runs = derive(runs_of(steps=[1000.0, 1000.0], batch_tokens=[5e5, 1e6]), ["tokens"])
        assert runs.columns["tokens"].tolist() == [5e8, 1e9]
        runs = derive(runs_of(steps=[1000.0], step=[10.0], batch_tokens=[5e5]), ["tokens"])
        assert runs.columns["tokens"].tolist() == [5e6]
        assert "step * batch_tokens" in runs.notes[-1]

    def test_chains(self) -> None:
        runs = derive(runs_of(steps=[1000.0], batch_tokens=[5e5], params=[1e8]), ["flops", "token_multiplier"])
        assert runs.columns["flops"].tolist() == [6 * 1e8 * 5e8]
        assert runs.columns["token_multiplier"].tolist() == [5.0]
        assert len([note for note in runs.notes if note.startswith("derived")]) == 3

    def test_given_columns_are_never_touched(self) -> None:
        runs = runs_of(params=[1e9, 2e9], tokens=[2e10, None], flops=[1.0, 2.0])
        assert derive(runs, ["params", "tokens", "flops"]) is runs

    def test_an_empty_column_counts_as_missing(self) -> None:
        runs = derive(runs_of(params=[1e9], tokens=[None], flops=[6e18]), ["tokens"])
        assert runs.columns["tokens"][0] == pytest.approx(1e9)

    def test_what_does_not_follow_stays_missing(self) -> None:
        runs = runs_of(params=[1e9])
        assert derive(runs, ["tokens", "flops", "loss", "width"]) is runs
        assert derive(runs_of(params=[0.0], flops=[1e18]), ["tokens"]).names == ("params", "flops")

    def test_zero_divisors_give_missing_values(self) -> None:
        runs = derive(runs_of(params=[0.0, 1e9], flops=[1e18, 6e18]), ["tokens"])
        np.testing.assert_allclose(runs.columns["tokens"], [np.nan, 1e9])

    @pytest.mark.parametrize("counted", ["palm", "counted", "kaplan"])
    def test_other_compute_gives_no_tokens(self, refused: Any, counted: str) -> None:
        runs = read_runs({"params": [1e9], "flops": [1e18], "loss": [3.0]}, conventions={"flops": counted})
        assert derive(runs, ["tokens"]) is runs
        said = refused(DataError, require, runs, NEED)
        assert f"does not hold for compute counted as {counted}" in said

    def test_every_rule_is_used(self) -> None:
        for rule in RULES:
            runs = Runs({name: np.array([8.0]) for name in rule.needs})
            assert derive(runs, [rule.target]).has(rule.target)
            assert rule.text.startswith(f"{rule.target} = ")


class TestRequire:
    def test_nothing_to_do(self) -> None:
        runs = runs_of(params=[1e9, 2e9], tokens=[2e10, 2e10], loss=[3.0, 2.9])
        assert require(runs, NEED) is runs

    def test_rows_left_out_are_counted(self) -> None:
        runs = runs_of(
            params=[1e9, 2e9, None, 4e9, 5e9, 6e9],
            tokens=[1e10, 1e10, 1e10, 1e10, 1e10, 0.0],
            loss=[3.0, float("inf"), 2.9, None, 2.8, 0.0],
            status=["Finished", "ok", "done", "completed", None, "crashed"],
        )
        out = require(runs, NEED)
        assert out.columns["params"].tolist() == [1e9, 5e9]
        assert out.notes == (
            "left out 1 row whose status is not finished",
            "left out 1 row without a value in 'params'",
            "left out 1 row whose loss is infinite",
            "left out 1 row without a value in 'loss'",
        )

    @pytest.mark.parametrize("status", ["finished", "FINISHED", "ok", "done", "COMPLETED", "success"])
    def test_words_for_finished(self, status: str) -> None:
        runs = runs_of(loss=[3.0, 2.0], status=[status, "failed"])
        assert require(runs, ["loss"]).columns["loss"].tolist() == [3.0]

    def test_columns_that_are_not_needed_may_miss(self) -> None:
        runs = runs_of(params=[1e9], loss=[3.0], width=[None])
        assert require(runs, ["params", "loss"]) is runs

    @pytest.mark.parametrize(
        ("column", "value", "said"),
        [
            ("params", 0.0, "params = 0 in row 3 of 4 of the mapping, run 'c'"),
            ("tokens", -5.0, "tokens = -5 in row 3"),
            ("params", float("inf"), "params = inf in row 3"),
            ("loss", 0.0, "loss = 0 in row 3"),
        ],
    )
    def test_sizes_must_be_positive(self, refused: Any, column: str, value: float, said: str) -> None:
        table: dict[str, Any] = {
            "run": ["a", "b", "c", "d"],
            "params": [1e9, None, 2e9, 3e9],
            "tokens": [1e10, 1e10, 1e10, 1e10],
            "loss": [3.0, 3.0, 3.0, 3.0],
        }
        table[column][2] = value
        message = refused(DataError, require, read_runs(table), NEED)
        assert said in message
        assert f'--where "{column} > 0"' in message
        if np.isfinite(value):
            assert len(require(read_runs(table), NEED, positive=False)) == 3
        failed = read_runs({**table, "status": ["ok", "ok", "failed", "ok"]})
        assert len(require(failed, NEED)) == 2

    def test_other_columns_may_be_zero(self) -> None:
        runs = runs_of(loss=[3.0], accuracy=[0.0], weight_decay=[0.0])
        assert require(runs, ["loss", "accuracy", "weight_decay"]) is runs

    @pytest.mark.parametrize(
        ("columns", "words"),
        [
            ({"param": [1e9], "tokens": [1.0], "loss": [1.0]}, "did you mean 'param'?"),
            ({"tokens": [1.0], "loss": [1.0]}, "no column 'params'"),
            ({"tokens": [1.0], "loss": [1.0]}, "nor what it follows from (flops / (6 tokens))"),
            ({"params": ["a"], "loss": [1.0]}, None),
            ({"params": [None], "tokens": [1.0], "loss": [1.0]}, "holds no value in any row"),
            ({"params": [1e9], "tokens": [1e9]}, "no column 'loss'"),
            ({"params": [1e9], "tokens": [1e9], "my_loss": [3.0]}, "did you mean 'my_loss'?"),
        ],
    )
    def test_absent_columns(self, refused: Any, columns: Any, words: str | None) -> None:
        if words is None:
            assert "holds 'a', not a number" in refused(DataError, read_runs, columns)
        else:
            assert words in refused(DataError, lambda: require(read_runs(columns), NEED))

    def test_text_where_numbers_are_needed(self, refused: Any) -> None:
        assert "holds text" in refused(DataError, require, runs_of(score=["a"]), ["score"])

    def test_no_rows(self, refused: Any) -> None:
        assert "holds no runs" in refused(DataError, require, Runs({}), ["loss"])

    def test_what_left_everything_out(self, refused: Any) -> None:
        runs = runs_of(
            params=[1e9, None, 1e9],
            loss=[3.0, 2.0, float("inf")],
            status=["failed", "finished", "finished"],
        )
        said = refused(DataError, require, runs, ["params", "loss"])
        assert "none of the 3 rows of the mapping is left" in said
        assert "1 whose status is not finished" in said
        assert "1 without a value in 'params'" in said
        assert "1 whose loss is infinite" in said

    def test_names_may_repeat(self) -> None:
        assert len(require(runs_of(loss=[3.0]), ["loss", "loss"])) == 1


class TestCopies:
    def test_the_same_row_of_the_same_run_counts_once(self) -> None:
        runs = runs_of(run=["a", "a", "b"], seed=[1, 1, 1], step=[5, 5, 5], loss=[3.0, 3.0, 3.0], lr=[None, None, 1])
        out = require(runs, ["loss"])
        assert out.labels["run"].values() == ["a", "b"]
        assert out.notes == ("left out 1 row that repeat a row of the same run",)

    def test_checkpoints_and_seeds_are_not_copies(self) -> None:
        runs = runs_of(run=["a", "a", "a"], seed=[1, 2, 1], step=[5, 5, 6], loss=[3.0, 3.0, 3.0])
        assert require(runs, ["loss"]) is runs

    def test_without_a_run_copies_are_kept_and_said(self) -> None:
        out = require(runs_of(params=[1e9, 1e9, 1e9], loss=[3.0, 3.0, 2.0]), ["params", "loss"])
        assert len(out) == 3
        assert out.notes[-1] == "exact copies of other rows: 1 row; kept, for no run is named"

    def test_a_run_with_two_losses_is_said(self) -> None:
        out = require(runs_of(run=["a", "a"], step=[5, 5], loss=[3.0, 3.1]), ["loss"])
        assert len(out) == 2
        assert "differ from another of the same run in the loss alone: 1" in out.notes[-1]

    def test_copies_against_python(self) -> None:
        rng = np.random.default_rng(7)
        table = {
            "a": rng.integers(0, 3, 400).astype(float),
            "b": np.where(rng.random(400) < 0.3, np.nan, rng.integers(-1, 2, 400) * 0.0 + rng.integers(0, 2, 400)),
            "run": [None if value == 2 else f"r{value}" for value in rng.integers(0, 3, 400)],
        }
        runs = read_runs(table)
        seen: set[tuple[Any, ...]] = set()
        expected = []
        for a, b, run in zip(runs.columns["a"], runs.columns["b"], runs.labels["run"].values(), strict=True):
            key = (float(a), None if np.isnan(b) else float(b), run)
            expected.append(key in seen)
            seen.add(key)
        assert copies(runs).tolist() == expected

    def test_signed_zeros_are_equal(self) -> None:
        assert copies(Runs({"a": np.array([0.0, -0.0])})).tolist() == [False, True]


def test_conventions_survive() -> None:
    runs = Runs({"loss": np.array([3.0, np.nan])}, conventions=Conventions(loss="bits/byte"))
    assert require(runs, ["loss"]).conventions.loss == "bits/byte"
