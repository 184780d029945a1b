"""Runs that share a trunk or a program, schedules, averages, precision, and runs that were cut off."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib import import_module

import jax
import numpy as np
import pytest

from tenfold.core.errors import ConfigError
from tenfold.ladder import checkpoints, observe, stepper
from tenfold.ladder.growth import width_for
from tenfold.ladder.jobs import CHUNK, fork_step, plan_jobs, shares_trunk
from tenfold.ladder.ladder import BatchRule, Ladder, Row, cells, lr_for_batch, plan_run
from tenfold.ladder.models import count, key, model_of
from tenfold.ladder.records import append_record, recover_records
from tenfold.ladder.schedule import cooldown_start, factors
from tenfold.ladder.spec import Evaluation, Optimizer, Shape
from tenfold.ladder.sweep import train as train_ladder

train = import_module("tenfold.ladder.train")

WSD = Optimizer(schedule="wsd", warmup_steps=8, cooldown=0.25, base_depth=1, base_width=8)


def plain(record):
    """A record without its seconds, which no two runs share."""
    return replace(record, seconds=0.0)


# --- schedules ------------------------------------------------------------------------------------------------------------


def test_custom_schedules_join_their_points():
    settings = Optimizer(schedule="custom", custom=(1.0, 0.5, 0.5, 0.0), warmup=0.0)
    found = factors(settings, steps=np.arange(12), total=12)
    wanted = np.interp((np.arange(12) + 0.5) / 12, [0, 1 / 3, 2 / 3, 1], [1, 0.5, 0.5, 0])
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert factors(settings, steps=np.arange(12, 16), total=12).tolist() == [0.0] * 4
    with pytest.raises(ConfigError, match="points"):
        Optimizer(schedule="custom")


@pytest.mark.parametrize("name", ["linear", "cosine", "wsd", "constant"])
def test_a_warm_up_in_steps_is_the_same_for_every_length(name):
    """It takes the place of the share, and multiplies whatever the schedule says."""
    settings = Optimizer(schedule=name, warmup=0.5, warmup_steps=10, cooldown=0.25)
    bare = replace(settings, warmup=0.0, warmup_steps=0)
    for total in (40, 4000):
        steps = np.arange(12)
        ramp = np.minimum(1.0, (steps + 0.5) / 10)
        np.testing.assert_allclose(
            factors(settings, steps=steps, total=total), ramp * factors(bare, steps=steps, total=total), rtol=1e-12
        )


@pytest.mark.parametrize("total", [33, 64, 100, 129, 1000])
@pytest.mark.parametrize("cooldown", [0.1, 0.25, 0.4, 1.0])
def test_the_cooldown_starts_where_the_factor_falls(total, cooldown):
    settings = replace(WSD, cooldown=cooldown, warmup_steps=0, warmup=0.0)
    values = factors(settings, steps=np.arange(total), total=total)
    assert cooldown_start(settings, total=total) == int(np.argmax(values < 1.0))
    spec = plan_run(Ladder(rows=(), optimizer=settings), 8, tokens=total * 256)
    assert fork_step(spec) % CHUNK == 0
    assert fork_step(spec) <= cooldown_start(settings, total=spec.steps) < fork_step(spec) + CHUNK or fork_step(spec) == 0


# --- one trunk, several lengths -------------------------------------------------------------------------------------------


def test_branches_of_a_trunk_are_the_runs_they_would_have_been_alone(spec, corpus):
    """Bit for bit: losses, curves, tokens seen. Averages too, which are part of the state."""
    specs = [replace(spec, steps=steps, optimizer=replace(WSD, average=0.9)) for steps in (140, 70, 100)]
    (job,) = plan_jobs(specs)
    assert set(job) == set(specs)
    together = {record.run: plain(record) for record in train.train_runs(job, corpus)}
    alone = {record.run: plain(record) for record in (train.train_run(each, corpus) for each in specs)}
    assert together == alone
    assert all(record.status == "finished" for record in together.values())
    assert len({record.loss for record in together.values()}) == 3
    assert [fork_step(each) for each in specs] == [96, 32, 64]


def test_what_may_share_a_trunk(spec):
    """One recipe with a warm-up in steps, whatever the length; nothing else."""
    runs = [replace(spec, steps=steps, optimizer=WSD) for steps in (70, 140)]
    assert shares_trunk(runs[0])
    for change in ({"schedule": "linear"}, {"warmup_steps": 0}):
        assert not shares_trunk(replace(spec, optimizer=replace(WSD, **change)))
    others = [replace(runs[0], seed=1), replace(runs[0], batch=8), replace(runs[0], optimizer=replace(WSD, lr_scale=2.0))]
    assert [len(job) for job in plan_jobs(runs + others)] == [2, 1, 1, 1]
    assert sorted(spec.run for job in plan_jobs(runs + others) for spec in job) == sorted(s.run for s in runs + others)


# --- one program, several members ------------------------------------------------------------------------------------------


def test_members_agree_with_single_runs(spec, corpus):
    """Seeds and rates in one program; sums in another order, so 1e-4 of the loss after 70 steps."""
    settings = Optimizer(base_width=8, base_depth=1)
    specs = [
        replace(spec, seed=seed, optimizer=replace(settings, lr_scale=scale))
        for seed, scale in ((0, 1.0), (1, 1.0), (0, 0.5))
    ]
    (job,) = plan_jobs(specs, members=4)
    assert job == tuple(specs)
    together = list(train.train_runs(job, corpus))
    for one, other in zip(together, (train.train_run(each, corpus) for each in specs), strict=True):
        assert one.spec == other.spec
        assert one.loss == pytest.approx(other.loss, rel=1e-4)
        assert one.initial_loss == pytest.approx(other.initial_loss, rel=1e-6)
        assert (one.status, one.unique_tokens, one.corpus_sha256) == (
            other.status,
            other.unique_tokens,
            other.corpus_sha256,
        )
        assert [(p.step, p.tokens, p.flops, p.lr) for p in one.curve] == [
            (p.step, p.tokens, p.flops, p.lr) for p in other.curve
        ]
        np.testing.assert_allclose([p.loss for p in one.curve], [p.loss for p in other.curve], rtol=1e-4)
    assert len({record.loss for record in together}) == 3


def test_one_member_that_explodes_does_not_stop_the_others(spec, corpus):
    settings = Optimizer(base_width=8, base_depth=1)
    specs = [replace(spec, optimizer=replace(settings, lr_scale=scale)) for scale in (1.0, 1e30)]
    fine, broken = train.train_runs(specs, corpus)
    assert (fine.status, broken.status) == ("finished", "diverged")
    assert fine.loss < fine.initial_loss
    assert broken.loss is None
    assert broken.message


def test_members_are_of_one_shape_length_and_recipe(spec):
    seeds = [replace(spec, seed=seed) for seed in range(5)]
    assert [len(job) for job in plan_jobs(seeds, members=2)] == [2, 2, 1]
    assert [len(job) for job in plan_jobs(seeds, members=1)] == [1] * 5
    mixed = [
        *seeds[:2],
        replace(spec, steps=80),
        replace(spec, optimizer=Optimizer(b2=0.9)),
        replace(spec, shape=Shape(width=16)),
    ]
    assert [len(job) for job in plan_jobs(mixed, members=8)] == [2, 1, 1, 1]
    watched = [replace(each, evaluation=replace(each.evaluation, layers=True)) for each in seeds]
    noisy = [replace(each, evaluation=replace(each.evaluation, noise=True)) for each in seeds]
    assert all(len(job) == 1 for job in plan_jobs(watched + noisy, members=8)), "members record neither layers nor noise"


# --- averages, z-loss, precision --------------------------------------------------------------------------------------------


def test_the_evaluated_average_is_the_exponential_one(spec, corpus):
    """a <- 0.9 a + 0.1 w after every step, from the initial weights; evaluated instead of the weights."""
    settings = Optimizer(base_width=8, base_depth=1, average=0.9)
    model = model_of(replace(spec, optimizer=settings))
    run, start = stepper.stepper(stepper.program(model))
    state = start(model.init(key(0)))
    wanted = {name: np.asarray(value, dtype=np.float64) for name, value in state[0].items()}
    _, examples = next(corpus.batches(spec.shape, batch=4, seed=0, chunk=CHUNK))
    for step in range(3):
        only = np.zeros(CHUNK, np.float32)
        only[0] = 1.0
        state, _ = run(state, np.roll(examples, -step, axis=0), only, stepper.rates(model))
        wanted = {name: 0.9 * value + 0.1 * np.asarray(state[0][name]) for name, value in wanted.items()}
    weights, _, average = state
    for name, value in wanted.items():
        np.testing.assert_allclose(average[name], value, rtol=1e-5, atol=1e-6)
    assert train.weights_of(state) is average
    assert train.weights_of((weights, None, None)) is weights


def test_z_loss_adds_the_squared_normaliser_to_what_is_trained_only(spec, corpus):
    model = model_of(replace(spec, optimizer=Optimizer(base_width=8, base_depth=1, z_loss=0.01)))
    bare = model_of(replace(spec, optimizer=Optimizer(base_width=8, base_depth=1)))
    draw = np.random.default_rng(0)
    weights = {name: (0.3 * draw.normal(size=each.size)).astype(np.float32) for name, each in model.tensors.items()}
    windows = corpus.held_out(spec.shape, count=4)
    logits = np.asarray(model.apply(weights, windows[:, :-1].astype(np.int32)), dtype=np.float64)
    wanted = 0.01 * np.mean(np.log(np.exp(logits).sum(axis=0)) ** 2)
    added = float(stepper.mean_loss(model, weights, windows)) - float(stepper.mean_loss(bare, weights, windows))
    # a difference of losses near 5 in float32
    assert added == pytest.approx(wanted, abs=5e-6)
    assert float(stepper.evaluate(model, weights, windows)) == float(stepper.evaluate(bare, weights, windows))


def test_bfloat16_trains_with_float32_weights(spec, corpus):
    """Eight bits of mantissa move the final loss by a few hundredths at most here; the weights keep float32."""
    settings = Optimizer(base_width=8, base_depth=1)
    full, half = (
        train.train_run(replace(spec, optimizer=replace(settings, precision=name)), corpus)
        for name in ("float32", "bfloat16")
    )
    assert half.status == "finished"
    assert half.loss == pytest.approx(full.loss, rel=0.03)
    assert half.loss != full.loss
    model = model_of(half.spec)
    weights = model.init(key(0))
    gradient = jax.grad(lambda w: stepper.mean_loss(model, w, corpus.held_out(spec.shape, count=2)))(weights)
    assert {leaf.dtype for leaf in jax.tree.leaves(gradient)} == {np.dtype("float32")}


# --- runs that were cut off --------------------------------------------------------------------------------------------------


class Cut(Exception):
    """What a test stops a run with."""


@pytest.fixture
def eager(monkeypatch):
    """Save and tell after every chunk."""
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr(train, "_WAITS", 0.0)


def cut_after(share):
    def tell(done, _loss):
        if done > share:
            raise Cut

    return tell


@pytest.mark.parametrize("settings", [Optimizer(), replace(WSD, average=0.9)], ids=["linear", "wsd"])
def test_a_run_goes_on_where_it_was_cut_bit_for_bit(spec, corpus, tmp_path, eager, settings):
    spec = replace(spec, steps=140, optimizer=settings)
    whole = train.train_run(spec, corpus)
    with pytest.raises(Cut):
        train.train_run(spec, corpus, on_progress=cut_after(0.6), folder=tmp_path)
    saved = checkpoints.load(tmp_path, spec, corpus.sha256)
    assert 0 < saved.step < spec.steps
    assert saved.step % CHUNK == 0
    steps = []
    again = train.train_run(spec, corpus, on_progress=lambda done, _: steps.append(round(done * 140)), folder=tmp_path)
    assert plain(again) == plain(whole)
    assert steps[0] == saved.step + CHUNK, "it does not begin anew"


def test_a_trunk_goes_on_where_it_was_cut(spec, corpus, tmp_path, eager):
    """Cut before the first branch leaves: all branches are the same; cut after it, the trunk is begun anew."""
    specs = [replace(spec, steps=steps, optimizer=WSD) for steps in (100, 140)]
    whole = [plain(record) for record in train.train_runs(specs, corpus)]
    for share in (0.2, 0.8):
        with pytest.raises(Cut):
            list(train.train_runs(specs, corpus, on_progress=cut_after(share), folder=tmp_path))
        assert [plain(record) for record in train.train_runs(specs, corpus, folder=tmp_path)] == whole


@pytest.mark.parametrize("harm", ["torn", "empty", "text", "other data", "no field"])
def test_a_checkpoint_that_cannot_be_read_is_ignored(spec, corpus, tmp_path, eager, harm):
    spec = replace(spec, steps=96)
    with pytest.raises(Cut):
        train.train_run(spec, corpus, on_progress=cut_after(0.5), folder=tmp_path)
    path = checkpoints.path_of(tmp_path, spec)
    content = path.read_bytes()
    if harm == "other data":
        assert checkpoints.load(tmp_path, spec, "0" * 64) is None
        return
    if harm == "no field":
        np.savez(path, head=np.array(json.dumps({"step": 32})))
    else:
        path.write_bytes({"torn": content[: len(content) // 2], "empty": b"", "text": b"not a checkpoint"}[harm])
    assert checkpoints.load(tmp_path, spec, corpus.sha256) is None
    if harm == "torn":
        assert plain(train.train_run(spec, corpus, folder=tmp_path)) == plain(train.train_run(spec, corpus))


# --- records ------------------------------------------------------------------------------------------------------------------


def test_corrupted_lines_are_moved_aside_and_named(spec, tmp_path):
    path = tmp_path / "runs.jsonl"
    record = train.RunRecord(spec=spec, status="finished", loss=1.0)
    append_record(path, record)
    with path.open("ab") as file:
        file.write(b"nonsense\n" + b'{"run": "x"}\n' + b"\xff\xfe\n")
    append_record(path, replace(record, spec=replace(spec, seed=1)))
    found, told = recover_records(path)
    assert [each.spec.seed for each in found] == [0, 1]
    assert len(told) == 3
    assert all(
        f"line {number} of" in sentence and "runs.bad.jsonl" in sentence
        for number, sentence in zip((2, 3, 4), told, strict=True)
    )
    assert (tmp_path / "runs.bad.jsonl").read_bytes() == b"nonsense\n" + b'{"run": "x"}\n' + b"\xff\xfe\n"
    assert recover_records(path) == (found, [])


def test_an_edited_ladder_is_refused_and_the_edit_shown(ladder, cache, tmp_path, monkeypatch):
    """Rows and seeds may be added; settings may not change under runs that are there."""
    one = replace(ladder, rows=(ladder.rows[0],))
    (done,) = train_ladder(one, out=tmp_path, workers=1, cache=cache)
    assert done.status == "finished"
    edited = replace(one, optimizer=replace(one.optimizer, b2=0.95), model=replace(one.model, mlp="gelu"))
    with pytest.raises(ConfigError) as told:
        train_ladder(edited, out=tmp_path, workers=1, cache=cache)
    assert "model.mlp: 'relu2' -> 'gelu'" in str(told.value)
    assert "optimizer.b2: 0.98 -> 0.95" in str(told.value)
    assert train_ladder(one, out=tmp_path, workers=1, cache=cache) == [done], "undone, it goes on"


# --- plans ----------------------------------------------------------------------------------------------------------------------


def test_rates_follow_the_batch():
    assert lr_for_batch(1024, base=256, rule="linear") == 4.0
    assert lr_for_batch(1024, base=256, rule="sqrt") == 2.0
    assert lr_for_batch(1024, base=256, rule="none") == 1.0
    # max / (1 + noise / B): linear far below the noise scale, constant far above
    assert lr_for_batch(2, base=1, rule="gns", noise_scale=1e9) == pytest.approx(2.0, rel=1e-8)
    assert lr_for_batch(2e9, base=1e9, rule="gns", noise_scale=1.0) == pytest.approx(1.0, rel=1e-8)
    assert lr_for_batch(300, base=100, rule="gns", noise_scale=100) == pytest.approx(1.5, rel=1e-12)
    with pytest.raises(ConfigError, match="noise scale"):
        lr_for_batch(2, base=1, rule="gns")
    with pytest.raises(ConfigError, match="linear"):
        lr_for_batch(2, base=1, rule="liner")


def test_a_plan_uses_the_batch_rule():
    ladder = Ladder(rows=(), batch=BatchRule(choices=(256, 1024), lr_rule="sqrt", lr_tokens=256))
    scales = [plan_run(ladder, 8, tokens=1e6, settings={"batch_tokens": size}).optimizer.lr_scale for size in (256, 1024)]
    assert scales == [1.0, 2.0]


def test_rows_of_equal_parameters():
    """One width for each depth, the nearest in log; parameters within the step of one head."""
    row = Row(flops=1e12, strategy="isoparam", params=50_000, axes=(("depth", (1, 2, 4, 8)),))
    for spec in cells(Ladder(rows=(row,))):
        size = count(spec.family, spec.shape).hidden
        neighbours = [count(spec.family, replace(spec.shape, width=spec.shape.width + step)).hidden for step in (-8, 8)]
        assert abs(math.log(size / 50_000)) <= min(abs(math.log(each / 50_000)) for each in neighbours)
    assert sorted(spec.shape.depth for spec in cells(Ladder(rows=(row,)))) == [1, 2, 4, 8]
    with pytest.raises(ConfigError, match="params"):
        width_for("transformer", Shape(width=8), 0.0)


def test_rows_that_grow_together():
    row = Row(flops=1e12, strategy="compound", growth=(("width", 2.0), ("depth", 1.5)), phi=(0.0, 1.0, 2.0))
    shapes = {(spec.shape.width, spec.shape.depth) for spec in cells(Ladder(rows=(row,), model=Shape(width=16, depth=2)))}
    assert shapes == {(16, 2), (32, 3), (64, 5)}, "a depth of 4.5 is rounded up"


def test_plans_that_cannot_be():
    with pytest.raises(ConfigError, match="less than one step"):
        plan_run(Ladder(rows=()), 8, tokens=20)
    with pytest.raises(ConfigError, match="3 heads do not divide width 32"):
        plan_run(Ladder(rows=()), 32, tokens=1e6, settings={"heads": 3})
    with pytest.raises(ConfigError, match="multiple of head_dim"):
        plan_run(Ladder(rows=()), 36, tokens=1e6)
    with pytest.raises(ConfigError, match="weight_decay"):
        plan_run(Ladder(rows=()), 8, tokens=1e6, settings={"weight_decy": 0.1})


# --- gradient noise ---------------------------------------------------------------------------------------------------------------


def test_the_noise_scale_of_synthetic_gradients():
    """500 dimensions, batches of 16 and 512, 400 draws: the estimate lies within its own error, 3 %, of the truth.

    One draw of the estimator spreads by about 0.4; 400 of them, averaged before dividing, by 2 %.
    """
    draw = np.random.default_rng(0)
    signal = draw.normal(size=500) / math.sqrt(500)
    spread = np.sqrt(draw.uniform(0.1, 0.3, size=500))
    truth = float(np.sum(spread**2) / np.sum(signal**2))

    def squared(size):
        noise = draw.normal(size=(400, 500)) * spread / math.sqrt(size)
        return float(np.mean(np.sum((signal + noise) ** 2, axis=1)))

    found = observe.simple_noise_scale(squared(16), squared(512), small=16, big=512)
    assert found == pytest.approx(truth, rel=0.05)
    assert observe.simple_noise_scale(1.0, 0.01, small=16, big=512) == math.inf


def test_the_noise_scale_of_a_run_is_recorded(spec, corpus):
    """In codes; from batches of the run's own size. A larger batch must not change it by more than its own error."""
    watched = replace(spec, evaluation=Evaluation(windows=96, curve_windows=64, curve_points=2, noise=True, layers=True))
    record = train.train_run(watched, corpus)
    assert all(point.noise_scale > 0 for point in record.curve)
    assert {row["layer"] for row in record.layers} >= {"embed", "head", "blocks.0.qkv"}
    assert all(row["rms"] >= 0 for row in record.layers)
