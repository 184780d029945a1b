"""What models share: a table made of parts, legal settings, and grids on logarithmic scales."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenfold.core.errors import ConfigError
from tenfold.core.runs import Labels, Runs

Array = NDArray[np.float64]


def runs_of(parts: Mapping[str, Mapping[str, ArrayLike]], *, source: str, notes: tuple[str, ...] = ()) -> Runs:
    """One table of several parts: columns by name, missing where a part lacks them, and the label ``part``.

    Within a part a column may be one number for all its rows.

    Example:
        >>> from tenfold.simulate.parts import runs_of
        >>> parts = {"size": {"params": [8, 16], "loss": [2.0, 1.0]}, "time": {"steps": [1], "loss": [3]}}
        >>> made = runs_of(parts, source="example")
        >>> made.labels["part"].values(), made.column("loss").tolist()
        (['size', 'size', 'time'], [2.0, 1.0, 3.0])
    """
    names = list(dict.fromkeys(name for part in parts.values() for name in part))
    columns: dict[str, list[Array]] = {name: [] for name in names}
    labels: list[str] = []
    for label, part in parts.items():
        rows = max(np.size(values) for values in part.values())
        labels += [label] * rows
        for name in names:
            values = np.asarray(part.get(name, np.nan), dtype=np.float64)
            columns[name].append(np.broadcast_to(values, rows))
    joined = {name: np.concatenate(values) for name, values in columns.items()}
    return Runs(joined, {"part": Labels.of(labels)}, source=source, notes=notes)


def between(name: str, value: float, *, low: float = -np.inf, high: float = np.inf, why: str = "") -> None:
    """Refuse a setting outside ``[low, high]``.

    Raises:
        ConfigError: it is outside, or not a number; the message names the setting, the value and the range.

    Example:
        >>> from tenfold.simulate.parts import between
        >>> between("draws", 0, low=1)
        Traceback (most recent call last):
        tenfold.core.errors.ConfigError: draws must be at least 1, got 0
    """
    if low <= value <= high:
        return
    if np.isfinite(low) and np.isfinite(high):
        legal = f"between {low:g} and {high:g}"
    else:
        legal = f"at least {low:g}" if np.isfinite(low) else f"at most {high:g}"
    raise ConfigError(f"{name} must be {legal}, got {value:g}", path=f"set.{name}", hint=why)


def whole_grid(low: int, high: int, *, ratio: float) -> NDArray[np.int64]:
    """Whole numbers from ``low`` to ``high``, each about ``ratio`` times the one before, no number twice.

    Example:
        >>> from tenfold.simulate.parts import whole_grid
        >>> whole_grid(8, 64, ratio=2).tolist()
        [8, 16, 32, 64]
    """
    count = round(np.log(high / low) / np.log(ratio)) + 1
    return np.unique(np.round(np.geomspace(low, high, max(count, 2))).astype(np.int64))
