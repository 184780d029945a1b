"""``weigh``: how much each law of a choice counts, by what it predicted of withheld scales; and what they say together.

Stacking (Wolpert 1992, Neural Networks 5, 241-259; Breiman 1996, Machine Learning 24, 49-64): weights make the errors of
the weighted prediction on withheld rows small, so that laws that err to opposite sides count together. A handful of
withheld scales would be fitted too closely by that alone. Weights therefore start from the laws' scores and leave them
as far as the folds are many: each fold beyond the first counts as much as the distance from where they start.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tenfold.rank import BLIND, COST, Entry, fold_weights

Array = NDArray[np.float64]

POWER = 4.0  # how fast a law's weight falls with its score before stacking: half the error counts sixteen times
LEAST = 0.01  # of the whole weight, below which a law is not drawn
MOST = 8  # laws at most
TRUST = 1.0  # folds that the weights by score are worth
CAP = np.log(10.0)  # a row that is off by more counts as off by a factor of ten


def weigh(entries: Sequence[Entry]) -> dict[str, float]:
    """Weights by law, largest first, from withheld scales; laws that weigh too little to matter are left out."""
    start = by_score(entries)
    if len(start) < 2:
        return start
    laws = {entry.law: entry for entry in entries if entry.law in start}
    chosen = [laws[name] for name in start]
    errors, rows, folds = _errors(chosen)
    if folds <= 1.0:
        return start
    scale = [(1 + COST * entry.coefs) * BLIND ** len(entry.blind) for entry in chosen]
    found = stack(
        errors * (np.array(scale) / min(scale))[:, None],
        rows,
        np.array([*start.values()]),
        luck=min(entry.rms for entry in entries if np.isfinite(entry.rms)),
        folds=folds,
    )
    return _largest(dict(zip(start, found.tolist(), strict=True)))


def by_score(entries: Sequence[Entry]) -> dict[str, float]:
    """Weights that fall with the fourth power of the score, largest first.

    No score counts as less than the smallest error that any law leaves on the fitted rows: a withheld scale hit more
    closely than that was hit by luck. Of laws that are one form in other coefficients the first stands for all.
    """
    found = [entry for entry in entries if np.isfinite(entry.score)]
    if not found:
        return {entries[0].law: 1.0}
    luck = min(entry.rms for entry in found if np.isfinite(entry.rms))
    raw: dict[str, float] = {}
    forms: list[Entry] = []
    for entry in found:
        if not any(_alike(entry, other) for other in forms):
            raw[entry.law] = max(float(np.hypot(entry.score, luck)), 1e-12) ** -POWER
            forms.append(entry)
    return _largest(raw)


def _largest(raw: dict[str, float]) -> dict[str, float]:
    whole = sum(raw.values())
    kept = sorted((law for law in raw if raw[law] >= LEAST * whole), key=lambda law: -raw[law])[:MOST]
    total = sum(raw[law] for law in kept)
    return {law: raw[law] / total for law in kept}


def _alike(one: Entry, other: Entry) -> bool:
    """Whether two laws are one form in other coefficients: as many of them, and the same errors but for rounding."""
    errors = [(one.rms, other.rms), (one.withheld, other.withheld)]
    return one.coefs == other.coefs and all(abs(a - b) <= 1e-3 * max(a, b) for a, b in errors)


def _errors(entries: Sequence[Entry]) -> tuple[Array, Array, float]:
    """Log errors of laws (K, n) on the folds that all of them have, what each row counts (n,), and how many folds those
    amount to: the square of their summed weights over the sum of squares.
    """
    folds = [{(fold.fitted_to, fold.target): fold.errors for fold in entry.folds} for entry in entries]
    common = [
        key
        for key in sorted(folds[0])
        if folds[0][key] and all(len(mine.get(key, ())) == len(folds[0][key]) for mine in folds)
    ]
    if not common:
        return np.empty((len(entries), 0)), np.empty(0), 0.0
    weights = fold_weights(common)
    weights = weights / weights.sum()
    errors = np.concatenate([np.array([mine[key] for mine in folds]) for key in common], axis=1)
    counts = np.array([len(folds[0][key]) for key in common])
    rows = np.repeat(weights / counts, counts)
    return np.clip(errors, -CAP, CAP), rows, float(1.0 / np.sum(weights**2))


def stack(errors: Array, rows: Array, start: Array, *, luck: float, folds: float) -> Array:
    r"""Weights on the simplex that make the stacked error small without leaving ``start`` for little.

    Minimises

    .. math:: (F - 1) \sum_i r_i \sqrt{(\sum_k a_k e_{ki})^2 + \ell^2} / s + \sum_k a_k \log (a_k / a^0_k),

    convex in ``a``, by Newton's steps on the simplex; ``s`` is the least value that the first sum has for any one law.

    Args:
        errors: e, log errors of K laws on n rows, (K, n). rows: r, what each row counts, (n,), summing to one.
        start: a0, (K,), positive, summing to one. luck: l, an error that is not worth mending.
        folds: F, how many independent folds the rows amount to.

    Returns:
        The weights (K,), positive, summing to one.

    Example:
        >>> import numpy as np
        >>> both = np.array([[0.01, 0.02], [-0.01, -0.02]])  # two laws that err to opposite sides
        >>> stack(both, np.full(2, 0.5), np.array([0.8, 0.2]), luck=1e-3, folds=9.0).round(2).tolist()
        [0.51, 0.49]
    """
    luck = max(luck, 1e-12)
    unit = float(np.min(np.sqrt(errors**2 + luck**2) @ rows))
    gain = max(folds - 1.0, 0.0) / TRUST / unit
    k = len(start)

    def value(a: Array) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.where(a > 0, a * np.log(a / start), 0.0).sum()
        return float(gain * (rows @ np.hypot(a @ errors, luck)) + away)

    a = start / start.sum()
    for _ in range(200):
        mixed = a @ errors
        size = np.hypot(mixed, luck)
        slope = gain * (errors @ (rows * mixed / size)) + np.log(a / start) + 1.0
        curve = gain * (errors * (rows * luck**2 / size**3)) @ errors.T + np.diag(1.0 / a)
        system = np.block([[curve, np.ones((k, 1))], [np.ones((1, k)), np.zeros((1, 1))]])
        step = np.linalg.solve(system, np.append(-slope, 0.0))[:k]
        fall = float(slope @ step)
        if -fall < 1e-12:
            break
        # stay inside the simplex, and take no step that does not pay
        length = min(1.0, 0.99 / max(float(np.max(-step / a)), 1e-300))
        here = value(a)
        while value(a + length * step) > here + 1e-4 * length * fall and length > 1e-12:
            length *= 0.5
        a = a + length * step
        a /= a.sum()
    return np.asarray(a)


def middle(values: Sequence[Array], weights: Sequence[float]) -> Array:
    """Weighted median, in logarithms where every law is positive: one law that runs away does not carry the others along.

    Each law stands at the middle of its own weight, and between two laws the median runs straight; so two laws that weigh
    alike are averaged, and a small change of the weights moves it little.
    """
    stacked = np.stack([np.asarray(value, dtype=np.float64) for value in values])
    with np.errstate(all="ignore"):
        logs = np.exp(median(np.log(stacked), weights))
    return np.asarray(np.where((stacked > 0).all(axis=0), logs, median(stacked, weights)))


def median(stacked: Array, weights: Sequence[float] | Array) -> Array:
    """The median along the first axis, (members, ...), weights summing to one; see :func:`middle`."""
    order = np.argsort(stacked, axis=0, kind="stable")
    value = np.take_along_axis(stacked, order, axis=0)
    share = np.asarray(weights, dtype=np.float64)[order]
    place = np.cumsum(share, axis=0) - 0.5 * share
    upper = np.clip((place < 0.5).sum(axis=0, keepdims=True), 1, max(len(stacked) - 1, 1))
    if len(stacked) == 1:
        return np.asarray(stacked[0])
    low, high = (np.take_along_axis(value, at, axis=0)[0] for at in (upper - 1, upper))
    left, right = (np.take_along_axis(place, at, axis=0)[0] for at in (upper - 1, upper))
    between = np.clip((0.5 - left) / (right - left), 0.0, 1.0)
    return np.asarray(low + between * (high - low))
