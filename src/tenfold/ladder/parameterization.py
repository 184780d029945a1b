"""How initial scales and learning rates follow the width: one row a parameterization, one entry a tensor kind.

``m = width / base_width`` is the width multiplier. A rule gives the standard deviation of the initial
weights as ``std * fan_in**std_power`` and the learning rate as
``group's base rate * lr * m**lr_power``.
"""

from dataclasses import dataclass

from tenfold.core.errors import ConfigError
from tenfold.ladder.spec import Optimizer, Shape


@dataclass(frozen=True)
class Rule:
    """Initial scale and learning rate of one kind of tensor.

    Attributes:
        group: whose base rate applies: ``embed``, ``hidden`` or ``head``.
        std: initial standard deviation, before its dependence on the fan-in.
        std_power: power of the fan-in in the standard deviation.
        lr: factor on the group's rate.
        lr_power: power of the width multiplier m in the rate.
    """

    group: str
    std: float = 0.0
    std_power: float = 0.0
    lr: float = 1.0
    lr_power: float = 0.0


def _table(*, lr_power: float) -> dict[str, Rule]:
    """Rules of the transformer family whose hidden and head rates scale as m**lr_power."""
    return {
        "embed": Rule("embed", std=0.3),
        "qkv": Rule("hidden", std=1.0, std_power=-0.5, lr_power=lr_power),
        "out": Rule("hidden", lr_power=lr_power),
        "up": Rule("hidden", std=1.0, std_power=-0.5, lr_power=lr_power),
        "down": Rule("hidden", lr=0.5, lr_power=lr_power),
        "head": Rule("head", lr_power=lr_power),
    }


PARAMETERIZATIONS: dict[str, dict[str, Rule]] = {
    "standard": _table(lr_power=0.0),
    "mup": _table(lr_power=-1.0),
}
"""Parameterizations by name. ``mup``: Adam's rates of matrices with a growing fan-in fall as 1/m, so one
sweep serves all widths (Yang et al. 2022, arXiv:2203.03466, table 8). ``standard``: one rate for all."""


def rules(name: str, /) -> dict[str, Rule]:
    """The named parameterization's rules by tensor kind."""
    if name not in PARAMETERIZATIONS:
        raise ConfigError(
            f"unknown parameterization {name!r}",
            path="optimizer.parameterization",
            hint=f"one of {', '.join(PARAMETERIZATIONS)}",
        )
    return PARAMETERIZATIONS[name]


def init_std(rule: Rule, /, *, fan_in: int) -> float:
    """Standard deviation of the initial weights of a tensor with ``fan_in`` inputs."""
    return rule.std * fan_in**rule.std_power


def peak_rate(rule: Rule, /, *, shape: Shape, optimizer: Optimizer) -> float:
    """Learning rate of a tensor at the top of the schedule."""
    base = {"embed": optimizer.lr_embed, "hidden": optimizer.lr_hidden, "head": optimizer.lr_head}[rule.group]
    return base * rule.lr * (shape.width / optimizer.base_width) ** rule.lr_power
