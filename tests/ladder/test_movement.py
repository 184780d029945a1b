"""Movement, alignment, spectra and linearisation against closed forms and the rules' own predictions."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from tenfold.core.errors import ConfigError
from tenfold.ladder.coordinates import batch_of, moved, quick, seen
from tenfold.ladder.families import mlp
from tenfold.ladder.models import Model, key
from tenfold.ladder.movement import (
    alignment,
    alignments,
    feature_movement,
    linearisation_distance,
    movement_check,
    spectra,
    steady_rms,
    steady_state,
    trained,
)
from tenfold.ladder.optimizers import direction
from tenfold.ladder.spec import Optimizer
from tenfold.ladder.stepper import rates

SHOWN = str(Path(__file__).with_name("shown_mlp.py"))
RATE = 1e-3
ADAM = Optimizer(lr_embed=RATE, lr_hidden=RATE, lr_head=RATE, base_width=64, clip=1e9, b2=0.95)
NET = mlp.Shape(width=256, depth=2, inputs=32, outputs=10, zero_init=False)


@pytest.fixture(scope="module")
def net():
    """A plain net before and after five steps."""
    model = Model(SHOWN, NET, ADAM)
    examples = batch_of(model, 32)
    return model, *trained(model, examples, steps=5), examples


def test_alignment_of_known_products():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(400, 50))
    a = rng.normal(size=(400, 400))
    # Independent: sums of 400 terms; their RMS is known to a few parts in a thousand.
    assert alignment(a, z) == pytest.approx(0.5, abs=0.01)
    one = rng.normal(size=(400, 1))
    assert alignment(np.sign(a[:, :1] @ one.T), np.sign(one)) == pytest.approx(1.0, abs=1e-12)
    assert math.isnan(alignment(a, 0 * z))


def test_initial_matrices_do_not_align_and_adams_updates_do(net):
    found, missing = alignments(*net)
    assert missing == ()
    assert [each.tensor for each in found] == ["blocks.0.up", "blocks.1.up"]
    for each in found:
        assert each.fan_in == 256
        # Inputs after ReLU share their mean, which 256 random rows see by chance: 1/2 within a few hundredths.
        assert each.start == pytest.approx(0.5, abs=0.03)
        # Adam's first updates are signs that the inputs decide: well towards 1, the catalogue's assumption.
        assert each.update > 0.75
        assert each.passed == pytest.approx(0.5, abs=0.1)


def test_movement_is_the_change_over_the_start(net):
    model, before, after, examples = net
    found = feature_movement(model, before, after, examples)
    assert list(found) == ["first", "blocks.0", "blocks.1", "logits"]
    first = np.asarray(examples[0], np.float64) @ np.asarray(after["first"] - before["first"], np.float64).T
    start = np.asarray(examples[0], np.float64) @ np.asarray(before["first"], np.float64).T
    # Sums of 32 products in float32.
    assert found["first"] == pytest.approx(np.linalg.norm(first) / np.linalg.norm(start), rel=1e-4)
    assert all(value == 0 for value in feature_movement(model, before, before, examples).values())


def test_spectra_are_singular_values(net):
    model, before, after, _ = net
    for each in spectra(model, before, after):
        change = np.asarray(after[each.tensor] - before[each.tensor], np.float64)
        top = math.sqrt(np.linalg.eigvalsh(change @ change.T)[-1])
        assert each.update == pytest.approx(top, rel=1e-6)
        assert each.natural == 1.0
        # The edge of a square Gaussian matrix times sqrt(2), which ReLU's gain adds: 2 * 1.414.
        assert each.weight_ratio == pytest.approx(2 * math.sqrt(2), rel=0.05)


def test_the_linear_term_is_the_forward_derivative(net):
    """Reverse twice gives what forward differentiation gives where both work."""
    model, before, after, examples = net
    step = {name: after[name] - before[name] for name in before}

    def logits(weights):
        return seen(model, weights, examples)["logits"]

    value, linear = jax.jit(lambda w, s: jax.jvp(logits, (w,), (s,)))(before, step)
    whole = np.asarray(jax.jit(logits)(after) - value, np.float64)
    expected = np.linalg.norm(whole - np.asarray(linear, np.float64)) / np.linalg.norm(whole)
    found = linearisation_distance(model, before, after, examples)
    assert found == pytest.approx(expected, rel=1e-3)
    assert found > 0.02
    with pytest.raises(ConfigError, match="starts with"):
        linearisation_distance(model, before, after, examples, tensors="layers.")
    with pytest.raises(ConfigError, match="activation"):
        linearisation_distance(model, before, after, examples, activation="logit")


def test_one_matrix_is_linear_in_itself(net):
    model, before, after, examples = net
    distance = linearisation_distance(model, before, after, examples, tensors="blocks.0.", activation="blocks.0")
    assert distance < 1e-5  # Rounding in float32.


def _distance_slope(parameterization):
    """Power of depth that the last block's distance from its linearisation follows, from 2 to 8 blocks."""
    settings = Optimizer(
        lr_embed=2e-3, lr_hidden=2e-3, lr_head=2e-3, base_width=32, base_depth=2, clip=1e9, b2=0.95,
        parameterization=parameterization,
    )  # fmt: skip
    means = []
    for depth in (2, 8):
        shape = mlp.Shape(width=32, depth=depth, outputs=10, residual_blocks=True, zero_init=False)
        model, found = Model("mlp", shape, settings), []
        for seed in range(4):
            examples = batch_of(model, 32, seed=seed)
            before, after = trained(model, examples, steps=10, seed=seed)
            for place in (depth // 2 - 1, depth - 1):
                name = f"blocks.{place}"
                found.append(linearisation_distance(model, before, after, examples, tensors=f"{name}.", activation=name))
        means.append(np.mean(found))
    return math.log(means[1] / means[0]) / math.log(4)


def test_blocks_stay_nonlinear_with_depth_under_completep_only():
    """What a coordinate check cannot see: blocks of two matrices turn linear under depth-muP (A6)."""
    # A mean of eight distances has a standard error of about 4 %, so a slope one of 0.04; three of them.
    assert _distance_slope("completep") == pytest.approx(0.0, abs=0.12)
    # -1/2 where the quadratic term is small; at 2 blocks it is a seventh, which flattens the slope to about -0.3.
    assert -0.5 < _distance_slope("depth-mup") < -0.2


def test_spectral_norms_of_updates_follow_the_rule_for_width():
    """Under muP updates keep their spectral size; at one rate they grow with the width (A7)."""
    slopes = {}
    for name in ("mup", "standard"):
        settings = Optimizer(lr_embed=RATE, lr_hidden=RATE, lr_head=RATE, base_width=64, clip=1e9, parameterization=name)
        tops = []
        for width in (64, 256):
            model = Model("mlp", replace(NET, width=width, depth=1), settings)
            before, after = trained(model, batch_of(model, 32), steps=3)
            (found,) = spectra(model, before, after)
            tops.append(found.update_ratio)
        slopes[name] = math.log(tops[1] / tops[0]) / math.log(4)
    # Adam's update is nearly a matrix of signs of low rank: its norm is the rate times the width.
    assert slopes["mup"] == pytest.approx(0.0, abs=0.12)
    assert slopes["standard"] == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("family", ["mlp", SHOWN])
def test_a_check_measures_what_a_family_shows_and_notes_the_rest(family):
    shape = mlp.Shape(width=8, depth=2, inputs=4, zero_init=False)
    check = movement_check(shape, replace(ADAM, base_width=8), values=(8, 16), family=family, steps=2, seeds=1, batch=8)
    kinds = {kind for kind, *_ in check.slopes}
    assert {"movement", "spectrum", "linearisation"} <= kinds
    shown = not any("does not show" in note for note in check.notes)
    assert shown == ("alignment" in kinds)
    assert shown or family == "mlp"
    assert check.slope("movement", "blocks.last") == check.slope("movement", "blocks.last")
    held = check.to_dict()
    assert held["slopes"][0] == {
        "kind": "movement",
        "name": "first",
        **{k: held["slopes"][0][k] for k in ("slope", "error")},
    }
    with pytest.raises(ConfigError, match="quantity"):
        check.slope("movement", "nothing")
    with pytest.raises(ConfigError, match="compare nothing"):
        movement_check(shape, ADAM, values=(8,))


def test_weights_settle_where_rate_and_decay_balance():
    """Noise as the only gradient: RMS of Adam's weights comes to sqrt(rate / 2 decay) whatever its momentum."""
    settings = Optimizer(
        name="adamw", lr_embed=0.05, lr_hidden=0.05, lr_head=0.05, base_width=16, clip=1e9, weight_decay=0.4,
        b2=0.999, parameterization="standard",
    )  # fmt: skip
    model = Model("mlp", mlp.Shape(width=16, depth=1), settings)
    turn, peak = direction(model), rates(model)

    def run(weights, memory):
        def step(state, noise):
            weights, memory = state
            shapes = {name: value.shape for name, value in weights.items()}
            gradient = {name: jax.random.normal(jax.random.fold_in(noise, len(name)), s) for name, s in shapes.items()}
            update, memory = turn.update(gradient, memory, weights)
            return (moved(weights, update, peak), memory), None

        return jax.lax.scan(step, (weights, memory), jax.random.split(key(1), 600))[0][0]

    weights = quick(model.init)(key(0))
    after = quick(run)(weights, turn.init(weights))
    # 576 weights, each a draw from the steady state: one part in thirty, and Adam's square root another two percent.
    settled = steady_state(model, after)
    assert np.mean(list(settled.values())) == pytest.approx(1.0, abs=0.08)
    # Figures that the catalogue measured: .786 for .791.
    assert steady_rms(0.05, 0.04) == pytest.approx(0.791, abs=5e-4)
    with pytest.raises(ConfigError, match="decayed"):
        steady_state(Model("mlp", model.shape, ADAM), weights)
    with pytest.raises(ConfigError, match="unit size"):
        steady_state(Model("mlp", model.shape, Optimizer(name="sgd", weight_decay=0.1)), weights)
