"""Kernel regression: the closed form against theory, and real students against the closed form."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from tenfold.core.errors import ConfigError
from tenfold.fit import fit
from tenfold.simulate import simulate
from tenfold.simulate.teacher_student import best, learn


@pytest.mark.parametrize("settings", [{}, {"alpha": 0.5}, {"alpha": 0.5, "target": 1.0}, {"alpha": 0.5, "target": 4.0}])
def test_closed_form_meets_theory(settings):
    made = simulate("kernel", **settings)
    for name, slope in made.measured().items():
        truth = made.truth[name]
        assert slope == pytest.approx(truth.value, abs=truth.tolerance), name
        assert truth.tolerance < 0.12


def test_duality_of_data_and_features_holds_for_equal_weights_only():
    def both(**settings):
        parts = simulate("kernel", **settings).runs.groups("part")
        return parts["data"].column("loss"), parts["size"].column("loss")

    data, size = both(alpha=0.7)
    assert data == pytest.approx(size, rel=1e-9)
    data, size = both(alpha=0.7, target=1.2)
    assert (size > 1.1 * data).all()


def test_the_true_value_is_known_everywhere():
    made = simulate("kernel")
    runs, value = made.runs.groups("part")["grid"], made.truth.value
    inputs = {"tokens": runs.column("tokens"), "params": runs.column("params")}
    assert value(inputs) == pytest.approx(runs.column("loss"), rel=1e-9)
    assert value({"D": inputs["tokens"], "N": inputs["params"]}) == pytest.approx(runs.column("loss"), rel=1e-9)
    data = made.runs.groups("part")["data"]
    assert value({"tokens": data.column("tokens")}) == pytest.approx(data.column("loss"), rel=1e-9)


def test_our_own_fit_finds_the_exponent():
    runs = simulate("kernel", low=1e3, high=1e6).runs.groups("part")["data"]
    assert fit("power", runs, axis="tokens", certificate=False).coef["alpha"] == pytest.approx(1.0, abs=2e-3)


@functools.cache
def students(**settings):
    return simulate("teacher-student", **settings)


@pytest.mark.parametrize("settings", [{"seed": 1}, {"alpha": 0.5, "target": 1.0}])
def test_students_meet_the_closed_form(settings):
    made = students(**settings)
    runs = made.runs
    sizes = np.fmin(runs.column("tokens"), runs.column("params"))
    off = runs.column("loss") / runs.column("closed_form") - 1
    # The closed form lacks terms of order 1/n: 400 draws show 8 % at n = 8 and 1 % at n = 128.
    allowed = 4 * runs.column("loss_se") / runs.column("closed_form") + 0.8 / sizes
    assert (np.abs(off) < allowed).all()
    assert np.abs(off[sizes >= 32]).mean() < 0.05
    for name, slope in made.measured().items():
        assert slope == pytest.approx(made.truth[name].value, abs=made.truth[name].tolerance), name


def test_the_comparison_would_see_another_formula():
    """A control: the size curve taken for the data curve is off by far more than the tolerance above."""
    parts = students(alpha=0.5, target=1.0).runs.groups("part")
    off = parts["data"].column("loss") / parts["size"].column("closed_form") - 1
    assert np.abs(off[-4:]).min() > 0.15


def test_students_are_least_norm_and_least_squares():
    rng = np.random.default_rng(0)
    inputs, weights, features = rng.standard_normal((7, 30)), rng.standard_normal(30), rng.standard_normal((12, 30))
    seen = inputs @ features.T
    # NumPy's pseudo-inverse, which knows nothing of shapes, is the outsider.
    want = features.T @ (np.linalg.pinv(seen) @ (inputs @ weights))
    assert learn(inputs, weights, features) == pytest.approx(want, abs=1e-10)
    want = features[:4].T @ (np.linalg.pinv(seen[:, :4]) @ (inputs @ weights))
    assert learn(inputs, weights, features[:4]) == pytest.approx(want, abs=1e-10)
    # With very many samples a least-squares student becomes the best one.
    spread = np.arange(1.0, 31.0) ** -0.7
    many = rng.standard_normal((20_000, 30)) * spread
    gap = (learn(many, weights, features) - best(weights, features, spread)) * spread
    left = (weights - best(weights, features, spread)) * spread
    assert gap @ gap < 0.01 * (left @ left)  # 12 features over 20,000 samples


@pytest.mark.parametrize("kind", ["kernel", "teacher-student"])
def test_settings_outside_their_range_are_refused(kind):
    for settings in ({"alpha": 0.0}, {"target": 0.01}, {"alpha": "steep"}):
        with pytest.raises(ConfigError) as caught:
            simulate(kind, **settings)
        assert next(iter(settings)) in str(caught.value)
