"""How forecasts are widened with reach: coverage where scales are exchangeable, by hand where they are few."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from tenfold.rehearse import Fold, rehearsal_of, widening_of
from tenfold.widening import FADE, Score, Widening, widening


def test_without_scores_nothing_is_widened():
    assert Widening().size(0.9) == 0.0
    assert not Widening().sample(np.random.default_rng(0), 10).any()


def test_one_scale_by_hand():
    """K = 1: half of the chance is read off the score, beyond it Student's t with two degrees of freedom."""
    made = widening([(1e20, 0.02, True)])
    assert (made.limit, made.count, made.scales) == (0.5, 1.0, 1)
    assert made.high == pytest.approx(2 / 3)  # Laplace: one seen, one of either added
    assert made.size(0.25) == pytest.approx(0.01)
    assert made.size(0.5) == pytest.approx(0.02)
    assert made.size(0.9) == pytest.approx(0.02 * student.ppf(0.95, 2))
    assert made.size(0.51) == pytest.approx(0.02)  # Student's is smaller there, and the score was seen


def test_a_scale_counts_once_however_many_folds_predicted_it():
    once = widening([(1e20, 0.01, True), (1e21, 0.03, False)])
    many = widening([(1e20, 0.01, True)] + [(1e21, 0.03, False)] * 20)
    for chance in (0.1, 1 / 3, 2 / 3, 0.9, 0.99):
        assert many.size(chance) >= once.size(chance) * 0.99  # straight between scores, which lie closer
    assert many.scales == 2
    assert (many.count, many.high) == pytest.approx((once.count, once.high))


def test_smaller_scales_count_less_by_hand():
    made = widening([(1e19, 0.04, False), (1e20, 0.01, True), (1e21, 0.02, True)])
    counts = {0.01: FADE, 0.02: 1.0, 0.04: FADE**2}
    total = 1.0 + FADE + FADE**2
    assert made.count == pytest.approx(total)
    assert made.chances == pytest.approx(np.cumsum(list(counts.values())) / (total + 1.0))
    assert made.deviation == pytest.approx(np.sqrt(sum(w * s**2 for s, w in counts.items()) / total))
    assert made.high == pytest.approx((1.0 + FADE + 1.0) / (total + 2.0))
    assert made.freedom == pytest.approx(total**2 / (1.0 + FADE**2 + FADE**4))
    assert made.size(0.99) == pytest.approx(made.deviation * student.ppf(0.995, made.freedom))


@pytest.mark.parametrize("scales", [4, 9, 19])
def test_a_new_scale_is_held_as_often_as_promised_whatever_the_scores_are(scales):
    """Conformal prediction with fixed weights: at chances that the scales themselves speak of, at least the chance where
    scales are exchangeable (Barber et al. 2023, theorem 2), and no more than one scale's count over it. 5,000 tables or
    more; 1.5 % is more than two standard errors of the share."""
    rng = np.random.default_rng(scales)
    count = (FADE ** np.arange(scales)).sum()
    chances = np.array([0.5, count / (count + 1)])
    held, trials = np.zeros(2), 10_000 if scales < 10 else 5_000
    for _ in range(trials):
        sizes = rng.lognormal(0.0, 2.0, scales + 1)
        made = widening([Score(float(k), float(size), True) for k, size in enumerate(sizes[:-1])])
        held += sizes[-1] <= made.size(chances)
    assert (held / trials >= chances - 0.015).all()
    assert (held / trials <= chances + 1.0 / (count + 1) + 0.015).all()


def test_errors_that_grow_with_scale_are_held_more_often_than_by_equal_weights(monkeypatch):
    """Each scale errs a fifth more than the last, as those of a law that misses a bend do (mmlu in the arena)."""

    def held(fade: float) -> float:
        monkeypatch.setattr("tenfold.widening.FADE", fade)
        rng = np.random.default_rng(3)
        inside = 0
        for _ in range(4_000):
            sizes = 1.2 ** np.arange(6) * rng.lognormal(0.0, 0.3, 6)
            made = widening([Score(float(k), float(size), True) for k, size in enumerate(sizes[:-1])])
            inside += sizes[-1] <= made.size(0.9)
        return inside / 4_000

    fading, alike = held(FADE), held(1.0)
    assert fading > 0.88  # a standard error is half a point
    assert fading > alike + 0.01


def test_samples_follow_the_sizes_and_the_sides():
    made = widening([(1.0, 0.01, True), (2.0, 0.02, True), (3.0, 0.05, True)])
    drawn = made.sample(np.random.default_rng(1), 200_000)
    assert np.mean(drawn < 0) == pytest.approx(made.high, abs=0.005)
    for chance in (0.3, 0.5, 0.95):
        assert np.mean(np.abs(drawn) <= made.size(chance)) == pytest.approx(chance, abs=0.005)
    for level in (0.5, 0.9):
        down, up = made.sides(level)  # too low, too high: the truth lies above by one, below by the other
        assert np.mean(drawn > down) == pytest.approx((1 - level) / 2, abs=0.003) or down == 0.0
        assert np.mean(drawn < -up) == pytest.approx((1 - level) / 2, abs=0.003)
        assert up > made.size(level) > down
    assert Widening((0.1,), (0.5,), 1, 1.0, 1.0, 0.1, high=0.98).sides(0.9)[0] == 0.0  # rarer than one in twenty


def test_errors_of_either_side_are_not_held_less_often():
    """Sides that chance alone made uneven cost 90 % intervals of four scales two points at most: normal errors,
    20,000 tables, half a point is more than two standard errors."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(20_000):
        errors = rng.standard_normal(5)
        made = widening([Score(float(k), abs(e), e > 0) for k, e in enumerate(errors[:-1])])
        down, up = made.sides(0.9)
        held += -down <= errors[-1] <= up
    assert held / 20_000 > 0.895


def test_a_side_that_errors_kept_to_is_reached_farther_and_the_other_less():
    high = [Fold(1e18, 10.0**k, k - 18.0, 4, 0.02 * (k - 18), 0.02, 0.001) for k in (19, 20, 21)]
    low = [Fold(1e18, 10.0**k, k - 18.0, 4, -0.02 * (k - 18), 0.02, 0.001) for k in (19, 20, 21)]
    above, below = widening_of(high, 0.0), widening_of(low, 0.0)
    assert above.sizes == below.sizes
    assert above.high == pytest.approx(1.0 - below.high)
    assert above.sides(0.9) == pytest.approx(below.sides(0.9)[::-1])
    assert above.sides(0.9)[1] > 1.5 * above.sides(0.9)[0]
    made = rehearsal_of(high, "flops", 0.0).to_dict()
    assert made["sides"]["0.9"] == pytest.approx(above.sides(0.9))
    assert made["high"] == above.high


def test_what_coefficients_and_noise_explain_does_not_widen():
    explained = Fold(1e18, 1e19, 1.0, 4, 0.01, 0.01, 0.01)
    beyond = Fold(1e18, 1e20, 2.0, 4, 0.05, 0.05, 0.03)
    made = widening_of([explained, beyond], 0.0)
    assert made.sizes == pytest.approx((0.0, 0.02))  # sqrt(.05^2 - .03^2) over two decades
    growth = 0.02 / np.sqrt(1.0 + FADE)  # the larger scale counts as one
    assert rehearsal_of([explained, beyond], "flops", 0.0).growth == pytest.approx(growth)
    # chances: .7/2.7 up to zero, 1.7/2.7 up to .02, straight between
    half = 0.02 * (0.5 - FADE / (2.0 + FADE)) / (1.0 / (2.0 + FADE))
    assert rehearsal_of([explained, beyond], "flops", 0.0).to_dict()["widening"]["0.5"] == pytest.approx(half)
