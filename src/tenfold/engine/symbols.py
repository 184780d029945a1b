"""Symbols that stand for numbers and rows to be computed, and the list that writes down what is done with them.

Equal operations are written once, what changes nothing is not written at all, and what depends on known columns alone is
computed at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.engine.sweep import RULES, Traced


class Symbol:
    """A number of a lane, or a row of numbers, that a program will compute."""

    __slots__ = ("builder", "index")
    __array_ufunc__ = None  # NumPy leaves arithmetic to this class

    def __init__(self, builder: Builder, index: int) -> None:
        self.builder, self.index = builder, index

    def __maths__(self, name: str, *args: Any) -> Any:
        """What :mod:`tenfold.core.maths` calls for a function of numbers among which is one of these."""
        for arg in args:
            if isinstance(arg, Traced):
                return arg.__maths__(name, *args)
        return RULES[name](self.builder, [], *args)[0]

    def __add__(self, other: Any) -> Any:
        return self._two("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self._two("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self._two("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._two("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return self._two("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._two("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._two("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._two("div", other, self)

    def __pow__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, Traced) else self.builder.power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return self._two("pow", other, self)

    def __neg__(self) -> Any:
        return self.builder.emit("neg", self)

    def __lt__(self, other: Any) -> Any:
        return self._two("lt", self, other)

    def __le__(self, other: Any) -> Any:
        return self._two("le", self, other)

    def __gt__(self, other: Any) -> Any:
        return self._two("lt", other, self)

    def __ge__(self, other: Any) -> Any:
        return self._two("le", other, self)

    def __eq__(self, other: object) -> Any:
        return self._two("eq", self, other)

    # == compares values, so hashing by it means nothing; the ignore is for object.__hash__, which is a method
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise TypeError("a law may not branch on its arguments; use maths.where")

    def _two(self, op: str, x: Any, y: Any) -> Any:
        """An operation on two values, which a traced number does itself."""
        return NotImplemented if isinstance(x, Traced) or isinstance(y, Traced) else self.builder.emit(op, x, y)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "neg": np.negative,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "abs": np.abs,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "where": np.where,
}


class Builder:
    """Writes operations down. It is the ``xp`` of a :class:`tenfold.engine.sweep.Tape`."""

    def __init__(self) -> None:
        self.ops: list[str] = []
        self.args: list[tuple[int, ...]] = []
        self.rows: list[bool] = []
        self.known: dict[int, Any] = {}  # floats and columns
        self._memo: dict[Any, int] = {}
        self._kept: list[Any] = []  # arrays whose identity is a key must not be freed

    def node(self, op: str, args: tuple[int, ...], key: Any = None, *, rows: bool = False) -> Symbol:
        """One operation, or the one that was written before."""
        key = (op, args) if key is None else key
        if key not in self._memo:
            self._memo[key] = len(self.ops)
            self.ops.append(op)
            self.args.append(args)
            self.rows.append(rows)
        return Symbol(self, self._memo[key])

    def symbol(self, value: Any) -> Symbol:
        """A symbol as it is; numbers and columns as constants."""
        if isinstance(value, Symbol):
            return value
        if isinstance(value, Traced):
            raise TypeError("a traced number met plain arithmetic")
        array = np.asarray(value, dtype=np.float64)
        if array.ndim == 0:
            made = self.node("known", (), ("number", float(array), bool(np.signbit(array))))
            self.known[made.index] = float(array)
        else:
            self._kept.append(value)
            made = self.node("known", (), ("column", id(value)), rows=True)
            self.known[made.index] = array
        return made

    def emit(self, op: str, *values: Any) -> Any:
        """An operation, unless it changes nothing."""
        if not any(isinstance(value, Symbol) for value in values):
            return OPERATIONS[op](*values)
        simple = _simplified(op, values)
        if simple is not None:
            return simple
        args = tuple(self.symbol(value) for value in values)
        if op in ("add", "mul") and args[0].index > args[1].index:
            args = args[::-1]
        rows = any(self.rows[arg.index] for arg in args)
        return self.node(op, tuple(arg.index for arg in args), rows=rows)

    def power(self, x: Symbol, y: Any) -> Any:
        """A power with a known exponent."""
        if isinstance(y, int | float):
            if y == 0:
                return 1.0
            if y in (1, 2):
                return x if y == 1 else x * x
            if y in (-1, 0.5):
                return 1.0 / x if y == -1 else self.sqrt(x)
        return self.emit("pow", x, y)

    def exp(self, x: Any) -> Any:
        return self.emit("exp", x)

    def log(self, x: Any) -> Any:
        return self.emit("log", x)

    def sqrt(self, x: Any) -> Any:
        return self.emit("sqrt", x)

    def expm1(self, x: Any) -> Any:
        return self.emit("expm1", x)

    def log1p(self, x: Any) -> Any:
        return self.emit("log1p", x)

    def abs(self, x: Any) -> Any:
        return self.emit("abs", x)

    def maximum(self, x: Any, y: Any) -> Any:
        return self.emit("maximum", x, y)

    def minimum(self, x: Any, y: Any) -> Any:
        return self.emit("minimum", x, y)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return self.emit("where", condition, x, y)

    def ndim(self, x: Any) -> int:
        """One for rows, else zero."""
        return int(self.rows[x.index]) if isinstance(x, Symbol) else np.ndim(x)

    def sum(self, x: Any) -> Symbol:
        """Over rows."""
        made = self.symbol(x)
        return self.node("sum", (made.index,))


def _simplified(op: str, values: Sequence[Any]) -> Any:
    """What an operation with a plain zero or one comes to, or None."""
    x, y = (*values, None)[:2]
    plain_x, plain_y = isinstance(x, int | float), isinstance(y, int | float)
    if op == "mul":
        if plain_x or plain_y:
            number, other = (x, y) if plain_x else (y, x)
            return {0.0: 0.0, 1.0: other}.get(number) if number != -1.0 else -other
    elif op == "add" and ((plain_x and x == 0) or (plain_y and y == 0)):
        return y if plain_x else x
    elif plain_y and ((op == "sub" and y == 0) or (op == "div" and y == 1)):
        return x
    return None
