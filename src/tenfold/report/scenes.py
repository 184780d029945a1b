"""The figures themselves: numbers in, a scene out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenfold.core.axes import AXES
from tenfold.core.scales import decades as decades_between
from tenfold.report.numbers import decades, finite, interval, percent, plain, quantity
from tenfold.report.palette import STEPS, step
from tenfold.report.scene import Dots, Label, Mark, Ribbon, Scale, Scene, Stroke, Whisker
from tenfold.report.ticks import log_ticks, value_ticks
from tenfold.report.words import widened

Json = Mapping[str, Any]
Pairs = Mapping[float, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Target:
    """A forecast point. ``name`` tells it from others at nearly the same scale."""

    x: float
    center: float
    intervals: Pairs
    status: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Live:
    """The live check: where it was trained, what was said and what was measured."""

    x: float
    center: float
    intervals: Pairs
    loss: float | None


@dataclass(frozen=True, slots=True)
class Main:
    """What the main picture shows. ``held`` marks the runs that rehearsal withheld.

    ``shown`` is the scale up to which rehearsal supports a forecast: the end of the runs times the reach that was
    rehearsed. Beyond it bands and intervals are hatched.
    """

    column: str
    target: str
    unit: str
    law: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    held: tuple[bool, ...]
    end: float
    line_x: tuple[float, ...]
    line_y: tuple[float, ...]
    bands: Mapping[float, tuple[tuple[float, ...], tuple[float, ...]]]
    targets: tuple[Target, ...]
    live: Live | None
    kind: str
    shown: float = math.inf


@dataclass(frozen=True, slots=True)
class Residuals:
    """Log residuals (measured over law) against scale."""

    column: str
    x: tuple[float, ...]
    left: tuple[float, ...]
    sizes: tuple[float, ...]
    rms: float
    law: str


@dataclass(frozen=True, slots=True)
class Traced:
    """One run's learning curve."""

    column: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    size: float


def title_of(column: str) -> str:
    """``training compute, FLOP``."""
    axis = next((axis for axis in AXES if axis.column == column), None)
    if axis is None:
        return column
    return axis.title if not axis.unit or axis.unit in axis.title else f"{axis.title}, {axis.unit}"


def log_scale(title: str, values: Sequence[float], column: str = "", *, pad: float = 0.04) -> Scale:
    """A logarithmic axis that holds every value, with a margin."""
    low, high = min(values), max(values)
    room = max((high / low) ** pad, 1.02)
    low, high = low / room, high * room
    ticks = log_ticks(low, high, column=column, most=9) if column else value_ticks(low, high, most=7)
    return Scale(title, low, high, ticks)


# ---------------------------------------------------------------------------------------------------------------------
# loss against scale


def loss_scene(main: Main) -> Scene:
    """Measured and withheld runs, the law with its bands, where the data end, forecasts and the live check."""
    ends = [
        value for t in (*main.targets, *([main.live] if main.live else [])) for p in t.intervals.values() for value in p
    ]
    band = [value for low, high in main.bands.values() for value in (low[-1], high[-1])]
    far_x = [t.x for t in main.targets] + ([main.live.x] if main.live else [])
    x = log_scale(title_of(main.column), [*main.x, *main.line_x, *far_x], main.column, pad=0.03)
    unit = "" if main.unit == "unspecified" else f", {main.unit}"
    y = log_scale(main.target + unit, [*main.y, *main.line_y, *ends, *band], pad=0.05)
    marks: list[Mark] = []
    for level, token in ((0.9, "band9"), (0.5, "band5")):
        if level in main.bands:
            marks += _band(main, level, token)
    marks.append(Stroke((main.end, main.end), (y.low, y.high), "soft", 1.2, "dot"))
    if main.line_x:
        marks.append(Stroke(main.line_x, main.line_y, "blue", 2.4))
    for held, shape in ((False, "dot"), (True, "ring")):
        rows = [k for k, flag in enumerate(main.held) if flag is held]
        if rows:
            marks.append(Dots(tuple(main.x[k] for k in rows), tuple(main.y[k] for k in rows), "ink", shape, 7.0))
    if _unearned(main):
        marks.append(Stroke((main.shown,) * 2, (y.low, y.high), "orange", 1.2, "dash"))
    for target in main.targets:
        earned = target.status in ("rehearsed", "")
        marks += _interval_marks(target.x, target.intervals, "orange", dash="solid" if earned else "dot")
        marks.append(Dots((target.x,), (target.center,), "orange", "diamond" if earned else "hollow", 11.0))
    if main.live is not None:
        marks += _interval_marks(main.live.x, main.live.intervals, "green")
        marks.append(Stroke((main.live.x * 0.94, main.live.x * 1.06), (main.live.center,) * 2, "green", 3.0))
        if main.live.loss is not None:
            marks.append(Dots((main.live.x,), (main.live.loss,), "pink", "cross", 13.0))
    return Scene(x, y, tuple(marks), _loss_labels(main, y), _loss_words(main), f"{main.target} against scale", height=480)


def _band(main: Main, level: float, token: str) -> list[Mark]:
    """A band of the law: filled as far as rehearsal supports it, hatched beyond."""
    low, high = main.bands[level]
    cut = next((k for k, x in enumerate(main.line_x) if x > main.shown), len(main.line_x))
    parts: list[Mark] = []
    for rows, hatched in ((slice(0, cut), False), (slice(max(cut - 1, 0), None), True)):
        if len(main.line_x[rows]) > 1:
            parts.append(Ribbon(main.line_x[rows], low[rows], high[rows], token, hatched))
    return parts


def _unearned(main: Main) -> bool:
    """Whether a forecast lies beyond what rehearsal supports."""
    return any(target.x > main.shown * 1.001 for target in main.targets)


def _interval_marks(x: float, intervals: Pairs, colour: str, *, dash: str = "solid") -> list[Mark]:
    thick = {0: 2.0, 1: 5.0 if dash == "solid" else 3.0}
    ordered = sorted(intervals, reverse=True)
    return [Whisker(x, *intervals[level], colour, thick[min(k, 1)], dash) for k, level in enumerate(ordered)]


def _beyond(main: Main) -> float:
    return max((decades_between(main.end, t.x) for t in main.targets), default=0.0)


def _loss_labels(main: Main, y: Scale) -> tuple[Label, ...]:
    out = []
    reach = _beyond(main)
    if reach > 0.02:
        text = f"runs end here;\nforecast {decades(reach)} beyond →"
        out.append(Label(main.end, y.high, text, "soft", ("top",), f"runs end; forecast\n{decades(reach)} beyond →"))
    else:
        out.append(Label(main.end, y.high, "runs end here", "soft", ("top",), "runs end"))
    if _unearned(main):
        text = "nothing was rehearsed\nbeyond the runs" if main.shown <= main.end * 1.001 else "rehearsed\nup to here"
        out.append(Label(main.shown, y.high, text, "orange", ("top",), text))
    alone = len(main.targets) == 1
    for target in main.targets[:4]:
        widest = target.intervals.get(max(target.intervals, default=0.0))
        number = interval(target.center, widest)
        status = "" if target.status in ("rehearsed", "") else f"\n{target.status}"
        name = "forecast" if alone or not target.name else target.name
        name = name if name == "forecast" else f"{name}:"
        short = f"{name}\n{number}".replace(" [", "\n[") if alone else f"{name} {plain(target.center)}"
        top = widest[1] if widest else target.center
        out.append(Label(target.x, top, f"{name} {number}{status}", "orange", ("above", "left"), short + status))
    if main.live is not None:
        top = max((pair[1] for pair in main.live.intervals.values()), default=main.live.center)
        text = "live check: not measured" if main.live.loss is None else f"live check: measured {plain(main.live.loss)}"
        out.append(
            Label(
                main.live.x, top, text, "pink", ("above", "right", "below"), text.replace("live check: ", "live check\n")
            )
        )
    for held, text, short in ((False, "measured", None), (True, "withheld in rehearsal", "withheld")):
        tops = _tops(main, held=held)
        if tops:
            out.append(Label(*tops[0], text, "ink", ("right", "above"), short, also=tuple(tops[1:])))
    out += _line_labels(main)
    return tuple(out)


def _tops(main: Main, *, held: bool) -> list[tuple[float, float]]:
    """The highest point of each column of runs, those farthest to the left first."""
    rows = [k for k, flag in enumerate(main.held) if flag is held]
    columns: dict[float, tuple[float, float]] = {}
    for k in rows:
        key = round(math.log10(main.x[k]), 1)
        if key not in columns or main.y[k] > columns[key][1]:
            columns[key] = (main.x[k], main.y[k])
    return [columns[key] for key in sorted(columns)][:6]


def _line_labels(main: Main) -> list[Label]:
    if not main.line_x:
        return []
    out = []
    for level in (0.9, 0.5):
        if level in main.bands:
            text = f"{level:.0%}".replace("%", " %")
            out.append(Label(main.line_x[-1], main.bands[level][1][-1], text, "blue", ("right",), gap=6.0))
    middle = 0.5 * math.log(main.line_x[0] * main.end)
    order = sorted(range(len(main.line_x)), key=lambda k: abs(math.log(main.line_x[k]) - middle))
    points = [(main.line_x[k], main.line_y[k]) for k in order[:32:4]]
    text = "compute-optimal frontier of the law" if main.kind == "compute-optimal" else f"law: {main.law}"
    short = "frontier" if main.kind == "compute-optimal" else "law"
    out.append(Label(*points[0], text, "blue", ("below",), short, gap=16.0, also=tuple(points[1:])))
    return out


def _target_words(main: Main, target: Target) -> str:
    """One forecast: its number, where it lies, and whether that was rehearsed."""
    widest = target.intervals.get(max(target.intervals, default=0.0))
    beyond = max(decades_between(main.end, target.x), 0.0)
    where = f"{decades(beyond)} beyond the runs" if beyond > 0.02 else "within the runs"
    status = {"unrehearsed": ", unrehearsed", "beyond rehearsal": ", farther than was rehearsed"}
    number = interval(target.center, widest)
    return f"forecast {number} at {quantity(target.x, main.column)}, {where}{status.get(target.status, '')}"


def _loss_words(main: Main) -> str:
    low, high = quantity(min(main.x), main.column), quantity(main.end, main.column)
    held = sum(main.held)
    text = (
        f"{main.target.capitalize()} of {len(main.x)} runs from {low} to {high}"
        + (f", {held} of them withheld in rehearsal (hollow)" if held else "")
        + (
            f", with the {'compute-optimal frontier' if main.kind == 'compute-optimal' else 'curve'} of {main.law}"
            if main.line_x
            else ""
        )
        + (" and its 50 % and 90 % bands for one new run" if main.bands else "")
    )
    text += "".join(f"; {_target_words(main, target)}" for target in main.targets[:4])
    if _unearned(main) and main.bands:
        text += "; bands are hatched where nothing was rehearsed"
    if main.live is not None and main.live.loss is not None:
        text += f"; a live check at {quantity(main.live.x, main.column)} measured {plain(main.live.loss)}"
    return text + "."


# ---------------------------------------------------------------------------------------------------------------------
# isoFLOP


def isoflop_scene(found: Json) -> Scene:
    """Loss against size for each budget, with the local parabola and its vertex."""
    profiles = [p for p in found["profiles"] if len(p["sizes"]) > 1]
    marks: list[Mark] = []
    labels: list[Label] = []
    refused = []
    for k, profile in enumerate(profiles):
        colour, short = step(k, len(profiles)), None
        sizes, losses = tuple(profile["sizes"]), tuple(profile["losses"])
        name = quantity(profile["flops"], "flops", unit=k == len(profiles) - 1)
        if profile.get("problem"):
            refused.append(f"{quantity(profile['flops'], 'flops')}: {profile['problem']}")
            marks.append(Stroke(sizes, losses, colour, 1.4, "dot"))
            marks.append(Dots(sizes, losses, colour, "square", 8.0))
            short = f"{quantity(profile['flops'], 'flops', unit=False)}\nrefused"
            name = f"{name} refused"
        else:
            marks.append(Stroke(sizes, losses, colour, 1.0, "dot"))
            marks.append(_parabola(profile, colour))
            marks.append(Dots(sizes, losses, colour, "dot", 8.0))
        labels.append(Label(sizes[-1], losses[-1], name, colour, ("right",), short, gap=9.0))
    good = [p for p in profiles if not p.get("problem")]
    if good:
        line_x, line_y = tuple(p["params"] for p in good), tuple(p["loss"] for p in good)
        marks.append(Stroke(line_x, line_y, "orange", 1.6, "dash"))
        marks.append(Dots(line_x, line_y, "orange", "diamond", 11.0))
        labels.append(Label(line_x[-1], line_y[-1], "optimal size", "orange", ("below", "left"), gap=12.0))
    x = log_scale(title_of("params"), [s for p in profiles for s in p["sizes"]], "params", pad=0.05)
    y = log_scale("loss", [*(v for p in profiles for v in p["losses"]), *(p["loss"] for p in good)], pad=0.09)
    words = f"IsoFLOP curves of {len(profiles)} budgets: loss against size at equal compute"
    if good:
        first, last = good[0], good[-1]
        words += (
            f"; the best size grows from {quantity(first['params'], 'params', unit=False)} "
            f"at {quantity(first['flops'], 'flops')} to {quantity(last['params'], 'params', unit=False)} "
            f"at {quantity(last['flops'], 'flops')}"
        )
    words += ("; refused: " + "; ".join(refused) if refused else "") + "."
    return Scene(x, y, tuple(marks), tuple(labels), words, "IsoFLOP curves", height=460)


def _parabola(profile: Json, colour: str) -> Stroke:
    """The local fit over the five sizes about the minimum, in ln N and ln L."""
    sizes, losses = profile["sizes"], profile["losses"]
    best = losses.index(min(losses))
    low, high = math.log(sizes[max(best - 2, 0)]), math.log(sizes[min(best + 2, len(sizes) - 1)])
    grid = [low + (high - low) * k / 40 for k in range(41)]
    a, b, c = profile["curve"]
    return Stroke(tuple(math.exp(v) for v in grid), tuple(math.exp(a * v * v + b * v + c) for v in grid), colour, 2.0)


def sizes_scene(found: Json, plan: Json | None) -> Scene | None:
    """Optimal size against compute: the measured vertices, the three routes and the plan with its interval."""
    good = [p for p in found["profiles"] if not p.get("problem") and finite(p.get("params"))]
    routes = [
        r for r in found["routes"] if not r.get("problem") and finite(r.get("exponent")) and finite(r.get("prefactor"))
    ]
    if not routes or not found["profiles"]:
        return None
    budgets = [p["flops"] for p in found["profiles"]]
    far = max([*budgets, *([plan["budget"]["flops"]] if plan else [])])
    low = min(budgets)
    styles = (("green", "dot"), ("pink", "dash"), ("blue", "solid"))
    marks: list[Mark] = []
    labels: list[Label] = []
    values: list[float] = [p["params"] for p in good]
    end = far * (far / low) ** 0.02
    for route, (colour, dash) in zip(routes, styles, strict=False):
        x = (low, end)
        y = tuple(route["prefactor"] * v ** route["exponent"] for v in x)
        values += y
        marks.append(Stroke(x, y, colour, 2.0, dash))
        name = str(route["name"]).partition(" (")[0]
        text = f"{name}: {interval(route['exponent'], route.get('interval')).partition(' [')[0]}"
        labels.append(Label(x[-1], y[-1], text, colour, ("right",), text.replace("approach ", ""), gap=8.0))
    labels.sort(key=lambda label: -label.y)
    if good:
        marks.append(Dots(tuple(p["flops"] for p in good), tuple(p["params"] for p in good), "ink", "diamond", 10.0))
        labels.append(Label(good[0]["flops"], good[0]["params"], "isoFLOP minima", "ink", ("above", "right", "below")))
    words = "Optimal size against compute by " + ", ".join(
        f"{r['name']} (exponent {interval(r['exponent'], r.get('interval'))})" for r in routes
    )
    if plan and finite(plan["params"]["value"]):
        pair = plan["params"]["interval"]
        at = plan["budget"]["flops"]
        if finite(pair[0]) and finite(pair[1]) and pair[0] > 0:
            marks.append(Whisker(at, pair[0], pair[1], "orange", 3.0))
            values += list(pair)
        marks.append(Dots((at,), (plan["params"]["value"],), "orange", "diamond", 11.0))
        text = f"plan {interval(plan['params']['value'], pair, axis='params')}"
        labels.append(
            Label(
                at,
                plan["params"]["value"],
                text,
                "orange",
                ("below", "left", "above"),
                text.replace(" [", "\n["),
                gap=14.0,
            )
        )
        words += f"; the {text.replace('plan', 'plan is')} parameters at {quantity(at, 'flops')}"
    x_scale = log_scale(title_of("flops"), [low, end], "flops", pad=0.03)
    y_scale = log_scale("optimal size, parameters", values, "params", pad=0.06)
    return Scene(x_scale, y_scale, tuple(marks), tuple(labels), words + ".", "optimal size", height=420)


# ---------------------------------------------------------------------------------------------------------------------
# residuals, rehearsal, curves


def _sequence(sizes: Sequence[float]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """A colour for every size along the logarithm, and a key of at most five of them."""
    low, high = math.log(min(sizes)), math.log(max(sizes))
    spread = high - low
    tokens = tuple(f"s{round((STEPS - 1) * (math.log(s) - low) / spread) if spread > 0 else 0}" for s in sizes)
    if spread <= 0:
        return tokens, ()
    levels = sorted(set(sizes))
    picks = sorted({round(k * (len(levels) - 1) / 4) for k in range(5)})
    key = []
    for pick in picks:
        size = levels[pick]
        token = f"s{round((STEPS - 1) * (math.log(size) - low) / spread)}"
        key.append((token, "● " + quantity(size, "params", unit=False)))
    return tokens, tuple(key)


def residual_scene(found: Residuals) -> Scene:
    """How far each run lies from the law, in per cent, coloured by size."""
    y = [100.0 * value for value in found.left]
    reach = max(max(abs(v) for v in y), 100 * found.rms, 0.01) * 1.15
    tokens, key = _sequence(found.sizes) if found.sizes else (("ink",) * len(y), ())
    x_scale = log_scale(title_of(found.column), found.x, found.column, pad=0.03)
    y_scale = Scale(f"measured against {found.law}, %", -reach, reach, value_ticks(-reach, reach, most=6), log=False)
    across = (x_scale.low, x_scale.high)
    marks: tuple[Mark, ...] = (
        Ribbon(across, (-100 * found.rms,) * 2, (100 * found.rms,) * 2, "band9"),
        Stroke(across, (0.0, 0.0), "soft", 1.4),
        Dots(found.x, tuple(y), tokens, "dot", 8.0),
    )
    worst = max(y, key=abs)
    words = (
        f"Residuals of {found.law} in per cent against scale: rms {percent(found.rms)}, "
        f"the largest {percent(worst / 100, sign=True)}."
    )
    label = Label(x_scale.high, 100 * found.rms, f"rms\n{percent(found.rms)}", "blue", ("right",), gap=6.0)
    named = (("ink", "size:"), *key) if key else ()
    return Scene(x_scale, y_scale, marks, (label,), words, "residuals", named, height=340)


def rehearsal_scene(rehearsal: Json) -> Scene:
    """The error of every withheld scale against how far ahead it lay, and what forecasts are widened by."""
    folds = [fold for fold in rehearsal["folds"] if finite(fold.get("error"))]
    far = max(fold["reach"] for fold in folds) * 1.12
    down, up = (100 * side for side in widened(rehearsal))
    y = [100 * fold["error"] for fold in folds]
    reach = max(max(abs(v) for v in y), max(down, up) * far, 0.01) * 1.12
    targets = sorted({fold["target"] for fold in folds})
    colours = {target: step(k, len(targets)) for k, target in enumerate(targets)}
    marks: list[Mark] = []
    if max(down, up) > 0:
        marks.append(Ribbon((0.0, far), (0.0, -down * far), (0.0, up * far), "band9"))
    marks.append(Stroke((0.0, far), (0.0, 0.0), "soft", 1.4))
    labels = []
    for target in targets:
        rows = sorted((fold for fold in folds if fold["target"] == target), key=lambda fold: fold["reach"])
        xs, ys = tuple(f["reach"] for f in rows), tuple(100 * f["error"] for f in rows)
        if len(rows) > 1:
            marks.append(Stroke(xs, ys, colours[target], 1.2, "dot"))
        marks.append(Dots(xs, ys, colours[target], "ring", 9.0))
        text = quantity(target, rehearsal.get("axis", ""), unit=target == targets[-1])
        labels.append(Label(xs[-1], ys[-1], text, colours[target], ("right", "above", "below", "left")))
    if max(down, up) > 0:
        text, edge, where = "90 % of the widening\nthat forecasts get", -down, ("above", "left")
        if up > down:
            edge, where = up, ("below", "left")
        labels.append(Label(far * 0.98, edge * far * 0.98, text, "blue", where, "90 % widening"))
    x_scale = Scale("decades ahead of the fitted runs", 0.0, far, value_ticks(0.0, far, most=6), log=False)
    y_scale = Scale("error of the prediction, %", -reach, reach, value_ticks(-reach, reach, most=6), log=False)
    worst = max((fold["error"] for fold in folds), key=abs)
    words = (
        f"Errors of {len(folds)} predictions of {len(targets)} withheld scales up to "
        f"{decades(max(fold['reach'] for fold in folds))} ahead: the worst is {percent(worst, sign=True)}."
    )
    return Scene(x_scale, y_scale, tuple(marks), tuple(labels), words, "rehearsal", height=360)


_MOST_LAWS = 16  # in the picture of a ranking; the table holds all


def ranking_scene(entries: Sequence[Json]) -> Scene:
    """The error of each law on withheld scales, in order; those tied with the first in its colour, nulls hollow."""

    def key(entry: Json) -> float:
        return float(entry["score"] if finite(entry.get("score")) else entry["withheld"])

    laws = [entry for entry in entries if not entry.get("null")]
    nulls = [entry for entry in entries if entry.get("null")]
    shown = sorted([*laws[: _MOST_LAWS - len(nulls)], *nulls], key=key)
    first = laws[0]
    values = [100.0 * float(entry["withheld"]) for entry in shown]
    low, high = min(values) / 1.25, max(values) * 1.1
    x = Scale("rms error on withheld larger scales, %", low, high, value_ticks(low, high, most=7))
    y = Scale("", 0.3, len(shown) + 0.7, (), log=False)
    marks: list[Mark] = [Stroke((100.0 * float(first["withheld"]),) * 2, (y.low, y.high), "blue", 1.2, "dot")]
    labels = []
    for place, (entry, value) in enumerate(zip(shown, values, strict=True)):
        row = float(len(shown) - place)
        near = entry is first or bool(entry.get("tied"))
        colour = "soft" if entry.get("null") else "blue" if near else "ink"
        marks.append(Stroke((low, value), (row, row), "grid" if not near else "blue", 1.4))
        marks.append(Dots((value,), (row,), colour, "ring" if entry.get("null") else "dot", 10.0))
        note = " (null)" if entry.get("null") else " (tied with the first)" if entry.get("tied") else ""
        text = f"{entry['law']}{note} {percent(value / 100)}"
        labels.append(Label(value, row, text, colour, ("right", "left"), f"{entry['law']} {percent(value / 100)}"))
    tied = [str(entry["law"]) for entry in laws if entry.get("tied")]
    words = (
        f"Errors of {len(laws)} laws on withheld larger scales: {first['law']} comes first with "
        f"{percent(first['withheld'])}"
        + (f", tied with {', '.join(tied)}" if tied else "")
        + "".join(f"; {entry['law']} (null) {percent(entry['withheld'])}" for entry in nulls)
        + (f"; the picture shows the best {len(shown) - len(nulls)}" if len(shown) < len(entries) else "")
        + "."
    )
    return Scene(x, y, tuple(marks), tuple(labels), words, "laws in order", height=90 + 26 * len(shown))


def curves_scene(curves: tuple[Traced, ...]) -> Scene:
    """The learning curve of every run, coloured by size."""
    known = [c.size for c in curves]
    sized = all(finite(size) and size > 0 for size in known)
    tokens, key = _sequence(known) if sized else (("ink",) * len(curves), ())
    marks: list[Mark] = [Stroke(curve.x, curve.y, token, 1.2) for curve, token in zip(curves, tokens, strict=True)]
    ends = tuple(curve.x[-1] for curve in curves), tuple(curve.y[-1] for curve in curves)
    marks.append(Dots(*ends, tokens, "dot", 6.0))
    x = log_scale(title_of(curves[0].column), [v for c in curves for v in c.x], curves[0].column, pad=0.02)
    y = log_scale("loss", [v for c in curves for v in c.y], pad=0.04)
    words = f"Learning curves of {len(curves)} runs against {x.title.partition(',')[0]}."
    named = (("ink", "size:"), *key) if key else ()
    return Scene(x, y, tuple(marks), (), words, "learning curves", named, height=400)
