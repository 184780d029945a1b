"""Do the runs determine what the law asks of them?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tenfold.core.law import predict
from tenfold.verdict.case import Case, Judged, amount, exponents_along, percent, stretch, words_of
from tenfold.verdict.rule import Said, caution, refuse, rule


@rule("short-axis")
def short_axis(case: Case, *, least: float = 0.5, none: float = 0.2) -> Iterator[Said]:
    """The runs span too little of an axis for the exponent that belongs to it.

    An exponent's standard error goes as noise over (reducible loss times span). At half a per cent of noise, a
    reducible loss of a fifth of the whole and ten runs, half a decade gives about .02 on an exponent of .3, and a
    fifth of a decade .06 with the floor known, and several times that with it free. Below a fifth the axis was in
    effect held still. Of a prediction, an axis counts only when it is left; leaving it by more than it was ever
    varied is refused.
    """
    c = case.certificate
    if c is None or case.fit is None:
        return
    for symbol, span in c.span.items():
        if not 0 < span.decades < least:
            continue
        names = exponents_along(case.fit, symbol)
        if not names:
            continue
        beyond = 0.0
        if case.prediction is not None:
            beyond = case.prediction.reach.get(span.column) or 0.0
            if beyond <= 0.02:
                continue
        bad = beyond > span.decades if case.prediction is not None else span.decades < none
        factor = stretch(span)
        what = " and ".join(names)
        yield (refuse if bad else caution)(
            f"The runs hardly vary {words_of(span.column)}, so what more of it brings "
            f"{'is not known' if bad else 'is known only roughly'}.",
            f"the runs span only {span.decades:.1f} decades of {span.column}"
            + (f" and the target lies {beyond:.2g} decades outside" if beyond else "")
            + f"; two runs at {factor:.3g}x ({amount(span.high * factor, span.column)}) would settle {what}.",
        )


@rule("one-value")
def one_value(case: Case) -> Iterator[Said]:
    """An input of the law has the same value in all runs.

    Nothing at all can be learnt about it; a prediction at another value is the law's form alone.
    """
    c = case.certificate
    if c is None:
        return
    for span in c.span.values():
        if span.decades > 0 or span.low != span.high:
            continue
        left = case.prediction is not None and (case.prediction.reach.get(span.column) or 0.0) > 0
        if case.prediction is not None and not left:
            continue
        yield refuse(
            f"All runs have the same {words_of(span.column)}: nothing is known about changing it.",
            f"{span.column} is {amount(span.low, span.column)} in every run; add runs at "
            f"{amount(span.low / 3, span.column)} and {amount(span.low * 3, span.column)}, or a law without it.",
        )


@rule("no-floor")
def no_floor(case: Case) -> Iterator[Said]:
    """The best floor is zero: the runs show no bend towards one.

    A floor below the reach of the runs cannot be seen in them; a prediction far beyond them then errs on the low
    side.
    """
    if case.fit is None or case.certificate is None or (case.prediction is not None and not case.far > 0):
        return
    for name in case.certificate.at_bound:
        if name in case.fit.law.coefs and case.fit.law.coefs[name].name == "floor":
            yield caution(
                "The runs do not show where progress levels off, so far predictions may be too rosy.",
                f"{name} is not identified: the best floor is 0, the runs show no bend towards one. Larger runs would "
                f"show it, or take a value from evidence with --prior {name}=evidence.",
            )


@rule("at-bound")
def at_bound(case: Case) -> Iterator[Said]:
    """A coefficient wants to leave its domain.

    The law asks for something it excludes: it is the wrong law, or the runs do not determine that coefficient.
    Bounds that the user gave are the user's and are only named.
    """
    if case.fit is None or case.certificate is None:
        return
    for name in case.certificate.at_bound:
        domain = case.fit.law.coefs.get(name)
        if domain is None or domain.name == "floor":
            continue
        own = f" (you bounded it to {case.fit.bounds[name]})" if name in case.fit.bounds else ""
        yield caution(
            "Part of the formula is pinned at the edge of what it allows, so it may be the wrong formula.",
            f"{name} lies on a bound of its domain ({domain.describe()}){own}: compare laws without it "
            "(tenfold fit without --law), or add runs that vary what it multiplies.",
        )


@rule("hardly-identified")
def hardly_identified(case: Case, *, share: float = 0.5) -> Iterator[Said]:
    """An exponent or floor is hardly known: its standard error is half its value or more.

    At one half the 95 % interval reaches zero, and no effect at all is not excluded. Of a prediction it counts only
    beyond the runs; the draws carry it into the interval there.
    """
    c = case.certificate
    if c is None or case.fit is None or (case.prediction is not None and not case.far > 0):
        return
    for name, error in c.errors.items():
        value = case.fit.coef[name]
        if case.fit.law.coefs[name].name not in ("exponent", "floor") or name in c.at_bound:
            continue
        if error > share * abs(value) > 0:
            yield caution(
                f"One of the numbers that decide how fast things improve ({name}) is hardly known.",
                f"{name} = {value:.3g} has a standard error of {error:.2g}: it is hardly identified. "
                + _to_identify(case.fit, name),
            )


def _to_identify(fit: Judged, name: str) -> str:
    """Which axis must be longer."""
    for symbol, span in fit.certificate.span.items():
        if span.low > 0 and name in exponents_along(fit, symbol):
            factor = stretch(span, to=span.decades + 0.5)
            return f"Runs at {factor:.3g}x the {span.column} ({amount(span.high * factor, span.column)}) would settle it."
    return "Runs over a longer range of scale would settle it, or a value from evidence with --prior."


@rule("headline-open")
def headline_open(
    case: Case, *, doubt: float = 0.1, blind: float = 0.2, share: float = 0.5, limit: float = 2.0
) -> Iterator[Said]:
    """The one number that decisions hang on is open.

    For the exponent a of the optimal size: to know nothing of a number between 0 and 1 is a standard deviation of
    .29, so at .2 the runs have said next to nothing; at .1 the ends of the 90 % interval of the size one decade
    beyond differ by a factor of 2.1. For a prediction one decade beyond: the 90 % interval is compared with what
    that decade gains by the law; half as wide on each side as the gain it is a caution, twice as wide it is
    refused.
    """
    c = case.certificate
    if c is None or case.fit is None or case.prediction is not None or not np.isfinite(c.headline_error):
        return
    if c.headline.key == "a":
        ratio, low, high = c.headline_error, doubt, blind
        text = f"the exponent a of the optimal size is {c.headline_value:.2f} ± {c.headline_error:.2f}"
    else:
        gain = _decade_gain(case.fit)
        if not (gain > 0 and c.headline_value > 0):
            return
        ratio, low, high = 1.645 * c.headline_error / c.headline_value / gain, share, limit
        text = (
            f"one decade beyond the runs {case.fit.target} is {c.headline_value:.3g} ± {c.headline_error:.2g} "
            f"while that decade gains {percent(gain)}"
        )
    if ratio > low:
        yield (refuse if ratio > high else caution)(
            "The runs do not settle the number that decisions would hang on.",
            f"{text}: {_longest(case.fit)}.",
        )


def _decade_gain(fit: Judged) -> float:
    """By how much, in logarithms, the law changes over the decade beyond the largest run."""
    far = dict(fit.certificate.headline.point)
    near = {s: min(v, fit.certificate.span[s].high) if s in fit.certificate.span else v for s, v in far.items()}
    there, here = (float(predict(fit.law, fit.coef, point)) for point in (far, near))
    return abs(float(np.log(there / here))) if there > 0 and here > 0 else float("nan")


def _longest(fit: Judged) -> str:
    """Runs that lengthen the shortest axis."""
    spans = [span for span in fit.certificate.span.values() if 0 < span.low < span.high]
    if not spans:
        return "vary the axes of the law"
    span = min(spans, key=lambda each: each.decades)
    factor = stretch(span, to=span.decades + 0.5)
    return (
        f"the shortest axis is {span.column} with {span.decades:.1f} decades; two runs at {factor:.3g}x "
        f"({amount(span.high * factor, span.column)}) would tighten it most"
    )
