"""One contestant on one task: fit the small scales, predict the withheld ones, and be judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.arena.cards import Task
from tenfold.arena.scores import CAP, Scores, score
from tenfold.choose import AUTO, Choice, choose
from tenfold.core.axes import AXES
from tenfold.core.errors import TenfoldError
from tenfold.core.runs import Runs
from tenfold.core.scales import decades
from tenfold.fit import Fit, fit
from tenfold.forecast import spread
from tenfold.laws import get
from tenfold.nulls import NULLS
from tenfold.rehearse import Rehearsal, rehearsal_of, rehearse, scatter_of
from tenfold.scatter import Scatter
from tenfold.uncertainty import Bootstrap, draw

Array = NDArray[np.float64]

LEVELS = (0.5, 0.9)
PAPER = "paper"
_COLUMNS = {axis.column: axis.symbol for axis in AXES}


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to predict: a law (by name, ``auto`` for the choice of laws, ``paper`` for the best law of the table's own
    paper, or a null), and the estimator: the objective that is minimised and how many resamples make its intervals.
    """

    law: str
    objective: str = "huber:1e-3"
    resamples: int = 200

    @property
    def name(self) -> str:
        """As it stands in tables; the objective is named where it is not the usual one."""
        return self.law if self.objective == "huber:1e-3" else f"{self.law} ({self.objective})"


@dataclass(frozen=True, slots=True)
class Entry:
    """How one contestant did on one task; ``reason`` says why there are no scores, ``made_of`` what was fitted."""

    table: str
    task: str
    split: str
    contestant: str
    fitted: int
    withheld: int
    reach: float
    scores: Scores | None
    seconds: float
    made_of: str = ""
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        out = {name: getattr(self, name) for name in self.__slots__ if name != "scores"}
        return {**out, **(self.scores.to_dict() if self.scores is not None else {})}


Predicted = tuple[Array, Mapping[float, tuple[Array, Array]], str]


@dataclass(frozen=True, eq=False)
class Shared:
    """What contestants of one task have in common: the choice of laws, whose fits and folds are those of its laws."""

    choices: dict[str, Choice] = field(default_factory=dict)

    def choice(self, task: Task, contestant: Contestant, seed: int) -> Choice:
        """The choice of laws under a contestant's objective, made once."""
        key = f"{contestant.objective} {contestant.resamples} {seed}"
        if key not in self.choices:
            self.choices[key] = choose(
                task.runs,
                target="loss",
                scale=task.scale,
                objective=contestant.objective,
                resamples=contestant.resamples,
                certificate=False,
                seed=seed,
            )
        return self.choices[key]

    def fitted(self, task: Task, law: str, axis: str, contestant: Contestant, seed: int) -> tuple[Fit, Rehearsal] | None:
        """A law's fit and rehearsal, where the choice has made them along the same axis."""
        made = self.choices.get(f"{contestant.objective} {contestant.resamples} {seed}")
        if made is None or law not in made.ranking.fits or made.ranking.fits[law].columns.get("x", "") != axis:
            return None
        entry = next(entry for entry in made.ranking.entries if entry.law == law and not entry.null)
        found = made.ranking.fits[law]
        return found, rehearsal_of(entry.folds, made.rehearsal.axis, scatter_of(found, with_axis(task.runs, axis)).sd)


def play(task: Task, contestant: Contestant, *, seed: int = 0, shared: Shared | None = None) -> Entry | None:
    """Fit, predict and judge; None where the contestant has nothing to say about the task (a law of other axes).

    ``shared`` saves fitting what the choice of laws has fitted for the same task.
    """
    law = task.paper if contestant.law == PAPER else contestant.law
    if not law or not suits(task, law):
        return None
    begun = time.process_time()
    scores, reason, made_of = None, "", ""
    measured = task.held.column("loss")
    try:
        center, intervals, made_of = _predicted(task, law, contestant, seed, shared or Shared())
        scores = score(measured, center, intervals)
    except TenfoldError as error:
        reason = str(error.args[0]) if error.args else str(error)
    return Entry(
        task.table,
        task.name,
        task.split,
        contestant.name,
        len(task.runs),
        len(task.held),
        round(task.reach, 3),
        scores,
        round(time.process_time() - begun, 3),
        made_of,
        reason,
    )


def suits(task: Task, law: str) -> bool:
    """Whether a law's inputs are among the task's axes; laws of any one axis suit every task."""
    if law == AUTO or law in RULES:
        return True
    have = {_COLUMNS.get(name, name) for name in task.inputs}
    if {"N", "D"} <= have:
        have |= {"C", "M"}
    return all(symbol == "x" or symbol in have for symbol in get(law).inputs)


def _predicted(task: Task, law: str, contestant: Contestant, seed: int, shared: Shared) -> Predicted:
    if law in RULES:
        return RULES[law](task), {}, "null"
    if law == AUTO:
        made = shared.choice(task, contestant, seed)
        inputs = _inputs(task.held)
        many = made.many(inputs, seed=seed)
        return _judged(task, made.center(inputs), many, made.scatter, made.rehearsal, seed, made.formula())
    declared = get(law)
    axis = one_axis(task) if "x" in declared.inputs else ""
    runs, held = with_axis(task.runs, axis), with_axis(task.held, axis)
    known = shared.fitted(task, law, axis, contestant, seed)
    if known is None:
        fitted = fit(
            declared, runs, target="loss", axis=axis, objective=contestant.objective, certificate=False, throw=False
        )
        known = fitted, rehearse(fitted, runs, axis=task.scale, draws=0)
    fitted, rehearsal = known
    inputs = _inputs(held)
    center = np.atleast_1d(fitted.predict(**inputs))
    if not contestant.resamples:
        return center, {}, law
    many = draw(fitted, runs, method=Bootstrap(n=contestant.resamples), seed=seed).predict(**inputs)
    return _judged(task, center, many, scatter_of(fitted, runs), rehearsal, seed, law)


def _judged(
    task: Task, center: Array, many: Array, around: Scatter, rehearsal: Rehearsal, seed: int, made_of: str
) -> Predicted:
    noise, reach = around.at(center), _reach(task)
    seen = spread(center, many, noise=noise, rehearsal=rehearsal, reach=reach, levels=LEVELS, seed=seed)
    return center, seen.intervals, made_of


def one_axis(task: Task) -> str:
    """The column that a law of any one axis takes: the only input, compute where it can be had, or the scale."""
    if len(task.inputs) == 1:
        return task.inputs[0]
    return "flops" if {"params", "tokens"} <= set(task.inputs) else task.scale


def with_axis(runs: Runs, axis: str) -> Runs:
    """The runs with the column that a law of one axis takes, compute made from sizes and tokens where it is missing."""
    if axis == "flops" and not runs.has("flops"):
        return runs.with_column("flops", 6.0 * runs.column("params") * runs.column("tokens"))
    return runs


def _inputs(runs: Runs) -> dict[str, Array]:
    return {name: values for name, values in runs.columns.items() if name != "loss"}


def _reach(task: Task) -> Array:
    """Decades from the largest fitted scale to each withheld point."""
    edge = task.runs.span(task.scale)[1]
    return np.array([max(decades(edge, value), 0.0) for value in task.held.column(task.scale)])


def _null(name: str) -> Callable[[Task], Array]:
    def predicted(task: Task) -> Array:
        columns = [*task.inputs]
        inputs = {c: np.concatenate([task.runs.column(c), task.held.column(c)]) for c in columns}
        y = np.concatenate([task.runs.column("loss"), task.held.column("loss")])
        scale = np.concatenate([task.runs.column(task.scale), task.held.column(task.scale)])
        small = np.arange(len(y)) < len(task.runs)
        last = small & (scale >= 0.999 * scale[small].max())
        return NULLS[name](inputs, y, small=small, last=last, rows=~small)

    return predicted


def _nearest(task: Task) -> Array:
    """The value of the fitted run that lies nearest in the logarithms of the inputs."""
    here = np.column_stack([np.log(task.runs.column(c)) for c in task.inputs])
    there = np.column_stack([np.log(task.held.column(c)) for c in task.inputs])
    gap = ((there[:, None, :] - here[None, :, :]) ** 2).sum(axis=-1)
    return np.asarray(task.runs.column("loss")[gap.argmin(axis=1)])


RULES: Mapping[str, Callable[[Task], Array]] = {
    **{name: _null(name) for name in NULLS},
    "nearest size": _nearest,
}
WORST = CAP
