"""Runs that follow a law."""

import numpy as np
import pytest

from tenfold.core import Exponent, LawError, Positive, law
from tenfold.core.law import predict
from tenfold.laws import laws
from tenfold.testing import synthetic


def test_exact_runs_lie_on_the_law():
    for name in ("chinchilla", "overtrain", "data_constrained"):
        chosen = next(iter(laws()[name].published))
        runs = synthetic(laws()[name], chosen, n=40)
        inputs = {symbol: runs.column(laws()[name].column_of(symbol)) for symbol in laws()[name].inputs}
        want = predict(laws()[name], laws()[name].published[chosen].coef, inputs)
        np.testing.assert_array_equal(runs.column("loss"), want)
        for symbol, (low, high) in laws()[name].published[chosen].span.items():
            assert low <= inputs[symbol].min() < 1.5 * low
            assert high >= inputs[symbol].max() > high / 1.5
        assert runs.conventions == laws()[name].published[chosen].conventions


def test_same_seed_same_runs_and_other_seed_others():
    one, two, three = (synthetic(laws()["power_offset"], "henighan-math", seed=s, noise=0.01) for s in (1, 1, 2))
    assert one.id == two.id != three.id


def test_noise_is_a_factor_of_the_stated_size_and_moves_no_point():
    exact = synthetic(laws()["chinchilla"], "besiroglu", n=4000)
    noisy = synthetic(laws()["chinchilla"], "besiroglu", n=4000, noise=0.05)
    np.testing.assert_array_equal(exact.column("params"), noisy.column("params"))
    error = np.log(noisy.column("loss") / exact.column("loss"))
    # four standard errors: .05 / sqrt(4000) for the mean, .05 / sqrt(8000) for the deviation
    assert abs(error.mean()) < 4 * 0.05 / 4000**0.5
    assert abs(error.std() - 0.05) < 4 * 0.05 / 8000**0.5


def test_points_fill_the_span_evenly():
    runs = synthetic(laws()["chinchilla"], "besiroglu", n=50, span={"N": (1e6, 1e10)})
    share = np.sort(np.log(runs.column("params") / 1e6) / np.log(1e4))
    assert (np.floor(share * 50) == np.arange(50)).all()  # one in every fiftieth


def test_integer_axes_hold_integers():
    @law()
    def by_depth(H, *, A: Positive, alpha: Exponent):
        return A * H**-alpha

    depth = synthetic(by_depth, {"A": 1.0, "alpha": 0.5}).column("depth")
    assert (depth == np.round(depth)).all()


def test_unknown_set_and_undefined_law_are_refused():
    with pytest.raises(LawError, match="did you mean 'besiroglu'"):
        synthetic(laws()["chinchilla"], "besiroglou")
    with pytest.raises(LawError, match="law 'power' is nan at x = "):
        synthetic(laws()["power"], {"A": float("nan"), "alpha": 1.0})
