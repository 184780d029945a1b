"""The perceptron: event-driven SGD against plain SGD, and online training against derived constants."""

import numpy as np
import pytest

from tenfold import ConfigError
from tenfold.simulate import simulate
from tenfold.simulate.perceptron import (
    density,
    error,
    exponents,
    moment,
    online,
    speed,
    steady_noise,
    train,
)

SHARED = {"dim": 16, "chi": 1.0, "margin": 0.1}


@pytest.fixture(scope="module")
def made():
    return simulate("perceptron", largest=4096, draws=4, seed=1)


def test_runs_show_the_exponents(made):
    assert all(made.met().values()), made.measured()


def test_online_signal_and_noise_have_the_derived_constants(made):
    rows = made.runs.groups("part")["online"]
    assert rows.column("signal") == pytest.approx(rows.column("expected"), rel=0.04)
    assert rows.column("noise").mean() == pytest.approx(rows.column("expected_noise")[0], rel=0.07)  # it wanders by 0.2


def test_only_the_temperature_counts():
    """Batches of 4 at four times the rate end like single examples."""
    times = np.geomspace(2e3, 4e4, 3)
    ends = []
    for batch in (1, 4):
        rng = np.random.default_rng(batch)
        courses = [list(online(rng, times, temperature=1.0, batch=batch, **SHARED)) for _ in range(8)]
        ends.append(np.mean([[one.signal for one in course] for course in courses], axis=0))
    assert ends[0] == pytest.approx(ends[1], rel=0.05)  # eight draws that scatter by 0.03 each
    theory = (speed(1.0, dim=16, chi=1.0) * times) ** 0.25
    assert ends[0] == pytest.approx(theory, rel=0.08)


def test_steps_that_are_not_made_are_counted_as_plain_sgd_makes_them():
    """Training time of the event-driven program and of one that makes every step."""

    def plain(count, rng):
        from scipy.special import gammaincinv

        distance = np.sqrt(2 * gammaincinv(1.0, (np.arange(count) + 0.5) / count))
        examples = np.concatenate([distance[:, None], rng.standard_normal((count, 15))], axis=1)
        weights, steps = np.zeros(16), 0
        while (examples @ weights < 0.1).any():
            batch = examples[rng.integers(count, size=2)]
            weights = weights + 0.5 * batch[batch @ weights < 0.1].sum(axis=0)
            steps += 1
        return steps, weights[0]

    rng = np.random.default_rng(0)
    slow = np.log([plain(48, rng) for _ in range(80)])
    made = [train(48, rng, temperature=0.5, batch=2, **SHARED) for _ in range(80)]
    fast = np.log([(one.time, one.signal) for one in made])  # rate = temperature times batch = 1
    gap = fast.mean(axis=0) - slow.mean(axis=0)
    se = np.sqrt((fast.var(axis=0) + slow.var(axis=0)) / 80)
    assert (np.abs(gap) < 4 * se).all()
    assert (se < 0.2).all()


@pytest.mark.parametrize("chi", [0.0, 1.0, 2.5])
def test_error_and_rates_by_drawing(chi):
    rng = np.random.default_rng(1)
    s, u = np.sqrt(rng.chisquare(chi + 1, 2_000_000)), rng.standard_normal(2_000_000)
    for ratio in (0.5, 3.0):
        wrong = u > ratio * s
        drawn = wrong.mean()
        assert error(ratio, chi=chi) == pytest.approx(drawn, abs=5 * np.sqrt(drawn / len(s)))
    far = 40.0  # the power that the derivation keeps
    assert error(far, chi=chi) == pytest.approx(density(chi) * moment(1 + chi) * far ** -(1 + chi) / (1 + chi), rel=0.01)


def test_moments_and_exponents():
    assert moment(1) == pytest.approx(1 / np.sqrt(2 * np.pi))
    assert exponents(chi=0.0)["b"] == 3.0
    assert steady_noise(2.0, dim=32, chi=1.0) == pytest.approx(2 * steady_noise(1.0, dim=32, chi=1.0))


def test_a_training_that_would_take_hours_is_refused():
    with pytest.raises(ConfigError, match="lower largest to 2048"):
        simulate("perceptron", chi=0.0)
