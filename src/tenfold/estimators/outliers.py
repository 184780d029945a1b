"""Outliers: runs that lie much farther from a robust fit than the rest, always named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import say
from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.engine.objective import Absolute, Binomial, Objective, Quantile, Squared
from tenfold.engine.problem import Problem
from tenfold.engine.solve import refit
from tenfold.estimators.checkpoints import position, run_codes
from tenfold.prepare import Prepared

Array = NDArray[np.float64]
Index = NDArray[np.int64]

ACTIONS = ("flag", "drop", "keep")
MAD = 1.4826  # a normal's standard deviation over its median absolute deviation
LEAST = 1e-4  # of the logarithm: tables print four digits, and what is smaller is rounding
_SPARE = 4  # runs beyond the number of coefficients below which their scatter is not known well enough to judge one
_NAMED = 5  # in the notes; all of them stand in the JSON


@dataclass(frozen=True, slots=True)
class Outliers:
    """What is done about outliers: ``flag`` names them, ``drop`` also leaves them out, ``keep`` does not look.

    ``threshold`` is the robust z-score beyond which a run is one: training noise is a little heavier in the tails than
    normal, and the usual 3.5 of Iglewicz and Hoaglin (1993) would name a run in one of twenty clean tables of a hundred.
    ``most`` is the largest share of runs that is ever flagged or dropped: where more lie beyond the threshold, the law
    misses a group of runs, and the notes say so.
    """

    action: str = "flag"
    threshold: float = 5.0
    most: float = 0.1

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ConfigError(
                f"outliers are {', '.join(ACTIONS)}, not {self.action!r}",
                path="outliers",
                hint=did_you_mean(self.action, ACTIONS),
            )
        if not self.threshold > 0:
            raise ConfigError(
                f"the threshold of outliers must be positive, got {self.threshold:g}",
                path="outliers",
                hint="5 is usual: write flag:5",
            )
        if not 0 < self.most < 0.5:
            raise ConfigError(
                f"the largest share of outliers lies between 0 and 0.5, got {self.most:g}",
                path="outliers",
                hint="runs in the majority are no outliers",
            )

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {"action": self.action, "threshold": self.threshold, "most": self.most}


def parse_outliers(text: str) -> Outliers:
    """Read ``flag``, ``drop``, ``keep``, each with a threshold if wanted, and a largest share behind it.

    >>> parse_outliers("drop:4:0.05")
    Outliers(action='drop', threshold=4.0, most=0.05)
    """
    action, *numbers = text.split(":")
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        values = [0.0] * 3  # more than there are: refused below
    if len(values) > 2:
        raise ConfigError(f"cannot read outliers {text!r}", path="outliers", hint="write flag, drop:5 or drop:5:0.05")
    return Outliers(action.strip(), **dict(zip(("threshold", "most"), values, strict=False)))


@dataclass(frozen=True, slots=True)
class Outlier:
    """A run, or a single checkpoint of one: the measured value farthest out, the robust fit's there, and the z-score."""

    run: str
    rows: int
    value: float
    predicted: float
    z: float

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}

    def sentence(self) -> str:
        """As it stands in the notes."""
        side = "above" if self.z > 0 else "below"
        many = f" ({self.rows} rows)" if self.rows > 1 else ""
        return f"{self.run}{many}: {self.value:.4g}, {side} the {self.predicted:.4g} of the robust fit (z {self.z:+.1f})"


@dataclass(frozen=True, slots=True)
class Screening:
    """What looking for outliers found. ``scale`` is the robust scatter of the logarithm that z-scores are counted in.

    ``beyond`` counts runs and checkpoints past the threshold, of which the farthest are in ``found``; ``kept`` and
    ``without`` are the fit's headline with and without those, ``shift`` their distance in standard errors.
    """

    how: Outliers
    scale: float
    judged: int
    beyond: int
    found: tuple[Outlier, ...]
    headline: str = ""
    kept: float = float("nan")
    without: float = float("nan")
    shift: float = float("nan")

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            **self.how.to_dict(),
            "scale": self.scale,
            "judged": self.judged,
            "beyond": self.beyond,
            "found": [outlier.to_dict() for outlier in self.found],
            "headline": {"what": self.headline, "with": self.kept, "without": self.without, "shift": self.shift},
        }

    def notes(self) -> tuple[str, ...]:
        """What a reader must know, a sentence each; nothing where nothing was found."""
        if not self.found:
            return ()
        many = len(self.found)
        done = "were left out (--outliers drop)" if self.how.action == "drop" else "are in the fit (--outliers flag)"
        head = (
            f"{many} outlier{'s' * (many > 1)} beyond z {self.how.threshold:g} of a scatter of {self.scale:.2%} "
            f"{done if many > 1 else done.replace('were', 'was').replace('are', 'is')}"
        )
        if np.isfinite(self.without):
            head += f"; the {self.headline}: {self.kept:.4g} with, {self.without:.4g} without"
            head += f" ({abs(self.shift):.1f} standard errors)" if np.isfinite(self.shift) else ""
        out = [head, *(f"outlier {outlier.sentence()}" for outlier in self.found[:_NAMED])]
        if many > _NAMED:
            out.append(f"outliers: {many - _NAMED} more in the JSON")
        if self.beyond > many:
            out.append(
                f"{self.beyond} of {self.judged} lie beyond z {self.how.threshold:g}, more than {self.how.most:.0%}: the "
                "law misses a group of runs (--group), or the table mixes recipes; only the farthest count as outliers"
            )
        return tuple(out)


def screen(
    ready: Prepared, problem: Problem, theta: Array, how: Outliers, nearness: Array | None = None
) -> tuple[Screening, NDArray[np.bool_]] | None:
    """Look for outliers around a fit: what was found, and which rows it concerns (n,); None where none can be told.

    Residuals come from a robust fit: the fit itself, or, for squared errors, least absolute deviations from there. A
    run's residual is the median over its checkpoints, judged against other runs; a single checkpoint is judged against
    its neighbours, so that slow drifts of a run are no spikes. The scale leaves out as many of the smallest residuals as
    coefficients were fitted, which a robust fit draws to nothing. With weights by ``nearness`` (n,) far rows are not
    asked to lie close: their residuals count less.
    """
    measured = _residuals(problem, theta)
    if measured is None:
        return None
    residual = np.where(problem.weights > 0, measured, 0.0)
    if nearness is not None:
        residual = residual * np.sqrt(nearness / nearness.max())
    codes = run_codes(ready.runs)
    codes = np.arange(len(ready.y)) if codes is None else codes
    many = int(codes.max()) + 1
    if many < problem.size + _SPARE:
        return None
    level = _medians(residual, codes)
    z, scale = _scores(level, problem.size)
    row_z = _spikes(ready, residual, codes)
    candidates = [(abs(z[k]), "run", k) for k in np.flatnonzero(np.abs(z) > how.threshold)]
    candidates += [
        (abs(row_z[i]), "row", i)
        for i in np.flatnonzero(np.abs(row_z) > how.threshold)
        if abs(z[codes[i]]) <= how.threshold
    ]
    candidates.sort(key=lambda item: -item[0])
    # a checkpoint counts as its share of a run, so that the stated share of runs bounds the rows as well
    chosen, rows, room = [], np.zeros(len(residual), dtype=bool), how.most * many
    sizes = np.bincount(codes)
    for _, kind, index in candidates:
        cost = 1.0 if kind == "run" else 1.0 / sizes[codes[index]]
        if cost > room + 1e-9:
            break
        room -= cost
        here = codes == index if kind == "run" else np.arange(len(residual)) == index
        rows |= here
        chosen.append(_outlier(ready, problem, measured, here, float(z[index] if kind == "run" else row_z[index])))
    return Screening(how, scale, many, len(candidates), tuple(chosen)), rows


def _residuals(problem: Problem, theta: Array) -> Array | None:
    """Measured less fitted, in the objective's space, of a robust fit; None where the fit does not follow the middle."""
    objective: Objective = problem.objective
    if isinstance(objective, Binomial) or (isinstance(objective, Quantile) and objective.q != 0.5):
        return None
    if isinstance(objective, Squared):
        theta = refit(problem.with_objective(Absolute(objective.space)), theta[None]).theta[0]
    model = problem.kernel.model(problem.kernel.to_solver(theta[None]))[0]
    residual = problem.target - (np.log(model) if objective.space == "log" else model)
    return np.asarray(residual)


def _spikes(ready: Prepared, residual: Array, codes: Index) -> Array:
    """Robust z-scores of each checkpoint against the median of two neighbours on each side; zero in runs of fewer than
    four rows."""
    out = np.zeros(len(residual))
    sizes = np.bincount(codes)
    if not (sizes >= 4).any():
        return out
    order = np.lexsort((position(ready.runs, codes), codes))
    r, run = residual[order], codes[order]
    near = np.full((4, len(r)), np.nan)
    for row, shift in zip(near, (-2, -1, 1, 2), strict=True):
        moved = np.roll(r, shift)
        row[:] = np.where(np.roll(run, shift) == run, moved, np.nan)
    long = sizes[run] >= 4
    gap = r[long] - np.nanmedian(near[:, long], axis=0)
    out[order[long]] = _scores(gap, 0)[0]
    return out


def _medians(residual: Array, codes: Index) -> Array:
    """The median of each run's residuals."""
    order = np.lexsort((residual, codes))
    sizes = np.bincount(codes)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    ordered = residual[order]
    return np.asarray(0.5 * (ordered[first + (sizes - 1) // 2] + ordered[first + sizes // 2]))


def _scores(residual: Array, fitted: int) -> tuple[Array, float]:
    """Robust z-scores about the median, and their scale."""
    centred = residual - np.median(residual)
    scale = max(MAD * float(np.median(np.sort(np.abs(centred))[min(fitted, len(centred) - 1) :])), LEAST)
    return centred / scale, scale


def _outlier(ready: Prepared, problem: Problem, residual: Array, here: NDArray[np.bool_], z: float) -> Outlier:
    at = np.flatnonzero(here)
    row = int(at[np.argmax(np.abs(residual[at]))])
    value, gap = float(ready.y[row]), float(residual[row])
    predicted = value * float(np.exp(-gap)) if problem.objective.space == "log" else value - gap
    return Outlier(name_of(ready, row, alone=len(at) == 1), len(at), value, predicted, z)


def name_of(ready: Prepared, row: int, *, alone: bool = True) -> str:
    """A row as people find it in their table: its run's name, or its number, and where it lies if it stands ``alone``."""
    labels: Mapping[str, Any] = ready.runs.labels
    if "run" in labels and labels["run"].codes[row] >= 0:
        name = f"run {labels['run'].names[labels['run'].codes[row]]}"
    elif "run" in ready.runs.columns:
        name = f"run {ready.runs.columns['run'][row]:g}"
    else:
        name = f"row {row + 1}"
    if not alone:
        return name
    return (
        name
        + " ("
        + ", ".join(f"{ready.columns[s]} {say(float(v[row]), s, unit=False)}" for s, v in ready.inputs.items())
        + ")"
    )
