"""What the generic relations say beyond the contract: shapes, limits, traps of their sources, and fits to counts."""

import numpy as np
import pytest

from reproduce.task_ladder import TASKS, step2
from tenfold import Runs, fit
from tenfold.core.law import predict
from tenfold.laws import laws
from tenfold.testing import synthetic


def values(name, coef, **inputs):
    return predict(laws()[name], coef, inputs)


def test_negation_is_inverse_then_u_shaped_then_positive_as_the_second_skill_arrives_earlier():
    x = np.geomspace(1.0, 1e6, 61)
    late, middle, early = (
        np.diff(values("negation", {"i": 0.6, "s": 0.02, "k": 1.5, "d": d}, x=x)) for d in (1e10, 1e4, 1e-3)
    )
    assert (late < 0).all()
    assert (early > 0).all()
    turns = np.flatnonzero(np.diff(np.sign(middle)))
    assert len(turns) == 1
    assert middle[0] < 0 < middle[-1]


def test_a_sub_task_curve_fits_the_shape_it_has_and_not_the_other():
    law = laws()["negation"]
    runs = synthetic(law, {"i": 0.6, "s": 0.02, "k": 1.5, "d": 1e4}, n=80, noise=0.005, span={"x": (1.0, 1e6)})
    composed, product = (fit(name, runs, certificate=False) for name in ("negation", "skill_product"))
    assert composed.rms == pytest.approx(0.005, rel=0.2)
    assert product.rms > 5 * composed.rms
    assert composed.coef["d"] == pytest.approx(1e4, rel=0.1)


def test_critical_laws_are_zero_at_and_below_the_critical_point_and_tell_each_other_apart():
    for name, coef in (
        ("critical_exp", {"A": 1.0, "c": 1.0, "xc": 2.0}),
        ("critical_stretched", {"A": 1.0, "c": 1.0, "xc": 2.0, "q": 0.8}),
        ("critical_power", {"A": 1.0, "xc": 2.0, "b": 0.5}),
    ):
        assert values(name, coef, x=np.array([1e-3, 1.0, 2.0])).tolist() == [0.0, 0.0, 0.0]
        assert values(name, coef, x=np.array([2.0 + 1e-9, 3.0, 1e6])).min() >= 0.0
    runs = synthetic(laws()["critical_exp"], {"A": 0.8, "c": 1.5, "xc": 0.125}, n=60, noise=0.02, span={"x": (0.2, 8.0)})
    right, wrong = (fit(name, runs, certificate=False) for name in ("critical_exp", "critical_power"))
    assert right.coef["xc"] == pytest.approx(0.125, rel=0.05)
    assert right.rms < 0.03 < wrong.rms


def test_the_misprinted_fit_of_the_score_in_size_is_not_shipped():
    for name, chosen in laws()["allometric"].published.items():
        assert chosen.coef["b"] < 0.05, name
        assert values("allometric", chosen.coef, x=np.array(chosen.span["x"])).max() < 1.0, name


@pytest.mark.parametrize("task", TASKS)
def test_shipped_links_are_the_fits_of_the_released_checkpoints(task):
    shipped = laws()["accuracy_link"].published[f"olmo-{task.replace('_', '-')}"]
    assert shipped.coef == pytest.approx(step2(task).coef, rel=1e-4)


def test_links_are_the_released_functions_in_other_letters():
    loss = np.linspace(0.2, 3.0, 15)
    a, b, k, middle = -0.6, 0.85, 4.0, 1.1
    sigmoid = 1 / (1 + np.exp(-k * (loss - middle)))
    ours = values("accuracy_link", {"chance": a + b, "ceiling": b, "k": k, "L0": middle}, L=loss)
    assert ours == pytest.approx(a * sigmoid + b, rel=1e-12)
    ours = values("softplus_link", {"h": 0.2, "k": k, "L0": middle}, L=loss)
    assert ours == pytest.approx(1 - (-0.2) * np.log(1 - sigmoid), rel=1e-12)


def test_one_step_equals_two_chained():
    size, tokens = np.geomspace(1e7, 1e11, 9), np.geomspace(1e12, 1e9, 9)
    loss = values("chinchilla", {"E": 0.5, "A": 60.0, "B": 600.0, "alpha": 0.3, "beta": 0.35}, N=size, D=tokens)
    two = values("accuracy_link", {"chance": 0.25, "ceiling": 0.9, "k": 5.0, "L0": 0.8}, L=loss)
    absorbed = {"E": 5 * (0.5 - 0.8), "A": 300.0, "B": 3000.0, "alpha": 0.3, "beta": 0.35}
    one = values("accuracy_ladder", {"chance": 0.25, "ceiling": 0.9, **absorbed}, N=size, D=tokens)
    assert one == pytest.approx(two, rel=1e-12)


def test_softmin_goes_to_chance_and_to_the_power():
    coef = {"e": 0.7, "a": 1.2, "b": 0.2, "c": 1.5, "d": 0.05}
    below, near, far = values("softmin_link", coef, L=np.array([1.0, 2.0, 1e3]))
    assert below == pytest.approx(0.05, abs=2e-4)
    assert near == pytest.approx(0.2 * 0.5**1.2 + 0.05, abs=2e-3)
    assert far == pytest.approx(0.7, rel=1e-12)


def test_a_power_with_a_logarithm_warns_by_its_condition_and_is_sharp_with_one_exponent_held():
    law = laws()["log_power"]
    runs = synthetic(law, {"A": 2.0, "a": 4 / 3, "b": -1 / 3}, n=60, noise=0.02, span={"x": (1e3, 1e5)})
    free, held = fit(law, runs, axis="x"), fit(law, runs, axis="x", fixed={"b": -1 / 3})
    assert free.certificate.condition > 50 * held.certificate.condition
    assert held.coef["a"] == pytest.approx(4 / 3, abs=0.01)


def test_a_transition_that_moves_and_sharpens_is_found_from_counts():
    rng = np.random.default_rng(3)
    size = np.repeat([16.0, 32.0, 64.0, 128.0], 40)
    x = 2.0 * size * np.exp(0.4 * rng.standard_normal(160))
    share = values("transition_window", {"B": 2.0, "p": 1.0, "W": 1.0, "q": 0.5}, x=x, size=size)
    runs = Runs({"x": x, "system_size": size, "accuracy": rng.binomial(400, share) / 400, "trials": np.full(160, 400.0)})
    found = fit("transition_window", runs, axis="x", objective="binomial", weights="trials", certificate=False)
    assert found.coef["p"] == pytest.approx(1.0, abs=0.01)
    assert found.coef["q"] == pytest.approx(0.5, abs=0.05)


def test_compute_of_time_series_models_is_converted_from_petaflop_days():
    """Printed: (1.5e7 / C)^.024 with C in PF-days, so at one PF-day, 8.64e19 FLOP, it is 1.5e7^.024."""
    chosen = laws()["power_scale"].published["encoder-compute-lotsa"]
    assert values("power_scale", chosen.coef, x=8.64e19) == pytest.approx(1.5e7**0.024, rel=1e-12)
    assert len(laws()["power_scale"].published) == 18
