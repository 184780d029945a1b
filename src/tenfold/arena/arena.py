"""``arena``: tables, laws and estimators against each other on withheld scales."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.arena.cards import Task, gather, own_tasks
from tenfold.arena.contest import RULES, Contestant, Shared, play
from tenfold.arena.record import code, key_of, read
from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.laws import get

LAWS = ("auto", "paper", "chinchilla", "power_offset", "m3", "m4", "bnsl1", "power")
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
    objectives: Sequence[str] = ("huber:1e-3",),
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
        ConfigError: a law, a table or a folder is unknown. DataError: a table does not hold what its card says.
    """
    for law in laws:
        if law not in ("auto", "paper"):
            get(law)
    tasks, without = gather(tables, full=full)
    tasks = (own_tasks() if own else []) + tasks
    known = {*without, *(task.table for task in tasks)}
    for name in only:
        if name not in known:
            raise ConfigError(f"no table {name!r} in the arena", path="only", hint=did_you_mean(name, known))
    tasks = [task for task in tasks if not only or task.table in only]
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
    jobs = []
    for task, ours in keys:
        left = [contestant for contestant, key in zip(contestants, ours, strict=True) if key not in done]
        if left:
            jobs.append((task, left, seed))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    for count, made in enumerate(_worked(jobs, workers)):
        for entry in made:
            done[entry["key"]] = entry
        if path is not None:
            with path.open("a", encoding="utf-8") as file:
                file.write("".join(json.dumps(entry) + "\n" for entry in made))
        if tell is not None:
            tell(f"{made[0]['table']}: {made[0]['task']}" if made else "", (count + 1) / len(jobs))
    return [done[key] for _, ours in keys for key in ours if key in done and not done[key].get("silent")]


Job = tuple[Task, list[Contestant], int]


def _worked(jobs: Sequence[Job], workers: int) -> Iterator[list[dict[str, Any]]]:
    """Tasks side by side in processes of one thread each; in this process when there is one job or one worker."""
    workers = min(workers or len(os.sched_getaffinity(0)), len(jobs))
    if workers < 2:
        yield from map(_job, jobs)
        return
    os.environ.setdefault("TENFOLD_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        yield from pool.imap_unordered(_job, jobs)


def _job(job: Job) -> list[dict[str, Any]]:
    task, contestants, seed = job
    out = []
    shared = Shared()
    for contestant in contestants:
        key = key_of(task, contestant, seed)
        entry = play(task, contestant, seed=seed, shared=shared)
        if entry is None:
            out.append({"key": key, "silent": True, "table": task.table, "task": task.name})
        else:
            out.append({"key": key, **entry.to_dict()})
    return out
