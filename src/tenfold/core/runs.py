"""Runs: a checked table of training runs, with its counting conventions and its provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import Conventions
from tenfold.core.errors import DataError, did_you_mean

Array = NDArray[np.float64]

FINISHED = ("finished", "ok", "done", "complete", "completed", "success", "succeeded")
"""What a status may say, in any case, of a run that ended as planned."""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """A run to be trained: a point on the axes, by canonical column, with a seed."""

    values: Mapping[str, float]
    seed: int = 0
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**dict(self.values), "seed": self.seed, "why": self.why}


@dataclass(frozen=True, slots=True)
class Labels:
    """A column of text: integer codes and the names they stand for; -1 is missing."""

    codes: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[str | None]) -> Labels:
        """From the texts themselves, one a row."""
        listed = [None if value is None else str(value) for value in values]
        names = tuple(sorted({value for value in listed if value is not None}))
        index = {name: code for code, name in enumerate(names)}
        return cls(np.array([-1 if value is None else index[value] for value in listed], dtype=np.int64), names)

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Any) -> Labels:
        """Selected rows."""
        return Labels(self.codes[rows], self.names)

    def values(self) -> list[str | None]:
        """The texts, one a row."""
        return [None if code < 0 else self.names[code] for code in self.codes]


@dataclass(frozen=True, slots=True)
class Runs:
    """A table of runs: numeric ``columns`` and text ``labels``, one entry a row, missing numbers NaN.

    ``notes`` say what was dropped, renamed or converted on the way in; ``source`` names where the rows came from. A
    failed run keeps its row and its ``status`` label; :meth:`finished` selects the rest.
    """

    columns: Mapping[str, Array]
    labels: Mapping[str, Labels] = field(default_factory=dict)
    conventions: Conventions = field(default_factory=Conventions)
    source: str = "memory"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.columns.items()}
        lengths |= {name: len(labels) for name, labels in self.labels.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"columns of different lengths: {lengths}")
        frozen = {}
        for name, values in self.columns.items():
            array = np.asarray(values, dtype=np.float64)
            if array.flags.writeable:
                array = array.view()
                array.flags.writeable = False
            frozen[name] = array
        object.__setattr__(self, "columns", MappingProxyType(frozen))
        object.__setattr__(self, "labels", MappingProxyType(dict(self.labels)))

    def __reduce__(self) -> tuple[Any, ...]:
        """For other processes; the frozen mappings travel as plain ones."""
        return Runs, (dict(self.columns), dict(self.labels), self.conventions, self.source, self.notes)

    def __len__(self) -> int:
        for values in self.columns.values():
            return len(values)
        for labels in self.labels.values():
            return len(labels)
        return 0

    @property
    def names(self) -> tuple[str, ...]:
        """Every column, numeric first."""
        return (*self.columns, *self.labels)

    @property
    def id(self) -> str:
        """A hash of the content: names, values and conventions, not the source."""
        digest = hashlib.blake2b(digest_size=8)
        digest.update(repr(self.conventions).encode())
        for name in sorted(self.columns):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.columns[name]).data)
        for name in sorted(self.labels):
            digest.update(name.encode())
            digest.update(repr(self.labels[name].names).encode())
            digest.update(np.ascontiguousarray(self.labels[name].codes).data)
        return digest.hexdigest()

    def column(self, name: str) -> Array:
        """A numeric column.

        Raises:
            DataError: no such column, with the closest names.
        """
        if name in self.columns:
            return self.columns[name]
        if name in self.labels:
            raise DataError(f"column {name!r} of {self.source} holds text, not numbers")
        raise DataError(
            f"no column {name!r} in {self.source}",
            hint=did_you_mean(name, self.columns) + f' Map another name with --columns {name}="Your Name".',
        )

    def has(self, name: str) -> bool:
        """Whether a numeric column exists and holds at least one number."""
        return name in self.columns and bool(np.isfinite(self.columns[name]).any())

    def take(self, rows: Any, *, note: str = "") -> Runs:
        """Selected rows, by mask or index, with a note saying why."""
        return replace(
            self,
            columns={name: values[rows] for name, values in self.columns.items()},
            labels={name: labels.take(rows) for name, labels in self.labels.items()},
            notes=(*self.notes, note) if note else self.notes,
        )

    def with_column(self, name: str, values: Any, *, note: str = "") -> Runs:
        """The same rows with a numeric column added or replaced."""
        columns = {**self.columns, name: np.asarray(values, dtype=np.float64)}
        return replace(self, columns=columns, notes=(*self.notes, note) if note else self.notes)

    def finished(self) -> Runs:
        """Rows whose status is finished, or that carry no status."""
        if "status" not in self.labels:
            return self
        status = self.labels["status"]
        bad = [code for code, name in enumerate(status.names) if name.lower() not in FINISHED]
        keep = ~np.isin(status.codes, bad)
        if keep.all():
            return self
        return self.take(keep, note=f"left out {int((~keep).sum())} runs whose status is not finished")

    def clusters(self) -> NDArray[np.int64]:
        """Which rows belong together for resampling, as integers from 0: checkpoints of one run, seeds of one cell.

        Rows that share the label ``cell`` form one cluster; else those that share ``run``; else each row is its own.
        """
        for name in ("cell", "run"):
            if name in self.labels:
                codes = self.labels[name].codes
                if (codes >= 0).all():
                    return np.unique(codes, return_inverse=True)[1].astype(np.int64)
            if name in self.columns and np.isfinite(self.columns[name]).all():
                return np.unique(self.columns[name], return_inverse=True)[1].astype(np.int64)
        return np.arange(len(self), dtype=np.int64)

    def groups(self, name: str) -> dict[str, Runs]:
        """The table split by the values of a column, in sorted order."""
        if name in self.labels:
            labels = self.labels[name]
            return {
                text: self.take(labels.codes == code)
                for code, text in enumerate(labels.names)
                if (labels.codes == code).any()
            }
        values = self.column(name)
        return {f"{value:g}": self.take(values == value) for value in np.unique(values[np.isfinite(values)])}

    def span(self, name: str) -> tuple[float, float]:
        """Smallest and largest finite value of a column."""
        values = self.column(name)
        values = values[np.isfinite(values)]
        if values.size == 0:
            raise DataError(f"column {name!r} of {self.source} holds no finite number")
        return float(values.min()), float(values.max())

    def concat(self, other: Runs) -> Runs:
        """Both tables, one after the other; only columns that both have.

        Raises:
            DataError: the counting conventions clash.
        """
        conventions = self.conventions.merge(other.conventions, here=self.source, there=other.source)
        columns = {
            name: np.concatenate([values, other.columns[name]])
            for name, values in self.columns.items()
            if name in other.columns
        }
        labels = {
            name: Labels.of([*mine.values(), *other.labels[name].values()])
            for name, mine in self.labels.items()
            if name in other.labels
        }
        return Runs(columns, labels, conventions, f"{self.source} + {other.source}", (*self.notes, *other.notes))
