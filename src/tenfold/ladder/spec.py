"""The nouns of a ladder: a model's shape, an optimizer's settings, one planned run.

All are frozen and hold only numbers and names, so that a run's id is the hash of its content.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field

from tenfold.core.errors import ConfigError
from tenfold.ladder.corpus import CorpusSpec


@dataclass(frozen=True)
class Shape:
    """Sizes of one decoder-only transformer.

    Attributes:
        width: model width; a multiple of ``head_dim``.
        depth: number of blocks.
        head_dim: width of one attention head; even.
        vocab: number of codes.
        context: window length in codes.
        ngram: number of embedding tables: current code, previous code, and so on.
        mlp_ratio: hidden width of the MLP over ``width``.
    """

    width: int
    depth: int = 2
    head_dim: int = 8
    vocab: int = 128
    context: int = 64
    ngram: int = 3
    mlp_ratio: int = 4

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 1:
                raise ConfigError(f"{name} = {value} is not positive", path=f"model.{name}")
        if self.head_dim % 2:
            raise ConfigError(f"head_dim = {self.head_dim} is odd", path="model.head_dim", hint="use 8")
        if self.width % self.head_dim:
            raise ConfigError(
                f"width = {self.width} is not a multiple of head_dim = {self.head_dim}",
                path="ladder.width",
                hint=f"use {max(1, round(self.width / self.head_dim)) * self.head_dim}",
            )

    @property
    def heads(self) -> int:
        """Number of attention heads."""
        return self.width // self.head_dim


@dataclass(frozen=True)
class Optimizer:
    """Adam's settings, the peak rates at ``base_width``, and the schedule.

    Rates at other widths follow from ``parameterization``.
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


@dataclass(frozen=True)
class Evaluation:
    """Which withheld windows are measured, and when.

    Attributes:
        windows: evenly spaced windows of the final evaluation.
        curve_windows: evenly spaced windows of the evaluations on the way.
        curve_points: number of log-spaced evaluations on the way (mid-schedule, so above what a run
            of that length would reach).
    """

    windows: int = 4096
    curve_windows: int = 512
    curve_points: int = 14


@dataclass(frozen=True)
class RunSpec:
    """One planned run: everything that decides its result, and the ``group`` it belongs to.

    Attributes:
        shape: the model.
        steps: optimizer steps.
        batch: windows a step.
        seed: decides the initial weights and the order of the data.
        group: label of the ladder's row; not part of the identity.
    """

    shape: Shape
    steps: int
    batch: int
    seed: int = 0
    family: str = "transformer"
    optimizer: Optimizer = field(default_factory=Optimizer)
    evaluation: Evaluation = field(default_factory=Evaluation)
    corpus: CorpusSpec = field(default_factory=CorpusSpec)
    group: str = ""

    @property
    def batch_tokens(self) -> int:
        """Codes predicted in one step."""
        return self.batch * self.shape.context

    @property
    def tokens(self) -> int:
        """Codes predicted in the whole run, repetitions included."""
        return self.steps * self.batch_tokens

    @property
    def run(self) -> str:
        """Readable and unique id: group, width, seed and eight digits of the content's hash.

        Where a text lies does not matter to the id; what it holds is recorded with every run.
        """
        content = asdict(self)
        del content["group"]
        del content["corpus"]["path"]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        label = f"{self.group}-" if self.group else ""
        return f"{label}d{self.shape.width}-s{self.seed}-{digest[:8]}"
