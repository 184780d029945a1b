"""Digits and generated tasks: deterministic, with the floors and frequencies they claim, refused where they do not fit."""

from __future__ import annotations

import math
import sys
from itertools import islice

import numpy as np
import pytest

from tenfold.core.errors import ConfigError, DataError
from tenfold.ladder.corpora import digits as digits_module
from tenfold.ladder.corpora import kinds, load_corpus, markov, parity
from tenfold.ladder.corpora._streams import shuffled
from tenfold.ladder.families import mlp, moe, resnet, transformer, vit
from tenfold.ladder.fields import identity
from tenfold.ladder.records import spec_from_json
from tenfold.ladder.spec import Evaluation, Optimizer, RunSpec
from tenfold.ladder.train import train_run

K = kinds()
MLP = mlp.Shape(width=8)
IMAGES = vit.Shape(width=8, resolution=8)
CODES = transformer.Shape(width=8, context=12, vocab=32)
SMALL_PARITY = {"tasks": 6, "bits": 10}

CASES = [
    ("teacher", {}, MLP),
    ("teacher", {"targets": "values", "noise": 0.3}, mlp.Shape(width=8, loss="squared")),
    ("parity", SMALL_PARITY, mlp.Shape(width=8, inputs=16, outputs=2)),
    ("patterns", {}, IMAGES),
    ("markov", {"codes": 16, "order": 2}, CODES),
]
IDS = ["labels", "values", "parity", "patterns", "markov"]


def leaves(examples):
    return examples if isinstance(examples, tuple) else (examples,)


def first_chunk(data, shape, **given):
    return next(data.batches(shape, **{"batch": 4, "seed": 0, "chunk": 3, **given}))


@pytest.mark.parametrize(("kind", "settings", "shape"), CASES, ids=IDS)
def test_generated_data_follow_their_seeds(kind, settings, shape):
    data, again = K[kind](**settings).load(), K[kind](**settings).load()
    other = K[kind](**settings, task_seed=1).load()
    data.require(shape)
    ids, examples = first_chunk(data, shape)
    assert ids.shape == (3, 4)
    assert all(part.shape[:2] == (3, 4) for part in leaves(examples))
    for one, same in zip(leaves(examples), leaves(first_chunk(again, shape)[1]), strict=True):
        np.testing.assert_array_equal(one, same)
    assert not np.array_equal(leaves(examples)[0], leaves(first_chunk(data, shape, seed=1)[1])[0])
    held = leaves(data.held_out(shape, count=5))
    assert all(len(part) == 5 for part in held)
    for one, same in zip(held, leaves(data.held_out(shape, count=5)), strict=True):
        np.testing.assert_array_equal(one, same)
    assert data.sha256 == again.sha256 != other.sha256
    assert data.size(shape) == 0


@pytest.mark.parametrize(("kind", "settings", "shape"), CASES[:4], ids=IDS[:4])
def test_a_finite_set_is_the_beginning_of_a_larger_one(kind, settings, shape):
    small, large = (K[kind](**settings, subset=subset).load() for subset in (24, 300))
    assert (small.size(shape), large.size(shape)) == (24, 300)
    stream = small.batches(shape, batch=4, seed=3, chunk=3)
    seen = {
        int(index): part
        for ids, (part, _) in islice(stream, 2)
        for index, part in zip(ids.ravel(), part.reshape(24 // 2, *part.shape[2:]), strict=True)
    }
    assert sorted(seen) == list(range(24))
    ids, (inputs, _) = next(large.batches(shape, batch=30, seed=1, chunk=10))
    whole = dict(zip(ids.ravel().tolist(), inputs.reshape(300, *inputs.shape[2:]), strict=True))
    for index, part in seen.items():
        np.testing.assert_array_equal(part, whole[index])
    tracker = small.tracker(shape)
    tracker.add(np.array([[1, 2], [2, 5]]))
    assert tracker.unique == 3
    for one, other in zip(small.held_out(shape, count=9), large.held_out(shape, count=9), strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_pass_holds_every_id_once():
    stream = np.concatenate([ids.ravel() for ids in islice(shuffled(10, batch=3, seed=0, chunk=2), 10)])
    passes = stream.reshape(6, 10)
    assert all(sorted(each) == list(range(10)) for each in passes.tolist())
    assert len({tuple(each) for each in passes.tolist()}) == 6


# --- teachers


def test_noise_of_a_teacher_is_what_it_says():
    shape = mlp.Shape(width=8, inputs=8, outputs=5)
    clean, noisy = (K["teacher"](noise=noise).load() for noise in (0.0, 0.25))
    labels, replaced = (data.held_out(shape, count=8192)[1] for data in (clean, noisy))
    assert np.mean(labels != replaced) == pytest.approx(0.25 * 4 / 5, abs=0.015)
    assert np.bincount(labels, minlength=5).min() > 8192 / 5 / 4
    right, wrong = 0.75 + 0.05, 0.05
    assert noisy.floor(shape) == pytest.approx(-right * math.log(right) - 4 * wrong * math.log(wrong))
    assert clean.floor(shape) == 0.0
    shape = mlp.Shape(width=8, inputs=8, outputs=5, loss="squared")
    clean, noisy = (K["teacher"](targets="values", noise=noise).load() for noise in (0.0, 0.5))
    values, moved = (data.held_out(shape, count=8192)[1] for data in (clean, noisy))
    np.testing.assert_allclose(values.std(axis=0), 1.0, atol=0.05)
    assert np.mean((moved - values) ** 2) == pytest.approx(noisy.floor(shape), rel=0.03)
    assert noisy.unit == "squared error"


# --- parities


def test_parities_are_those_of_their_bits_and_tasks_are_zipfian():
    spec = K["parity"](tasks=5, bits=9, parity_bits=2, alpha=0.5)
    data, shape = spec.load(), mlp.Shape(width=8, inputs=14, outputs=2)
    inputs, labels = data.held_out(shape, count=6000)
    tasks = inputs[:, :5].argmax(axis=1)
    assert np.all(inputs[:, :5].sum(axis=1) == 1)
    chosen = parity.bits_of(spec)
    for row, task, label in zip(inputs[:200], tasks, labels, strict=False):
        assert label == int(sum(row[5 + bit] for bit in chosen[task])) % 2
    shares = np.bincount(tasks, minlength=5) / 6000
    np.testing.assert_allclose(shares, data.frequencies, atol=0.02)
    assert data.frequencies[1] / data.frequencies[0] == pytest.approx(2**-1.5)
    assert data.loss_with(0) == pytest.approx(math.log(2))
    assert data.loss_with(5) == 0.0


# --- chains


@pytest.mark.parametrize("order", [1, 2])
def test_the_entropy_of_a_chain_is_the_measured_one(order):
    spec = K["markov"](codes=12, order=order, successors=4, zipf=1.3)
    data, shape = spec.load(), transformer.Shape(width=8, context=60, vocab=12)
    windows = data.held_out(shape, count=3000).astype(int)
    made = markov.chain(spec)
    contexts = windows[:, 1:-1] if order == 1 else windows[:, :-2] * 12 + windows[:, 1:-1]
    pairs = np.bincount((contexts * 12 + windows[:, 2:]).ravel(), minlength=12 ** (order + 1)).reshape(-1, 12)
    given = pairs / np.maximum(pairs.sum(axis=1, keepdims=True), 1)
    measured = -np.sum(pairs * np.log(np.where(given > 0, given, 1))) / pairs.sum()
    assert measured == pytest.approx(data.entropy_rate, rel=0.01)
    np.testing.assert_allclose(pairs.sum(axis=1) / pairs.sum(), made.stationary, atol=0.004)
    assert {np.count_nonzero(row) for row in pairs} <= set(range(5))
    first = np.bincount((windows[:, 0] * 12 + windows[:, 1]), minlength=144).reshape(12, 12) / 3000
    given = first / np.maximum(first.sum(axis=1, keepdims=True), 1e-9)
    opening = -np.sum(first * np.log(np.where(given > 0, given, 1)))
    assert data.floor(shape) * 60 - 59 * data.entropy_rate == pytest.approx(opening, abs=0.05)
    assert made.stationary.sum() == pytest.approx(1.0)


def test_a_finite_text_is_a_walk_of_the_chain():
    short, long = (K["markov"](codes=300, order=1, successors=3, subset=subset) for subset in (40, 5000))
    codes = markov.text(long)
    np.testing.assert_array_equal(codes[:40], markov.text(short))
    assert codes.dtype == np.uint16
    table = markov.chain(long).table
    assert all(after in table[before] for before, after in zip(codes[:-1].tolist(), codes[1:].tolist(), strict=True))
    shape = transformer.Shape(width=8, context=10, vocab=300)
    data = long.load()
    starts, windows = first_chunk(data, shape)
    np.testing.assert_array_equal(windows[1, 2], codes[starts[1, 2] :][:11])
    tracker = data.tracker(shape)
    tracker.add(np.array([0, 5]))
    assert tracker.unique == 15
    assert data.size(shape) == 4999
    with pytest.raises(DataError, match="too few for one window"):
        short.load().require(transformer.Shape(width=8, context=40, vocab=300))


# --- images


def test_patterns_are_the_same_scene_at_every_resolution():
    data = K["patterns"](noise=0.0).load()
    fine, labels = data.held_out(resnet.Shape(width=4, resolution=64), count=20)
    coarse, same = data.held_out(resnet.Shape(width=4, resolution=32), count=20)
    np.testing.assert_array_equal(labels, same)
    pooled = fine.reshape(20, 32, 2, 32, 2, 1).mean(axis=(2, 4))
    assert np.corrcoef(pooled.ravel(), coarse.ravel())[0, 1] > 0.98
    assert 0.1 < fine.std() < 3
    noisy, _ = K["patterns"](noise=0.5).load().held_out(resnet.Shape(width=4, resolution=64), count=20)
    assert np.std(noisy - fine) == pytest.approx(0.5, rel=0.02)
    assert data.held_out(resnet.Shape(width=4, channels=3), count=2)[0].shape == (2, 8, 8, 3)


def test_digits_are_split_once():
    data = load_corpus(K["digits"]())
    assert (len(data.images), len(data.held_images)) == (1498, 299)
    whole, labels = digits_module._bundled()
    both = np.concatenate([data.images, data.held_images]).reshape(1797, -1)
    np.testing.assert_array_equal(np.unique(both, axis=0), np.unique(whole.reshape(1797, -1), axis=0))
    assert np.array_equal(np.bincount(labels), np.bincount(np.concatenate([data.labels, data.held_labels])))
    few = K["digits"](subset=100).load()
    np.testing.assert_array_equal(few.images, data.images[:100])
    np.testing.assert_array_equal(few.held_images, data.held_images)
    assert few.sha256 != data.sha256
    assert (few.size(IMAGES), data.size(IMAGES)) == (100, 1498)
    images, held_labels = data.held_out(IMAGES, count=4096)
    assert images.shape == (299, 8, 8, 1)
    assert (images.min(), images.max()) == (-1.0, 1.0)
    np.testing.assert_array_equal(held_labels, data.held_labels)
    flat = K["digits"](flat=True).load()
    vectors, _ = flat.held_out(mlp.Shape(width=8, inputs=64), count=3)
    np.testing.assert_array_equal(vectors, images[:3].reshape(3, 64))
    with pytest.raises(ConfigError, match="more than the 1498 training images"):
        K["digits"](subset=1500).load()


def test_resizing_keeps_lines_straight():
    ramp = np.add.outer(2.0 * np.arange(8), np.arange(8))[None]
    finer = digits_module.resized(ramp, 16)
    np.testing.assert_allclose(np.diff(finer[0, 2:-2, 5]), 1.0)
    np.testing.assert_allclose(np.diff(finer[0, 5, 2:-2]), 0.5)
    np.testing.assert_array_equal(digits_module.resized(ramp, 16, how="nearest"), ramp.repeat(2, 1).repeat(2, 2))
    assert digits_module.resized(ramp, 4).shape == (1, 4, 4)
    assert digits_module.resized(ramp, 8) is ramp


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    digits_module._bundled.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ConfigError) as caught:
        K["digits"]().load()
    assert caught.value.hint == "pip install scikit-learn"
    digits_module._bundled.cache_clear()


# --- what fits


@pytest.mark.parametrize(
    ("kind", "settings", "shape", "path", "words"),
    [
        ("digits", {}, MLP, "corpus.kind", "use the family resnet or vit, or data of kind digits or parity or teacher"),
        ("markov", {}, IMAGES, "corpus.kind", "use the family moe or transformer, or data of kind digits or patterns"),
        ("patterns", {}, CODES, "corpus.kind", "or data of kind folder or markov or stdlib"),
        ("stdlib", {}, MLP, "corpus.kind", "gives codes, the family takes vectors"),
        ("digits", {}, vit.Shape(width=8, channels=3), "model.channels", "use 1"),
        ("digits", {}, vit.Shape(width=8, classes=9), "model.classes", "use 10"),
        ("digits", {"flat": True}, mlp.Shape(width=8, inputs=63), "model.inputs", "use 64"),
        ("markov", {}, CODES, "model.vocab", "use 64"),
        ("parity", {}, MLP, "model.inputs", "use 130"),
        ("teacher", {}, mlp.Shape(width=8, loss="squared"), "model.loss", "cross_entropy"),
        ("teacher", {"targets": "values"}, MLP, "model.loss", "squared"),
    ],
)
def test_data_that_do_not_fit_are_refused_with_what_would(kind, settings, shape, path, words):
    with pytest.raises(ConfigError) as caught:
        load_corpus(K[kind](kind=kind, **settings)).require(shape)
    assert caught.value.path == path
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "settings", "path"),
    [
        ("teacher", {"targets": "both"}, "corpus.targets"),
        ("teacher", {"noise": 1.5}, "corpus.noise"),
        ("teacher", {"layers": 0}, "corpus.layers"),
        ("parity", {"parity_bits": 31}, "corpus.parity_bits"),
        ("markov", {"order": 3}, "corpus.order"),
        ("markov", {"successors": 65}, "corpus.successors"),
        ("markov", {"codes": 400, "order": 2}, "corpus.codes"),
        ("patterns", {"noise": -1.0}, "corpus.noise"),
        ("patterns", {"subset": -1}, "corpus.subset"),
        ("digits", {"withhold": 1}, "corpus.withhold"),
        ("digits", {"resize": "cubic"}, "corpus.resize"),
    ],
)
def test_impossible_declarations_name_the_key(kind, settings, path):
    with pytest.raises(ConfigError) as caught:
        K[kind](**settings)
    assert caught.value.path == path


# --- training

TRAINED = [
    ("mlp", mlp.Shape(width=32, depth=1), K["teacher"]()),
    ("mlp", mlp.Shape(16, 2, 4, 2, residual_blocks=True, loss="squared"), K["teacher"](targets="values", subset=200)),
    ("moe", moe.Shape(16, 1, context=8, vocab=16, experts=4, mlp_ratio=1), K["markov"](codes=16, successors=2)),
    ("transformer", transformer.Shape(16, 1, context=8, vocab=16), K["markov"](codes=16, successors=2, subset=2000)),
    ("resnet", resnet.Shape(width=8, stages=1, resolution=8), K["patterns"](noise=0.1)),
    ("vit", vit.Shape(width=16, depth=1), K["digits"]()),
]


@pytest.mark.parametrize(("name", "shape", "corpus"), TRAINED, ids=[f"{t[0]}-{t[2].kind}" for t in TRAINED])
def test_families_learn_from_the_data_that_they_take(name, shape, corpus):
    spec = RunSpec(
        shape=shape,
        steps=64,
        batch=16,
        family=name,
        corpus=corpus,
        optimizer=Optimizer(lr_embed=1e-2, lr_hidden=1e-2, lr_head=1e-2, base_width=shape.width),
        evaluation=Evaluation(windows=64, curve_windows=64, curve_points=0),
    )
    data = load_corpus(corpus)
    record = train_run(spec, data)
    assert record.status == "finished", record.message
    assert record.loss < 0.93 * record.initial_loss
    assert record.loss > (data.floor(shape) if hasattr(data, "floor") else 0.0)
    assert record.corpus_sha256 == data.sha256
    assert 0 < record.unique_tokens <= spec.tokens
    assert data.size(shape) == 0 or record.unique_tokens <= data.size(shape)
    told = {**identity(spec), "group": ""}
    assert spec_from_json(told).run == spec.run
