"""The generated page of ladder files: every key from the noun that reads it, every choice from its table."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from typing import Any

from tenfold.ladder.config import presets
from tenfold.ladder.corpora import kinds
from tenfold.ladder.families import family, known
from tenfold.ladder.ladder import BatchRule, Row
from tenfold.ladder.parameterization import OPTIMIZERS, PARAMETERIZATIONS
from tenfold.ladder.schedule import SCHEDULES
from tenfold.ladder.spec import Evaluation, Optimizer

TOP = """# Ladder files

A ladder is declared in a short TOML file and trained by `tenfold train FILE --out FOLDER`; `--dry-run` prints its runs and
what they cost, `--steps 3` tries it out. `examples/ladders/` has one for every strategy, parameterization and
optimizer; `tenfold count FILE` prints parameters, FLOPs and memory of every run. A file may start from a preset
(`preset = "bytes"`) and change what it likes. Presets: {presets}.

A row is a set of runs with one budget: the product of its `axes`, each with its `seeds`. Anything that the tables
below name can be an axis, and so can `heads`, `batch_tokens`, `lr` (the factor on all tuned rates) and the budget itself:

```toml
[[row]]
axes = {{ parameterization = ["standard", "completep"], width = [16, 32], depth = [2, 4], tokens = [3e5, 1e6] }}
seeds = 2
group = "shapes"
```
"""


def ladder_page() -> str:
    """The page."""
    parts = [TOP.format(presets=", ".join(f"`{name}`" for name in presets()))]
    parts.append("## `[[row]]`\n\n" + table(Row, skip=("settings", "axes", "growth", "phi", "widths")) + _lists())
    parts.append("## `[optimizer]`\n\n`lr = x` sets the three rates at once.\n\n" + table(Optimizer))
    parts.append("### Parameterizations\n\n" + _parameterizations())
    parts.append(f"### Optimizers\n\n{', '.join(f'`{name}`' for name in OPTIMIZERS)}.\n")
    parts.append(f"### Schedules\n\n{', '.join(f'`{name}`' for name in SCHEDULES)}.\n")
    parts.append("## `[batch]`\n\n" + table(BatchRule))
    parts.append("## `[evaluation]`\n\n" + table(Evaluation))
    parts += [
        f'## `[model]` of `family = "{name}"`\n\n{_first(family(name))}\n\n{table(family(name).Shape)}'
        for name in known()
    ]
    for declared in dict.fromkeys(kinds().values()):
        named = " or ".join(f'`kind = "{kind}"`' for kind, each in kinds().items() if each is declared)
        parts.append(f"## `[corpus]` with {named}\n\n{table(declared, skip=('kind',))}")
    return "\n".join(parts)


def _lists() -> str:
    """The keys of a row that hold lists and tables."""
    told = _attributes(Row)
    return "".join(f"| `{name}` | | {told[name]} |\n" for name in ("widths", "axes", "settings", "growth", "phi"))


def table(noun: type[Any], *, skip: tuple[str, ...] = ()) -> str:
    """Key, default and meaning of every field."""
    told = _attributes(noun)
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for each in fields(noun):
        if each.name in skip:
            continue
        default = "" if each.default is MISSING or each.default is None else f"`{_shown(each.default)}`"
        lines.append(f"| `{each.name}` | {default} | {told.get(each.name, '')} |")
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return f"{value:g}" if isinstance(value, float) else repr(value).replace("'", '"')


def _attributes(noun: type[Any]) -> dict[str, str]:
    """Meanings from the docstring's list of attributes, those of a parent class first."""
    found: dict[str, str] = {}
    for each in reversed(noun.__mro__):
        text = (each.__doc__ or "").partition("Attributes:\n")[2]
        for name, meaning in re.findall(r"^ {8}(\w+): (.*(?:\n {9,}.*)*)", text, flags=re.MULTILINE):
            found[name] = " ".join(meaning.split()).rstrip(".").replace("``", "`").replace("|", "\\|")
    return found


def _first(module: Any) -> str:
    return " ".join((module.__doc__ or "").split("\n\n")[0].split())


def _parameterizations() -> str:
    """Every parameterization with its powers of 1/m in multiplier and deviation."""
    lines = [
        "| name | input a, b | hidden a, b | readout a, b | branch | q.k | source |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in PARAMETERIZATIONS.items():
        pairs = [f"{a:g}, {b:g}" for a, b in (row.embed, row.hidden, row.readout)]
        branch = "" if row.alpha is None else f"depth^-{row.alpha:g}"
        lines.append(f"| `{name}` | {' | '.join(pairs)} | {branch} | head_dim^-{row.logits:g} | {row.source} |")
    return "\n".join(lines) + "\n"
