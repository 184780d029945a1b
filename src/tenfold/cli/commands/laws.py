"""``tenfold laws``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, emit, words


def register(app: App) -> None:
    """Add the command and its subcommand."""
    group = App(name="laws", help="The catalogue of laws.", help_epilogue="Example: tenfold laws show chinchilla")
    group.default(listing)
    group.command(show)
    app.command(group)


def listing(
    *,
    search: Annotated[str, Parameter(help="only laws whose name, formula, use or paper holds this text")] = "",
    axis: Annotated[
        tuple[str, ...], Parameter(help="only laws with this input, e.g. experts or K; repeatable", negative="")
    ] = (),
    paper: Annotated[str, Parameter(help="only laws of a paper, by author, year, title or arXiv number")] = "",
    output: Annotated[str, Parameter(help="only laws that predict this column, e.g. lr_peak")] = "",
    json: Json = False,
) -> None:
    """List the laws."""
    from tenfold.core.evidence import found_laws
    from tenfold.core.facts import law_to_dict
    from tenfold.laws import laws
    from tenfold.report import text

    found = found_laws(laws().values(), search=search, axis=words(axis), paper=paper, output=output)
    emit({"laws": [law_to_dict(law) for law in found]}, lambda: text.laws_table(found), as_json=json)


def show(
    name: Annotated[str, Parameter(help="a law's name, FILE.py:NAME or a formula")], /, *, json: Json = False
) -> None:
    """One law: formula, coefficients, published sets, when to use it and when not."""
    from tenfold.core.facts import law_to_dict
    from tenfold.laws import get
    from tenfold.report import text

    law = get(name)
    emit(law_to_dict(law), lambda: text.law_text(law), as_json=json)
