"""Learning-rate schedules: pure functions of the step, the run's length and the warm-up share.

Each returns a factor in [0, 1] that multiplies the peak rate. ``step`` counts from 0 and may be an
array. The factor is taken at the middle of a step, so that no step of a run is wasted at rate zero.
"""

from collections.abc import Callable

import numpy as np

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


SCHEDULES: dict[str, Schedule] = {"linear": linear, "cosine": cosine, "wsd": wsd}
"""Schedules by the name that a ladder file uses."""


def _progress(step: np.ndarray | int, total: int) -> np.ndarray:
    """Share of the run that is done in the middle of ``step``; 1 after the last step."""
    return np.minimum(1.0, (np.asarray(step, dtype=np.float64) + 0.5) / total)


def _warm(done: np.ndarray, warmup: float) -> np.ndarray:
    """Rises linearly from zero to one over the first ``warmup`` share of the run."""
    return np.minimum(1.0, done / warmup) if warmup > 0 else np.ones_like(done)
