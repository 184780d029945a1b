"""The parameterizations for PyTorch: groups for an optimizer, initial weights, and forward factors.

Nothing here imports torch: a model is anything with ``named_parameters()`` whose parameters have a ``shape``. A base
model is the same architecture with a smaller width, or a mapping from names to shapes. A side that is longer than in the
base model grows; what a parameter is follows from its module's class, its name and the sides that grow, and one of which
these do not tell is refused.

A training script changes in three places::

    groups = parameter_groups(model, base=small, lr=3e-3, weight_decay=0.1, decay_rule="eta-lambda")
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95))
    initialise(model, base=small)

and, where the parameterization asks for it, multiplies weights by ``multipliers``, residual branches by ``branch_scale``
and attention logits by ``logit_scale``. The tables are those of ``tenfold.ladder.parameterization``.

>>> from types import SimpleNamespace
>>> class Model:
...     def __init__(self, width):
...         sizes = {"wte.weight": (50, width), "up.weight": (4 * width, width), "head.weight": (50, width)}
...         self.held = {name: SimpleNamespace(shape=size) for name, size in sizes.items()}
...     def named_parameters(self):
...         return iter(self.held.items())
>>> [(group["name"], group["lr"]) for group in parameter_groups(Model(256), base=Model(64), lr=0.01)]
[('wte.weight', 0.01), ('up.weight', 0.0025), ('head.weight', 0.01)]
>>> multipliers(Model(256), base=Model(64))
{'wte.weight': 1.0, 'up.weight': 1.0, 'head.weight': 0.25}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import filter as matching
from fnmatch import fnmatchcase
from itertools import pairwise
from math import prod
from typing import Any, Protocol

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.parameterization import Base, Rule, branch_scale, logit_scale, parameterization_of, require, rules
from tenfold.ladder.tensors import KINDS

__all__ = ["NAMES", "Layer", "branch_scale", "initialise", "layers", "logit_scale", "multipliers", "parameter_groups"]

NAMES: Mapping[str, tuple[str, ...]] = {
    "readout": ("head", "lm_head", "unembed", "embed_out", "fc_out", "classifier", "readout", "logits", "score"),
    "embed": ("embed", "embedding", "embeddings", "emb", "wte", "wpe", "tok", "token", "pos", "position", "patch"),
    "gain": ("weight", "gain", "scale", "gamma", "norm"),
    "bias": ("bias", "beta", "offset", "shift"),
}
"""Words of a parameter's name, between dots and underscores, that tell readouts, tables, and kinds of vectors."""

_BLOCK = re.compile(r"(^|\.)(blocks|layers|layer|h|resblocks|block)\.\d+\.")
"""Names inside a numbered block, which are taken for residual branches."""


class Parameters(Protocol):
    """What is needed of a model."""

    def named_parameters(self) -> Iterable[tuple[str, Any]]:
        """Names and parameters, each with a ``shape``."""


Shapes = Parameters | Mapping[str, Iterable[int]]
"""A base model, or its shapes by name."""


@dataclass(frozen=True)
class Layer:
    """What was found of one parameter.

    Attributes:
        name: as the model names it.
        kind: one of ``tenfold.ladder.tensors.KINDS``.
        fan_in: inputs that one output sums over; 1 for tables and vectors.
        fan_out: outputs that one input reaches.
        base: the same layer of the base model.
        branch: whether it lies in a residual branch.
        rule: scale, factor, rate, decay and epsilon.
    """

    name: str
    kind: str
    fan_in: int
    fan_out: int
    base: Base
    branch: bool
    rule: Rule


def layers(
    model: Parameters,
    /,
    *,
    base: Shapes,
    depth: int = 1,
    base_depth: int = 1,
    parameterization: str = "mup-table8",
    optimizer: str = "adamw",
    alignment: str = "full",
    decay_rule: str = "constant",
    kinds: Mapping[str, str] | None = None,
    branches: Iterable[str] | None = None,
) -> list[Layer]:
    """What the parameterization says of every parameter, in the model's order.

    Linear weights are (outputs, inputs), kernels (outputs, inputs, ...) and stacks of experts (experts, outputs,
    inputs); tables are (rows, width). Weights of a module whose class is ``Conv1D`` are (inputs, outputs).

    Args:
        model: the model to train.
        base: the model in which rates were tuned, or its shapes by name. It may have fewer blocks.
        depth: number of residual blocks of the model.
        base_depth: of the base model.
        parameterization: one of ``tenfold.ladder.parameterization.PARAMETERIZATIONS``.
        optimizer: one of ``tenfold.ladder.parameterization.OPTIMIZERS``.
        alignment: ``full`` or ``none``.
        decay_rule: how weight decay follows the width: ``constant``, ``eta-lambda`` or ``sqrt``.
        kinds: kinds by pattern of names (``*`` stands for anything); the first that matches wins over what is found.
        branches: patterns of names in residual branches; default: names inside a numbered block.

    Raises:
        ConfigError: a parameter's kind cannot be told, a pattern matches nothing or names no kind, the base model has
            other parameters, or a head is tied that the parameterization has to scale by itself.

    Example:
        >>> class Model:
        ...     def named_parameters(self):
        ...         from types import SimpleNamespace
        ...         return [("fc.weight", SimpleNamespace(shape=(10, 256)))]
        >>> layers(Model(), base={"fc.weight": (10, 64)}, kinds={"fc.*": "readout"})[0].rule.multiplier
        0.25
    """
    held = {name: _shape(value) for name, value in model.named_parameters()}
    _require_untied(model, parameterization)
    given, owners = _checked(kinds or {}, held), _owners(model)
    small = base if isinstance(base, Mapping) else {name: value.shape for name, value in base.named_parameters()}
    pairs = {name: _pair(name, size, small, owners.get(name, "")) for name, size in held.items()}
    same = all(size == other for size, other in pairs.values())
    found = []
    for name, (size, other) in pairs.items():
        owner = owners.get(name, "")
        kind = next((kind for pattern, kind in given.items() if fnmatchcase(name, pattern)), "")
        kind = kind or _kind(name, size, other, owner, same=same)
        table = kind == "embed" and _is_table(size, other, owner)
        fan_in, fan_out = _fans(kind, size, table=table)
        origin = Base(*_fans(kind, other, table=table), base_depth)
        inside = bool(_BLOCK.search(name)) if branches is None else any(fnmatchcase(name, each) for each in branches)
        rule = rules(
            kind, fan_in=fan_in, fan_out=fan_out, depth=depth, base=origin, optimizer=optimizer, decay=decay_rule,
            parameterization=parameterization, alignment=alignment, branch=inside,
        )  # fmt: skip
        found.append(Layer(name, kind, fan_in, fan_out, origin, inside, rule))
    return found


def parameter_groups(
    model: Parameters,
    /,
    *,
    base: Shapes,
    lr: float,
    weight_decay: float = 0.0,
    eps: float | None = None,
    **given: Any,
) -> list[dict[str, Any]]:
    """Groups for ``torch.optim.AdamW`` and its like, one a parameter.

    Torch's AdamW moves ``w -= lr * (update + weight_decay * w)``, so both numbers of a group are the tables' own.

    Args:
        model: the model to train.
        base: see ``layers``.
        lr: peak rate in the base model.
        weight_decay: decay in the base model; vectors get none.
        eps: Adam's epsilon in the base model, which then follows each parameter's expected gradient; None: the groups
            have no ``eps``, and the optimizer's own serves all.
        given: everything else that ``layers`` takes.

    Returns:
        Mappings with ``params`` (a list of one), ``lr``, ``weight_decay``, ``name`` and perhaps ``eps``.

    Raises:
        ConfigError: see ``layers``; or ``lr``, ``weight_decay`` or ``eps`` is out of range.

    Example: see the module.
    """
    if not lr > 0:
        raise ConfigError(f"lr = {lr} is not positive", path="lr")
    if not weight_decay >= 0:
        raise ConfigError(f"weight_decay = {weight_decay} is negative", path="weight_decay")
    if eps is not None and not eps > 0:
        raise ConfigError(f"eps = {eps} is not positive", path="eps")
    if weight_decay and "decay_rule" not in given:
        raise ConfigError(
            "weight decay needs a rule for how it follows the width",
            path="decay_rule",
            hint="'constant', 'eta-lambda' or 'sqrt': published rules differ, so there is no silent default",
        )
    held = dict(model.named_parameters())
    groups = []
    for layer in layers(model, base=base, **given):
        rule = layer.rule
        told = {"params": [held[layer.name]], "lr": lr * rule.rate, "weight_decay": weight_decay * rule.decay}
        groups.append(told | {"name": layer.name} | ({} if eps is None else {"eps": eps * rule.eps}))
    return groups


def multipliers(model: Parameters, /, *, base: Shapes, **given: Any) -> dict[str, float]:
    """Factor on each weight in the forward pass, by name.

    Under ``mup-table8`` and ``completep`` only the readout's is not 1, so that multiplying the logits is enough.

    Args:
        model: the model to train.
        base: see ``layers``.
        given: everything else that ``layers`` takes.

    Example: see the module.
    """
    return {layer.name: layer.rule.multiplier for layer in layers(model, base=base, **given)}


def initialise(
    model: Parameters, /, *, base: Shapes, std: Mapping[str, float] | None = None, **given: Any
) -> dict[str, float]:
    """Draw every weight of a torch model from the normal distribution of its rule, in place; biases zero, gains one.

    In the base model a matrix starts at ``fan_in**-1/2``, as does a first layer on raw inputs, and a table at one.

    Args:
        model: the model to train; its parameters have torch's ``data`` with ``normal_``, ``zero_`` and ``fill_``.
        base: see ``layers``.
        std: factors on that by pattern of names, the first that matches: ``{"wte.*": 0.02, "head.*": 0}``.
        given: everything else that ``layers`` takes.

    Returns:
        The standard deviation of each parameter by name; 0 for vectors.

    Raises:
        ConfigError: see ``layers``; or a pattern matches nothing.

    Example:
        >>> class Data:
        ...     def normal_(self, mean, std):
        ...         self.std = std
        >>> class Weight:
        ...     shape, data = (256, 256), Data()
        >>> class Model:
        ...     def named_parameters(self):
        ...         return [("up.weight", Weight)]
        >>> initialise(Model(), base={"up.weight": (64, 64)}), Weight.data.std
        ({'up.weight': 0.0625}, 0.0625)
    """
    factors = dict(std or {})
    held = dict(model.named_parameters())
    for pattern in factors:
        _require_match(pattern, held, f"std.{pattern}")
    drawn = {}
    for layer in layers(model, base=base, **given):
        factor = next((value for pattern, value in factors.items() if fnmatchcase(layer.name, pattern)), 1.0)
        raw = layer.fan_in**-0.5 if layer.kind == "embed" else 1.0
        data, deviation = held[layer.name].data, layer.rule.std * raw * factor
        if layer.kind == "gain":
            data.fill_(1.0)
        elif deviation == 0.0:
            data.zero_()
        else:
            data.normal_(0.0, deviation)
        drawn[layer.name] = deviation
    return drawn


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in value.shape)


def _owners(model: Any) -> dict[str, str]:
    """Class of the module that holds each parameter, by the parameter's name; empty where a model does not tell."""
    if not hasattr(model, "named_modules"):
        return {}
    classes = {prefix: type(module).__name__ for prefix, module in model.named_modules()}
    return {name: classes.get(name.rpartition(".")[0], "") for name, _ in model.named_parameters()}


def _require_untied(model: Any, parameterization: str) -> None:
    """Raise when a parameter has two names and the parameterization scales table and readout differently."""
    if parameterization_of(parameterization).tied or not hasattr(model, "named_modules"):
        return
    first: dict[int, str] = {}
    for name, value in model.named_parameters(remove_duplicate=False):
        if first.setdefault(id(value), name) != name:
            raise ConfigError(
                f"{name!r} and {first[id(value)]!r} are one parameter, which {parameterization!r} has to scale twice",
                path=name,
                hint="use parameterization='mup-table8', or untie them",
            )


def _checked(kinds: Mapping[str, str], held: Mapping[str, Any]) -> dict[str, str]:
    """The user's kinds by pattern, all of which match something."""
    for pattern, kind in kinds.items():
        require(kind, KINDS, f"kinds.{pattern}")
        _require_match(pattern, held, f"kinds.{pattern}")
    return dict(kinds)


def _require_match(pattern: str, held: Mapping[str, Any], path: str) -> None:
    if not matching(held, pattern):
        raise ConfigError(f"no parameter is called {pattern!r}", path=path, hint=did_you_mean(pattern, list(held)))


def _pair(
    name: str, size: tuple[int, ...], base: Mapping[str, Any], owner: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of a parameter here and in the base model, as (outputs, inputs, ...); of a stack, those of one matrix."""
    first = re.sub(r"\.\d+\.", ".0.", name, count=1)
    found = base.get(name, base.get(first))
    if found is None:
        hint = did_you_mean(name, list(base)) or "give the same architecture with a smaller width"
        raise ConfigError(f"the base model has no parameter {name!r}", path=name, hint=hint)
    other = tuple(int(each) for each in found)
    if len(other) != len(size):
        raise ConfigError(f"{name!r} has shape {size} here and {other} in the base model", path=name)
    if len(size) == 3 and size[0] == other[0] and size[1] != other[1]:
        return size[1:], other[1:]
    return (size[::-1], other[::-1]) if owner == "Conv1D" and len(size) == 2 else (size, other)


def _kind(name: str, size: tuple[int, ...], other: tuple[int, ...], owner: str, *, same: bool) -> str:
    """What a parameter is, from the class that holds it, its name, and the sides that grow."""
    parts = re.split(r"[._]", name.lower())
    words = {*parts, *(f"{a}_{b}" for a, b in pairwise(parts))}
    named = {kind for kind, known in NAMES.items() if words & set(known)}
    if len(size) < 2:
        if parts[-1] in NAMES["bias"]:
            return "bias"
        if "gain" in named:
            return "gain"
        raise _unknown(name, size, other, "gain")
    out, inside = size[0] != other[0], size[1:] != other[1:]
    if "Embedding" in owner:
        return "embed"
    if out and inside:
        return "hidden"
    if out:
        return "embed"
    if inside and ("Linear" in owner or "Conv" in owner):
        return "readout"
    for kind in ("readout", "embed"):
        if kind in named and (inside or same):
            return kind
    if same:
        return "hidden"
    raise _unknown(name, size, other, "readout")


def _unknown(name: str, size: tuple[int, ...], other: tuple[int, ...], guess: str) -> ConfigError:
    """The refusal of a parameter of which nothing tells the kind."""
    return ConfigError(
        f"cannot tell what {name!r} is, with shape {size} here and {other} in the base model",
        path=name,
        hint=f"say so: kinds={{{name!r}: {guess!r}}}, one of {', '.join(KINDS)}",
    )


def _is_table(size: tuple[int, ...], other: tuple[int, ...], owner: str) -> bool:
    """Whether an input is a table of rows rather than a matrix or kernel on raw inputs."""
    return size[0] == other[0] and not ("Linear" in owner or "Conv" in owner)


def _fans(kind: str, size: tuple[int, ...], *, table: bool) -> tuple[int, int]:
    """Inputs and outputs of a layer."""
    if kind in ("bias", "gain"):
        return 1, size[-1] if size else 1
    if table:
        return 1, size[-1]
    area = prod(size[2:])
    return prod(size[1:]), size[0] * (area if kind == "hidden" else 1)
