"""Does the law describe the runs?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tenfold.verdict.case import MATERIAL, Case, percent, words_of
from tenfold.verdict.case import chance as odds
from tenfold.verdict.rule import Said, caution, note, refuse, rule


@rule("misses-runs")
def misses_runs(case: Case, *, most: float = 0.3, limit: float = 0.7, least: float = 0.03) -> Iterator[Said]:
    """The law misses the runs by much of what they vary.

    The rms residual as a share of the target's own standard deviation, both of logarithms: .3 is an R2 of .91, .7
    one of .5, where the law explains no more than it leaves. Below 3 % of rms nothing is said: seeds of one small
    run differ by as much, and a table that hardly varies is not a law's fault.
    """
    fit = case.fit
    if fit is None or fit.certificate.misfit is None or not fit.rms > least or not fit.certificate.misfit.spread > 0:
        return
    ratio = fit.rms / fit.certificate.misfit.spread
    if ratio > most:
        yield (refuse if ratio > limit else caution)(
            f"The formula misses the runs by {percent(fit.rms)}, {'most' if ratio > limit else 'much'} of what it should "
            "explain.",
            f"the law misses the runs by {percent(fit.rms)} (rms) where they vary by "
            f"{percent(fit.certificate.misfit.spread)}: it is the wrong law, or the runs mix recipes that need a fit "
            "each (--group).",
        )


@rule("bent-residuals")
def bent_residuals(case: Case, *, chance: float = 0.01, share: float = 0.5, least: float = 0.001) -> Iterator[Said]:
    """Residuals bend along an axis: the law has the wrong shape there.

    A quadratic in the logarithm of the axis, with an error robust to uneven noise; ``chance`` is that of a false
    alarm on one axis, were nothing fitted away. The bend must also be worth half the noise of one run and a tenth
    of a per cent, or it decides nothing.
    """
    misfit = case.certificate.misfit if case.certificate is not None else None
    if misfit is None:
        return
    bent = [t for t in misfit.trends if t.p < chance and abs(t.bend) > max(share * misfit.noise, least)]
    if bent:
        worst = min(bent, key=lambda trend: trend.p)
        side = "above" if worst.bend > 0 else "below"
        way = "too low" if worst.bend > 0 else "too high"
        yield caution(
            f"The formula bends the wrong way along {words_of(worst.column)}; beyond the runs it may well be {way}.",
            f"residuals bend along {worst.column}: the runs lie {percent(abs(worst.bend))} {side} the law at both ends "
            f"against the middle (p = {odds(worst.p)}). Try a law with another shape (tenfold fit without --law), "
            "or fit the largest scales alone.",
        )


@rule("outlier")
def outlier(case: Case, *, times: float = 10.0) -> Iterator[Said]:
    """A run is not of the others' kind.

    Its residual exceeds what normal noise shows once in a hundred tables, and five robust standard deviations.
    Robust objectives hold such a run at bay, so below ``times`` it is only named; beyond it is a caution, for then
    something else was measured.
    """
    misfit = case.certificate.misfit if case.certificate is not None else None
    if misfit is None or not misfit.outliers or not misfit.outliers[0][1].residual:
        return
    name, worst = misfit.outliers[0]
    many = len(misfit.outliers)
    lead = "one run" if many == 1 else f"{many} runs"
    material = abs(worst.residual) > MATERIAL
    say = caution if worst.times > times and material else note
    yield say(
        f"{lead[0].upper()}{lead[1:]} did not behave like the others.",
        f"{lead} lie{'s' if many == 1 else ''} far from the law, the farthest {worst.times:.0f} times the noise: {name} "
        f"({percent(abs(worst.residual))} {'above' if worst.residual > 0 else 'below'}). Look at it; if it failed, leave "
        "it out with --where, if not, repeat it.",
    )


@rule("lack-of-fit")
def lack_of_fit(case: Case, *, chance: float = 0.001) -> Iterator[Said]:
    """The law misses point means by more than repeated runs differ.

    The classical F test, where runs were repeated; and what it misses must be worth half a per cent.
    """
    seeds = (
        case.certificate.misfit.seeds if case.certificate is not None and case.certificate.misfit is not None else None
    )
    if seeds is None or not (np.isfinite(seeds.p) and seeds.p < chance and seeds.excess > MATERIAL):
        return
    yield caution(
        f"The formula is off by {percent(seeds.excess)} that chance does not explain.",
        f"point means lie {percent(seeds.excess)} from the law beyond what seeds explain ({percent(seeds.noise)} a run "
        f"on {seeds.freedom} degrees of freedom; F test, p = {odds(seeds.p)}): compare laws (tenfold fit without --law).",
    )
