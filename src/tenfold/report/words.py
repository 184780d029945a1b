"""Sentences: what the numbers of a result mean, in words, from its stable JSON form.

Every function takes plain values (``to_dict()`` of a noun, or a saved result), so a report of a result made now and of
one read back from a file say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tenfold.report.numbers import (
    count,
    decades,
    finite,
    interval,
    percent,
    plain,
    quantity,
    share,
    with_error,
)

Json = Mapping[str, Any]

_BINDING = {
    "flops": "Compute is what binds: more of it buys a lower loss along the frontier.",
    "unique_tokens": "Fresh data is what binds: the budget could use more tokens than there are.",
    "max_params": "The cap on size is what binds: a larger model would be better for this budget.",
    "search": "Nothing binds inside the search: the law does not determine an optimum here.",
    "serve_tokens": "Serving is what binds: its cost leaves too little for training.",
}


_NAMES = frozenset(
    ("alpha", "beta", "gamma", "delta", "epsilon", "eta", "kappa", "lambda", "mu", "nu", "rho", "sigma", "tau", "theta",
     "phi", "chi", "psi", "omega", "params", "tokens", "flops")
)  # fmt: skip


def sentence(text: str) -> str:
    """With a capital and a full stop; names of coefficients, laws and columns keep their case."""
    text = text.strip()
    first = text.split(" ", 1)[0]
    # names of coefficients and laws keep their case
    plain_word = first.isalpha() and first.islower() and len(first) > 1 and first not in _NAMES
    text = text[:1].upper() + text[1:] if plain_word else text
    return text if text.endswith((".", "!", "?")) else text + "."


def joined(parts: Iterable[str]) -> str:
    """``a, b and c``."""
    listed = [part for part in parts if part]
    return listed[0] if len(listed) == 1 else ", ".join(listed[:-1]) + " and " + listed[-1] if listed else ""


def level_pair(intervals: Mapping[str, Any] | None, level: float) -> Sequence[float | None] | None:
    """The interval of a level from a JSON mapping whose keys are texts such as ``0.9``."""
    for key, pair in (intervals or {}).items():
        if abs(float(key) - level) < 1e-9:
            found: Sequence[float | None] = pair
            return found
    return None


def widest(intervals: Mapping[str, Any] | None) -> float | None:
    """The largest level that a prediction carries."""
    return max((float(key) for key in intervals or {}), default=None)


# ---------------------------------------------------------------------------------------------------------------------
# fit


def fit_verdict(fit: Json) -> str:
    """The first sentence about a fit."""
    certificate = fit.get("certificate") or {}
    warnings = certificate.get("warnings") or []
    good = fit.get("status") in ("converged", "at_bound")
    runs = count(int(fit["n"]), "run")
    if not good and fit.get("verdict"):
        return f"{fit['law']} on {runs}: {fit.get('status_text', fit.get('status'))}"
    head = f"{fit['law']} describes {runs} to {percent(fit.get('rms'))} (rms of log {fit.get('target', 'loss')})"
    if not good:
        reason = fit.get("status_text", fit.get("status"))
        return f"Do not use this fit of {fit['law']} to {runs}: {reason}"
    if fit.get("verdict"):
        return f"{head}."
    if not warnings:
        return f"{head}, and nothing in its certificate stands against it."
    verb = "limits" if len(warnings) == 1 else "limit"
    return f"{head}; {count(len(warnings), 'warning')} in its certificate {verb} what it may be used for."


def certificate_facts(fit: Json) -> tuple[tuple[str, str], ...]:
    """The certificate in words, one line a question."""
    c = fit["certificate"]
    rows = [
        ("optimum", _optimum(c)),
        ("condition", _condition(c)),
        ("bounds", _bounds(c)),
        ("span of the runs", "; ".join(span_words(name, span) for name, span in c["span"].items())),
    ]
    headline = c.get("headline") or {}
    if headline:
        rows.append(("headline", f"{headline['what']}: {with_error(headline['value'], headline.get('error'))}"))
    rows.append(("influence", _influence(c)))
    rows.append(("other choices", _sensitivity(c)))
    rows.append(("drift", _drift(c)))
    if c.get("misfit"):
        rows += [("residuals", _residuals(c["misfit"])), ("repeats", _repeats(c["misfit"].get("seeds")))]
    if c.get("independent"):
        rows.append(
            ("independent runs", f"{c['independent']} for {count(int(c['free']), 'coefficient')} that they decide")
        )
    return tuple(rows)


def span_words(column: str, span: Json) -> str:
    """``params 12 k to 676 k (1.7 decades)``."""
    low, high = quantity(span["low"], column, unit=False), quantity(span["high"], column, unit=False)
    return f"{column} {low} to {high} ({decades(span['decades'])})"


def _optimum(c: Json) -> str:
    text = f"{share(c['agree'])} of {c['starts']} starts end within 1e-6 of the best"
    if c["basins"] == 1:
        return text + "; no other optimum was found"
    return text + f"; {c['basins']} distinct optima were found"


def _condition(c: Json) -> str:
    value = c.get("condition")
    if not finite(value):
        return "the condition number could not be had: some direction is flat"
    assert value is not None
    meaning = "every combination of coefficients is determined" if value <= 1e8 else "some combination is not determined"
    return f"condition number {plain(value, digits=2)}: {meaning}"


def _bounds(c: Json) -> str:
    names = c.get("at_bound") or []
    if not names:
        return "no coefficient lies on a bound of its domain"
    verb, whose = ("lies", "its") if len(names) == 1 else ("lie", "their")
    return f"{joined(names)} {verb} on a bound of {whose} domain"


def _influence(c: Json) -> str:
    found = [item for item in c.get("influence") or [] if finite(item.get("shift"))]
    if not found:
        return "not examined"
    error = (c.get("headline") or {}).get("error")
    parts = [
        f"without {item['run']} the headline is {_headline(item['headline'], error)} "
        f"({item['shift']:+.1f} standard errors)"
        for item in found[:3]
    ]
    return "; ".join(parts)


def _residuals(misfit: Json) -> str:
    """Bends along the axes, and runs that stand out."""
    bends = [
        f"{percent(trend['bend'], sign=True)} along {trend['column']} (p = {plain(trend['p'], digits=1)})"
        for trend in misfit.get("trends") or []
        if finite(trend.get("p"))
    ]
    text = f"the ends against the middle: {joined(bends)}" if bends else "too few runs to see a bend"
    out = [
        f"{item['run']} ({percent(item['residual'], sign=True)}, {plain(item['times'], digits=2)} times the noise)"
        for item in (misfit.get("outliers") or [])[:3]
    ]
    return text + ("; far from the law: " + joined(out) if out else "; no run stands out")


def _repeats(seeds: Json | None) -> str:
    """What repeated points say of noise."""
    if not seeds or not finite(seeds.get("noise")):
        return "no point was run twice: seed noise is not known apart from misfit"
    freedom = count(int(seeds["freedom"]), "degree")
    text = f"one run scatters by {percent(seeds['noise'])} about its point ({freedom} of freedom)"
    if not finite(seeds.get("excess")):
        return text
    return text + f"; beyond that the law misses point means by {percent(seeds['excess'])}"


def _headline(value: float | None, error: float | None) -> str:
    return with_error(value, error).partition(" ")[0]


def _sensitivity(c: Json) -> str:
    found = [item for item in c.get("sensitivity") or [] if finite(item.get("headline"))]
    if not found:
        return "not examined"
    error = (c.get("headline") or {}).get("error")
    parts = []
    for item in found:
        shift = f" ({item['shift']:+.1f} standard errors)" if finite(item.get("shift")) else ""
        lead = "" if item["change"].startswith("without") else "with "
        parts.append(f"{lead}{item['change']} the headline is {_headline(item['headline'], error)}{shift}")
    return "; ".join(parts)


def _drift(c: Json) -> str:
    found = c.get("drift") or []
    if not found:
        return "not examined"
    errors = c.get("errors") or {}
    moving = [
        f"{item['coef']} moves {' to '.join(_headline(value, errors.get(item['coef'])) for value in item['values'])}"
        for item in found
        if item.get("moves")
    ]
    if not moving:
        return "no coefficient moves one way by more than three standard errors as larger scales are added"
    return "as larger scales are added, " + joined(moving)


# ---------------------------------------------------------------------------------------------------------------------
# rehearsal and forecast


def rehearsal_sentence(rehearsal: Json | None) -> str:
    """One line on what rehearsal showed, or why there was none."""
    if not rehearsal:
        return "unrehearsed: no runs to withhold"
    every = rehearsal.get("folds") or []
    folds = [fold for fold in every if finite(fold.get("error")) and finite(fold.get("reach"))]
    if not every:
        given = str(rehearsal.get("sentence") or "unrehearsed: no runs to withhold")
        return given if given.startswith("unrehearsed") else f"unrehearsed: {given}"
    if not folds:
        return "unrehearsed: no withheld scale could be predicted"
    scales = len({fold["target"] for fold in folds})
    reach = max(fold["reach"] for fold in folds)
    errors = sorted(abs(fold["error"]) for fold in folds)
    low, high = percent(errors[0]), percent(errors[-1])
    text = high if low == high else f"{low} to {high}"
    signs = {fold["error"] > 0 for fold in folds}
    side = ""
    if len(errors) > 1:
        side = " (always too high)" if signs == {True} else " (always too low)" if signs == {False} else ""
    return (
        f"rehearsed on {count(scales, 'withheld scale')} up to {decades(reach)} ahead: predictions erred by {text}{side}"
    )


def covered_words(rehearsal: Json | None) -> str:
    """The share of withheld runs inside the intervals that were forecast for them, where folds carry it."""
    folds = [fold for fold in (rehearsal or {}).get("folds") or [] if fold.get("inside")]
    runs = sum(int(fold["n"]) for fold in folds)
    if not runs:
        return ""
    levels = sorted({key for fold in folds for key in fold["inside"]}, key=float)
    parts = [
        f"{percent(sum(fold['n'] * (fold['inside'].get(level) or 0.0) for fold in folds) / runs)} inside their "
        f"{float(level):.0%} intervals".replace("%", " %").replace("  %", " %")
        for level in levels
    ]
    return f"Of {count(runs, 'withheld run')} (some predicted from several scales), {joined(parts)}."


def reach_words(reach: Mapping[str, float], *, data: str = "the runs") -> str:
    """How far a prediction lies beyond the runs, or beyond the ``data`` that published constants came from."""
    scale = reach.get("scale") or 0.0
    beyond = {name: value for name, value in reach.items() if name != "scale" and (value or 0.0) > 5e-3}
    if scale > 5e-3:
        return f"{decades(scale)} beyond {data}"
    if beyond:
        name = max(beyond, key=lambda key: beyond[key])
        return f"{decades(beyond[name])} outside {data} on {name}"
    return f"within the range of {data}" if reach else "reach unknown"


def forecast_line(target: str, prediction: Json, rehearsal: Json | None) -> str:
    """The whole forecast in one line: value, interval, reach and its rehearsal."""
    intervals = prediction.get("intervals") or {}
    level = widest(intervals)
    value = interval(prediction.get("center"), level_pair(intervals, level) if level is not None else None)
    head = f"{target} {value}" + (f" ({level:.0%})".replace("%", " %") if level is not None else " (no interval)")
    sentence = rehearsal_sentence(rehearsal)
    if prediction.get("status") == "unrehearsed" and not sentence.startswith("unrehearsed"):
        sentence = "unrehearsed"
    tail = ""
    if prediction.get("status") == "beyond rehearsal":
        tail = "; this is farther than was rehearsed"
    data = "the runs" if intervals else "the published data"  # only evidence carries no interval
    return f"{head}, {reach_words(prediction.get('reach') or {}, data=data)}; {sentence}{tail}"


def at_words(at: Mapping[str, float]) -> str:
    """``params 70 B, tokens 1.4 T``."""
    return ", ".join(f"{name} {quantity(value, name, unit=False)}" for name, value in at.items())


def parts_words(prediction: Json) -> str:
    """What an interval is made of."""
    parts = prediction.get("parts") or {}
    known = [(name, parts.get(name)) for name in ("coefficients", "noise", "extrapolation")]
    shown = [f"{percent(value)} {name}" for name, value in known if finite(value)]
    return ("the interval's spread: " + ", ".join(shown) + " (standard deviations)") if shown else ""


def widened(rehearsal: Json, level: str = "0.9") -> tuple[float, float]:
    """How far forecasts may be too low and too high, a decade beyond the runs; alike in results that know no side."""
    half = (rehearsal.get("widening") or {}).get(level)
    down, up = (rehearsal.get("sides") or {}).get(level) or (half, half)
    return float(down or 0.0), float(up or 0.0)


def widening_sentence(rehearsal: Json) -> str:
    """What rehearsal adds to intervals beyond the runs."""
    growth = rehearsal.get("growth")
    if not growth:
        return "Coefficients and noise explain these errors: intervals beyond the runs are not widened further."
    down, up = widened(rehearsal)
    ends = f"; at 90 % by {percent(up)} downwards and {percent(down)} upwards" if max(down, up) > 0 else ""
    leans = ""
    if abs(up - down) > 0.02 * max(up, down):
        side = "below" if up > down else "above"
        leans = f", and farther {side} the prediction, where the truth lay more often"
    return (
        f"Beyond the runs, intervals are widened by {percent(growth)} a decade (root mean square{ends}): what these "
        f"errors leave unexplained by coefficients and noise{leans}."
    )


def fold_row(axis: str, fold: Json) -> tuple[str, ...]:
    """A row of the rehearsal table."""
    nulls = fold.get("nulls") or {}
    return (
        quantity(fold["fitted_to"], axis, unit=False),
        quantity(fold["target"], axis, unit=False),
        f"{fold['reach']:.1f}",
        str(int(fold["n"])),
        percent(fold.get("error"), sign=True),
        percent(fold.get("rms")),
        *(percent(nulls[name]) if finite(nulls.get(name)) else "" for name in ("last value", "log-linear")),
    )


# ---------------------------------------------------------------------------------------------------------------------
# plan, isoFLOP, live


def quantity_words(part: Json, axis: str | None = None, *, unit: bool = True) -> str:
    """A plan's quantity with its interval."""
    text = interval(part.get("value"), part.get("interval"), axis=axis, unit=unit)
    return f"{text} parameters" if axis == "params" and unit else text


def plan_sentence(plan: Json, forecast: Json | None = None) -> str:
    """What to train, in one line; with a forecast at that point, its interval stands for the loss."""
    level = f"{plan.get('level', 0.9):.0%}".replace("%", " %")
    same = forecast_at(plan, forecast)
    loss = f"{quantity_words(plan['loss'])} ({level}, coefficients alone)"
    if same is not None:
        loss = f"{planned_loss(plan, forecast)}, {rehearsal_sentence((forecast or {}).get('rehearsal'))}"
    return (
        f"With {quantity(plan['budget']['flops'], 'flops')}, train {quantity_words(plan['params'], 'params')} on "
        f"{quantity_words(plan['tokens'], 'tokens')}: expected loss {loss}."
    )


def binding_words(plan: Json) -> str:
    """Which limit binds."""
    return _BINDING.get(str(plan.get("binding")), f"{plan.get('binding')} is what binds.")


def regret_words(plan: Json) -> str:
    """What missing the planned size by a factor of two costs."""
    loss = plan["loss"].get("value")
    parts = []
    for name, value in (plan.get("regret") or {}).items():
        if not finite(value):
            parts.append(f"{name} is not possible within the budget")
            continue
        relative = f" ({percent(value / loss, sign=True)})" if finite(loss) and loss else ""
        parts.append(f"{name} costs {plain(value, digits=2)} of loss{relative}")
    return "; ".join(parts)


def limits_words(plan: Json) -> str:
    """The budget as it was given."""
    budget = plan["budget"]
    parts = [f"{quantity(budget['flops'], 'flops')} at {plain(budget['cost'], digits=2)} FLOP a parameter and token"]
    if budget.get("serve_tokens"):
        parts.append(f"serving {quantity(budget['serve_tokens'], 'tokens')} included")
    if budget.get("unique_tokens"):
        parts.append(f"at most {quantity(budget['unique_tokens'], 'tokens')} of fresh data")
    if budget.get("max_params"):
        parts.append(f"at most {quantity(budget['max_params'], 'params')} parameters")
    return ", ".join(parts)


def plan_reach_words(plan: Json) -> str:
    """How far the plan lies beyond the runs."""
    reach = {name: value for name, value in (plan.get("reach") or {}).items() if finite(value) and value > 0}
    if not reach:
        return "within the range of the runs"
    return joined(f"{name} {decades(value)} beyond the runs" for name, value in reach.items())


def route_row(route: Json, flops: float | None) -> tuple[str, ...]:
    """A row of the table of the three approaches."""
    if route.get("problem") or not finite(route.get("exponent")):
        return (route["name"], MISSING_ROUTE, MISSING_ROUTE, str(route.get("n", "")), route.get("problem") or "no result")
    size = route["prefactor"] * flops ** route["exponent"] if flops else None
    return (
        route["name"],
        interval(route["exponent"], route.get("interval")),
        quantity(size, "params", unit=False),
        str(int(route["n"])),
        "",
    )


MISSING_ROUTE = "–"


def profile_row(profile: Json) -> tuple[str, ...]:
    """A row of the table of budgets."""
    if profile.get("problem"):
        return (quantity(profile["flops"], "flops", unit=False), "refused", "", "", profile["problem"])
    return (
        quantity(profile["flops"], "flops", unit=False),
        quantity(profile["params"], "params", unit=False),
        quantity(profile["spline"], "params", unit=False),
        plain(profile["loss"]),
        f"rms {percent(profile.get('rms'))}, grid reaches {plain(profile.get('factor'), digits=2)}x from the vertex",
    )


def live_sentence(live: Json, target: str = "loss") -> str:
    """Whether the trained run fell where the forecast said."""
    prediction = live["prediction"]
    intervals = prediction.get("intervals") or {}
    level = widest(intervals)
    said = interval(prediction.get("center"), level_pair(intervals, level) if level is not None else None)
    said += f" ({level:.0%})".replace("%", " %") if level is not None else ""
    loss = live.get("loss")
    if not finite(loss):
        return f"The forecast said {target} {said}; the run ended {live.get('status') or 'unknown'} and measured nothing."
    inside = [float(key) for key, value in (live.get("inside") or {}).items() if value]
    outside = level is not None and level not in inside
    where = (
        f"outside the {level:.0%} interval".replace("%", " %")
        if outside
        else f"inside the {min(inside):.0%} interval".replace("%", " %")
        if inside
        else "and no interval was given"
    )
    center = prediction.get("center")
    error = f"; the forecast was {_off(center / loss - 1)}" if finite(center) and loss else ""
    return f"The forecast said {target} {said}; the run then measured {plain(loss)}, {where}{error}."


def _off(relative: float) -> str:
    if abs(relative) < 5e-6:
        return "exact"
    return f"{percent(abs(relative))} too {'high' if relative > 0 else 'low'}"


# ---------------------------------------------------------------------------------------------------------------------
# study


def manager_sentence(study: Json) -> str:
    """The verdict that needs no training in statistics."""
    plan, forecast = study.get("plan"), study.get("forecast")
    if plan:
        params = quantity(plan["params"]["value"], "params", unit=False)
        tokens = quantity(plan["tokens"]["value"], "tokens")
        return (
            f"The best use of {quantity(plan['budget']['flops'], 'flops')} is a model of {params} parameters trained on "
            f"{tokens}; expect a loss of {planned_loss(plan, forecast)}."
        )
    best = study["laws"][0]
    if forecast:
        first = forecast["predictions"][0]
        level = widest(first.get("intervals"))
        pair = level_pair(first.get("intervals"), level) if level is not None else None
        value = interval(first["center"], pair) + status_words(first)
        return f"At {at_words(first['at'])}, expect a {forecast['target']} of {value}."
    return fit_verdict(best)


def planned_loss(plan: Json, forecast: Json | None) -> str:
    """The plan's loss with the widest interval that is known: a forecast at the same point counts extrapolation too."""
    same = forecast_at(plan, forecast)
    if same is not None:
        intervals = same.get("intervals") or {}
        level = widest(intervals)
        pair = level_pair(intervals, level) if level is not None else None
        return interval(same["center"], pair) + status_words(same)
    alone = any((value or 0.0) > 5e-3 for value in (plan.get("reach") or {}).values())
    return quantity_words(plan["loss"]) + (" (coefficients alone, without the error of extrapolating)" if alone else "")


def status_words(prediction: Json) -> str:
    """What stands beside a number whose reach was not rehearsed."""
    said = {"unrehearsed": " (unrehearsed)", "beyond rehearsal": " (farther than was rehearsed)"}
    return said.get(str(prediction.get("status")), "")


def forecast_at(plan: Json, forecast: Json | None) -> Json | None:
    """The prediction of a forecast that was made at the plan's own point, within one per cent."""
    for prediction in (forecast or {}).get("predictions") or []:
        at = prediction.get("at") or {}
        pairs = [(at.get(name), plan[name]["value"]) for name in ("params", "tokens")]
        if all(finite(a) and finite(b) and b and abs(a / b - 1) < 0.01 for a, b in pairs):
            found: Json = prediction
            return found
    return None


def trust_sentence(study: Json) -> str:
    """How much of that was earned, for the same reader."""
    best = study["laws"][0]
    rehearsal = best.get("rehearsal") or {}
    folds = [fold for fold in rehearsal.get("folds") or [] if finite(fold.get("error"))]
    live = study.get("live") or {}
    checked = ""
    if finite(live.get("loss")):
        hits = [float(key) for key, value in (live.get("inside") or {}).items() if value]
        checked = (
            f" One planned run was then trained: it fell inside the {min(hits):.0%} interval.".replace("%", " %")
            if hits
            else " One planned run was then trained: it fell outside the interval."
        )
    if not folds:
        return f"This is {rehearsal_sentence(rehearsal)}.{checked}"
    worst = max(abs(fold["error"]) for fold in folds)
    scales = len({fold["target"] for fold in folds})
    return (
        f"Asked to predict {count(scales, 'larger scale')} it had not seen, the same method erred by at most "
        f"{percent(worst)}.{checked}"
    )


def engineer_sentence(study: Json) -> str:
    """The verdict that can be acted on."""
    best = study["laws"][0]
    plan = study.get("plan")
    parts = [f"{best['law']} on {count(int(best['n']), 'run')}, rms {percent(best.get('rms'))}"]
    headline = (best.get("certificate") or {}).get("headline") or {}
    if headline.get("key") == "a":
        parts.append(f"N* ~ C^a with a = {with_error(headline['value'], headline.get('error'))}")
    if plan:
        parts.append(f"{quantity_words(plan['tokens_per_param'], unit=False)} tokens a parameter")
        parts += [_short_regret(plan), f"the plan lies {plan_reach_words(plan)}"]
    parts.append(rehearsal_sentence(best.get("rehearsal")))
    return "; ".join(part for part in parts if part) + "."


def _short_regret(plan: Json) -> str:
    loss = plan["loss"].get("value")
    parts = [
        f"{name} {percent(value / loss, sign=True)}"
        for name, value in (plan.get("regret") or {}).items()
        if finite(value) and finite(loss) and loss
    ]
    return f"cost in loss of {joined(parts)}" if parts else ""
