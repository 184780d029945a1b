"""What a question needs of its runs: columns that exist or follow from others, and rows that carry them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import AXES
from tenfold.core.errors import DataError
from tenfold.core.runs import Runs
from tenfold.io.columns import suggest

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rule:
    """How a column follows from others, in floating point: ``scale`` times ``over``, divided by ``under``."""

    target: str
    over: tuple[str, ...]
    under: tuple[str, ...] = ()
    scale: float = 1.0
    text: str = ""
    six: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns it is computed from."""
        return (*self.over, *self.under)

    def apply(self, runs: Runs) -> Array:
        """The values; not finite where an input is missing or zero."""
        out = np.full(len(runs), self.scale)
        with np.errstate(all="ignore"):
            for name in self.over:
                out = out * runs.column(name)
            for name in self.under:
                out = out / runs.column(name)
        return np.where(np.isfinite(out), out, np.nan)


RULES: tuple[Rule, ...] = (
    Rule("tokens", ("step", "batch_tokens"), text="tokens = step * batch_tokens"),
    Rule("tokens", ("steps", "batch_tokens"), text="tokens = steps * batch_tokens"),
    Rule("tokens", ("flops",), ("params",), 1 / 6, "tokens = flops / (6 params)", six=True),
    Rule("params", ("flops",), ("tokens",), 1 / 6, "params = flops / (6 tokens)", six=True),
    Rule("flops", ("params", "tokens"), (), 6.0, "flops = 6 params tokens", six=True),
    Rule("token_multiplier", ("tokens",), ("params",), text="token_multiplier = tokens / params"),
    Rule("steps", ("tokens",), ("batch_tokens",), text="steps = tokens / batch_tokens"),
    Rule("batch_tokens", ("tokens",), ("steps",), text="batch_tokens = tokens / steps"),
)


def require_runs(runs: object) -> None:
    """Raise unless these are runs, and not the name of a file or a data frame that has to be read first."""
    if isinstance(runs, Runs):
        return
    what = repr(runs) if isinstance(runs, str) else f"a {type(runs).__name__}"
    given = repr(runs) if isinstance(runs, str) else "table"
    raise DataError(f"expected runs, got {what}", hint=f"read them first: read_runs({given})")


def derive(runs: Runs, needed: Iterable[str]) -> Runs:
    """The runs with those of the needed columns added that follow from others; each is said in the notes.

    A column that is there is never touched, and one that does not follow is left missing. Compute is 6 params
    tokens unless the runs say that it is counted otherwise; then neither follows from the other.

    >>> derive(Runs({"params": [1e9], "tokens": [2e10]}), ["flops"]).columns["flops"].tolist()
    [1.2e+20]
    """
    require_runs(runs)
    for name in needed:
        if not runs.has(name) and name not in runs.labels:
            runs = _derive(runs, name, frozenset()) or runs
    return runs


def _derive(runs: Runs, name: str, busy: frozenset[str]) -> Runs | None:
    for rule in RULES:
        if rule.target != name or (rule.six and runs.conventions.flops not in ("unspecified", "6ND")):
            continue
        reached: Runs | None = runs
        for need in rule.needs:
            if reached is not None and not reached.has(need):
                reached = None if need in busy or need == name else _derive(reached, need, busy | {name})
        if reached is None:
            continue
        values = rule.apply(reached)
        if not np.isfinite(values).any():
            continue
        out = reached.with_column(name, values, note=f"derived {rule.text}")
        if name == "flops" and rule.six:
            out = replace(out, conventions=replace(out.conventions, flops="6ND"))
        return out
    return None


def require(runs: Runs, names: Sequence[str], *, positive: bool = True) -> Runs:
    """The runs that can carry a question about these columns.

    Columns that are missing are derived where they follow from others. Left out, with a note that counts
    them: runs whose status is not finished, rows without a value in one of the columns, rows whose loss is
    infinite, and second copies of a row of the same run. Exact copies of rows that name no run are kept, and
    said.

    Args:
        runs: the table.
        names: canonical columns, such as ``("params", "tokens", "loss")``.
        positive: refuse sizes (everything that is an axis, and the loss) that are zero, negative or infinite.

    Raises:
        DataError: a column is missing and does not follow; a size is not positive, with its row; nothing is
            left, with what left it out.
    """
    require_runs(runs)
    if not len(runs):
        raise DataError(f"{runs.source} holds no runs", hint="loosen the filter, or read another table")
    names = tuple(dict.fromkeys(names))
    before = len(runs)
    runs = derive(runs, names)
    for name in names:
        if not runs.has(name):
            raise _absent(runs, name)
    rows = np.arange(before)
    reasons: list[str] = []
    keep = _finished(runs)
    runs, rows = _drop(runs, rows, keep, "whose status is not finished", reasons)
    for name in names:
        values = runs.columns[name]
        if name == "loss":
            runs, rows = _drop(runs, rows, ~np.isinf(values), "whose loss is infinite", reasons)
            values = runs.columns[name]
        runs, rows = _drop(runs, rows, ~np.isnan(values), f"without a value in {name!r}", reasons)
    if positive and len(runs):
        _refuse_sizes(runs, names, rows, before)
    if len(runs):
        runs = _copies(runs, rows, reasons)
    if not len(runs):
        raise _nothing_left(runs.source, before, reasons)
    return runs


def _nothing_left(source: str, before: int, reasons: Sequence[str]) -> DataError:
    """Why no row can be used, and what to run where all of them failed."""
    failed = [reason for reason in reasons if "not finished" in reason or "infinite" in reason]
    hint = "loosen the filter, or map other columns with --columns"
    if failed and len(failed) == len(reasons):
        hint = (
            "runs that failed or diverged say nothing of the loss; train the smallest again at a third of its learning "
            "rate, or mend the status column if they did finish"
        )
    return DataError(f"none of the {before} rows of {source} is left: " + ", ".join(reasons), hint=hint)


def _absent(runs: Runs, name: str) -> DataError:
    if name in runs.labels:
        return DataError(f"column {name!r} of {runs.source} holds text, not numbers", hint="read it from another column")
    if name in runs.columns:
        if runs.columns[name].size and np.isinf(runs.columns[name]).any():
            return _nothing_left(runs.source, len(runs), [f"{len(runs)} whose {name} is infinite or missing"])
        return DataError(
            f"column {name!r} of {runs.source} holds no value in any row",
            hint="read another column, or wait until a run is evaluated: runs that diverged have none",
        )
    ways = [rule for rule in RULES if rule.target == name]
    counted = runs.conventions.flops
    blocked = [rule for rule in ways if rule.six and all(map(runs.has, rule.needs))]
    if blocked and counted not in ("unspecified", "6ND"):
        why = f", and {blocked[0].text} does not hold for compute counted as {counted}"
    elif ways:
        why = " nor what it follows from (" + " or ".join(rule.text.partition("= ")[2] for rule in ways) + ")"
    else:
        why = ""
    return DataError(
        f"no column {name!r} in {runs.source}{why}",
        hint=suggest(name, runs.names) + f' Map another name with --columns {name}="Your Name".',
    )


def _finished(runs: Runs) -> Any:
    """Which rows :meth:`Runs.finished` keeps."""
    if "status" not in runs.labels:
        return np.ones(len(runs), dtype=bool)
    tagged = Runs({"row": np.arange(len(runs), dtype=np.float64)}, {"status": runs.labels["status"]})
    keep = np.zeros(len(runs), dtype=bool)
    keep[tagged.finished().columns["row"].astype(np.int64)] = True
    return keep


def rows_said(count: int) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count} row" + "s" * (count != 1)


def _drop(runs: Runs, rows: Any, keep: Any, why: str, reasons: list[str]) -> tuple[Runs, Any]:
    left = int((~keep).sum())
    if left == 0:
        return runs, rows
    reasons.append(f"{left} {why}")
    return runs.take(keep, note=f"left out {rows_said(left)} {why}"), rows[keep]


def _refuse_sizes(runs: Runs, names: Sequence[str], rows: Any, total: int) -> None:
    axes = {axis.column: axis for axis in AXES}
    for name in names:
        if name not in axes:
            continue
        values, axis = runs.columns[name], axes[name]
        legal = ((values > 0) | (axis.zero & (values == 0))) & (values <= axis.upper) & ~np.isinf(values)
        bad = np.flatnonzero(~legal)
        if not bad.size:
            continue
        row = int(bad[0])
        who = ""
        if "run" in runs.labels and runs.labels["run"].codes[row] >= 0:
            who = f", run {runs.labels['run'].names[runs.labels['run'].codes[row]]!r}"
        more = f" ({bad.size} such rows)" if bad.size > 1 else ""
        raise DataError(
            f"{name} = {values[row]:g} in row {int(rows[row]) + 1} of {total} of {runs.source}{who}{more}: "
            f"it must be {axis.rule}",
            hint=f'leave such rows out with --where "{name} {">=" if axis.zero else ">"} 0", '
            "or give failed runs a status",
        )


# ----------------------------------------------------------------------------------------------------
# copies


def _copies(runs: Runs, rows: Any, reasons: list[str]) -> Runs:
    """Second copies of a row: dropped when the rows name the same run, else kept; both said."""
    same = copies(runs)
    named = np.zeros(len(runs), dtype=bool)
    if "run" in runs.labels:
        named = runs.labels["run"].codes >= 0
    elif "run" in runs.columns:
        named = np.isfinite(runs.columns["run"])
    unnamed = int((same & ~named).sum())
    if unnamed:
        note = f"exact copies of other rows: {rows_said(unnamed)}; kept, for no run is named"
        runs = replace(runs, notes=(*runs.notes, note))
    runs, _ = _drop(runs, rows, ~(same & named), "that repeat a row of the same run", reasons)
    if named.any():
        runs = _contradictions(runs)
    return runs


def _contradictions(runs: Runs) -> Runs:
    """A note when rows agree in everything but the loss, such as the overlapping log of a resumed run."""
    if "loss" not in runs.columns or "run" not in runs.names:
        return runs
    rest = Runs({name: values for name, values in runs.columns.items() if name != "loss"}, runs.labels)
    again = int(copies(rest).sum())
    if not again:
        return runs
    note = f"rows that differ from another of the same run in the loss alone: {again}; all are kept"
    return replace(runs, notes=(*runs.notes, note))


def copies(runs: Runs) -> NDArray[np.bool_]:
    """Which rows equal an earlier one in every column; missing values equal each other."""
    numbers = [values + 0.0 for values in runs.columns.values()]
    codes = [labels.codes for labels in runs.labels.values()]
    digest = np.zeros(len(runs), dtype=np.uint64)
    for values in numbers:
        bits = np.where(np.isnan(values), np.nan, values).view(np.uint64)
        digest = _mix(digest, bits)
    for part in codes:
        digest = _mix(digest, part.astype(np.uint64))
    _, first, group = np.unique(digest, return_index=True, return_inverse=True)
    earlier = first[group]
    same = earlier != np.arange(len(runs))
    candidates = np.flatnonzero(same)
    for values in numbers:
        mine, other = values[candidates], values[earlier[candidates]]
        same[candidates] &= (mine == other) | (np.isnan(mine) & np.isnan(other))
    for part in codes:
        same[candidates] &= part[candidates] == part[earlier[candidates]]
    return np.asarray(same, dtype=bool)


def _mix(digest: NDArray[np.uint64], bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One round of a 64-bit hash over whole columns."""
    out = (digest ^ bits) * np.uint64(0x9E3779B97F4A7C15)
    out ^= out >> np.uint64(29)
    out *= np.uint64(0xBF58476D1CE4E5B9)
    return out ^ (out >> np.uint64(32))
