"""One planned run, trained now: from a planned size to a shape that exists, and the facts of what was trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tenfold.core.errors import ConfigError
from tenfold.ladder.config import load_ladder
from tenfold.ladder.corpora import load_corpus
from tenfold.ladder.counting import nearest_width
from tenfold.ladder.ladder import Ladder, flops_of, plan_run
from tenfold.ladder.models import count

OnProgress = Callable[[float, float | None, float | None], None]


@dataclass(frozen=True, slots=True)
class Target:
    """A run that can be trained: ``params`` counts FLOPs a token over six, ``flops`` what it really spends."""

    preset: str
    width: int
    params: float
    tokens: float
    flops: float

    @property
    def key(self) -> list[Any]:
        """What decides the run, for caches."""
        return [self.preset, self.width, self.tokens]


def choose(params: float, *, flops: float, preset: str = "bytes") -> Target:
    """The trainable run nearest to a planned size, on the same budget.

    Raises:
        ConfigError: the preset is unknown, or the budget would take longer than a demonstration should.
    """
    if flops > 3e14:
        raise ConfigError(
            f"a live run of {flops:.0e} FLOP would take more than half an hour on one core",
            path="live.flops",
            hint="use 1e13 or less here, and 'tenfold train' for more",
        )
    ladder = load_ladder(preset)
    spec = plan_run(ladder, nearest_width(params, shape=ladder.model), flops=flops)
    bill = count(spec.family, spec.shape)
    return Target(preset, spec.shape.width, bill.compute, float(spec.tokens), flops_of(spec))


def corpus_hash(target: Target) -> str:
    """Digest of the text that the run would be trained on."""
    return load_corpus(load_ladder(target.preset).corpus).sha256


def train(target: Target, *, seed: int = 0, on_progress: OnProgress | None = None) -> dict[str, Any]:
    """Train the run on one thread and report what came of it, in plain values."""
    from tenfold.ladder.sweep import train_one

    ladder: Ladder = load_ladder(target.preset)
    corpus = load_corpus(ladder.corpus)
    record = train_one(width=target.width, tokens=target.tokens, seed=seed, ladder=ladder, on_progress=on_progress)
    return {
        "status": record.status,
        "loss": record.loss,
        "seconds": record.seconds,
        "message": record.message,
        "corpus": corpus.name,
        "corpus_sha256": record.corpus_sha256 or corpus.sha256,
        "curve": [[point.step, point.tokens, point.flops, point.loss] for point in record.curve],
    }


def caveats(trained: Mapping[str, Any], sidecar: Mapping[str, Any]) -> list[str]:
    """How the run differs from the runs of the table it is held against."""
    out = []
    if trained["status"] != "finished":
        out.append(f"the run did not finish: {trained['status']} {trained.get('message', '')}".strip())
    known = sidecar.get("corpus", {}) if isinstance(sidecar.get("corpus", {}), Mapping) else {}
    if not known.get("sha256"):
        out.append("the table does not say which text it was trained on, so the text of this run may be another")
    elif known["sha256"] != trained["corpus_sha256"]:
        out.append(
            f"trained on another text than the table's: the {trained['corpus']} "
            f"({trained['corpus_sha256'][:12]}) instead of the {known.get('name', 'text')} ({known['sha256'][:12]}); "
            "the level of the loss may differ by about a percent for that reason alone"
        )
    return out
