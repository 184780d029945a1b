"""``study``: the whole chain from one TOML file. Anyone re-runs it to the same numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tenfold.core.errors import ConfigError, PlanError
from tenfold.core.provenance import Provenance, provenance
from tenfold.core.runs import Runs
from tenfold.core.scales import decades
from tenfold.fit import Fit, fit
from tenfold.forecast import Forecast, Prediction, forecast
from tenfold.io.results import read_json, write_json
from tenfold.io.tables import read_runs
from tenfold.isoflop import Isoflop, isoflop
from tenfold.plan import Budget, Plan, plan
from tenfold.rank import Entry, tied_with
from tenfold.rehearse import Rehearsal, rehearse
from tenfold.uncertainty import Draws, draw
from tenfold.verdict import Verdict, verdict

if TYPE_CHECKING:
    from tenfold.study_file import StudyFile

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class LawResult:
    """One law's part of a study."""

    fit: Fit
    draws: Draws
    rehearsal: Rehearsal

    @cached_property
    def verdict(self) -> Verdict:
        """How far the law may be used on these runs."""
        return verdict(self.fit, rehearsal=self.rehearsal, draws=self.draws)

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            **self.fit.to_dict(),
            "verdict": self.verdict.to_dict(),
            "draws": self.draws.to_dict(),
            "rehearsal": self.rehearsal.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class LiveCheck:
    """A planned run that was trained to see whether the forecast holds.

    ``prediction`` was made before the run; ``loss`` is what it measured; ``inside`` maps each level to whether the
    interval holds it. ``caveats`` say how the run differs from those of the table (another corpus, say).
    """

    planned: Mapping[str, float]
    trained: Mapping[str, float]
    prediction: Prediction
    loss: float | None
    status: str
    seconds: float
    inside: Mapping[float, bool]
    caveats: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "planned": dict(self.planned),
            "trained": dict(self.trained),
            "prediction": self.prediction.to_dict(),
            "loss": self.loss,
            "status": self.status,
            "seconds": self.seconds,
            "inside": {f"{level:g}": value for level, value in self.inside.items()},
            "caveats": list(self.caveats),
        }


@dataclass(frozen=True, eq=False)
class StudyResult:
    """Everything a study found. ``laws`` come ranked by rehearsal error, the first being the one that is used.

    ``runs`` and ``curves`` are kept for drawing and are not part of the JSON form.
    """

    title: str
    text: str
    runs: Runs
    curves: Runs | None
    laws: tuple[LawResult, ...]
    isoflop: Isoflop | None
    forecast: Forecast | None
    plan: Plan | None
    live: LiveCheck | None
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def best(self) -> LawResult:
        """The law that is used."""
        return self.laws[0]

    @property
    def ranking(self) -> tuple[Entry, ...]:
        """The laws in order, those that withheld scales cannot tell from the first marked, and the nulls beside them."""
        laws = [_entry(law) for law in self.laws]
        marked = [tied_with(entry, laws[0]) for entry in laws]
        return (*marked, *_null_entries(self.best))

    @property
    def verdict(self) -> Verdict:
        """That of what the study is about: its plan, else its forecasts together, else its law."""
        if self.plan is not None and self.plan.verdict is not None:
            return self.plan.verdict
        seen = None if self.forecast is None else self.forecast.verdict
        return self.best.verdict if seen is None else seen

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "title": self.title,
            "verdict": self.verdict.to_dict(),
            "laws": [law.to_dict() for law in self.laws],
            "ranking": [entry.to_dict() for entry in self.ranking],
            "isoflop": None if self.isoflop is None else self.isoflop.to_dict(),
            "forecast": None if self.forecast is None else self.forecast.to_dict(),
            "plan": None if self.plan is None else self.plan.to_dict(),
            "live": None if self.live is None else self.live.to_dict(),
            "notes": list(self.notes),
            "study": self.text,
            "provenance": self.provenance.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Cache:
    """Results by content: a folder of JSON files named by the hash of what they were made from."""

    folder: Path | None = None

    def get(self, what: str, key: Any, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A stored result, or a new one, stored."""
        if self.folder is None:
            return make()
        digest = hashlib.blake2b(json.dumps([what, key], sort_keys=True, default=str).encode(), digest_size=12)
        path = self.folder / f"{what}-{digest.hexdigest()}.json"
        if path.is_file():
            found = read_json(path)
            if isinstance(found, dict):
                return found
        made = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(path, made)
        return made


def run_study(
    file: StudyFile, *, cache: Path | None = None, on_progress: Progress | None = None, live: bool = True
) -> StudyResult:
    """Run a study: read, fit every law, draw, rehearse, rank, forecast, plan, and train the live run if asked for.

    Args:
        file: the study, as :func:`tenfold.study_file.load_study` reads it.
        cache: folder where expensive results (the draws, the live run) are kept by content.
        on_progress: called with what is being done and the share done, 0 to 1.
        live: whether to train the study's live run, when it has one.
    """
    tell = on_progress or (lambda what, share: None)
    store = Cache(cache)
    tell("reading runs", 0.0)
    runs, curves = _read(file)
    laws = _laws(file, runs, store, tell)
    best = laws[0]
    notes = [*runs.notes]
    if len(laws) > 1:
        notes.append(_ranking(laws))
    tell("isoFLOP profiles", 0.55)
    profiles = _profiles(runs, curves, best, file.runs.budgets)
    planned = None
    if file.plan is not None:
        tell("plan", 0.6)
        planned = plan(best.fit, best.draws, budget=file.plan.budget())
    tell("forecast", 0.65)
    points = [*file.forecast, *_planned_point(best, planned)]
    seen = None
    if points:
        seen = forecast(best.fit, runs, at=points, draws=best.draws, rehearsal=best.rehearsal, seed=file.seed)
    if planned is not None and seen is not None and len(points) > len(file.forecast):
        planned = replace(planned, verdict=seen.predictions[-1].verdict)
    check = None
    if file.live is not None and live:
        check = _live(file, best, runs, store, tell)
    tell("done", 1.0)
    return StudyResult(
        file.title,
        file.text,
        runs,
        curves,
        tuple(laws),
        profiles,
        seen,
        planned,
        check,
        tuple(notes),
        provenance("study", runs_id=runs.id, source=runs.source, seed=file.seed),
    )


def _planned_point(best: LawResult, planned: Plan | None) -> list[dict[str, float]]:
    """The plan's own point, so that its loss is forecast with the rehearsed error and not by its coefficients alone."""
    if planned is None:
        return []
    point = {"params": planned.params.value, "tokens": planned.tokens.value}
    try:
        best.fit.by_symbol(point)
    except ConfigError:  # the law has inputs that size and tokens do not give
        return []
    return [point]


def _read(file: StudyFile) -> tuple[Runs, Runs | None]:
    spec = file.runs
    source = file.resolve(spec.source)
    runs = read_runs(
        source,
        columns=spec.columns or None,
        where=spec.where or None,
        units=spec.units or None,
        conventions=spec.conventions or None,
        group=spec.group or None,
    )
    curves = read_runs(file.resolve(spec.curves)) if spec.curves else None
    return runs, curves


def _laws(file: StudyFile, runs: Runs, store: Cache, tell: Progress) -> list[LawResult]:
    out = []
    count = len(file.fit.laws)
    for index, name in enumerate(file.fit.laws):
        share = 0.05 + 0.5 * index / count
        tell(f"fitting {name}", share)
        fitted = fit(
            name,
            runs,
            target=file.fit.target,
            axis=file.fit.axis,
            objective=file.fit.objective,
            fixed=file.fit.fixed,
            bounds={k: (v[0], v[1]) for k, v in file.fit.bounds.items()},
            weights=file.fit.weights,
            checkpoints=file.fit.checkpoints,
            warmup=file.fit.warmup,
            near=file.fit.near,
            outliers=file.fit.outliers,
            errors=file.fit.errors,
        )
        tell(f"drawing {name}", share + 0.2 / count)
        draws = _draws(file, fitted, runs, store)
        tell(f"rehearsing {name}", share + 0.3 / count)
        rehearsal = rehearse(fitted, runs, axis=file.rehearse.axis, withhold=file.rehearse.withhold, seed=file.seed)
        out.append(LawResult(fitted, draws, rehearsal))
    return sorted(out, key=_rank)


def _rank(result: LawResult) -> tuple[bool, float]:
    folds = result.rehearsal.folds
    return not folds, float(np.mean([fold.rms for fold in folds])) if folds else result.fit.rms


def _entry(result: LawResult) -> Entry:
    folds, made = result.rehearsal.folds, result.fit
    withheld = float(np.mean([fold.rms for fold in folds])) if folds else float("nan")
    return Entry(made.law.name, len(made.law.coefs) - len(made.fixed), made.rms, withheld, folds=tuple(folds))


def _null_entries(best: LawResult) -> list[Entry]:
    """The nulls on the folds of the law that is used."""
    found: dict[str, list[float]] = {}
    for fold in best.rehearsal.folds:
        for name, error in fold.nulls.items():
            found.setdefault(name, []).append(error)
    return [Entry(name, 0, float("nan"), float(np.mean(errors)), null=True) for name, errors in found.items()]


def _ranking(laws: list[LawResult]) -> str:
    parts = [
        f"{r.fit.law.name} {_rank(r)[1]:.2%}" + ("" if r.rehearsal.done else " (in-sample, unrehearsed)") for r in laws
    ]
    return "laws ranked by error on withheld scales: " + ", ".join(parts)


def _draws(file: StudyFile, fitted: Fit, runs: Runs, store: Cache) -> Draws:
    key = [
        fitted.to_dict()["coef"],
        fitted.provenance.runs_id,
        fitted.objective.spec(),
        fitted.estimators.to_dict(),
        file.uncertainty,
        file.seed,
    ]
    kept = store.get("draws", key, lambda: _draws_dict(draw(fitted, runs, method=file.uncertainty, seed=file.seed)))
    coef = {name: np.asarray(values, dtype=np.float64) for name, values in kept["coef"].items()}
    freedom = float("inf") if kept["freedom"] is None else kept["freedom"]
    return Draws(fitted, coef, kept["method"], kept["failed"], kept["guard"], None, kept["widening"], freedom)


def _draws_dict(draws: Draws) -> dict[str, Any]:
    return {
        "coef": {name: values.tolist() for name, values in draws.coef.items()},
        "method": draws.method,
        "failed": draws.failed,
        "guard": dict(draws.guard),
        "widening": draws.widening,
        "freedom": draws.freedom if np.isfinite(draws.freedom) else None,
    }


def _profiles(runs: Runs, curves: Runs | None, best: LawResult, budgets: str) -> Isoflop | None:
    if not {"params", "loss"} <= set(runs.names):
        return None
    try:
        return isoflop(runs, fit=best.fit, draws=best.draws, curves=curves, budgets=budgets)
    except (ConfigError, PlanError):
        raise
    except Exception as error:  # a table without budgets has no profiles, which is not an error of the study
        from tenfold.core.errors import DataError

        if isinstance(error, DataError):
            return None
        raise


def _live(file: StudyFile, best: LawResult, runs: Runs, store: Cache, tell: Progress) -> LiveCheck:
    """Plan a small run, say what it will give, train it, compare."""
    from tenfold.ladder import live

    assert file.live is not None
    wanted = plan(best.fit, best.draws, budget=Budget(flops=file.live.flops))
    target = live.choose(wanted.params.value, flops=file.live.flops, preset=file.live.ladder)
    before = forecast(
        best.fit,
        runs,
        at=[{"params": target.params, "tokens": target.tokens}],
        draws=best.draws,
        rehearsal=best.rehearsal,
        seed=file.seed,
    ).predictions[0]

    def make() -> dict[str, Any]:
        return live.train(
            target,
            on_progress=lambda share, loss, eta: tell(_live_line(loss, eta), 0.7 + 0.3 * share),
            seed=file.live.seed if file.live else 0,
        )

    tell("training one planned run", 0.7)
    kept = store.get("live", [target.key, file.live.seed, live.corpus_hash(target)], make)
    loss = kept["loss"]
    inside = {}
    if loss is not None:
        inside = {level: bool(low <= loss <= high) for level, (low, high) in before.intervals.items()}
    return LiveCheck(
        {"params": wanted.params.value, "tokens": wanted.tokens.value, "flops": file.live.flops},
        {
            "params": target.params,
            "tokens": target.tokens,
            "flops": target.flops,
            "width": float(target.width),
        },
        before,
        loss,
        kept["status"],
        kept["seconds"],
        inside,
        tuple(live.caveats(kept, file.sidecar())),
    )


def _live_line(loss: float | None, eta: float | None) -> str:
    parts = ["training one planned run"]
    if loss is not None:
        parts.append(f"loss {loss:.3f}")
    if eta is not None:
        parts.append(f"{eta:.0f} s left")
    return ", ".join(parts)


def beyond_data(result: StudyResult) -> float:
    """Decades of compute between the largest run and the plan."""
    if result.plan is None or result.best.fit.certificate.headline.compute <= 0:
        return 0.0
    return max(decades(result.best.fit.certificate.headline.compute, result.plan.budget.flops), 0.0)
