"""``arena``: tables, laws and estimators against each other on withheld scales."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tenfold.arena.cards import Task, gather, own_tasks
from tenfold.arena.contest import PAPER, RULES, Contestant, Shared, play
from tenfold.arena.record import code, key_of, read
from tenfold.choose import AUTO
from tenfold.core.errors import ConfigError, LawError, did_you_mean
from tenfold.engine.objective import parse_objective
from tenfold.io.results import append_line
from tenfold.laws import get

LAWS = (
    "auto",
    "paper",
    *("chinchilla", "kaplan_nd", "skaling"),
    *("power", "power_offset", "power_shifted", "log_law", "m3", "m4", "bnsl1"),
)
OBJECTIVES = ("huber:1e-3",)
GIVE = "give a folder of tables with cards"
CHOSEN = (AUTO, PAPER)  # names that stand for a law which the runs, or the card, decide
Tell = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Arena:
    """Every entry of an arena, as JSON values, and the tables that could not take part with the reason."""

    entries: tuple[dict[str, Any], ...]
    without: dict[str, str]
    settings: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form, with the summary that the table prints."""
        from tenfold.arena.summary import summarise

        return {
            "settings": self.settings,
            "without": dict(self.without),
            "summary": summarise(self.entries),
            "entries": list(self.entries),
        }


def arena(
    tables: Sequence[Path | str] = (),
    *,
    laws: Sequence[str] = LAWS,
    objectives: Sequence[str] = OBJECTIVES,
    nulls: bool = True,
    own: bool = True,
    full: bool = False,
    only: Sequence[str] = (),
    resamples: int = 200,
    seed: int = 0,
    out: Path | str = "",
    workers: int = 0,
    tell: Tell | None = None,
) -> Arena:
    """Let laws predict withheld scales of many tables, and judge them.

    Args:
        tables: folders of tables with cards (:mod:`tenfold.arena.cards`).
        laws: names, with ``auto`` for the choice of laws and ``paper`` for the best law of each table's own paper.
        objectives: every law is fitted under each. nulls: whether predictions that know no law take part.
        full: every task of every card, where cards of many alike curves otherwise choose some.
        only: tables to keep, by name.
        own: whether the tables that come with tenfold take part.
        resamples: bootstrap draws behind each interval; none for centers alone. seed: of the draws.
        out: a folder for the results; an arena that was stopped goes on there.
        workers: processes; as many as cores by default.
        tell: called with what is being done and the share done.

    Raises:
        ConfigError: a table, a folder or an objective is unknown, a number is out of range, or no task is left.
        LawError: a law is unknown. DataError: a table does not hold what its card says.

    Example:
        >>> from tenfold.arena import arena
        >>> made = arena(laws=["chinchilla"], resamples=0, workers=1)  # data:bytes, its largest two budgets withheld
        >>> made.to_dict()["summary"]["contestants"]["chinchilla"]["tasks"]
        1
    """
    laws, objectives = list(dict.fromkeys(laws)), list(dict.fromkeys(objectives))
    _check(laws, objectives, resamples=resamples, seed=seed, workers=workers)
    tasks, without = gather(tables, full=full)
    tasks = (own_tasks() if own else []) + tasks
    known = {*without, *(task.table for task in tasks)}
    for name in only:
        if name not in known:
            raise ConfigError(f"no table {name!r} in the arena", path="only", hint=did_you_mean(name, known))
    tasks = [task for task in tasks if not only or task.table in only]
    if not tasks:
        reasons = "; ".join(f"{name}: {why}" for name, why in without.items() if not only or name in only)
        raise ConfigError(f"the arena has no task ({reasons or 'no tables were given'})", path="tables", hint=GIVE)
    contestants = [Contestant(law, objective, resamples) for objective in objectives for law in laws]
    contestants += [Contestant(rule, resamples=0) for rule in RULES] if nulls else []
    entries = _played(tasks, contestants, seed, Path(out) if str(out) else None, workers, tell)
    settings = {
        "laws": list(laws),
        "objectives": list(objectives),
        "resamples": resamples,
        "seed": seed,
        "full": full,
        "tasks": len(tasks),
        "tables": len({task.table for task in tasks}),
        "code": code(),
    }
    return Arena(tuple(entries), {name: why for name, why in without.items() if not only or name in only}, settings)


def _check(laws: Sequence[str], objectives: Sequence[str], **counts: int) -> None:
    """Refuse what is unknown before anything is read."""
    for law in laws:
        if law in CHOSEN:
            continue
        near = get_close_matches(law.lower(), CHOSEN, n=1)
        try:
            get(law)
        except LawError as error:
            raise LawError(error.message, hint=did_you_mean(law, CHOSEN) if near else error.hint) from None
    for objective in objectives:
        parse_objective(objective)
    for name, value in counts.items():
        if value < 0:
            raise ConfigError(f"{name} = {value} is negative", path=name, hint="give 0 or more")


def _played(
    tasks: Sequence[Task],
    contestants: Sequence[Contestant],
    seed: int,
    out: Path | None,
    workers: int,
    tell: Tell | None,
) -> list[dict[str, Any]]:
    """Every entry, those of an earlier, stopped arena among them, in the order of tasks and contestants."""
    path = None if out is None else out / "entries.jsonl"
    done = {} if path is None else read(path)
    keys = [(task, [key_of(task, contestant, seed) for contestant in contestants]) for task in tasks]
    jobs: list[Job] = []
    for task, ours in keys:
        left = [(key, contestant) for contestant, key in zip(contestants, ours, strict=True) if key not in done]
        if left:
            jobs.append((task, left, seed))
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            raise ConfigError(f"cannot make the folder {str(out)!r}: {cause.strerror}", path="out") from None
    for count, made in enumerate(_worked(jobs, workers)):
        for entry in made:
            done[entry["key"]] = entry
        if path is not None:
            for entry in made:
                append_line(path, entry, sync=entry is made[-1])
        if tell is not None:
            tell(f"{made[0]['table']}: {made[0]['task']}" if made else "", (count + 1) / len(jobs))
    return [done[key] for _, ours in keys for key in ours if key in done and not done[key].get("silent")]


Job = tuple[Task, list[tuple[str, Contestant]], int]


def _worked(jobs: Sequence[Job], workers: int) -> Iterator[list[dict[str, Any]]]:
    """Tasks side by side in processes of one thread each; in this process when there is one job or one worker."""
    workers = min(workers or len(os.sched_getaffinity(0)), len(jobs))
    if workers < 2:
        yield from map(_job, jobs)
        return
    os.environ.setdefault("TENFOLD_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _deaf) as pool:
        yield from pool.imap_unordered(_job, jobs)


def _deaf() -> None:
    """Workers leave an interruption to their parent, which ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _job(job: Job) -> list[dict[str, Any]]:
    task, contestants, seed = job
    out = []
    shared = Shared()
    for key, contestant in contestants:
        entry = play(task, contestant, seed=seed, shared=shared)
        if entry is None:
            out.append({"key": key, "silent": True, "table": task.table, "task": task.name})
        else:
            out.append({"key": key, **entry.to_dict()})
    return out
