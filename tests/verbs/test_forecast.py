"""Rehearsal and forecast: what is withheld is predicted, what cannot be is said."""

from __future__ import annotations

import numpy as np
import pytest
from test_fit import TRUTH, grid

from tenfold import ConfigError, Runs, fit, forecast, rehearse
from tenfold.core.scales import levels
from tenfold.forecast import forecast_evidence
from tenfold.laws import get, published


@pytest.fixture(scope="module")
def fitted():
    runs = grid(0.003)
    return fit("chinchilla", runs), runs


def test_folds_are_the_withheld_scales(fitted):
    made, runs = fitted
    found = rehearse(made, runs, withhold=2)
    assert [round(np.log10(fold.target), 3) for fold in found.folds] == [20.5, 20.0, 20.5]
    assert [round(fold.reach, 3) for fold in found.folds] == [0.5, 0.5, 1.0]
    assert all(fold.n == 6 for fold in found.folds)
    assert found.freedom == 2
    assert "rehearsed on 2 withheld scales up to 1 decades" in found.sentence()


def test_a_right_law_leaves_little_growth_and_a_wrong_one_leaves_much(fitted):
    made, runs = fitted
    right = rehearse(made, runs)
    wrong_runs = runs.with_column("loss", runs.column("loss") * (1 + 0.03 * np.log10(runs.column("flops") / 1e18) ** 2))
    wrong = rehearse(fit("chinchilla", wrong_runs), wrong_runs)
    assert right.growth < 0.02
    assert wrong.growth > 2 * right.growth
    assert wrong.growth > 0.02


def test_intervals_grow_with_reach_and_nest(fitted):
    made, runs = fitted
    points = [{"params": 5e8 * f, "tokens": 3e10 * f} for f in (0.3, 3.0, 30.0)]
    seen = forecast(made, runs, at=points, method="bootstrap:200")
    widths = []
    for prediction in seen.predictions:
        (low50, high50), (low90, high90) = prediction.intervals[0.5], prediction.intervals[0.9]
        assert low90 < low50 < prediction.center < high50 < high90
        widths.append(np.log(high90 / low90))
    assert widths[0] < widths[1] < widths[2]
    statuses = [prediction.status for prediction in seen.predictions]
    assert statuses[0] == "rehearsed"
    assert statuses[2] == "beyond rehearsal"
    truth = get("chinchilla")(coef=TRUTH, N=5e8 * 3, D=3e10 * 3)
    low, high = seen.predictions[1].intervals[0.9]
    assert low < truth < high


def test_an_interval_leans_to_the_side_where_rehearsal_found_the_truth():
    """A power without a floor predicts ever too low; the interval reaches farther up, the number stays the law's own."""
    d = np.geomspace(1e6, 1e10, 9)
    runs = Runs({"tokens": d, "loss": (1.5 + 30 * d**-0.25) * np.exp(1e-3 * np.random.default_rng(0).standard_normal(9))})
    floorless = fit("power", runs, axis="tokens")
    found = forecast(floorless, runs, at=[{"tokens": 1e11}])
    assert found.rehearsal is not None
    assert {fold.error < 0 for fold in found.rehearsal.folds} == {True}
    assert found.rehearsal.widening.high < 0.3
    point = found.predictions[0]
    low, high = (abs(np.log(end / point.center)) for end in point.intervals[0.9])
    assert high > 1.5 * low
    assert point.center == pytest.approx(float(floorless.predict(tokens=1e11)))
    assert point.intervals[0.5][0] <= 1.5 + 30 * 1e11**-0.25 <= point.intervals[0.5][1]


def test_too_few_scales_are_said_beside_the_number():
    runs = grid(0.003)
    few = runs.take(levels(runs.column("flops")).of_row < 3)
    made = fit("chinchilla", few)
    seen = forecast(made, few, at=[{"params": 1e9, "tokens": 2e10}], method="bootstrap:100")
    assert seen.predictions[0].status == "unrehearsed"
    assert seen.rehearsal is not None
    assert seen.rehearsal.sentence().startswith("unrehearsed: the runs hold 3 scales of flops")
    assert seen.to_dict()["rehearsal"]["status"] == "unrehearsed"
    assert seen.predictions[0].parts["extrapolation"] == 0.0


def test_stable_keys(fitted):
    made, runs = fitted
    value = forecast(made, runs, at=[{"N": 1e9, "D": 2e10}], method="bootstrap:50").to_dict()
    assert {"center", "intervals", "reach", "rehearsal"} <= set(value)
    assert set(value["intervals"]) == {"0.5", "0.9"}
    assert value["reach"]["scale"] == 0.0


def test_targets_are_checked(fitted):
    made, runs = fitted
    with pytest.raises(ConfigError, match="tokens"):
        forecast(made, runs, at=[{"params": 1e9}], method="bootstrap:20")
    with pytest.raises(ConfigError, match="positive"):
        forecast(made, runs, at=[{"params": -1e9, "tokens": 1e9}], method="bootstrap:20")
    with pytest.raises(ConfigError, match="level"):
        forecast(made, runs, at=[{"params": 1e9, "tokens": 1e9}], method="bootstrap:20", levels=(1.5,))
    with pytest.raises(ConfigError, match="withhold"):
        rehearse(made, runs, withhold=9)


def test_compute_and_size_are_enough_for_a_target(fitted):
    made, runs = fitted
    one = forecast(made, runs, at=[{"params": 1e9, "flops": 6e19}], method="bootstrap:20").predictions[0]
    two = forecast(made, runs, at=[{"params": 1e9, "tokens": 1e10}], method="bootstrap:20").predictions[0]
    assert one.center == two.center


def test_evidence_needs_no_runs_and_says_so():
    law = get("chinchilla")
    name, evidence = published(law, "besiroglu")
    seen = forecast_evidence(law, name, evidence, at=[{"params": 7e10, "tokens": 1.4e12}])
    # 1.8169 + 482.01 (7e10)^-.3478 + 2085.43 (1.4e12)^-.3658, by hand calculator
    assert seen.predictions[0].center == pytest.approx(1.973, abs=2e-3)
    assert seen.predictions[0].intervals == {}
    assert any("evidence, not a fit" in note for note in seen.notes)
    far = forecast_evidence(law, name, evidence, at=[{"params": 1e13, "tokens": 1e14}])
    assert any("beyond the published data" in note for note in far.notes)


def test_levels_find_budgets_and_bin_the_rest():
    budgets = np.repeat([1e18, 3e18, 1e19], 5) * np.exp(0.01 * np.random.default_rng(0).standard_normal(15))
    found = levels(budgets)
    assert len(found) == 3
    assert found.of_row.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    spread = levels(np.geomspace(1e18, 1e22, 200))
    assert 3 <= len(spread) <= 12
    assert len(levels(np.full(7, 1e9))) == 1


def test_one_axis_laws_rehearse_along_their_axis():
    d = np.geomspace(1e6, 1e10, 9)
    runs = Runs({"tokens": d, "loss": (1.5 + 30 * d**-0.25) * np.exp(1e-3 * np.random.default_rng(0).standard_normal(9))})
    found = rehearse(fit("power_offset", runs, axis="tokens"), runs)
    assert found.axis == "tokens"
    assert found.done
