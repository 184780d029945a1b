"""The sections of each report, from the stable JSON form of a result; renderers print them as text or as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tenfold.core.errors import DataError, LawError
from tenfold.core.law import Law
from tenfold.report import arena, comparisons, verdicts, words
from tenfold.report.blocks import Block, Code, Facts, Formula, Grid, Lines, Para, Picture, Section
from tenfold.report.numbers import MISSING, finite, interval, percent, plain, quantity, with_error

Json = Mapping[str, Any]

KINDS = ("study", "forecast", "plan", "isoflop", "fit", "arena")

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "study": ("title", "laws", "provenance"),
    "forecast": ("predictions", "law", "target"),
    "plan": ("params", "tokens", "loss", "budget", "regret"),
    "isoflop": ("profiles", "routes"),
    "fit": ("law", "coef", "certificate", "n", "status"),
    "arena": ("summary", "settings", "without"),
}


def kind_of(saved: Any) -> str:
    """Which result a JSON object holds.

    Raises:
        DataError: none that this version knows, with the keys that are missing.
    """
    if not isinstance(saved, Mapping):
        raise DataError(
            f"this is no saved result: a {type(saved).__name__} where an object was expected",
            hint="give a file that was written with --json",
        )
    if isinstance(saved.get("error"), Mapping):
        raise DataError(
            f"this file holds an error, not a result: {saved['error'].get('message', 'no message')}",
            hint="run the command again and save what it gives",
        )
    for kind in KINDS:
        if all(key in saved for key in _NEEDS[kind]):
            return kind
    near = min(KINDS, key=lambda kind: sum(key not in saved for key in _NEEDS[kind]) / len(_NEEDS[kind]))
    lacking = [key for key in _NEEDS[near] if key not in saved]
    if len(lacking) == len(_NEEDS[near]):
        raise DataError(
            "this JSON is not a result of tenfold that this version can show",
            hint=f"known are {', '.join(KINDS)}, as written with --json",
        )
    raise DataError(
        f"this looks like a {near} but lacks {', '.join(lacking)}",
        hint="it may come from another version: make the result again with this one",
    )


def law_named(name: str) -> Law | None:
    """The law of a saved result, when this installation knows it."""
    from tenfold.laws import get

    try:
        return get(name)
    except LawError:
        return None


# ---------------------------------------------------------------------------------------------------------------------
# fit


def fit_sections(fit: Json, law: Law | None = None) -> list[Section]:
    """Verdict, law with its coefficients, certificate, warnings and notes of a fit."""
    return [
        verdicts.verdict_section(fit.get("verdict"), Para(words.fit_verdict(fit), lead=not fit.get("verdict"))),
        law_section(fit, law),
        certificate_section(fit),
        *dropped_section(fit),
    ]


def law_section(fit: Json, law: Law | None = None) -> Section:
    """The formula and its coefficients with their intervals."""
    law = law or law_named(fit["law"])
    blocks: list[Block] = [Formula(str(fit.get("formula") or fit["law"])), _coefficients(fit, law)]
    blocks.append(
        Facts(
            (
                ("objective", f"{fit.get('objective', MISSING)} = {plain(fit.get('value'), digits=7)} (summed)"),
                ("runs", f"{int(fit['n'])}, rms {percent(fit.get('rms'))} of log {fit.get('target', 'loss')}"),
                ("status", str(fit.get("status_text") or fit["status"])),
                *_conventions(fit),
            )
        )
    )
    return Section("law", f"The law: {fit['law']}", tuple(blocks))


def _coefficients(fit: Json, law: Law | None) -> Grid:
    certificate = fit["certificate"]
    errors = certificate.get("errors") or {}
    bound = set(certificate.get("at_bound") or [])
    draws = fit.get("draws") or {}
    intervals = draws.get("intervals") or {}
    rows = []
    for name, value in fit["coef"].items():
        pair = words.level_pair(intervals.get(name), 0.9)
        if name in (fit.get("fixed") or {}):
            shown, spread = plain(value), "fixed"
        else:
            shown = with_error(value, errors.get(name))
            spread = _pair(value, pair)
        meaning = law.meaning.get(name, law.coefs[name].describe()) if law and name in law.coefs else ""
        rows.append((name, shown, spread, meaning + (" (at a bound)" if name in bound else "")))
    how = f"intervals by {draws['method']}, {draws['draws']} draws" if draws.get("method") else "no draws were made"
    return Grid(
        ("coefficient", "value ± s.e.", "90 % interval", "meaning"),
        tuple(rows),
        "lrrl",
        f"{'Posterior' if fit.get('priors') else 'Cluster-robust'} standard errors; {how}.",
    )


def _conventions(fit: Json) -> list[tuple[str, str]]:
    stated = fit.get("conventions") or {}
    return [("counted as", ", ".join(f"{name} {value}" for name, value in stated.items()))] if stated else []


def certificate_section(fit: Json) -> Section:
    """The certificate in words, with what stands against the fit first."""
    warnings = tuple(words.sentence(text) for text in fit["certificate"].get("warnings") or [])
    blocks: list[Block] = [Lines(warnings, warn=True)] if warnings and not fit.get("verdict") else []
    return Section("certificate", "Certificate", (*blocks, Facts(words.certificate_facts(fit))))


def dropped_section(fit: Json) -> list[Section]:
    """What was left out, converted or assumed on the way in."""
    notes = tuple(words.sentence(text) for text in fit.get("notes") or [])
    return [Section("notes", "What was dropped or assumed", (Lines(notes),))] if notes else []


# ---------------------------------------------------------------------------------------------------------------------
# rehearsal and forecast


def rehearsal_section(rehearsal: Json | None) -> Section:
    """Every fold: what was withheld, how far ahead it lay and how the prediction erred."""
    sentence = words.rehearsal_sentence(rehearsal)
    blocks: list[Block] = [Para(words.sentence(sentence))]
    covered = words.covered_words(rehearsal)
    if covered:
        blocks.append(Para(covered))
    folds = (rehearsal or {}).get("folds") or []
    if rehearsal and folds:
        axis = str(rehearsal.get("axis", ""))
        blocks.append(Picture("rehearsal"))
        rows = tuple(words.fold_row(axis, fold) for fold in folds)
        measured = ("decades ahead", "runs", "error", "rms error", "no change", "straight line")
        headers = (f"fitted up to ({axis})", "predicted", *measured)
        caption = (
            "Positive errors: the prediction was too high. The last two columns are the rms errors of predicting no "
            "change and of a straight line in logarithms."
        )
        blocks.append(Grid(headers, rows, "rrrrrrrr", caption))
        if finite(rehearsal.get("growth")):
            blocks.append(Para(words.widening_sentence(rehearsal)))
    return Section("rehearsal", "Rehearsal", tuple(blocks))


def forecast_sections(forecast: Json, *, known: Iterable[str] = ()) -> list[Section]:
    """The verdict and one line a target, each with its rehearsal, then what the intervals are made of.

    Reasons whose sentence is ``known`` already, from a verdict above, are not said again.
    """
    known = set(known)
    target, rehearsal = forecast["target"], forecast.get("rehearsal")
    blocks: list[Block] = []
    shared = forecast.get("verdict") if len(forecast["predictions"]) > 1 else None
    for prediction in forecast["predictions"]:
        blocks.extend(verdicts.stamp(prediction.get("verdict")))
        blocks.append(Para(f"At {words.at_words(prediction['at'])}:"))
        blocks.append(Para(words.forecast_line(target, prediction, rehearsal), lead=True))
        if shared is None:
            blocks.extend(verdicts.reasons(prediction.get("verdict"), known=known))
    blocks.extend(verdicts.reasons(shared, known=known))
    blocks.extend(_interval_table(forecast))
    said = verdicts.sentences(forecast.get("verdict")) | {str(text) for text in known}
    fresh = (text for text in forecast.get("notes") or [] if not any(known.startswith(text) for known in said))
    notes = tuple(words.sentence(text) for text in fresh)
    if notes:
        blocks.append(Lines(notes, warn=True))
    title = f"Forecast by {forecast['law']}"
    if str(forecast.get("source", "fit")).startswith("evidence"):
        title += " (published coefficients, no runs)"
    return [Section("forecast", title, tuple(blocks))]


def _interval_table(forecast: Json) -> list[Block]:
    rows = []
    for prediction in forecast["predictions"]:
        intervals = prediction.get("intervals") or {}
        if not intervals:
            continue
        cells = [words.at_words(prediction["at"])]
        cells += [_pair(prediction["center"], words.level_pair(intervals, level)) for level in (0.5, 0.9)]
        parts = prediction.get("parts") or {}
        cells += [percent(parts.get(name)) for name in ("coefficients", "noise", "extrapolation")]
        status = str(prediction.get("status", ""))
        rows.append((*cells, "" if status == "rehearsed" else status))
    if not rows:
        return []
    headers = ("at", "50 %", "90 %", "coef.", "noise", "reach", "status")
    caption = (
        "Intervals, and the standard deviations of the log prediction they add up: coefficients, the noise of one run, "
        "and extrapolation as rehearsed."
    )
    return [Grid(headers, tuple(rows), "lrrrrrl", caption)]


def _pair(center: float | None, pair: Any) -> str:
    """An interval without its value, which stands elsewhere."""
    inner = interval(center, pair).partition(" [")[2]
    return f"[{inner}" if inner else MISSING


# ---------------------------------------------------------------------------------------------------------------------
# plan and isoFLOP


def plan_sections(
    plan: Json, isoflop: Json | None = None, *, forecast: Json | None = None, known: Iterable[str] = ()
) -> list[Section]:
    """The verdict, what to train, what missing it costs, what binds, and the three approaches when they are given.

    A ``forecast`` at the planned point gives the loss an interval that counts extrapolation too.
    """
    isoflop, forecast = isoflop or plan.get("isoflop"), forecast or plan.get("forecast")
    facts = [
        ("parameters", words.quantity_words(plan["params"], "params", unit=False)),
        ("tokens", words.quantity_words(plan["tokens"], "tokens", unit=False)),
        ("tokens a parameter", words.quantity_words(plan["tokens_per_param"], unit=False))
        if plan.get("tokens_per_param")
        else ("", ""),
        ("expected loss", words.planned_loss(plan, forecast)),
        ("regret", words.regret_words(plan) or MISSING),
        ("binding", words.binding_words(plan)),
        ("reach", words.plan_reach_words(plan)),
        ("budget", words.limits_words(plan)),
        ("law and method", f"{plan.get('law', MISSING)}, {plan.get('method', MISSING)}"),
    ]
    blocks: list[Block] = [
        *verdicts.stamp(plan.get("verdict")),
        Para(words.plan_sentence(plan, forecast), lead=True),
        *verdicts.reasons(plan.get("verdict"), known=known),
        Facts(tuple(row for row in facts if row[0])),
    ]
    notes = tuple(words.sentence(text) for text in plan.get("notes") or [])
    if notes:
        blocks.append(Lines(notes, warn=True))
    out = [Section("plan", "Plan", tuple(blocks))]
    return out + isoflop_sections(isoflop, plan["budget"]["flops"]) if isoflop else out


def isoflop_sections(isoflop: Json, flops: float | None = None) -> list[Section]:
    """Budgets and the three approaches side by side."""
    profiles, routes = isoflop["profiles"], isoflop["routes"]
    at = flops or max((profile["flops"] for profile in profiles), default=None)
    refused = [p for p in profiles if p.get("problem")]
    lead = f"{len(profiles) - len(refused)} of {len(profiles)} budgets have an interior minimum."
    blocks: list[Block] = [
        Para(lead),
        Picture("isoflop"),
        Grid(
            ("budget, FLOP", "optimal size", "by spline", "least loss", "how well"),
            tuple(words.profile_row(profile) for profile in profiles),
            "rrrrl",
            "Vertex of a local parabola in log size, and the minimum of a spline through the same points.",
        ),
        Grid(
            ("approach", "exponent a", f"size at {quantity(at, 'flops')}", "points", "note"),
            tuple(words.route_row(route, at) for route in routes),
            "lrrrl",
            "Three routes to the compute-optimal size N* ~ C^a, with 90 % intervals of the exponent.",
        ),
        Picture("sizes"),
    ]
    if isoflop.get("bias"):
        blocks.append(Para(str(isoflop["bias"])))
    return [Section("isoflop", "IsoFLOP: the three approaches side by side", tuple(blocks))]


# ---------------------------------------------------------------------------------------------------------------------
# study


def study_sections(study: Json, law: Law | None = None) -> list[Section]:
    """A whole study, verdict first."""
    if not study["laws"]:
        raise DataError("this study holds no fitted law", hint="run it again: tenfold study run STUDY.toml")
    best = study["laws"][0]
    out = [verdict_section(study), numbers_section(study), picture_section()]
    out += [law_section(best, law), certificate_section(best)]
    out += [ranking_section(study)] if len(study["laws"]) > 1 else []
    out.append(rehearsal_section(best.get("rehearsal")))
    if study.get("forecast"):
        known = set(best["certificate"].get("warnings") or []) | verdicts.sentences(study.get("verdict"))
        out += forecast_sections(study["forecast"], known=known)
    if study.get("isoflop"):
        flops = study["plan"]["budget"]["flops"] if study.get("plan") else None
        out += isoflop_sections(study["isoflop"], flops)
    if study.get("plan"):
        out += plan_sections(
            study["plan"], forecast=study.get("forecast"), known=verdicts.sentences(study.get("verdict"))
        )
    if study.get("live"):
        out.append(live_section(study))
    out.append(Section("residuals", "Residuals", (Picture("residuals"), Picture("curves"))))
    out.append(provenance_section(study["provenance"]))
    notes = [words.sentence(text) for text in [*(study.get("notes") or []), *(best.get("notes") or [])]]
    out.append(
        Section(
            "notes",
            "What was dropped or assumed, and why",
            (Lines(tuple(dict.fromkeys(notes))) if notes else Para("Nothing was dropped."),),
        )
    )
    if study.get("study"):
        out.append(Section("study-file", "Run it again", (Code(str(study["study"]), "tenfold study run STUDY.toml"),)))
    return out


def verdict_section(study: Json) -> Section:
    """One sentence for who decides, one for who builds."""
    return verdicts.verdict_section(
        study.get("verdict"),
        Para(words.manager_sentence(study) + " " + words.trust_sentence(study), lead=True),
        Para(words.engineer_sentence(study)),
    )


def numbers_section(study: Json) -> Section:
    """The few numbers that the verdict rests on, each with its interval."""
    best, plan, forecast = study["laws"][0], study.get("plan"), study.get("forecast")
    rows: list[tuple[str, str]] = []
    if plan:
        rows += [
            ("parameters", words.quantity_words(plan["params"], "params", unit=False)),
            ("training tokens", words.quantity_words(plan["tokens"], "tokens", unit=False)),
            ("expected loss", words.planned_loss(plan, forecast) + verdicts.level_words(plan.get("verdict"))),
        ]
    seen = forecast or {}
    for prediction in seen.get("predictions", [])[:3]:
        label = f"forecast at {words.at_words(prediction['at'])}"
        line = words.forecast_line(seen["target"], prediction, seen.get("rehearsal"))
        rows.append((label, line + verdicts.level_words(prediction.get("verdict"))))
    if study.get("live"):
        rows.append(("live check", words.live_sentence(study["live"], best.get("target", "loss"))))
    headline = best["certificate"].get("headline") or {}
    if headline:
        rows.append((headline["what"], with_error(headline["value"], headline.get("error"))))
    return Section("numbers", "The numbers", (Facts(tuple(rows)),))


def picture_section() -> Section:
    """The main picture."""
    return Section("picture", "Loss against scale", (Picture("loss"),))


def ranking_section(study: Json) -> Section:
    """Every law that was tried, by its error on withheld scales, with ties and nulls."""
    rows: list[tuple[str, ...]] = []
    entries = {entry["law"]: entry for entry in study.get("ranking") or []}
    scores: list[float] = []
    for law in study["laws"]:
        folds = (law.get("rehearsal") or {}).get("folds") or []
        errors = [abs(fold["error"]) for fold in folds if finite(fold.get("error"))]
        score = (entries.get(law["law"]) or {}).get("withheld")
        scores.append(float(score) if score is not None and finite(score) else float("inf"))
        worst = max(errors, default=None)
        rows.append(
            (
                law["law"],
                percent(score) if finite(score) else "unrehearsed",
                percent(worst),
                percent(law.get("rms")),
                str(len(law["coef"])),
                str((law.get("verdict") or {}).get("level", "")),
                "tied with the first" if (entries.get(law["law"]) or {}).get("tied") else "",
            )
        )
    nulls = [entry for entry in entries.values() if entry.get("null")]
    rows += [(f"{entry['law']} (null)", percent(entry["withheld"]), *[""] * 5) for entry in nulls]
    scores += [float(entry["withheld"]) for entry in nulls]
    rows = [row for _, row in sorted(zip(scores, rows, strict=True), key=lambda pair: pair[0])]
    headers = ("law", "error on withheld scales", "worst", "rms in sample", "coefficients", "verdict", "")
    caption = "Ranked by error on withheld scales. Nulls know no law: what they miss by is what there was to predict."
    return Section("laws", "Laws that were tried", (Picture("ranking"), Grid(headers, tuple(rows), "lrrrrll", caption)))


def live_section(study: Json) -> Section:
    """The forecast beside what the trained run measured."""
    live, target = study["live"], study["laws"][0].get("target", "loss")
    rows = [
        ("planned", words.at_words(live.get("planned") or {})),
        ("trained", words.at_words(live.get("trained") or {})),
        ("took", f"{live['seconds']:.0f} s" if finite(live.get("seconds")) else MISSING),
        ("reach", words.reach_words(live["prediction"].get("reach") or {})),
    ]
    blocks: list[Block] = [
        *verdicts.stamp(live["prediction"].get("verdict")),
        Para(words.live_sentence(live, target), lead=True),
        Facts(tuple(rows)),
    ]
    caveats = tuple(words.sentence(text) for text in live.get("caveats") or [])
    if caveats:
        blocks.append(Lines(caveats, warn=True))
    return Section("live", "Live check: one planned run, trained", tuple(blocks))


def provenance_section(made: Json | None) -> Section:
    """Where the numbers came from."""
    made = made or {}
    rows = [
        ("runs", f"{made.get('source', MISSING)} (content {made.get('runs_id', MISSING)})"),
        ("made", str(made.get("made") or MISSING)),
        (
            "software",
            ", ".join(
                f"{name} {made.get(key, MISSING)}"
                for name, key in (("tenfold", "tenfold"), ("Python", "python"), ("NumPy", "numpy"))
            ),
        ),
    ]
    settings = {name: value for name, value in (made.get("settings") or {}).items() if value not in ("", None)}
    if settings:
        rows.append(("settings", ", ".join(f"{name} = {value}" for name, value in settings.items())))
    return Section("provenance", "Provenance", (Facts(tuple(rows)),))


# ---------------------------------------------------------------------------------------------------------------------
# laws


def sections_of(saved: Mapping[str, Any]) -> list[Section]:
    """The sections of a saved JSON result, whichever it is.

    Raises:
        DataError: it is none that this version knows, or a part of it is missing.
    """
    kind = kind_of(saved)
    try:
        if kind == "study":
            return study_sections(saved)
        parts = {
            "forecast": forecast_sections,
            "plan": plan_sections,
            "isoflop": isoflop_sections,
            "fit": fit_sections,
            "arena": arena.arena_sections,
        }
        made = list(parts[kind](saved))
        if kind == "fit" and saved.get("ranking"):
            made[1:1] = comparisons.ranking_sections(saved)
        rehearsal = saved.get("rehearsal")
        if kind in ("fit", "forecast") and isinstance(rehearsal, Mapping) and rehearsal.get("folds"):
            made.append(rehearsal_section(rehearsal))
        return [*made, provenance_section(saved["provenance"])] if saved.get("provenance") else made
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as cause:
        lack = f"{type(cause).__name__}: {cause}"
        raise DataError(
            f"this {kind} lacks something that this version shows ({lack})",
            hint="it may come from another version: make the result again with this one",
        ) from None
