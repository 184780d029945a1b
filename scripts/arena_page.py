"""The generated page of the arena: what was found, from the saved summary, and how to write a card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ladder_page import table as keys

from tenfold.arena.cards import CARDS, Cut, read_card
from tenfold.report.arena import arena_sections
from tenfold.report.blocks import Block, Facts, Grid, Lines, Para

SOURCE = Path(__file__).resolve().parent.parent / "benchmarks" / "arena.json"
SHOWN = "chinchilla_svg"  # the card that the page prints

TOP = """# The arena

A law that describes runs need not predict larger ones. In the arena laws are fitted to the small scales of many tables and
judged on the withheld larger ones: by the error of their predictions and by their intervals. `auto` is the choice of laws
that `--law auto` makes, `paper` the best law of each table's own paper; beside them play single laws and three nulls that
know no law: the last value, a straight line in logarithms, and the run of nearest size.

The constants of the choice (a tenth of the error for every coefficient, the fourth power of the score, what a fold is worth in
stacking, how fast old folds lose weight; `tenfold/rank.py` and `tenfold/stacking.py`) were set on a part of these same public
tables, and the median of the laws took the place of their mean when one law carried a whole table off, so how much `auto` gains
here is in part chosen.
Values beside them changed little, and no constant belongs to a table.

```sh
tenfold arena --out arena                  # the tables that come with tenfold
tenfold arena ../tables --out arena        # and a folder of tables with cards
```

The folder then holds `arena.html` (the page), `table.csv` (every contestant on every task), `arena.json` (all of it) and
`entries.jsonl`, from which an arena that was stopped goes on: at most the tasks in flight are lost. Results are taken up
again only from the same rows, settings and source code. From Python it is `tenfold.arena.arena`.
"""

CARD = """## Cards: what a table can be asked

A table plays when it has a card: `NAME.card.toml` beside `NAME.csv` (or `.csv.gz`, `.parquet`, `.jsonl`). Cards of {many}
public tables come with tenfold, in `src/tenfold/arena/cards/`; the tables do not, the sources say where they are. This one
withholds the budgets above 3e20 FLOP of Chinchilla's runs:

```toml
{shown}```

A card has a `title`, a `source`, and either tasks or `none`, the reason why nothing can be withheld. Every `[[task]]` has
`name`, `scale`, `fit` and `inputs`; the rest is optional. An unknown key is refused, with the closest.

"""

NOT_YET = "## Results\n\nNot measured yet: `make arena`.\n"


def arena_page(source: Path = SOURCE) -> str:
    """The page."""
    shown = (CARDS / f"{SHOWN}.toml").read_text(encoding="utf-8")
    many = len(list(CARDS.glob("*.toml")))
    found = _results(json.loads(source.read_text(encoding="utf-8"))) if source.is_file() else NOT_YET
    return "\n".join([TOP, found, CARD.format(many=many, shown=shown) + keys(Cut)])


def _results(kept: dict[str, Any]) -> str:
    """Every section of the report, each number from the saved summary, with the command that made it."""
    lines = [
        "## Results\n",
        f"Everything below is from one run of `{kept['command']}` (`make arena` runs it and writes this page; "
        f"{kept['machine']}).\n",
        "![Errors, duels and coverage](arena.svg)\n",
    ]
    for section in arena_sections(kept):
        if section.key != "verdict":
            lines.append(f"### {section.title}\n")
        lines += [text for block in section.blocks if (text := _block(block))]
    lines.append(_tables(kept["played"]))
    return "\n".join(line for line in lines if line)


def _block(block: Block) -> str:
    match block:
        case Para(text, lead):
            return f"**{text}**\n" if lead else f"{text}\n"
        case Lines(items):
            return "".join(f"- {item}\n" for item in items)
        case Facts(rows):
            return "".join(f"- {term}: {text}\n" for term, text in rows)
        case Grid(headers, rows, align, caption):
            kept = [k for k in range(len(headers)) if any(row[k] for row in rows)]
            lines = [" | ".join(headers[k] for k in kept)]
            lines.append(" | ".join("---:" if align[k] == "r" else "---" for k in kept))
            lines += [" | ".join(row[k].replace("|", "\\|") for k in kept) for row in rows]
            return "\n".join(f"| {line} |" for line in lines) + (f"\n\n{caption}\n" if caption else "\n")
    return ""


def _tables(played: dict[str, Any]) -> str:
    """What was withheld, table by table, with the sources that the cards give."""
    lines = [
        "### What was withheld\n",
        "| table | what | source | tasks | withheld points | split | farthest, decades |",
        "|---|---|---|---:|---:|---|---:|",
    ]
    for table, facts in played.items():
        path = CARDS / f"{table}.toml"
        card = read_card(path) if path.is_file() else None
        title, source = (card.title, card.source) if card else ("ladder of tenfold's own", f"`data:{table}`")
        counts = f"{facts['tasks']} | {facts['withheld']} | {', '.join(facts['splits'])} | {facts['reach']:.1f}"
        lines.append(f"| {table} | {title} | {source} | {counts} |")
    return "\n".join(lines) + "\n"
