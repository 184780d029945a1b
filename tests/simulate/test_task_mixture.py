"""Task mixtures: trained networks end in the minimum that theory gives, task by task, and keep or lose a rare task."""

import numpy as np
import pytest

from tenfold import ConfigError
from tenfold.simulate import simulate
from tenfold.simulate.task_mixture import directions, exponents, finite_width, overwriting, train


@pytest.fixture(scope="module")
def made():
    return simulate("task-mixture", trained=20, rare=6, seed=1)


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 1.9), (2.0, 0.7), (0.3, 4.0), (1.0, 1.6)])
def test_exponents_of_the_minimum(alpha, beta):
    found = directions(2**16 + 1, alpha=alpha, beta=beta)
    widths = 2 ** np.arange(8, 17)
    measured = {
        "loss": found.total - np.cumsum(found.strength)[widths - 1],
        "learned": np.cumsum(found.place == 1)[widths - 1],
        "pull": found.strength[widths],
    }
    off = finite_width(2.0**12, alpha=alpha, beta=beta)  # the second power of N(X), in the middle of the widths
    for name, value in exponents(alpha=alpha, beta=beta).items():
        slope = np.polyfit(np.log(widths), np.log(measured[name]), 1)[0]
        assert slope == pytest.approx(value, abs=0.02 + 1.5 * off), name


def test_the_count_of_directions_is_the_lattice_count():
    found = directions(500, alpha=0.5, beta=1.9)
    weakest = found.strength[-1]
    k, j = np.meshgrid(np.arange(1, 2000), np.arange(1, 200), indexing="ij")
    assert np.sum(k**-1.5 * j**-2.9 >= weakest * (1 - 1e-12)) == 500
    assert np.array_equal(np.bincount(found.task)[1:], found.units(500))


def test_training_ends_in_the_minimum(made):
    rows = made.runs.groups("part")["trained"]
    ratio = rows.column("loss") / rows.column("expected")
    assert (ratio >= 1 - 1e-12).all()  # the minimum is global
    assert ratio.max() < 1.03  # directions of nearly the same strength are told apart last
    found = directions(64, alpha=0.5, beta=1.9)
    pull = found.strength[rows.column("width").astype(int)]
    assert rows.column("pull") == pytest.approx(pull, rel=0.15)  # the weakest kept one is not yet full


def test_tasks_are_learned_from_their_threshold_on(made):
    rows = made.runs.groups("part")["tasks"]
    left, best = rows.column("error"), rows.column("expected")
    off = np.abs(left - best)
    assert np.mean(off < 0.01) > 0.95
    assert off.max() < 0.35  # two directions of nearly the same strength share the last unit until one has won it
    clear = np.abs(np.log(rows.column("width") / rows.column("threshold"))) > 0.35
    learned = left < 0.9
    assert np.array_equal(learned[clear], (rows.column("width") >= rows.column("threshold"))[clear])


def test_a_rare_task_is_overwritten_by_a_small_network_and_kept_by_a_large_one(made):
    rows = made.runs.groups("part")["retention"]
    small = rows.column("width") < rows.column("threshold")
    assert small.any()
    assert (rows.column("error")[small] > 0.9).all()
    assert (rows.column("error")[~small] < 0.01).all()


@pytest.mark.parametrize(("pull", "strength"), [(0.3, 0.1), (0.3, 0.25), (0.2, 0.3)])
def test_the_rate_of_overwriting_by_gradient_descent(pull, strength):
    """One unit that holds a direction, a trace of another that nothing represents: how fast the trace grows."""
    variances, up, down = np.array([strength, pull]), np.array([1.0, 1e-6]), np.array([1.0, 1e-6])
    traces = []
    for _ in range(6000):
        left = np.eye(2) - np.outer(up, down)
        up, down = up + 0.01 * left @ (variances * down), down + 0.01 * variances * (left.T @ up)
        traces.append(abs(down[1]))
    rate = np.log(traces[3000] / traces[2000]) / 10.0
    assert rate == pytest.approx(overwriting(pull, strength), abs=2e-3)  # steps of 0.01


def test_a_small_network_could_represent_the_rare_task():
    found = directions(64, alpha=0.5, beta=1.9)
    alone = found.strength[found.task == 6]
    net = train(np.concatenate([alone, np.full(8, 1e-6)]), 1, np.random.default_rng(0))
    assert net.left[0] < 1e-3


def test_the_statement_of_truth(made):
    assert all(made.met().values())
    assert made.truth["learned"].value == 1.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"alpha": 1.0, "beta": 1.05}, "closer than 0.1"),
        ({"rare": 40}, "rare must be between 2 and"),
        ({"alpha": 3.0}, "times weaker than the first"),
        ({"trained": 500}, "trained must be between 16 and 128"),
        ({"largest": 300}, "largest must be between 1024"),
    ],
)
def test_what_cannot_be_simulated_is_said(settings, words):
    with pytest.raises(ConfigError, match=words):
        simulate("task-mixture", **settings)
