"""Linear regression on random features under gradient flow: time, size, data and compute, each with its exponent."""

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
from tenfold.simulate.spectrum import Spectrum

Array = NDArray[np.float64]

APART = 0.2  # power of N by which a third term must fall faster for the compute exponents to be declared
FINE = 1.15  # ratio of neighbouring sizes: the best size of a compute is read off this grid
NEAR = 0.7  # half width, in ln N, of the parabola that is fitted around the best size
EXTRA = 8  # modes that are drawn, per feature of the largest student, at least
NUMBERS = 2**26  # that one draw may hold: half a gigabyte


@dataclass(frozen=True, eq=False)
class Students:
    """Gradient flow of nested students in closed form: student n is the first n features of one draw.

    Its loss at time t is ``left + sum(held exp(-2 rate t))``; one entry of each list a draw and size. ``ended`` is the
    loss at the end of training, draws by sizes, averaged over all disjoint students of that size in the draw.
    """

    sizes: NDArray[np.int64]
    rate: list[list[Array]]
    held: list[list[Array]]
    left: list[list[float]]
    ended: Array

    def loss(self, size: int, times: Array) -> Array:
        """Loss of one size, by index, at given times: draws by times."""
        rows = [
            left[size] + np.exp(-2 * np.outer(times, rate[size])) @ held[size]
            for rate, held, left in zip(self.rate, self.held, self.left, strict=True)
        ]
        return np.array(rows)

    def surface(self, times: Array) -> Array:
        """Mean loss over the draws: sizes by times; ``times`` holds one row for all sizes, or one row a size."""
        grid = np.broadcast_to(times, (len(self.sizes), np.shape(times)[-1]))
        return np.array([self.loss(i, grid[i]).mean(axis=0) for i in range(len(self.sizes))])


def students(
    rng: np.random.Generator, sizes: NDArray[np.int64], *, a: float, b: float, modes: int, draws: int
) -> Students:
    r"""Draw Gaussian features and diagonalise: exact gradient flow on the population loss for every size.

    The kernel of a student of N features is :math:`N^{-1} A \Lambda A^\top`. Modes beyond ``modes`` are not cut: they add
    their mean, :math:`N^{-1} \sum_{k > M} \lambda_k`, to its diagonal, and their part of the target is drawn. What is
    neglected is the fluctuation of that mean, of relative size :math:`(N/M)^{1/2}`.
    """
    largest, k = int(sizes[-1]), np.arange(1.0, modes + 1)
    rate, held, left = [], [], []
    ended = np.empty((draws, len(sizes)))
    for draw in range(draws):
        scaled = rng.standard_normal((largest, modes)) * k ** (-b / 2)
        gram = scaled @ scaled.T
        gram[np.diag_indices(largest)] += zeta(b, modes + 1)
        signal = scaled @ k ** (-a / 2) + rng.standard_normal(largest) * np.sqrt(zeta(a + b, modes + 1))
        pairs = [np.linalg.eigh(gram[:n, :n] / n) for n in sizes]
        parts = [(v.T @ signal[:n] / np.sqrt(n)) ** 2 / w for n, (w, v) in zip(sizes, pairs, strict=True)]
        rate.append([w for w, _ in pairs])
        held.append(parts)
        left.append([float(zeta(a, 1) - part.sum()) for part in parts])
        for i, n in enumerate(sizes):
            learned = [signal[rows] @ np.linalg.solve(gram[rows, rows], signal[rows]) for rows in blocks(n, largest)]
            ended[draw, i] = zeta(a, 1) - np.mean(learned)
    return Students(sizes, rate, held, left, ended)


def blocks(n: int, total: int) -> list[slice]:
    """Disjoint blocks of n rows out of ``total``."""
    return [slice(start, start + n) for start in range(0, total - n + 1, n)]


def trained_to_the_end(
    rng: np.random.Generator, counts: NDArray[np.int64], *, a: float, b: float, modes: int, draws: int
) -> Array:
    """Test loss of the infinite student at the end of gradient flow on few samples: draws by counts.

    Each draw's samples are split into as many disjoint sets of a count as they give. Modes beyond ``modes`` act as in
    :func:`students`: on the diagonal of the samples' Gram matrix and as noise of the targets; what is learned of them by
    chance is kept.
    """
    largest, k = int(counts[-1]), np.arange(1.0, modes + 1)
    unseen, shared, square = zeta(a, modes + 1), zeta(a + b, modes + 1), zeta(2 * b, modes + 1)
    weights = k ** ((b - a) / 2)
    losses = np.empty((draws, len(counts)))
    for draw in range(draws):
        inputs = rng.standard_normal((largest, modes)) * k ** (-b / 2)
        noise = rng.standard_normal(largest) * np.sqrt(unseen)
        target = inputs @ weights + noise
        gram = inputs @ inputs.T
        gram[np.diag_indices(largest)] += zeta(b, modes + 1)
        for i, n in enumerate(counts):
            tested = []
            for rows in blocks(n, largest):
                dual = np.linalg.solve(gram[rows, rows], target[rows])
                seen = k**-b @ (weights - dual @ inputs[rows]) ** 2
                tested.append(seen + unseen + square * dual @ dual - 2 * shared / unseen * (dual @ noise[rows]))
            losses[draw, i] = np.mean(tested)
    return losses


def frontier(made: Students, *, slope: float) -> dict[str, Array]:
    """The best size of each compute C = N t, between sizes, by a parabola through the losses near the best one.

    Compute runs over what has its best size well inside the grid; ``slope`` is the exponent of the best size in theory
    and only sets where to look.
    """
    log_n = np.log(made.sizes.astype(float))
    middle = (log_n[0] + log_n[-1]) / 2
    reach = (log_n[-1] - log_n[0]) / slope
    compute = np.exp(np.linspace(middle / slope - 2 * reach, middle / slope + 2 * reach, 161))
    losses = np.log(made.surface(compute / made.sizes[:, None]))
    rows = []
    for c, column in zip(compute, losses.T, strict=True):
        best = log_n[np.argmin(column)]
        if not log_n[0] + NEAR < best < log_n[-1] - NEAR:
            continue
        near = np.abs(log_n - best) <= NEAR
        bend, tilt, base = np.polyfit(log_n[near] - best, column[near], 2)
        if bend > 0 and abs(tilt) <= 2 * bend * NEAR:
            size = np.exp(best - tilt / (2 * bend))
            rows.append((c, size, c / size, np.exp(base - tilt**2 / (4 * bend))))
    if len(rows) < 3:
        raise ConfigError(
            "the sizes are too few for a compute frontier", path="set.largest", hint="raise largest, or lower smallest."
        )
    return dict(zip(("flops", "params", "steps", "loss"), np.array(rows).T, strict=True))


def exponents(*, a: float, b: float) -> dict[str, float]:
    """The exponents of theory, as slopes: time, size, data, compute, and what compute is spent on.

    Example:
        >>> from tenfold.simulate.random_features import exponents
        >>> {name: round(value, 4) for name, value in exponents(a=1.5, b=1.25).items()}
        {'time': -0.4, 'size': -0.5, 'data': -0.5, 'compute': -0.2222, 'best_params': 0.4444, 'best_steps': 0.5556}
    """
    spent = 1 / (1 + b) if a - 1 <= b else (a - b) / a
    return {
        "time": -(a - 1) / b,
        "size": -min(a - 1, b),
        "data": -min(a - 1, 2 * b),
        "compute": -(a - 1) / (1 + b) if a - 1 <= b else -(a - 1) / a,
        "best_params": spent,
        "best_steps": 1 - spent,
    }


@simulator(
    Cite("Bordelon et al.", 2024, "A Dynamical Model of Neural Scaling Laws", "arXiv:2402.01092", "eqs. 14 and 17")
)
def random_features(
    *,
    a: float = 1.5,
    b: float = 1.25,
    smallest: int = 16,
    largest: int = 512,
    modes: int = 4096,
    draws: int = 8,
    seed: int = 0,
) -> tuple[Runs, Truth]:
    r"""Linear regression on random features under gradient flow: exponents of time, size, data and compute.

    The target is a sum of modes with variances :math:`k^{-a}`, the inputs' mode k has the variance :math:`k^{-b}`. A
    student of N features sees Gaussian projections of the modes and learns by gradient flow on the squared error, which
    is solved exactly by diagonalisation. Mode 1 alone carries a loss of 1; the loss tends to zero on every axis.

    Parts of the table (label ``part``):

    * ``time``: loss against ``steps`` t, without limit of size and data, in closed form. :math:`t^{-(a-1)/b}`.
    * ``size``: loss against ``params`` N at the end of training, all data. :math:`N^{-\min(a-1,\,b)}`.
    * ``data``: test loss against ``tokens`` P (samples) at the end of training, all features.
      :math:`P^{-\min(a-1,\,2b)}`.
    * ``compute``: the best loss at compute ``flops`` :math:`C = N t`, with the ``params`` and ``steps`` that reach it.
      While a - 1 < b, :math:`C^{-(a-1)/(1+b)}` and :math:`N^* \propto C^{1/(1+b)}`; beyond, :math:`C^{-(a-1)/a}` and
      :math:`N^* \propto C^{(a-b)/a}`.
    * ``surface``: loss at a grid of ``params`` and ``steps``, to fit laws of two axes. Where both bind, the loss lies
      near the larger of its two limits: a law that sums them, such as ``A*N**-alpha + B*D**-beta``, gets the exponent of
      time wrong by a factor of two, while ``kaplan_nd``, whose turn is sharper, finds both to within a few hundredths.

    No compute exponent is declared where the terms of the loss fall so much alike that sizes in reach do not tell them
    apart: :func:`separation` below 0.2, near a - 1 = b.

    Every loss is a mean over ``draws`` of the features (for ``data`` of the samples), ``loss_se`` its standard error. In
    ``compute`` and ``surface`` the sizes of a draw are nested, so that the best size of a compute is smooth; in ``size``
    and ``data`` a draw is split into disjoint students, or sets of samples.

    Where it departs from the paper: eq. 14 there gives the size exponent as :math:`\min(a-1, 2b)`. What a random
    projection leaves of mode k is its share :math:`\kappa/(\lambda_k+\kappa)` and not the square of it, so that the
    exponent is :math:`\min(a-1, b)`, as in Paquette et al. (2024), arXiv:2405.15074; the simulation says the same. There
    too stand the compute exponents beyond a - 1 = b, where the finite student slows training by a term
    :math:`N^{-1} t^{-(b-1)/b}`. For a - 1 < b nothing differs.

    Args:
        a: decay of the target's variance over modes; above 1.
        b: decay of the inputs' variance over modes; above 1.
        smallest, largest: ends of the sizes, and of the numbers of samples; each is 1.15 times the one before.
        modes: modes that are drawn; at least 8 for each feature of the largest student. Later ones act by their mean.
        draws: how many sets of features, and of samples, are averaged.
        seed: of the features and the samples.

    Raises:
        ConfigError: a setting is outside its range.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("random-features", largest=256, modes=2048, draws=2)
        >>> abs(made.measured()["time"] - made.truth["time"].value) < 0.01
        True
    """
    between("a", a, low=1.05, high=6, why="the target's variance must be finite; above 6 one mode holds it all")
    between(
        "b", b, low=1.05, high=4, why="the inputs' variance must be finite; above 4 doubles do not resolve the kernel"
    )
    between("smallest", smallest, low=16)
    between("largest", largest, low=16 * smallest, high=2048, why="a slope takes a decade of sizes")
    between("modes", modes, low=EXTRA * largest, high=NUMBERS // largest, why=f"it takes {EXTRA} modes for each feature")
    between("draws", draws, low=1, high=1000)
    theory, limits = exponents(a=a, b=b), Spectrum(a, b)
    features, samples = (np.random.default_rng([seed, stream]) for stream in (1, 2))
    sizes = whole_grid(smallest, largest, ratio=FINE)
    made = students(features, sizes, a=a, b=b, modes=modes, draws=draws)
    tested = trained_to_the_end(samples, sizes, a=a, b=b, modes=modes, draws=draws).T
    times = 0.5 * np.geomspace(smallest, 64 * largest, 40) ** b
    few, some = sizes[::4], 0.5 * np.geomspace(smallest / 2, 2 * largest, 24) ** b
    grid = made.surface(some)[::4]
    runs = runs_of(
        {
            "time": {"steps": times, "loss": limits.remaining(times)},
            "size": {"params": sizes, **_mean(made.ended.T)},
            "data": {"tokens": sizes, **_mean(tested)},
            "compute": frontier(made, slope=theory["best_params"]),
            "surface": {
                "params": np.repeat(few, len(some)),
                "steps": np.tile(some, len(few)),
                "flops": np.outer(few, some).ravel(),
                "loss": grid.ravel(),
            },
        },
        source="simulated random-features",
        notes=("steps are time under gradient flow; flops are params times steps; a missing axis has no limit",),
    )
    return runs, Truth(_declared(theory, sizes, limits, draws=draws))


def _mean(losses: Array) -> dict[str, Array]:
    """Mean over draws, the last axis, and its standard error."""
    draws = losses.shape[-1]
    error = losses.std(axis=-1, ddof=1) / np.sqrt(draws) if draws > 1 else np.full(len(losses), np.nan)
    return {"loss": losses.mean(axis=-1), "loss_se": error}


def _declared(
    theory: dict[str, float], sizes: NDArray[np.int64], spectrum: Spectrum, *, draws: int
) -> dict[str, Exponent]:
    """The exponents, each with how far these finite runs may lie from it."""
    noise = float(2 / np.sqrt(draws) * (np.log(32) / np.log(sizes[-1] / sizes[0])) ** 2)  # 1 at 4 draws and 1.5 decades
    reach = "terms of order 1/N at the small end, and few draws"
    near = spectrum.a - 1 <= spectrum.b

    def finite(name: str, axis: str, closed: Array) -> Exponent:
        """What the closed form is off by over these sizes, and .03 for the draws."""
        slope = float(np.polyfit(np.log(sizes), np.log(closed), 1)[0])
        why = f"few draws; over these sizes the closed form has the slope {slope:.3f}"
        return Exponent(axis, theory[name], part=name, tolerance=abs(slope - theory[name]) + 0.03 * noise, reason=why)

    def best(name: str, quantity: str, tolerance: float) -> Exponent:
        allowed = tolerance * noise * (1 if near else 2)
        return Exponent("flops", theory[name], quantity, "compute", tolerance=allowed, reason=reach)

    declared = {
        "time": Exponent("steps", theory["time"], part="time", tolerance=1e-3, reason="a closed form; the first modes"),
        "size": finite("size", "params", spectrum.size_limited(sizes)),
        "data": finite("data", "tokens", spectrum.data_limited(sizes)),
    }
    if separation(a=spectrum.a, b=spectrum.b) < APART:
        return declared
    return declared | {
        "compute": best("compute", "loss", max(0.04, 0.08 * abs(theory["compute"]))),
        "best_params": best("best_params", "params", 0.07),
        "best_steps": best("best_steps", "steps", 0.07),
    }


def separation(*, a: float, b: float) -> float:
    """By which power of N the third term of the loss lies below the two that meet at the best size.

    Near zero, at a - 1 = b and far beyond it with b near 1, no size in reach shows the compute exponents of theory.
    """
    return b - (a - 1) if a - 1 <= b else b - (a - 1) / (a - b)
