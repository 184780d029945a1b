"""The ladder that ships as data:linux: what its page says of it, from the table and the records themselves."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from tenfold import choose, fit, forecast, read_runs
from tenfold.io.packaged import packaged_table
from tenfold.ladder.config import load_ladder
from tenfold.ladder.ladder import cells

LADDERS = Path(__file__).resolve().parents[2] / "ladders"


def losses(name: str) -> dict[str, float]:
    with gzip.open(LADDERS / name, "rt") as lines:
        return {record["run"]: record["loss"] for record in map(json.loads, lines)}


def test_the_ladder_file_plans_the_runs_of_the_table():
    planned = {spec.run for spec in cells(load_ladder(LADDERS / "linux.toml"))}
    runs = read_runs("data:linux")
    assert planned == set(runs.labels["run"].values()) == set(losses("linux.jsonl.gz"))
    assert packaged_table("linux").sidecar["runs"] == len(runs)


def test_nothing_says_where_it_was_trained():
    with gzip.open(LADDERS / "linux.jsonl.gz", "rt") as lines:
        assert {json.loads(line)["spec"]["corpus"]["path"] for line in lines} == {"linux-6.1"}


def test_both_machines_agree_where_they_trained_the_same():
    """A few hundredths of a per cent: less than two seeds differ by."""
    here, there = losses("linux.jsonl.gz"), losses("linux-overlap.jsonl.gz")
    assert len(there) == 2
    for run, loss in there.items():
        assert loss == pytest.approx(here[run], rel=1e-3)


def test_the_largest_budgets_were_trained_on_a_gpu_and_none_reads_the_text_often():
    runs = read_runs("data:linux")
    gpu = np.array([device != "CPU" for device in runs.labels["device"].values()])
    assert (gpu == (runs.columns["flops"] > 2e14)).all()
    assert gpu.sum() == 12
    text = packaged_table("linux").sidecar["corpus"]["train_bytes"]
    assert runs.columns["tokens"].max() < 1.25 * text


@pytest.mark.parametrize(("law", "held"), [("skaling", 4), ("auto", 11)])
def test_a_forecast_from_the_cpu_rows_errs_by_a_few_per_cent_and_to_one_side(law, held):
    """docs/ladder.md has the table; intervals of one law are not as good there as they say, and the page says so."""
    below = read_runs("data:linux", where="flops < 2e14")
    above = read_runs("data:linux", where="flops > 2e14")
    made = choose(below, given=["params", "tokens"]) if law == "auto" else fit(law, below)
    at = [{"params": n, "tokens": d} for n, d in zip(above.columns["params"], above.columns["tokens"], strict=True)]
    found = forecast(made, below, at=at)
    error = np.array([point.center for point in found.predictions]) / above.columns["loss"] - 1.0
    assert (error > 0).all()
    assert error.max() < 0.045
    assert found.rehearsal is not None
    assert found.rehearsal.widening.high > 0.5  # intervals lean to where the truth was
    inside = [
        point.intervals[0.9][0] <= loss <= point.intervals[0.9][1]
        for point, loss in zip(found.predictions, above.columns["loss"], strict=True)
    ]
    assert sum(inside) == held, "intervals have changed: docs/ladder.md and the README quote how many hold"
