"""``choose``: a forecast from several laws, each counting as much as its rehearsal earned.

No single law predicts best on every table, and the one that comes first on withheld scales often owes it to chance. So
laws are stacked: the prediction is their weighted median, with weights from what they predicted of withheld scales
(:mod:`tenfold.stacking`). The spread between the laws is part of the interval.
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
from tenfold.rehearse import Fold, Rehearsal, log_error, rehearsal_of, unrehearsed
from tenfold.scatter import Scatter, scatter
from tenfold.stacking import median, middle, weigh
from tenfold.uncertainty import Bootstrap, Draws, draw

Array = NDArray[np.float64]

AUTO = "auto"  # what a choice is called where a law's name stands
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
    other scales alone. ``scatter`` is how far one run lies from the whole.
    """

    members: tuple[Member, ...]
    ranking: Ranking
    rehearsal: Rehearsal
    scatter: Scatter
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = field(default=None)

    @property
    def best(self) -> Fit:
        """The law that comes first, with its certificate."""
        return self.ranking.best

    def center(self, inputs: Mapping[str, Any]) -> Array:
        """The weighted median of the laws' predictions; shape of the inputs."""
        made = [np.asarray(member.fit.predict(**inputs)) for member in self.members]
        return middle(made, [member.weight for member in self.members])

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
            "noise": self.scatter.sd,
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
    around = _scatter(members, runs, axis or members[0].fit.columns.get("x", ""))
    rehearsal = _rehearsed(laws, scale or _scale_name(laws), around.sd)
    return Choice(
        tuple(members),
        ranking,
        rehearsal,
        around,
        tuple(notes),
        provenance("choose", runs_id=runs.id, source=runs.source, seed=seed),
    )


def _scatter(members: Sequence[Member], runs: Runs, axis: str) -> Scatter:
    """The noise of one run around the whole, with the laws' mean number of coefficients taken off the rows."""
    first = members[0].fit
    ready = prepare(first.law, runs, target=first.target, axis=axis)
    made = []
    for member in members:
        part = ready if member is members[0] else prepare(member.fit.law, runs, target=first.target, axis=axis)
        if len(part.y) != len(ready.y):
            return Scatter(float(np.sqrt(sum(m.weight * m.fit.rms**2 for m in members))))
        made.append(np.atleast_1d(member.fit.predict(**{member.fit.columns[s]: v for s, v in part.inputs.items()})))
    whole = middle(made, [member.weight for member in members])
    coefs = sum(member.weight * (len(member.fit.law.coefs) - len(member.fit.fixed)) for member in members)
    return scatter(np.asarray(log_error(whole, ready.y)), whole, ready.runs.clusters(), coefs)


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
        mean = median(errors, weights)
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
