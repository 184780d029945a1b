"""The contract of a family of models, clause by clause. Each clause yields what is wrong, in words, with the values."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from tenfold.core.errors import ConfigError, TenfoldError, did_you_mean
from tenfold.ladder import models
from tenfold.ladder.families import Scales, _attention, family
from tenfold.ladder.lazy import jax, jnp
from tenfold.ladder.parameterization import PARAMETERIZATIONS
from tenfold.ladder.spec import Optimizer
from tenfold.ladder.stepper import mean_loss
from tenfold.ladder.tensors import KINDS
from tenfold.testing.products import multiplications

BATCH = 3
"""Examples that a clause computes."""

TAKEN = ("codes", "images", "vectors")

GROWTH = {"embed": (2, 2), "hidden": (2.01, 4), "readout": (2, 2), "bias": (1, 2), "gain": (1, 2)}
"""The least and the most by which doubling the width may multiply the numbers in a tensor of each kind. Hidden ones may
hold a part that does not grow, such as keys and values of a fixed number of heads."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One way in which a family breaks the contract."""

    family: str
    clause: str
    message: str

    def __str__(self) -> str:
        return f"{self.family}: {self.clause}: {self.message}"


@dataclass(frozen=True)
class Case:
    """A family at one shape, and what several clauses compute of it."""

    name: str
    shape: Any

    @property
    def module(self) -> ModuleType:
        """The family's module."""
        return family(self.name)

    def model(self, parameterization: str = "standard", **settings: Any) -> models.Model:
        """The model whose base is the shape itself."""
        heads = getattr(self.shape, "head_dim", 0)
        optimizer = Optimizer(
            parameterization=parameterization,
            base_width=self.shape.width,
            base_depth=self.shape.depth,
            base_head_dim=heads,
            **settings,
        )
        return models.Model(self.name, self.shape, optimizer)

    @cached_property
    def examples(self) -> Any:
        """``BATCH`` made-up examples."""
        return made_examples(self.module, self.shape, count=BATCH)

    @property
    def inputs(self) -> Any:
        """Inputs of the examples."""
        return self.examples[:, :-1].astype(np.int32) if self.module.TAKES == "codes" else self.examples[0]

    @cached_property
    def initial(self) -> dict[str, Any]:
        """Weights of seed 0."""
        return self.start(0)

    def start(self, seed: int) -> dict[str, Any]:
        """Weights of a seed."""
        return {name: np.asarray(value) for name, value in self._init(models.key(seed)).items()}

    @cached_property
    def _init(self) -> Callable[..., Any]:
        return quick(self.model().init)

    @cached_property
    def generic(self) -> dict[str, Any]:
        """Weights without zeros, so that nothing hides."""
        rng = np.random.default_rng(0)
        held = self.module.tensors(self.shape)
        return {
            name: (value + 0.3 * held[name].fan_in ** -0.5 * rng.normal(size=value.shape)).astype(np.float32)
            for name, value in self.initial.items()
        }

    @cached_property
    def compute(self) -> Callable[..., Any]:
        """Compiled: weights and examples to outputs, losses and the gradient of the mean training loss."""
        model = self.model()
        codes = self.module.TAKES == "codes"

        def run(weights: Any, examples: Any) -> Any:
            outputs = model.apply(weights, examples[:, :-1].astype(jnp.int32) if codes else examples[0])
            gradient = jax.grad(lambda w: mean_loss(model, w, examples))(weights)
            return outputs, model.losses(weights, examples), gradient

        compiled = quick(run)
        return lambda weights, examples: jax.tree.map(np.asarray, compiled(weights, examples))


def quick(function: Callable[..., Any], /) -> Callable[..., Any]:
    """A function compiled in little time, for programs that run a few times."""
    compiled: Callable[..., Any] = jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})
    return compiled


def made_examples(module: ModuleType, shape: Any, /, *, count: int, seed: int = 0) -> Any:
    """Random examples of what a family takes: codes, or inputs with labels or targets."""
    rng = np.random.default_rng(seed)
    if module.TAKES == "codes":
        return rng.integers(0, shape.vocab, (count, shape.context + 1)).astype(np.int32)
    if module.TAKES == "images":
        images = rng.normal(size=(count, shape.resolution, shape.resolution, shape.channels)).astype(np.float32)
        return images, rng.integers(0, shape.classes, count).astype(np.int32)
    vectors = rng.normal(size=(count, shape.inputs)).astype(np.float32)
    if getattr(shape, "loss", "") == "squared":
        return vectors, rng.normal(size=(count, shape.outputs)).astype(np.float32)
    return vectors, rng.integers(0, shape.outputs, count).astype(np.int32)


def check_family(name: str, /, *, shape: Any = None, only: Sequence[str] = (), throw: bool = True) -> list[Breach]:
    """Hold a family to the contract, or to ``only`` some clauses of it (see :data:`FAMILY_CLAUSES`).

    Args:
        name: a built-in family, or a Python file that defines one.
        shape: the sizes to check at; default: the family's own at width 16.
        only: names of clauses.
        throw: raise; else return what is broken.

    Raises:
        ConfigError: the family breaks the contract, naming every way.

    Example:
        >>> check_family("mlp", only=["counted"])
        []
    """
    for clause in only:
        if clause not in FAMILY_CLAUSES:
            raise ConfigError(f"no clause {clause!r}", path="only", hint=did_you_mean(clause, FAMILY_CLAUSES))
    found = []
    try:
        case = Case(name, family(name).Shape(width=16) if shape is None else shape)
        chosen = {key: clause for key, clause in FAMILY_CLAUSES.items() if not only or key in only}
        found = [Breach(name, key, message) for key, clause in chosen.items() for message in _messages(clause, case)]
    except Exception as error:  # the family is foreign code: what it raises is a finding, not a crash of the check
        found = [Breach(name, "declared", _raised(error))]
    if found and throw:
        listed = "\n".join(f"  {breach.clause}: {breach.message}" for breach in found)
        raise ConfigError(f"family {name!r} breaks the contract in {len(found)} ways:\n{listed}", path="family")
    return found


def _messages(clause: Callable[[Case], Iterator[str]], case: Case) -> list[str]:
    messages = []
    try:
        for message in clause(case):
            messages.append(message)
    except Exception as error:
        messages.append(_raised(error))
    return messages


def _raised(error: Exception) -> str:
    hint = f" {error.hint}" if isinstance(error, TenfoldError) and error.hint else ""
    text = str(error.args[0]) if error.args else ""
    return f"raised {type(error).__name__}: {text.splitlines()[0] if text else ''}{hint}"


def declared(case: Case) -> Iterator[str]:
    """A frozen Shape with the sizes that everybody needs; tensors of known kinds."""
    if case.module.TAKES not in TAKEN:
        yield f"TAKES = {case.module.TAKES!r} is none of {', '.join(TAKEN)}"
    if not is_dataclass(case.shape) or not _frozen(case.shape):
        yield "Shape is no frozen dataclass"
    for size in ("width", "depth", "example_tokens"):
        if not getattr(case.shape, size, 0) >= 1:
            yield f"Shape has no positive {size}"
    for name, tensor in case.module.tensors(case.shape).items():
        if tensor.kind not in KINDS:
            yield f"the kind of {name!r}, {tensor.kind!r}, is none of {', '.join(KINDS)}"
        if not tensor.numbers >= 1:
            yield f"{name!r} has the size {tensor.size}"


def shaped(case: Case) -> Iterator[str]:
    """The shape survives JSON; impossible sizes and unknown names are refused by a ConfigError that names the key."""
    made = type(case.shape)
    told = json.loads(json.dumps(asdict(case.shape), allow_nan=False))
    back = made(**{key: tuple(value) if isinstance(value, list) else value for key, value in told.items()})
    if back != case.shape:
        yield f"the shape comes back from JSON as {back}"
    for each in fields(case.shape):
        value = getattr(case.shape, each.name)
        bad: Any = "no such name" if isinstance(value, str) else -1
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            continue
        try:
            replace(case.shape, **{each.name: bad})
        except ConfigError as error:
            if error.path.rpartition(".")[2] != each.name:
                yield f"{each.name} = {bad!r} is refused under the path {error.path!r}"
        else:
            yield f"{each.name} = {bad!r} is not refused"


def light(case: Case) -> Iterator[str]:
    """Sizes and counts need no JAX."""
    code = (
        "import json, sys; from tenfold.ladder.families import family; module = family(sys.argv[1]); "
        "told = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(sys.argv[2]).items()}; "
        "module.count(module.Shape(**told)); module.tensors(module.Shape(**told)); "
        "print(*(name for name in ('jax', 'optax') if name in sys.modules))"
    )
    told = json.dumps(asdict(case.shape))
    done = subprocess.run([sys.executable, "-c", code, case.name, told], capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"counting in a fresh process fails: {done.stderr.strip().splitlines()[-1]}"
    elif done.stdout.strip():
        yield f"counting imports {done.stdout.strip()}"


def initialised(case: Case) -> Iterator[str]:
    """Arrays have the declared sizes; a seed decides them."""
    held = case.module.tensors(case.shape)
    again, other = case.start(0), case.start(1)
    for name, tensor in held.items():
        if case.initial[name].shape != tensor.size:
            yield f"{name!r} is declared as {tensor.size} and starts as {case.initial[name].shape}"
        if not np.array_equal(case.initial[name], again[name]):
            yield f"{name!r} differs between two starts from one seed"
    if all(np.array_equal(case.initial[name], other[name]) for name in held):
        yield "two seeds start with the same weights"


def counted(case: Case) -> Iterator[str]:
    """The bill is the sizes of the arrays and the products of the traced model, at two widths."""
    for shape in (case.shape, _wider(case.shape)):
        held, bill = case.module.tensors(shape), case.module.count(shape)
        total = sum(tensor.numbers for tensor in held.values())
        if bill.total != total:
            yield f"counts {bill.total} parameters at width {shape.width}, the arrays hold {total}"
        if not 0 < bill.active <= bill.total or bill.embedding + bill.head > bill.total:
            yield f"active {bill.active}, embedding {bill.embedding} and head {bill.head} do not fit {bill.total}"
        traced = traced_multiplications(case.module, shape)
        if bill.flops != 6 * traced:
            yield f"counts {bill.flops} FLOPs a label at width {shape.width}, 6 times {traced} traced are {6 * traced}"


def traced_multiplications(module: ModuleType, shape: Any, /) -> Fraction:
    """Multiplications of one label's forward pass in the traced program, without those that no bill counts."""
    weights = {
        name: jax.ShapeDtypeStruct(tensor.size, np.float32) for name, tensor in module.tensors(shape).items()
    }  # fmt: skip
    examples = made_examples(module, shape, count=2)
    inputs = examples[:, :-1] if module.TAKES == "codes" else examples[0]
    traced = jax.make_jaxpr(lambda w, x: module.apply(w, x, shape))(weights, inputs)
    return Fraction(multiplications(traced.jaxpr), 2 * shape.example_tokens) - _uncounted(module, shape)


def _uncounted(module: ModuleType, shape: Any) -> int:
    """What the family says; else the sums of softmax weights, which ride along in a product of ``attend``."""
    if hasattr(module, "uncounted"):
        return int(module.uncounted(shape))
    if getattr(module, "attend", None) is _attention.attend:
        return int(shape.depth * shape.heads * shape.context)
    return 0


def starts(case: Case) -> Iterator[str]:
    """The first loss is finite, and that of a uniform guess where the readout starts at zero."""
    outputs, losses, gradient = case.compute(case.initial, case.examples)
    if not all(np.all(np.isfinite(value)) for value in (outputs, losses, *gradient.values())):
        yield "the initial loss or its gradient is not finite"
        return
    heads = [name for name, tensor in case.module.tensors(case.shape).items() if tensor.group == "head"]
    if not heads or any(np.any(case.initial[name]) for name in heads):
        return
    expected: Any = math.log(len(outputs))
    if getattr(case.shape, "loss", "") == "squared":
        expected = np.mean(case.examples[1] ** 2, axis=1)
    if not np.allclose(losses, expected, rtol=1e-5):
        yield f"the readout starts at zero and the losses at {losses}, not at {expected}"


def learns(case: Case) -> Iterator[str]:
    """Gradients are finite, and every tensor has one; half precision and side-by-side runs give the same losses."""
    _, losses, gradient = case.compute(case.generic, case.examples)
    for name, slope in gradient.items():
        if not np.all(np.isfinite(slope)):
            yield f"the gradient of {name!r} is not finite"
        elif not np.any(slope):
            yield f"{name!r} has no effect on the training loss"
    model, half = case.model(), case.model(precision="bfloat16")

    def others(weights: Any, both: Any, examples: Any) -> Any:
        return mean_loss(half, weights, examples), jax.vmap(model.losses, in_axes=(0, None))(both, examples)

    both = {name: np.stack([case.initial[name], value]) for name, value in case.generic.items()}
    rough, together = quick(others)(case.generic, both, case.examples)
    if not abs(rough - losses.mean()) < 0.1 * abs(losses.mean()) + 0.1:
        yield f"the training loss is {losses.mean():.4g}, {rough:.4g} in bfloat16"
    if not np.allclose(together[1], losses, rtol=1e-3, atol=1e-4):
        yield f"two runs side by side give {np.asarray(together[1])}, one alone {losses}"


def separate(case: Case) -> Iterator[str]:
    """One loss an example, which depends on that example only; the same every time; codes see no later codes."""
    outputs, losses, _ = case.compute(case.generic, case.examples)
    labels = BATCH * case.shape.example_tokens
    if losses.shape != (BATCH,):
        yield f"losses have the shape {losses.shape}, not one an example, ({BATCH},)"
        return
    if outputs.ndim != 2 or outputs.shape[1] != labels:
        yield f"outputs have the shape {outputs.shape}, not (outputs, {labels})"
        return
    again = case.compute(case.generic, case.examples)
    if not np.array_equal(outputs, again[0]) or not np.array_equal(losses, again[1]):
        yield "the same weights and examples give two results"
    mixed = jax.tree.map(lambda x: np.stack([x[2], x[1], x[1]]), case.examples)
    _, moved, _ = case.compute(case.generic, mixed)
    if not np.allclose(moved, losses[[2, 1, 1]], rtol=1e-4, atol=1e-5):
        yield f"losses {losses} become {moved} when the examples are 2, 1, 1: an example depends on others"
    if case.module.TAKES == "codes":
        yield from _causal(case, outputs)


def _causal(case: Case, outputs: np.ndarray) -> Iterator[str]:
    context, place = case.shape.context, case.shape.context // 2
    other = case.examples.copy()
    other[:, place] = (other[:, place] + 1) % case.shape.vocab
    moved = np.abs(case.compute(case.generic, other)[0] - outputs).reshape(-1, BATCH, context).max(axis=(0, 1))
    if np.any(moved[:place] > 1e-5 * np.abs(outputs).max()):
        yield f"code {place} changes predictions before it"
    if not np.any(moved[place:]):
        yield f"code {place} changes no prediction"


def based(case: Case) -> Iterator[str]:
    """Every parameterization that compares with a base model is the standard one at the base model."""
    standard = case.model()
    for name, row in PARAMETERIZATIONS.items():
        if row.absolute or row.spectral or (getattr(case.shape, "tied", False) and not row.tied):
            continue
        model = case.model(name)
        for tensor, rule in model.rules.items():
            if not np.allclose(list(asdict(rule).values()), list(asdict(standard.rules[tensor]).values())):
                yield f"{tensor!r} has {rule} under {name!r}, {standard.rules[tensor]} under 'standard'"
        if model.scales != standard.scales:
            yield f"the factors of the forward pass are {model.scales} under {name!r}"


def kinds(case: Case) -> Iterator[str]:
    """Kinds and fans are what doubling the width says they are."""
    before, after = case.module.tensors(case.shape), case.module.tensors(_wider(case.shape))
    if set(before) != set(after):
        yield f"the width changes which tensors there are: {sorted(set(before) ^ set(after))}"
        return
    for name, tensor in before.items():
        growth = after[name].numbers / tensor.numbers
        if not GROWTH[tensor.kind][0] <= growth <= GROWTH[tensor.kind][1]:
            yield f"{name!r} is {tensor.kind!r}, but has {growth:g} times as many numbers at twice the width"
        ends = (after[name].fan_in / tensor.fan_in, after[name].fan_out / tensor.fan_out)
        wanted = {"embed": (1, 2), "hidden": (2, 2), "readout": (2, 1)}.get(tensor.kind)
        if wanted and ends != wanted:
            yield f"{name!r} is {tensor.kind!r}, but its fans grow {ends} times at twice the width, not {wanted}"


def scaled(case: Case) -> Iterator[str]:
    """Factors of depth and of attention reach every residual branch and the logits of attention."""
    sublayers = getattr(case.shape, "sublayers", 0)
    branch = [name for name, tensor in case.module.tensors(case.shape).items() if tensor.branch]
    if branch and not sublayers:
        yield f"{branch[0]!r} lies in a residual branch, but the shape has no sublayers"
    if sublayers and not branch:
        yield f"the shape has {sublayers} sublayers, but no tensor lies in a residual branch"

    def program(scales: Scales) -> str:
        return str(
            jax.make_jaxpr(lambda w, x: case.module.apply(w, x, case.shape, scales=scales))(case.generic, case.inputs)
        )

    plain = program(Scales())
    for place in range(sublayers):
        pairs = tuple((1.0, 0.5 if place == each else 1.0) for each in range(sublayers))
        if program(Scales(branches=pairs)) == plain:
            yield f"the factor on residual branch {place} has no effect"
    if hasattr(case.shape, "head_dim") and program(Scales(logits=0.5)) == plain:
        yield "the factor on the logits of attention has no effect"


def _frozen(shape: Any) -> bool:
    """Whether its fields cannot be set."""
    return bool(type(shape).__dataclass_params__.frozen)


def _wider(shape: Any) -> Any:
    """The shape at twice the width."""
    return replace(shape, width=2 * shape.width)


FAMILY_CLAUSES: Mapping[str, Callable[[Case], Iterator[str]]] = MappingProxyType(
    {
        "declared": declared,
        "shaped": shaped,
        "light": light,
        "initialised": initialised,
        "counted": counted,
        "starts": starts,
        "learns": learns,
        "separate": separate,
        "based": based,
        "kinds": kinds,
        "scaled": scaled,
    }
)
"""Clauses of the contract by name."""
