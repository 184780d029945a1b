"""Which figures a result has, and what stands in each: from a study made now, or from a saved one.

A saved result holds no runs: its points are those of the isoFLOP profiles, and its curves carry no bands.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import TenfoldError
from tenfold.core.runs import Runs
from tenfold.core.scales import levels
from tenfold.io.results import plain
from tenfold.report import scenes
from tenfold.report.arena_pictures import arena_pictures
from tenfold.report.content import law_named
from tenfold.report.numbers import finite, quantity
from tenfold.report.scene import Scene

if TYPE_CHECKING:
    from tenfold.fit import Fit
    from tenfold.rehearse import Rehearsal
    from tenfold.study import StudyResult
    from tenfold.uncertainty import Draws

Array = NDArray[np.float64]
Json = Mapping[str, Any]

_POINTS = 64  # of a drawn curve
_SAMPLES = 4000  # of the band at each point


def study_pictures(result: StudyResult) -> dict[str, Scene]:
    """Every figure of a study, by key; those that its runs cannot carry are absent."""
    best, saved = result.best, plain(result.to_dict())
    out: dict[str, Scene] = {}
    main = _main(best.fit, result.runs, saved, draws=best.draws, rehearsal=best.rehearsal)
    if main is not None:
        out["loss"] = scenes.loss_scene(main)
    out.update(_from_saved(saved))
    left = _residuals(best.fit, result.runs)
    if left is not None:
        out["residuals"] = scenes.residual_scene(left)
    if result.curves is not None:
        traced = _curves(result.curves)
        if traced:
            out["curves"] = scenes.curves_scene(traced)
    return out


def saved_pictures(saved: Json, kind: str) -> dict[str, Scene]:
    """The figures that a saved result carries the numbers for."""
    if kind == "study":
        out = _from_saved(saved)
        main = _saved_main(saved)
        if main is not None:
            out["loss"] = scenes.loss_scene(main)
        return out
    if kind == "isoflop":
        return _from_saved({"isoflop": saved})
    if kind == "arena":
        return arena_pictures(saved)
    if kind in ("fit", "forecast"):
        return _from_saved({"laws": [{"rehearsal": saved.get("rehearsal")}], "ranking": saved.get("ranking")})
    return {}


def _from_saved(saved: Json) -> dict[str, Scene]:
    """Figures that need nothing but the JSON form."""
    out: dict[str, Scene] = {}
    found = saved.get("isoflop")
    if found and any(len(p["sizes"]) > 1 for p in found["profiles"]):
        out["isoflop"] = scenes.isoflop_scene(found)
        sizes = scenes.sizes_scene(found, saved.get("plan"))
        if sizes is not None:
            out["sizes"] = sizes
    entries = [entry for entry in saved.get("ranking") or [] if finite(entry.get("withheld"))]
    if sum(not entry.get("null") for entry in entries) > 1:
        out["ranking"] = scenes.ranking_scene(entries)
    rehearsal = (saved.get("laws") or [{}])[0].get("rehearsal") or {}
    if any(finite(fold.get("error")) for fold in rehearsal.get("folds") or []):
        out["rehearsal"] = scenes.rehearsal_scene(rehearsal)
    return out


# ---------------------------------------------------------------------------------------------------------------------
# the main picture


def _main(fit: Fit, runs: Runs, saved: Json, *, draws: Draws | None, rehearsal: Rehearsal | None) -> scenes.Main | None:
    runs = runs.finished()
    column = _scale_column(fit)
    x = _values(runs, column)
    if x is None or not runs.has(fit.target):
        return None
    y = runs.column(fit.target)
    good = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
    if not good.any():
        return None
    held = _withheld(runs, rehearsal)
    targets, live = _targets(saved, column), _live(saved, column)
    end = float(x[good].max())
    far = max([end, *(t.x for t in targets), *([live.x] if live else []), _plan_x(saved, column)])
    shown = end * 10 ** (0.0 if rehearsal is None else rehearsal.reach)
    grid = np.unique(np.append(np.geomspace(float(x[good].min()), far * 10**0.06, _POINTS), min(shown, far)))
    curve, ribbons = _curve(fit, grid, runs, draws=draws, rehearsal=rehearsal)
    return scenes.Main(
        column,
        fit.target,
        fit.conventions.loss if fit.target == "loss" else "unspecified",
        fit.law.name,
        tuple(x[good].tolist()),
        tuple(y[good].tolist()),
        tuple(bool(flag) for flag in held[good]),
        end,
        tuple(grid.tolist()) if curve is not None else (),
        tuple(curve.tolist()) if curve is not None else (),
        {level: (tuple(low.tolist()), tuple(high.tolist())) for level, (low, high) in ribbons.items()},
        targets,
        live,
        "compute-optimal" if {"N", "D"} <= set(fit.law.inputs) else "law",
        shown,
    )


def _saved_main(saved: Json) -> scenes.Main | None:
    """The main picture of a saved study, from the points of its profiles."""
    best = saved["laws"][0]
    profiles = (saved.get("isoflop") or {}).get("profiles") or []
    pairs = [(p["flops"], loss) for p in profiles for loss in p["losses"] if finite(loss) and loss > 0]
    if not pairs:
        return None
    source = _as_fit(best)
    first = min(fold["target"] for fold in folds) if (folds := (best.get("rehearsal") or {}).get("folds")) else np.inf
    targets, live = _targets(saved, "flops"), _live(saved, "flops")
    end = max(x for x, _ in pairs)
    far = max([end, *(t.x for t in targets), *([live.x] if live else []), _plan_x(saved, "flops")])
    grid = np.geomspace(min(x for x, _ in pairs), far * 10**0.06, _POINTS)
    curve = _frontier(source, grid)[0] if source is not None else None
    return scenes.Main(
        "flops",
        str(best.get("target", "loss")),
        str((best.get("conventions") or {}).get("loss", "unspecified")),
        str(best["law"]),
        tuple(x for x, _ in pairs),
        tuple(y for _, y in pairs),
        tuple(x >= first * 0.9 for x, _ in pairs),
        end,
        tuple(grid.tolist()) if curve is not None else (),
        tuple(curve.tolist()) if curve is not None else (),
        {},
        targets,
        live,
        "compute-optimal",
        end * 10 ** float((best.get("rehearsal") or {}).get("reach") or 0.0),
    )


def _as_fit(best: Json) -> Any:
    """What the frontier needs of a fit, from its JSON form; None for a law that this installation does not know."""
    law = law_named(str(best["law"]))
    spans = best["certificate"]["span"]
    columns = best.get("columns") or {}
    if law is None or not {"N", "D"} <= set(law.inputs) or any(columns.get(s) not in spans for s in law.inputs):
        return None
    span = {s: SimpleNamespace(low=spans[columns[s]]["low"], high=spans[columns[s]]["high"]) for s in law.inputs}
    return SimpleNamespace(law=law, coef=best["coef"], certificate=SimpleNamespace(span=span))


def _scale_column(fit: Fit) -> str:
    if {"N", "D"} <= set(fit.law.inputs):
        return "flops"
    for symbol in ("C", "x"):
        if symbol in fit.columns:
            return fit.columns[symbol]
    span = fit.certificate.span
    return span[max(span, key=lambda symbol: span[symbol].decades)].column


def _values(runs: Runs, column: str) -> Array | None:
    if runs.has(column):
        return runs.column(column)
    if column == "flops" and runs.has("params") and runs.has("tokens"):
        return 6.0 * runs.column("params") * runs.column("tokens")
    return None


def _withheld(runs: Runs, rehearsal: Rehearsal | None) -> NDArray[np.bool_]:
    """The rows that rehearsal withheld at one time or another."""
    none = np.zeros(len(runs), dtype=bool)
    if rehearsal is None or not rehearsal.folds:
        return none
    scale = _values(runs, rehearsal.axis)
    if scale is None:
        return none
    good = np.isfinite(scale) & (scale > 0)
    found = levels(scale[good])
    first = min(fold.target for fold in rehearsal.folds)
    none[good] = (found.values >= first * (1 - 1e-6))[found.of_row]
    return none


def _curve(
    fit: Fit, grid: Array, runs: Runs, *, draws: Draws | None, rehearsal: Rehearsal | None
) -> tuple[Array | None, dict[float, tuple[Array, Array]]]:
    """The law along the scale, and the intervals that a forecast would give there."""
    if {"N", "D"} <= set(fit.law.inputs):
        center, inputs = _frontier(fit, grid)
    else:
        inputs = _held_inputs(fit, grid)
        center = fit.predict(**inputs)
    if center is None or not (np.isfinite(center) & (center > 0)).all():
        return None, {}
    if draws is None or not len(draws):
        return center, {}
    with np.errstate(all="ignore"):
        shift = np.log(draws.predict(**inputs) / center)
    shift = shift[np.isfinite(shift).all(axis=1)]
    if not len(shift):
        return center, {}
    from tenfold.prepare import prepare
    from tenfold.rehearse import scatter_about

    around = scatter_about(fit, prepare(fit.law, runs, target=fit.target, axis=fit.columns.get("x", "")))
    return center, _bands(fit, inputs, center, shift, around.at(center), rehearsal)


def _bands(
    fit: Fit, inputs: Mapping[str, Array], center: Array, shift: Array, noise: Array, rehearsal: Rehearsal | None
) -> dict[float, tuple[Array, Array]]:
    """As a forecast combines them: coefficients, the noise of one run, and the rehearsed error beyond the data."""
    from tenfold.forecast import reach_of

    by_symbol = fit.by_symbol(inputs)
    far = np.array(
        [max(reach_of(fit, {s: float(v[k]) for s, v in by_symbol.items()}).values()) for k in range(len(center))]
    )
    rng = np.random.default_rng(0)
    total = shift[rng.integers(0, len(shift), _SAMPLES)] + noise * rng.standard_normal(_SAMPLES)[:, None]
    if rehearsal is not None and rehearsal.done and rehearsal.growth > 0:
        total = total + far[None, :] * rehearsal.widening.sample(rng, _SAMPLES)[:, None]
    out = {}
    for level in (0.5, 0.9):
        low, high = np.quantile(total, [(1 - level) / 2, (1 + level) / 2], axis=0)
        out[level] = (center * np.exp(low), center * np.exp(high))
    return out


def _frontier(source: Any, grid: Array) -> tuple[Array | None, dict[str, Array]]:
    from tenfold.plan import frontier

    try:
        best = frontier(source, flops=grid)
    except TenfoldError:
        return None, {}
    inputs = {"params": best["params"], "tokens": best["tokens"]}
    if "U" in source.law.inputs:
        inputs["unique_tokens"] = best["tokens"]
    return best["loss"], inputs


def _held_inputs(fit: Fit, grid: Array) -> dict[str, Array]:
    """The scale varies; every other input stays at the middle of its range."""
    column = _scale_column(fit)
    out = {}
    for symbol, span in fit.certificate.span.items():
        middle = np.full_like(grid, (span.low * span.high) ** 0.5)
        out[symbol] = grid if span.column == column else middle
    return out


def _at_x(at: Json, column: str) -> float | None:
    if finite(at.get(column)):
        return float(at[column])
    if column == "flops" and finite(at.get("params")) and finite(at.get("tokens")):
        return 6.0 * float(at["params"]) * float(at["tokens"])
    return None


def _plan_x(saved: Json, column: str) -> float:
    return float(saved["plan"]["budget"]["flops"]) if saved.get("plan") and column == "flops" else 0.0


def _targets(saved: Json, column: str) -> tuple[scenes.Target, ...]:
    out = []
    for prediction in (saved.get("forecast") or {}).get("predictions") or []:
        x = _at_x(prediction["at"], column)
        if x is not None and finite(prediction["center"]) and prediction["center"] > 0:
            name = quantity(prediction["at"].get("params"), "params", unit=False)
            status = str(prediction.get("status", ""))
            out.append(scenes.Target(x, prediction["center"], _pairs(prediction), status, name))
    return tuple(out)


def _live(saved: Json, column: str) -> scenes.Live | None:
    live = saved.get("live")
    if not live:
        return None
    x = _at_x(live.get("trained") or {}, column)
    center = live["prediction"]["center"]
    if x is None or not finite(center) or center <= 0:
        return None
    loss = live.get("loss")
    return scenes.Live(x, center, _pairs(live["prediction"]), float(loss) if finite(loss) and loss > 0 else None)


def _pairs(prediction: Json) -> dict[float, tuple[float, float]]:
    pairs = (prediction.get("intervals") or {}).items()
    return {float(k): (float(p[0]), float(p[1])) for k, p in pairs if finite(p[0]) and finite(p[1]) and p[0] > 0}


# ---------------------------------------------------------------------------------------------------------------------
# residuals and curves


def _residuals(fit: Fit, runs: Runs) -> scenes.Residuals | None:
    runs = runs.finished()
    column = _scale_column(fit)
    x = _values(runs, column)
    try:
        inputs = {symbol: runs.column(name) for symbol, name in fit.columns.items()}
        y = runs.column(fit.target)
    except TenfoldError:
        return None
    if x is None:
        return None
    with np.errstate(all="ignore"):
        left = np.log(y / fit.predict(**inputs))
    good = np.isfinite(left) & np.isfinite(x) & (x > 0)
    if not good.any():
        return None
    size = _values(runs, "params") if runs.has("params") else None
    sizes = tuple(size[good].tolist()) if size is not None and np.isfinite(size[good]).all() else ()
    return scenes.Residuals(column, tuple(x[good].tolist()), tuple(left[good].tolist()), sizes, fit.rms, fit.law.name)


def _curves(curves: Runs) -> tuple[scenes.Traced, ...]:
    """One learning curve a run, against compute, else steps or tokens."""
    column = next((name for name in ("flops", "tokens", "step", "steps") if curves.has(name)), "")
    if not column or not curves.has("loss"):
        return ()
    x, y, of_row = curves.column(column), curves.column("loss"), curves.clusters()
    size = curves.column("params") if curves.has("params") else np.full(len(curves), np.nan)
    out = []
    for run in range(int(of_row.max()) + 1 if len(of_row) else 0):
        rows = np.flatnonzero((of_row == run) & np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0))
        if len(rows) > 1:
            rows = rows[np.argsort(x[rows], kind="stable")]
            out.append(scenes.Traced(column, tuple(x[rows].tolist()), tuple(y[rows].tolist()), float(size[rows[0]])))
    return tuple(out)
