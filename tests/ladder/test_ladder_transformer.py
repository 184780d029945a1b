"""The model against a plain one written token by token in NumPy, and its causality."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tenfold.ladder.families import _attention, family, transformer
from tenfold.ladder.models import Model
from tenfold.ladder.spec import Optimizer, Shape

SHAPE = Shape(width=16, depth=2, context=12, ngram=3)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def params():
    """Weights without zeros, so that nothing hides."""
    return filled(SHAPE)


def filled(shape):
    held = transformer.tensors(shape)
    return {name: 0.3 * normal(seed, *tensor.size) for seed, (name, tensor) in enumerate(held.items())}


@pytest.fixture(scope="module")
def logits():
    return jax.jit(transformer.apply, static_argnums=2)


@pytest.fixture(scope="module")
def losses():
    return jax.jit(transformer.losses, static_argnums=2)


@pytest.fixture(scope="module")
def windows():
    return np.random.default_rng(0).integers(0, 128, (3, SHAPE.context + 1))


def plain_norm(x):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6)


def plain_turn(vector, position):
    """A head's vector, normalised and rotated by its position."""
    half = SHAPE.head_dim // 2
    angle = position * (4.0 * SHAPE.context) ** (-np.arange(half) / half)
    a, b = np.split(plain_norm(vector), 2)
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)])


def plain_attention(block, x):
    """One window, shape (context, width), one head and one position after the other."""
    q, k, v = np.split(x @ block["qkv"].T, 3, axis=1)
    out = np.zeros_like(x)
    for head in range(SHAPE.heads):
        part = slice(head * SHAPE.head_dim, (head + 1) * SHAPE.head_dim)
        for t in range(SHAPE.context):
            query = plain_turn(q[t, part], t)
            scores = np.array([query @ plain_turn(k[s, part], s) for s in range(t + 1)]) * 1.8 * SHAPE.head_dim**-0.25
            weights = np.exp(scores - scores.max())
            out[t, part] = weights / weights.sum() @ v[: t + 1, part]
    return out @ block["out"].T


def plain_losses(params, windows):
    params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), params)
    losses = []
    for window in windows:
        before = np.concatenate([np.zeros(SHAPE.ngram - 1, dtype=int), window[:-1]])
        x = sum(
            params["embed"][k][before[SHAPE.ngram - 1 - k : SHAPE.ngram - 1 - k + SHAPE.context]]
            for k in range(SHAPE.ngram)
        )
        for place in range(SHAPE.depth):
            block = transformer.part(params, f"blocks.{place}.")
            x = x + plain_attention(block, plain_norm(x))
            x = x + np.maximum(plain_norm(x) @ block["up"].T, 0) ** 2 @ block["down"].T
        logits = plain_norm(x) @ params["head"].T
        shifted = logits - logits.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses.append(-np.mean(logs[np.arange(SHAPE.context), window[1:]]))
    return np.array(losses)


def test_losses_are_those_of_the_plain_model(params, windows, losses):
    np.testing.assert_allclose(losses(params, windows, SHAPE), plain_losses(params, windows), rtol=2e-5)


def test_the_written_gradient_is_the_derived_one():
    q, k, v, slope = normal(2, 4, 2, 3, 8, 12)

    def derived(q, k, v):
        scores = jnp.einsum("hbcq,hbck->hbqk", q, k)
        weights = jax.nn.softmax(jnp.where(np.tri(12, dtype=bool), scores, -jnp.inf))
        return jnp.einsum("hbqk,hbck->hbcq", weights, v)

    def both(function, q, k, v, slope):
        value, pull = jax.vjp(function, q, k, v)
        return value, *pull(slope)

    run = jax.jit(both, static_argnums=0)
    for ours, theirs in zip(
        run(_attention._mix(bounded=True), q, k, v, slope), run(derived, q, k, v, slope), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_no_gradient_flows_from_the_future():
    """The Jacobian of the average at a position is zero for later keys and values, and only there."""
    q, k, v = normal(3, 3, 1, 1, 4, 6)
    for argument, jacobian in enumerate(
        jax.jit(jax.jacrev(_attention._mix(bounded=True), argnums=(1, 2)))(q, k, v), start=1
    ):
        size = np.abs(np.asarray(jacobian)).sum(axis=(0, 1, 2, 4, 5, 6))  # (position, source)
        assert np.all(size[np.triu_indices(6, 1)] == 0)
        lower = np.tril_indices(6) if argument == 2 else ([1, 2, 5], [0, 1, 5])
        assert np.all(size[lower] > 0)


def test_a_code_changes_no_earlier_prediction(params, windows, logits):
    tokens = windows[:1, :-1]
    before = logits(params, tokens, SHAPE)
    for place in (0, 5, SHAPE.context - 1):
        other = tokens.copy()
        other[0, place] = (other[0, place] + 1) % 128
        moved = np.abs(np.asarray(logits(params, other, SHAPE)) - np.asarray(before)).max(axis=0)
        assert np.all(moved[:place] == 0)
        assert np.all(moved[place:] > 0)


def test_windows_do_not_see_each_other(params, windows, losses):
    together = np.asarray(losses(params, windows, SHAPE))
    np.testing.assert_allclose(together[::-1], losses(params, windows[::-1], SHAPE), rtol=1e-6)


def test_the_start_follows_the_table(windows):
    """Scales of the table; zero outputs, so an untrained model knows nothing."""
    shape = replace(SHAPE, width=64)
    model = Model("transformer", shape, Optimizer())
    drawn = jax.jit(model.init)(jax.random.key(0))
    untrained = jax.jit(model.losses)(drawn, windows)
    np.testing.assert_allclose(untrained, np.log(128), rtol=1e-6)
    params = jax.tree.map(np.asarray, drawn)
    block = transformer.part(params, "blocks.0.")
    assert np.std(params["embed"]) == pytest.approx(0.3, rel=0.03)
    assert np.std(block["qkv"]) == pytest.approx(64**-0.5, rel=0.03)
    assert np.std(block["up"]) == pytest.approx(64**-0.5, rel=0.03)
    assert not np.any(block["out"])
    assert not np.any(block["down"])
    assert not np.any(params["head"])
    assert not np.array_equal(block["qkv"], params["blocks.1.qkv"])


def test_families_are_found_by_name():
    assert family("transformer") is transformer
