"""Solvable models and their runs as text: the list of models, one model's settings, theory beside what was measured."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from tenfold.report.blocks import Block, Code, Grid, Lines, Para, Section
from tenfold.report.text import Page

Json = Mapping[str, Any]


def models_text(models: Iterable[Json]) -> Page:
    """Every model, a line each."""
    rows = tuple((model["name"], model["summary"].rstrip(".")) for model in models)
    blocks: tuple[Block, ...] = (
        Grid(("model", "what it simulates"), rows, "ll"),
        Para(f"'tenfold simulate {rows[0][0]}' simulates one, with --settings it lists what can be set."),
    )
    return Page((Section("models", "Models", blocks),))


def model_text(model: Json) -> Page:
    """One model: what it is, where it stands, what can be set."""
    cite = model["cite"]
    rows = tuple((name, _value(facts["default"]), facts["meaning"]) for name, facts in model["settings"].items())
    blocks: tuple[Block, ...] = (
        Para(f"{model['name']}: {model['summary']}", lead=True),
        Para(f"{cite['authors']} ({cite['year']}), {cite['title']}, {cite['id']}, {cite['where']}."),
        Grid(("setting", "default", "meaning"), rows, "lrl"),
        Para(_example(model)),
    )
    return Page((Section("model", "Model", blocks),))


def simulated_text(made: Json, *, out: str = "") -> Page:
    """Theory beside measurement, the verdict first, and the next command to type.

    Args:
        made: :meth:`Simulated.to_dict`.
        out: the file that the runs were written to; empty when they were not.
    """
    blocks: list[Block] = [Para(verdict(made), lead=True)]
    if made["truth"]["exponents"]:
        blocks += [exponents_grid(made), Para("What is allowed for:"), allowances(made)]
    if made["truth"]["law"]:
        coef = ", ".join(f"{name} = {value:.6g}" for name, value in made["truth"]["coef"].items())
        blocks.append(Para(f"True law: {made['truth']['law']}" + (f" with {coef}." if coef else ".")))
    if out:
        blocks.append(Para(f"{made['runs']} runs are in {out}. Next:"))
        blocks.append(Code("", next_command(made, out)))
    else:
        blocks.append(Para("Nothing was written: add --out runs.csv to keep the runs and fit them."))
    return Page((Section("simulated", "Simulated", tuple(blocks)),))


def verdict(made: Json) -> str:
    """How many exponents the runs show as theory says."""
    met = made["met"]
    head = f"{made['kind']}: {made['runs']} runs"
    if not met:
        return f"{head}."
    missed = [name for name, good in met.items() if not good]
    if not missed:
        return f"{head}, {f'all {len(met)} exponents' if len(met) > 1 else 'the exponent'} as theory says."
    return f"{head}, {len(met) - len(missed)} of {len(met)} exponents as theory says; NOT MET: {', '.join(missed)}."


def exponents_grid(made: Json) -> Grid:
    """One row an exponent: what goes as what, in theory and as measured, the tolerance, and whether it is met."""
    rows = []
    for name, exponent in made["truth"]["exponents"].items():
        minus = f" - {exponent['floor']:.4g}" if exponent["floor"] else ""
        rows.append(
            (
                name,
                f"{exponent['quantity']}{minus} against {exponent['axis']}",
                exponent["part"] or "all",
                f"{exponent['value']:+.3f}",
                f"{made['measured'][name]:+.3f}",
                f"{exponent['tolerance']:.2g}",
                "yes" if made["met"][name] else "NO",
            )
        )
    heads = ("exponent", "of", "part", "theory", "measured", "allowed", "met")
    return Grid(heads, tuple(rows), "lllrrrl")


def allowances(made: Json) -> Lines:
    """Why measured exponents may be off by what is allowed: a line a reason, with the exponents it holds for."""
    named: dict[str, list[str]] = {}
    for name, exponent in made["truth"]["exponents"].items():
        named.setdefault(exponent["reason"], []).append(name)
    return Lines(tuple(f"{', '.join(names)}: {reason}" for reason, names in named.items()))


def next_command(made: Json, out: str) -> str:
    """The fit that shows the first exponent, or the true law, in these runs."""
    truth = made["truth"]
    table = shlex.quote(out)
    if truth["law"]:
        return f"tenfold fit {table} --law {truth['law']}"
    if not truth["exponents"]:
        return f"tenfold fit {table}"
    first = next(iter(truth["exponents"].values()))
    law = "allometric" if not first["floor"] else "power_offset"
    where = f" --where \"part == '{first['part']}'\"" if first["part"] else ""
    return f"tenfold fit {table} --law {law} --axis {first['axis']} --target {first['quantity']}{where}"


def _example(model: Json) -> str:
    first = next(iter(model["settings"].items()), None)
    chosen = f" --set {first[0]}={_value(first[1]['default'])}" if first else ""
    return f"Every model takes --seed. Example: tenfold simulate {model['name']}{chosen} --out runs.csv"


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
