"""A law with its derivatives as a list of array operations, run on many lanes at once.

The body is called once on symbols (:mod:`tenfold.engine.sweep`); what depends on the runs alone is computed then and
there, equal operations are written once, and what nothing asks for is dropped. Numbers of a lane (a coefficient, its
exponential) are computed for all lanes together, rows in tiles of lanes, whose sums meet again as numbers.

A law's first fit costs no more than its second: there is nothing to compile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.kernel import Evaluation, Lanes, blocks, pick
from tenfold.engine.objective import Objective
from tenfold.engine.sweep import Part, Slopes, Tape, plain
from tenfold.engine.symbols import OPERATIONS, Builder, Symbol

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

# what the objective gives back once the model is known: each row's slope and curvature, times its weight
SLOPE, CURVE = "slope", "curve"


CELLS = 4000  # lanes times rows of a tile: operations are many and their results are needed again


@dataclass(frozen=True, eq=False)
class Products:
    """Sums over rows of products, each of ``left`` with each of ``right``; with ``same`` only with those not before it.

    ``begin``: where the first of them stands among the sums.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    same: bool
    begin: int


@dataclass(frozen=True, eq=False)
class Total:
    """The sum over rows of an operation's result, and where it stands among the sums."""

    index: int
    place: int


@dataclass(frozen=True, eq=False)
class Program:
    """Operations and the order to do them in; sums and numbers that make up the gradient and the Hessian.

    ``before`` and ``after`` are numbers of lanes, found before the rows and from their sums. ``steps`` for rows are
    operations, products, and operations whose results are summed; what needs the objective comes after ``turn`` of them.
    """

    size: int
    rows: int
    ops: Sequence[str]
    args: Sequence[tuple[int, ...]]
    known: Mapping[int, Any]
    coefs: tuple[int, ...]
    model: int
    slope: int
    curve: int
    before: tuple[int, ...]
    steps: tuple[int | Products | Total, ...]
    turn: int
    after: tuple[int, ...]
    dropped: tuple[tuple[int, ...], ...]  # rows that are not needed after each step
    totals: Mapping[int, int]  # where the sum of each summed operation stands
    sums: int  # how many sums there are
    gradient: tuple[int, ...]  # numbers
    numbers: tuple[int, ...]  # of the Hessian
    order: Ints  # sums and numbers by the entry of the Hessian that they belong to
    begins: Ints  # where each entry begins among them
    cells: Ints  # and which entry it is, i * size + j

    def run(
        self,
        theta: Array,
        weights: Array,
        target: Array,
        objective: Objective,
        damping: Array,
        lanes: Lanes | None = None,
    ) -> Evaluation:
        """Objective and derivatives at coefficients ``theta`` (L, p), as :meth:`Kernel.evaluate` describes them."""
        count, rows = len(theta), target.shape[-1]
        numbers = self.numbers_of(theta)
        sums, value = np.zeros((self.sums, count)), np.zeros(count)
        with np.errstate(all="ignore"):
            for block in blocks(count, rows, CELLS):
                part = block.lanes
                own = {index: number[part, None] if np.ndim(number) else number for index, number in numbers.items()}
                w, t = (np.atleast_2d(pick(array, block, lanes)) for array in (weights, target))
                self._tile(own, block.rows, w, t, damping[part, None], objective, sums[:, part], value[part])
        return self.gathered(numbers, sums, value)

    def numbers_of(self, theta: Array) -> dict[int, Any]:
        """What is found for lanes before their rows: numbers and (L,), by operation."""
        with np.errstate(all="ignore"):
            return self._numbers(self.before, dict(zip(self.coefs, theta.T, strict=True)), None)

    def gathered(
        self, numbers: dict[int, Any], sums: Array, value: Array, gather: Callable[..., None] | None = None
    ) -> Evaluation:
        """The evaluation from the sums (S, L) and values (L,) of all rows; ``gather`` adds up compiled."""
        size, lanes = self.size, sums.shape[1]
        every = np.empty((self.sums + len(self.numbers), lanes))
        every[: self.sums] = sums
        with np.errstate(all="ignore"):
            found = self._numbers(self.after, numbers, sums)
            grad = np.empty((size, lanes))
            for k, index in enumerate(self.gradient):
                grad[k] = found[index]
            for k, index in enumerate(self.numbers):
                every[self.sums + k] = found[index]
            hess = np.zeros((size * size, lanes))
            if gather is not None:
                gather(every, self.order, self.begins, self.cells, hess)
            elif self.order.size:
                hess[self.cells] = np.add.reduceat(every[self.order], self.begins, axis=0)
        finite = np.isfinite(value) & np.isfinite(grad).all(axis=0) & np.isfinite(hess).all(axis=0)
        if finite.all():
            return Evaluation(value, grad, hess.reshape(size, size, lanes))
        return Evaluation(
            np.where(finite, value, np.inf),
            np.where(finite, grad, 0.0),
            np.where(finite, hess, 0.0).reshape(size, size, lanes),
        )

    def _numbers(self, wanted: tuple[int, ...], found: dict[int, Any], sums: Array | None) -> dict[int, Any]:
        for index, function, args in self._calls[wanted]:
            if function is not None:
                found[index] = function(*[found[arg] for arg in args])
            elif sums is not None and args:
                found[index] = sums[args[0]]
            else:
                found[index] = self.known[index]
        return found

    @cached_property
    def _calls(self) -> dict[tuple[int, ...], list[tuple[int, Callable[..., Any] | None, tuple[int, ...]]]]:
        """What to do for the numbers before and after the rows: a function of others, a sum, or nothing if known."""
        out = {}
        for wanted in (self.before, self.after):
            calls: list[tuple[int, Callable[..., Any] | None, tuple[int, ...]]] = []
            for index in wanted:
                op, args = self.ops[index], self.args[index]
                if op != "coefficient":
                    calls.append((index, OPERATIONS.get(op), (self.totals[args[0]],) if op == "sum" else args))
            out[wanted] = calls
        return out

    def _tile(
        self,
        have: dict[int, Any],
        rows: slice,
        w: Array,
        t: Array,
        mu: Array,
        objective: Objective,
        sums: Array,
        value: Array,
    ) -> None:
        """Add what some rows of some lanes give to their sums and values."""
        shape = (len(value), t.shape[-1])
        for place, step in enumerate(self.steps):
            if place == self.turn:
                u = np.broadcast_to(have[self.model], shape)
                loss, slope, curve = objective.damped(u, t, mu)
                value += (w * loss).sum(axis=-1)
                have[self.slope], have[self.curve] = w * slope, w * curve
            if isinstance(step, Products):
                _multiplied(step, have, shape, sums)
            elif isinstance(step, Total):
                sums[step.place] += np.broadcast_to(have[step.index], shape).sum(axis=-1)
            elif self.ops[step] == "known":
                have[step] = self.known[step][..., rows]
            elif self.ops[step] not in (SLOPE, CURVE):
                have[step] = OPERATIONS[self.ops[step]](*[have[arg] for arg in self.args[step]])
            for index in self.dropped[place]:
                have.pop(index, None)


def _multiplied(block: Products, have: Mapping[int, Any], shape: tuple[int, ...], sums: Array) -> None:
    """The sums of a block for a tile of lanes."""

    def stacked(indices: Sequence[int]) -> Array:
        out = np.empty((shape[0], len(indices), shape[1]))
        for k, index in enumerate(indices):
            out[:, k] = have[index]
        return out

    left = stacked(block.left)
    products = left @ stacked(block.right).transpose(0, 2, 1)
    if block.same:
        one, two = np.triu_indices(len(block.left))
        products = products[:, one, two]
    else:
        products = products.reshape(shape[0], -1)
    sums[block.begin : block.begin + products.shape[1]] += products.T


def trace(body: Callable[[list[Any]], Any], size: int, rows: int) -> Program:
    """A program for ``body``, a function of ``size`` coefficients that gives ``rows`` values or one for all.

    Raises:
        TypeError, AttributeError, KeyError: the body does what is not in :data:`tenfold.engine.sweep.RULES`.
    """
    builder = Builder()
    tape = Tape(builder)
    coefs = [builder.node("coefficient", (), ("coefficient", j)) for j in range(size)]
    with np.errstate(all="ignore"):
        out = body([tape.coefficient(symbol, j) for j, symbol in enumerate(coefs)])
        model = builder.symbol(plain(out))
        if not builder.rows[model.index]:  # a number for all rows
            model = builder.emit("add", model, np.zeros(rows))
        turn = len(builder.ops)
        slope, curve = builder.node(SLOPE, (), rows=True), builder.node(CURVE, (), rows=True)
        gradient, parts = tape.down(out, slope, curve)
        made = _Assembly(builder, size, gradient)
        for part in _merged(builder, parts):
            made.part(part)
    return made.program(rows, coefs, model, slope, curve, turn)


def _merged(builder: Builder, parts: Sequence[Part]) -> list[Part]:
    """Parts of the same slopes as one: those with a weight for each row, and those with one for all."""
    found: dict[tuple[int, int, int], Part] = {}
    for part in parts:
        key = id(part.left), id(part.right), builder.ndim(part.weight)
        weight = found[key].weight + part.weight if key in found else part.weight
        found[key] = Part(weight, part.left, part.right)
    return list(found.values())


class _Assembly:
    """Turns the parts of a Hessian into blocks, sums and numbers."""

    def __init__(self, builder: Builder, size: int, gradient: Slopes) -> None:
        self.builder, self.size = builder, size
        self.gradient = tuple(builder.symbol(gradient.get(j, 0.0)).index for j in range(size))
        self.blocks: list[tuple[int, Products]] = []  # with the number of operations before each
        self.sums = 0
        self.numbers: list[int] = []
        self.entries: list[tuple[int, bool, int]] = []  # cell, whether a number, and which

    def part(self, part: Part) -> None:
        """One part of the Hessian."""
        builder, same = self.builder, part.left is part.right
        if not part.left or not part.right:
            return
        left, right = list(part.left.items()), list(part.right.items())
        pairs = [(a, b) for a in range(len(left)) for b in range(a if same else 0, len(right))]
        if any(builder.ndim(slope) for _, slope in (*left, *right)):
            begin = self.sums
            rows = [builder.symbol(part.weight * slope).index for _, slope in left]
            self._block(rows, [builder.symbol(slope).index for _, slope in right], same=same)
            found = [(False, begin + k) for k in range(len(pairs))]
        else:
            weight = builder.sum(part.weight) if builder.ndim(part.weight) else part.weight
            found = []
            for a, b in pairs:
                found.append((True, len(self.numbers)))
                self.numbers.append(builder.symbol(weight * left[a][1] * right[b][1]).index)
        for (a, b), (number, place) in zip(pairs, found, strict=True):
            i, j = left[a][0], right[b][0]
            self.entries.append((i * self.size + j, number, place))
            if not same or a != b:
                self.entries.append((j * self.size + i, number, place))

    def _block(self, left: Sequence[int], right: Sequence[int], *, same: bool) -> None:
        self.blocks.append((len(self.builder.ops), Products(tuple(left), tuple(right), same, self.sums)))
        self.sums += len(left) * (len(left) + 1) // 2 if same else len(left) * len(right)

    def program(
        self, rows: int, coefs: Sequence[Symbol], model: Symbol, slope: Symbol, curve: Symbol, turn: int
    ) -> Program:
        """Everything in order, without what nothing asks for."""
        builder = self.builder
        asked = {model.index, slope.index, curve.index, *self.gradient, *self.numbers}
        for _, block in self.blocks:
            asked |= {*block.left, *block.right}
        for index in range(len(builder.ops) - 1, -1, -1):  # arguments stand before what they are for
            if index in asked:
                asked |= set(builder.args[index])
        late: set[int] = set()  # numbers that come from sums
        before, after, totals = [], [], {}
        steps: list[int | Products | Total] = []
        blocks = list(self.blocks)
        for index in sorted(asked):
            while blocks and blocks[0][0] <= index:
                steps.append(blocks.pop(0)[1])
            op, args = builder.ops[index], builder.args[index]
            if builder.rows[index]:
                steps.append(index)
            elif op == "sum":
                totals[args[0]] = self.sums
                steps.append(Total(args[0], self.sums))
                self.sums += 1
                late.add(index)
                after.append(index)
            elif late & set(args):
                late.add(index)
                after.append(index)
            else:
                before.append(index)
        steps += [block for _, block in blocks]
        place = next(k for k, step in enumerate(steps) if not isinstance(step, Products | Total) and step >= turn)
        entries = sorted((cell, self.sums + which if number else which) for cell, number, which in self.entries)
        cells = np.array([cell for cell, _ in entries], dtype=np.int64)
        begins = np.flatnonzero(np.diff(cells, prepend=-1))
        return Program(
            self.size, rows, builder.ops, builder.args, builder.known, tuple(symbol.index for symbol in coefs),
            model.index, slope.index, curve.index, tuple(before), tuple(steps), place, tuple(after),
            _dropped(builder, steps, model.index, place), totals, self.sums, self.gradient, tuple(self.numbers),
            np.array([source for _, source in entries], dtype=np.int64), begins, cells[begins],
        )  # fmt: skip


def _dropped(
    builder: Builder, steps: Sequence[int | Products | Total], model: int, turn: int
) -> tuple[tuple[int, ...], ...]:
    """Rows that are used for the last time in each step; the model is needed at the turn."""
    last: dict[int, int] = {}
    for place, step in enumerate(steps):
        match step:
            case Products():
                used: tuple[int, ...] = (*step.left, *step.right)
            case Total():
                used = (step.index,)
            case _:
                used = builder.args[step]
        last |= dict.fromkeys((index for index in used if builder.rows[index]), place)
    last[model] = max(last.get(model, turn), turn)
    out: list[list[int]] = [[] for _ in steps]
    for index, place in last.items():
        out[place].append(index)
    return tuple(tuple(indices) for indices in out)
