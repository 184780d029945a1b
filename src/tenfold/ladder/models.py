"""A family, a shape and an optimizer's settings joined: initial weights, multipliers, rates, and the bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import ModuleType
from typing import Any

from tenfold.core.errors import ConfigError
from tenfold.ladder import tensors as t
from tenfold.ladder.counts import Count
from tenfold.ladder.families import Scales, family, ignore
from tenfold.ladder.lazy import jax
from tenfold.ladder.parameterization import Base, Rule, branches, logit_scale, parameterization_of, rules
from tenfold.ladder.spec import Optimizer, RunSpec


@dataclass(frozen=True)
class Model:
    """One model of a ladder: its family's protocol with sizes and parameterization filled in.

    Attributes:
        family: name of the family.
        shape: its sizes.
        optimizer: what decides initial scales and rates.
    """

    family: str
    shape: Any
    optimizer: Optimizer

    @property
    def module(self) -> ModuleType:
        """The family's module."""
        return family(self.family)

    def init(self, key: Any) -> t.Weights:
        """Initial weights in float32, before their multipliers."""
        module, held = self.module, self.tensors
        stds = {
            name: tensor.std * rule.std for (name, tensor), rule in zip(held.items(), self.rules.values(), strict=True)
        }
        keys = module.init_keys(key, self.shape) if hasattr(module, "init_keys") else {}
        return t.draw(key, held, stds, key_of=lambda key, name: keys[name] if name in keys else t.fold(key, name))

    def apply(self, weights: t.Weights, inputs: Any, *, see: Any = ignore) -> Any:
        """Outputs of the family for weights as trained."""
        return self.module.apply(self.multiplied(weights), inputs, self.shape, scales=self.scales, see=see)

    def losses(
        self, weights: t.Weights, examples: Any, *, see: Any = ignore, z_loss: float = 0.0, training: bool = False
    ) -> Any:
        """Loss of each example, shape (batch,); ``training`` adds the terms that the family minimises beside it."""
        module = self.module
        function = getattr(module, "training_losses", module.losses) if training else module.losses
        return function(self.multiplied(weights), examples, self.shape, scales=self.scales, see=see, z_loss=z_loss)

    def count(self) -> Count:
        """Parameters and FLOPs of one token."""
        return count(self.family, self.shape)

    def multiplied(self, weights: t.Weights) -> t.Weights:
        """Weights times their multipliers, which is what the family's forward pass sees."""
        table = self.rules
        return {
            name: value if table[name].multiplier == 1.0 else table[name].multiplier * value
            for name, value in weights.items()
        }

    @property
    def tensors(self) -> dict[str, t.Tensor]:
        """Declarations of the weight arrays."""
        return _tensors(self.family, self.shape)

    @property
    def rules(self) -> Mapping[str, Rule]:
        """What the parameterization says of each weight array."""
        return _rules(self.family, self.shape, self.optimizer)

    @property
    def scales(self) -> Scales:
        """Residual and attention factors of the forward pass."""
        return _scales(self.shape, self.optimizer)

    @property
    def rates(self) -> dict[str, float]:
        """Peak learning rate of each weight array."""
        settings, table = self.optimizer, self.rules
        base = {"embed": settings.lr_embed, "hidden": settings.lr_hidden, "head": settings.lr_head}
        return {
            name: base[tensor.group] * settings.lr_scale * tensor.rate * table[name].rate
            for name, tensor in self.tensors.items()
        }


def model_of(spec: RunSpec, /) -> Model:
    """The model of a planned run."""
    return Model(spec.family, spec.shape, spec.optimizer)


def require_rules(spec: RunSpec, /) -> None:
    """Raise a ConfigError unless the parameterization has a rule for every tensor of the planned run."""
    plain = replace(spec.optimizer, lr_scale=1.0)
    _rules(spec.family, spec.shape, plain)


def count(name: str, shape: Any, /) -> Count:
    """The bill of a family's model: parameters and FLOPs of one training token.

    >>> from tenfold.ladder.spec import Shape
    >>> count("transformer", Shape(width=32)).total
    40960
    """
    bill: Count = family(name).count(shape)
    return bill


def base_shape(shape: Any, optimizer: Optimizer, /) -> Any:
    """The base model's shape at the same depth, whose layers the parameterization compares with.

    Raises:
        ConfigError: the family has no model of the base width with these other sizes.
    """
    heads = {}
    if hasattr(shape, "head_dim"):
        own = optimizer.base_head_dim or shape.head_dim
        heads["head_dim"] = own if optimizer.base_width % own == 0 else optimizer.base_width
    shared = getattr(shape, "kv_heads", 0)
    if shared and optimizer.base_width // heads.get("head_dim", shape.head_dim) % shared:
        heads["kv_heads"] = 0
    try:
        return replace(shape, width=optimizer.base_width, **heads)
    except ConfigError as cause:
        raise ConfigError(
            f"there is no model of base width {optimizer.base_width}: {cause.message}",
            path="optimizer.base_width",
            hint=cause.hint,
        ) from cause


@lru_cache(maxsize=64)
def _tensors(name: str, shape: Any) -> dict[str, t.Tensor]:
    held: dict[str, t.Tensor] = family(name).tensors(shape)
    return held


@lru_cache(maxsize=64)
def _rules(name: str, shape: Any, optimizer: Optimizer) -> dict[str, Rule]:
    """One rule a tensor."""
    row = parameterization_of(optimizer.parameterization)
    if getattr(shape, "tied", False) and not row.tied:
        raise ConfigError(
            f"a tied head cannot follow {optimizer.parameterization!r}, which scales table and readout differently",
            path="model.tied",
            hint="use parameterization = 'mup-table8', or tied = false",
        )
    held, base = _tensors(name, shape), _tensors(name, base_shape(shape, optimizer))
    return {
        key: rules(
            tensor.kind,
            fan_in=tensor.fan_in,
            fan_out=tensor.fan_out,
            depth=shape.depth,
            base=Base(base[key].fan_in, base[key].fan_out, optimizer.base_depth),
            optimizer=optimizer.name,
            parameterization=optimizer.parameterization,
            alignment=optimizer.alignment,
            decay=optimizer.decay_rule,
            branch=tensor.branch,
        )
        for key, tensor in held.items()
    }


@lru_cache(maxsize=64)
def _scales(shape: Any, optimizer: Optimizer) -> Scales:
    """Factors of the forward pass."""
    name = optimizer.parameterization
    head = getattr(shape, "head_dim", 1)
    return Scales(
        logits=logit_scale(name, head_dim=head, base_head_dim=optimizer.base_head_dim or head),
        branches=branches(
            name,
            sublayers=getattr(shape, "sublayers", 0),
            depth=shape.depth,
            base_depth=optimizer.base_depth,
            multiplier=getattr(shape, "residual", 1.0),
        ),
    )


def key(seed: int, /) -> Any:
    """The JAX key of a seed."""
    return jax.random.key(seed)
