"""Runs that differ in seed and rates only, trained side by side in one program."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tenfold.ladder.corpora import Dataset
from tenfold.ladder.lazy import jax, jnp
from tenfold.ladder.models import key, model_of
from tenfold.ladder.records import Checkpoint, RunRecord, peak_hidden_rate
from tenfold.ladder.schedule import factors, warm_steps
from tenfold.ladder.spec import RunSpec
from tenfold.ladder.stepper import CHUNK, evaluate, initializer, program, rates, stepper

if TYPE_CHECKING:
    from tenfold.ladder.train import Progress


def train_members(specs: Sequence[RunSpec], data: Dataset, *, on_progress: Progress | None = None) -> Iterator[RunRecord]:
    """Train all runs of one shape, batch and length at once; a member that diverges does not stop the others.

    Losses agree with those of single runs to rounding; a run's ``seconds`` are its share of the whole.
    """
    from tenfold.ladder.train import checkpoint_steps, versions, weights_of

    began = told = time.perf_counter()
    first = specs[0]
    model = model_of(first)
    run_chunk, start = stepper(program(model), members=True)
    peak = jax.tree.map(lambda *each: jnp.stack(each), *(rates(model_of(spec)) for spec in specs))
    weights = jax.tree.map(
        lambda *each: jnp.stack(each), *(initializer(program(model))(key(spec.seed)) for spec in specs)
    )
    state = start(weights)
    small = data.held_out(first.shape, count=first.evaluation.curve_windows)
    initial = evaluate(model, weights_of(state), small, members=True)
    feeds = [data.batches(first.shape, batch=first.batch, seed=spec.seed, chunk=CHUNK) for spec in specs]
    trackers = [data.tracker(first.shape) for _ in specs]
    curves: list[list[Checkpoint]] = [[] for _ in specs]
    problems = [""] * len(specs)
    due = set(checkpoint_steps(first.steps, first.evaluation.curve_points))
    for step in range(0, first.steps, CHUNK):
        used = min(CHUNK, first.steps - step)
        chunks = [next(feed) for feed in feeds]
        for tracker, (ids, _) in zip(trackers, chunks, strict=True):
            tracker.add(ids[:used])
        examples = jax.tree.map(lambda *each: np.stack(each), *(chunk for _, chunk in chunks))
        scale = factors(first.optimizer, steps=np.arange(step, step + CHUNK), total=first.steps)
        state, losses = run_chunk(state, examples, scale.astype(np.float32), peak)
        latest = np.asarray(losses)[:, :used].mean(axis=1)
        done = step + used
        for place in np.flatnonzero(~np.isfinite(latest)):
            problems[place] = problems[place] or (
                f"the training loss became {latest[place]} before step {done} of {first.steps}"
            )
        if all(problems):
            break
        if done in due:
            values = evaluate(model, weights_of(state), small, members=True)
            _look(curves, problems, specs, values, initial, done, float(scale[used - 1]))
        now = time.perf_counter()
        if on_progress is not None and (done == first.steps or now - told > 0.5):
            told = now
            on_progress(done / first.steps, float(np.nanmean(latest)))
    large = data.held_out(first.shape, count=first.evaluation.windows)
    ends = evaluate(model, weights_of(state), large, members=True)
    share = round((time.perf_counter() - began) / len(specs), 3)
    for place, spec in enumerate(specs):
        loss: float | None = float(ends[place])
        if not problems[place] and not ends[place] <= initial[place]:
            problems[place] = f"the loss was {loss:.4g} after the last step, {initial[place]:.4g} before training"
        yield RunRecord(
            spec=spec,
            status="diverged" if problems[place] else "finished",
            loss=None if problems[place] else loss,
            curve=tuple(curves[place]),
            seconds=share,
            unique_tokens=trackers[place].unique,
            corpus_sha256=data.sha256,
            initial_loss=float(initial[place]),
            message=problems[place],
            versions=versions(),
        )


def _look(
    curves: list[list[Checkpoint]],
    problems: list[str],
    specs: Sequence[RunSpec],
    values: np.ndarray,
    initial: Any,
    step: int,
    factor: float,
) -> None:
    """Add a checkpoint to every member that still trains."""
    for place, spec in enumerate(specs):
        if problems[place]:
            continue
        loss = float(values[place])
        warm = step > warm_steps(spec.optimizer, total=spec.steps)
        if not np.isfinite(loss) or (warm and loss > initial[place]):
            problems[place] = (
                f"the loss was {loss:.4g} at step {step} of {spec.steps}, {initial[place]:.4g} before training"
            )
            continue
        tokens = step * spec.batch_tokens
        flops = float(tokens * model_of(spec).count().flops)
        curves[place].append(Checkpoint(step, tokens, flops, peak_hidden_rate(spec) * factor, loss))
