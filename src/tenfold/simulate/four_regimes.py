"""The four regimes of neural scaling: variance- and resolution-limited, in data and in size, each drawn and measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from tenfold.core.law import Cite
from tenfold.core.runs import Runs
from tenfold.simulate.kinds import Exponent, Truth, simulator
from tenfold.simulate.parts import between, runs_of
from tenfold.simulate.spectrum import Spectrum
from tenfold.simulate.teacher_student import learn

Array = NDArray[np.float64]

FEW = 8  # parameters of the small student, samples of the small data set
NOISE = 0.1  # variance of what the small student cannot learn: its loss at infinite data
MODES = 64  # of the kernel whose features are counted
ALPHA = 1.0  # and the decay of its spectrum beyond 1
TESTS = 2048  # points at which an interpolant is judged, a draw
GAPS = 8192  # between the points on a line, a draw
SAMPLES = {1: (128, 4096), 2: (256, 8192), 3: (512, 6144), 4: (2048, 65536)}  # what D runs over
KNOTS = {1: (12, 96), 2: (12, 64), 3: (10, 32), 4: (8, 18)}  # a side: P is this to the power of d


@dataclass(frozen=True, eq=False)
class Wave:
    """A smooth random function on the d-torus: one wave along each axis and one along each pair of axes."""

    waves: Array
    phase: Array
    size: Array

    @classmethod
    def drawn(cls, rng: np.random.Generator, d: int) -> Wave:
        """With random phases."""
        single = np.eye(d)
        waves = np.array([*single, *(single[i] + single[j] for i in range(d) for j in range(i))])
        size = np.where(np.arange(len(waves)) < d, 1.0, 0.5)
        return cls(waves, rng.uniform(0, 2 * np.pi, len(waves)), size)

    def __call__(self, x: Array) -> Array:
        """Values at points, shape (..., d)."""
        return np.asarray(np.cos(2 * np.pi * x @ self.waves.T + self.phase) @ self.size)


def nearest(points: Array, values: Array, at: Array) -> Array:
    """Values of the nearest points on the torus."""
    return np.asarray(values[cKDTree(points, boxsize=1.0).query(at)[1]])


def triangulated(points: Array, values: Array, at: Array) -> Array:
    """Piecewise-linear interpolation on the Delaunay triangulation of the points and their copies around the torus."""
    count, d = points.shape
    if d == 1:
        return np.interp(at[:, 0], points[:, 0], values, period=1.0)
    margin = min(3 * count ** (-1 / d), 0.5)
    for axis in range(d):
        low, high = points[:, axis] < margin, points[:, axis] > 1 - margin
        step = np.eye(d)[axis]
        points = np.concatenate([points, points[low] + step, points[high] - step])
        values = np.concatenate([values, values[low], values[high]])
    return np.asarray(LinearNDInterpolator(points, values)(at))


def gridded(target: Wave, knots: int, at: Array) -> Array:
    """Multilinear interpolation between knots on a regular grid, at which the target is known exactly."""
    d = at.shape[1]
    side = np.arange(knots) / knots
    grid = np.stack(np.meshgrid(*[side] * d, indexing="ij"), axis=-1)
    return np.asarray(map_coordinates(target(grid), at.T * knots, order=1, mode="grid-wrap"))


def small_student(rng: np.random.Generator, samples: Array, *, draws: int) -> Array:
    """Mean excess loss of least squares with few parameters: NOISE FEW/(D - FEW - 1) for Gaussian inputs."""
    excess = np.zeros(len(samples))
    for i, count in enumerate(samples.astype(int)):
        for _ in range(draws):
            inputs = rng.standard_normal((count, FEW))
            errors = np.sqrt(NOISE) * rng.standard_normal(count)
            off = np.linalg.solve(inputs.T @ inputs, inputs.T @ errors)
            excess[i] += off @ off / draws
    return excess


def small_data(rng: np.random.Generator, widths: Array, *, draws: int) -> tuple[Array, float]:
    """Mean excess loss over infinite width of kernel regression on few samples with random features, and its limit.

    The excess is of order 1/P while one draw of the features moves the loss by 1/sqrt(P). The part of that move that is
    linear in the features' Gram matrix has mean zero and is known, so it is taken off each draw.
    """
    spectrum = Spectrum(1 + ALPHA, 1 + ALPHA, count=MODES)
    spread = spectrum.k ** (-spectrum.b / 2)
    excess, limit, widest = np.zeros(len(widths)), 0.0, int(widths[-1])
    for _ in range(draws):
        weights = rng.choice([-1.0, 1.0], MODES)
        inputs = rng.standard_normal((FEW, MODES)) * spread
        whole = learn(inputs, weights, None)
        left = (weights - whole) * spread
        # d loss = -2 left . spread (1 - projection) (gram - 1) whole
        pull = left * spread
        pull = pull - inputs.T @ np.linalg.solve(inputs @ inputs.T, inputs @ pull)
        features = rng.standard_normal((widest, MODES))
        limit += float(left @ left) / draws
        for i, width in enumerate(widths.astype(int)):
            some = features[:width]
            off = (weights - learn(inputs, weights, some)) * spread
            linear = -2 * ((some @ pull) @ (some @ whole) / width - pull @ whole)
            excess[i] += (off @ off - left @ left - linear) / draws
    return excess, limit


def resolved(rng: np.random.Generator, d: int, *, draws: int) -> dict[str, dict[str, Array]]:
    """Losses of interpolants on the d-torus: by samples (nearest, linear), and by knots."""
    counts = np.unique(np.geomspace(*SAMPLES[d], 6).astype(int))
    knots = np.unique(np.geomspace(*KNOTS[d], 6).astype(int))
    triangles = {1: draws, 2: draws, 3: -(-draws // 4)}.get(d, 0)  # triangulating space costs seconds
    near, linear, size = np.zeros(len(counts)), np.zeros(len(counts)), np.zeros(len(knots))
    for draw in range(draws):
        target, at = Wave.drawn(rng, d), rng.random((TESTS, d))
        truth = target(at)
        for i, count in enumerate(counts):
            # On a line a few long gaps hold the loss: many sets of points, so that all sizes see as many gaps.
            sets = max(1, GAPS // count) if d == 1 else 1
            for _ in range(sets):
                points = rng.random((count, d))
                values = target(points)
                near[i] += np.mean((nearest(points, values, at) - truth) ** 2) / (draws * sets)
                if draw < triangles:
                    linear[i] += np.mean((triangulated(points, values, at) - truth) ** 2) / (triangles * sets)
        for i, side in enumerate(knots):
            size[i] += np.mean((gridded(target, int(side), at) - truth) ** 2) / draws
    samples = counts.astype(float)
    parts = {"nearest": {"tokens": samples, "loss": near}}
    if triangles:
        parts["linear"] = {"tokens": samples, "loss": linear}
    return parts | {"knots": {"params": knots.astype(float) ** d, "loss": size}}


@simulator(Cite("Bahri et al.", 2021, "Explaining Neural Scaling Laws", "arXiv:2102.06701", "the four regimes"))
def four_regimes(*, d: int = 2, draws: int = 8, seed: int = 0) -> tuple[Runs, Truth]:
    r"""The four regimes of neural scaling: variance- and resolution-limited, in data and in size.

    Parts of the table (label ``part``):

    * ``variance_data``: a student of 8 parameters, far more samples ``tokens`` than that. The loss tends to what the
      student cannot learn; the excess falls as :math:`D^{-1}` (exactly as 1/(D - 9), for least squares on Gaussian
      inputs).
    * ``variance_width``: kernel regression on 8 samples with far more random features ``params``. The loss tends to that
      of the whole kernel; the excess falls as :math:`P^{-1}`. ``width`` is the same number: a deep network has
      parameters as its width squared, so that there :math:`W^{-1} = P^{-1/2}`.
    * ``nearest``: the nearest of D samples on a torus of ``d`` dimensions. :math:`D^{-2/d}`.
    * ``linear``: piecewise-linear interpolation on their Delaunay triangulation, for d up to 3. :math:`D^{-4/d}`.
    * ``knots``: piecewise-multilinear interpolation between P = ``params`` knots, all data known. :math:`P^{-4/d}`.

    The target of the last three is a smooth random function on the torus: one period along each axis and along each pair
    of axes. Losses are mean squared errors, means over draws; in the first two they are the known limit and the mean
    excess, with what has mean zero taken off.

    :func:`tenfold.regime.classify_regime` tells the regimes apart from the exponents that were measured.

    Args:
        d: dimension of the torus, 1 to 4.
        draws: targets and point sets that are averaged; the first two parts take 32 and 64 times as many,
            triangulations of space a quarter.
        seed: of all that is drawn.

    Raises:
        ConfigError: a setting is outside its range.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("four-regimes", d=1, draws=2)
        >>> made.truth["nearest"].value, made.truth["linear"].value
        (-2.0, -4.0)
    """
    between("d", d, low=1, high=4, why="the points that more dimensions need are beyond this model")
    between("draws", draws, low=1, high=1000)
    rng = np.random.default_rng(seed)
    samples, widths = (FEW * np.geomspace(2.0**low, 2.0**high, high - low + 1) for low, high in ((5, 10), (4, 8)))
    excess = small_student(rng, samples, draws=32 * draws)
    wide, limit = small_data(rng, widths, draws=64 * draws)
    parts: dict[str, dict[str, Array]] = {
        "variance_data": {"tokens": samples, "loss": NOISE + excess},
        "variance_width": {"params": widths, "width": widths, "loss": limit + wide},
        **resolved(rng, d, draws=draws),
    }
    notes = ("tokens are samples; a missing axis has no limit, or is fixed and small",)
    noise = float(np.sqrt(8 / draws))
    smooth = "the target is not yet resolved at the small end, and few draws"
    declared = {
        "variance_data": Exponent(
            "tokens", -1.0, floor=NOISE, tolerance=0.01 + 0.03 * noise, reason="1/(D - 9), few draws"
        ),
        "variance_width": Exponent("params", -1.0, floor=limit, tolerance=0.03 + 0.04 * noise, reason="terms of 1/P^2"),
        "nearest": Exponent("tokens", -2 / d, tolerance=0.04 * noise / d + 0.02, reason=smooth),
        "linear": Exponent("tokens", -4 / d, tolerance=0.12 * noise / d + 0.02, reason=smooth),
        "knots": Exponent("params", -4 / d, tolerance=0.01 + 0.06 / d, reason=smooth),
    }
    return runs_of(parts, source="simulated four-regimes", notes=notes), Truth(
        {name: replace(declared[name], part=name) for name in parts}
    )
