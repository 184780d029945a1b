"""Compiled programs of a run: many steps in one call, and evaluation. One program serves every run of a shape.

Rates, decay and the schedule's factors are inputs, so a sweep over them compiles nothing new. Several runs that differ
only in seed and rates can be one program (``members``): their arrays lead with one more axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from tenfold.ladder.lazy import jax, jnp
from tenfold.ladder.models import Model
from tenfold.ladder.optimizers import direction
from tenfold.ladder.spec import Optimizer

CHUNK = 32
"""Steps of one compiled scan. One program serves a run of any length: the last chunk's surplus steps
have rate zero."""

WHOLE = 12
"""Largest batch in windows of codes whose gradient is computed at once on a CPU. Larger ones run in parts of at most
``PART`` windows, which keeps their activations in a core's second-level cache."""

PART = 4
"""See ``WHOLE``."""

EVALUATION_BLOCK = 64
"""Examples evaluated at a time."""

State = Any
"""Weights, the optimizer's state, and averaged weights (or None); a tree of arrays."""


def program(model: Model, /) -> Model:
    """The model with everything that is an input of the programs at its default, for one compilation a shape."""
    plain = Optimizer()
    same = ("lr_embed", "lr_hidden", "lr_head", "lr_scale", "schedule", "warmup", "warmup_steps", "cooldown", "custom")
    given: dict[str, Any] = {name: getattr(plain, name) for name in same}
    given["weight_decay"] = float(model.optimizer.decayed)
    return replace(model, optimizer=replace(model.optimizer, **given))


def rates(model: Model, /) -> dict[str, dict[str, np.ndarray]]:
    """Peak rate and weight decay of every tensor, float32 scalars."""
    settings = model.optimizer
    return {
        "rate": {name: np.float32(rate) for name, rate in model.rates.items()},
        "decay": {name: np.float32(settings.weight_decay * rule.decay) for name, rule in model.rules.items()},
    }


@lru_cache(maxsize=16)
def initializer(model: Model, /) -> Callable[..., Any]:
    """A compiled function from a key to initial weights."""
    return jax.jit(model.init)


@lru_cache(maxsize=16)
def stepper(model: Model, /, *, members: bool = False) -> tuple[Callable[..., Any], Callable[..., State]]:
    """A compiled ``(state, examples, factors, rates) -> (state, losses)`` over one chunk, and the state's start.

    Args:
        model: as ``program`` gives it.
        members: every input but ``factors`` leads with an axis of runs.
    """
    turn = direction(model)
    settings = model.optimizer

    def start(weights: Any) -> State:
        average = jax.tree.map(jnp.array, weights) if settings.average else None
        return weights, turn.init(weights), average

    def chunk(state: State, examples: Any, factors: Any, peak: Any) -> tuple[State, Any]:
        def step(state: State, given: Any) -> tuple[State, Any]:
            weights, memory, average = state
            some, factor = given
            loss, gradient = _slope(model, weights, some)
            update, memory = turn.update(gradient, memory, weights)
            weights = _moved(weights, update, factor, peak, decayed=bool(settings.decayed))
            if average is not None:
                keep = jnp.where(factor > 0, settings.average, 1.0)
                average = jax.tree.map(lambda a, w: keep * a + (1 - keep) * w, average, weights)
            return (weights, memory, average), loss

        return jax.lax.scan(step, state, (examples, factors))

    if members:
        return jax.jit(jax.vmap(chunk, in_axes=(0, 0, None, 0)), donate_argnums=0), jax.vmap(start)
    return jax.jit(chunk, donate_argnums=0), start


def _moved(weights: Any, update: Any, factor: Any, peak: Any, *, decayed: bool) -> Any:
    """Weights after one step: ``w - factor * rate * (update + decay * w)``."""
    if not decayed:
        return {name: w - factor * peak["rate"][name] * update[name] for name, w in weights.items()}
    return {
        name: w - factor * peak["rate"][name] * (update[name] + peak["decay"][name] * w) for name, w in weights.items()
    }


def mean_loss(model: Model, weights: Any, examples: Any, /) -> Any:
    """Mean training loss of a batch, z-loss included, computed at the run's precision."""
    settings = model.optimizer
    if settings.precision == "bfloat16":
        weights = jax.tree.map(lambda w: w.astype(jnp.bfloat16), weights)
        examples = jax.tree.map(
            lambda x: x.astype(jnp.bfloat16) if jnp.issubdtype(x.dtype, jnp.floating) else x, examples
        )
    return jnp.mean(model.losses(weights, examples, z_loss=settings.z_loss, training=True).astype(jnp.float32))


def _slope(model: Model, weights: Any, examples: Any) -> tuple[Any, Any]:
    """Loss and gradient of one batch, in equal parts when it is large; see ``WHOLE``."""
    slope = jax.value_and_grad(lambda w, x: mean_loss(model, w, x))
    batch = jax.tree.leaves(examples)[0].shape[0]
    part = max(size for size in range(1, PART + 1) if batch % size == 0)
    whole = batch <= WHOLE or part == 1 or model.module.TAKES != "codes" or jax.default_backend() != "cpu"
    if whole:
        return slope(weights, examples)

    def add(total: Any, some: Any) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, slope(weights, some)), None

    parts = examples.reshape(batch // part, part, -1)
    total, _ = jax.lax.scan(add, slope(weights, parts[0]), parts[1:])
    return jax.tree.map(lambda value: value * (part / batch), total)


@lru_cache(maxsize=16)
def evaluator(model: Model, /, *, members: bool = False) -> Callable[..., Any]:
    """A compiled function from weights and blocks of examples to the loss of each example."""

    def run(weights: Any, blocks: Any) -> Any:
        return jax.lax.map(lambda examples: model.losses(weights, examples), blocks)

    return jax.jit(jax.vmap(run, in_axes=(0, None)) if members else run)


def evaluate(model: Model, weights: Any, held: Any, *, members: bool = False) -> np.ndarray:
    """Mean loss on withheld examples, averaged in float64: a scalar, or one a member.

    Args:
        model: the model.
        weights: arrays by name.
        held: examples, arrays that lead with their number.
        members: weights lead with an axis of runs.
    """
    count = len(jax.tree.leaves(held)[0])
    blocks = -(-count // EVALUATION_BLOCK)
    order = np.resize(np.arange(count), blocks * EVALUATION_BLOCK)
    packed = jax.tree.map(lambda x: x[order].reshape(blocks, EVALUATION_BLOCK, *x.shape[1:]), held)
    losses = np.asarray(evaluator(program(model), members=members)(weights, packed), dtype=np.float64)
    flat = losses.reshape(*losses.shape[:-2], -1)[..., :count]
    return np.asarray(flat.mean(axis=-1))
