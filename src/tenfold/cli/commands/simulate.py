"""``tenfold simulate``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, emit, number, pairs


def register(app: App) -> None:
    """Add the command."""
    app.command(
        simulate,
        help_epilogue="Example: tenfold simulate quanta --set alpha=0.4 --out runs.csv   "
        "(tenfold simulate lists the models, tenfold simulate quanta --settings what can be set)",
    )


def simulate(
    kind: Annotated[str, Parameter(help="a solvable model; without it all are listed")] = "",
    /,
    *,
    chosen: Annotated[
        tuple[str, ...], Parameter(name="--set", help="settings of the model, e.g. a=1.5,b=1.25; repeatable", negative="")
    ] = (),
    settings: Annotated[bool, Parameter(negative="", help="list the model's settings and their defaults")] = False,
    seed: Annotated[int, Parameter(show_default=True, help="of everything that is drawn")] = 0,
    out: Annotated[Path | None, Parameter(help="write the runs: .csv, .parquet or .jsonl")] = None,
    json: Json = False,
) -> None:
    """Simulate a model whose exponents are known, and say whether its runs show them."""
    from tenfold.io.writing import check_suffix, write_runs
    from tenfold.report.simulation import model_text, models_text, simulated_text
    from tenfold.simulate import get, kinds
    from tenfold.simulate.facts import model_to_dict

    if not kind:
        models = [model_to_dict(model) for model in kinds().values()]
        emit({"models": models}, lambda: models_text(models), as_json=json)
        return
    model = get(kind)
    if settings:
        facts = model_to_dict(model)
        emit(facts, lambda: model_text(facts), as_json=json)
        return
    if out is not None:
        check_suffix(out)
    values = _values(model, chosen)
    with _waiting(f"simulating {model.name}", quiet=json):
        made = model(seed=seed, **values)
    if out is not None:
        write_runs(out, made.runs)
    found = {**made.to_dict(), "out": None if out is None else str(out)}
    emit(found, lambda: simulated_text(found, out="" if out is None else str(out)), as_json=json)


def _values(model: Any, chosen: tuple[str, ...]) -> dict[str, Any]:
    """Settings as typed; numbers may carry k, M, B, T. The model itself refuses names that it does not have."""
    given = pairs(chosen, "--set")
    known = model.settings
    return {
        name: number(text, f"--set {name}") if isinstance(known.get(name), int | float) else text
        for name, text in given.items()
    }


@contextmanager
def _waiting(title: str, *, quiet: bool) -> Iterator[None]:
    """A spinner on standard error, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(title):
        yield
