"""How training moves a network: its features, its matrices, and how far it is from being linear in its weights.

Four questions that a rule for width or depth answers in a known way:

* do features move as much in a large model? (Yang and Hu 2021, arXiv:2011.14522)
* how far do updates align with what they multiply? Rules for the rate assume an exponent, 1 in full or 1/2 for none
  (Everett et al. 2024, arXiv:2407.05872)
* do weights and their updates have spectral norms of order sqrt(fan_out / fan_in)? (Yang et al. 2023,
  arXiv:2310.17813)
* is every block used beyond its linear term as depth grows? Depth-muP says no, CompleteP yes (Dey et al. 2025,
  arXiv:2505.01618). A coordinate check cannot tell the two apart.

A family that shows the input of a hidden tensor ``T`` as ``T + ".input"``, features first, has its alignment measured;
tensors that are not shown are named in a note.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError
from tenfold.ladder.coordinates import batch_of, fit_power, moved, quick, seen
from tenfold.ladder.lazy import jax, jnp
from tenfold.ladder.models import Model, key
from tenfold.ladder.optimizers import direction
from tenfold.ladder.parameterization import require
from tenfold.ladder.spec import Optimizer
from tenfold.ladder.stepper import mean_loss, rates

Array = NDArray[np.float64]


def feature_movement(model: Model, before: Any, after: Any, examples: Any, /) -> dict[str, float]:
    """Relative change of every activation on one batch: RMS of the change over RMS before it; infinite from zero.

    Args:
        model: the model.
        before: weights before training.
        after: weights after it.
        examples: one batch.
    """
    old, new = _looks(model, before, examples), _looks(model, after, examples)
    return {name: _ratio(_rms(new[name] - old[name]), _rms(old[name])) for name in old if not name.endswith(".input")}


@dataclass(frozen=True, slots=True)
class Alignment:
    """How far one hidden matrix and its input align, as exponents of its number of inputs ``n``.

    An exponent is ``log_n(RMS(A z) / (RMS(A) RMS(z)))``: 1 where ``z`` lies along what ``A`` reads, 1/2 where they
    have nothing to do with each other. NaN where one of the two is zero.

    Attributes:
        tensor: name of the matrix.
        fan_in: ``n``.
        start: of the initial matrix and its initial input.
        update: of the matrix's change and the initial input, ``dW z``.
        passed: of the initial matrix and its input's change, ``W dz``.
        both: of both changes, ``dW dz``.
    """

    tensor: str
    fan_in: int
    start: float
    update: float
    passed: float
    both: float


def alignments(model: Model, before: Any, after: Any, examples: Any, /) -> tuple[tuple[Alignment, ...], tuple[str, ...]]:
    """Alignment exponents of hidden matrices, and the names of those whose input the family does not show.

    Args:
        model: the model.
        before: weights before training.
        after: weights after it.
        examples: one batch.
    """
    old, new = _looks(model, before, examples), _looks(model, after, examples)
    found, missing = [], []
    for name, tensor in model.tensors.items():
        if tensor.kind != "hidden":
            continue
        if len(tensor.size) != 2 or f"{name}.input" not in old:
            missing.append(name)
            continue
        w = np.asarray(before[name], np.float64)
        dw = np.asarray(after[name], np.float64) - w
        z = _columns(old[f"{name}.input"], w)
        dz = _columns(new[f"{name}.input"], w) - z
        found.append(Alignment(name, tensor.fan_in, *(alignment(*pair) for pair in ((w, z), (dw, z), (w, dz), (dw, dz)))))
    return tuple(found), tuple(missing)


def alignment(matrix: Array, inputs: Array, /) -> float:
    """``log_n(RMS(A z) / (RMS(A) RMS(z)))`` for ``A`` of shape (m, n), ``z`` of shape (n, samples).

    >>> row = np.array([[1.0, -1.0, 1.0, 1.0]])
    >>> float(alignment(row, row.T)), round(alignment(row, np.array([[1.0], [1.0], [1.0], [1.0]])), 2)
    (1.0, 0.5)
    """
    apart = _rms(matrix) * _rms(inputs)
    together = _rms(matrix @ inputs)
    if not apart or not together or matrix.shape[1] < 2:
        return float("nan")
    return float(math.log(together / apart) / math.log(matrix.shape[1]))


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Largest singular values of one matrix, as the forward pass sees it, and of its change.

    Attributes:
        tensor: its name.
        weight: of the matrix after training.
        update: of its change.
        natural: ``sqrt(fan_out / fan_in)``, what both should be proportional to.
    """

    tensor: str
    weight: float
    update: float
    natural: float

    @property
    def weight_ratio(self) -> float:
        """Spectral norm of the matrix over its natural size."""
        return self.weight / self.natural

    @property
    def update_ratio(self) -> float:
        """Spectral norm of the change over its natural size; the spectral condition keeps it the same at every width."""
        return self.update / self.natural


def spectra(model: Model, before: Any, after: Any, /) -> tuple[Spectrum, ...]:
    """Top singular values of hidden matrices and of their changes; kernels as matrices with their outputs last.

    Args:
        model: the model.
        before: weights before training.
        after: weights after it.
    """
    old, new = model.multiplied(before), model.multiplied(after)
    found = []
    for name, tensor in model.tensors.items():
        if tensor.kind != "hidden" or len(tensor.size) < 2:
            continue
        last = np.asarray(new[name], np.float64)
        change = last - np.asarray(old[name], np.float64)
        weight, update = (float(np.linalg.norm(a.reshape(-1, a.shape[-1]), 2)) for a in (last, change))
        found.append(Spectrum(name, weight, update, math.sqrt(tensor.fan_out / tensor.fan_in)))
    return tuple(found)


def steady_rms(rate: float, decay: float, /) -> float:
    """Root mean square that weights settle at under updates of unit size and decay: ``sqrt(rate / (2 decay))``.

    In the convention ``w -= rate * (update + decay * w)``; reached after some ``1 / (rate * decay)`` steps. With a
    momentum that keeps the sum of updates what it is, as Adam's does, the same (arXiv:2510.15262; Kosson et al. 2024,
    arXiv:2305.17212).

    >>> round(steady_rms(0.05, 0.04), 3)
    0.791
    """
    if not rate > 0 or not decay > 0:
        raise ConfigError(f"rate = {rate} and decay = {decay}: there is no steady state", path="decay")
    return math.sqrt(rate / (2.0 * decay))


def steady_state(model: Model, weights: Any, /) -> dict[str, float]:
    """RMS of every decayed array over what it settles at, see ``steady_rms``: 1 in the steady state of Adam.

    Two sizes of a ladder match where this has become the same; before, the initial weights are still seen.

    Raises:
        ConfigError: the optimizer's updates have no unit size, or nothing is decayed.
    """
    settings = model.optimizer
    if settings.name not in ("adam", "adamw", "adam-atan2", "lion"):
        raise ConfigError(f"updates of {settings.name!r} have no unit size", path="optimizer.name", hint="use 'adam'")
    decays = {name: settings.weight_decay * rule.decay for name, rule in model.rules.items()}
    if not any(decays.values()):
        raise ConfigError("nothing is decayed", path="optimizer.weight_decay")
    return {
        name: _rms(weights[name]) / steady_rms(model.rates[name], decay) for name, decay in decays.items() if decay > 0
    }


def linearisation_distance(
    model: Model, before: Any, after: Any, examples: Any, /, *, tensors: str = "", activation: str = "logits"
) -> float:
    """How far an activation's change is from its linear term in the weights: 0 where the network is lazy.

    ``|f(w + dw) - f(w) - J dw| / |f(w + dw) - f(w)|`` over one batch, with ``dw`` the change of some tensors and the
    others as before. The linear term is exact: the derivative of ``u -> J' u`` along ``dw``, in reverse twice, which
    passes gradients that are written out.

    Args:
        model: the model.
        before: weights before training.
        after: weights after it.
        examples: one batch.
        tensors: names start with this, such as ``blocks.3.``; empty: all.
        activation: what is watched, such as ``blocks.3``.

    Returns:
        The share; NaN where the activation does not change.

    Raises:
        ConfigError: no tensor starts so, or the family shows no such activation.
    """
    chosen = {name: value for name, value in before.items() if name.startswith(tensors)}
    if not chosen:
        raise ConfigError(f"no tensor starts with {tensors!r}", path="tensors", hint=f"there are {', '.join(before)}")
    require(activation, jax.eval_shape(partial(seen, model), before, examples), "activation")
    program = _linear_program(model, activation)
    changed = {name: after[name] for name in chosen}
    whole, linear = (np.asarray(value, np.float64) for value in program(chosen, changed, before, examples))
    size = float(np.linalg.norm(whole))
    return float(np.linalg.norm(whole - linear)) / size if size else math.nan


@lru_cache(maxsize=8)
def _linear_program(model: Model, activation: str) -> Callable[..., Any]:
    """A compiled function to an activation's change and its linear term, both flat."""

    def run(chosen: Any, changed: Any, others: Any, examples: Any) -> tuple[Any, Any]:
        def watched(some: Any) -> Any:
            return seen(model, others | some, examples)[activation].ravel()

        value, back = jax.vjp(watched, chosen)
        step = jax.tree.map(jnp.subtract, changed, chosen)
        _, forward = jax.vjp(lambda u: back(u)[0], jnp.zeros_like(value))
        return watched(changed) - value, forward(step)[0]

    return quick(run)


@dataclass(frozen=True, slots=True)
class Moved:
    """One quantity of one model.

    Attributes:
        value: the model's place on the axis.
        seed: of its initial weights.
        kind: ``movement``, ``alignment``, ``spectrum`` or ``linearisation``.
        name: what of: an activation; a tensor and ``start``, ``update``, ``passed`` or ``both``; a tensor and
            ``weight`` or ``update``, over its natural size; a block.
        number: its size.
    """

    value: float
    seed: int
    kind: str
    name: str
    number: float


@dataclass(frozen=True, slots=True)
class MovementCheck:
    """How training moves models of several sizes.

    Attributes:
        family: name of the family.
        parameterization: the rule that was checked.
        optimizer: name of the optimizer.
        axis: the field of the shape that varied.
        values: its values.
        steps: optimizer steps.
        rows: every measurement.
        slopes: by kind and name, the power of the value that the number follows, and its standard error; for
            alignments, which are powers already, their mean and its standard error.
        notes: what could not be measured, and why.
    """

    family: str
    parameterization: str
    optimizer: str
    axis: str
    values: tuple[float, ...]
    steps: int
    rows: tuple[Moved, ...]
    slopes: tuple[tuple[str, str, float, float], ...]
    notes: tuple[str, ...]

    def slope(self, kind: str, name: str, /) -> float:
        """The slope of one quantity.

        Raises:
            ConfigError: it was not measured.
        """
        held = {f"{kind} {name}": slope for kind, name, slope, _ in self.slopes}
        require(f"{kind} {name}", held, "quantity")
        return held[f"{kind} {name}"]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON; slopes as objects, undefined numbers as None."""
        found = asdict(self)
        found["slopes"] = [dict(zip(("kind", "name", "slope", "error"), row, strict=True)) for row in self.slopes]
        for row in (*found["rows"], *found["slopes"]):
            row.update({name: None for name, value in row.items() if isinstance(value, float) and value != value})
        return found


def movement_check(
    shape: Any,
    optimizer: Optimizer,
    *,
    values: Sequence[int],
    family: str = "mlp",
    axis: str = "width",
    steps: int = 10,
    seeds: int = 2,
    batch: int = 16,
    data: Any = None,
) -> MovementCheck:
    """Train models along an axis for a few steps on one batch and measure how they moved.

    Args:
        shape: the sizes that do not vary.
        optimizer: rates in the base model and the parameterization; the rate is constant.
        values: sizes on the axis, at least two, rising.
        family: the family's name.
        axis: a field of the shape.
        steps: optimizer steps.
        seeds: how many.
        batch: examples in the batch.
        data: see ``coordinate_check``.

    Returns:
        Feature movement, alignment exponents, spectral norms over their natural sizes and, for families with blocks,
        each block's distance from its linearisation. Of two blocks or more the ``middle`` and ``last`` are measured.
    """
    if len(values) < 2 or list(values) != sorted(set(values)) or steps < 1 or seeds < 1:
        raise ConfigError(f"values = {list(values)}, steps = {steps}, seeds = {seeds} compare nothing", path="values")
    rows: list[Moved] = []
    notes: dict[str, None] = {}
    for value in values:
        model = Model(family, replace(shape, **{axis: value}), optimizer)
        for seed in range(seeds):
            examples = batch_of(model, batch, seed=seed, data=data)
            before, after = trained(model, examples, steps=steps, seed=seed)
            for kind, found in _measured(model, before, after, examples, notes).items():
                rows += [Moved(float(value), seed, kind, name, number) for name, number in found.items()]
    return MovementCheck(
        family, optimizer.parameterization, optimizer.name, axis, tuple(map(float, values)), steps, tuple(rows),
        tuple(_slopes(rows, values, seeds)), tuple(notes),
    )  # fmt: skip


def trained(model: Model, examples: Any, /, *, steps: int, seed: int = 0) -> tuple[Any, Any]:
    """Weights before and after some steps at the peak rates, all on one batch."""
    before = _start(model)(key(seed))
    return before, _runner(model, steps)(before, examples)


@lru_cache(maxsize=8)
def _start(model: Model) -> Callable[..., Any]:
    """A compiled function from a key to initial weights."""
    return quick(model.init)


@lru_cache(maxsize=8)
def _runner(model: Model, steps: int) -> Callable[..., Any]:
    """A compiled function of weights and a batch to weights after some steps."""
    peak, turn = rates(model), direction(model)

    def run(weights: Any, examples: Any) -> Any:
        def step(state: Any, _: Any) -> Any:
            weights, memory = state
            update, memory = turn.update(jax.grad(lambda w: mean_loss(model, w, examples))(weights), memory, weights)
            return (moved(weights, update, peak), memory), None

        return jax.lax.scan(step, (weights, turn.init(weights)), None, length=steps)[0][0]

    return quick(run)


def _measured(
    model: Model, before: Any, after: Any, examples: Any, notes: dict[str, None]
) -> dict[str, dict[str, float]]:
    """All numbers of one model by kind and name, blocks named by place."""
    depth = getattr(model.shape, "depth", 0)
    places = {-(-depth // 2) - 1: "middle", depth - 1: "last"} if depth >= 2 else {}
    names = {f"blocks.{place}": f"blocks.{role}" for place, role in places.items()}

    def role(name: str) -> str | None:
        """The name with its block's place; None for blocks in between."""
        head = ".".join(name.split(".")[:2])
        if not names or not name.startswith("blocks."):
            return name
        return names[head] + name.removeprefix(head) if head in names else None

    found: dict[str, dict[str, float]] = {"movement": feature_movement(model, before, after, examples)}
    aligned, missing = alignments(model, before, after, examples)
    if missing:
        shown = ", ".join(sorted({name.split(".")[-1] for name in missing}))
        notes[f"no alignment of {shown}: the family {model.family!r} does not show their inputs"] = None
    found["alignment"] = {
        f"{each.tensor} {what}": getattr(each, what) for each in aligned for what in ("start", "update", "passed", "both")
    }
    spectrum = spectra(model, before, after)
    found["spectrum"] = {f"{each.tensor} weight": each.weight_ratio for each in spectrum}
    found["spectrum"] |= {f"{each.tensor} update": each.update_ratio for each in spectrum}
    shown_blocks = [f"blocks.{place}" for place in places or range(depth) if f"blocks.{place}" in found["movement"]]
    if not shown_blocks:
        notes[f"no linearisation: the family {model.family!r} shows no blocks"] = None
    found["linearisation"] = {
        name: linearisation_distance(model, before, after, examples, tensors=f"{name}.", activation=name)
        for name in shown_blocks
    }
    return {
        kind: {called: number for name, number in each.items() if (called := role(name)) is not None}
        for kind, each in found.items()
    }


def _slopes(rows: Sequence[Moved], values: Sequence[int], seeds: int) -> list[tuple[str, str, float, float]]:
    """Powers of the value for what every model has; means for alignments."""
    held: dict[tuple[str, str], dict[tuple[float, int], float]] = {}
    for row in rows:
        held.setdefault((row.kind, row.name), {})[row.value, row.seed] = row.number
    out = []
    for (kind, name), numbers in held.items():
        if len(numbers) < len(values) * seeds:
            continue
        table = np.array([[numbers[float(value), seed] for seed in range(seeds)] for value in values])
        if kind == "alignment":
            error = float(np.std(table, ddof=1) / math.sqrt(table.size))
            out.append((kind, name, float(np.mean(table)), error))
        else:
            out.append((kind, name, *fit_power(np.asarray(values), table)))
    return out


def _looks(model: Model, weights: Any, examples: Any) -> dict[str, Array]:
    """Activations and inputs of layers in float64."""
    found = seen(model, weights, examples, inputs=True)
    return {name: np.asarray(value, np.float64) for name, value in found.items()}


def _columns(inputs: Array, matrix: Array) -> Array:
    """A layer's input as (features, samples)."""
    return inputs.reshape(matrix.shape[1], -1)


def _rms(value: Any) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(value, np.float64)))))


def _ratio(change: float, size: float) -> float:
    return change / size if size else math.inf
