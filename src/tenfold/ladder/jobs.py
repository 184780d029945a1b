"""Which runs are trained in one go: several lengths from one trunk, several seeds and rates in one program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tenfold.ladder.fields import identity
from tenfold.ladder.schedule import cooldown_start
from tenfold.ladder.spec import RunSpec

Job = tuple[RunSpec, ...]
"""Runs that one worker trains in one go."""

CHUNK = 32


def plan_jobs(specs: Sequence[RunSpec], /, *, members: int = 1) -> list[Job]:
    """Runs grouped by what they can share; every run is in one job, jobs come in the order of their first runs.

    Args:
        specs: the runs.
        members: how many seeds and rates of one shape and length to train in one program; 1: each on its own.
    """
    groups: dict[str, list[RunSpec]] = {}
    for spec in specs:
        groups.setdefault(_trunk(spec) if shares_trunk(spec) else spec.run, []).append(spec)
    jobs = [tuple(group) for group in groups.values()]
    return _together(jobs, members) if members > 1 else jobs


def shares_trunk(spec: RunSpec, /) -> bool:
    """Whether runs of this recipe and other lengths have the same early steps."""
    settings = spec.optimizer
    return settings.schedule == "wsd" and settings.warmup_steps > 0


def fork_step(spec: RunSpec, /) -> int:
    """The step at which a run leaves the trunk: the last whole chunk before its cooldown."""
    return max(0, cooldown_start(spec.optimizer, total=spec.steps)) // CHUNK * CHUNK


def _trunk(spec: RunSpec) -> str:
    """What runs on one trunk have in common: everything but the length."""
    return repr(identity(replace(spec, steps=0, group="")))


def _together(jobs: Sequence[Job], members: int) -> list[Job]:
    """Single runs that differ only in seed and in rates, in groups of at most ``members``.

    Runs whose layers or noise are recorded stay alone.
    """
    out: list[Job] = []
    open_groups: dict[str, list[RunSpec]] = {}
    places: dict[str, int] = {}
    for job in jobs:
        spec = job[0]
        if len(job) > 1 or spec.evaluation.layers or spec.evaluation.noise:
            out.append(job)
            continue
        plain = replace(spec.optimizer, lr_embed=1.0, lr_hidden=1.0, lr_head=1.0, lr_scale=1.0)
        name = repr(identity(replace(spec, seed=0, group="", optimizer=plain)))
        if name in open_groups and len(open_groups[name]) < members:
            open_groups[name].append(spec)
        else:
            open_groups[name] = [spec]
            places[name] = len(out)
            out.append(())
        out[places[name]] = tuple(open_groups[name])
    return out
