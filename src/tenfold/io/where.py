"""Filters: a condition on the columns of a table as text, read by a whitelist over the syntax tree.

::

    status == 'finished' and flops < 1e21
    group in ('a', 'b') and not 1e18 <= flops < 1e19
    `Model Size` > 7 or tokens / params > 20
    '10xC' in run and loss is not None

Names are columns, canonical or as the file has them; a name with blanks or other signs stands between
backticks. Text stands in quotes. A missing value satisfies no comparison, and its negation neither: such rows
are left out. Nothing is ever evaluated as code.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import DataError
from tenfold.core.runs import Labels, Runs
from tenfold.io.columns import suggest
from tenfold.io.files import shown

Mask = NDArray[np.bool_]

_LIMIT = 20_000
_ALLOWED = "only comparisons, and, or, not, in, arithmetic, numbers, text in quotes and column names"
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
_COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
}


@dataclass(frozen=True, slots=True)
class Truth:
    """A condition on every row: where it holds, and where it does not; in neither, a value is missing."""

    yes: Mask
    no: Mask


@dataclass(frozen=True, slots=True)
class _Table:
    columns: Mapping[str, Callable[[], Any]]
    quoted: Mapping[str, str]
    rows: int
    here: str


def filter_runs(runs: Runs, where: str) -> Runs:
    """The rows of a table that satisfy a condition, with a note saying how many were left out.

    Args:
        runs: the table; numeric columns and labels may be named.
        where: the condition, such as ``"status == 'finished' and flops < 1e21"``.

    Raises:
        DataError: the condition cannot be read, names no column, compares text with numbers, keeps nothing.

    >>> runs = Runs({"loss": [3.0, 4.0]})
    >>> len(filter_runs(runs, "loss < 3.5"))
    1
    """
    return keep_where(runs, where, columns_of(runs))


def columns_of(runs: Runs) -> dict[str, Callable[[], Any]]:
    """The columns of a table by name, as :func:`keep_where` wants them."""

    def getter(values: Any) -> Callable[[], Any]:
        return lambda: values

    return {name: getter(values) for name, values in (*runs.columns.items(), *runs.labels.items())}


def keep_where(runs: Runs, where: str, columns: Mapping[str, Callable[[], Any]]) -> Runs:
    """As :func:`filter_runs`, with the columns that may be named given apart.

    Raises:
        DataError: as :func:`filter_runs`.
    """
    truth = condition(where, columns, rows=len(runs), here=runs.source)
    kept = int(truth.yes.sum())
    unknown = len(runs) - kept - int(truth.no.sum())
    missing = f", {unknown} of them for a missing value" if unknown else ""
    if kept == 0:
        raise DataError(
            f"where {shown(where, limit=200)} keeps none of the {len(runs)} rows of {runs.source}{missing}",
            hint="loosen the condition",
        )
    if kept == len(runs):
        return runs
    return runs.take(
        truth.yes,
        note=f"where {' '.join(where.split())}: left out {len(runs) - kept} of {len(runs)} rows{missing}",
    )


def condition(where: str, columns: Mapping[str, Callable[[], Any]], *, rows: int, here: str) -> Truth:
    """Where a condition holds.

    Args:
        where: the text.
        columns: for each name, a function that gives an array of floats or :class:`Labels`.
        rows: their length.
        here: what to call the table in messages.

    Raises:
        DataError: anything that is not a condition on these columns.
    """
    if not isinstance(where, str) or not where.strip():
        raise DataError(f"the filter is {shown(where)}", hint="write a condition such as \"status == 'finished'\"")
    if len(where) > _LIMIT:
        raise DataError(f"a filter of {len(where)} characters is too long", hint="filter the table before")
    text, quoted = _backticks(where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        offset = getattr(error, "offset", None)
        spot = f" at character {offset}" if offset and not quoted else ""
        raise DataError(f"cannot read the filter {shown(where, limit=200)}{spot}", hint=_advice(where)) from None
    try:
        with np.errstate(all="ignore"):
            return _as_truth(_value(tree.body, _Table(columns, quoted, rows, here)), tree.body, rows)
    except RecursionError:
        raise DataError("the filter is nested too deeply", hint="filter the table before") from None


def _advice(where: str) -> str:
    if "=" in where and not any(sign in where for sign in ("==", "<", ">", "!=")):
        return "equality is written =="
    if "&" in where or "|" in where:
        return "write and, or, not instead of & | ~"
    return "write it like \"status == 'finished' and flops < 1e21\" (7e9, not 7B; `names with blanks`)"


def _backticks(where: str) -> tuple[str, dict[str, str]]:
    """The text with every name in backticks replaced by a plain one, and line breaks by blanks."""
    prefix = "quoted"
    while prefix in where:
        prefix += "_"
    out: list[str] = []
    names: dict[str, str] = {}
    index = 0
    text = where.strip()
    while index < len(text):
        sign = text[index]
        if sign in "'\"":
            end = _closing(text, index)
            out.append(text[index:end])
            index = end
        elif sign == "`":
            end = text.find("`", index + 1)
            if end < 0:
                raise DataError(f"a backtick in the filter {shown(where, limit=200)} is never closed", hint="close it")
            key = f"{prefix}{len(names)}"
            names[key] = text[index + 1 : end]
            out.append(f" {key} ")
            index = end + 1
        else:
            out.append(" " if sign in "\r\n\t\f" else sign)
            index += 1
    return "".join(out).strip(), names


def _closing(text: str, start: int) -> int:
    index = start + 1
    while index < len(text) and text[index] != text[start]:
        index += 2 if text[index] == "\\" else 1
    return min(index + 1, len(text))


def _value(node: ast.AST, table: _Table) -> Any:
    """A float, an array of floats, Labels, a text, None or a Truth."""
    if isinstance(node, ast.Constant):
        return _constant(node)
    if isinstance(node, ast.Name):
        return _column(node.id, table)
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        left, right = (_number(_value(part, table), part, table) for part in (node.left, node.right))
        return _ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp):
        return _unary(node, table)
    if isinstance(node, ast.BoolOp):
        parts = [_as_truth(_value(part, table), part, table.rows) for part in node.values]
        yes, no = (np.logical_and, np.logical_or) if isinstance(node.op, ast.And) else (np.logical_or, np.logical_and)
        return Truth(yes.reduce([part.yes for part in parts]), no.reduce([part.no for part in parts]))
    if isinstance(node, ast.Compare):
        return _chain(node, table)
    raise _refused(node, table)


def _refused(node: ast.AST, table: _Table) -> DataError:
    what = {
        "Call": "a call",
        "Attribute": "an attribute",
        "Subscript": "indexing",
        "Tuple": "a list outside of in",
        "List": "a list outside of in",
        "BinOp": "that sign",
        "IfExp": "if and else",
    }.get(type(node).__name__, type(node).__name__.lower())
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        return DataError(f"a filter may not contain & or |: {_source(node, table)}", hint="write and, or, not")
    hint = _ALLOWED + "; a column whose name holds a dot stands in `backticks`" * isinstance(node, ast.Attribute)
    return DataError(f"a filter may not contain {what}: {_source(node, table)}", hint=hint)


def _source(node: ast.AST, table: _Table) -> str:
    try:
        text = ast.unparse(node)
    except (RecursionError, ValueError):
        return "…"
    for key, name in table.quoted.items():
        text = text.replace(key, f"`{name}`")
    return shown(text)


def _constant(node: ast.Constant) -> Any:
    value = node.value
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        try:
            return np.float64(value)
        except OverflowError:
            raise DataError(f"the number {shown(value)} in the filter is too large", hint="write it as 1e20") from None
    raise DataError(f"a filter may not contain {shown(value)}", hint=_ALLOWED)


def _column(name: str, table: _Table) -> Any:
    real = table.quoted.get(name, name)
    if real in table.columns:
        return table.columns[real]()
    raise DataError(
        f"no column {shown(real)} in {table.here} for the filter",
        hint=suggest(real, table.columns) + " (text goes in quotes)",
    )


def _unary(node: ast.UnaryOp, table: _Table) -> Any:
    value = _value(node.operand, table)
    if isinstance(node.op, ast.Not):
        truth = _as_truth(value, node.operand, table.rows)
        return Truth(truth.no, truth.yes)
    if isinstance(node.op, (ast.USub, ast.UAdd)):
        number = _number(value, node.operand, table)
        return -number if isinstance(node.op, ast.USub) else number
    raise DataError(f"a filter may not contain ~ in {_source(node, table)}", hint="write not")


def _as_truth(value: Any, node: ast.AST, rows: int) -> Truth:
    if isinstance(value, Truth):
        return value
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return Truth(np.full(rows, node.value), np.full(rows, not node.value))
    name = ast.unparse(node) if isinstance(node, (ast.Name, ast.Constant)) else "this"
    raise DataError(
        f"a filter needs a condition, and {shown(name)} is a value",
        hint="compare it, such as loss < 3 or deduped != 0",
    )


def _number(value: Any, node: ast.AST, table: _Table) -> Any:
    if isinstance(value, Labels):
        value = _label_numbers(value)
    if isinstance(value, (np.ndarray, np.floating)):
        return value
    kind = "a condition" if isinstance(value, Truth) else "nothing" if value is None else "text"
    raise DataError(f"{_source(node, table)} is {kind} where the filter needs a number", hint=_ALLOWED)


def _label_numbers(labels: Labels) -> Any:
    """A column of text that holds only numbers, as numbers; else unchanged."""
    try:
        numbers = np.array([*map(float, labels.names), np.nan])
    except ValueError:
        return labels
    return numbers[labels.codes]


def _chain(node: ast.Compare, table: _Table) -> Truth:
    truth: Truth | None = None
    left_node, left = node.left, _value(node.left, table)
    for sign, right_node in zip(node.ops, node.comparators, strict=True):
        if isinstance(sign, (ast.In, ast.NotIn)):
            right: Any = None
            part = _membership(left, left_node, right_node, table)
            part = Truth(part.no, part.yes) if isinstance(sign, ast.NotIn) else part
        else:
            right = _value(right_node, table)
            part = _comparison(left, sign, right, node, table)
        truth = part if truth is None else Truth(truth.yes & part.yes, truth.no | part.no)
        left_node, left = right_node, right
    assert truth is not None
    return truth


def _membership(left: Any, left_node: ast.AST, right_node: ast.AST, table: _Table) -> Truth:
    """``x in (…)``, or ``'part' in text_column``."""
    if isinstance(right_node, (ast.Tuple, ast.List, ast.Set)):
        parts = [_comparison(left, ast.Eq(), _value(item, table), left_node, table) for item in right_node.elts]
        none = np.zeros(table.rows, dtype=bool)
        if not parts:
            return Truth(none, ~none)
        return Truth(
            np.logical_or.reduce([part.yes for part in parts]),
            np.logical_and.reduce([part.no for part in parts]),
        )
    right = _value(right_node, table)
    if isinstance(left, str) and isinstance(right, Labels):
        return _by_name(right, [left in name for name in right.names])
    raise DataError(
        f"after in stands {_source(right_node, table)}",
        hint="write a list, such as group in ('a', 'b'), or 'part' in a text column",
    )


def _by_name(labels: Labels, holds: Iterable[bool]) -> Truth:
    table = np.array([*holds, False], dtype=bool)
    known = labels.codes >= 0
    yes = table[labels.codes] & known
    return Truth(yes, known & ~yes)


def _comparison(left: Any, sign: ast.cmpop, right: Any, node: ast.AST, table: _Table) -> Truth:
    if left is None or right is None:
        return _missing(left if right is None else right, sign, node, table)
    if type(sign) not in _COMPARE:
        raise DataError(f"is in {_source(node, table)} compares with None only", hint="write == or !=")
    text, compare = _COMPARE[type(sign)]
    if isinstance(left, str) and not isinstance(right, str):
        mirrored = {"<": operator.gt, "<=": operator.ge, ">": operator.lt, ">=": operator.le}
        left, right, compare = right, left, mirrored.get(text, compare)
    if isinstance(left, str) and isinstance(right, str):
        holds = bool(compare(left, right))
        return Truth(np.full(table.rows, holds), np.full(table.rows, not holds))
    if isinstance(left, Labels) and isinstance(right, str):
        return _by_name(left, [bool(compare(name, right)) for name in left.names])
    if isinstance(left, Labels) and isinstance(right, Labels):
        left, right = _ranks(left, right)
    left, right = (_label_numbers(side) if isinstance(side, Labels) else side for side in (left, right))
    for side in (left, right):
        if isinstance(side, (str, Labels, Truth)):
            raise DataError(
                f"{_source(node, table)} compares text with numbers",
                hint="text columns are compared with text in quotes, numbers without",
            )
    yes = np.broadcast_to(compare(left, right), (table.rows,))
    known = np.broadcast_to(~(np.isnan(left) | np.isnan(right)), (table.rows,))
    return Truth(yes & known, ~yes & known)


def _ranks(left: Labels, right: Labels) -> tuple[Any, Any]:
    """Two text columns as numbers that compare as the texts do."""
    rank = {name: float(index) for index, name in enumerate(sorted({*left.names, *right.names}))}
    one, two = (np.array([*(rank[name] for name in side.names), np.nan])[side.codes] for side in (left, right))
    return one, two


def _missing(value: Any, sign: ast.cmpop, node: ast.AST, table: _Table) -> Truth:
    if not isinstance(sign, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)) or not isinstance(value, (np.ndarray, Labels)):
        raise DataError(f"None in {_source(node, table)} stands for a missing value", hint="write loss is not None")
    absent = value.codes < 0 if isinstance(value, Labels) else np.isnan(value)
    return Truth(absent, ~absent) if isinstance(sign, (ast.Is, ast.Eq)) else Truth(~absent, absent)
