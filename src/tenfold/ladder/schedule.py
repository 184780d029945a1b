"""Learning-rate schedules: pure functions of the step, the run's length and its settings.

Each returns a factor in [0, 1] that multiplies the peak rate. ``step`` counts from 0 and may be an
array. The factor is taken at the middle of a step, so that no step of a run is wasted at rate zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tenfold.ladder.spec import Optimizer

Schedule = Callable[..., np.ndarray]


def linear(step: np.ndarray | int, total: int, *, warmup: float = 0.05) -> np.ndarray:
    """Linear warm-up over the first ``warmup`` share, times linear decay to zero over the whole run."""
    done = _progress(step, total)
    return _warm(done, warmup) * (1.0 - done)


def cosine(step: np.ndarray | int, total: int, *, warmup: float = 0.05) -> np.ndarray:
    """Linear warm-up times half a cosine from one to zero over the whole run."""
    done = _progress(step, total)
    return _warm(done, warmup) * 0.5 * (1.0 + np.cos(np.pi * done))


def wsd(step: np.ndarray | int, total: int, *, warmup: float = 0.05, decay: float = 0.4) -> np.ndarray:
    """Warm-up, stable, decay: constant after the warm-up, linear to zero over the last ``decay`` share."""
    done = _progress(step, total)
    return _warm(done, warmup) * np.minimum(1.0, (1.0 - done) / decay)


def constant(step: np.ndarray | int, total: int, *, warmup: float = 0.05) -> np.ndarray:
    """Warm-up, then one rate to the end."""
    return _warm(_progress(step, total), warmup)


def custom(step: np.ndarray | int, total: int, *, warmup: float = 0.05, points: Sequence[float] = (1.0,)) -> np.ndarray:
    """Warm-up times factors given at evenly spaced points of the run, first to last, joined by straight lines.

    >>> [float(value) for value in custom(np.arange(4), 4, warmup=0.0, points=(1.0, 0.0))]
    [0.875, 0.625, 0.375, 0.125]
    """
    done = _progress(step, total)
    return _warm(done, warmup) * np.interp(done, np.linspace(0.0, 1.0, len(points)), points)


SCHEDULES: dict[str, Schedule] = {"linear": linear, "cosine": cosine, "wsd": wsd, "constant": constant, "custom": custom}
"""Schedules by the name that a ladder file uses."""


def factors(settings: Optimizer, /, *, steps: np.ndarray, total: int) -> np.ndarray:
    """Factor on the rates at ``steps`` of a run of ``total`` steps, float64; zero from ``total`` on.

    A warm-up in steps makes the early steps of long and short runs the same, so that they can share them.
    """
    extra: dict[str, object] = {}
    if settings.schedule == "wsd":
        extra["decay"] = settings.cooldown
    elif settings.schedule == "custom":
        extra["points"] = settings.custom
    own = settings.warmup_steps
    values = SCHEDULES[settings.schedule](steps, total, warmup=0.0 if own else settings.warmup, **extra)
    if own:
        values = values * np.minimum(1.0, (steps + 0.5) / own)
    return np.where(steps < total, values, 0.0)


def warm_steps(settings: Optimizer, /, *, total: int) -> float:
    """Steps in which rates rise."""
    return settings.warmup_steps or settings.warmup * total


def cooldown_start(settings: Optimizer, /, *, total: int) -> int:
    """First step at which a ``wsd`` run of ``total`` steps falls below its peak rate."""
    return int(np.floor(total * (1.0 - settings.cooldown) - 0.5)) + 1


def _progress(step: np.ndarray | int, total: int) -> np.ndarray:
    """Share of the run that is done in the middle of ``step``; 1 after the last step."""
    return np.minimum(1.0, (np.asarray(step, dtype=np.float64) + 0.5) / total)


def _warm(done: np.ndarray, warmup: float) -> np.ndarray:
    """Rises linearly from zero to one over the first ``warmup`` share of the run."""
    return np.minimum(1.0, done / warmup) if warmup > 0 else np.ones_like(done)
