"""One run: what is trained, measured and recorded, and how it may end."""

from __future__ import annotations

import math
from dataclasses import replace

import jax
import numpy as np
import optax
import pytest

from tenfold.ladder import stepper, train
from tenfold.ladder.corpora.text import Covered
from tenfold.ladder.counting import flops_per_token_matmul
from tenfold.ladder.models import model_of
from tenfold.ladder.schedule import linear
from tenfold.ladder.spec import Optimizer


@pytest.fixture(scope="module")
def trained(corpus, spec):
    """Two runs of one specification."""
    told = []
    first = train.train_run(spec, corpus, on_progress=lambda *news: told.append(news))
    return first, train.train_run(spec, corpus), told


def test_a_run_learns(trained, corpus):
    record, _, told = trained
    assert record.status == "finished"
    assert record.initial_loss == pytest.approx(math.log(128), rel=1e-5)
    assert 0.5 < record.loss < 3.5
    assert record.corpus_sha256 == corpus.sha256
    assert told[-1][0] == 1.0
    assert all(0 < fraction <= 1 and 0 < loss < 10 for fraction, loss in told)


def test_the_curve_lies_on_the_way(trained):
    record, _, _ = trained
    spec = record.spec
    assert [point.step for point in record.curve] == list(train.checkpoint_steps(spec.steps, 3))
    for point in record.curve:
        assert point.tokens == point.step * spec.batch_tokens
        assert point.flops == point.tokens * flops_per_token_matmul(spec.shape)
        rate = model_of(spec).rates["blocks.0.qkv"]
        assert point.lr == pytest.approx(rate * linear(point.step - 1, spec.steps))
        assert 0 < point.loss < record.initial_loss


def test_the_same_run_gives_the_same_numbers(trained):
    first, second, _ = trained
    assert replace(first, seconds=0.0) == replace(second, seconds=0.0)


def test_steps_are_those_of_a_plain_loop(spec, corpus):
    """Five steps, so that one chunk is mostly padding, against Optax step by step."""
    spec = replace(spec, steps=5)
    record = train.train_run(spec, corpus)
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(0.9, 0.98, 1e-9))
    model = model_of(spec)
    params = jax.jit(model.init)(jax.random.key(spec.seed))
    state = jax.jit(adam.init)(params)
    starts, codes = next(corpus.batches(spec.shape, batch=4, seed=spec.seed, chunk=32))
    rates = model.rates

    @jax.jit
    def step(params, state, windows, factor):
        gradient = jax.grad(lambda p: model.losses(p, windows).mean())(params)
        update, state = adam.update(gradient, state)
        return {name: p - factor * rates[name] * update[name] for name, p in params.items()}, state

    for number in range(5):
        np.testing.assert_array_equal(codes[number, 0], corpus.train[starts[number, 0] :][:17])
        params, state = step(params, state, codes[number].astype(np.int32), linear(number, 5))
    assert record.loss == pytest.approx(
        float(stepper.evaluate(model, params, corpus.held_out(spec.shape, count=96))), rel=1e-5
    )
    covered = {int(start) + offset for start in starts[:5].ravel() for offset in range(1, 17)}
    assert record.unique_tokens == len(covered)


def test_large_batches_run_in_parts_with_the_same_gradient(spec, corpus):
    _, codes = next(corpus.batches(spec.shape, batch=20, seed=0, chunk=32))
    windows = codes[0].astype(np.int32)
    draw = np.random.default_rng(0)
    model = model_of(spec)
    params = {name: draw.normal(scale=0.2, size=t.size).astype(np.float32) for name, t in model.tensors.items()}

    def both(params):
        whole = jax.value_and_grad(lambda p: stepper.mean_loss(model, p, windows))(params)
        return stepper._slope(model, params, windows), whole

    assert str(jax.make_jaxpr(both)(params)).count("scan[") == 1
    parts, whole = (jax.tree.leaves(each) for each in jax.jit(both)(params))
    for one, other in zip(parts, whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-6)


def test_a_run_that_explodes_has_diverged(spec, corpus):
    optimizer = Optimizer(lr_embed=1e30, lr_hidden=1e30, lr_head=1e30)
    record = train.train_run(replace(spec, optimizer=optimizer), corpus)
    assert record.status == "diverged"
    assert record.loss is None
    assert "4.852 before training" in record.message
    assert all(math.isfinite(point.loss) for point in record.curve)


def test_an_undefined_training_loss_ends_the_run(spec, corpus, monkeypatch):
    losses = np.array([3.0] * 31 + [np.nan], dtype=np.float32)
    monkeypatch.setattr(
        train, "stepper", lambda *_: (lambda state, *_: (state, losses), lambda params: (params, None, None))
    )
    record = train.train_run(spec, corpus)
    assert (record.status, record.loss, record.curve) == ("diverged", None, ())
    assert record.message == "the training loss became nan before step 32 of 70"


@pytest.mark.parametrize("bad", [math.nan, math.inf, 5.0])
def test_a_bad_final_loss_is_never_finished(spec, corpus, monkeypatch, bad):
    """Whatever the last evaluation says: undefined, or above the loss before training."""
    values = iter([4.85, bad])
    monkeypatch.setattr(train, "evaluate", lambda *_, **__: next(values))
    monkeypatch.setattr(train._Trunk, "_steps", lambda *_: None)
    record = train.train_run(spec, corpus)
    assert (record.status, record.loss) == ("diverged", None)


def test_seeds_and_texts_make_different_batches(corpus, spec):
    first, _ = next(corpus.batches(spec.shape, batch=4, chunk=32, seed=0))
    again, _ = next(corpus.batches(spec.shape, batch=4, chunk=32, seed=0))
    other, _ = next(corpus.batches(spec.shape, batch=4, chunk=32, seed=1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert 0 <= first.min() <= first.max() <= len(corpus.train) - 17


@pytest.mark.parametrize(("steps", "points"), [(70, 3), (1056, 14), (33, 14), (32, 3), (5, 3), (100_000, 14), (500, 0)])
def test_checkpoints_are_log_spaced_chunks(steps, points):
    chosen = train.checkpoint_steps(steps, points)
    assert list(chosen) == sorted(set(chosen))
    assert len(chosen) <= points
    assert all(step % train.CHUNK == 0 and 0 < step < steps for step in chosen)
    if steps > 10_000:
        ratios = np.diff(np.log(chosen))
        assert len(chosen) == points
        assert ratios.max() < 2 * ratios.min()


def test_covered_positions_are_counted_once():
    draw = np.random.default_rng(0)
    for density in (0.0, 0.01, 0.3, 1.0):
        seen = draw.random(500) < density
        covered = {start + offset for start in np.flatnonzero(seen).tolist() for offset in range(1, 9)}
        tracker = Covered(500, 8)
        tracker.add(np.flatnonzero(seen))
        assert tracker.unique == len(covered)
