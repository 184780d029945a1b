"""Are there enough runs, and do resamples of them work?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tenfold.verdict.case import Case, percent
from tenfold.verdict.rule import Said, caution, note, refuse, rule


@rule("few-runs")
def few_runs(case: Case, *, ratio: float = 2.0, left: int = 3) -> Iterator[Said]:
    """Too few independent runs for the number of coefficients.

    With as many runs as coefficients any law fits exactly. With less than twice as many, half of the scatter is
    fitted away and intervals must be widened by 1.4 and more; with fewer than three to spare the variance of what
    widens them does not exist (Student's t), and no interval means anything. With priors, runs need not decide
    every coefficient, and the rule is silent.
    """
    c = case.certificate
    if c is None or case.fit is None or case.fit.priors or c.independent == 0 or c.free == 0:
        return
    wanted = int(np.ceil(ratio * c.free))
    if c.independent >= wanted:
        return
    spare = c.independent - c.free
    yield (refuse if spare < left else caution)(
        f"There are only {c.independent} independent runs for a formula with {c.free} unknowns.",
        f"{c.independent} independent runs leave {max(spare, 0)} to judge {c.free} coefficients by: "
        f"{wanted - c.independent} more separate runs would do (small ones count as much), or a law with fewer "
        "coefficients, or --fixed and --prior.",
    )


@rule("no-repeats")
def no_repeats(case: Case) -> Iterator[Said]:
    """No run was repeated, so noise between seeds is not known apart from misfit.

    It does not lower the verdict: residuals bound seed noise from above. It is named because two repeats are cheap.
    """
    c = case.certificate
    if c is None or c.misfit is None or c.misfit.seeds is None or c.misfit.seeds.freedom > 0 or case.fit is None:
        return
    yield note(
        "No run was repeated, so luck and misfit cannot be told apart.",
        f"no point was run twice: residuals of {percent(case.fit.rms)} hold both seed noise and misfit. Two more seeds "
        "of a small run would tell them apart.",
    )


@rule("failed-resamples")
def failed_resamples(case: Case, *, some: float = 0.05, most: float = 0.5) -> Iterator[Said]:
    """Resampled fits reached no optimum.

    They are left out, and what is left is milder than what was asked for: the fits that fail are those of resamples
    that determine least. A twentieth is the share that a 90 % interval leaves out on each side.
    """
    if case.draws is None or not case.draws.failed > some:
        return
    yield (refuse if case.draws.failed > most else caution)(
        "The error bars are too optimistic: many of the checks behind them failed.",
        f"{percent(case.draws.failed)} of the resamples reached no optimum and are left out of the intervals: fix a "
        "coefficient, or add runs so that leaving some out still determines the law.",
    )


@rule("resamples-wander")
def resamples_wander(case: Case, *, share: float = 0.2, checked: int = 10) -> Iterator[Said]:
    """A global search improves many of the resampled fits that started at the fit.

    Resamples are refined from the fit and some are searched globally. When a fifth of these end better elsewhere,
    the spread of the rest is too small.
    """
    guard = {} if case.draws is None else case.draws.guard
    looked, better = guard.get("checked", 0), guard.get("improved", 0)
    if looked >= checked and better > share * looked:
        yield caution(
            "The error bars may be too narrow: small changes of the data lead to quite different answers.",
            f"a global search improved {better} of {looked} resampled fits that were checked: the law has several optima "
            "on these runs; draw with --draws profile, or fix a coefficient.",
        )
