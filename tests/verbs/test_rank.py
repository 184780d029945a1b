"""Laws in order of what they predict, not of what they describe."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold import DataError, Runs, rank
from tenfold.laws import get
from tenfold.prepare import axes_along, prepare
from tenfold.report.comparisons import left_out_lines, ranking_verdict
from tenfold.report.text import ranking_text

TRUTH = {"E": 1.8, "A": 400.0, "B": 1000.0, "alpha": 0.34, "beta": 0.36}


def grid(noise: float = 0.002, seed: int = 0) -> Runs:
    budgets = np.repeat(10.0 ** np.arange(18, 21.1, 0.5), 5)
    n = np.tile(np.geomspace(0.25, 4.0, 5), 7) * 0.1 * (budgets / 6) ** 0.5
    d = budgets / (6 * n)
    loss = get("chinchilla")(coef=TRUTH, N=n, D=d) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(n)))
    return Runs({"params": n, "tokens": d, "flops": budgets, "loss": loss}, source="grid")


def test_the_true_law_comes_first_and_beats_the_nulls():
    made = rank(grid(), candidates=["kaplan_nd", "chinchilla", "kaplan_c"])
    assert next(entry.law for entry in made.entries if not entry.null) == "chinchilla"
    assert made.basis == "withheld"
    assert made.scales == 4
    order = {entry.law: entry.withheld for entry in made.entries}
    assert order["chinchilla"] < 0.006 < min(order["log-linear"], order["last value"])
    assert made.best.certificate.errors, "the first law's fit carries its certificate"


def test_the_log_linear_null_is_the_kaplan_plane():
    x = np.geomspace(1e17, 1e21, 40)
    runs = Runs({"flops": x, "loss": 30.0 * x**-0.05}, source="line")
    order = {entry.law: entry for entry in rank(runs, candidates=["power"]).entries}
    assert order["log-linear"].withheld < 1e-12
    assert order["power"].withheld < 1e-8  # the same line, by the solver


def test_noise_without_scale_says_so():
    runs = grid()
    flat = runs.with_column("loss", 3.0 * np.exp(0.05 * np.random.default_rng(4).standard_normal(len(runs))))
    made = rank(flat, candidates=["chinchilla", "kaplan_nd"])
    text = ranking_verdict(made.to_dict())
    if made.entries[0].null:
        assert "null" in text
    # whatever comes first, its error on withheld scales is the noise and not less
    assert made.entries[0].withheld > 0.03


def test_ties_are_marked():
    made = rank(grid(0.02), candidates=["chinchilla", "chinchilla[beta=alpha]", "kaplan_c"])
    entries = {entry.law: entry for entry in made.entries}
    assert entries["chinchilla"].tied or entries["chinchilla[beta=alpha]"].tied
    assert not entries["last value"].tied


def test_too_few_scales_rank_in_sample_and_say_it():
    runs = grid()
    made = rank(runs.take(runs.column("flops") < 1.5e19), candidates=["chinchilla", "kaplan_nd"])
    assert made.basis == "in-sample"
    assert "too few scales" in ranking_verdict(made.to_dict())


def test_laws_that_columns_do_not_allow_are_named():
    # of the whole catalogue only what steps allow: curves of one axis
    steps = np.geomspace(100, 1e5, 30)
    runs = Runs({"steps": steps, "accuracy": 1 - 0.9 * (steps / 100) ** -0.3}, source="curve")
    with pytest.raises(DataError, match="no law of the catalogue"):
        rank(Runs({"seconds": steps, "loss": steps**-0.1}, source="odd"))
    lines = left_out_lines({"a": "needs share", "b": "needs share, capacity", "c": "holds along one axis"})
    assert lines == ("2 laws need columns that are not there (share, capacity)", "c: holds along one axis")
    assert runs.has("accuracy")


def curve(**more):
    step = np.geomspace(100, 25_600, 9)
    return Runs({"step": step, "loss": 2.5 + 9.0 * step**-0.3, **more}, source="curve")


@pytest.mark.parametrize(
    "more", [{}, {"lr": np.geomspace(1e-3, 1e-4, 9)}, {"params": np.full(9, 1e6)}, {"grad_norm": np.arange(1.0, 10.0)}]
)
def test_a_curve_needs_no_axis_to_be_named(more):
    """Its steps are the axis, whatever else was logged: laws of any one axis run along them."""
    made = rank(curve(**more), candidates=["power_offset", "power"])
    assert made.best.columns == {"x": "step"}
    assert "taken along step, the column that varies; --axis names another" in made.best.notes
    assert not any("taken along" in note for note in rank(curve(**more), candidates=["power"], axis="step").best.notes)
    assert made.entries[0].law == "power_offset"


def test_the_only_other_column_that_varies_is_the_axis_and_of_several_one_must_be_named():
    loss = 2.5 + 9.0 * np.geomspace(1, 256, 9) ** -0.3
    one = Runs({"samples": np.geomspace(1, 256, 9), "seed": np.arange(1.0, 10.0), "loss": loss})
    assert axes_along(one) == ("samples",)
    assert prepare(get("power"), one).columns == {"x": "samples"}
    two = Runs({"a": np.geomspace(1, 256, 9), "b": np.arange(1.0, 10.0), "loss": loss}, source="two")
    assert axes_along(two) == ("a", "b")
    for ask in (lambda: rank(two), lambda: prepare(get("power"), two)):
        with pytest.raises(DataError, match="--axis a"):
            ask()
    with pytest.raises(DataError, match="the runs have none"):
        prepare(get("power"), Runs({"loss": loss}))
    known = Runs({"a": np.geomspace(1, 256, 9), "tokens": np.geomspace(1e6, 1e9, 9), "loss": loss})
    assert axes_along(known) == ("tokens",)


def test_text_and_json_hold_the_table():
    made = rank(grid(), candidates=["kaplan_nd", "chinchilla"])
    text = str(ranking_text(made))
    assert "chinchilla predicts withheld larger scales best" in " ".join(text.split())
    assert "log-linear (null)" in text
    saved = made.to_dict()
    assert {"law", "coef", "certificate", "ranking", "left_out", "basis"} <= set(saved)
    assert saved["ranking"][0]["folds"]
