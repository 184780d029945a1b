"""Whether and how compiled code is used: the Newton method for sums of power terms, and programs of any other law.

Numba is optional. Importing it and reading its disk cache costs about half a second, compiling some ten seconds, so a job
uses it when an earlier one in the process has paid already, when it, or all so far together, is large and the cache is
there, or when it is huge.
``TENFOLD_NUMBA=0`` turns it off, ``TENFOLD_NUMBA=1`` uses it always. Results agree with the NumPy path to rounding.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tenfold.core.status import Status
from tenfold.engine.additive import AdditiveKernel
from tenfold.engine.cores import cores
from tenfold.engine.kernel import Evaluation, Lanes
from tenfold.engine.newton import Newton, Solutions, join
from tenfold.engine.objective import Huber, Objective, SmoothAbsolute, Squared, Student
from tenfold.engine.program import Program
from tenfold.engine.stored import on_disk

Array = NDArray[np.float64]

# Row evaluations from which on numba pays in a fresh process: about a second of NumPy when what was compiled is on disk,
# some fifteen, which is what that costs, when it has to be compiled first.
LARGE, HUGE = 2e7, 3e8
_STEPS, _OTHER_STEPS = 9, 20  # evaluations a lane, of sums of powers and of other laws, for the estimate
_COEFS = 5  # of the law that a row evaluation is measured by; products of their derivatives are most of the work
_SPENT: dict[str, float] = {}  # row evaluations so far without a module
_MODULE, _MACHINE, _DESCENT = "tenfold.engine.compiled", "tenfold.engine.machine", "tenfold.engine.descent"
_COSTS = 0.05  # of one operation of a program on one row, in row evaluations of a sum of power terms
_WORTH = 2e5  # operations on rows from which on lanes are shared between threads


def wanted(kernel: object, objective: Objective, lanes: int, rows: int) -> bool:
    """Whether a job goes to the compiled path."""
    if os.environ.get("TENFOLD_NUMBA", "") == "0" or not isinstance(kernel, AdditiveKernel) or _loss(objective) is None:
        return False
    size = lanes * rows * _STEPS * max(kernel.size / _COEFS, 1.0) ** 2
    return _pays(_MODULE, "compiled.chunk", size, size)


def runs(program: Program, objective: Objective, lanes: int, rows: int) -> bool:
    """Whether a program runs compiled."""
    if os.environ.get("TENFOLD_NUMBA", "") == "0" or _loss(objective) is None:
        return False
    now = lanes * rows * len(program.steps) * _COSTS
    return _pays(_MACHINE, "machine.run", now * _OTHER_STEPS, now)


def descends(program: Program, objective: Objective, lanes: int, rows: int) -> bool:
    """Whether lanes of a program are minimised compiled from start to end."""
    if os.environ.get("TENFOLD_NUMBA", "") == "0" or _loss(objective) is None:
        return False
    size = lanes * rows * len(program.steps) * _COSTS * _OTHER_STEPS
    return _pays(_DESCENT, "descent.chunk", max(size, _SPENT.get(_MACHINE, 0.0)), 0.0)


def _pays(module: str, function: str, size: float, now: float) -> bool:
    """Whether a job of ``size`` row evaluations, ``now`` of them at once, is worth loading or compiling a module for.

    What the process has already done without the module counts as well: many small jobs pay like a large one, and what
    is spent before they are known to be many is no more than what the module costs.
    """
    if module in sys.modules:
        return True
    _SPENT[module] = _SPENT.get(module, 0.0) + now
    size = max(size, _SPENT[module])
    if os.environ.get("TENFOLD_NUMBA", "") != "1" and (size < LARGE or (size < HUGE and not on_disk(function))):
        return False
    return _installed()


@functools.cache
def _installed() -> bool:
    return importlib.util.find_spec("numba") is not None


def run(
    program: Program,
    theta: Array,
    weights: Array,
    target: Array,
    objective: Objective,
    damping: Array,
    lanes: Lanes | None = None,
) -> Evaluation:
    """As :meth:`tenfold.engine.program.Program.run`."""
    from tenfold.engine import machine

    loss, count = _loss(objective), len(theta)
    assert loss is not None
    packed = machine.packed(program)
    numbers = program.numbers_of(theta)
    w, t = (
        _own(np.atleast_2d(array if array.ndim == 1 or lanes is None else array[lanes])) for array in (weights, target)
    )
    given = np.empty((len(packed.numbers), count))
    for k, index in enumerate(packed.numbers):
        given[k] = numbers[index]
    shares = min(cores(), count) if count * t.shape[1] * len(program.steps) > _WORTH else 1
    cuts = [count * k // shares for k in range(shares + 1)]
    value = np.zeros(count)
    sums = [np.zeros((program.sums, end - begin)) for begin, end in pairwise(cuts)]

    def one(k: int) -> None:
        part = slice(cuts[k], cuts[k + 1])
        machine.run(
            packed.code, packed.blocks, packed.members, packed.columns, packed.lines, _own(given[:, part]),
            w if len(w) == 1 else w[part], t if len(t) == 1 else t[part], damping[part], loss[:3], sums[k], value[part],
        )  # fmt: skip

    if shares > 1:
        with ThreadPoolExecutor(shares - 1) as pool:
            others = [pool.submit(one, k) for k in range(1, shares)]
            one(0)
            for other in others:
                other.result()
    else:
        one(0)
    return program.gathered(numbers, np.concatenate(sums, axis=1), value, machine.gather)


def minimise(
    kernel: AdditiveKernel,
    objective: Objective,
    theta: Array,
    weights: Array,
    target: Array,
    lower: Array,
    upper: Array,
    *,
    settings: Newton,
    floor: float,
    threads: int,
) -> Solutions:
    """As :func:`tenfold.engine.newton.minimise`, for a sum of power terms. ``theta`` is in solver coordinates."""
    from tenfold.engine import compiled

    lanes = len(theta)
    loss, terms = _loss(objective), packed(kernel)
    assert loss is not None
    numbers = (
        settings.max_steps, settings.decrement, settings.step, settings.reach, settings.damping, float(floor)
    )  # fmt: skip
    theta, lower, upper, weights, target = _ready(theta, lower, upper, weights, target)

    def run(part: slice) -> Solutions:
        w = weights if weights.shape[0] == 1 else weights[part]
        t = target if target.shape[0] == 1 else target[part]
        first = _first(kernel, objective, theta[part], w, t, settings.damping)
        value, status, steps, grad = compiled.chunk(
            theta[part], lower[part], upper[part], w, t, loss, terms, numbers, first
        )
        return Solutions(theta[part], value, status, steps, grad)

    return _settled(_shared(run, lanes, threads, least=16), lower, upper)


def descend(
    program: Program,
    objective: Objective,
    theta: Array,
    weights: Array,
    target: Array,
    lower: Array,
    upper: Array,
    *,
    settings: Newton,
    floor: float,
    linear: NDArray[np.bool_],
    threads: int,
) -> Solutions:
    """As :func:`tenfold.engine.newton.minimise`, for a program."""
    from tenfold.engine import descent, machine

    lanes = len(theta)
    loss, rows, numbers = _loss(objective), machine.packed(program), descent.slots(program).arrays()
    assert loss is not None
    limits = (settings.max_steps, settings.decrement, settings.step, settings.reach, settings.damping, float(floor))
    code = (rows.code, rows.blocks, rows.members, rows.columns, rows.turn)
    theta, lower, upper, weights, target = _ready(theta, lower, upper, weights, target)

    def run(part: slice) -> Solutions:
        w = weights if weights.shape[0] == 1 else weights[part]
        t = target if target.shape[0] == 1 else target[part]
        value, status, steps, grad = descent.chunk(
            theta[part], lower[part], upper[part], linear, w, t, loss[:3], code, rows.lines, numbers, limits
        )
        return Solutions(theta[part], value, status, steps, grad)

    return _settled(_shared(run, lanes, threads, least=1), lower, upper)


def _ready(theta: Array, lower: Array, upper: Array, weights: Array, target: Array) -> tuple[Array, ...]:
    """Starts within their bounds, and everything in the layout that is compiled for."""
    lower, upper = (_own(np.broadcast_to(bound, theta.shape)) for bound in (lower, upper))
    theta = np.ascontiguousarray(np.minimum(np.maximum(theta, lower), upper))
    return theta, lower, upper, _own(np.atleast_2d(weights)), _own(np.atleast_2d(target))


def _shared(run: Callable[[slice], Solutions], lanes: int, threads: int, *, least: int) -> Solutions:
    """Chunks of at least so many lanes side by side: four a thread even out lanes that need more steps."""
    size = max(-(-lanes // (4 * threads)), least) if threads > 1 else max(lanes, 1)
    parts = [slice(begin, begin + size) for begin in range(0, lanes, size)]
    if threads > 1 and len(parts) > 1:
        with ThreadPoolExecutor(threads) as pool:
            return join(list(pool.map(run, parts)))
    return join([run(part) for part in parts])


def _settled(out: Solutions, lower: Array, upper: Array) -> Solutions:
    """With lanes that converged on a bound marked."""
    touching = ((out.theta <= lower) | (out.theta >= upper)) & (lower < upper)
    out.status[(out.status == Status.CONVERGED.code) & touching.any(axis=1)] = Status.AT_BOUND.code
    return out


def _first(kernel: AdditiveKernel, objective: Objective, theta: Array, w: Array, t: Array, damping: float) -> Array:
    """Objective, gradient and Hessian of lanes that start at one point and share targets, a row each; else nothing."""
    lanes = len(theta)
    if len(w) == 1 or len(t) > 1 or not (theta == theta[0]).all():
        return np.empty((lanes, 0))
    with np.errstate(all="ignore"):
        return kernel.sums_at(theta[:1], w, t[0], objective, np.full(1, damping), np.arange(lanes))


def packed(kernel: AdditiveKernel) -> tuple[Array | NDArray[np.int64] | NDArray[np.bool_], ...]:
    """A kernel's terms as arrays.

    Returns:
        Where each term begins; for each coefficient in it its number, its line of the work array (-1 for none), its
        constant, and whether it is met for the first time; for each term the constant part of its offset and the line
        of the rest (-1 for none); what stands in these lines, features and offsets; and for each coefficient the line
        of the model's derivative, which for an amplitude is that of its term.
    """
    from tenfold.engine.compiled import FEATURES

    begins, coefs, pointers, scalars = [0], [], [], []
    constants, offsets = [], []
    lines: list[Array] = []

    def line(part: float | Array) -> tuple[int, float]:
        if not isinstance(part, np.ndarray):
            return -1, float(part)
        lines.append(part)
        return FEATURES + len(lines) - 1, 0.0

    for term in kernel.terms:
        for j, feature in zip(term.coefs, term.features, strict=True):
            coefs.append(j)
            pointer, scalar = line(feature)
            pointers.append(pointer)
            scalars.append(scalar)
        offset, constant = line(term.offset)
        offsets.append(offset)
        constants.append(constant)
        begins.append(len(coefs))
    shares = FEATURES + len(lines)
    derivatives = shares + len(kernel.terms) + np.arange(kernel.size)
    for k, term in enumerate(kernel.terms):
        for j, feature in zip(term.coefs, term.features, strict=True):
            if coefs.count(j) == 1 and not isinstance(feature, np.ndarray) and feature == 1.0:
                derivatives[j] = shares + k
    return (
        np.array(begins, dtype=np.int64),
        np.array(coefs, dtype=np.int64),
        np.array(pointers, dtype=np.int64),
        np.array(scalars, dtype=np.float64),
        np.array([j not in coefs[:e] for e, j in enumerate(coefs)], dtype=np.bool_),
        np.array(constants, dtype=np.float64),
        np.array(offsets, dtype=np.int64),
        np.array(lines, dtype=np.float64).reshape(len(lines), kernel.rows),
        derivatives.astype(np.int64),
    )


def _loss(objective: Objective) -> tuple[int, float, float, bool] | None:
    """An objective as numbers: kind, two shape parameters and whether it compares logarithms."""
    log = objective.space == "log"
    match objective:
        case Huber():
            return 0, float(objective.delta), 1.0, log
        case SmoothAbsolute():
            return 0, float(objective.delta), 1.0 / objective.delta, log
        case Squared():
            return 1, 0.0, 0.0, log
        case Student():
            return 2, float(objective.nu), float(objective.s), log
        case _:
            return None


def _own(array: Array) -> Array:
    """Contiguous and writeable: other layouts would be compiled for anew."""
    return np.require(array, dtype=np.float64, requirements=["C", "W"])
