"""Kernel regression drawn and solved: teachers, students, samples and features, beside the closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tenfold.core.runs import Runs
from tenfold.simulate.kernel import KERNELS, declared
from tenfold.simulate.kinds import Truth, simulator
from tenfold.simulate.parts import between, runs_of, whole_grid
from tenfold.simulate.spectrum import Spectrum

Array = NDArray[np.float64]

EXTRA = 8  # modes for each sample or feature, at least


def learn(inputs: Array, weights: Array, features: Array | None) -> Array:
    """The least-norm fit: weights over the modes that a student has after training on the teacher's targets.

    Args:
        inputs: samples by modes. weights: the teacher's, one a mode.
        features: features by modes, what the student sees of the inputs; all modes when left out.

    Raises:
        numpy.linalg.LinAlgError: the least-squares problem could not be solved.

    Example:
        >>> import numpy as np
        >>> from tenfold.simulate.teacher_student import learn
        >>> learn(np.array([[1.0, 0.0]]), np.array([3.0, 5.0]), None).tolist()
        [3.0, 0.0]
    """
    seen = inputs if features is None else inputs @ features.T
    targets = inputs @ weights
    if seen.shape[0] <= seen.shape[1]:  # interpolate
        readout = seen.T @ np.linalg.solve(seen @ seen.T, targets)
    else:
        readout = np.linalg.lstsq(seen, targets)[0]
    return np.asarray(readout if features is None else features.T @ readout)


def best(weights: Array, features: Array, spread: Array) -> Array:
    """What a student of these features has learned from all data: the projection in the metric of the inputs."""
    scaled = features * spread
    return np.asarray(features.T @ np.linalg.solve(scaled @ scaled.T, scaled @ (weights * spread)))


@simulator(KERNELS)
def teacher_student(
    *,
    alpha: float = 1.0,
    target: float = 0.0,
    smallest: int = 8,
    largest: int = 128,
    modes: int = 2048,
    draws: int = 64,
    seed: int = 0,
) -> tuple[Runs, Truth]:
    r"""Kernel regression drawn and solved: the mean test loss of real students beside its closed form.

    Inputs are Gaussian in ``modes`` modes of variance :math:`k^{-(1+\alpha)}`; the teacher is linear in them, with mode k
    holding :math:`k^{-(1+\tau)}` of its variance and a random sign. The student is a kernel method: it sees all modes, or
    P random projections of them, and takes the least-norm fit to D samples. Its test loss is exact for each draw, as the
    distribution of the inputs is known; losses are means over ``draws``, ``loss_se`` their standard errors, and
    ``closed_form`` is what :class:`tenfold.simulate.spectrum.Spectrum` gives for the same number of modes.

    Parts of the table (label ``part``):

    * ``data``: ``tokens`` D, all features. :math:`D^{-\min(\tau,\,2(1+\alpha))}`.
    * ``size``: ``params`` P, all data. :math:`P^{-\min(\tau,\,1+\alpha)}`.
    * ``grid``: both finite, at least a factor of two apart: nearer to P = D the mean over draws has no finite spread.

    Exponents hold while D and P are far below ``modes``: what lies beyond the last mode is missing from the loss.

    Args:
        alpha: decay of the eigenvalues beyond 1.
        target: decay of the target's variance beyond 1; 0 for ``alpha``, where data and size are dual.
        smallest, largest: ends of samples and of features; each is about 1.4 times the one before.
        modes: of the inputs; at least 8 for each sample or feature.
        draws: how many teachers, with their samples and features, are averaged.
        seed: of all that is drawn.

    Raises:
        ConfigError: a setting is outside its range.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("teacher-student", largest=64, modes=512, draws=8)
        >>> ratio = made.runs.column("loss") / made.runs.column("closed_form")
        >>> bool(abs(ratio.mean() - 1) < 0.1)
        True
    """
    between("alpha", alpha, low=0.05, high=2, why="above 2 the kernel's matrices are too ill-conditioned for doubles")
    between("target", target, low=0.0, high=12)
    tau = target or alpha
    between("target", tau, low=0.05, why="give 0 for the same decay as the kernel's")
    between("smallest", smallest, low=4)
    between("largest", largest, low=8 * smallest, high=1024, why="a slope takes most of a decade of sizes")
    between("modes", modes, low=EXTRA * largest, high=32768, why=f"it takes {EXTRA} modes for each sample")
    between("draws", draws, low=2, high=10_000)
    spectrum = Spectrum(1 + tau, 1 + alpha, count=modes)
    n = whole_grid(smallest, largest, ratio=np.sqrt(2))
    coarse = whole_grid(smallest, largest, ratio=2)
    pairs = [(int(d), int(p)) for d in coarse for p in coarse if max(d, p) >= 2 * min(d, p)]
    losses: list[list[float]] = []
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        losses.append(_one(rng, spectrum, n, pairs))
    mean, error = np.mean(losses, axis=0), np.std(losses, axis=0, ddof=1) / np.sqrt(draws)
    d, p = np.array(pairs).T
    cuts = {"data": slice(0, len(n)), "size": slice(len(n), 2 * len(n)), "grid": slice(2 * len(n), None)}
    axes = {"data": {"tokens": n}, "size": {"params": n}, "grid": {"tokens": d, "params": p}}
    closed = {"data": spectrum.data_limited(n), "size": spectrum.size_limited(n), "grid": spectrum.ridgeless(d, p)}
    parts = {
        name: {**axes[name], "loss": mean[cut], "loss_se": error[cut], "closed_form": closed[name]}
        for name, cut in cuts.items()
    }
    notes = ("tokens are samples, params are features; a missing axis has no limit",)
    runs = runs_of(parts, source="simulated teacher-student", notes=notes)
    noise = 0.02 * 8 / float(np.sqrt(draws)) * float(np.log(16) / np.log(largest / smallest))
    return runs, Truth(declared(spectrum, low=smallest, high=largest, noise=noise))


def _one(rng: np.random.Generator, spectrum: Spectrum, n: NDArray[np.int64], pairs: list[tuple[int, int]]) -> list[float]:
    """Test losses of one draw: data, size, grid."""
    k, largest = spectrum.k, int(n[-1])
    spread = k ** (-spectrum.b / 2)
    weights = k ** ((spectrum.b - spectrum.a) / 2) * rng.choice([-1.0, 1.0], len(k))
    inputs = rng.standard_normal((largest, len(k))) * spread
    features = rng.standard_normal((largest, len(k)))

    def tested(learned: Array) -> float:
        return float(((weights - learned) * spread) @ ((weights - learned) * spread))

    data = [tested(learn(inputs[:d], weights, None)) for d in n]
    size = [tested(best(weights, features[:p], spread)) for p in n]
    return data + size + [tested(learn(inputs[:d], weights, features[:p])) for d, p in pairs]
