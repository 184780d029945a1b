"""Train planned runs, evaluate them, and say what came of each.

Importing this module needs no JAX; training does. ``tenfold.ladder.sweep`` runs it in worker processes of one thread.

``train_runs`` takes runs that share a program: one run, several that differ in seed and rates and are trained side by
side in one program, or several lengths of one ``wsd`` recipe, which share the steps before their cooldowns. A run that
shared a trunk is, bit for bit, the run that it would have been alone.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.ladder import checkpoints, observe
from tenfold.ladder.corpora import Dataset, Tracker
from tenfold.ladder.jobs import fork_step
from tenfold.ladder.lazy import jax
from tenfold.ladder.models import Model, key, model_of
from tenfold.ladder.records import Checkpoint, RunRecord, peak_hidden_rate
from tenfold.ladder.schedule import factors, warm_steps
from tenfold.ladder.spec import RunSpec
from tenfold.ladder.stepper import CHUNK, evaluate, initializer, program, rates, stepper

_WAITS = 0.5

Progress = Callable[[float, float], None]
"""Called with the share that is done and the latest training loss, at most twice a second."""


class _Diverged(Exception):
    """The run cannot be finished; the message says why."""


@dataclass
class _State:
    """A run in flight, after ``step`` steps."""

    arrays: Any
    tracker: Tracker
    step: int = 0
    curve: list[Checkpoint] = field(default_factory=list)
    initial: float | None = None
    seconds: float = 0.0


def train_run(
    spec: RunSpec, data: Dataset, *, on_progress: Progress | None = None, folder: Path | None = None
) -> RunRecord:
    """Train one model and evaluate it on the withheld examples.

    Args:
        spec: the run.
        data: what ``spec.corpus`` names, or anything like it; its hash is recorded.
        on_progress: see ``Progress``.
        folder: where to keep a checkpoint of the run in flight; None: nowhere.

    Returns:
        A record whose status is ``finished``, or ``diverged`` when the loss became undefined or ended
        above its value before training. Other errors are raised.
    """
    return next(train_runs([spec], data, on_progress=on_progress, folder=folder))


def train_runs(
    specs: Sequence[RunSpec],
    data: Dataset,
    *,
    on_progress: Progress | None = None,
    folder: Path | None = None,
) -> Iterator[RunRecord]:
    """Train runs that share a program, see ``tenfold.ladder.jobs``; records come as runs end."""
    for spec in specs:
        data.require(spec.shape)
    if len({spec.steps for spec in specs}) == len(specs):
        yield from _Trunk(specs, data, on_progress, folder).records()
    else:
        from tenfold.ladder.members import train_members

        yield from train_members(specs, data, on_progress=on_progress)


def checkpoint_steps(steps: int, points: int, *, chunk: int = CHUNK) -> tuple[int, ...]:
    """Log-spaced steps at which to evaluate on the way: multiples of ``chunk`` below ``steps``."""
    if points < 1 or steps <= chunk:
        return ()
    spaced = np.geomspace(chunk, steps, points + 1)[:-1]
    rounded = {round(float(step) / chunk) * chunk for step in spaced}
    return tuple(sorted(step for step in rounded if chunk <= step < steps))


def weights_of(arrays: Any) -> Any:
    """The weights to evaluate: averaged ones where there are some."""
    weights, _, average = arrays
    return weights if average is None else average


class _Trunk:
    """Runs of several lengths that share their early steps; most often one run."""

    def __init__(
        self, specs: Sequence[RunSpec], data: Dataset, on_progress: Progress | None, folder: Path | None
    ) -> None:
        self.specs = sorted(specs, key=lambda spec: spec.steps)
        self.longest = self.specs[-1]
        self.data, self.tell, self.folder = data, on_progress, folder
        self.model: Model = model_of(self.longest)
        self.run_chunk, self.start = stepper(program(self.model))
        self.peak = rates(self.model)
        evaluation = self.longest.evaluation
        self.small = data.held_out(self.longest.shape, count=evaluation.curve_windows)
        self.large = data.held_out(self.longest.shape, count=evaluation.windows)
        self.told = self.saved = time.perf_counter()
        self.done = 0
        starts = [0] + [fork_step(spec) for spec in self.specs[:-1]]
        self.total = self.longest.steps + sum(
            spec.steps - start for spec, start in zip(self.specs[:-1], starts[1:], strict=True)
        )

    def records(self) -> Iterator[RunRecord]:
        """Train; the shorter runs leave the trunk at the start of their cooldown."""
        state = self._begin()
        for spec in self.specs[:-1]:
            problem = self._advance(state, self.longest, until=fork_step(spec))
            if problem:
                yield from (self._record(each, state, problem) for each in self.specs[self.specs.index(spec) :])
                return
            branch = _State(
                jax.tree.map(lambda x: x.copy(), state.arrays), deepcopy(state.tracker), state.step, list(state.curve),
                state.initial, state.seconds,
            )  # fmt: skip
            yield self._finish(branch, spec)
        yield self._finish(state, self.longest)

    def _begin(self) -> _State:
        """The state before the first step, or the one that was saved when the process was killed."""
        saved = checkpoints.load(self.folder, self.longest, self.data.sha256)
        blank = _State(None, self.data.tracker(self.longest.shape))
        began = time.perf_counter()
        weights = initializer(program(self.model))(key(self.longest.seed))
        blank.arrays = self.start(weights)
        if saved is not None and saved.step <= min([fork_step(spec) for spec in self.specs[:-1]] or [saved.step]):
            leaves = [jax.numpy.asarray(leaf) for leaf in saved.leaves]
            blank.arrays = jax.tree.unflatten(jax.tree.structure(blank.arrays), leaves)
            blank.step, blank.initial, blank.seconds = saved.step, saved.initial, saved.seconds
            blank.curve = [Checkpoint(**point) for point in saved.curve]
            for ids, _ in self._feed(0, until=saved.step):
                blank.tracker.add(ids)
            self.done = saved.step
        else:
            blank.initial = float(evaluate(self.model, weights_of(blank.arrays), self.small))
        blank.seconds += time.perf_counter() - began
        return blank

    def _finish(self, state: _State, spec: RunSpec) -> RunRecord:
        """Train to the end of ``spec``, evaluate, and write the record."""
        problem = self._advance(state, spec, until=spec.steps)
        return self._record(spec, state, problem)

    def _advance(self, state: _State, spec: RunSpec, *, until: int) -> str:
        """Train to step ``until``; what went wrong, or nothing."""
        began = time.perf_counter()
        try:
            self._steps(state, spec, until)
        except _Diverged as diverged:
            return str(diverged)
        finally:
            state.seconds += time.perf_counter() - began
        return ""

    def _steps(self, state: _State, spec: RunSpec, until: int) -> None:
        lengths = self.specs if spec is self.longest else [spec]
        due = {step for each in lengths for step in checkpoint_steps(each.steps, each.evaluation.curve_points)}
        for ids, examples in self._feed(state.step, until=until):
            used = min(CHUNK, until - state.step)
            state.tracker.add(ids[:used])
            scale = factors(spec.optimizer, steps=np.arange(state.step, state.step + CHUNK), total=spec.steps)
            state.arrays, losses = self.run_chunk(state.arrays, examples, scale.astype(np.float32), self.peak)
            state.step += used
            self.done += used
            latest = float(np.mean(np.asarray(losses)[:used]))
            if not np.isfinite(latest):
                raise _Diverged(f"the training loss became {latest} before step {state.step} of {spec.steps}")
            if state.step in due:
                self._look(state, spec, factor=float(scale[used - 1]))
            self._report(state, spec, latest)

    def _feed(self, first: int, *, until: int) -> Iterator[tuple[np.ndarray, Any]]:
        """Chunks of training examples from step ``first`` on, the same ones whoever asks."""
        spec = self.longest
        stream = self.data.batches(spec.shape, batch=spec.batch, seed=spec.seed, chunk=CHUNK)
        for place in range(-(-until // CHUNK)):
            chunk = next(stream)
            if place >= first // CHUNK:
                yield chunk

    def _look(self, state: _State, spec: RunSpec, *, factor: float) -> None:
        """Evaluate in the middle of a run."""
        weights = weights_of(state.arrays)
        loss = float(evaluate(self.model, weights, self.small))
        if state.step > warm_steps(spec.optimizer, total=spec.steps) or not np.isfinite(loss):
            _require_descent(loss, state.initial, where=f"at step {state.step} of {spec.steps}")
        tokens = state.step * spec.batch_tokens
        noise = observe.noise_scale(self.model, weights, self.data, spec) if spec.evaluation.noise else None
        state.curve.append(
            Checkpoint(
                step=state.step,
                tokens=tokens,
                flops=float(tokens * self.model.count().flops),
                lr=peak_hidden_rate(spec) * factor,
                loss=loss,
                noise_scale=noise,
            )
        )

    def _report(self, state: _State, spec: RunSpec, latest: float) -> None:
        """Tell the caller, and save the trunk now and then."""
        now = time.perf_counter()
        if self.tell is not None and (self.done >= self.total or now - self.told > _WAITS):
            self.told = now
            self.tell(min(1.0, self.done / self.total), latest)
        if self.folder is not None and spec is self.longest and now - self.saved > checkpoints.SECONDS:
            if state.step < spec.steps:
                checkpoints.save(
                    self.folder, spec, self.data.sha256, leaves=jax.tree.leaves(state.arrays), step=state.step,
                    initial=state.initial, curve=state.curve, seconds=state.seconds + now - self.saved,
                )  # fmt: skip
            self.saved = time.perf_counter()

    def _record(self, spec: RunSpec, state: _State, problem: str) -> RunRecord:
        """What came of one run."""
        loss, layers = None, ()
        if not problem:
            began = time.perf_counter()
            weights = weights_of(state.arrays)
            loss = float(evaluate(self.model, weights, self.large))
            try:
                _require_descent(loss, state.initial, where="after the last step")
            except _Diverged as diverged:
                loss, problem = None, str(diverged)
            if spec.evaluation.layers:
                layers = observe.layers(self.model, weights, self.small)
            state.seconds += time.perf_counter() - began
        due = set(checkpoint_steps(spec.steps, spec.evaluation.curve_points))
        return RunRecord(
            spec=spec,
            status="diverged" if problem else "finished",
            loss=loss,
            curve=tuple(point for point in state.curve if point.step in due),
            seconds=round(state.seconds, 3),
            unique_tokens=state.tracker.unique,
            corpus_sha256=self.data.sha256,
            initial_loss=state.initial,
            message=problem,
            versions=versions(),
            layers=layers,
        )


def versions() -> dict[str, str]:
    """Python, NumPy and JAX, and the accelerator if there is one, as far as they decide the numbers."""
    found = {"python": platform.python_version(), "numpy": np.__version__, "jax": version("jax")}
    device = jax.devices()[0]
    return found if device.platform == "cpu" else {**found, "device": str(device.device_kind)}


def _require_descent(loss: float, initial: float | None, *, where: str) -> None:
    """Raise unless ``loss`` is defined and not above its value before training."""
    if not np.isfinite(loss) or (initial is not None and loss > initial):
        raise _Diverged(f"the loss was {loss:.4g} {where}, {initial:.4g} before training")
