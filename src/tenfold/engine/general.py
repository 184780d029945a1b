"""Any law that is not a sum of power terms: its operations are written down once and run for all lanes.

See :mod:`tenfold.engine.sweep` for the derivatives and :mod:`tenfold.engine.program` for how they are computed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core import maths
from tenfold.engine import fast
from tenfold.engine.kernel import Evaluation, Kernel, Lanes, in_cache
from tenfold.engine.objective import Objective
from tenfold.engine.program import Program, trace
from tenfold.engine.sweep import Tape, Traced, plain

Array = NDArray[np.float64]
UNFOLLOWED = (TypeError, AttributeError, KeyError)  # what a body raises that does more than maths and arithmetic


class GeneralKernel(Kernel):
    """A law as a function of free coefficients.

    Args:
        fn: the law's body, called with inputs and coefficients by name.
        inputs: arrays (rows,) by name.
        names: free coefficients in order; logs: which of them are held as logarithms.
        fixed: values of the others, natural units.

    Attributes:
        written: whether its operations can be written down as a program.
    """

    written = True

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        inputs: Mapping[str, Array],
        names: tuple[str, ...],
        logs: tuple[bool, ...],
        fixed: Mapping[str, float],
    ) -> None:
        self.fn, self.names, self.logs = fn, names, logs
        self.inputs = {name: np.asarray(values, dtype=np.float64) for name, values in inputs.items()}
        self.fixed = {name: float(value) for name, value in fixed.items()}
        self.size = len(names)
        self.rows = len(next(iter(self.inputs.values())))
        self._programs: dict[str, Program] = {}

    def program(self, space: str) -> Program:
        """The operations that give the model, or its logarithm, with its derivatives.

        Raises:
            UNFOLLOWED: the body does something to its coefficients that cannot be written down.
        """
        if space not in self._programs:

            def body(theta: list[Any]) -> Any:
                value = self._body(theta)
                return maths.log(value) if space == "log" else value

            self._programs[space] = trace(body, self.size, self.rows)
        return self._programs[space]

    def natural(self, theta: Array) -> dict[str, Any]:
        """Coefficients by name in natural units, each (L, 1)."""
        out: dict[str, Any] = {name: np.float64(value) for name, value in self.fixed.items()}
        for j, (name, log) in enumerate(zip(self.names, self.logs, strict=True)):
            column = theta[:, j : j + 1]
            out[name] = np.exp(column) if log else column
        return out

    def model(self, theta: Array) -> Array:
        out = np.empty((theta.shape[0], self.rows))
        with np.errstate(all="ignore"):
            for part in in_cache(*out.shape):
                out[part] = self.fn(**self.inputs, **self.natural(theta[part]))
        return out

    def jacobian(self, theta: Array) -> Array:
        tape = Tape(np)
        with np.errstate(all="ignore"):
            out = self._body([tape.coefficient(np.float64(value), j) for j, value in enumerate(theta[0])])
        slopes = out.slopes if isinstance(out, Traced) else {}
        columns = [np.broadcast_to(plain(slopes.get(j, 0.0)), self.rows) for j in range(self.size)]
        return np.array(columns, dtype=np.float64).reshape(self.size, self.rows).T.copy()

    def values(
        self, theta: Array, weights: Array, target: Array, objective: Objective, *, lanes: Lanes | None = None
    ) -> Array:
        if lanes is not None:
            weights = weights if weights.ndim == 1 else weights[lanes]
            target = target if target.ndim == 1 else target[lanes]
        with np.errstate(all="ignore"):
            u = self.model(theta)
            u = np.log(u) if objective.space == "log" else u
            total = (weights * objective.value(u, target)).sum(axis=-1)
        return np.where(np.isfinite(total), total, np.inf)

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
        program = self.program(objective.space)
        run = fast.run if fast.runs(program, objective, len(theta), self.rows) else Program.run
        return run(program, theta, weights, target, objective, mu, lanes)

    def _body(self, theta: list[Any]) -> Any:
        coef: dict[str, Any] = dict(self.fixed)
        for name, log, value in zip(self.names, self.logs, theta, strict=True):
            coef[name] = maths.exp(value) if log else value
        return self.fn(**self.inputs, **coef)


@functools.lru_cache(maxsize=1024)
def followed(
    fn: Callable[..., Any],
    inputs: tuple[str, ...],
    names: tuple[str, ...],
    logs: tuple[bool, ...],
    fixed: tuple[str, ...],
) -> bool:
    """Whether a law's body does nothing to its coefficients but what :class:`GeneralKernel` can write down."""
    columns = {name: np.full(2, 2.0) for name in inputs}
    kernel = GeneralKernel(fn, inputs=columns, names=names, logs=logs, fixed=dict.fromkeys(fixed, 1.0))
    try:
        kernel.program("linear")
    except UNFOLLOWED:
        return False
    return True
