"""Coordinate checks: does the change of every activation keep its size as the model grows?

A parameterization is right for an axis when, after a few steps at one rate, the change of every activation since the
start has the same root mean square at every size. The check trains models of several sizes for a few steps on one
batch, fits log RMS against log size, and calls a rule right where no slope reaches 0.1 (Yang et al. 2022,
arXiv:2203.03466, appendix D.1 and the mup package; in depth, Yang et al. 2023, arXiv:2310.02244, and Dey et al.
2025, arXiv:2505.01618). It takes seconds and no tuning, so it comes before any sweep of rates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError
from tenfold.ladder.lazy import jax, jnp
from tenfold.ladder.models import Model, key
from tenfold.ladder.optimizers import direction
from tenfold.ladder.parameterization import parameterization_of, require
from tenfold.ladder.spec import Optimizer
from tenfold.ladder.stepper import mean_loss, rates

Array = NDArray[np.float64]

PASS = 0.1
"""Largest slope that passes: over a sixteenfold width, a factor of 1.3."""

CLEAR = 0.35
"""From this slope on, a failure is named: powers that theory gives to a wrong rule are halves and ones."""

TRANSIENT = ("logits", "queries", "keys")
"""Activations whose slope may be -1/2 at the first step and at the start: sums that are not aligned yet (the mup
package's README). From the second step on they have to pass."""

SPANS = ("half", "all")


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One activation of one model after some steps.

    Attributes:
        value: the model's place on the axis.
        seed: of its initial weights.
        step: optimizer steps taken, from 1.
        activation: its name.
        start: root mean square before the first step.
        change: root mean square of the change since then.
    """

    value: float
    seed: int
    step: int
    activation: str
    start: float
    change: float


@dataclass(frozen=True, slots=True)
class Slope:
    """How one activation's size and change follow the axis, as powers of the value.

    Attributes:
        activation: its name.
        start: power of its size before training; NaN where it starts at zero.
        change: power of its change after the last step.
        error: standard error of ``change`` over seeds; of the line where there is one seed.
        first: power of its change after the first step; NaN where nothing moved yet.
        passed: ``change`` is below ``PASS`` in size.
        pattern: what the slope says, in words.
    """

    activation: str
    start: float
    change: float
    error: float
    first: float
    passed: bool
    pattern: str


@dataclass(frozen=True, slots=True)
class CoordinateCheck:
    """Whether the changes of activations keep their size along an axis.

    Attributes:
        family: name of the family.
        parameterization: the rule that was checked.
        optimizer: name of the optimizer.
        axis: the field of the shape that varied.
        values: its values.
        fitted: the values that the slopes are fitted to.
        steps: optimizer steps.
        seeds: seeds of initial weights and data.
        rows: every measurement.
        slopes: one an activation, in the order of the forward pass.
        losses: training loss before the first step and before the last, mean over seeds, by value.
    """

    family: str
    parameterization: str
    optimizer: str
    axis: str
    values: tuple[float, ...]
    fitted: tuple[float, ...]
    steps: int
    seeds: tuple[int, ...]
    rows: tuple[Coordinate, ...]
    slopes: tuple[Slope, ...]
    losses: tuple[tuple[float, float], ...]

    @property
    def passed(self) -> bool:
        """Every activation passed."""
        return all(slope.passed for slope in self.slopes)

    @property
    def verdict(self) -> str:
        """The answer in one line."""
        worst = max(self.slopes, key=lambda slope: abs(slope.change) if np.isfinite(slope.change) else np.inf)
        what = f"{self.parameterization} with {self.optimizer} keeps its changes in {self.axis}"
        between = f"from {self.values[0]:g} to {self.values[-1]:g}"
        if self.passed:
            return f"{what} {between}: largest slope {worst.change:+.2f} ({worst.activation})"
        count = sum(not slope.passed for slope in self.slopes)
        return (
            f"{what.replace(' keeps', ' does not keep')} {between}: {count} of {len(self.slopes)} activations fail, "
            f"worst {worst.activation} {worst.change:+.2f}, {worst.pattern}"
        )

    def slope(self, activation: str, /) -> Slope:
        """The slope of one activation.

        Raises:
            ConfigError: there is no such activation.
        """
        held = {slope.activation: slope for slope in self.slopes}
        require(activation, held, "activation")
        return held[activation]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON; undefined slopes are None."""
        found = asdict(self) | {"passed": self.passed, "verdict": self.verdict}
        for row in (*found["rows"], *found["slopes"]):
            row.update({name: None for name, value in row.items() if isinstance(value, float) and value != value})
        return found


def coordinate_check(
    shape: Any,
    optimizer: Optimizer,
    *,
    values: Sequence[int],
    family: str = "mlp",
    axis: str = "width",
    steps: int = 4,
    seeds: int | Sequence[int] = 3,
    batch: int = 16,
    data: Any = None,
    over: str = "half",
) -> CoordinateCheck:
    """Train models along an axis for a few steps and fit how the changes of their activations follow it.

    Args:
        shape: the sizes that do not vary.
        optimizer: rates in the base model and the parameterization; schedules are left out, the rate is constant.
        values: sizes on the axis, at least two, rising.
        family: the family's name.
        axis: any field of the shape: ``width``, ``depth``, ``head_dim`` ...
        steps: optimizer steps, all on the same batch.
        seeds: how many, or which. A seed decides initial weights and, without ``data``, the batch.
        batch: examples in the batch.
        data: a ``Dataset``, whose first training batch is used; or examples as the family takes them; or None for
            noise: standard normal inputs with labels drawn at random.
        over: ``half`` fits slopes to the wider half of the values, but at least three; ``all`` to all of them.

    Returns:
        Measurements, slopes and the verdict. Where blocks are numbered differently at different values, their
        activations are called ``middle`` and ``last``, as in ``blocks.last``: the same shares of every depth, which is
        what rules for depth keep. (The first block's share falls as one over the depth.)

    Raises:
        ConfigError: the axis is no field of the shape, or there are too few values, steps or seeds.

    Example:
        >>> from tenfold.ladder.families.mlp import Shape
        >>> settings = Optimizer(lr_embed=1e-3, lr_hidden=1e-3, lr_head=1e-3, base_width=16, clip=1e9)
        >>> check = coordinate_check(Shape(width=16, depth=1), settings, values=(16, 32), steps=2, seeds=1)
        >>> [slope.activation for slope in check.slopes]
        ['first', 'blocks.0', 'logits']
    """
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    _require(shape, axis, values, steps, chosen, over)
    measured = []
    for value in values:
        model = Model(family, replace(shape, **{axis: value}), optimizer)
        measured.append(_measure(model, chosen, steps, batch, data))
    names = _roles([list(found.start) for found in measured])
    kept = len(values) if over == "all" else max(min(3, len(values)), -(-len(values) // 2))
    given: dict[str, Any] = {"values": tuple(map(float, values)), "seeds": chosen, "steps": steps}
    rows, slopes = [], []
    for role, held in names.items():
        start = np.array([found.start[name] for found, name in zip(measured, held, strict=True)])
        change = np.array([found.change[name] for found, name in zip(measured, held, strict=True)])
        rows += [
            Coordinate(float(value), seed, step + 1, role, float(start[i, j]), float(change[i, j, step]))
            for i, value in enumerate(values)
            for j, seed in enumerate(chosen)
            for step in range(steps)
        ]
        slopes.append(_slope(role, np.asarray(values[-kept:]), start[-kept:], change[-kept:], optimizer))
    return CoordinateCheck(
        family, optimizer.parameterization, optimizer.name, axis, fitted=given["values"][-kept:], rows=tuple(rows),
        slopes=tuple(slopes), losses=tuple((float(f.loss[:, 0].mean()), float(f.loss[:, -1].mean())) for f in measured),
        **given,
    )  # fmt: skip


def _require(shape: Any, axis: str, values: Sequence[int], steps: int, seeds: Sequence[int], over: str) -> None:
    """Raise unless a check can be made of these."""
    require(axis, tuple(shape.__dataclass_fields__), "axis")
    require(over, SPANS, "over")
    if len(values) < 2 or list(values) != sorted(set(values)):
        raise ConfigError(f"values = {list(values)} are no two or more rising sizes", path="values", hint="use 64, 128")
    if steps < 1 or not seeds:
        raise ConfigError(f"steps = {steps} with {len(seeds)} seeds measures nothing", path="steps", hint="use 4 and 3")


@dataclass(frozen=True)
class _Measured:
    """RMS by activation: ``start`` of shape (seeds,), ``change`` of shape (seeds, steps); losses (seeds, steps + 1)."""

    start: Mapping[str, Array]
    change: Mapping[str, Array]
    loss: Array


def _measure(model: Model, seeds: Sequence[int], steps: int, batch: int, data: Any) -> _Measured:
    """Train all seeds of one model side by side, in one program."""
    examples = jax.tree.map(lambda *each: np.stack(each), *[batch_of(model, batch, seed=s, data=data) for s in seeds])
    weights = quick(jax.vmap(model.init))(jnp.stack([key(seed) for seed in seeds]))
    names: list[str] = []
    change, sizes, loss = (
        np.asarray(value, np.float64) for value in _course(model, steps, names)(weights, examples, rates(model))
    )
    return _Measured(
        {name: sizes[:, 0, place] for place, name in enumerate(names)},
        {name: change[:, 1:, place] for place, name in enumerate(names)},
        loss,
    )


def _course(model: Model, steps: int, names: list[str]) -> Callable[..., Any]:
    """A compiled function of weights and batches, both leading with seeds, and rates.

    It gives RMS of changes and RMS of sizes, both of shape (seeds, steps + 1, activations), and losses, shape
    (seeds, steps + 1). ``names`` receives the activations' names when it is traced.
    """
    turn = direction(model)

    def one(weights: Any, examples: Any, peak: Any) -> Any:
        def look(w: Any) -> tuple[Any, tuple[Any, ...]]:
            found = seen(model, w, examples)
            names[:] = list(found)
            return mean_loss(model, w, examples), tuple(found.values())

        def step(state: Any, first: Any) -> Any:
            weights, memory, before = state
            (loss, now), gradient = jax.value_and_grad(look, has_aux=True)(weights)
            before = tuple(jnp.where(first, new, old) for new, old in zip(now, before, strict=True))
            update, memory = turn.update(gradient, memory, weights)
            change = jnp.stack([rms(new - old) for new, old in zip(now, before, strict=True)])
            return (moved(weights, update, peak), memory, before), (change, jnp.stack([rms(x) for x in now]), loss)

        blank = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(look, weights)[1])
        return jax.lax.scan(step, (weights, turn.init(weights), blank), jnp.arange(steps + 1) == 0)[1]

    return quick(jax.vmap(one, in_axes=(0, 0, None)))


def quick(function: Callable[..., Any], /) -> Callable[..., Any]:
    """``function`` compiled in half the time: diagnostics run a few steps and otherwise wait for the compiler."""
    options = {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
    return jax.jit(function, compiler_options=options)


def moved(weights: Any, update: Any, peak: Any, /) -> Any:
    """Weights after one step at the peak rates, see ``tenfold.ladder.stepper.rates``."""
    return {name: w - peak["rate"][name] * (update[name] + peak["decay"][name] * w) for name, w in weights.items()}


def seen(model: Model, weights: Any, examples: Any, /, *, inputs: bool = False) -> dict[str, Any]:
    """Activations by name, as traced; repeated names are numbered. ``inputs`` of layers are left out unless wanted."""
    held: dict[str, Any] = {}

    def see(name: str, value: Any) -> None:
        if inputs or not name.endswith(".input"):
            place = sum(key == name or re.fullmatch(rf"{re.escape(name)}\.again\d+", key) is not None for key in held)
            held[f"{name}.again{place + 1}" if place else name] = value

    model.losses(weights, examples, see=see)
    return held


def rms(value: Any, /) -> Any:
    """Root mean square of an array, in float32."""
    return jnp.sqrt(jnp.mean(jnp.square(value.astype(jnp.float32))))


def batch_of(model: Model, batch: int, /, *, seed: int = 0, data: Any = None) -> Any:
    """One batch of examples for a model: of a ``Dataset``, as given, or noise. See ``coordinate_check``.

    Raises:
        ConfigError: the data are not what the family takes.
    """
    shape, takes = model.shape, model.module.TAKES
    if hasattr(data, "batches"):
        if data.gives != takes:
            raise ConfigError(f"the data give {data.gives}, the family {model.family!r} takes {takes}", path="data")
        data.require(shape)
        _, chunk = next(data.batches(shape, batch=batch, seed=seed, chunk=1))
        return jax.tree.map(lambda x: np.asarray(x)[0], chunk)
    if data is not None:
        return data
    rng = np.random.default_rng(seed)
    if takes == "codes":
        return rng.integers(0, shape.vocab, (batch, shape.context + 1)).astype(np.int32)
    if takes == "images":
        pixels = rng.normal(size=(batch, shape.resolution, shape.resolution, shape.channels))
        return pixels.astype(np.float32), rng.integers(0, shape.classes, batch).astype(np.int32)
    inputs = rng.normal(size=(batch, shape.inputs)).astype(np.float32)
    if getattr(shape, "loss", "") == "squared":
        return inputs, rng.normal(size=(batch, shape.outputs)).astype(np.float32)
    return inputs, rng.integers(0, shape.outputs, batch).astype(np.int32)


_NUMBER = re.compile(r"\.(\d+)(?=\.|$)|\.again(\d+)$")


def _roles(names: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """What to call each activation, and its name at every value.

    >>> _roles([["embed", "blocks.0", "blocks.1"], ["embed", "blocks.0", "blocks.1", "blocks.2"]])
    {'embed': ['embed', 'embed'], 'blocks.middle': ['blocks.0', 'blocks.1'], 'blocks.last': ['blocks.1', 'blocks.2']}
    """
    if all(list(each) == list(names[0]) for each in names):
        return {name: [name] * len(names) for name in names[0]}
    found: dict[str, list[str]] = {}
    grouped = [_grouped(each) for each in names]
    for pattern, first in grouped[0].items():
        if not all(pattern in each for each in grouped):
            continue
        if "#" not in pattern:
            found[pattern] = [pattern] * len(names)
            continue
        if len({len(each[pattern]) for each in grouped}) == 1:
            found |= {name: [each[pattern][place] for each in grouped] for place, name in enumerate(first)}
            continue
        for role, share in (("middle", 2), ("last", 1)):
            found[pattern.replace("#", role)] = [each[pattern][-(-len(each[pattern]) // share) - 1] for each in grouped]
    return found


def _grouped(names: Sequence[str]) -> dict[str, list[str]]:
    """Names by their pattern, the first number in them replaced by ``#``."""
    held: dict[str, list[str]] = {}
    for name in names:
        held.setdefault(_NUMBER.sub(".#", name, count=1), []).append(name)
    return held


def _slope(role: str, values: Array, start: Array, change: Array, optimizer: Optimizer) -> Slope:
    """Slopes of one activation; ``start`` of shape (values, seeds), ``change`` of shape (values, seeds, steps)."""
    power, error = fit_power(values, change[:, :, -1])
    first = fit_power(values, change[:, :, 0])[0]
    passed = bool(abs(power) < PASS)
    pattern = _pattern(role, power, optimizer)
    if not passed and change.shape[2] == 1 and _transient(role) and -0.5 - PASS < power < 0:
        passed, pattern = True, "as the first step should: not aligned yet"
    return Slope(role, fit_power(values, start)[0], power, error, first, passed, pattern)


def fit_power(values: Array, sizes: Array, /) -> tuple[float, float]:
    """Power of ``values`` that ``sizes`` follow, and its standard error.

    Args:
        values: shape (values,).
        sizes: shape (values, seeds).

    Returns:
        The mean over seeds of the slopes of log size against log value, and its standard error over seeds; with one
        seed the line's own error, NaN for two values. NaN where a size is zero or undefined.

    >>> round(fit_power(np.array([1.0, 2.0, 4.0]), np.array([[3.0], [12.0], [48.0]]))[0], 9)
    2.0
    """
    if not np.all(np.isfinite(sizes)) or not np.all(sizes > 0):
        return float("nan"), float("nan")
    x = np.log(np.asarray(values, np.float64))
    x = x - x.mean()
    y = np.log(sizes)
    slopes = x @ y / (x @ x)
    if sizes.shape[1] > 1:
        return float(np.mean(slopes)), float(np.std(slopes, ddof=1) / np.sqrt(len(slopes)))
    if len(x) < 3:
        return float(slopes[0]), float("nan")
    left = y[:, 0] - y[:, 0].mean() - slopes[0] * x
    return float(slopes[0]), float(np.sqrt(left @ left / (len(x) - 2) / (x @ x)))


def _transient(role: str) -> bool:
    return role.split(".")[-1] in TRANSIENT


def _pattern(role: str, power: float, optimizer: Optimizer) -> str:
    """A slope in words."""
    if not np.isfinite(power):
        return "undefined: the activation does not move, or training diverged"
    if abs(power) < PASS:
        return "keeps its size"
    if power > 0:
        words = "grows: the rate or a multiplier is too large" if power >= CLEAR else "grows slowly"
        row = parameterization_of(optimizer.parameterization)
        if role == "logits" and not row.one_rate and sum(row.readout) < 1 and power < 0.5 + PASS:
            name = optimizer.parameterization
            words += f"; up to +0.5 is what {name} implies: aligned changes pass a readout of size n^-1/2"
        return words
    return "lazy: features stop moving" if power <= -CLEAR else "fades slowly"
