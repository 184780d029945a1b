"""A declared family of runs: rows of equal compute, the widths and seeds in each, and their settings."""

from dataclasses import dataclass, field, replace

import numpy as np

from tenfold.core.errors import ConfigError
from tenfold.ladder.corpus import CorpusSpec
from tenfold.ladder.counting import flops_per_token_matmul
from tenfold.ladder.spec import Evaluation, Optimizer, RunSpec, Shape


@dataclass(frozen=True)
class BatchRule:
    """Batch in tokens as a function of the run's tokens D, not of its compute.

    ``max(smallest choice, tokens * (D / at) ** power)``, rounded in log to one of ``choices``.
    """

    tokens: float = 256
    at: float = 1.5e6
    power: float = 0.5
    choices: tuple[int, ...] = (128, 192, 256, 384, 512, 768, 1024)

    def batch_tokens(self, tokens: float, /) -> int:
        """Batch in tokens of a run of ``tokens`` tokens."""
        wanted = self.tokens * (tokens / self.at) ** self.power
        distance = np.abs(np.log(np.array(self.choices) / wanted))
        return int(self.choices[int(np.argmin(distance))])


@dataclass(frozen=True)
class Row:
    """Runs of equal compute: ``flops`` matmul FLOPs each, one a width and seed 0, 1 ... ``seeds - 1``."""

    flops: float
    widths: tuple[int, ...]
    seeds: int = 1


@dataclass(frozen=True)
class Ladder:
    """A family of runs that tenfold can train itself.

    Attributes:
        rows: budgets with their widths and seeds.
        model: the family's sizes; its width is ignored.
        batch: how the batch follows the run's tokens.
        optimizer: settings common to all runs.
        evaluation: settings common to all runs.
        corpus: the text.
        family: the kind of model.
        title: for people.
    """

    rows: tuple[Row, ...]
    model: Shape = field(default_factory=lambda: Shape(width=8))
    batch: BatchRule = field(default_factory=BatchRule)
    optimizer: Optimizer = field(default_factory=Optimizer)
    evaluation: Evaluation = field(default_factory=Evaluation)
    corpus: CorpusSpec = field(default_factory=CorpusSpec)
    family: str = "transformer"
    title: str = ""


def plan_run(
    ladder: Ladder,
    width: int,
    /,
    *,
    flops: float | None = None,
    tokens: float | None = None,
    seed: int = 0,
    group: str = "",
) -> RunSpec:
    """The run of ``width`` that spends ``flops``, or trains on ``tokens``; exactly one is given.

    Steps are whole, so what the run spends differs from the request by at most half a batch.
    """
    if (flops is None) == (tokens is None):
        raise ConfigError("give either flops or tokens", path="flops", hint="not both, not neither")
    shape = replace(ladder.model, width=width)
    wanted = tokens if tokens is not None else flops / flops_per_token_matmul(shape)
    if not wanted > 0:
        raise ConfigError(f"cannot train on {wanted} tokens", path="tokens")
    batch = max(1, round(ladder.batch.batch_tokens(wanted) / shape.context))
    return RunSpec(
        shape=shape,
        steps=max(1, round(wanted / (batch * shape.context))),
        batch=batch,
        seed=seed,
        family=ladder.family,
        optimizer=ladder.optimizer,
        evaluation=ladder.evaluation,
        corpus=ladder.corpus,
        group=group,
    )


def cells(ladder: Ladder, /) -> list[RunSpec]:
    """All runs, in an order whose every prefix is a useful ladder.

    Cheap rows come before expensive ones and a row's middle widths before its edges; a further seed waits
    until first seeds of twelve times the cost are done.
    """
    planned = []
    for row in ladder.rows:
        group = f"{row.flops:.3g}".replace("e+", "e")
        middle = (len(row.widths) - 1) / 2
        for place, width in enumerate(row.widths):
            for seed in range(row.seeds):
                spec = plan_run(ladder, width, flops=row.flops, seed=seed, group=group)
                planned.append(((row.flops * 12.0**seed, abs(place - middle), place), spec))
    return [spec for _, spec in sorted(planned, key=lambda item: item[0])]


def flops_of(spec: RunSpec, /) -> float:
    """Matmul FLOPs of a planned run."""
    return float(spec.tokens * flops_per_token_matmul(spec.shape))
