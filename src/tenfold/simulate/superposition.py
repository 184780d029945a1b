"""Superposition: more features than dimensions; overlaps, the weak regime's sum, and a toy that is really trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import zeta

from tenfold.core.errors import DataError
from tenfold.core.law import Cite
from tenfold.core.runs import Runs
from tenfold.simulate.kinds import Exponent, Truth, simulator
from tenfold.simulate.parts import between, runs_of

Array = NDArray[np.float64]
Single = NDArray[np.float32]

SQUARE = 4 / 3  # mean of v^2 for a feature's value v, uniform between 0 and 2
VECTORS = 1000  # random unit vectors of the geometry part
WIDTHS = (16, 22, 32, 45, 64, 90, 128, 181, 256)  # and their dimensions
RATE, WARM, LAST = 1e-2, 0.1, 0.05  # of Adam: peak, share of warm-up, and where the cosine ends, as a share of the peak
JUDGED = 20  # batches of a thousand samples on which a trained toy is judged
NUMBERS = 2**24  # that one batch may hold
BETAS, TINY = (0.9, 0.999), 1e-8


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the rows of a matrix, one vector a feature, share its columns.

    ``overlap`` is the mean squared cosine of two rows: 1/m for rows that point anywhere in m dimensions. ``largest`` is
    the largest absolute cosine and ``welch`` the least that it can be, the bound of Welch. ``represented`` is the share
    of rows that are longer than half the unit: about m/n in weak superposition, 1 in strong.
    """

    features: int
    width: int
    overlap: float
    largest: float
    welch: float
    represented: float

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


def geometry(matrix: ArrayLike, *, unit: float = 1.0) -> Geometry:
    """Overlaps of the rows of an embedding, or of the columns of an unembedding once it is transposed.

    Args:
        matrix: features by width, any numbers; rows of length zero have no direction and enter ``represented`` only.
        unit: the length of a row that is fully represented.

    Raises:
        DataError: the matrix has not two axes, fewer than two rows with a direction, or numbers that are not finite.

    Example:
        >>> import numpy as np
        >>> from tenfold.simulate.superposition import geometry
        >>> found = geometry(np.random.default_rng(0).standard_normal((2000, 64)))
        >>> round(found.overlap * 64, 2), found.welch <= found.largest
        (1.0, True)
    """
    rows = np.asarray(matrix, dtype=np.float64)
    if rows.ndim != 2:
        raise DataError(f"a matrix of features by width has two axes, got {rows.ndim}", hint="pass one layer's weights.")
    if not np.isfinite(rows).all():
        raise DataError(f"{int((~np.isfinite(rows)).sum())} of the matrix's numbers are not finite")
    length = np.linalg.norm(rows, axis=1)
    pointed = rows[length > 0] / length[length > 0, None]
    n, m = pointed.shape
    if n < 2:
        raise DataError(f"overlaps take two rows that are not zero, got {n}")
    gram = pointed.T @ pointed  # the squares of all cosines sum to its squared norm
    overlap = (float((gram**2).sum()) - n) / (n * (n - 1))
    largest = 0.0
    for start in range(0, n, 512):
        cosines = np.abs(pointed[start : start + 512] @ pointed.T)
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = 0.0
        largest = max(largest, float(cosines.max()))
    return Geometry(len(rows), m, overlap, largest, welch(n, m), float((length > unit / 2).mean()))


def welch(features: int, width: int) -> float:
    """The least that the largest overlap of so many unit vectors can be: sqrt((n - m)/(m (n - 1))), 0 when they fit."""
    return float(np.sqrt(max(features - width, 0) / (width * (features - 1))))


def frequencies(features: int, alpha: float, active: float) -> Array:
    """How often each feature is on: as k^-alpha, ``active`` of them at a time on average, and never above 1."""
    shares = np.arange(1.0, features + 1) ** -alpha
    return np.asarray(np.minimum(active * shares / shares.sum(), 1.0))


def ideal_weak(p: Array, width: int) -> float:
    """Loss of a student that holds the ``width`` most frequent features and knows the mean of every other."""
    return float((SQUARE * p[width:] - p[width:] ** 2).sum())


def train(rng: np.random.Generator, p: Array, *, width: int, decay: float, steps: int, batch: int) -> tuple[Array, Array]:
    r"""Train y = relu(W W^T x + b) to reconstruct x, by Adam with decoupled decay; the final W and b.

    ``decay`` γ at least zero shrinks the rows, :math:`W_i \leftarrow W_i - \eta\gamma W_i`; below zero it pulls their
    length to 1, :math:`W_i \leftarrow W_i - \eta\gamma W_i(1/\|W_i\| - 1)`. The rate rises over the first tenth and falls
    along a cosine.
    """
    n = len(p)
    weights = (rng.standard_normal((n, width)) / np.sqrt(n)).astype(np.float32)
    params = [weights, np.zeros(n, np.float32)]
    first, second = [np.zeros_like(part) for part in params], [np.zeros_like(part) for part in params]
    on = p.astype(np.float32)
    for step in range(1, steps + 1):
        share = step / steps
        ramp = min(share / WARM, 1.0)
        rate = RATE * ramp * (LAST + (1 - LAST) * (1 + np.cos(np.pi * max(share - WARM, 0) / (1 - WARM))) / 2)
        for i, slope in enumerate(gradient(params[0], params[1], draw(rng, on, batch))):
            first[i] += (1 - BETAS[0]) * (slope - first[i])
            second[i] += (1 - BETAS[1]) * (slope**2 - second[i])
            scale = np.sqrt(second[i] / (1 - BETAS[1] ** step)) + TINY
            params[i] -= np.float32(rate / (1 - BETAS[0] ** step)) * first[i] / scale
        pull = decay if decay >= 0 else decay * (1 / np.linalg.norm(params[0], axis=1, keepdims=True) - 1)
        params[0] -= np.float32(rate) * np.float32(pull) * params[0]
    return params[0].astype(np.float64), params[1].astype(np.float64)


def draw(rng: np.random.Generator, p: Single, count: int) -> Single:
    """Samples: feature i is on with probability p_i, its value then uniform between 0 and 2."""
    shape = (count, len(p))
    return np.where(rng.random(shape, np.float32) < p, 2 * rng.random(shape, np.float32), np.float32(0))


def gradient(weights: Single, bias: Single, x: Single) -> tuple[Single, Single]:
    """Of the mean over samples of the squared error of relu(W W^T x + b)."""
    hidden = x @ weights
    output = np.maximum(hidden @ weights.T + bias, 0)
    push = 2 * (output - x) * (output > 0) / np.float32(len(x))
    return np.asarray(x.T @ (push @ weights) + push.T @ hidden), np.asarray(push.sum(axis=0))


def loss_of(weights: Array, bias: Array, x: ArrayLike) -> float:
    """Mean over samples of the squared error of the reconstruction."""
    inputs = np.asarray(x, dtype=np.float64)
    output = np.maximum(inputs @ weights @ weights.T + bias, 0)
    return float(((output - inputs) ** 2).sum(axis=1).mean())


@simulator(
    Cite(
        "Liu et al.",
        2025,
        "Superposition Yields Robust Neural Scaling",
        "arXiv:2505.10465",
        "the toy model, and the authors' code",
    )
)
def superposition(
    *,
    alpha: float = 2.0,
    active: float = 1.0,
    decay: float = 1.0,
    features: int = 96,
    narrow: int = 4,
    steps: int = 1200,
    batch: int = 256,
    seed: int = 0,
) -> tuple[Runs, Truth]:
    r"""Superposition: overlaps of many features in few dimensions, the weak regime's loss, and a small trained toy.

    Feature i is on with probability :math:`p_i \propto i^{-\alpha}`, its value then uniform between 0 and 2. A model of
    ``width`` m reconstructs it by :math:`y = \mathrm{relu}(W W^\top x + b)`. Weight decay sets how many features it
    holds: with few (weak superposition) the loss is what the others carry, with all (strong) it is their overlap.

    Parts of the table (label ``part``):

    * ``geometry``: ``overlap``, the mean squared cosine of 1000 random directions in m dimensions, :math:`m^{-1}`, which
      is why the loss falls as 1/m in strong superposition; ``largest`` overlap, and its least possible value ``welch``.
    * ``weak``: the loss of a model that holds the m most frequent of infinitely many features and nothing else,
      :math:`\langle v^2 \rangle \sum_{i>m} p_i`. :math:`m^{-(\alpha-1)}`, for ``alpha`` above 1 only.
    * ``trained_weak``, ``trained_strong``: W and b trained by Adam with decoupled weight decay at three widths.
      ``represented`` is the share of features longer than 1/2, the order parameter; ``closed_form`` the loss of a model
      that holds the m most frequent features and knows the mean of the others.

    No exponent is declared for the trained parts. Theory gives 1 in strong superposition while :math:`m^2/2` is far below
    the number of features, and that takes the published sizes (1000 features and more, 20,000 steps). At the sizes here
    the toy shows the two regimes by ``represented``. It also shows that weak is not ideal: features that rarely meet
    share a direction in opposite senses, so that more than m are held and the loss mostly lies below ``closed_form``.

    Args:
        alpha: decay of the features' frequencies.
        active: how many features are on at a time, on average.
        decay: strength of weight decay, γ: used as it is for weak superposition, and negative for strong.
        features: of the trained toy.
        narrow: its smallest width; the others are 1.5 and 2.25 times it.
        steps, batch: of its training.
        seed: of all that is drawn.

    Raises:
        ConfigError: a setting is outside its range.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("superposition", steps=20)
        >>> {name: exponent.value for name, exponent in made.truth.exponents.items()}
        {'overlap': -1.0, 'weak': -1.0}
    """
    between("alpha", alpha, low=0.0, high=4)
    between("active", active, low=1e-3, high=features / 2)
    between("decay", decay, low=0.0, high=10)
    between("narrow", narrow, low=2, high=256)
    between("features", features, low=4 * narrow, high=4096, why="superposition takes more features than dimensions")
    between("steps", steps, low=10, high=1_000_000)
    between("batch", batch, low=1, high=NUMBERS // features, why="a batch is held at once")
    rng = np.random.default_rng(seed)
    shared = [geometry(rng.standard_normal((VECTORS, width))) for width in WIDTHS]
    parts: dict[str, dict[str, ArrayLike]] = {
        "geometry": {
            "width": WIDTHS,
            **{name: [getattr(g, name) for g in shared] for name in ("overlap", "largest", "welch")},
        }
    }
    exponents = {"overlap": Exponent("width", -1.0, "overlap", "geometry", tolerance=0.005, reason="few vectors")}
    if alpha > 1:
        lost = SQUARE * active * zeta(alpha, np.array(WIDTHS) + 1) / zeta(alpha)
        parts["weak"] = {"width": WIDTHS, "loss": lost}
        whole = "the sum over whole numbers is an integral up to 1/m"
        exponents["weak"] = Exponent("width", 1 - alpha, part="weak", tolerance=0.02 * (alpha - 1), reason=whole)
    p = frequencies(features, alpha, active)
    for name, sign in (("trained_weak", 1), ("trained_strong", -1)):
        parts[name] = _trained(rng, p, narrow=narrow, decay=sign * decay, steps=steps, batch=batch)
    return runs_of(parts, source="simulated superposition"), Truth(exponents)


def _trained(
    rng: np.random.Generator, p: Array, *, narrow: int, decay: float, steps: int, batch: int
) -> dict[str, ArrayLike]:
    """Three trained widths: loss, order parameter, overlap and the loss of an ideal weak model."""
    widths = [narrow, round(1.5 * narrow), round(2.25 * narrow)]
    columns: dict[str, list[float]] = {"loss": [], "represented": [], "overlap": [], "closed_form": []}
    for width in widths:
        weights, bias = train(rng, p, width=width, decay=decay, steps=steps, batch=batch)
        found = geometry(weights)
        batches = (draw(rng, p.astype(np.float32), 1000) for _ in range(JUDGED))
        columns["loss"].append(float(np.mean([loss_of(weights, bias, x) for x in batches])))
        columns["represented"].append(found.represented)
        columns["overlap"].append(found.overlap)
        columns["closed_form"].append(ideal_weak(p, width))
    return {"width": widths, **columns}
