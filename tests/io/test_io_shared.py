"""The measured public tables: each is read with the mapping it needs, and holds what its card says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared_data import shared_table, shared_tables
from tenfold.core import DataError
from tenfold.io import read_runs, require

# name: rows, options, numeric columns and labels that must be there
TABLES: dict[str, tuple[int, dict[str, Any], tuple[str, ...], tuple[str, ...]]] = {
    "algoperf_curves.csv.gz": (40_391, {}, ("step", "loss", "train_loss"), ("submission", "workload")),
    "algoperf_trials.csv": (1_750, {}, ("loss", "hp_learning_rate"), ("ruleset", "metric")),
    "chinchilla_svg.csv": (234, {}, ("params", "tokens", "flops", "loss", "isoflop_budget"), ()),
    "datablations.csv": (295, {}, ("params", "tokens", "unique_tokens", "loss", "seed"), ("run",)),
    "finetune_rectified.csv": (1_350, {"group": "task"}, ("finetune_samples", "loss"), ("group", "model")),
    "gemstones.csv": (1_368, {}, ("params", "tokens", "width", "depth", "loss"), ("group", "run")),
    "gemstones_curves.csv": (3_850, {}, ("params", "tokens", "step", "loss"), ("run",)),
    "modded_nanogpt_curves.csv.gz": (13_041, {"group": "entry"}, ("step", "steps", "loss"), ("run", "group")),
    "mpl_curves.csv": (4_162, {}, ("params", "step", "lr", "loss"), ("schedule",)),
    "nmt_data_scaling.csv": (53, {}, ("train_examples", "loss"), ("model", "split")),
    "obs_scaling_base.csv": (148, {}, ("params", "tokens", "flops", "mmlu"), ("model", "family")),
    "olmo_ladder.csv.gz": (
        3_960,
        {"columns": {"loss": "loss_c4_en"}, "group": "size"},
        ("params", "tokens", "batch_tokens", "lr_peak", "loss", "acc_piqa_val"),
        ("run", "group"),
    ),
    "porian_isoflop.csv": (1_745, {}, ("params", "tokens", "flops", "loss"), ("group", "warmup")),
    "pythia_evals.csv.gz": (9_450, {}, ("params", "tokens", "step", "value", "deduped"), ("task", "metric")),
    "regmix.csv": (1_088, {"columns": {"loss": "loss_pile_cc"}}, ("weight_github", "loss"), ("run", "model")),
    "routed_lm.csv.gz": (
        5_799,
        {"columns": {"params": "params_dense", "loss": "loss_validation", "run": "hyper_id"}},
        ("params", "experts", "step", "loss"),
        ("router_type", "run"),
    ),
    "shape_warmup_grid.csv": (435, {}, ("width", "depth", "params", "tokens", "lr_peak", "loss"), ()),
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_table(name: str) -> None:
    rows, options, columns, labels = TABLES[name]
    runs = read_runs(shared_table(name), **options)
    assert len(runs) == rows
    assert set(columns) <= set(runs.columns)
    assert set(labels) <= set(runs.labels)
    assert all(len(values) == rows for values in runs.columns.values())
    assert "params" not in columns or runs.span("params")[0] >= 1e5


def test_every_shared_table_is_read_here() -> None:
    shared_table("chinchilla_svg.csv")
    assert {path.name for path in shared_tables()} == set(TABLES)


def test_numbers_are_those_of_the_file() -> None:
    runs = read_runs(shared_table("chinchilla_svg.csv"))
    assert runs.columns["flops"][0] == 1.3972367362937152e18
    assert runs.columns["params"][0] == 73824672
    assert runs.columns["loss"][1] == 3.325255
    assert np.isnan(runs.columns["isoflop_budget"][0])
    assert runs.notes == ()


def test_tokens_follow_from_compute() -> None:
    runs = read_runs(shared_table("chinchilla_svg.csv"))
    bare = read_runs({"params": runs.columns["params"], "flops": runs.columns["flops"]})
    derived = require(bare, ["tokens"]).columns["tokens"]
    np.testing.assert_allclose(derived, runs.columns["tokens"], rtol=1e-6)


def test_splits_of_the_cards() -> None:
    runs = read_runs(shared_table("modded_nanogpt_curves.csv.gz"), where="entry < '2026-05-10' and step > 0")
    assert 0 < len(runs) < 13_041
    runs = read_runs(shared_table("mpl_curves.csv"), where="schedule in ('cosine_24000', 'wsdcon_9')")
    assert set(filter(None, runs.labels["schedule"].values())) == {"cosine_24000", "wsdcon_9"}


def test_step_zero_is_named(refused: Any) -> None:
    runs = read_runs(shared_table("pythia_evals.csv.gz"))
    assert "tokens = 0 in row" in refused(DataError, require, runs, ["params", "tokens", "value"])
    assert len(require(read_runs(runs, where="tokens > 0"), ["params", "tokens", "value"])) > 8000


def test_missing_sizes_are_counted() -> None:
    runs = read_runs(shared_table("olmo_ladder.csv.gz"), columns={"loss": "loss_c4_en"})
    assert any("without a value in 'params'" in note for note in require(runs, ["params", "loss"]).notes)
