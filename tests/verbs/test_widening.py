"""How forecasts are widened with reach: coverage where scales are exchangeable, by hand where they are few."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from tenfold.rehearse import Fold, rehearsal_of, widening_of
from tenfold.widening import Widening, widening


def test_without_scores_nothing_is_widened():
    assert Widening().size(0.9) == 0.0
    assert not Widening().sample(np.random.default_rng(0), 10).any()


def test_one_scale_by_hand():
    """K = 1: half of the chance is read off the score, beyond it Student's t with two degrees of freedom."""
    made = widening([(1e20, 0.02)])
    assert made.limit == 0.5
    assert made.size(0.25) == pytest.approx(0.01)
    assert made.size(0.5) == pytest.approx(0.02)
    assert made.size(0.9) == pytest.approx(0.02 * student.ppf(0.95, 2))
    assert made.size(0.51) == pytest.approx(0.02)  # Student's is smaller there, and the score was seen


def test_a_scale_counts_once_however_many_folds_predicted_it():
    once = widening([(1e20, 0.01), (1e21, 0.03)])
    many = widening([(1e20, 0.01)] + [(1e21, 0.03)] * 20)
    for chance in (0.1, 1 / 3, 2 / 3, 0.9, 0.99):
        assert many.size(chance) >= once.size(chance) * 0.99  # straight between scores, which lie closer
    assert many.scales == 2


@pytest.mark.parametrize("scales", [4, 9, 19])
def test_a_new_scale_is_held_as_often_as_promised_whatever_the_scores_are(scales):
    """Split conformal prediction: at chances that the scales themselves speak of, at least the chance, and at most
    1/(K+1) more (ties aside). 20,000 tables; 1 % is more than three standard errors."""
    rng = np.random.default_rng(scales)
    chance = np.floor(0.9 * (scales + 1)) / (scales + 1)
    chance = min(chance, scales / (scales + 1))
    held = 0
    trials = 20_000 if scales < 10 else 5_000
    for _ in range(trials):
        sizes = rng.lognormal(0.0, 2.0, scales + 1)
        made = widening([(float(k), float(size)) for k, size in enumerate(sizes[:-1])])
        held += sizes[-1] <= made.size(chance)
    assert held / trials == pytest.approx(chance, abs=0.01 if scales < 10 else 0.015)


def test_samples_follow_the_sizes():
    made = widening([(1.0, 0.01), (2.0, 0.02), (3.0, 0.05)])
    drawn = made.sample(np.random.default_rng(1), 200_000)
    assert abs(np.mean(np.sign(drawn))) < 0.01
    for chance in (0.3, 0.5, 0.7, 0.95):
        assert np.mean(np.abs(drawn) <= made.size(chance)) == pytest.approx(chance, abs=0.005)


def test_what_coefficients_and_noise_explain_does_not_widen():
    explained = Fold(1e18, 1e19, 1.0, 4, 0.01, 0.01, 0.01)
    beyond = Fold(1e18, 1e20, 2.0, 4, 0.05, 0.05, 0.03)
    made = widening_of([explained, beyond], 0.0)
    assert made.sizes == pytest.approx((0.0, 0.02))  # sqrt(.05^2 - .03^2) over two decades
    assert rehearsal_of([explained, beyond], "flops", 0.0).growth == pytest.approx(0.02 / np.sqrt(2))
    assert rehearsal_of([explained, beyond], "flops", 0.0).to_dict()["widening"]["0.5"] == pytest.approx(0.01)
