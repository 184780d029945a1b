"""A perceptron trained by stochastic gradient descent: how its noise and the number of examples set signal and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gamma, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, stdtr

from tenfold.core.errors import ConfigError
from tenfold.core.law import Cite
from tenfold.core.runs import Runs
from tenfold.simulate.kinds import Exponent, Truth, simulator
from tenfold.simulate.parts import between, runs_of, whole_grid

Array = NDArray[np.float64]

QUIET = 100  # examples in a row that are looked at at once for the next violated one, at least
WORK = 4e9  # multiplications that training once on the most examples may take, about ten seconds
STEADY, ENDED = 5.0, 20.0  # signal over the noise along the boundary between which online training is measured
SAMPLES = 3e6  # of online training, at most
CHECKPOINTS = 8


def moment(order: float) -> float:
    """E[u^order; u > 0] of a standard normal u.

    Example:
        >>> from tenfold.simulate.perceptron import moment
        >>> round(moment(0), 12), round(moment(2), 12)
        (0.5, 0.5)
    """
    return 2 ** (order / 2 - 1) * gamma((order + 1) / 2) / sqrt(pi)


def density(chi: float) -> float:
    r"""The factor C of the density :math:`C s^\chi e^{-s^2/2}` of the distance s from the boundary."""
    return 2 ** ((1 - chi) / 2) / gamma((chi + 1) / 2)


def error(ratio: float, *, chi: float) -> float:
    """Share of new examples on the wrong side, exactly, for a ratio of signal to noise along the boundary.

    Example:
        >>> from math import atan, pi
        >>> from tenfold.simulate.perceptron import error
        >>> abs(error(10.0, chi=0.0) - atan(1 / 10.0) / pi) < 1e-9  # the angle to the teacher over pi
        True
    """
    # u over s is Student's t with chi + 1 degrees of freedom, over the square root of these
    return float(stdtr(chi + 1, -ratio * sqrt(chi + 1)))


def steady_noise(temperature: float, *, dim: int, chi: float) -> float:
    r"""Norm along the boundary at which noise and gradient balance: :math:`T (d + \chi) m_{1+\chi} / 2 m_{2+\chi}`."""
    return temperature * (dim + chi) * moment(1 + chi) / (2 * moment(2 + chi))


@dataclass(frozen=True, slots=True)
class Ended:
    """What training ended with: its time (rate times steps), the weight across the boundary and the norm along it."""

    time: float
    signal: float
    noise: float


def train(
    count: int, rng: np.random.Generator, *, temperature: float, batch: int, dim: int, chi: float, margin: float
) -> Ended:
    """Train on ``count`` examples until every one has its margin; the teacher separates them, so that this happens.

    Exact: steps without a violated example are counted by their geometric law and not made.

    Labels are absorbed in the examples. The distances from the boundary are the quantiles of their density at the
    middles of ``count`` equal shares; all else is drawn.
    """
    distance = np.sqrt(2 * gammaincinv((chi + 1) / 2, (np.arange(count) + 0.5) / count))
    examples = np.concatenate([distance[:, None], rng.standard_normal((count, dim - 1))], axis=1)
    weights, output = np.zeros(dim), np.zeros(count)
    rate, steps = temperature * batch, 0
    while True:
        violated = np.flatnonzero(output <= margin)
        if not len(violated):
            return Ended(rate * steps, float(weights[0]), float(np.linalg.norm(weights[1:])))
        share = len(violated) / count
        none = (1 - share) ** batch
        steps += int(rng.geometric(1 - none))
        hit = 1
        if batch > 1:
            hit = _at_least_one(rng, batch, share)
        chosen = examples[violated[rng.integers(len(violated), size=hit)]]
        weights = weights + temperature * chosen.sum(axis=0)
        output = examples @ weights


def _at_least_one(rng: np.random.Generator, batch: int, share: float) -> int:
    """A binomial number that is not zero."""
    while True:
        hit = int(rng.binomial(batch, share))
        if hit:
            return hit


def online(
    rng: np.random.Generator, times: Array, *, temperature: float, batch: int, dim: int, chi: float, margin: float
) -> Iterator[Ended]:
    """The state at given times of training on ever new examples.

    Of an example only what matters is drawn: its distance s from the boundary and its component u against the weights
    along it; the rest when it is violated.
    """
    signal, along = 0.0, np.zeros(dim - 1)
    rate, steps, due, quiet = temperature * batch, 0, 0, QUIET
    while due < len(times):
        norm = float(np.linalg.norm(along))
        s = np.sqrt(rng.chisquare(chi + 1, (quiet, batch)))
        u = rng.standard_normal((quiet, batch))
        violated = signal * s - norm * u <= margin
        rows = np.flatnonzero(violated.any(axis=1))
        taken = int(rows[0]) + 1 if len(rows) else quiet
        while due < len(times) and rate * (steps + taken) > times[due]:
            yield Ended(float(times[due]), signal, norm)
            due += 1
        steps += taken
        if not len(rows):
            quiet = min(2 * quiet, 100_000)
            continue
        quiet = max(QUIET, min(quiet, 2 * taken))
        which = violated[rows[0]]
        signal += temperature * float(s[rows[0]][which].sum())
        rest = rng.standard_normal((int(which.sum()), dim - 1))
        if norm:
            unit = along / norm
            rest += np.outer(-u[rows[0]][which] - rest @ unit, unit)
        along = along + temperature * rest.sum(axis=0)


def exponents(*, chi: float) -> dict[str, float]:
    """The exponents of theory.

    Example:
        >>> from tenfold.simulate.perceptron import exponents
        >>> exponents(chi=1.0)
        {'gamma': 0.5, 'b': 2.0, 'delta': 1.0, 'signal_time': 0.25, 'error_time': -0.5}
    """
    return {
        "gamma": 1 / (1 + chi),
        "b": (3 + chi) / (1 + chi),
        "delta": 1.0,
        "signal_time": 1 / (3 + chi),
        "error_time": -(1 + chi) / (3 + chi),
    }


def speed(temperature: float, *, dim: int, chi: float) -> float:
    r"""k of the signal :math:`w_1^{3+\chi} = k t` under steady noise."""
    noise = steady_noise(temperature, dim=dim, chi=chi)
    return float((3 + chi) / (2 + chi) * density(chi) * moment(2 + chi) * noise ** (2 + chi))


@simulator(
    Cite("Sclocchi et al.", 2023, "Dissecting the Effects of SGD Noise in Distinct Regimes of Deep Learning",
         "arXiv:2301.13703", "abstract, for the exponents' names and meaning; their values are derived here")
)  # fmt: skip
def perceptron(
    *,
    chi: float = 1.0,
    dim: int = 32,
    batch: int = 1,
    margin: float = 0.1,
    smallest: int = 512,
    largest: int = 8192,
    hottest: float = 16.0,
    draws: int = 6,
    seed: int = 0,
) -> tuple[Runs, Truth]:
    r"""Perceptron trained by SGD on the hinge loss: weights, training time and error by noise and number of examples.

    Examples lie at a distance s from the teacher's boundary with a density :math:`C s^\chi e^{-s^2/2}`, and are Gaussian
    along it, in d dimensions. SGD of rate eta and batch B starts from zero and stops when every example has its margin.
    What counts is the temperature :math:`T = \eta/B`.

    Derivation, for weights well above the margin. Let r be the norm of the weights along the boundary, :math:`w_1` the
    weight across it, :math:`\lambda = w_1/r`, and :math:`m_q = E[u^q; u > 0]` of a standard normal u. An example is
    violated when :math:`u > \lambda s`, with the probability :math:`n = C m_{1+\chi} \lambda^{-(1+\chi)}/(1+\chi)`.
    Averaged over violated examples, gradient and noise along the boundary balance at
    :math:`r = T (d + \chi) m_{1+\chi} / 2 m_{2+\chi}`, whatever :math:`\lambda`; across it
    :math:`\dot w_1 = C m_{2+\chi} \lambda^{-(2+\chi)}/(2+\chi)`. So

    * :math:`w_1 \propto T^{(2+\chi)/(3+\chi)} t^{1/(3+\chi)}` and the error :math:`\propto (t/T)^{-(1+\chi)/(3+\chi)}`
      in time t, eta times steps.
    * Training on P examples ends when the expected number of violated ones, n P, is down to a logarithm: SGD moves on,
      and stops at the first of many states that violates none. The number of tries is a power of P, so n P goes as ln P:
      :math:`w_1 \propto T (P/\ln P)^\gamma`, :math:`\gamma = 1/(1+\chi)`, and
      :math:`t^* \propto T (P/\ln P)^b`, :math:`b = 1 + 2\gamma`. The paper's relative weight change
      :math:`T^\delta P^\gamma` has these exponents, :math:`\delta = 1`, up to the logarithm, and its crossover
      temperature falls as :math:`P^{-\gamma/\delta}`.
    * A state that violates none of P examples errs on new ones in a share :math:`\propto 1/P`.

    Parts of the table (label ``part``):

    * ``online``: ``signal`` :math:`w_1`, ``noise`` r and ``error`` against ``time`` on ever new examples, with their
      theory, constants and all, in ``expected``, ``expected_noise`` and ``expected_error``.
    * ``data``: what training on ``tokens`` P examples at temperature 1 ends with, against ``tokens_per_log``, P/ln P.
    * ``temperature``: the same at P = ``smallest``, against ``temperature``; the same examples and draws at each.

    Entries are geometric means over the draws.

    Args:
        chi: exponent of the density at the boundary, 0 (some lie on it) to 4. dim: dimensions, 16 to 256.
        batch: examples a step; the temperature is kept. margin: of the hinge, at most 1.
        smallest, largest: examples of ``data``. hottest: the highest temperature; the lowest is 1.
        draws: of examples and of SGD.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("perceptron", smallest=256, largest=1024, draws=2)
        >>> made.truth["signal"].value, made.truth["training_time"].value
        (0.5, 2.0)

    Raises:
        ConfigError: a setting outside its range, or training that does not end.
    """
    for name, value, low, high in (
        ("chi", chi, 0.0, 4.0), ("dim", dim, 16, 256), ("batch", batch, 1, 64), ("margin", margin, 0.0, 1.0),
        ("smallest", smallest, 4 * dim, 1e5), ("largest", largest, 4 * smallest, 1e6), ("hottest", hottest, 4.0, 1e4),
        ("draws", draws, 1, 1000),
    ):  # fmt: skip
        between(name, value, low=low, high=high, why="smallest is at least 4 dim, largest 4 smallest")
    _check_work(chi, dim, largest)

    def ended(count: int, temperature: float) -> Array:
        drawn = [np.random.default_rng([seed, count, draw]) for draw in range(draws)]
        made = [train(count, rng, temperature=temperature, batch=batch, dim=dim, chi=chi, margin=margin) for rng in drawn]
        rows = [(one.time, one.signal, one.noise, error(one.signal / one.noise, chi=chi)) for one in made]
        return np.asarray(np.exp(np.mean(np.log(rows), axis=0)))

    sizes = whole_grid(smallest, largest, ratio=2)
    heats = np.geomspace(1.0, hottest, 5)
    by_size = np.array([ended(int(size), 1.0) for size in sizes])
    by_heat = np.array([ended(smallest, float(heat)) for heat in heats])
    runs = runs_of(
        {
            "online": _online(np.random.default_rng(seed), draws, dim=dim, batch=batch, chi=chi, margin=margin),
            "data": _columns(by_size, sizes.astype(np.float64), np.ones(len(sizes))),
            "temperature": _columns(by_heat, np.full(len(heats), float(smallest)), heats),
        },
        source="perceptron",
    )
    return runs, Truth(_truth(chi, draws=draws, dim=dim))


def _check_work(chi: float, dim: int, largest: int) -> None:
    """Updates go as the square of the final ratio of signal to noise, each looks at every example."""

    def work(count: float) -> float:
        return float((count / dim) ** (2 / (1 + chi)) * dim / 8 * count * dim)

    if work(largest) <= WORK:
        return
    most = largest
    while work(most) > WORK:
        most //= 2
    raise ConfigError(
        f"{largest} examples at chi = {chi:g} take too long to fit",
        path="set.largest",
        hint=f"lower largest to {most}, or raise chi",
    )


def _columns(ended: Array, tokens: Array, temperature: Array) -> dict[str, Array]:
    names = ("time", "signal", "noise", "error")
    known = {"tokens": tokens, "tokens_per_log": tokens / np.log(tokens), "temperature": temperature}
    return known | dict(zip(names, ended.T, strict=True))


def _online(rng: np.random.Generator, draws: int, *, dim: int, batch: int, chi: float, margin: float) -> dict[str, Array]:
    """Online training at temperature 1 from where theory holds, and what theory says."""
    noise, pace = steady_noise(1.0, dim=dim, chi=chi), speed(1.0, dim=dim, chi=chi)
    end = min(ENDED, (SAMPLES * batch * pace) ** (1 / (3 + chi)) / noise)
    times = (noise * np.geomspace(STEADY, end, CHECKPOINTS)) ** (3 + chi) / pace
    made = [list(online(rng, times, temperature=1.0, batch=batch, dim=dim, chi=chi, margin=margin)) for _ in range(draws)]
    seen = np.exp(np.mean([[np.log((one.signal, one.noise)) for one in course] for course in made], axis=0))
    signal = (pace * times) ** (1 / (3 + chi))
    errors = [
        np.array([error(float(ratio), chi=chi) for ratio in ratios])
        for ratios in (seen[:, 0] / seen[:, 1], signal / noise)
    ]
    return {
        "time": times, "temperature": np.ones(CHECKPOINTS), "signal": seen[:, 0], "noise": seen[:, 1],
        "error": errors[0], "expected": signal,
        "expected_noise": np.full(CHECKPOINTS, noise), "expected_error": errors[1],
    }  # fmt: skip


def _truth(chi: float, *, draws: int, dim: int) -> dict[str, Exponent]:
    theory = exponents(chi=chi)
    few = sqrt(max(1.0, 32 / dim) / draws)  # in few dimensions the noise wanders more
    slow = "the logarithm holds for many tries, here tens to thousands; and few draws"
    luck = "few draws of the moment at which SGD stops"
    margin = "the margin, small beside the noise, and few draws of the moment at which SGD stops"
    start = "a start that is not steady yet, and noise that wanders in a draw"

    def goes(axis: str, value: float, quantity: str, part: str, allowed: float, reason: str) -> Exponent:
        return Exponent(axis, value, quantity=quantity, part=part, tolerance=allowed, reason=reason)

    g, b = theory["gamma"], theory["b"]
    return {
        "signal": goes("tokens_per_log", g, "signal", "data", (0.1 + 0.25 * few) * g, slow),
        "training_time": goes("tokens_per_log", b, "time", "data", (0.1 + 0.3 * few) * b, slow),
        "error": goes("tokens", -1.0, "error", "data", 0.1 + 0.1 * few, luck),
        "signal_temperature": goes("temperature", theory["delta"], "signal", "temperature", 0.02 + 0.05 * few, margin),
        "time_temperature": goes("temperature", 1.0, "time", "temperature", 0.05 + 0.3 * few, margin),
        "online_signal": goes("time", theory["signal_time"], "signal", "online", 0.01 + 0.02 * few, start),
        "online_error": goes("time", theory["error_time"], "error", "online", 0.02 + 0.15 * few, start),
    }
