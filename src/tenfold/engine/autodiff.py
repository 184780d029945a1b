"""A law whose body cannot be written down, differentiated by JAX, batched over lanes in chunks of one shape.

Rows are padded to buckets with zero weight and lanes to a chunk of the bucket's own, so that a law compiles once for a
table whatever is asked of it afterwards (starts, resamples, profiles).
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.general import GeneralKernel
from tenfold.engine.kernel import Evaluation, Lanes
from tenfold.engine.objective import Objective
from tenfold.engine.precision import x64

Array = NDArray[np.float64]

AHEAD = 3  # chunks that are dispatched before the first is waited for
# Lanes of a chunk: as many as make this many elements with the rows, so that a call's own cost does not count beside its
# work on a short table, and few on a long one, where lanes that have finished would cost as much as those that run.
ELEMENTS, LEAST_LANES = 512, 4


def bucket(rows: int) -> int:
    """The padded number of rows: powers of two from 16 to 512, then 640, 800, ... (steps of 1.25).

    Small tables cost less to compute on than to compile for.
    """
    size = 16
    while size < rows:
        size = 2 * size if size < 512 else int(np.ceil(size * 1.25))
    return size


def lanes_of(padded: int) -> int:
    """The lanes of one chunk for a padded number of rows."""
    return max(ELEMENTS // padded, LEAST_LANES)


class AutodiffKernel(GeneralKernel):
    """A law whose body does more with its coefficients than :class:`GeneralKernel` can write down."""

    written = False

    @functools.cached_property
    def _padded(self) -> int:
        return bucket(self.rows)

    @functools.cached_property
    def _inputs(self) -> dict[str, Array]:
        return {name: np.pad(values, (0, self._padded - self.rows), mode="edge") for name, values in self.inputs.items()}

    @functools.cached_property
    def _held(self) -> dict[str, Any]:
        return {name: np.float64(value) for name, value in self.fixed.items()}

    def jacobian(self, theta: Array) -> Array:
        compiled = _jacobian(self.fn, self.names, self.logs)
        with x64():
            out = np.asarray(compiled(theta[0], self._held, self._inputs))
        return np.array(out[: self.rows])

    def evaluate(
        self,
        theta: Array,
        weights: Array,
        target: Array,
        objective: Objective,
        *,
        damping: Array | None = None,
        lanes: Lanes | None = None,
    ) -> Evaluation:
        mu = np.zeros(len(theta)) if damping is None else damping
        value, grad, hess = self._called(theta, weights, target, objective, lanes, mu)
        finite = np.isfinite(value) & np.isfinite(grad).all(axis=1) & np.isfinite(hess).all(axis=(1, 2))
        return Evaluation(
            np.where(finite, value, np.inf),
            np.ascontiguousarray(np.where(finite[:, None], grad, 0.0).T),
            np.ascontiguousarray(np.where(finite, np.moveaxis(hess, 0, -1), 0.0)),
        )

    def _called(
        self,
        theta: Array,
        weights: Array,
        target: Array,
        objective: Objective,
        lanes: Lanes | None,
        mu: Array,
    ) -> list[Array]:
        """The compiled function at every lane, chunk by chunk."""
        if lanes is not None:
            weights = weights if weights.ndim == 1 else weights[lanes]
            target = target if target.ndim == 1 else target[lanes]
        kind = objective.renumbered([0.0] * len(objective.numbers))
        compiled = _compiled(self.fn, self.names, self.logs, kind)
        numbers = tuple(np.float64(number) for number in objective.numbers)
        width = lanes_of(self._padded)
        pieces: list[list[Array]] = []
        running: deque[tuple[int, Any]] = deque()  # chunks are dispatched ahead, so that cores work side by side

        def finish() -> None:
            size, arrays = running.popleft()
            pieces.append([np.asarray(array)[:size] for array in arrays])

        with x64():
            for begin in range(0, theta.shape[0], width):
                part = slice(begin, begin + width)
                count = theta[part].shape[0]
                # unused lanes repeat the last one, unused rows have no weight
                index = np.minimum(np.arange(begin, begin + width), theta.shape[0] - 1)
                w = np.zeros((width, self._padded))
                t = np.empty((width, self._padded))
                w[:count, : self.rows] = weights if weights.ndim == 1 else weights[part]
                t[:count, : self.rows] = target if target.ndim == 1 else target[part]
                t[count:, : self.rows], t[:, self.rows :] = t[count - 1, : self.rows], t[:, self.rows - 1 : self.rows]
                running.append((count, compiled(theta[index], self._held, self._inputs, w, t, numbers, mu[index])))
                if len(running) > AHEAD:
                    finish()
            while running:
                finish()
        return [np.concatenate(parts) for parts in zip(*pieces, strict=True)]


@functools.lru_cache(maxsize=256)
def _compiled(
    fn: Callable[..., Any], names: tuple[str, ...], logs: tuple[bool, ...], kind: Objective
) -> Callable[..., Any]:
    """The jitted objective of a law with its derivatives.

    The objective's numbers are arguments, so that one compilation serves them all.
    """
    import jax
    import jax.numpy as jnp

    def transformed(theta: Any, held: Any, data: Any) -> Any:
        value = fn(**data, **_natural(theta, held, names, logs))
        return jnp.log(value) if kind.space == "log" else value

    def slopes(u: Any, t: Any, numbers: Any) -> tuple[Any, Any]:
        """First and second derivative of every row's loss in ``u``."""
        objective = kind.renumbered(numbers)

        def first(u: Any) -> Any:
            return jax.jvp(lambda u: objective.value(u, t, jnp), (u,), (jnp.ones_like(u),))[1]

        return tuple(jax.jvp(first, (u,), (jnp.ones_like(u),)))

    def evaluate(theta: Any, held: Any, data: Any, w: Any, t: Any, numbers: Any, mu: Any) -> Any:
        # what is found on the way is kept: a law that solves an equation would solve it anew in every pass
        def along(direction: Any) -> tuple[Any, Any]:
            return tuple(jax.jvp(lambda theta: transformed(theta, held, data), (theta,), (direction,)))

        u, jacobian = jax.vmap(along, out_axes=(None, 0))(jnp.eye(len(names)))
        u = jnp.broadcast_to(u, t.shape)
        jacobian = jnp.broadcast_to(jacobian, (len(names), *t.shape))
        objective = kind.renumbered(numbers)
        slope, curvature = slopes(u, t, numbers)
        slope, curvature = w * slope, w * (curvature + mu * objective.weight(u, t, jnp))
        bend = jax.jacfwd(jax.grad(lambda theta: jnp.sum(slope * transformed(theta, held, data))))(theta)
        hess = (jacobian * curvature) @ jacobian.T + bend
        return jnp.sum(w * objective.value(u, t, jnp)), jacobian @ slope, hess

    axes = (0, None, None, 0, 0, None, 0)
    return jax.jit(jax.vmap(evaluate, in_axes=axes))


@functools.lru_cache(maxsize=256)
def _jacobian(fn: Callable[..., Any], names: tuple[str, ...], logs: tuple[bool, ...]) -> Callable[..., Any]:
    """The jitted derivatives of a law's values in its free coefficients."""
    import jax

    def model(theta: Any, held: Any, data: Any) -> Any:
        return fn(**data, **_natural(theta, held, names, logs))

    return jax.jit(jax.jacfwd(model))


def _natural(theta: Any, held: Any, names: tuple[str, ...], logs: tuple[bool, ...]) -> dict[str, Any]:
    import jax.numpy as jnp

    coef = dict(held)
    for j, (name, log) in enumerate(zip(names, logs, strict=True)):
        coef[name] = jnp.exp(theta[j]) if log else theta[j]
    return coef
