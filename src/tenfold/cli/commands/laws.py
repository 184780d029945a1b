"""``tenfold laws``."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, emit


def register(app: App) -> None:
    """Add the command and its subcommand."""
    group = App(name="laws", help="The catalogue of laws.", help_epilogue="Example: tenfold laws show chinchilla")
    group.default(listing)
    group.command(show)
    app.command(group)


def listing(
    *,
    search: Annotated[str, Parameter(help="only laws whose name, formula, axis or paper holds this text")] = "",
    json: Json = False,
) -> None:
    """List the laws."""
    from tenfold.core.errors import LawError
    from tenfold.core.facts import law_to_dict
    from tenfold.laws import laws
    from tenfold.report import text

    found = [law for law in laws().values() if search.lower() in _haystack(law).lower()]
    if not found:
        raise LawError(f"no law mentions {search!r}", hint="'tenfold laws' lists them all")
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


def _haystack(law: Any) -> str:
    from tenfold.core.axes import axis_of

    words = [getattr(law, key) for key in ("name", "formula", "summary", "use")]
    words += [f"{axis_of(s).column} {axis_of(s).title}" for s in law.inputs]
    return " ".join([*words, *law.aliases, str(law.cite)])
