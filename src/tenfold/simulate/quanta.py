"""The quantization model: skills learned in order of frequency give power laws in size, data and steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, zeta

from tenfold.core.law import Cite
from tenfold.core.runs import Runs
from tenfold.simulate.kinds import Exponent, Truth, simulator
from tenfold.simulate.parts import between, runs_of
from tenfold.simulate.spectrum import modes

Array = NDArray[np.float64]

KNOWN = 100_000  # quanta that sampled tasks are told apart among; later ones are too rare to be learned here
TESTS = 1_000_000  # drawn tasks on which a sampled model of known size is judged
SEEN = 400  # tasks it must fail on, of all draws, for its loss to be worth a row: a standard error of 5 %


def expected(tokens: Array, *, alpha: float, threshold: int) -> Array:
    """Mean loss after so many tasks: quantum k is missing while fewer than ``threshold`` of them used it.

    The number that used it is taken as Poisson, which for rare quanta it is.
    """
    k, weight = modes(alpha)
    shares = k ** -(1 + alpha) / zeta(1 + alpha)
    missing = gammaincc(threshold, tokens[:, None] * shares)
    return np.asarray(missing * shares @ weight)


def sampled(rng: np.random.Generator, tokens: Array, *, alpha: float, threshold: int) -> Array:
    """Loss along one stream of drawn tasks, each amount the beginning of the next."""
    shares = np.arange(1.0, KNOWN + 1) ** -(1 + alpha) / zeta(1 + alpha)
    rest = 1 - shares.sum()
    uses, losses, before = np.zeros(KNOWN + 1, dtype=np.int64), np.empty(len(tokens)), 0
    for i, total in enumerate(np.round(tokens).astype(np.int64)):
        uses += rng.multinomial(total - before, [*shares, rest])
        before = total
        losses[i] = shares[uses[:KNOWN] < threshold].sum() + rest
    return losses


def judged(rng: np.random.Generator, sizes: Array, *, alpha: float) -> Array:
    """The share of drawn tasks that models of the most used quanta fail on."""
    shares = np.arange(1.0, KNOWN + 1) ** -(1 + alpha) / zeta(1 + alpha)
    uses = rng.multinomial(TESTS, [*shares, 1 - shares.sum()])
    return np.asarray(1 - np.cumsum(uses)[sizes.astype(int) - 1] / TESTS)


@simulator(Cite("Michaud et al.", 2023, "The Quantization Model of Neural Scaling", "arXiv:2303.13506", "theory"))
def quanta(
    *,
    alpha: float = 0.5,
    threshold: int = 1,
    batch: int = 64,
    need: int = 4,
    floor: float = 0.0,
    draws: int = 4,
    points: int = 16,
    seed: int = 0,
) -> tuple[Runs, Truth]:
    r"""The quantization model: skills used with a power-law frequency, each learned whole or not at all.

    A task uses one quantum; quantum k is used with :math:`p_k \propto k^{-(1+\alpha)}`, without end. A task costs 1 while
    its quantum is not learned, and nothing after; ``floor`` is added to every loss.

    Parts of the table (label ``part``), each as an expectation and, with ``_sampled``, with drawn tasks:

    * ``params``: a model of N = ``params`` quanta has the N most used. :math:`N^{-\alpha}`. Sampled: the loss is measured
      on a million drawn tasks.
    * ``data``: training to the end on D = ``tokens`` tasks, over many epochs, gives every quantum that ``threshold`` of
      them use. :math:`D^{-\alpha/(1+\alpha)}`. Sampled: the D tasks are drawn.
    * ``steps``: one pass over fresh tasks in batches of ``batch``. A step moves a quantum by its share of the batch, and
      it is learned once these shares sum to ``need``: that is after ``need`` times ``batch`` of its tasks.
      :math:`S^{-\alpha/(1+\alpha)}`. Sampled: every batch is drawn.

    In samples the first 100,000 quanta are told apart; later ones are never learned. Losses are means over ``draws``.

    Args:
        alpha: decay of the frequencies beyond 1, and the exponent of size.
        threshold: tasks that it takes to learn a quantum from data that are used many times.
        batch: tasks a step. need: sum of the shares that it takes to learn a quantum in one pass.
        floor: the loss of a model that knows all.
        draws: repeats of the sampled parts.
        points: rows of a part.
        seed: of the drawn tasks.

    Raises:
        ConfigError: a setting is outside its range.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("quanta", alpha=0.5)
        >>> made.truth["params"].value, round(made.measured()["params"], 3)
        (-0.5, -0.5)
    """
    between("alpha", alpha, low=0.1, high=2, why="below .1 the quanta that matter are too many, above 2 too few")
    between("threshold", threshold, low=1, high=1000)
    between("batch", batch, low=1, high=4096)
    between("need", need, low=1, high=64)
    between("floor", floor, low=0.0, high=1e3)
    between("draws", draws, low=1, high=1000)
    between("points", points, low=5, high=1000)
    rng = np.random.default_rng(seed)
    # Sizes from 8 quanta on; data and steps from where about as many are learned.
    start = zeta(1 + alpha) * 8 ** (1 + alpha)
    sizes = np.unique(np.geomspace(8, 4096, points).astype(int)).astype(float)
    tokens = np.round(np.geomspace(1.0, 2048.0, points) * threshold * start)
    steps = np.round(np.geomspace(1.0, 128.0, points) * need * start)
    known = zeta(1 + alpha, sizes + 1) / zeta(1 + alpha)
    often = known * TESTS * draws >= SEEN
    mean = {
        "params": np.mean([judged(rng, sizes[often], alpha=alpha) for _ in range(draws)], axis=0),
        "data": np.mean([sampled(rng, tokens, alpha=alpha, threshold=threshold) for _ in range(draws)], axis=0),
        "steps": np.mean(
            [sampled(rng, steps * batch, alpha=alpha, threshold=need * batch) for _ in range(draws)], axis=0
        ),
    }
    late = expected(steps * batch, alpha=alpha, threshold=need * batch)
    parts = {
        "params": {"params": sizes, "loss": floor + known},
        "data": {"tokens": tokens, "loss": floor + expected(tokens, alpha=alpha, threshold=threshold)},
        "steps": {"steps": steps, "tokens": steps * batch, "loss": floor + late},
        "params_sampled": {"params": sizes[often], "loss": floor + mean["params"]},
        "data_sampled": {"tokens": tokens, "loss": floor + mean["data"]},
        "steps_sampled": {"steps": steps, "tokens": steps * batch, "loss": floor + mean["steps"]},
    }
    return runs_of(parts, source="simulated quanta"), Truth(_declared(alpha, floor, parts, draws=draws))


def _declared(alpha: float, floor: float, parts: Mapping[str, Mapping[str, Array]], *, draws: int) -> dict[str, Exponent]:
    """Exponents by part; a sampled one may be off by what the expectation is off, and by its draws."""
    theory = {
        "params": ("params", -alpha),
        "data": ("tokens", -alpha / (1 + alpha)),
        "steps": ("steps", -alpha / (1 + alpha)),
    }
    out = {}
    for part in parts:
        axis, value = theory[part.removesuffix("_sampled")]
        drawn = part.endswith("_sampled")
        out[part] = Exponent(
            axis,
            value,
            part=part,
            floor=floor,
            tolerance=0.01 + 0.02 * abs(value) + ((0.02 + 0.04 * abs(value)) * 2 / draws**0.5 if drawn else 0.0),
            reason="the first quanta are whole numbers" + (", and few draws" if drawn else ""),
        )
    return out
