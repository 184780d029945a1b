"""Did the search find the optimum, and is it the only one?"""

from __future__ import annotations

from collections.abc import Iterator

from tenfold.verdict.case import Case
from tenfold.verdict.rule import Said, caution, refuse, rule


@rule("not-converged")
def not_converged(case: Case) -> Iterator[Said]:
    """The solver did not reach an optimum.

    Coefficients at any other point mean nothing.
    """
    if case.fit is not None and not case.fit.status.ok:
        yield refuse(
            "The computation did not settle on an answer.",
            f"status {case.fit.status.name.lower()}: {case.fit.status.value} Fix a coefficient, choose a simpler law, or "
            "add runs where the axes are short.",
        )


@rule("not-examined")
def not_examined(case: Case) -> Iterator[Said]:
    """The fit was made without the part of its certificate that takes refits.

    Influence, sensitivity, drift and residuals are not known then, and silence of their rules would mean nothing.
    """
    c = case.certificate
    if c is not None and case.fit is not None and case.fit.status.ok and c.free > 0 and c.misfit is None:
        yield caution(
            "Nobody has looked at how far this fit can be trusted.",
            "the fit was made with certificate=False: influence, sensitivity, drift and residuals were not examined; fit "
            "again with a certificate.",
        )


@rule("few-starts-agree")
def few_starts_agree(case: Case, *, hits: int = 3) -> Iterator[Said]:
    """Few of the starts of the search ended at the best optimum.

    An optimum that was met three times by independent starts was not met by luck; one that was met once may well
    have a better one beside it that was missed.
    """
    c = case.certificate
    if c is not None and c.starts >= 2 * hits and (found := round(c.agree * c.starts)) < hits:
        times = {0: "none", 1: "one", 2: "two"}[found]
        yield caution(
            "The computation found this answer only by chance; a better one may have been missed.",
            f"{times} of {c.starts} starts ended at the best optimum and {c.basins} distinct optima were found: give "
            "more starts, or fix a coefficient that is known.",
        )


@rule("rival-optimum")
def rival_optimum(case: Case) -> Iterator[Said]:
    """Another optimum describes the runs as well and says something else.

    Rivals are optima whose likelihood is within a factor of e^2 of the best (the usual support limit of two units)
    and whose headline differs by more than a standard error.
    """
    c = case.certificate
    if c is None or not c.rivals:
        return
    rival = c.rivals[0]
    if case.material(rival.headline - c.headline_value, c.headline_value):
        yield caution(
            "Two different answers describe the runs equally well.",
            f"an optimum only {rival.worse:.1f} units of log likelihood worse puts the {c.headline.text} at "
            f"{rival.headline:.3g} and not {c.headline_value:.3g}: runs beyond {_edge(case)} would tell them apart.",
        )


@rule("ill-conditioned")
def ill_conditioned(case: Case, *, most: float = 1e8, limit: float = 1e12) -> Iterator[Said]:
    """Some combination of coefficients is not determined by the runs.

    The condition number of the curvature, each coefficient in its own unit. At 1e8 the worst combination is ten
    thousand times less certain than the best; at 1e12 rounding of 64-bit numbers decides it.
    """
    c = case.certificate
    if c is None or not c.condition > most or c.free == 0:
        return
    say = refuse if c.condition > limit else caution
    yield say(
        "The runs leave some of the law's numbers open: quote its predictions, not its coefficients.",
        f"condition number {c.condition:.0e}: some combination of coefficients is not determined; fix one of them, or "
        f"vary the axes independently of each other and not along one line.",
    )


def _edge(case: Case) -> str:
    from tenfold.verdict.case import amount

    assert case.certificate is not None
    span = max(case.certificate.span.values(), key=lambda each: each.decades)
    return amount(span.high, span.column)
