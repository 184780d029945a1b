"""``plan``: the best next allocation for a budget, with its interval, its regret and the limit that binds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import say
from tenfold.core.errors import PlanError
from tenfold.core.law import Law, optimum_of
from tenfold.core.provenance import Provenance, provenance
from tenfold.core.runs import RunSpec
from tenfold.core.scales import decades
from tenfold.fit import Fit
from tenfold.uncertainty import Draws
from tenfold.verdict import Verdict

Array = NDArray[np.float64]

_GRID = 241  # points of the search in log N; the optimum is then refined by golden sections
_REACH = 4.0  # decades beyond the fitted sizes that a numerical search may look


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its interval at one level."""

    value: float
    interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {"value": self.value, "interval": list(self.interval)}


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent and under which limits.

    Training costs ``cost`` FLOP per parameter and token; serving ``serve_tokens`` costs ``serve_cost`` FLOP per parameter
    and token and is paid from the same ``flops``. ``unique_tokens`` caps the data, ``max_params`` the size.
    """

    flops: float
    cost: float = 6.0
    serve_tokens: float = 0.0
    serve_cost: float = 2.0
    unique_tokens: float | None = None
    max_params: float | None = None

    def __post_init__(self) -> None:
        limits = {
            "flops": (self.flops, True),
            "cost": (self.cost, True),
            "serve_tokens": (self.serve_tokens, False),
            "serve_cost": (self.serve_cost, False),
            "unique_tokens": (1.0 if self.unique_tokens is None else self.unique_tokens, True),
            "max_params": (1.0 if self.max_params is None else self.max_params, True),
        }
        for name, (value, strict) in limits.items():
            if not np.isfinite(value) or value < 0 or (strict and value == 0):
                raise PlanError(f"budget {name} must be {'positive' if strict else 'zero or more'}, got {value:g}")

    def tokens(self, params: Array) -> Array:
        """Training tokens that the budget leaves for a size, in tokens; negative when serving alone exceeds it."""
        return np.asarray((self.flops / params - self.serve_cost * self.serve_tokens) / self.cost)


@dataclass(frozen=True, slots=True)
class Plan:
    """An allocation. Intervals are at ``level`` over the draws; ``regret`` maps a change to the loss it costs."""

    law: str
    budget: Budget
    params: Quantity
    tokens: Quantity
    loss: Quantity
    tokens_per_param: Quantity
    level: float
    regret: Mapping[str, float]
    binding: str
    method: str
    reach: Mapping[str, float]
    notes: tuple[str, ...]
    runs: tuple[RunSpec, ...]
    provenance: Provenance
    verdict: Verdict | None = None  # of a forecast at the planned point, where one was made

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        budget = {
            name: getattr(self.budget, name)
            for name in ("flops", "cost", "serve_tokens", "serve_cost", "unique_tokens", "max_params")
        }
        return {
            "law": self.law,
            "budget": budget,
            "params": self.params.to_dict(),
            "tokens": self.tokens.to_dict(),
            "loss": self.loss.to_dict(),
            "tokens_per_param": self.tokens_per_param.to_dict(),
            "level": self.level,
            "regret": dict(self.regret),
            "binding": self.binding,
            "method": self.method,
            "reach": dict(self.reach),
            "notes": list(self.notes),
            "verdict": None if self.verdict is None else self.verdict.to_dict(),
            "runs": [run.to_dict() for run in self.runs],
            "provenance": self.provenance.to_dict(),
        }


def plan(source: Fit, draws: Draws | None = None, *, budget: Budget, level: float = 0.9) -> Plan:
    """The allocation of a compute budget that minimises the predicted loss.

    Args:
        source: a fit of a law in parameters and tokens.
        draws: the fit's uncertainty; without it the intervals are degenerate and the plan's notes say so.
        budget: what may be spent; see :class:`Budget`.
        level: coverage of the intervals.

    Raises:
        PlanError: the law has no size and data axes, or no allocation meets the limits; ``binding`` names the limit.

    Example:
        >>> from tenfold import fit, plan, Budget, read_runs
        >>> best = plan(fit("chinchilla", read_runs("data:bytes")), budget=Budget(flops=1e14))
        >>> best.binding
        'flops'
    """
    law = source.law
    if len({"N", "D", "C", "M"} & set(law.inputs)) < 2:
        raise PlanError(
            f"law {law.name!r} does not tell size and data apart (its inputs are {', '.join(law.inputs)})",
            binding="law",
            hint="plan with a law in parameters and tokens, such as chinchilla",
        )
    span = _span(source)
    best = _search(law, {k: np.array([v]) for k, v in source.coef.items()}, budget, span)
    many = best if draws is None else _search(law, draws.coef, budget, span)
    n, d = float(best.params[0]), float(best.tokens[0])
    notes = [*best.notes, *source.handling]
    if draws is None:
        notes.append("no draws were given: the intervals have no width")
    spans = {"params": decades(span[0][1], n), "tokens": decades(span[1][1], d)}
    reach = {name: round(value, 3) for name, value in spans.items() if value > 0}
    return Plan(
        law=law.name,
        budget=budget,
        params=_quantity(n, many.params, level, draws),
        tokens=_quantity(d, many.tokens, level, draws),
        loss=_quantity(float(best.loss[0]), many.loss, level, draws),
        tokens_per_param=_quantity(d / n, many.tokens / many.params, level, draws),
        level=level,
        regret=_regret(source, budget, n, span),
        binding=best.binding,
        method=best.method,
        reach=reach,
        notes=tuple(notes),
        runs=(RunSpec({"params": n, "tokens": d, "flops": budget.flops}, why="compute-optimal for the budget"),),
        provenance=provenance(
            "plan",
            runs_id=source.provenance.runs_id,
            source=source.provenance.source,
            law=law.name,
            flops=budget.flops,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Best:
    params: Array
    tokens: Array
    loss: Array
    binding: str
    method: str
    notes: tuple[str, ...] = ()


def _span(source: Fit) -> tuple[tuple[float, float], tuple[float, float]]:
    """The fitted ranges of size and tokens; for laws in compute and tokens per parameter, those they imply."""
    spans = source.certificate.span
    if "N" in spans and "D" in spans:
        return (spans["N"].low, spans["N"].high), (spans["D"].low, spans["D"].high)
    if "C" in spans and "M" in spans:
        c, m = spans["C"], spans["M"]
        size = ((c.low / 6 / m.high) ** 0.5, (c.high / 6 / m.low) ** 0.5)
        return size, ((c.low * m.low / 6) ** 0.5, (c.high * m.high / 6) ** 0.5)
    c, n = spans["C"], spans["N"] if "N" in spans else spans["D"]
    other = (c.low / 6 / n.high, c.high / 6 / n.low)
    return ((n.low, n.high), other) if "N" in spans else (other, (n.low, n.high))


def _evaluate(law: Law, coef: Mapping[str, Array], n: Array, d: Array, budget: Budget) -> Array:
    """Predicted loss for coefficients (R,) on sizes (R, k) or (R,)."""
    shaped = {name: np.asarray(value)[(slice(None),) + (None,) * (n.ndim - 1)] for name, value in coef.items()}
    inputs: dict[str, Any] = {"N": n, "D": d, "C": budget.cost * n * d, "M": d / n}
    unique = budget.unique_tokens
    inputs["U"] = d if unique is None else np.minimum(d, unique)
    missing = [symbol for symbol in law.inputs if symbol not in inputs]
    if missing:
        raise PlanError(
            f"law {law.name!r} needs {', '.join(missing)}, which a compute budget does not fix", binding="law"
        )
    with np.errstate(all="ignore"):
        value = law(coef=shaped, **{symbol: inputs[symbol] for symbol in law.inputs})
    return np.asarray(np.broadcast_to(value, n.shape), dtype=np.float64)


def _search(law: Law, coef: Mapping[str, Array], budget: Budget, span: tuple[tuple[float, float], ...]) -> _Best:
    closed = optimum_of(law)
    repeats = "U" in law.inputs
    if closed is not None and budget.serve_tokens == 0 and "N" in law.inputs:
        n = np.asarray(closed.fn(coef, budget.flops, budget.cost)["N"], dtype=np.float64)
        capped = _cap(law, n, coef, budget, repeats=repeats)
        if capped is None:
            d = budget.tokens(n)
            return _Best(n, d, _evaluate(law, coef, n, d, budget), "flops", f"closed form ({closed.where})")
        return capped
    return _numeric(law, coef, budget, span, repeats=repeats)


def _cap(law: Law, n: Array, coef: Mapping[str, Array], budget: Budget, *, repeats: bool) -> _Best | None:
    """The optimum moved onto a limit that it violates, or None when it violates none."""
    d = budget.tokens(n)
    for name, limit, over in (
        ("unique_tokens", None if repeats else budget.unique_tokens, d),
        ("max_params", budget.max_params, n),
    ):
        if limit is None or not bool((over[:1] > limit).any()):
            continue
        if name == "unique_tokens":
            d = np.minimum(d, limit)
            n = np.maximum(n, budget.flops / (budget.cost * limit + budget.serve_cost * budget.serve_tokens))
            note = (
                f"fresh data end at {say(limit, 'tokens')}: the rest of the budget goes into size. "
                "A law for repeated data (data_constrained) would weigh epochs against size"
            )
        else:
            n = np.minimum(n, limit)
            d = budget.tokens(n)
            note = f"the size is capped at {say(limit, 'params')}: the rest of the budget goes into tokens"
        loss = _evaluate(law, coef, n, d, budget)
        return _Best(n, d, loss, name, "closed form, moved to the limit", (note,))
    return None


def _numeric(
    law: Law,
    coef: Mapping[str, Array],
    budget: Budget,
    span: tuple[tuple[float, float], ...],
    *,
    repeats: bool,
) -> _Best:
    """Search log N on a grid for every coefficient set, then refine by golden sections."""
    low = np.log(span[0][0]) - _REACH * np.log(10)
    high = np.log(span[0][1]) + _REACH * np.log(10)
    binding = "flops"
    notes: list[str] = []
    if budget.max_params is not None and np.log(budget.max_params) < high:
        high, cap_n = np.log(budget.max_params), True
    else:
        cap_n = False
    if budget.serve_tokens > 0:  # the size at which serving alone spends the budget
        high = min(high, np.log(budget.flops / (budget.serve_cost * budget.serve_tokens)) - 1e-6)
    if low >= high:
        raise PlanError(
            f"no size fits: serving {say(budget.serve_tokens, 'tokens')} alone costs more than "
            f"{say(budget.flops, 'flops')}",
            binding="serve_tokens",
            hint="raise --flops, or serve fewer tokens",
        )
    grid = np.linspace(low, high, _GRID)

    def loss(log_n: Array) -> Array:
        n = np.exp(log_n)
        d = budget.tokens(n)
        if budget.unique_tokens is not None and not repeats:
            d = np.minimum(d, budget.unique_tokens)
        value = _evaluate(law, coef, n, np.maximum(d, 1.0), budget)
        return np.where((d > 1.0) & np.isfinite(value), value, np.inf)

    lanes = len(next(iter(coef.values())))
    values = loss(np.broadcast_to(grid, (lanes, _GRID)))
    at = np.argmin(values, axis=1)
    edge = (at == 0) | (at == _GRID - 1)
    left, right = grid[np.maximum(at - 1, 0)], grid[np.minimum(at + 1, _GRID - 1)]
    log_n = _golden(loss, left, right)
    log_n = np.where(edge, grid[at], log_n)
    if edge[0] and cap_n and at[0] == _GRID - 1:
        binding = "max_params"
    elif edge[0]:
        binding = "search"
        notes.append(
            f"the predicted loss still falls at the edge of the search, {say(float(np.exp(grid[at[0]])), 'params')} "
            f"parameters, {_REACH:g} decades beyond the runs: the law does not determine an optimum here"
        )
    n = np.exp(log_n)
    d = budget.tokens(n)
    if budget.unique_tokens is not None and not repeats and d[0] > budget.unique_tokens:
        binding, d = "unique_tokens", np.minimum(d, budget.unique_tokens)
        notes.append(f"fresh data end at {say(budget.unique_tokens, 'tokens')}")
    return _Best(n, d, _evaluate(law, coef, n, d, budget), binding, "numerical search in log N", tuple(notes))


def _golden(fn: Any, left: Array, right: Array, *, steps: int = 48) -> Array:
    """Golden-section search, every lane at once, to about 1e-10 of the bracket."""
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    a, b = left.copy(), right.copy()
    for _ in range(steps):
        c, d = b - ratio * (b - a), a + ratio * (b - a)
        smaller = fn(c[:, None])[:, 0] < fn(d[:, None])[:, 0]
        a, b = np.where(smaller, a, c), np.where(smaller, d, b)
    return 0.5 * (a + b)


def _quantity(value: float, many: Array, level: float, draws: Draws | None) -> Quantity:
    finite = many[np.isfinite(many)]
    if draws is not None and finite.size:
        finite = draws.widened(value, finite)
    if finite.size == 0:
        return Quantity(value, (float("nan"), float("nan")))
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Quantity(value, (float(low), float(high)))


def _regret(source: Fit, budget: Budget, n: float, span: Any) -> dict[str, float]:
    """Extra loss from training half or twice the planned size on the same budget."""
    coef = {name: np.array([value]) for name, value in source.coef.items()}
    out = {}
    base = None
    for name, factor in (("planned", 1.0), ("half the size", 0.5), ("twice the size", 2.0)):
        size = np.array([n * factor])
        d = budget.tokens(size)
        if budget.unique_tokens is not None and "U" not in source.law.inputs:
            d = np.minimum(d, budget.unique_tokens)
        value = float(_evaluate(source.law, coef, size, d, budget)[0]) if d[0] > 0 else float("inf")
        if base is None:
            base = value
        else:
            out[name] = value - base
    return out


def at_flops(budget: Budget, flops: float) -> Budget:
    """The same limits with another compute budget."""
    return replace(budget, flops=flops)


def frontier(source: Fit, *, flops: Array, budget: Budget | None = None) -> dict[str, Array]:
    """The compute-optimal frontier of a fit: sizes, tokens and losses along compute, unlimited by data.

    ``flops`` is (k,); the result's arrays are (k,). Used by reports for the law's curve.
    """
    base = budget or Budget(flops=1.0)
    coef = {name: np.array([value]) for name, value in source.coef.items()}
    span = _span(source)
    found = [_search(source.law, coef, at_flops(base, float(c)), span) for c in flops]
    return {
        "params": np.array([best.params[0] for best in found]),
        "tokens": np.array([best.tokens[0] for best in found]),
        "loss": np.array([best.loss[0] for best in found]),
    }
