"""One run: train a model as a ``RunSpec`` says, evaluate it, and say what came of it.

Importing this module imports JAX. ``tenfold.ladder.sweep`` runs it in worker processes of one thread.
"""

import platform
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tenfold.ladder.corpus import Corpus, require_windows
from tenfold.ladder.counting import flops_per_token_matmul
from tenfold.ladder.families import family
from tenfold.ladder.parameterization import peak_rate, rules
from tenfold.ladder.records import Checkpoint, RunRecord, peak_hidden_rate
from tenfold.ladder.schedule import SCHEDULES
from tenfold.ladder.spec import Optimizer, RunSpec, Shape

CHUNK = 32
"""Steps of one compiled scan. One program serves a run of any length: the last chunk's surplus steps
have rate zero."""

EVALUATION_BLOCK = 64
"""Windows evaluated at a time."""

WHOLE = 12
"""Largest batch in windows whose gradient is computed at once. Larger ones run in parts of at most
``PART`` windows, which keeps their activations in a core's second-level cache."""

PART = 4
"""See ``WHOLE``."""

_WAITS = 0.5

Params = Any
"""Weights of a family, a tree of arrays."""

Progress = Callable[[float, float], None]
"""Called with the share of the run that is done and the latest training loss, at most twice a second."""


class _Diverged(Exception):
    """The run cannot be finished; the message says why."""


def train_run(spec: RunSpec, corpus: Corpus, *, on_progress: Progress | None = None) -> RunRecord:
    """Train one model and evaluate it on the withheld windows.

    Args:
        spec: the run.
        corpus: text that ``spec.corpus`` names, or any other; its hash is recorded.
        on_progress: see ``Progress``.

    Returns:
        A record whose status is ``finished``, or ``diverged`` when the loss became undefined or ended
        above its value before training. Other errors are raised.
    """
    require_windows(corpus, context=spec.shape.context)
    began = time.perf_counter()
    seen = np.zeros(len(corpus.train) - spec.shape.context, dtype=bool)
    curve: list[Checkpoint] = []
    initial = loss = None
    status, message = "finished", ""
    try:
        params = _initial(spec)
        initial = evaluate(params, corpus, spec, windows=spec.evaluation.curve_windows)
        params = _train(params, spec, corpus, initial, seen=seen, curve=curve, on_progress=on_progress)
        loss = evaluate(params, corpus, spec, windows=spec.evaluation.windows)
        _require_descent(loss, initial, where="after the last step")
    except _Diverged as diverged:
        status, message, loss = "diverged", str(diverged), None
    return RunRecord(
        spec=spec,
        status=status,
        loss=loss,
        curve=tuple(curve),
        seconds=round(time.perf_counter() - began, 3),
        unique_tokens=_covered(seen, spec.shape.context),
        corpus_sha256=corpus.sha256,
        initial_loss=initial,
        message=message,
        versions={"python": platform.python_version(), "numpy": np.__version__, "jax": version("jax")},
    )


def evaluate(params: Params, corpus: Corpus, spec: RunSpec, *, windows: int) -> float:
    """Nats a code on ``windows`` evenly spaced windows of the withheld text, averaged in float64."""
    context = spec.shape.context
    starts = np.unique(np.linspace(0, len(corpus.withheld) - context - 1, windows).astype(np.int64))
    blocks = -(-len(starts) // EVALUATION_BLOCK)
    padded = np.resize(starts, blocks * EVALUATION_BLOCK)
    codes = sliding_window_view(corpus.withheld, context + 1)[padded]
    losses = _evaluator(spec.family, spec.shape)(params, codes.reshape(blocks, EVALUATION_BLOCK, -1))
    return float(np.mean(np.asarray(losses, dtype=np.float64).ravel()[: len(starts)]))


def checkpoint_steps(steps: int, points: int, *, chunk: int = CHUNK) -> tuple[int, ...]:
    """Log-spaced steps at which to evaluate on the way: multiples of ``chunk`` below ``steps``."""
    if points < 1 or steps <= chunk:
        return ()
    spaced = np.geomspace(chunk, steps, points + 1)[:-1]
    rounded = {round(float(step) / chunk) * chunk for step in spaced}
    return tuple(sorted(step for step in rounded if chunk <= step < steps))


def batches(corpus: Corpus, shape: Shape, *, batch: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless chunks of training windows at uniformly random offsets.

    Yields:
        Offsets of shape (CHUNK, batch), and codes of shape (CHUNK, batch, context + 1), uint8.
    """
    rng = np.random.default_rng([seed, 1])
    windows = sliding_window_view(corpus.train, shape.context + 1)
    while True:
        starts = rng.integers(0, len(windows), size=(CHUNK, batch))
        yield starts, windows[starts]


def _train(
    params: Params,
    spec: RunSpec,
    corpus: Corpus,
    initial: float,
    *,
    seen: np.ndarray,
    curve: list[Checkpoint],
    on_progress: Progress | None,
) -> Params:
    """Weights after the last step; fills ``seen`` and ``curve`` on the way."""
    run_chunk, optimizer_state = _stepper(spec.family, spec.shape, spec.optimizer)
    state = (params, optimizer_state(params))
    due = set(checkpoint_steps(spec.steps, spec.evaluation.curve_points))
    told = time.perf_counter()
    feed = batches(corpus, spec.shape, batch=spec.batch, seed=spec.seed)
    for first in range(0, spec.steps, CHUNK):
        starts, codes = next(feed)
        used = min(CHUNK, spec.steps - first)
        seen[starts[:used]] = True
        factors = _factors(spec, first=first)
        state, losses = run_chunk(state, codes, factors)
        done = first + used
        latest = float(np.mean(np.asarray(losses)[:used]))
        if not np.isfinite(latest):
            raise _Diverged(f"the training loss became {latest} before step {done} of {spec.steps}")
        if done in due:
            point = _checkpoint(state[0], spec, corpus, step=done, factor=float(factors[used - 1]))
            if done > spec.optimizer.warmup * spec.steps or not np.isfinite(point.loss):
                _require_descent(point.loss, initial, where=f"at step {done} of {spec.steps}")
            curve.append(point)
        if on_progress is not None and (done == spec.steps or time.perf_counter() - told > _WAITS):
            told = time.perf_counter()
            on_progress(done / spec.steps, latest)
    return state[0]


def _factors(spec: RunSpec, *, first: int) -> np.ndarray:
    """The schedule's factor of each step of the chunk from ``first`` on, float32; zero after the last step."""
    steps = np.arange(first, first + CHUNK)
    factors = SCHEDULES[spec.optimizer.schedule](steps, spec.steps, warmup=spec.optimizer.warmup)
    return np.where(steps < spec.steps, factors, 0.0).astype(np.float32)


def _checkpoint(params: Params, spec: RunSpec, corpus: Corpus, *, step: int, factor: float) -> Checkpoint:
    """Evaluate in the middle of a run."""
    tokens = step * spec.batch_tokens
    return Checkpoint(
        step=step,
        tokens=tokens,
        flops=float(tokens * flops_per_token_matmul(spec.shape)),
        lr=peak_hidden_rate(spec) * factor,
        loss=evaluate(params, corpus, spec, windows=spec.evaluation.curve_windows),
    )


def _require_descent(loss: float, initial: float, *, where: str) -> None:
    """Raise unless ``loss`` is defined and not above its value before training."""
    if not np.isfinite(loss) or loss > initial:
        raise _Diverged(f"the loss was {loss:.4g} {where}, {initial:.4g} before training")


def _covered(seen: np.ndarray, context: int) -> int:
    """Distinct positions that were a target in at least one window that starts where ``seen`` is true."""
    starts = np.flatnonzero(seen)
    if len(starts) == 0:
        return 0
    return int(np.minimum(np.diff(starts), context).sum()) + context


def _initial(spec: RunSpec) -> Params:
    """Initial weights of the run's seed."""
    return _initializer(spec.family, spec.shape, spec.optimizer.parameterization)(jax.random.key(spec.seed))


@lru_cache(maxsize=8)
def _initializer(model: str, shape: Shape, parameterization: str) -> Callable[..., Params]:
    """A compiled function from a key to initial weights."""
    return jax.jit(lambda key: family(model).init(key, shape, parameterization=parameterization))


def _rates(params: Params, shape: Shape, optimizer: Optimizer) -> Any:
    """Peak learning rate of every tensor, a tree of floats like ``params``; kinds are the last keys."""
    table = rules(optimizer.parameterization)
    return jax.tree_util.tree_map_with_path(
        lambda path, _: peak_rate(table[path[-1].key], shape=shape, optimizer=optimizer), params
    )


@lru_cache(maxsize=8)
def _stepper(model: str, shape: Shape, optimizer: Optimizer) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A compiled ``(state, codes, factors) -> (state, losses)`` over one chunk, and the state's start."""
    import optax

    adam = optax.chain(
        optax.clip_by_global_norm(optimizer.clip),
        optax.scale_by_adam(b1=optimizer.b1, b2=optimizer.b2, eps=optimizer.eps),
    )

    def step(state: Any, given: tuple[jax.Array, jax.Array]) -> tuple[Any, jax.Array]:
        params, moments = state
        codes, factor = given
        loss, gradient = _slope(model, params, codes.astype(jnp.int32), shape)
        update, moments = adam.update(gradient, moments, params)
        rates = _rates(params, shape, optimizer)
        params = jax.tree.map(lambda p, u, rate: p - factor * rate * u, params, update, rates)
        return (params, moments), loss

    def chunk(state: Any, codes: jax.Array, factors: jax.Array) -> tuple[Any, jax.Array]:
        return jax.lax.scan(step, state, (codes, factors))

    return jax.jit(chunk, donate_argnums=0), adam.init


def _slope(model: str, params: Params, codes: jax.Array, shape: Shape) -> tuple[jax.Array, Any]:
    """Loss and gradient of one batch, in equal parts when it is large; see ``WHOLE``."""
    batch = codes.shape[0]
    part = max(size for size in range(1, PART + 1) if batch % size == 0)
    slope = jax.value_and_grad(_mean_loss, argnums=1)
    if batch <= WHOLE or part == 1:
        return slope(model, params, codes, shape)

    def add(total: Any, some: jax.Array) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, slope(model, params, some, shape)), None

    parts = codes.reshape(batch // part, part, -1)
    total, _ = jax.lax.scan(add, slope(model, params, parts[0], shape), parts[1:])
    return jax.tree.map(lambda value: value * (part / batch), total)


def _mean_loss(model: str, params: Params, codes: jax.Array, shape: Shape) -> jax.Array:
    """Mean cross-entropy in nats a code over windows of shape (batch, context + 1)."""
    return jnp.mean(family(model).window_losses(params, codes, shape))


@lru_cache(maxsize=8)
def _evaluator(model: str, shape: Shape) -> Callable[..., jax.Array]:
    """A compiled function from weights and blocks of windows to the loss of each window."""

    def run(params: Params, blocks: jax.Array) -> jax.Array:
        def one(codes: jax.Array) -> jax.Array:
            return family(model).window_losses(params, codes.astype(jnp.int32), shape)

        return jax.lax.map(one, blocks)

    return jax.jit(run)
