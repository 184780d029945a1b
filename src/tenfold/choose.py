"""``choose``: a forecast from several laws, each counting as much as its rehearsal earned.

No single law predicts best on every table, and the one that comes first on withheld scales often owes it to chance. So
laws are stacked: the prediction is their weighted median, and a law's weight falls with the fourth power
of its score on withheld scales (:mod:`tenfold.rank`). The spread between the laws is part of the interval.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import DataError, TenfoldError
from tenfold.core.law import Law
from tenfold.core.provenance import Provenance, provenance
from tenfold.core.runs import Runs
from tenfold.engine.objective import Objective
from tenfold.fit import Fit
from tenfold.prepare import prepare
from tenfold.rank import Entry, Ranking, Tell, rank, scored
from tenfold.rehearse import Fold, Rehearsal, log_error, rehearsal_of, run_noise, unrehearsed
from tenfold.uncertainty import Bootstrap, Draws, draw

Array = NDArray[np.float64]

AUTO = "auto"  # what a choice is called where a law's name stands
POWER = 4.0  # how fast a law's weight falls with its score: half the error counts sixteen times
LEAST = 0.01  # of the whole weight, below which a law is not drawn
MOST = 8  # laws at most
FEWEST = 40  # draws of a law, however little it weighs


@dataclass(frozen=True, eq=False)
class Member:
    """One law of a choice: its fit, its share of the prediction and its draws."""

    fit: Fit
    weight: float
    draws: Draws

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {"law": self.fit.law.name, "weight": self.weight, "coef": dict(self.fit.coef), "rms": self.fit.rms}


@dataclass(frozen=True, eq=False)
class Choice:
    """Laws and their weights. ``rehearsal`` is that of the whole: each withheld scale predicted with weights from the
    other scales alone. ``noise`` is the standard deviation of one run's logarithm around the whole.
    """

    members: tuple[Member, ...]
    ranking: Ranking
    rehearsal: Rehearsal
    noise: float
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = field(default=None)

    @property
    def best(self) -> Fit:
        """The law that comes first, with its certificate."""
        return self.ranking.best

    def center(self, inputs: Mapping[str, Any]) -> Array:
        """The weighted median of the laws' predictions; shape of the inputs."""
        made = [np.asarray(member.fit.predict(**inputs)) for member in self.members]
        return _middle(made, [member.weight for member in self.members])

    def many(self, inputs: Mapping[str, Any], *, size: int = 1000, seed: int = 0) -> Array:
        """Predictions of draws, (size, ...): laws in proportion to their weights, resamples of each with replacement."""
        rng = np.random.default_rng(seed)
        shares = rng.multinomial(size, [member.weight for member in self.members])
        parts = []
        for member, count in zip(self.members, shares, strict=True):
            made = np.asarray(member.draws.predict(**inputs))
            parts.append(made[rng.integers(len(made), size=count)])
        return np.concatenate(parts)

    def formula(self) -> str:
        """The laws and their weights in a line: ``skaling 62 %, chinchilla 38 %``."""
        return ", ".join(f"{member.fit.law.name} {member.weight:.0%}" for member in self.members)

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form: the best law's keys and the ranking, and the members beside them."""
        return {
            **self.ranking.to_dict(),
            "members": [member.to_dict() for member in self.members],
            "noise": self.noise,
            "rehearsal": self.rehearsal.to_dict(),
            "notes": [*self.best.notes, *self.notes],
        }


def choose(
    runs: Runs,
    *,
    candidates: Sequence[Law | str] = (),
    target: str = "loss",
    axis: str = "",
    given: Collection[str] = (),
    scale: str = "",
    objective: Objective | str = "huber:1e-3",
    resamples: int = 500,
    seed: int = 0,
    certificate: bool = True,
    tell: Tell | None = None,
    **options: Any,
) -> Choice:
    """Rank the laws that the columns allow and stack them by what they predicted of withheld scales.

    Args:
        runs: the table.
        candidates: laws to stack; all that the columns allow when empty.
        target, axis, given, scale, objective, certificate, tell, options: as for :func:`tenfold.rank`.
        resamples: bootstrap draws in all, shared among the laws by weight.
        seed: of the draws.

    Raises:
        DataError: no law can be fitted to these columns.

    Example:
        >>> from tenfold import choose, read_runs
        >>> made = choose(read_runs("data:bytes"), candidates=["chinchilla", "kaplan_nd"], resamples=100)
        >>> made.members[0].fit.law.name
        'chinchilla'
    """
    ranking = rank(
        runs,
        candidates=candidates,
        target=target,
        axis=axis,
        given=given,
        scale=scale,
        objective=objective,
        certificate=certificate,
        tell=tell,
        **options,
    )
    laws = [entry for entry in ranking.entries if not entry.null]
    weights = weigh(laws)
    members, notes = [], []
    for name, weight in weights.items():
        made = ranking.fits[name]
        try:
            drawn = draw(made, runs, method=Bootstrap(n=max(round(resamples * weight), FEWEST)), seed=seed)
        except TenfoldError as error:
            notes.append(f"{name} is left out of the choice: {error.args[0] if error.args else error}")
            continue
        members.append(Member(made, weight, drawn))
    if not members:
        raise DataError(f"no law of the choice could be drawn on {runs.source}: {'; '.join(notes)}")
    total = sum(member.weight for member in members)
    members = [Member(member.fit, member.weight / total, member.draws) for member in members]
    noise = _noise(members, runs, axis or members[0].fit.columns.get("x", ""))
    rehearsal = _rehearsed(laws, scale or _scale_name(laws), noise)
    return Choice(
        tuple(members),
        ranking,
        rehearsal,
        noise,
        tuple(notes),
        provenance("choose", runs_id=runs.id, source=runs.source, seed=seed),
    )


def weigh(entries: Sequence[Entry]) -> dict[str, float]:
    """Weights by law, largest first, from scores; laws that weigh too little to matter are left out.

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
    whole = sum(raw.values())
    kept = sorted((law for law in raw if raw[law] >= LEAST * whole), key=lambda law: -raw[law])[:MOST]
    total = sum(raw[law] for law in kept)
    return {law: raw[law] / total for law in kept}


def _alike(one: Entry, other: Entry) -> bool:
    """Whether two laws are one form in other coefficients: as many of them, and the same errors but for rounding."""
    errors = [(one.rms, other.rms), (one.withheld, other.withheld)]
    return one.coefs == other.coefs and all(abs(a - b) <= 1e-3 * max(a, b) for a, b in errors)


def _middle(values: Sequence[Array], weights: Sequence[float]) -> Array:
    """Weighted median, in logarithms where every law is positive: one law that runs away does not carry the others along.

    Each law stands at the middle of its own weight, and between two laws the median runs straight; so two laws that weigh
    alike are averaged, and a small change of the weights moves it little.
    """
    stacked = np.stack([np.asarray(value, dtype=np.float64) for value in values])
    with np.errstate(all="ignore"):
        logs = np.exp(_median(np.log(stacked), weights))
    return np.asarray(np.where((stacked > 0).all(axis=0), logs, _median(stacked, weights)))


def _median(stacked: Array, weights: Sequence[float] | Array) -> Array:
    """The median along the first axis, (members, ...), weights summing to one; see :func:`_middle`."""
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


def _noise(members: Sequence[Member], runs: Runs, axis: str) -> float:
    """The noise of one run around the whole, with the laws' mean number of coefficients taken off the rows."""
    first = members[0].fit
    ready = prepare(first.law, runs, target=first.target, axis=axis)
    made = []
    for member in members:
        part = ready if member is members[0] else prepare(member.fit.law, runs, target=first.target, axis=axis)
        if len(part.y) != len(ready.y):
            return float(np.sqrt(sum(m.weight * m.fit.rms**2 for m in members)))
        made.append(np.atleast_1d(member.fit.predict(**{member.fit.columns[s]: v for s, v in part.inputs.items()})))
    residual = log_error(_middle(made, [member.weight for member in members]), ready.y)
    coefs = sum(member.weight * (len(member.fit.law.coefs) - len(member.fit.fixed)) for member in members)
    return run_noise(np.asarray(residual), coefs)


def _scale_name(entries: Sequence[Entry]) -> str:
    return next((entry.axis for entry in entries if entry.folds), "")


def _rehearsed(entries: Sequence[Entry], axis: str, noise: float) -> Rehearsal:
    """The rehearsal of the whole: every withheld scale with the weights that the other scales alone give."""
    targets = sorted({fold.target for entry in entries for fold in entry.folds})
    folds: list[Fold] = []
    for target in targets:
        rest = [_without(entry, target) for entry in entries]
        judged = scored(rest) if any(entry.folds for entry in rest) else scored(entries)
        shares = weigh([entry for entry in judged if not entry.null])
        folds.extend(_mixed(entries, shares, target))
    if not folds:
        return unrehearsed("the runs hold too few scales to withhold one", axis=axis)
    return rehearsal_of(folds, axis, noise)


def _without(entry: Entry, target: float) -> Entry:
    return replace(entry, folds=tuple(fold for fold in entry.folds if fold.target != target))


def _mixed(entries: Sequence[Entry], shares: Mapping[str, float], target: float) -> list[Fold]:
    """The folds of one target as the weighted laws predict it; laws that could not be fitted there are left out."""
    table: dict[float, list[tuple[float, Fold]]] = {}
    for entry in entries:
        for fold in entry.folds:
            if fold.target == target and entry.law in shares:
                table.setdefault(fold.fitted_to, []).append((shares[entry.law], fold))
    out = []
    for fitted_to, found in table.items():
        rows = {len(fold.errors) for _, fold in found}
        if len(rows) > 1:
            continue
        weights = np.array([share for share, _ in found])
        weights = weights / weights.sum()
        errors = np.array([fold.errors for _, fold in found])
        mean = _median(errors, weights)
        between = float(np.sqrt(max(weights @ (errors.mean(axis=1) - mean.mean()) ** 2, 0.0)))
        inner = float(np.sqrt(weights @ np.array([fold.coefficient_sd for _, fold in found]) ** 2))
        first = found[0][1]
        out.append(
            Fold(
                fitted_to,
                target,
                first.reach,
                first.n,
                float(mean.mean()),
                float(np.sqrt(np.mean(mean**2))),
                float(np.hypot(between, inner)),
                first.nulls,
                tuple(mean.tolist()),
            )
        )
    return out
