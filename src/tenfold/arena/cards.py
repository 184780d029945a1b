"""Cards: what a table can be asked. A card is a TOML file of the table's own name; tasks are cut from it.

Cards of public tables come with tenfold (``tenfold/arena/cards``), the tables do not; a folder may hold cards of its own
tables beside them (``NAME.card.toml``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError, DataError, did_you_mean
from tenfold.core.runs import Labels, Runs
from tenfold.core.scales import decades
from tenfold.io.config import load_toml
from tenfold.io.tables import read_runs
from tenfold.io.where import columns_of, condition, filter_runs
from tenfold.laws import get

Array = NDArray[np.float64]

CARDS = Path(__file__).resolve().parent / "cards"
SUFFIXES = (".csv", ".csv.gz", ".parquet", ".jsonl", ".jsonl.gz")
SPLITS = ("scale", "time", "group")
FEWEST = 5  # fitted rows a task must have: with fewer the nulls are all that can be fitted


@dataclass(frozen=True, slots=True)
class Cut:
    """One ``[[task]]`` of a card: which rows, which columns, and where the withheld scales begin.

    Attributes:
        name: what the task is called in tables.
        scale: the column that is withheld along; ``flops`` is made from params and tokens where there is no such column.
        fit: a condition on the rows that are fitted, such as ``"flops <= 3e20"``, or the share of the largest scale up
            to which they lie, such as ``0.5``; all other rows are predicted.
        inputs: the columns that laws may use.
        target: the column that is predicted.
        targets: several columns instead: a task for each.
        where: a condition on the rows that take part at all.
        columns: canonical names of the table's own columns, ``{ params = "Model Size" }``.
        group: a column, or several: a task for every value.
        most: of the tasks that ``group`` makes, so many at most, evenly chosen; 0 for all.
        last: keep the last row, by scale, of every value of this column.
        best: keep the row of least target of every value of this column.
        points: thin to so many rows, evenly spaced in the logarithm of the scale; 0 for all.
        run: the column that says which rows are one run.
        error: predict one minus the target: an accuracy's error.
        split: what is withheld: larger ``scale``, later ``time`` within a curve, or another ``group``.
        paper: the law that the table's own paper fits best.
    """

    name: str
    scale: str
    fit: str | float
    inputs: tuple[str, ...]
    target: str = "loss"
    targets: tuple[str, ...] = ()
    where: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    group: tuple[str, ...] = ()
    most: int = 0
    last: str = ""
    best: str = ""
    points: int = 0
    run: str = ""
    error: bool = False
    split: str = "scale"
    paper: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A table's card. ``none`` says why nothing can be withheld from a table without tasks."""

    table: str
    title: str
    source: str
    cuts: tuple[Cut, ...]
    none: str = ""


@dataclass(frozen=True, eq=False)
class Task:
    """Rows to fit and rows to predict. ``runs`` and ``held`` hold the inputs, the scale and ``loss``, the target."""

    table: str
    name: str
    split: str
    scale: str
    inputs: tuple[str, ...]
    runs: Runs
    held: Runs
    paper: str = ""
    target: str = "loss"

    @property
    def reach(self) -> float:
        """Decades from the largest fitted scale to the largest withheld one."""
        return decades(self.runs.span(self.scale)[1], self.held.span(self.scale)[1])

    @property
    def id(self) -> str:
        """A hash of the rows."""
        return f"{self.runs.id}-{self.held.id}"


def read_card(path: Path | str) -> Card:
    """A card from its file.

    Raises:
        ConfigError: a key is unknown (with the closest) or missing, or its value is of another kind.
        LawError: ``paper`` names no law.
    """
    path = Path(path)
    given = load_toml(path)
    known = ("title", "source", "none", "task")
    for key in given:
        if key not in known:
            raise ConfigError(f"a card has no {key!r}", path=f"{path.name}: {key}", hint=did_you_mean(key, known))
    listed = given.get("task", [])
    if not isinstance(listed, list):
        raise ConfigError("task is no list", path=path.name, hint="write [[task]], with two brackets")
    cuts = tuple(_cut(entry, f"{path.name}: task {k + 1}") for k, entry in enumerate(listed))
    if not cuts and "none" not in given:
        raise ConfigError("the card names no task", path=path.name, hint="add [[task]], or none = 'why not'")
    table = path.name.removesuffix(".toml").removesuffix(".card")
    return Card(table, given.get("title", table), given.get("source", ""), cuts, given.get("none", ""))


def _cut(entry: Any, here: str) -> Cut:
    known = [f.name for f in fields(Cut)]
    if not isinstance(entry, Mapping):
        raise ConfigError(f"a task is a table of keys, got {entry!r}", path=here, hint="write [[task]] and keys below it")
    for key in entry:
        if key not in known:
            raise ConfigError(f"a task has no {key!r}", path=f"{here}.{key}", hint=did_you_mean(key, known))
    missing = [name for name in ("name", "scale", "fit", "inputs") if name not in entry]
    if missing:
        raise ConfigError(f"a task needs {', '.join(missing)}", path=here)
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    for key in ("group", "inputs", "targets"):
        if isinstance(values.get(key), str):
            values[key] = (values[key],)
    for key, value in values.items():
        _check(key, value, f"{here}.{key}")
    return Cut(**values)


def _check(key: str, value: Any, here: str) -> None:
    """A key's value is of the kind that the declaration says, and means something."""
    kind = _KINDS[key]
    words, good = {
        "str": ("text", isinstance(value, str)),
        "int": ("a whole number from 0", isinstance(value, int) and not isinstance(value, bool) and value >= 0),
        "bool": ("true or false", isinstance(value, bool)),
        "tuple": ("a list of text", isinstance(value, tuple) and all(isinstance(v, str) for v in value)),
        "Mapping": ("a table of text", isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values())),
    }[kind]
    if key == "fit":
        words, good = "a condition, or a share between 0 and 1", good or (isinstance(value, float) and 0 < value < 1)
    if not good:
        raise ConfigError(f"{key} is {words}, got {value!r}", path=here)
    if key == "split" and value not in SPLITS:
        raise ConfigError(f"no split {value!r}", path=here, hint=did_you_mean(value, SPLITS))
    if key == "inputs" and not value:
        raise ConfigError("inputs names no column", path=here, hint='such as inputs = ["params", "tokens"]')
    if key == "paper" and value:
        get(value)


_KINDS = {f.name: re.split(r"\W", str(f.type))[0] for f in fields(Cut)}


def cards_of(folder: Path | str) -> dict[Path, Card]:
    """The tables of a folder that have a card, in alphabetical order: beside them, or among those that come with tenfold.

    Raises:
        ConfigError: no such folder, or no table in it has a card.
    """
    folder = Path(folder)
    if not folder.is_dir():
        around = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
        hint = did_you_mean(folder.name, around) if folder.name and not folder.exists() else ""
        hint = hint if hint.startswith("did") else "give a folder of tables with cards"
        raise ConfigError(f"no folder {str(folder)!r}", path="tables", hint=hint)
    found: dict[Path, Card] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((end for end in SUFFIXES if path.name.endswith(end)), None)
        if suffix is None:
            continue
        name = path.name.removesuffix(suffix)
        for card in (folder / f"{name}.card.toml", CARDS / f"{name}.toml"):
            if card.is_file():
                found[path] = read_card(card)
                break
    if not found:
        raise ConfigError(
            f"no table in {str(folder)!r} has a card",
            path="tables",
            hint="write NAME.card.toml beside NAME.csv: title, source and one [[task]] with name, scale, fit, inputs",
        )
    return found


def tasks_of(path: Path, card: Card, *, full: bool = False) -> list[Task]:
    """Every task that a card cuts from its table.

    Raises:
        DataError, ConfigError: the table does not hold what the card says.
    """
    out: list[Task] = []
    for cut in card.cuts:
        for target in cut.targets or (cut.target,):
            read = read_runs(path, columns={**cut.columns, **_loss(target, cut)}, where=cut.where or None)
            name = f"{cut.name} {target}" if cut.targets else cut.name
            out.extend(_tasks(card, replace(cut, name=name, target=target, most=0 if full else cut.most), read))
    return out


def _loss(target: str, cut: Cut) -> dict[str, str]:
    return {} if target == "loss" or "loss" in cut.columns else {"loss": target}


def _tasks(card: Card, cut: Cut, read: Runs) -> list[Task]:
    parts = {cut.name: read}
    for column in cut.group:
        parts = {f"{name} {value}": part for name, whole in parts.items() for value, part in whole.groups(column).items()}
    made = [task for name, part in parts.items() if (task := _task(card, cut, name, part)) is not None]
    if cut.most and len(made) > cut.most:
        made = [made[k] for k in np.unique(np.linspace(0, len(made) - 1, cut.most).round().astype(int))]
    return made


def _task(card: Card, cut: Cut, name: str, part: Runs) -> Task | None:
    """One task; None where too few rows are left to fit, or none to predict."""
    loss = part.column("loss")
    loss = 1.0 - loss if cut.error else loss
    needed = [cut.scale, *cut.inputs] if cut.scale != "flops" else list(cut.inputs)
    columns = {column: part.column(column) for column in dict.fromkeys(needed)} | {"loss": loss}
    if cut.scale == "flops":
        columns["flops"] = part.column("flops") if part.has("flops") else 6.0 * columns["params"] * columns["tokens"]
    labels = {"run": _label(part, cut.run)} if cut.run else {}
    table = Runs(columns, labels, source=f"{card.table}: {name}")
    good = np.all([np.isfinite(v) & (v > 0) for v in columns.values()], axis=0)
    fitted = np.asarray(_fitted(cut, part, columns[cut.scale]))
    keep = _reduced(cut, part, columns[cut.scale], loss, good)
    small, large = keep & fitted, keep & ~fitted
    if small.sum() < FEWEST or not large.any():
        return None
    return Task(
        card.table, name, cut.split, cut.scale, cut.inputs, table.take(small), table.take(large), cut.paper, cut.target
    )


def _label(part: Runs, name: str) -> Labels:
    if name in part.labels:
        return part.labels[name]
    return Labels.of([f"{value:g}" for value in part.column(name)])


def _fitted(cut: Cut, part: Runs, scale: Array) -> NDArray[np.bool_]:
    if isinstance(cut.fit, str):
        columns = columns_of(part)
        columns.setdefault(cut.scale, lambda: scale)
        return condition(cut.fit, columns, rows=len(part), here=part.source).yes
    return scale <= cut.fit * np.nanmax(scale)


def _reduced(cut: Cut, part: Runs, scale: Array, loss: Array, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The rows that stand: last or best of each value of a column, thinned to a number of points."""
    keep = good.copy()
    for column, order in ((cut.last, -scale), (cut.best, loss)):
        if column:
            codes = part.labels[column].codes if column in part.labels else part.column(column)
            ranked = np.lexsort((np.where(keep, order, np.inf), codes))
            first = ranked[np.unique(codes[ranked], return_index=True)[1]]
            chosen = np.zeros(len(part), dtype=bool)
            chosen[first] = True
            keep &= chosen
    if cut.points and keep.sum() > cut.points:
        rows = np.flatnonzero(keep)
        logs = np.log(scale[rows])
        wanted = np.linspace(logs.min(), logs.max(), cut.points)
        nearest = np.unique([int(np.argmin(np.abs(logs - value))) for value in wanted])
        keep = np.zeros(len(part), dtype=bool)
        keep[rows[nearest]] = True
    return keep


def own_tasks() -> list[Task]:
    """Tasks from the tables that come with tenfold: the ladder of bytes, its largest two budgets withheld."""
    runs = read_runs("data:bytes")
    cut = Cut("bytes", "flops", "flops < 2e13", ("params", "tokens"), paper="chinchilla")
    card = Card("bytes", "Our own ladder", "tenfold, data:bytes", (cut,))
    return _tasks(card, cut, filter_runs(runs, "loss > 0"))


def gather(tables: Sequence[Path | str], *, full: bool = False) -> tuple[list[Task], dict[str, str]]:
    """Every task of folders and tables, and for each table without tasks the reason.

    Raises:
        ConfigError: a folder does not exist or has no cards. DataError: a table does not hold what its card says.
    """
    tasks: list[Task] = []
    without: dict[str, str] = {}
    for folder in tables:
        for path, card in cards_of(folder).items():
            found = tasks_of(path, card, full=full)
            if not found and not card.none:
                raise DataError(f"the card of {card.table} cuts no task from {path.name}", hint="check fit and where")
            tasks.extend(found)
            if card.none:
                without[card.table] = card.none
    return tasks, without
