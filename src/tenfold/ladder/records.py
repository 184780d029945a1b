"""Records of finished, diverged and failed runs, and the append-only file that keeps them.

One JSON line a run, written by a single call and synced; a last line torn by a crash is dropped on
reading. Nothing here needs JAX.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tenfold.core.errors import DataError, TenfoldError
from tenfold.io.results import append_line, read_lines
from tenfold.ladder.corpus import CorpusSpec
from tenfold.ladder.counting import (
    flops_per_token_matmul,
    params_compute,
    params_hidden,
    params_hidden_head,
    params_total,
)
from tenfold.ladder.parameterization import peak_rate, rules
from tenfold.ladder.spec import Evaluation, Optimizer, RunSpec, Shape

STATUSES = ("finished", "diverged", "failed")
"""``diverged``: the loss became infinite, undefined, or worse than before training. ``failed``: the
process broke; the error is in ``message``."""


@dataclass(frozen=True)
class Checkpoint:
    """One evaluation on the way, in the middle of the schedule.

    Attributes:
        step: optimizer steps done.
        tokens: codes trained on so far.
        flops: matmul FLOPs spent so far.
        lr: rate of the hidden matrices at this step.
        loss: nats a code on the smaller withheld set.
    """

    step: int
    tokens: int
    flops: float
    lr: float
    loss: float


@dataclass(frozen=True)
class RunRecord:
    """What came of one run.

    Attributes:
        spec: the run as planned.
        status: one of ``STATUSES``; a finished run has a finite loss, no other has one.
        loss: nats a code on all withheld windows; None unless finished.
        curve: evaluations on the way.
        seconds: wall time of the run, compilation and evaluation included.
        unique_tokens: distinct positions of the training text that were predicted at least once.
        corpus_sha256: digest of the training text.
        initial_loss: nats a code before training, on the smaller withheld set.
        message: why the run has no loss; empty when it has.
        versions: Python, NumPy and JAX, as far as they decide the numbers.
    """

    spec: RunSpec
    status: str
    loss: float | None = None
    curve: tuple[Checkpoint, ...] = ()
    seconds: float = 0.0
    unique_tokens: int | None = None
    corpus_sha256: str = ""
    initial_loss: float | None = None
    message: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise DataError(f"unknown status {self.status!r}", hint=f"one of {', '.join(STATUSES)}")
        if self.status == "finished" and (self.loss is None or not math.isfinite(self.loss)):
            raise DataError(f"a finished run needs a finite loss, got {self.loss}")
        if self.status != "finished" and self.loss is not None:
            raise DataError(f"a run that is {self.status} has no loss, got {self.loss}")

    @property
    def run(self) -> str:
        """Id of the run."""
        return self.spec.run


def to_json(record: RunRecord, /) -> dict[str, Any]:
    """Plain values, see ``from_json``. The id is repeated at the top for people who grep."""
    return {"run": record.run, **asdict(record)}


def from_json(values: dict[str, Any], /) -> RunRecord:
    """The record that ``to_json`` wrote."""
    content = {key: value for key, value in values.items() if key != "run"}
    spec = dict(content.pop("spec"))
    spec["shape"] = Shape(**spec["shape"])
    spec["optimizer"] = Optimizer(**spec["optimizer"])
    spec["evaluation"] = Evaluation(**spec["evaluation"])
    spec["corpus"] = CorpusSpec(**spec["corpus"])
    content["curve"] = tuple(Checkpoint(**point) for point in content["curve"])
    return RunRecord(spec=RunSpec(**spec), **content)


def append_record(path: str | Path, record: RunRecord, /) -> None:
    """Append one line with a single write and sync it to disk; a torn last line is cut off first."""
    append_line(path, to_json(record))


def read_records(path: str | Path, /) -> list[RunRecord]:
    """All whole lines of ``path`` in file order; an absent file holds none, a torn last line is dropped.

    When a run was repeated after a failure, its last record counts.

    Raises:
        DataError: another line is not a record.
    """
    latest: dict[str, RunRecord] = {}
    for number, values in enumerate(read_lines(path, missing_ok=True), start=1):
        try:
            record = from_json(values)
        except (KeyError, TypeError, TenfoldError) as error:
            raise DataError(
                f"{path}, record {number} is not a record of a run: {error}",
                hint="the file was edited, or written by another version; move it away and train again",
            ) from error
        latest.pop(record.run, None)
        latest[record.run] = record
    return list(latest.values())


def to_rows(records: Iterable[RunRecord], /) -> list[dict[str, Any]]:
    """One row a run in canonical columns; ``params`` is counted FLOPs a token over six."""
    rows = []
    for record in records:
        spec = record.spec
        rows.append(
            {
                **_columns(record),
                "group": spec.group or None,
                "status": record.status,
                "params_hidden": params_hidden(spec.shape),
                "params_hidden_head": params_hidden_head(spec.shape),
                "params_total": params_total(spec.shape),
                "tokens": spec.tokens,
                "unique_tokens": record.unique_tokens,
                "flops": float(spec.tokens * flops_per_token_matmul(spec.shape)),
                "steps": spec.steps,
                "batch_tokens": spec.batch_tokens,
                "lr_peak": peak_hidden_rate(spec),
                "loss": record.loss,
                "seconds": record.seconds,
            }
        )
    return rows


def to_curve_rows(records: Iterable[RunRecord], /) -> list[dict[str, Any]]:
    """One row a checkpoint, in run order, then by step."""
    return [{**_columns(record), **asdict(point)} for record in records for point in record.curve]


def peak_hidden_rate(spec: RunSpec, /) -> float:
    """Learning rate of the hidden matrices at the top of the schedule."""
    rule = rules(spec.optimizer.parameterization)["qkv"]
    return peak_rate(rule, shape=spec.shape, optimizer=spec.optimizer)


def _columns(record: RunRecord) -> dict[str, Any]:
    """Columns that runs and checkpoints share."""
    shape = record.spec.shape
    return {
        "run": record.run,
        "seed": record.spec.seed,
        "params": params_compute(shape),
        "width": shape.width,
        "depth": shape.depth,
    }
