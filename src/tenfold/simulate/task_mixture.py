"""Tasks of unequal frequency that compete for the hidden units of a two-layer linear network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import zeta

from tenfold.core.errors import ConfigError
from tenfold.core.law import Cite
from tenfold.core.runs import Runs
from tenfold.simulate.kinds import Exponent, Truth, simulator
from tenfold.simulate.parts import between, runs_of, whole_grid

Array = NDArray[np.float64]

SPARE = 8  # directions that training sees, per unit of the network: the rest cannot win one
TIME = 20.0  # steps of training in units of its slowest time, the square root of strongest over weakest kept strength
SOON = 400  # steps beside these, for directions of nearly the same strength
LONGER = 4  # times as many steps where a unit has to leave a task that it holds from the start
START = 0.1  # norm of the initial weights of a unit
RATE = 0.25  # learning rate over the strongest direction's
LATE = 48  # largest threshold of the rare task: networks of twice that width are trained
STEEP = 3000.0  # most that the strengths which a network is trained on may differ by
APART = 0.1  # least difference of the two exponents: at equal ones powers carry a logarithm


@dataclass(frozen=True, eq=False)
class Directions:
    """The strongest directions of all tasks in order: strength, task and place within the task (both from 1)."""

    strength: Array
    task: NDArray[np.int64]
    place: NDArray[np.int64]
    alpha: float
    beta: float

    @property
    def total(self) -> float:
        """The strength of all directions, counted or not."""
        return float(zeta(1 + self.alpha) * zeta(1 + self.beta))

    def frequency(self, task: Array | NDArray[np.int64]) -> Array:
        """How often a task is drawn, over how often the first is."""
        return np.asarray(task, dtype=np.float64) ** -(1 + self.alpha)

    def units(self, width: int) -> NDArray[np.int64]:
        """Units that each task holds in the best network of a width; tasks beyond the list hold none."""
        return np.bincount(self.task[:width], minlength=int(self.task.max()) + 1)[1:]

    def thresholds(self) -> NDArray[np.int64]:
        """The least width at which each task holds a unit: the rank of its first direction."""
        first = np.flatnonzero(self.place == 1)
        return first[np.argsort(self.task[first])] + 1


def directions(count: int, *, alpha: float, beta: float) -> Directions:
    """The ``count`` strongest directions: all (k, j) with the largest :math:`k^{-(1+alpha)} j^{-(1+beta)}`.

    Example:
        >>> from tenfold.simulate.task_mixture import directions
        >>> found = directions(5, alpha=0.5, beta=1.9)
        >>> found.task.tolist(), found.place.tolist()
        ([1, 2, 3, 1, 4], [1, 1, 1, 2, 1])
    """
    level, grown = 1.0, 0
    while grown < count:
        level *= 1.5
        tasks = np.arange(1.0, np.floor(level ** (1 / (1 + alpha))) + 1)
        held = np.floor((level / tasks ** (1 + alpha)) ** (1 / (1 + beta))).astype(np.int64)
        grown = int(held.sum())
    task = np.repeat(tasks.astype(np.int64), held)
    place = np.concatenate([np.arange(1, each + 1) for each in held])
    strength = task ** -(1.0 + alpha) * place ** -(1.0 + beta)
    order = np.argsort(-strength, kind="stable")[:count]
    return Directions(strength[order], task[order], place[order], alpha, beta)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network: what it leaves of every direction, relative to its strength, and the strongest pull left."""

    left: Array
    pull: float


def train(strength: Array, width: int, rng: np.random.Generator, *, planted: int | None = None) -> Trained:
    r"""Gradient descent with momentum on the population loss of both layers, from small random weights.

    Momentum is dropped where it leads uphill (O'Donoghue and Candès 2015).

    The loss is :math:`\tfrac12 \sum_m s_m |e_m - W_2 W_1 e_m|^2` with the strengths :math:`s_m`. ``planted`` is a
    direction that one unit represents from the start, beside the random weights.
    """
    count = len(strength)
    start = START / np.sqrt(count)
    down, up = start * rng.standard_normal((width, count)), start * rng.standard_normal((count, width))
    if planted is not None:
        down[0, planted] = up[planted, 0] = 1.0
    slow = np.sqrt(strength[0] / strength[width])
    momentum, rate = 1 - 1 / slow, RATE / strength[0]
    down_speed, up_speed = np.zeros_like(down), np.zeros_like(up)
    for _ in range(int((SOON + TIME * slow) * (1 if planted is None else LONGER))):
        seen = down * strength
        up_slope = up @ (seen @ down.T) - seen.T
        down_slope = (up.T @ up) @ seen - up.T * strength
        if np.vdot(up_slope, up_speed) + np.vdot(down_slope, down_speed) > 0:  # uphill: start again from rest
            up_speed, down_speed = np.zeros_like(up), np.zeros_like(down)
        up_speed = momentum * up_speed - rate * up_slope
        down_speed = momentum * down_speed - rate * down_slope
        down, up = down + down_speed, up + up_speed
    product = np.einsum("mn,nm->m", up, down)
    left = 1 - 2 * product + np.einsum("nm,nm->m", down, (up.T @ up) @ down)
    return Trained(left, _strongest(strength, down, up, rng))


def _strongest(strength: Array, down: Array, up: Array, rng: np.random.Generator) -> float:
    """The largest singular value of (1 - W2 W1) S by the power method."""
    vector = rng.standard_normal(len(strength))
    value = 0.0
    for _ in range(200):
        there = strength * vector
        there = there - up @ (down @ there)
        back = strength * (there - down.T @ (up.T @ there))
        value = float(np.sqrt(np.linalg.norm(back) / np.linalg.norm(vector)))
        vector = back / np.linalg.norm(back)
    return value


def overwriting(pull: float, strength: float) -> float:
    r"""The rate at which a unit leaves a direction of a strength for one that nothing represents, of strength ``pull``.

    Gradient flow around a unit whose two weight vectors both point along the direction that it holds moves their parts
    along the other by :math:`\dot a = \mu b - s a`, :math:`\dot b = \mu (a - b)`; this is the larger eigenvalue. Near
    the threshold it is half of ``pull - strength``, and below it negative.

    Example:
        >>> from tenfold.simulate.task_mixture import overwriting
        >>> overwriting(0.1, 0.1), round(overwriting(1.0, 0.0), 3), overwriting(0.1, 0.2) < 0
        (0.0, 0.618, True)
    """
    both = pull + strength
    return float((np.sqrt(both**2 + 4 * pull * (pull - strength)) - both) / 2)


def exponents(*, alpha: float, beta: float) -> dict[str, float]:
    """The exponents of theory, as slopes against the width.

    Example:
        >>> from tenfold.simulate.task_mixture import exponents
        >>> exponents(alpha=0.5, beta=2.0)
        {'loss': -0.5, 'learned': 1.0, 'pull': -1.5}
    """
    return {
        "loss": -min(alpha, beta),
        "learned": min(1.0, (1 + beta) / (1 + alpha)),
        "pull": -min(1 + alpha, 1 + beta),
    }


def finite_width(width: float, *, alpha: float, beta: float) -> float:
    """How far the slope of the pull at a width is from its limit, by both powers of N(X).

    Example:
        >>> from tenfold.simulate.task_mixture import finite_width
        >>> finite_width(1e12, alpha=0.5, beta=1.9) < finite_width(1e3, alpha=0.5, beta=1.9) < 0.1
        True
    """
    powers = np.array([1 / (1 + alpha), 1 / (1 + beta)])
    factors = np.array([_zeta(powers[0] / powers[1]), _zeta(powers[1] / powers[0])])
    level = np.linspace(0.0, 200.0, 20001)  # ln X
    counts = np.exp(level[:, None] * powers) * factors
    at = min(int(np.searchsorted(counts.sum(axis=1), width)), len(level) - 1)
    slope = counts[at].sum() / (counts[at] @ powers)
    return float(abs(slope - 1 / powers.max()))


def _zeta(x: float) -> float:
    """Riemann's function on the positive axis; below one by the alternating series, averaged until it settles."""
    if x > 1:
        return float(zeta(x))
    terms = np.cumsum((-1.0) ** np.arange(64) * np.arange(1.0, 65.0) ** -x)
    while len(terms) > 1:
        terms = (terms[1:] + terms[:-1]) / 2
    return float(terms[0] / (1 - 2 ** (1 - x)))


@simulator(
    Cite("Huang et al.", 2026, "Why Larger Models Learn More: Effects of Capacity, Interference, and Rare-Task Retention",
         "arXiv:2605.29548", "abstract, for what is modelled; the model and its exponents are derived here")
)  # fmt: skip
def task_mixture(
    *,
    alpha: float = 0.5,
    beta: float = 1.9,
    smallest: int = 256,
    largest: int = 16384,
    trained: int = 48,
    rare: int = 8,
    seed: int = 0,
) -> tuple[Runs, Truth]:
    r"""Mixture of frequent and rare tasks that compete for hidden units: loss, tasks learned, and interference by width.

    Task k is drawn with a frequency :math:`p_k \propto k^{-(1+\alpha)}`. Each has its own inputs, and n units can explain
    all of them but a share :math:`\approx n^{-\beta}`: the variances of its directions fall as :math:`j^{-(1+\beta)}`. A
    two-layer linear network of N units is trained on the mixture to reproduce its inputs.

    Derivation. Every minimum of the loss is global and keeps the N strongest directions of all (Baldi and Hornik 1989),
    those with :math:`p_k j^{-(1+\beta)} > \mu`. So task k holds :math:`n_k = \lfloor (p_k/\mu)^{1/(1+\beta)} \rfloor`
    units, none at all when :math:`p_k < \mu`, though a single unit would do: units go where they pay most. Counting
    lattice points gives, with :math:`X = 1/\mu`,
    :math:`N = \zeta(\tfrac{1+\beta}{1+\alpha}) X^{1/(1+\alpha)} + \zeta(\tfrac{1+\alpha}{1+\beta}) X^{1/(1+\beta)}` up to
    smaller terms; the larger power rules, and zeta below one is its continuation. Hence

    * the weakest strength that is kept, and with it the pull of the strongest direction that is not,
      :math:`\mu \propto N^{-\min(1+\alpha,\,1+\beta)}`. A unit that holds a direction of strength s < mu leaves
      it at the rate :func:`overwriting`; mu falls with width, and once it is below s, which is p_k for the first
      direction of task k, the rate is negative and the task stays. This is the interference.
    * tasks learned :math:`\propto X^{1/(1+\alpha)} \propto N^{\min(1,\,(1+\beta)/(1+\alpha))}`, and the least width that
      learns a task of frequency p is :math:`N^*(p) \propto p^{-1/\min(1+\alpha,\,1+\beta)}`.
    * loss = strength not kept :math:`\propto N^{-\min(\alpha,\,\beta)}`: rare tasks that are missing set it when
      :math:`\alpha < \beta`, frequent ones that are never finished when :math:`\beta < \alpha`.

    Parts of the table (label ``part``):

    * ``exact``: the global minimum at every ``width``: ``loss`` (1 for direction 1 of task 1), ``learned`` (tasks with a
      unit), ``pull``.
    * ``trained``: the same of networks trained by gradient descent, with the minimum's loss as ``expected``.
    * ``tasks``: of these networks, the unexplained share ``error`` of each ``task``, its ``frequency`` over that of the
      first, the minimum's ``expected``, and ``threshold``, the least width that learns it.
    * ``retention``: one unit holds the rare task from the start; its ``error`` after training on the mixture, by
      ``width``. Below its ``threshold`` it is overwritten, above it stays.

    Args:
        alpha: how fast frequencies fall, above 0. beta: how fast units explain a task, above 0 and at least 0.1 from
            alpha, where the powers above would carry a logarithm.
        smallest, largest: widths of ``exact``. Near alpha = beta the second power dies slowly: raise both.
        trained: the largest width that is trained, 16 to 128.
        rare: the task of ``retention``.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("task-mixture", trained=16, rare=3)
        >>> abs(made.measured()["loss"] + 0.5) < 0.03
        True

    Raises:
        ConfigError: a setting outside its range.
    """
    _check(alpha, beta, smallest, largest, trained)
    found = directions(max(largest, SPARE * trained, (2 * SPARE + 1) * LATE) + 1, alpha=alpha, beta=beta)
    _check_training(found, rare, trained)
    rng = np.random.default_rng(seed)
    nets = whole_grid(8, trained, ratio=1.5)
    made = {int(width): train(found.strength[: SPARE * width], int(width), rng) for width in nets}
    runs = runs_of(
        {
            "exact": _exact(found, whole_grid(smallest, largest, ratio=2)),
            "trained": _trained(found, made),
            "tasks": _tasks(found, made),
            "retention": _retention(found, rare, rng),
        },
        source="task-mixture",
    )
    theory = exponents(alpha=alpha, beta=beta)
    off = finite_width(np.sqrt(smallest * largest), alpha=alpha, beta=beta)
    slow = f"the second power of N(X) bends the line by {off:.2f} in the middle of the widths; and steps of one task"
    held = {
        name: Exponent("width", value, quantity=name, part="exact", tolerance=0.02 + 1.5 * off, reason=slow)
        for name, value in theory.items()
    }
    held["trained"] = Exponent(
        "expected", 1.0, part="trained", tolerance=0.03, reason="the last directions converge last; theory is the minimum"
    )
    return runs, Truth(held)


def _check(alpha: float, beta: float, smallest: int, largest: int, trained: int) -> None:
    for name, value in (("alpha", alpha), ("beta", beta)):
        between(name, value, low=0.05, high=10.0)
    if abs(alpha - beta) < APART:
        raise ConfigError(
            f"alpha = {alpha:g} and beta = {beta:g} are closer than {APART:g}",
            path="set.beta",
            hint="at equal exponents the powers carry a logarithm; move one of them",
        )
    between("smallest", smallest, low=8)
    between("largest", largest, low=4 * smallest, high=1_000_000, why="at least four times smallest")
    between("trained", trained, low=16, high=128)


def _check_training(found: Directions, rare: int, trained: int) -> None:
    within = int(np.sum(found.thresholds() <= LATE))
    if within < 2:
        raise ConfigError(
            f"no task but the first is learned by {LATE} units", path="set.alpha", hint="lower alpha, or raise beta"
        )
    between("rare", rare, low=2, high=within, why=f"later tasks are learned only by more than {LATE} units")
    widest = max(trained, 2 * int(found.thresholds()[rare - 1]))
    ratio = found.strength[0] / found.strength[widest]
    if ratio > STEEP:
        raise ConfigError(
            f"a network of {widest} units would have to learn directions {ratio:.2g} times weaker than the first",
            path="set.trained",
            hint="that takes too long; lower trained or rare, or alpha and beta",
        )


def _exact(found: Directions, widths: NDArray[np.int64]) -> dict[str, Array]:
    kept = np.cumsum(found.strength)
    firsts = np.cumsum(found.place == 1)
    return {
        "width": widths.astype(np.float64),
        "loss": found.total - kept[widths - 1],
        "learned": firsts[widths - 1].astype(np.float64),
        "pull": found.strength[widths],
    }


def _trained(found: Directions, made: dict[int, Trained]) -> dict[str, Array]:
    rows = []
    for width, net in made.items():
        seen = found.strength[: len(net.left)]
        learned = np.sum(net.left[found.place[: len(net.left)] == 1] < 0.5)
        loss = found.total - seen.sum() + seen @ net.left
        rows.append((width, loss, learned, net.pull, found.total - found.strength[:width].sum()))
    return dict(zip(("width", "loss", "learned", "pull", "expected"), np.array(rows, dtype=np.float64).T, strict=True))


def _tasks(found: Directions, made: dict[int, Trained]) -> dict[str, Array]:
    """Every task that the widest trained network sees, in each network."""
    first = found.thresholds()
    rows = []
    for width, net in made.items():
        seen = len(net.left)
        explained = np.bincount(found.task[:seen], weights=found.place[:seen] ** -(1.0 + found.beta) * (1 - net.left))
        best = np.bincount(
            found.task[:width], weights=found.place[:width] ** -(1.0 + found.beta), minlength=len(explained)
        )
        whole = zeta(1 + found.beta)
        for task in range(1, len(explained)):
            rows.append(
                (width, task, found.frequency(np.array([task]))[0], 1 - explained[task] / whole,
                 1 - best[task] / whole, first[task - 1])
            )  # fmt: skip
    names = ("width", "task", "frequency", "error", "expected", "threshold")
    return dict(zip(names, np.array(rows, dtype=np.float64).T, strict=True))


def _retention(found: Directions, rare: int, rng: np.random.Generator) -> dict[str, Array]:
    """Networks around the rare task's threshold that hold it from the start."""
    place = int(found.thresholds()[rare - 1])
    widths = sorted({max(2, round(place * factor)) for factor in (0.4, 0.55, 0.7, 1.25, 1.5, 2.0)})
    errors = [
        train(found.strength[: SPARE * width + place], width, rng, planted=place - 1).left[place - 1] for width in widths
    ]
    return {"width": np.array(widths, dtype=np.float64), "task": np.array([rare]), "error": np.array(errors),
            "frequency": found.frequency(np.array([rare])), "threshold": np.array([place])}  # fmt: skip
