"""What may be made of published constants without runs of one's own?"""

from __future__ import annotations

from collections.abc import Iterator

from tenfold.core.axes import axis_of
from tenfold.verdict.case import Case, amount
from tenfold.verdict.rule import Said, caution, refuse, rule


@rule("evidence-only", about="forecast")
def evidence_only(case: Case) -> Iterator[Said]:
    """The numbers are published constants: nobody's runs of this recipe stand behind them.

    Data, tokenizer and recipe move a loss by more than a scaling law does in a decade, so constants of others are a
    first guess and carry no interval.
    """
    if case.evidence is None or case.law is None:
        return
    source = str(case.evidence.cite or case.law.cite or case.law.name)
    yield caution(
        "This is what others measured on their models and data, not on yours; it has no error bar.",
        f"constants of {source}, no runs: train four scales of your own (each three times the one before) and fit "
        "them, or weigh both with --prior.",
    )


@rule("beyond-evidence", about="forecast")
def beyond_evidence(case: Case) -> Iterator[Said]:
    """The target leaves the range that the published constants were fitted on.

    By more than the published runs span on that axis it is refused: half the range predicting the other half is the
    most that anybody could have checked.
    """
    if case.evidence is None or case.prediction is None:
        return
    for symbol, (low, high) in case.evidence.span.items():
        column = axis_of(symbol).column
        beyond = case.prediction.reach.get(column) or 0.0
        if beyond <= 0.02 or not high > low > 0:
            continue
        from tenfold.core.scales import decades

        span = decades(low, high)
        yield (refuse if beyond > span else caution)(
            "The target lies outside what the published work looked at.",
            f"{column} lies {beyond:.2g} decades beyond the published data ({amount(low, column)} to "
            f"{amount(high, column)}, {span:.1f} decades): runs of your own nearer to the target are needed.",
        )
