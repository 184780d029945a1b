"""Top Hessian eigenvalues against dense ones, closed forms and the edge of stability."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from tenfold.core.errors import ConfigError
from tenfold.ladder.coordinates import batch_of, quick
from tenfold.ladder.families import mlp, transformer
from tenfold.ladder.models import Model, key
from tenfold.ladder.sharpness import (
    adam_step_sizes,
    hessian_product,
    rate_factors,
    sharpness,
    sharpness_course,
    spread,
    threshold,
    top_eigenvalues,
)
from tenfold.ladder.spec import Optimizer
from tenfold.ladder.stepper import mean_loss

SETTINGS = Optimizer(base_width=8, clip=1e9)


@pytest.fixture(scope="module")
def small():
    """A perceptron of 160 weights away from its start, and a batch."""
    model = Model("mlp", mlp.Shape(width=8, depth=1, inputs=6, outputs=6, activation="tanh", zero_init=False), SETTINGS)
    return model, quick(model.init)(key(0)), batch_of(model, 32)


@pytest.fixture(scope="module")
def dense(small):
    """Its whole Hessian, forward over reverse: another way than the one under test."""
    model, weights, examples = small
    flat, back = ravel_pytree(weights)
    whole = quick(jax.hessian(lambda w: mean_loss(model, back(w), examples)))
    return np.asarray(whole(flat), np.float64), weights


def test_a_bowl_gives_its_exact_eigenvalues():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    values = np.sort(rng.normal(size=60))[::-1] * 10
    found = top_eigenvalues(lambda v: turn @ (values * (turn.T @ v)), size=60, count=4, tolerance=1e-12)
    # All sixty dimensions are spanned, so only rounding is left.
    np.testing.assert_allclose(found.largest, values[:4], rtol=1e-12)
    assert found.smallest == pytest.approx(values[-1], rel=1e-12)


def test_lanczos_stops_early_with_an_honest_residual():
    values = np.concatenate([[50.0, 30.0], np.linspace(0.0, 1.0, 4998)])
    found = top_eigenvalues(lambda v: values * v, size=5000, count=2, tolerance=1e-8)
    assert found.products < 40
    errors = np.abs(np.array(found.largest) - [50.0, 30.0])
    assert np.all(errors <= np.array(found.residuals) + 1e-11)
    np.testing.assert_allclose(found.largest, [50.0, 30.0], rtol=1e-10)


def test_an_invariant_subspace_ends_the_iteration():
    assert top_eigenvalues(lambda v: 3.0 * v, size=7).largest == pytest.approx((3.0,), rel=1e-14)
    with pytest.raises(ConfigError, match="distinct"):
        top_eigenvalues(lambda v: 3.0 * v, size=7, count=2)
    with pytest.raises(ConfigError, match="count"):
        top_eigenvalues(lambda v: v, size=3, count=4)
    with pytest.raises(ConfigError, match="diverged"):
        top_eigenvalues(lambda v: v * np.nan, size=3)


def test_sharpness_is_the_dense_hessians(small, dense):
    model, weights, examples = small
    expected = np.linalg.eigvalsh(dense[0])[::-1]
    found = sharpness(model, weights, examples, count=3, products=160, tolerance=1e-6)
    # Products in float32: seven digits of the largest.
    np.testing.assert_allclose(found.largest, expected[:3], atol=3e-6 * expected[0])
    assert found.smallest == pytest.approx(expected[-1], abs=3e-6 * expected[0])


def test_preconditioned_sharpness_is_the_dense_hessians_between_roots_of_step_sizes(small, dense):
    model, weights, examples = small
    rng = np.random.default_rng(1)
    second = {name: rng.uniform(0.1, 2.0, np.shape(w)) * 1e-3 for name, w in weights.items()}
    sizes = adam_step_sizes(model, second, steps=3)
    by_hand = {name: rate_factors(model)[name] / (np.sqrt(v / (1 - 0.98**3)) + 1e-9) for name, v in second.items()}
    roots = np.sqrt(np.concatenate([by_hand[name].ravel() for name in sorted(by_hand)]))
    expected = np.linalg.eigvalsh(roots[:, None] * dense[0] * roots)[::-1]
    found = sharpness(model, weights, examples, step_sizes=sizes, count=2, products=160, tolerance=1e-6)
    np.testing.assert_allclose(found.largest, expected[:2], atol=1e-5 * expected[0])


def test_attentions_own_gradient_is_differentiated_again():
    """The product with the Hessian is the difference of gradients a small step apart."""
    shape = transformer.Shape(width=8, depth=1, vocab=11, context=8, zero_init=False)
    model = Model("transformer", shape, Optimizer(base_width=8))
    start = quick(model.init)
    weights, vector, examples = start(key(0)), start(key(1)), batch_of(model, 2)

    def loss(w):
        return mean_loss(model, w, examples)

    step = 1e-3
    moved = [jax.tree.map(lambda w, v, s=sign * step: w + s * v, weights, vector) for sign in (1, -1)]
    slope = quick(jax.grad(loss))
    ahead, behind = (slope(w) for w in moved)
    product = hessian_product(loss, weights)(vector)
    for name in ("blocks.0.qkv", "blocks.0.up", "embed"):
        apart = (ahead[name] - behind[name]) / (2 * step)
        # Truncation is of order step**2 and float32 leaves 1e-7 / step: a few parts in a thousand of the largest.
        assert float(jnp.abs(apart - product[name]).max()) < 5e-3 * float(jnp.abs(product[name]).max())


def test_thresholds_and_spread():
    assert threshold(0.5) == 4.0
    assert threshold(0.5, b1=0.9) == pytest.approx(38 / 0.5)
    assert spread([1.0, 1.0]) == 0.0


def test_gradient_descent_is_driven_to_the_edge_of_stability():
    """Full-batch descent on squared error: sharpness rises to 2 / rate and stays there (Cohen et al. 2021)."""
    shape = mlp.Shape(width=16, depth=2, inputs=8, outputs=4, activation="tanh", loss="squared", zero_init=False)
    rate = 0.3
    settings = Optimizer(
        name="sgd", b1=0.0, lr_embed=rate, lr_hidden=rate, lr_head=rate, base_width=16, parameterization="standard",
        clip=1e9,
    )  # fmt: skip
    course = sharpness_course(shape, settings, values=(16, 24), at=(0, 600), batch=16)
    for start, end in course.sharpness:
        assert start < 0.8 * course.threshold
        # It hovers about the threshold; how closely depends on the moment.
        assert end == pytest.approx(course.threshold, rel=0.1)
    held = course.to_dict()
    assert held["super_consistency"][1] == pytest.approx(spread([c[1] for c in course.sharpness]))
    assert held["super_consistency"][1] < 0.1 < course.loss_spread[1]


def test_a_course_asks_for_what_can_be_measured():
    shape = mlp.Shape(width=16)
    with pytest.raises(ConfigError, match="preconditioner"):
        sharpness_course(shape, Optimizer(name="lion"), values=(16, 32), at=(1,))
    with pytest.raises(ConfigError, match="from 1 on"):
        sharpness_course(shape, Optimizer(), values=(16, 32), at=(0, 1))
