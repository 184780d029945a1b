"""How far does the prediction lie beyond what was seen and rehearsed, and does its interval still say anything?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tenfold.verdict.case import Case, amount, change, factor_in_words, reach_in_words
from tenfold.verdict.rule import Said, caution, note, refuse, rule


@rule("unrehearsed", about="forecast")
def unrehearsed(case: Case, *, near: float = 0.05, far: float = 1.0) -> Iterator[Said]:
    """No scale could be withheld, so nothing shows how the method errs beyond the runs.

    The interval then holds coefficients and noise alone. Inside the runs that is all there is; a decade beyond,
    with no measured error of extrapolation, the number has no claim to any coverage and is refused.
    """
    if case.fit is None or case.folds:
        return
    reason = "" if case.rehearsal is None else case.rehearsal.reason
    why = reason or "no rehearsal was given"
    if case.far <= near:
        yield note(
            "It could not be tried on withheld scales, but it lies within the runs.",
            f"unrehearsed: {why}; within the range of the runs the interval holds coefficients and noise.",
        )
        return
    yield (refuse if case.far > far else caution)(
        f"Nobody has checked predictions of this kind: the runs hold too few scales, and the target is "
        f"{factor_in_words(case.far)} beyond them.",
        f"unrehearsed: {why}. The target lies {reach_in_words(case)} beyond the runs; {_more_scales(case)}.",
    )


def _more_scales(case: Case) -> str:
    """Small scales are cheap and serve rehearsal as well as large ones."""
    assert case.certificate is not None
    span = max(case.certificate.span.values(), key=lambda each: each.decades)
    return (
        f"two more scales below the smallest ({amount(span.low / 3, span.column)} and "
        f"{amount(span.low / 9, span.column)}) cost little and make a rehearsal possible"
    )


@rule("beyond-rehearsal", about="forecast")
def beyond_rehearsal(case: Case, *, times: float = 2.0, share: float = 0.5, limit: float = 4.0) -> Iterator[Said]:
    """The target lies farther beyond the runs than was ever rehearsed.

    Errors in proportion to reach are an assumption past the rehearsed reach. It is refused past ``times`` that
    reach where the interval's half is already ``share`` of what scaling gains, and past ``limit`` times however
    narrow the interval: no measured error then supports it.
    """
    if not case.folds or case.rehearsal is None or case.fit is None:
        return
    shown = max(fold.reach for fold in case.folds)
    if case.far <= shown + 1e-9:
        return
    wide = np.isfinite(case.half) and np.isfinite(case.gain) and case.doubt > share * case.gain
    bad = case.far > limit * shown or (case.far > times * shown and wide)
    yield (refuse if bad else caution)(
        f"The target is {factor_in_words(case.far)} beyond the runs, and the method was checked only "
        f"{factor_in_words(shown)} ahead.",
        f"the target lies {reach_in_words(case)} beyond the runs and {shown:.1f} were rehearsed"
        + (f"; half of its 90 % interval is {change(case.half)}" if np.isfinite(case.half) else "")
        + f". One run {factor_in_words(case.far / 2)} beyond the largest would halve the reach and lengthen the "
        "rehearsal.",
    )


@rule("wide", about="forecast")
def wide(case: Case, *, near: float = 0.1, share: float = 0.5, limit: float = 2.0, least: float = 0.01) -> Iterator[Said]:
    """The interval is wider than is useful.

    Half the 90 % interval, less the noise of one run, against what the law says that scaling to the target gains:
    at half of it the gain is known to a factor of three from end to end (.5 to 1.5); at twice the gain there is one
    chance in five that scaling up gains nothing, and it is refused. Asked beyond a tenth of a decade and above one
    per cent.
    """
    if not (case.far > near and np.isfinite(case.half) and np.isfinite(case.gain) and case.doubt > least):
        return
    ratio = case.doubt / max(case.gain, 1e-12)
    if ratio > share:
        much = "wider than all that" if ratio > 1.0 else "a large part of what"
        yield (refuse if ratio > limit else caution)(
            f"The error bar is {much} scaling up would gain.",
            f"half of the 90 % interval is {change(case.half)}, while going {reach_in_words(case)} beyond the runs "
            f"changes the prediction by {change(case.gain)}: one run between the largest and the target narrows it most.",
        )


@rule("farther-than-seen", about="forecast")
def farther_than_seen(case: Case, *, least: float = 0.5) -> Iterator[Said]:
    """The target leaves an axis by more than the runs span of it.

    To double the range of an axis in the logarithm is as far as rehearsal can ever check (half the range predicts
    the other half); beyond it the law's form alone speaks. Axes shorter than ``least`` are judged by ``short-
    axis``.
    """
    c = case.certificate
    if c is None or case.prediction is None:
        return
    for span in c.span.values():
        beyond = case.prediction.reach.get(span.column) or 0.0
        if span.decades >= least and beyond > span.decades:
            yield caution(
                "The target is farther out than the runs are from each other.",
                f"the runs span {span.decades:.1f} decades of {span.column} and the target lies {beyond:.1f} decades "
                f"outside: one run near {amount(span.high * 10 ** (beyond / 2), span.column)} would settle more than any "
                "number of small ones.",
            )


@rule("schedule", about="forecast")
def schedule(case: Case, *, near: float = 0.02, change: float = 1.5) -> Iterator[Said]:
    """The prediction goes on along a run's steps, and the law does not know the learning rate.

    A decay of the rate lowers the loss by a few per cent within the last tenth or fifth of a run (Hägele et al. 2024,
    arXiv:2405.18392), many times what such a curve scatters; no earlier step shows it. So the number holds only while
    the rate stays what it was. Where the recorded rate itself changed by more than ``change`` over the rows, the law
    has taken what the rate did for what steps did, and going on is refused.
    """
    if case.fit is None or case.prediction is None or case.certificate is None:
        return
    columns = set(case.fit.columns.values())
    if "step" not in columns or columns & {"lr", "lr_peak"} or not (case.prediction.reach.get("step") or 0.0) > near:
        return
    rates = case.certificate.lr
    moved = rates is not None and rates.high > change * max(rates.low, 0.0)
    if moved and rates is not None:
        yield refuse(
            "The learning rate fell along this curve, and what that did to the loss cannot be told from more training.",
            f"lr goes from {rates.high:.2g} to {rates.low:.2g} over the rows, and the law sees steps only: fit final "
            "losses of runs of several lengths, each with its whole schedule, or a law of the rate (lr_annealing).",
        )
        return
    known = "the rate is constant over the rows" if rates is not None else "no column lr says what the rate does"
    yield caution(
        "This holds only while the learning rate stays as it is: a final decay would end lower than any curve before "
        "it shows.",
        f"{known}, and the law sees steps only. For the loss after a decay fit final losses of runs of several lengths, "
        "or a law of the rate (lr_annealing).",
    )


@rule("more-epochs", about="forecast")
def more_epochs(case: Case, *, near: float = 1.05, limit: float = 2.0) -> Iterator[Said]:
    """The prediction repeats its data more often than any run did.

    Tokens and unique tokens may each lie within the runs and their ratio beyond. What repetition is worth fades over
    some fifteen epochs (Muennighoff et al. 2023, arXiv:2305.16264) and turns to harm, which fewer epochs do not show;
    past ``limit`` times as often as in any run it is refused.
    """
    seen = None if case.certificate is None else case.certificate.epochs
    at = {} if case.prediction is None else case.prediction.at
    if seen is None or not at.get("unique_tokens", 0.0) > 0 or not seen.high > 0:
        return
    times = at.get("tokens", 0.0) / at["unique_tokens"]
    if times > near * seen.high and times > 1.0:
        yield (refuse if times > limit * max(seen.high, 1.0) else caution)(
            "The same data would be read more often than in any run, and repeating stops paying at some point.",
            f"{times:.3g} epochs, and {seen.high:.3g} at most in the runs: the interval does not know of it. One run "
            f"with so many epochs on a small set ({amount(at['tokens'] / times / 10, 'tokens')}) would show the turn.",
        )
