"""Directions of descent against Optax's own optimizers and against their papers' formulas written out in NumPy."""

from __future__ import annotations

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tenfold.ladder import models, optimizers
from tenfold.ladder.models import Model
from tenfold.ladder.optimizers import ATAN2_SCALE, direction, orthogonal
from tenfold.ladder.parameterization import OPTIMIZERS
from tenfold.ladder.spec import Optimizer, Shape
from tenfold.ladder.stepper import _moved, program, rates, stepper

SHAPE = Shape(width=16, depth=1, context=16, head_dim=8)
RATE = 0.01


def model_with(name, **given):
    """A model whose rates are all ``RATE``: the base shape, no factors of single tensors, no clipping."""
    plain = {"base_width": 16, "base_depth": 1, "clip": 1e30, "lr_embed": RATE, "lr_hidden": RATE, "lr_head": RATE}
    return Model("transformer", SHAPE, Optimizer(name=name, parameterization="standard", **{**plain, **given}))


def arrays(model, seed, *, scale=1.0):
    draw = np.random.default_rng(seed)
    return {name: (scale * draw.normal(size=each.size)).astype(np.float32) for name, each in model.tensors.items()}


def gradients(model, steps=4):
    """Gradients of very different sizes from tensor to tensor and from step to step."""
    return [
        {name: 10.0 ** (place % 5 - 3) * value for place, (name, value) in enumerate(arrays(model, 10 + step).items())}
        for step in range(steps)
    ]


def ours(model, steps=4, *, scale=1.0):
    """Weights after some steps as the trainer moves them; every rate is ``RATE``."""
    turn = direction(model)
    weights = arrays(model, 0)
    peak = {"rate": dict.fromkeys(weights, RATE), "decay": dict.fromkeys(weights, model.optimizer.weight_decay)}
    state = turn.init(weights)
    for gradient in gradients(model, steps):
        update, state = turn.update({name: scale * value for name, value in gradient.items()}, state, weights)
        weights = _moved(weights, update, 1.0, peak, decayed=model.optimizer.decayed)
    return weights


def theirs(model, reference, steps=4):
    """The same by an optimizer of Optax that includes the rate."""
    weights = arrays(model, 0)
    state = reference.init(weights)
    for gradient in gradients(model, steps):
        update, state = reference.update(gradient, state, weights)
        weights = optax.apply_updates(weights, update)
    return weights


def assert_same(one, other, *, rtol=1e-5, atol=1e-6):
    """Float32 rounding of one step is 6e-8 of a weight near one; a few steps and another order of operations add up."""
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=rtol, atol=atol, err_msg=name)


REFERENCES = {
    "adam": optax.adam(RATE, b1=0.8, b2=0.95, eps=1e-6),
    "adamw": optax.adamw(RATE, b1=0.8, b2=0.95, eps=1e-6, weight_decay=0.3),
    "lion": optax.lion(RATE, b1=0.8, b2=0.95, weight_decay=0.3),
    "sgd": optax.sgd(RATE, momentum=0.8),
    "adafactor": optax.adafactor(RATE, momentum=None),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_steps_are_those_of_optax(name):
    decay = 0.3 if name in ("adamw", "lion") else 0.0
    assert_same(
        ours(model_with(name, b1=0.8, b2=0.95, eps=1e-6, weight_decay=decay)), theirs(model_with(name), REFERENCES[name])
    )


def test_sgd_without_momentum_is_the_gradient():
    model = model_with("sgd", b1=0.0)
    gradient = arrays(model, 3)
    update, _ = direction(model).update(gradient, direction(model).init(gradient), gradient)
    assert_same(update, gradient, rtol=1e-6, atol=0.0)  # clipping multiplies by a factor of one


def test_one_step_of_adamw_by_hand():
    """w - rate * (g / (|g| + eps) + decay * w): the first moments' corrections cancel at the first step."""
    model = model_with("adamw", weight_decay=0.3, eps=0.05)
    weights, gradient = arrays(model, 0), gradients(model)[0]
    wanted = {
        name: w - RATE * (gradient[name] / (np.abs(gradient[name]) + 0.05) + 0.3 * w) for name, w in weights.items()
    }
    assert_same(ours(model, 1), wanted)


def test_clipping_bounds_the_norm_of_the_whole_gradient():
    model = model_with("sgd", b1=0.0, clip=0.5)
    gradient = arrays(model, 3)
    update, _ = direction(model).update(gradient, direction(model).init(gradient), gradient)
    norm = math.sqrt(sum(float(np.sum(np.square(value, dtype=np.float64))) for value in gradient.values()))
    assert_same(update, {name: value * (0.5 / norm) for name, value in gradient.items()}, atol=1e-9)


def test_atan2_by_its_formula_and_whatever_the_gradient_s_size():
    """1.27 atan2(m, sqrt(v)) with corrected moments; a gradient a million times smaller moves as far."""
    model = model_with("adam-atan2", b1=0.8, b2=0.95)
    wanted, first, second = arrays(model, 0), {}, {}
    for step, gradient in enumerate(gradients(model), start=1):
        for name, g in gradient.items():
            g = g.astype(np.float64)
            first[name] = 0.8 * first.get(name, 0.0) + 0.2 * g
            second[name] = 0.95 * second.get(name, 0.0) + 0.05 * g * g
            moved = np.arctan2(first[name] / (1 - 0.8**step), np.sqrt(second[name] / (1 - 0.95**step)))
            wanted[name] = wanted[name] - RATE * ATAN2_SCALE * moved
    assert_same(ours(model), wanted)
    assert_same(ours(model, scale=1e-6), ours(model))
    adam = model_with("adam", eps=1e-6)
    moved = max(np.abs(a - b).max() for a, b in zip(ours(adam, scale=1e-6).values(), ours(adam).values(), strict=True))
    assert moved > RATE, "Adam's epsilon does notice"


def test_adafactor_factors_what_is_large_enough():
    """Row and column means for the second moment, updates clipped at unit RMS, scaled by the weights' own RMS."""
    settings = Optimizer(name="adafactor", base_width=128, base_depth=1, clip=1e30)
    model = Model("transformer", replace(SHAPE, width=128, head_dim=32), settings)
    turn = direction(model)
    weights, steps = arrays(model, 0, scale=0.1), [arrays(model, seed) for seed in (1, 2)]
    state, name = turn.init(weights), "blocks.0.up"
    row = column = 0.0
    for step, gradient in enumerate(steps, start=1):
        update, state = turn.update(gradient, state, weights)
        keep = 1.0 - float(step) ** -0.8
        square = gradient[name].astype(np.float64) ** 2 + 1e-30
        row, column = keep * row + (1 - keep) * square.mean(axis=1), keep * column + (1 - keep) * square.mean(axis=0)
        wanted = gradient[name] / np.sqrt(np.outer(row, column) / row.mean())
        wanted = wanted / max(1.0, np.sqrt(np.mean(wanted**2)))
        wanted = wanted * np.sqrt(np.mean(weights[name].astype(np.float64) ** 2))
        np.testing.assert_allclose(update[name], wanted, rtol=1e-4, atol=1e-6)


# --- Muon ---------------------------------------------------------------------------------------------------------------


def singular_values(rows, columns, seed=0):
    matrix = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    turned = np.asarray(orthogonal(jnp.asarray(matrix)), dtype=np.float64)
    size = np.sqrt(np.mean(turned**2)) * math.sqrt(max(rows, columns))
    return np.linalg.svd(turned, compute_uv=False), size


def test_wide_matrices_become_orthogonal():
    """Gaussian 128 x 512: [0.68, 1.13] measured with NumPy; other draws move the ends by a hundredth."""
    for rows, columns in ((128, 512), (512, 128)):
        values, size = singular_values(rows, columns)
        assert values.min() > 0.67
        assert values.max() < 1.14
        assert 0.86 < size < 0.92


def test_square_matrices_keep_their_smallest_directions_small():
    """Gaussian 256 x 256: up to 1.20; values that start near zero are not there after five steps, as is expected."""
    values, size = singular_values(256, 256)
    assert values.max() < 1.21
    assert np.quantile(values, 0.1) > 0.6
    assert values.min() < 0.5
    assert 0.86 < size < 0.92


def test_an_orthogonal_update_keeps_the_directions():
    """U diag(s) V' becomes U diag(near one) V'."""
    draw = np.random.default_rng(0)
    u, _ = np.linalg.qr(draw.normal(size=(24, 24)))
    v, _ = np.linalg.qr(draw.normal(size=(40, 24)))
    matrix = (u * np.geomspace(1.0, 0.05, 24)) @ v.T
    turned = np.asarray(orthogonal(jnp.asarray(matrix, jnp.float32)), dtype=np.float64)
    core = u.T @ turned @ v
    assert np.abs(core - np.diag(np.diag(core))).max() < 1e-4
    assert 0.6 < np.diag(core).min() <= np.diag(core).max() < 1.21


@pytest.mark.parametrize("name", ["muon", "muon-rms"])
def test_both_scales_of_muon(name):
    """sqrt(fan_out / fan_in) times a near-orthogonal matrix; or 0.2 sqrt(max side), whose RMS is about 0.2 like Adam's."""
    model = model_with(name, b1=0.8)
    turn = direction(model)
    weights, steps = arrays(model, 0), gradients(model, 2)
    state, momentum = turn.init(weights), 0.0
    for gradient in steps:
        update, state = turn.update(gradient, state, weights)
        momentum = 0.8 * momentum + gradient["blocks.0.up"]
    ahead = 0.8 * momentum + steps[-1]["blocks.0.up"]
    rows, columns = ahead.shape
    scale = math.sqrt(rows / columns) if name == "muon" else 0.2 * math.sqrt(rows)
    wanted = scale * np.asarray(orthogonal(jnp.asarray(ahead)))
    np.testing.assert_allclose(update["blocks.0.up"], wanted, rtol=1e-4, atol=1e-5)
    if name == "muon-rms":
        assert 0.16 < np.sqrt(np.mean(np.square(update["blocks.0.up"]))) < 0.24
    adam = optax.scale_by_adam(b1=0.9, b2=0.98, eps=1e-9)
    memory = adam.init(weights)
    for gradient in steps:
        plain, memory = adam.update(gradient, memory)
    for tensor in ("embed", "head"):
        np.testing.assert_allclose(update[tensor], plain[tensor], rtol=1e-5)


def test_experts_are_turned_one_by_one_and_kernels_as_matrices():
    """A stack of matrices is no matrix: each expert's update has its own singular values near one."""
    draw = np.random.default_rng(0)
    stack = optimizers.Tensor((3, 16, 8), "hidden", 8, 16)
    kernel = optimizers.Tensor((16, 4, 3, 3), "hidden", 36, 144)
    gradient = {
        name: draw.normal(size=each.size).astype(np.float32) for name, each in (("stack", stack), ("kernel", kernel))
    }
    turn = optimizers._muon(0.9, {"stack": stack, "kernel": kernel}, rms=False)
    update, _ = turn.update(gradient, turn.init(gradient))
    for place in range(3):
        one = np.asarray(orthogonal(1.9 * jnp.asarray(gradient["stack"][place])))
        np.testing.assert_allclose(update["stack"][place], math.sqrt(2) * one, rtol=1e-3, atol=1e-4)
    flat = np.asarray(update["kernel"]).reshape(16, 36) / 2
    assert np.linalg.svd(flat, compute_uv=False).min() > 0.6


# --- epsilon ------------------------------------------------------------------------------------------------------------


def test_the_scaled_rule_is_an_epsilon_for_each_tensor():
    """Gradients times 1 / f with one epsilon are gradients with epsilon times f, exactly where f is a power of two."""
    settings = Optimizer(
        name="adam", parameterization="mup-table8", base_width=16, base_depth=1, eps=0.05, eps_rule="scaled", clip=1e30
    )
    model = Model("transformer", replace(SHAPE, width=64), settings)
    turn, weights = direction(model), arrays(model, 0)
    state = turn.init(weights)
    assert {rule.eps for rule in model.rules.values()} == {0.25}
    parts = {name: optax.scale_by_adam(b1=0.9, b2=0.98, eps=0.05 * rule.eps) for name, rule in model.rules.items()}
    memory = {name: part.init(weights[name]) for name, part in parts.items()}
    for gradient in gradients(model, 3):
        update, state = turn.update(gradient, state, weights)
        for name, part in parts.items():
            wanted, memory[name] = part.update(gradient[name], memory[name])
            np.testing.assert_allclose(update[name], wanted, rtol=1e-6, err_msg=name)


def test_optimizers_without_epsilon_do_not_notice_the_rule():
    settings = Optimizer(name="sgd", b1=0.0, parameterization="mup-table8", base_width=16, base_depth=1, clip=1e30)
    model = Model("transformer", replace(SHAPE, width=64), settings)
    gradient = arrays(model, 1)
    for rule in ("constant", "scaled"):
        turn = direction(replace(model, optimizer=replace(settings, eps_rule=rule)))
        assert_same(turn.update(gradient, turn.init(gradient), gradient)[0], gradient, rtol=1e-6, atol=0.0)


# --- training -----------------------------------------------------------------------------------------------------------

SCALES = {"sgd": 20.0, "lion": 0.2, "muon": 2.0, "adafactor": 6.0}


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_trains(name):
    """64 steps on words of a grammar, twice the base width: from ln 128 = 4.85 nats to below 3.5, as the trainer runs."""
    settings = Optimizer(name=name, base_width=8, base_depth=1, lr_scale=SCALES.get(name, 1.0))
    model = Model("transformer", SHAPE, settings)
    run, start = stepper(program(model))
    state = start(model.init(models.key(0)))
    draw = np.random.default_rng(0)
    ends = []
    for _ in range(2):
        windows = np.cumsum(draw.integers(1, 3, (32, 4, 17)), axis=-1).astype(np.uint8) % 12
        state, losses = run(state, windows, np.ones(32, np.float32), rates(model))
        ends.append(np.asarray(losses))
    assert ends[0][0] == pytest.approx(math.log(128), rel=1e-5)
    assert ends[1][-8:].mean() < 3.5
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
