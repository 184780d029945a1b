"""The model against a plain one written token by token in NumPy, and its causality."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tenfold.ladder import transformer
from tenfold.ladder.families import family
from tenfold.ladder.spec import Shape

SHAPE = Shape(width=16, depth=2, context=12, ngram=3)


@pytest.fixture(scope="module")
def params():
    """Weights without zeros, so that nothing hides."""
    drawn = transformer.init(jax.random.key(0), SHAPE)
    leaves, tree = jax.tree.flatten(drawn)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    moved = [leaf + 0.2 * jax.random.normal(key, leaf.shape) for key, leaf in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(tree, moved)


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
        for block in params["blocks"]:
            x = x + plain_attention(block, plain_norm(x))
            x = x + np.maximum(plain_norm(x) @ block["up"].T, 0) ** 2 @ block["down"].T
        logits = plain_norm(x) @ params["head"].T
        shifted = logits - logits.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses.append(-np.mean(logs[np.arange(SHAPE.context), window[1:]]))
    return np.array(losses)


def test_losses_are_those_of_the_plain_model(params, windows):
    ours = jax.jit(transformer.window_losses, static_argnums=2)(params, jnp.asarray(windows), SHAPE)
    np.testing.assert_allclose(ours, plain_losses(params, windows), rtol=2e-5)


def test_the_written_gradient_is_the_derived_one():
    q, k, v, slope = jax.random.normal(jax.random.key(2), (4, 2, 3, 8, 12))

    def derived(q, k, v):
        scores = jnp.einsum("hbcq,hbck->hbqk", q, k)
        weights = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((12, 12))) > 0, scores, -jnp.inf))
        return jnp.einsum("hbqk,hbck->hbcq", weights, v)

    value, pull = jax.vjp(jax.jit(transformer._mix), q, k, v)
    expected, pull_expected = jax.vjp(jax.jit(derived), q, k, v)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(pull(slope), pull_expected(slope), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_no_gradient_flows_from_the_future():
    """The Jacobian of the average at a position is zero for later keys and values, and only there."""
    q, k, v = jax.random.normal(jax.random.key(3), (3, 1, 1, 4, 6))
    for which in (1, 2):
        jacobian = jax.jit(jax.jacrev(transformer._mix, argnums=which))(q, k, v)
        size = np.abs(np.asarray(jacobian)).sum(axis=(0, 1, 2, 4, 5, 6))  # (position, source)
        assert np.all(size[np.triu_indices(6, 1)] == 0)
        lower = np.tril_indices(6) if which == 2 else ([1, 2, 5], [0, 1, 5])
        assert np.all(size[lower] > 0)


def test_a_code_changes_no_earlier_prediction(params, windows):
    logits = jax.jit(transformer.apply, static_argnums=2)
    tokens = jnp.asarray(windows[:1, :-1])
    before = logits(params, tokens, SHAPE)
    for place in (0, 5, SHAPE.context - 1):
        changed = logits(params, tokens.at[0, place].add(1) % 128, SHAPE) - before
        moved = np.abs(np.asarray(changed)).max(axis=0)
        assert np.all(moved[:place] == 0)
        assert np.all(moved[place:] > 0)


def test_windows_do_not_see_each_other(params, windows):
    losses = jax.jit(transformer.window_losses, static_argnums=2)
    together = losses(params, jnp.asarray(windows), SHAPE)
    np.testing.assert_allclose(together[::-1], losses(params, jnp.asarray(windows[::-1]), SHAPE), rtol=1e-6)


def test_an_untrained_model_knows_nothing(windows):
    losses = transformer.window_losses(transformer.init(jax.random.key(0), SHAPE), jnp.asarray(windows), SHAPE)
    np.testing.assert_allclose(losses, np.log(128), rtol=1e-6)


def test_initial_scales_follow_the_table():
    shape = Shape(width=256)
    params = transformer.init(jax.random.key(0), shape)
    block = params["blocks"][0]
    assert np.std(params["embed"]) == pytest.approx(0.3, rel=0.02)
    assert np.std(block["qkv"]) == pytest.approx(256**-0.5, rel=0.02)
    assert np.std(block["up"]) == pytest.approx(256**-0.5, rel=0.02)
    assert not np.any(block["out"])
    assert not np.any(block["down"])
    assert not np.any(params["head"])
    assert not np.array_equal(block["qkv"], params["blocks"][1]["qkv"])


def test_families_are_found_by_name():
    assert family("transformer") is transformer
