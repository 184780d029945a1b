"""Seed noise: pooled over repeats, borrowed with a statement, or said to be unknown."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tenfold import DataError, Runs, read_runs, seed_noise
from tenfold.core import Labels
from tenfold.simulate import simulate


def test_the_variance_is_pooled_over_repeated_points():
    loss = np.array([2.0, 2.02, 3.0, 3.03, 2.97, 4.0])
    runs = Runs({"params": np.array([1e6, 1e6, 1e7, 1e7, 1e7, 1e8]), "loss": loss, "seed": np.arange(6.0)})
    found = seed_noise(runs)
    logs = np.log(loss)
    by_hand = np.sqrt((np.var(logs[:2]) * 2 + np.var(logs[2:5]) * 3) / 3)
    assert (found.freedom, found.cells, found.borrowed) == (3, 2, False)
    assert found.sd == pytest.approx(by_hand, rel=1e-12)
    assert "5 runs of 2 repeated points" in found.source


def test_the_interval_is_that_of_chi_square_and_holds_the_truth():
    made = seed_noise(simulate("ladder", seeds=3, noise=0.004, seed=5).runs)
    assert made.freedom == 72
    low, high = made.interval(0.9)
    # Student's textbook form: freedom s^2 / chi2
    assert low == pytest.approx(made.sd * np.sqrt(72 / stats.chi2.ppf(0.95, 72)), rel=1e-12)
    assert high == pytest.approx(made.sd * np.sqrt(72 / stats.chi2.ppf(0.05, 72)), rel=1e-12)
    held = 0
    for seed in range(100):
        low, high = seed_noise(simulate("ladder", seeds=2, noise=0.004, seed=seed).runs).interval(0.9)
        held += low <= 0.004 <= high
    assert stats.binom.ppf(0.001, 100, 0.9) <= held <= stats.binom.ppf(0.999, 100, 0.9)


def test_checkpoints_of_a_run_are_no_repeats():
    one = simulate("ladder", seeds=2, checkpoints=4, seed=1).runs
    last = one.take(np.arange(3, len(one), 4))
    assert seed_noise(one).sd == pytest.approx(seed_noise(last).sd, rel=1e-12)
    assert seed_noise(one).freedom == 36
    # without the label of the cell, points are told apart by their axes
    bare = Runs(one.columns, {"run": one.labels["run"]})
    assert seed_noise(bare).sd == pytest.approx(seed_noise(one).sd, rel=1e-12)


def test_another_label_is_another_point():
    runs = Runs(
        {"params": np.full(4, 1e6), "loss": np.array([2.0, 2.01, 3.0, 3.02])},
        {"optimizer": Labels.of(["adam", "adam", "muon", "muon"])},
    )
    assert seed_noise(runs).freedom == 2
    assert seed_noise(runs).sd < 0.01


def test_without_repeats_it_is_borrowed_and_says_from_where():
    found = seed_noise(simulate("ladder").runs)
    assert found.borrowed
    assert found.sd == seed_noise(read_runs("data:bytes")).sd
    assert found.source.startswith("borrowed: simulated ladder of chinchilla repeats no run. Measured in data:bytes: ")
    other = seed_noise(simulate("ladder").runs, borrow="")
    assert np.isnan(other.sd)
    assert other.freedom == 0
    assert other.interval() == (0.0, np.inf)
    assert other.source.startswith("unknown: ")


def test_the_noise_of_a_loss_is_not_lent_to_another_metric():
    runs = simulate("ladder").runs.with_column("accuracy", np.full(36, 0.5))
    assert seed_noise(runs, target="accuracy").source.startswith("unknown: ")
    with pytest.raises(DataError, match="no column 'accurcy'"):
        seed_noise(runs, target="accurcy")
    with pytest.raises(DataError, match="holds no positive number"):
        seed_noise(runs.with_column("accuracy", np.zeros(36)), target="accuracy")
