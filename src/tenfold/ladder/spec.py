"""The nouns of a ladder: an optimizer's settings, an evaluation, one planned run.

All are frozen and hold only numbers and names, so that a run's id is the hash of its content. A model's sizes are a
noun of its family.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any

from tenfold.core.errors import ConfigError
from tenfold.ladder.corpora import CorpusSpec
from tenfold.ladder.families.transformer import Shape
from tenfold.ladder.fields import identity, later

__all__ = ["CorpusSpec", "Evaluation", "Optimizer", "RunSpec", "Shape"]


@dataclass(frozen=True)
class Optimizer:
    """An optimizer's settings, its peak rates in the base model, and the schedule.

    Rates of other models follow from ``parameterization``; see ``tenfold.ladder.parameterization``.

    Attributes:
        lr_embed: peak rate of tables and first layers, and of their vectors.
        lr_hidden: peak rate of hidden layers.
        lr_head: peak rate of the readout.
        base_width: width of the base model.
        parameterization: how initial scales and rates follow the size.
        b1: decay of the first moment; the momentum of SGD, Muon and Lion.
        b2: decay of the second moment.
        eps: Adam's epsilon, outside the root.
        clip: largest norm of the whole gradient.
        schedule: one of ``tenfold.ladder.schedule.SCHEDULES``.
        warmup: share of the run in which rates rise linearly; unused when ``warmup_steps`` is set.
        name: one of ``tenfold.ladder.parameterization.OPTIMIZERS``.
        lr_scale: factor on all rates: what a sweep of learning rates changes.
        base_depth: depth of the base model.
        base_head_dim: width of a head in the base model; 0: the model's own.
        alignment: ``full`` or ``none``.
        weight_decay: decay in the base model, in the convention ``w -= rate * decay * w``.
        decay_rule: how it follows the width; has to be chosen when there is decay and the width varies.
        eps_rule: ``constant``, or ``scaled`` with the gradient's expected size.
        warmup_steps: warm-up in steps; 0: ``warmup`` as a share.
        cooldown: share of the run in which ``wsd`` falls to zero.
        custom: factors at evenly spaced points of the run for the schedule ``custom``.
        average: decay of an exponential average of the weights, which is then evaluated; 0: none.
        z_loss: factor on the squared log of the softmax's normaliser, added to the training loss.
        precision: ``float32``, or ``bfloat16`` for products and activations with float32 weights.
    """

    lr_embed: float = 4e-2
    lr_hidden: float = 8e-3
    lr_head: float = 3e-2
    base_width: int = 32
    parameterization: str = "mup"
    b1: float = 0.9
    b2: float = 0.98
    eps: float = 1e-9
    clip: float = 1.0
    schedule: str = "linear"
    warmup: float = 0.05
    name: str = later("adam")
    lr_scale: float = later(1.0)
    base_depth: int = later(2)
    base_head_dim: int = later(0)
    alignment: str = later("full")
    weight_decay: float = later(0.0)
    decay_rule: str = later("constant")
    eps_rule: str = later("constant")
    warmup_steps: int = later(0)
    cooldown: float = later(0.4)
    custom: tuple[float, ...] = later(())
    average: float = later(0.0)
    z_loss: float = later(0.0)
    precision: str = later("float32")

    def __post_init__(self) -> None:
        for name in ("lr_embed", "lr_hidden", "lr_head", "lr_scale", "base_width", "base_depth", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} = {getattr(self, name)} is not positive", path=f"optimizer.{name}")
        for name in ("b1", "b2", "warmup", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)} is not in [0, 1)", path=f"optimizer.{name}")
        for name in ("eps", "weight_decay", "z_loss", "warmup_steps", "base_head_dim"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} = {getattr(self, name)} is negative", path=f"optimizer.{name}")
        if not 0 < self.cooldown <= 1:
            raise ConfigError(f"cooldown = {self.cooldown} is not in (0, 1]", path="optimizer.cooldown")
        if self.schedule == "custom" and not self.custom:
            raise ConfigError(
                "the schedule 'custom' needs its points", path="optimizer.custom", hint="custom = [1.0, 1.0, 0.1]"
            )

    @property
    def decayed(self) -> bool:
        """Whether there is weight decay."""
        return self.weight_decay > 0


@dataclass(frozen=True)
class Evaluation:
    """Which withheld examples are measured, when, and what else is recorded.

    Attributes:
        windows: evenly spaced windows (or examples) of the final evaluation.
        curve_windows: those of the evaluations on the way.
        curve_points: number of log-spaced evaluations on the way (mid-schedule, so above what a run
            of that length would reach).
        layers: record norms and ranks of every layer at the end.
        noise: record the gradient noise scale at every evaluation on the way.
    """

    windows: int = 4096
    curve_windows: int = 512
    curve_points: int = 14
    layers: bool = later(False)
    noise: bool = later(False)


@dataclass(frozen=True)
class RunSpec:
    """One planned run: everything that decides its result, and the ``group`` it belongs to.

    Attributes:
        shape: the model's sizes, a noun of its family.
        steps: optimizer steps.
        batch: windows (or examples) a step.
        seed: decides the initial weights and the order of the data.
        family: name of the family.
        group: label of the ladder's row; not part of the identity.
    """

    shape: Any
    steps: int
    batch: int
    seed: int = 0
    family: str = "transformer"
    optimizer: Optimizer = field(default_factory=Optimizer)
    evaluation: Evaluation = field(default_factory=Evaluation)
    corpus: Any = field(default_factory=CorpusSpec)
    group: str = ""

    @property
    def batch_tokens(self) -> int:
        """Codes (or labels) predicted in one step."""
        return int(self.batch * self.shape.example_tokens)

    @property
    def tokens(self) -> int:
        """Codes (or labels) predicted in the whole run, repetitions included."""
        return self.steps * self.batch_tokens

    @property
    def run(self) -> str:
        """Readable and unique id: group, width, seed and eight digits of the content's hash.

        Where a text lies does not matter to the id; what it holds is recorded with every run.
        """
        content = identity(self)
        del content["group"]
        content["family"] = self.family.removesuffix(".py").replace("\\", "/").rpartition("/")[2]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        label = f"{self.group}-" if self.group else ""
        return f"{label}d{self.shape.width}-s{self.seed}-{digest[:8]}"
