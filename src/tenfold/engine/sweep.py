"""First and second derivatives of a law by one sweep up and one down its operations, sparse in its coefficients.

A law's body is called on numbers that write down what is done with them. On the way up every result carries its
derivatives in the few coefficients that it depends on. The Hessian of a weighted sum of rows is then a sum over the
operations that bend: the weight that reaches an operation from above, times its own second derivative, times the
derivatives of what went into it (Gower and Mello 2012, Optim. Methods Softw. 27, 251-277). Nothing is done for
coefficients that an operation does not see, and the Hessian costs little more than the Jacobian.

Values are whatever ``xp`` computes with: symbols of :mod:`tenfold.engine.program`, or NumPy arrays.

>>> import numpy as np
>>> x = np.array([1.0, 4.0])
>>> body = lambda theta: theta[0] + x ** -theta[1]
>>> tape = Tape(np)
>>> out = body([tape.coefficient(value, j) for j, value in enumerate((1.0, 0.5))])
>>> out.value.tolist(), out.slopes[0]
([2.0, 1.5], 1.0)
>>> gradient, parts = tape.down(out, np.array([1.0, 1.0]), np.array([0.0, 0.0]))
>>> gradient[0], gradient[1].round(3)
(2.0, -0.693)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

Slopes: TypeAlias = dict[int, Any]  # derivatives by coefficient, each a scalar or a row
Bends: TypeAlias = dict[tuple[int, int], Any]  # second derivatives of an operation by its arguments, i <= j
OWN = (-1, -1)  # stands for the result: a second derivative given as a multiple of its own slopes, twice


class Traced:
    """A value that depends on coefficients, with its derivatives in them, written down on a tape."""

    __slots__ = ("bends", "inputs", "partials", "place", "slopes", "tape", "value")
    __array_ufunc__ = None  # NumPy leaves arithmetic to this class

    def __init__(
        self, tape: Tape, value: Any, slopes: Slopes, inputs: tuple[Traced, ...], partials: tuple[Any, ...], bends: Bends
    ) -> None:
        self.tape, self.value, self.slopes = tape, value, slopes
        self.inputs, self.partials, self.bends = inputs, partials, bends
        self.place = len(tape.nodes)
        tape.nodes.append(self)

    def __maths__(self, name: str, *args: Any) -> Any:
        """What :mod:`tenfold.core.maths` calls for a function of numbers among which is one of these."""
        return self.tape.call(name, *args)

    @contextmanager
    def plainly(self) -> Iterator[Any]:
        """The value; inside, nothing is written down and all results are plain."""
        before, self.tape.on = self.tape.on, False
        try:
            yield self.value
        finally:
            self.tape.on = before

    def __add__(self, other: Any) -> Any:
        return self.tape.call("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.tape.call("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.tape.call("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.tape.call("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.tape.call("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.tape.call("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.tape.call("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.tape.call("div", other, self)

    def __pow__(self, other: Any) -> Any:
        return self.tape.call("pow", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self.tape.call("pow", other, self)

    def __neg__(self) -> Any:
        return self.tape.call("neg", self)

    def __bool__(self) -> bool:
        raise TypeError("a law may not branch on its arguments; use maths.where")

    def __lt__(self, other: Any) -> Any:
        return plain(self) < plain(other)

    def __le__(self, other: Any) -> Any:
        return plain(self) <= plain(other)

    def __gt__(self, other: Any) -> Any:
        return plain(self) > plain(other)

    def __ge__(self, other: Any) -> Any:
        return plain(self) >= plain(other)

    def __eq__(self, other: object) -> Any:
        return plain(self) == plain(other)

    # == compares values, so hashing by it means nothing; the ignore is for object.__hash__, which is a method
    __hash__ = None  # type: ignore[assignment]


class Tape:
    """The operations of one body, in order; ``xp`` computes the values."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.nodes: list[Traced] = []
        self.on = True

    def coefficient(self, value: Any, index: int) -> Traced:
        """An independent number."""
        return Traced(self, value, {index: 1.0}, (), (), {})

    def call(self, name: str, *args: Any) -> Any:
        """A function of values and traced numbers."""
        seen = [k for k, arg in enumerate(args) if isinstance(arg, Traced)]
        value, partials, bends = RULES[name](self.xp, seen, *(plain(arg) for arg in args))
        if not (self.on and seen):
            return value
        inputs = tuple(args[k] for k in seen)
        place = {k: i for i, k in enumerate(seen)}
        slopes: Slopes = {}
        for k, node in zip(seen, inputs, strict=True):
            for index, slope in node.slopes.items():
                term = slope * partials[k]
                slopes[index] = slopes[index] + term if index in slopes else term
        second = {(place.get(i, i), place.get(j, j)): bend for (i, j), bend in bends.items()}
        return Traced(self, value, slopes, inputs, tuple(partials[k] for k in seen), second)

    def down(self, out: Any, weight: Any, square: Any) -> tuple[Slopes, list[Part]]:
        """The gradient and the parts of the Hessian of a function of ``out`` with these derivatives in every row."""
        descent = Descent(self)
        if isinstance(out, Traced):
            descent.arrive(out, weight)
            descent.join(out, out, square)
            for node in reversed(self.nodes):
                descent.leave(node)
        return descent.gradient, descent.parts


class Descent:
    """The way down: what arrives at each operation from above, in first and second order.

    In second order a weight belongs to a pair of operations: the Hessian has it times the slopes of both. A pair moves on
    to the arguments as long as that makes no more than a few pairs of one (through a function of one argument, or where
    one of two arguments is a single coefficient's), so that the pairs of a long chain meet; then it becomes a part.
    """

    def __init__(self, tape: Tape) -> None:
        self.xp = tape.xp
        self.first: dict[int, Any] = {}
        self.second: dict[int, dict[int, tuple[Traced, Any]]] = {}  # by the later operation of a pair
        self.gradient: Slopes = {}
        self.parts: list[Part] = []

    def _summed(self, weight: Any, *nodes: Traced) -> Any:
        """A weight for each row becomes one for all where a number went into every row."""
        deep = max(self.xp.ndim(node.value) for node in nodes)
        return self.xp.sum(weight) if self.xp.ndim(weight) > deep else weight

    def arrive(self, node: Traced, weight: Any) -> None:
        """First order."""
        weight, place = self._summed(weight, node), node.place
        self.first[place] = self.first[place] + weight if place in self.first else weight

    def join(self, one: Traced, two: Traced, weight: Any) -> None:
        """Second order: ``weight`` times the slopes of both, and the transpose of two different ones."""
        late, early = (one, two) if one.place >= two.place else (two, one)
        pairs, weight = self.second.setdefault(late.place, {}), self._summed(weight, one, two)
        pairs[early.place] = early, pairs[early.place][1] + weight if early.place in pairs else weight

    def leave(self, node: Traced) -> None:
        """Everything that arrived goes on to the arguments, or becomes part of the result."""
        arrived, pairs = self.first.pop(node.place, None), self.second.pop(node.place, {})
        if not node.inputs:
            if arrived is not None:
                self.gradient |= dict.fromkeys(node.slopes, arrived)
            self._settle(node, pairs)
            return
        if arrived is not None:
            for before, partial in zip(node.inputs, node.partials, strict=True):
                self.arrive(before, arrived * partial)
            if OWN in node.bends:
                weight = arrived * node.bends[OWN]
                pairs[node.place] = node, pairs[node.place][1] + weight if node.place in pairs else weight
        slopes: dict[int, tuple[Traced, Any]] = {}
        for before, partial in zip(node.inputs, node.partials, strict=True):
            known = slopes.get(before.place)
            slopes[before.place] = before, partial if known is None else known[1] + partial
        branches = [before for before, _ in slopes.values()]
        if len(branches) == 1 or min(len(before.slopes) for before in branches) == 1:
            self._pass(node, list(slopes.values()), pairs)
        else:
            self._settle(node, pairs)
        if arrived is not None:
            self._bend(node, arrived)

    def _pass(self, node: Traced, slopes: Sequence[tuple[Traced, Any]], pairs: Mapping[int, tuple[Traced, Any]]) -> None:
        """Pairs of an operation become pairs of its arguments."""
        for other, weight in pairs.values():
            for k, (before, partial) in enumerate(slopes):
                if other is node:
                    for last, slope in slopes[k:]:
                        self.join(before, last, weight * partial * slope)
                else:
                    self.join(before, other, weight * partial * (2.0 if other is before else 1.0))

    def _settle(self, node: Traced, pairs: Mapping[int, tuple[Traced, Any]]) -> None:
        for other, weight in pairs.values():
            self.parts.append(Part(weight, node.slopes, other.slopes))

    def _bend(self, node: Traced, arrived: Any) -> None:
        """The operation's own second derivatives."""
        for key, bend in node.bends.items():
            if key == OWN:
                continue
            one, two = (node.inputs[k] for k in key)
            # of two arguments that are one and the same, the transpose is the pair itself
            weight = arrived * bend * (2.0 if key[0] != key[1] and one is two else 1.0)
            if one is two or min(len(one.slopes), len(two.slopes)) == 1:
                self.join(one, two, weight)
            else:
                self.parts.append(Part(self._summed(weight, one, two), one.slopes, two.slopes))


@dataclass(frozen=True, eq=False)
class Part:
    """The sum over rows of ``weight`` times ``left`` times ``right``, and its transpose where those are not the same."""

    weight: Any
    left: Slopes
    right: Slopes


def plain(value: Any) -> Any:
    """The value itself, without what was written down."""
    return value.value if isinstance(value, Traced) else value


Rule: TypeAlias = Callable[..., tuple[Any, dict[int, Any], Bends]]


def _unary(function: Callable[[Any, Any], tuple[Any, Any, Any]]) -> Rule:
    """A rule from value, first and second derivative, the latter times the argument's slopes."""

    def rule(xp: Any, seen: list[int], x: Any) -> tuple[Any, dict[int, Any], Bends]:
        value, first, second = function(xp, x)
        return value, {0: first}, {} if second is None else {(0, 0): second}

    return rule


def _exp(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    value = xp.exp(x)
    return value, value, value


def _log(xp: Any, seen: list[int], x: Any) -> tuple[Any, dict[int, Any], Bends]:
    return xp.log(x), {0: 1.0 / x}, {OWN: -1.0}


def _sqrt(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    value = xp.sqrt(x)
    first = 0.5 / value
    return value, first, -0.5 * first / x


def _expm1(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    slope = xp.exp(x)
    return xp.expm1(x), slope, slope


def _log1p(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    first = 1.0 / (1.0 + x)
    return xp.log1p(x), first, -first * first


def _softplus(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    value, share = _smooth_positive(xp, x)
    return value, share, share * (1.0 - share)


def _smooth_positive(xp: Any, x: Any) -> tuple[Any, Any]:
    """log(1 + exp(x)) and its derivative, by one exponential and one logarithm.

    The logarithm of the rounded 1 + t is put right by what rounding took from t.
    """
    t = xp.exp(-xp.abs(x))
    whole = 1.0 + t
    value = xp.maximum(x, 0.0) + (xp.log(whole) + (t - (whole - 1.0)) / whole)
    return value, xp.where(x > 0, 1.0, t) / whole


def _add(xp: Any, seen: list[int], x: Any, y: Any) -> tuple[Any, dict[int, Any], Bends]:
    return x + y, {0: 1.0, 1: 1.0}, {}


def _sub(xp: Any, seen: list[int], x: Any, y: Any) -> tuple[Any, dict[int, Any], Bends]:
    return x - y, {0: 1.0, 1: -1.0}, {}


def _neg(xp: Any, seen: list[int], x: Any) -> tuple[Any, dict[int, Any], Bends]:
    return -x, {0: -1.0}, {}


def _mul(xp: Any, seen: list[int], x: Any, y: Any) -> tuple[Any, dict[int, Any], Bends]:
    return x * y, {0: y, 1: x}, {(0, 1): 1.0} if len(seen) == 2 else {}


def _div(xp: Any, seen: list[int], x: Any, y: Any) -> tuple[Any, dict[int, Any], Bends]:
    inverse = 1.0 / y
    value = x / y
    bends: Bends = {}
    if 1 in seen:
        bends[1, 1] = 2.0 * value * inverse * inverse
    if len(seen) == 2:
        bends[0, 1] = -inverse * inverse
    return value, {0: inverse, 1: -value * inverse}, bends


def _pow(xp: Any, seen: list[int], x: Any, y: Any) -> tuple[Any, dict[int, Any], Bends]:
    if 1 not in seen:
        value, first = x**y, y * x ** (y - 1)
        return value, {0: first}, {(0, 0): y * (y - 1) * x ** (y - 2)}
    # bases are not negative: a power is then one exponential, and the logarithm of a column serves all its powers
    level = xp.log(x)
    value = xp.where(y == 0, 1.0, xp.exp(y * level))
    level = xp.where(x > 0, level, 0.0)  # nothing to a power stays nothing
    partials: dict[int, Any] = {1: value * level}
    bends: Bends = {(1, 1): partials[1] * level}
    if 0 in seen:
        partials[0] = y * value / x
        bends[0, 0] = (y - 1.0) * partials[0] / x
        bends[0, 1] = value * (1.0 + y * level) / x
    return value, partials, bends


def _logaddexp(xp: Any, seen: list[int], x: Any, y: Any) -> tuple[Any, dict[int, Any], Bends]:
    value, share = _smooth_positive(xp, y - x)
    bend = share * (1.0 - share)
    bends = {(i, j): -bend if i != j else bend for i in seen for j in seen if i <= j}
    return x + value, {0: 1.0 - share, 1: share}, bends


def _extreme(name: str) -> Rule:
    def rule(xp: Any, seen: list[int], x: Any, y: Any) -> tuple[Any, dict[int, Any], Bends]:
        first = x > y if name == "maximum" else x < y
        share = xp.where(x == y, 0.5, xp.where(first, 1.0, 0.0))
        return getattr(xp, name)(x, y), {0: share, 1: 1.0 - share}, {}

    return rule


def _where(xp: Any, seen: list[int], condition: Any, x: Any, y: Any) -> tuple[Any, dict[int, Any], Bends]:
    share = xp.where(condition, 1.0, 0.0)
    return xp.where(condition, x, y), {1: share, 2: 1.0 - share}, {}


RULES: Mapping[str, Rule] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "neg": _neg,
    "exp": _unary(_exp),
    "log": _log,
    "sqrt": _unary(_sqrt),
    "expm1": _unary(_expm1),
    "log1p": _unary(_log1p),
    "softplus": _unary(_softplus),
    "logaddexp": _logaddexp,
    "maximum": _extreme("maximum"),
    "minimum": _extreme("minimum"),
    "where": _where,
}
