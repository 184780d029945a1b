"""The generated page of solvable models: each from its declaration, and what its exponents measure beside theory."""

from __future__ import annotations

import re
from pathlib import Path

from tenfold.collapse import collapse
from tenfold.core.runs import Runs
from tenfold.report.simulation import exponents_grid
from tenfold.simulate import kinds
from tenfold.simulate.facts import description, meanings
from tenfold.simulate.kinds import Simulator

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
TOP = """# Simulate

A proving ground: models whose exponents are known, simulated, as runs like any other. What a fit, a forecast or a verdict says
about them can be checked against the truth.

```sh
tenfold simulate                                      # the models
tenfold simulate task-mixture --settings              # what can be set
tenfold simulate task-mixture --set alpha=0.7 --out runs.csv
tenfold fit runs.csv --law allometric --axis width --target loss --where "part == 'exact'"
```

```python
from tenfold.simulate import simulate

made = simulate("task-mixture", alpha=0.7, seed=1)
print(made.truth["loss"].value, made.measured()["loss"], made.met()["loss"])
```

A model is one file in `simulate/` with one function; this page follows from it. Columns are the canonical ones where there is one.
"""
HEAD = """## Theory and measurement

Every model with its default settings and seed 0: the exponent in theory, the slope of the logarithms by least squares over the runs
that show it, and how far it may lie off. `make docs` measures anew; `tenfold simulate MODEL` prints the same lines.
"""


def simulate_page(measured: str) -> str:
    """The page around a block of measured figures."""
    listed = [HEAD, BEGIN, measured.strip(), END + "\n"]
    return "\n".join([TOP, *listed, *(_section(model) for model in kinds().values())])


def measured_of(path: Path) -> str:
    """The measured block of a page that stands; empty where there is none."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return text.split(BEGIN)[1].split(END)[0].strip() if BEGIN in text and END in text else ""


def incomplete(measured: str) -> list[str]:
    """Models that the measured block lacks, or that are no more."""
    named = set(re.findall(r"^\| `([a-z-]+)` ", measured, flags=re.MULTILINE))
    return sorted(named ^ set(kinds()))


def measure() -> str:
    """Simulate every model: a row an exponent, and one for a model that has a true law instead."""
    lines = ["| model | exponent | of | theory | measured | allowed | met |", "|---|---|---|---|---|---|---|"]
    for name, model in kinds().items():
        made = model()
        found = made.to_dict()
        rows = exponents_grid(found).rows
        for exponent, of, part, theory, measured, allowed, met in rows:
            where = "" if part == "all" else f", part `{part}`"
            lines.append(f"| `{name}` | {exponent} | {of}{where} | {theory} | {measured} | {allowed} | {met} |")
        lines += [f"| `{name}` | {line} |" for line in _collapses(made.runs)]
        if not rows:
            lines.append(f"| `{name}` | none | the true law is {found['truth']['law']} | | | | |")
    return "\n".join(lines)


def _collapses(runs: Runs) -> list[str]:
    """Exponents by collapse, where parts have its columns; what theory says of them stands in the model's own section."""
    lines = []
    for part, rows in runs.groups("part").items() if "part" in runs.labels else ():
        if all(rows.has(name) for name in ("x", "score", "system_size")):
            found = collapse(rows)
            of = f"`collapse` of part `{part}`, score S^a against x / S^b"
            for name, value, (low, high) in (("a", found.a, found.a_interval), ("b", found.b, found.b_interval)):
                lines.append(f"{name} | {of} | below | {value:.2f} [{low:.2f}, {high:.2f}] | |  ")
    return lines


def _section(model: Simulator) -> str:
    said = meanings(model)
    rows = [f"| `{name}` | {_default(value)} | {said.get(name, '')} |" for name, value in model.settings.items()]
    cite = model.cite
    return "\n".join(
        [
            f"## {model.name}\n",
            _markdown(model.summary) + "\n",
            f"Source: {cite}.\n",
            _markdown(description(model)) + "\n",
            "| setting | default | meaning |\n|---|---|---|",
            *rows,
            "",
        ]
    )


def _default(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _markdown(text: str) -> str:
    """A docstring's roles as Markdown: formulas in dollars, names in backquotes."""
    text = re.sub(r"^\.\. math:: (.*)$", r"$$ \1 $$", text, flags=re.MULTILINE)
    text = re.sub(r":math:`([^`]*)`", lambda match: "$" + " ".join(match.group(1).split()) + "$", text)
    text = re.sub(r":\w+:`([^`]*)`", r"`\1`", text)
    return text.replace("``", "`")
