"""Asked to predict withheld larger scales, how did the same method do?

What is held against a law comes from the folds that were fitted on the larger half of the scales tried.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tenfold.verdict.case import MATERIAL, Case, amount, percent
from tenfold.verdict.rule import Said, caution, refuse, rule, support


def _rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values else float("nan")


def _scales(case: Case) -> str:
    many = len({fold.target for fold in case.folds})
    return "a larger scale" if many == 1 else f"{many} larger scales"


@rule("rehearsed")
def rehearsed(case: Case) -> Iterator[Said]:
    """What rehearsal showed.

    It speaks for the numbers; the rules below say what speaks against them.
    """
    if not case.folds or case.rehearsal is None:
        return
    worst = max(abs(fold.error) for fold in case.folds)
    reach = max(fold.reach for fold in case.folds)
    ours = _rms([fold.rms for fold in case.folds])
    yield support(
        f"Asked to predict {_scales(case)} it had not seen, the same method erred by at most {percent(worst)}.",
        f"{len(case.folds)} predictions of {_scales(case)}, up to {reach:.1f} decades of {case.rehearsal.axis} ahead: "
        f"rms error of a run {percent(ours)}, the worst level off by {percent(worst)}.",
    )


@rule("nothing-withheld")
def nothing_withheld(case: Case) -> Iterator[Said]:
    """A rehearsal was tried and no scale could be withheld.

    The laws then stand in the order of how well they describe runs they were fitted to, which says little of larger
    ones. Of a prediction ``unrehearsed`` says so, by how far it goes.
    """
    if case.rehearsal is None or case.folds or case.prediction is not None:
        return
    yield caution(
        "Nothing shows that this predicts: there were too few scales to hold any back and try.",
        f"unrehearsed: {case.rehearsal.reason or 'no scale could be withheld'}; add two smaller scales, which cost "
        "little, before a choice of laws or a forecast rests on these runs.",
    )


@rule("rehearsal-error")
def rehearsal_error(case: Case, *, most: float = 0.5, limit: float = 1.0) -> Iterator[Said]:
    """Rehearsed errors are large against what scaling gained.

    Against the null that predicts the last value: an error as large as that null's says that to predict no change
    at all would have been as good; half of it leaves three quarters of the variance explained. Errors that are no
    more than the noise of a run, or under half a per cent, are not held against a law.
    """
    nulls = [fold.nulls["last value"] for fold in case.fair if "last value" in fold.nulls]
    ours = _rms([fold.rms for fold in case.fair if "last value" in fold.nulls])
    if not nulls or not ours > max(MATERIAL, 2.0 * np.nan_to_num(case.seed_noise)):
        return
    ratio = ours / max(_rms(nulls), 1e-12)
    if ratio > most:
        yield (refuse if ratio > limit else caution)(
            f"On larger scales it had not seen, the method erred by {percent(ours)}, "
            + ("more than scaling up gained." if ratio > 1.0 else "much of what scaling up gained."),
            f"rms error on withheld scales {percent(ours)}; predicting the last value again errs by "
            f"{percent(_rms(nulls))}. Compare laws (tenfold fit without --law), or train the next scale, "
            f"{_next(case)}, before going farther.",
        )


def _next(case: Case) -> str:
    assert case.rehearsal is not None
    return amount(3.0 * max(fold.target for fold in case.folds), case.rehearsal.axis)


@rule("no-better-than-a-line")
def no_better_than_a_line(case: Case, *, margin: float = 1.1) -> Iterator[Said]:
    """A straight line in logarithms predicted withheld scales better.

    The law's curvature is then not shown by the runs. A tenth of margin, for two predictions of the same runs
    differ a little by chance.
    """
    nulls = [fold.nulls["log-linear"] for fold in case.fair if "log-linear" in fold.nulls]
    ours = _rms([fold.rms for fold in case.fair if "log-linear" in fold.nulls])
    if nulls and ours > max(margin * _rms(nulls), MATERIAL):
        yield caution(
            "A straight line would have predicted the larger runs better than this formula.",
            f"rms error on withheld scales {percent(ours)}, and {percent(_rms(nulls))} for a plane in logarithms: the "
            "runs do not show the law's bend; add smaller and larger scales, or use fewer coefficients.",
        )


@rule("one-sided")
def one_sided(case: Case, *, sigmas: float = 2.0) -> Iterator[Said]:
    """Every rehearsed prediction erred to the same side.

    Signs of a right law's errors agree often, for the folds share runs; so the median error must also exceed two of
    its own standard deviations (coefficients and noise of the level's mean) and half a per cent.
    """
    if len(case.fair) < 2 or len({fold.error > 0 for fold in case.fair}) > 1:
        return
    noise = np.nan_to_num(case.seed_noise)
    errors = np.array([abs(fold.error) for fold in case.fair])
    spreads = np.array([np.hypot(fold.coefficient_sd, noise / np.sqrt(fold.n)) for fold in case.fair])
    if np.median(errors) > MATERIAL and np.median(errors / np.maximum(spreads, 1e-12)) > sigmas:
        which = "all" if len(case.fair) == len(case.folds) else "the last"
        side, truth = ("high", "lower") if case.fair[0].error > 0 else ("low", "higher")
        yield caution(
            f"The method always erred to the same side: expect the truth to be {truth} than it says.",
            f"{which} {len(case.fair)} rehearsed predictions were too {side}, by {percent(float(np.median(errors)))} in "
            f"the median and {percent(float(errors.max()))} at most; intervals beyond the runs lean to that side. The "
            f"next scale ({_next(case)}) will tell whether that goes on.",
        )


@rule("growing")
def growing(case: Case, *, power: float = 1.5, sigmas: float = 2.0) -> Iterator[Said]:
    """Rehearsed errors grow faster than reach.

    Intervals beyond the runs are widened in proportion to reach. The power of reach with which errors grow is found
    within each withheld scale (so that one odd scale is not taken for growth), errors being no smaller than their
    own standard deviation; at 1.5 an interval rehearsed one decade ahead is too narrow by a factor of 1.4 at two.
    The farthest errors must exceed two standard deviations and one per cent.
    """
    spread = {id(f): float(np.hypot(f.coefficient_sd, np.nan_to_num(case.seed_noise) / np.sqrt(f.n))) for f in case.fair}
    x, y = [], []
    for scale in {fold.target for fold in case.fair}:
        alike = [fold for fold in case.fair if fold.target == scale]
        reach = np.log([max(fold.reach, 0.25) for fold in alike])
        error = np.log([max(abs(fold.error), spread[id(fold)], 1e-12) for fold in alike])
        x.append(reach - reach.mean())
        y.append(error - error.mean())
    across, up = (np.concatenate(parts) if parts else np.zeros(0) for parts in (x, y))
    if not across @ across > 0.05:  # reaches within a scale differ by less than a factor of two
        return
    slope = float(across @ up / (across @ across))
    near, far = min(case.fair, key=lambda fold: fold.reach), max(case.fair, key=lambda fold: fold.reach)
    if slope > power and abs(far.error) > max(2.0 * MATERIAL, sigmas * spread[id(far)]):
        yield caution(
            "Errors grow fast with distance: far predictions are worse than their error bars say.",
            f"rehearsed errors go as reach to the power {slope:.1f}, from {percent(abs(near.error))} at {near.reach:.1f} "
            f"decades to {percent(abs(far.error))} at {far.reach:.2g}: forecast no farther than that, or compare laws "
            "with a break.",
        )
