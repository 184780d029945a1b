"""``tenfold evidence``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, emit


def register(app: App) -> None:
    """Add the command."""
    app.command(evidence, help_epilogue="Example: tenfold evidence chinchilla:besiroglu")


def evidence(
    name: Annotated[str, Parameter(help="a law, LAW:SET, or words of a paper's authors, title or identifier")] = "",
    /,
    *,
    axis: Annotated[str, Parameter(help="only sets of laws with this input, e.g. experts")] = "",
    json: Json = False,
) -> None:
    """Published coefficients: source, equation or table, conventions, and the span of the data they came from."""
    from tenfold.core.evidence import evidence_to_dict, found_evidence
    from tenfold.laws import laws
    from tenfold.report import text

    found = found_evidence(laws().values(), name, axis=axis)
    emit({"evidence": [evidence_to_dict(*item) for item in found]}, lambda: text.evidence_text(found), as_json=json)
