"""Small tables of nothing but plain numbers, read without the library that reads all others.

Importing that takes longer than reading and fitting such a table. Whatever is not a plain number, a quote, a blank, a
missing field, sends the table back to it; on what is left both agree to the last bit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LARGEST = 1 << 18  # bytes; a longer table is worth the import
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Plain:
    """Columns of numbers by name, each (rows,)."""

    columns: Mapping[str, Array]

    def get_column(self, name: str) -> Array:
        """As a frame gives it."""
        return self.columns[name]


def plain_table(data: bytes, names: Sequence[str], separator: str) -> Plain | None:
    """The table, or None where it is long or holds anything but plain finite numbers below a header of one line.

    >>> plain_table(b"params,loss\\n1e6,3.5\\n2e6,3.25\\n", ("params", "loss"), ",").get_column("loss").tolist()
    [3.5, 3.25]
    >>> plain_table(b"params,loss\\n1e6,nan\\n", ("params", "loss"), ",") is None
    True
    """
    if len(data) > LARGEST or b'"' in data or not all(names):
        return None
    header, *lines = data.removesuffix(b"\n").split(b"\n")
    mark = separator.encode()
    if not header.strip() or not lines:
        return None
    rows = [line.removesuffix(b"\r").split(mark) for line in lines]
    if not all(len(row) == len(names) and all(map(_NUMBER.fullmatch, row)) for row in rows):
        return None
    values = np.array([[float(cell) for cell in row] for row in rows])
    if not np.isfinite(values).all():
        return None
    return Plain({name: np.ascontiguousarray(values[:, j]) for j, name in enumerate(names)})
