"""``python -m benchmarks.cases DATA``: the worked case studies of docs/case-studies.md, run again on the public tables.

A case is a file of ``examples/case-studies``: a question, the commands that answer it, and which withheld rows judge the
answers. Only what tenfold computed, and the withheld value that it is held against, goes into ``cases.json``; the page is
made from that. A command may not see a row that judges it: that is checked before it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from tenfold import TenfoldError, read_runs
from tenfold.cli import main as tenfold
from tenfold.core.axes import AXES, say
from tenfold.core.errors import DataError
from tenfold.io.config import load_toml
from tenfold.isoflop import profile_of

OUT = Path(__file__).with_suffix(".json")
CASES = Path(__file__).resolve().parent.parent / "examples" / "case-studies"
DATA = "DATA/"  # how a command names the folder of tables
MARKS = ("  x ", "  ! ", "  - ")  # where the reasons begin in the printed text
REASONS = 2  # of the verdict, for the page


@dataclass(frozen=True, slots=True)
class Ask:
    """One command and what judges it.

    Attributes:
        what: what is asked, in a few words.
        command: as typed, with ``DATA/`` for the folder of tables.
        withheld: a condition a target, in the order of ``--at``: the rows whose median is the truth.
        target: the column that was measured.
        optimum: instead of ``withheld``: the rows of one budget; the truth is the size of least loss, by a parabola.
    """

    what: str
    command: str
    withheld: tuple[str, ...] = ()
    target: str = "loss"
    optimum: str = ""

    @property
    def words(self) -> list[str]:
        """The command's arguments."""
        return shlex.split(self.command)[1:]

    @property
    def table(self) -> str:
        """The table's file name."""
        return next(word for word in self.words if word.startswith(DATA)).removeprefix(DATA)

    @property
    def where(self) -> str:
        """The rows that the command uses."""
        words = self.words
        return words[words.index("--where") + 1] if "--where" in words else ""


@dataclass(frozen=True, slots=True)
class Study:
    """A case: its question, its commands and what is to be learnt from it."""

    name: str
    title: str
    question: str
    lesson: str
    asks: tuple[Ask, ...]

    @property
    def table(self) -> str:
        """The table of its first command."""
        return self.asks[0].table


def studies(folder: Path = CASES) -> dict[str, Study]:
    """Every case by name, in the order of their file names."""
    found = {}
    for path in sorted(folder.glob("*.toml")):
        name = path.stem.partition("-")[2]
        said = load_toml(path)
        asks = tuple(
            Ask(**{k: tuple(v) if isinstance(v, list) else v for k, v in each.items()}) for each in said.pop("ask")
        )
        unknown = set(said) - {field.name for field in fields(Study)}
        if unknown:
            raise ValueError(f"{path.name}: unknown keys {sorted(unknown)}")
        found[name] = Study(name=name, asks=asks, **said)
    return found


def _ask(said: Mapping[str, Any]) -> Ask:
    parts = {key: tuple(value) if isinstance(value, list) else value.strip() for key, value in said.items()}
    return Ask(**parts)


def run(study: Study, data: Path) -> dict[str, Any]:
    """The results of a case."""
    return {"asks": [answer(ask, data) for ask in study.asks]}


def answer(ask: Ask, data: Path) -> dict[str, Any]:
    """One command run, and its predictions beside what was measured."""
    truths = _optimum(ask, data) if ask.optimum else [_measured(ask, condition, data) for condition in ask.withheld]
    made, printed = _run(ask, data)
    verdict = made["verdict"]
    once: dict[str, dict[str, Any]] = {}
    for reason in verdict["reasons"]:  # targets may share a reason, each with its own numbers: the first is told
        if reason["level"] == verdict["level"]:
            once.setdefault(reason["key"], reason)
    told = list(once.values())
    return {
        "what": ask.what,
        "printed": printed,
        "level": verdict["level"],
        "reasons": told[:REASONS],
        "more": len(told[REASONS:]),
        "judged": [_judged(seen, truth) for seen, truth in zip(_predicted(made, ask), truths, strict=True)],
    }


def _run(ask: Ask, data: Path) -> tuple[dict[str, Any], str]:
    words = [word.replace(DATA, f"{data}/") for word in ask.words]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as caught:
        out = Path(folder) / "result.json"
        code = tenfold([*words, "--out", str(out)])
        if not out.is_file():
            raise RuntimeError(f"{ask.command} ended with {code}: {caught.getvalue()}")
        made: dict[str, Any] = json.loads(out.read_text())
    head = []
    for line in caught.getvalue().splitlines():
        if line.startswith(MARKS):
            break
        head.append(line.rstrip())
    return made, "\n".join(head)


def _predicted(made: Mapping[str, Any], ask: Ask) -> list[dict[str, Any]]:
    if ask.optimum:
        size = made["params"]
        words = ask.words
        at = f"params at {words[words.index('--flops') + 1]} FLOP"
        return [{"at": at, "level": made["verdict"]["level"], "center": size["value"], "interval": size["interval"]}]
    return [
        {
            "at": ", ".join(_said(name, value) for name, value in each["at"].items()),
            "level": each["verdict"]["level"],
            "center": each["center"],
            "interval": each["intervals"]["0.9"],
        }
        for each in made["predictions"]
    ]


def _said(column: str, value: float) -> str:
    known = next((axis for axis in AXES if axis.column == column), None)
    return f"{column} {say(value, known, unit=False)}" if known is not None else f"{column} {value:.4g}"


def _judged(seen: dict[str, Any], truth: float) -> dict[str, Any]:
    low, high = seen["interval"]
    error = math.log(seen["center"] / truth) if seen["center"] > 0 and truth > 0 else float("nan")
    return {
        "at": seen["at"],
        "level": seen["level"],
        "center": _short(seen["center"]),
        "interval": [_short(low), _short(high)],
        "measured": _short(truth),
        "inside": bool(low <= truth <= high),
        "error": round(error, 4),
    }


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _measured(ask: Ask, condition: str, data: Path) -> float:
    _apart(ask, condition, data)
    return float(np.median(read_runs(data / ask.table, where=condition).column(ask.target)))


def _optimum(ask: Ask, data: Path) -> list[float]:
    _apart(ask, ask.optimum, data)
    runs = read_runs(data / ask.table, where=ask.optimum)
    found = profile_of(float(np.median(runs.column("flops"))), runs.column("params"), runs.column("loss"))
    if found.problem:
        raise RuntimeError(f"{ask.what}: no measured optimum: {found.problem}")
    return [found.params]


def _apart(ask: Ask, condition: str, data: Path) -> None:
    """Refuse to judge by rows that the command sees."""
    try:
        both = read_runs(data / ask.table, where=f"({ask.where}) and ({condition})")
    except DataError:
        return  # no row satisfies both
    raise RuntimeError(f"{ask.what}: {len(both)} rows that judge the answer are among those that it is made from")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run cases and write their results, each as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cases", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of public tables")
    parser.add_argument("names", nargs="*", help="cases to run again; all of them when none is named")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args(arguments)
    listed = studies()
    saved = json.loads(given.out.read_text()) if given.out.is_file() else {}
    for name, study in listed.items():
        if given.names and name not in given.names:
            continue
        try:
            saved[name] = run(study, given.data.resolve())
        except (TenfoldError, RuntimeError) as error:
            print(f"{name}: {error}", flush=True)
            continue
        print(name, *(each["level"] for each in saved[name]["asks"]), flush=True)
        kept = {key: saved[key] for key in listed if key in saved}
        given.out.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
