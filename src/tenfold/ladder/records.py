"""Records of finished, diverged and failed runs, and the append-only file that keeps them.

One JSON line a run, written by a single call and synced; a last line torn by a crash is dropped on
reading. Nothing here needs JAX.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tenfold.core.errors import DataError, TenfoldError, one_line
from tenfold.io.results import append_line, read_lines, write_text
from tenfold.ladder.corpora import kinds
from tenfold.ladder.families import family
from tenfold.ladder.fields import later
from tenfold.ladder.models import count, model_of
from tenfold.ladder.spec import Evaluation, Optimizer, RunSpec

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
        noise_scale: gradient noise scale in codes (McCandlish et al. 2018); None when not measured.
    """

    step: int
    tokens: int
    flops: float
    lr: float
    loss: float
    noise_scale: float | None = later(None)


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
        versions: Python, NumPy and JAX, and the accelerator if there was one, as far as they decide the numbers.
        layers: norms and ranks of every layer at the end, one mapping a layer; empty when not asked for.
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
    layers: tuple[dict[str, Any], ...] = later(())

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
    content["spec"] = spec_from_json(content["spec"])
    content["curve"] = tuple(Checkpoint(**point) for point in content["curve"])
    content["layers"] = tuple(content.get("layers", ()))
    return RunRecord(**content)


def spec_from_json(values: dict[str, Any], /) -> RunSpec:
    """The planned run whose fields ``dataclasses.asdict`` gave."""
    spec = dict(values)
    optimizer = dict(spec["optimizer"])
    if "custom" in optimizer:
        optimizer["custom"] = tuple(optimizer["custom"])
    spec["shape"] = family(spec.get("family", "transformer")).Shape(**_frozen(spec["shape"]))
    spec["optimizer"] = Optimizer(**optimizer)
    spec["evaluation"] = Evaluation(**spec["evaluation"])
    corpus = spec["corpus"]
    if corpus["kind"] not in kinds():
        raise DataError(f"unknown corpus kind {corpus['kind']!r}")
    spec["corpus"] = kinds()[corpus["kind"]](**_frozen(corpus))
    return RunSpec(**spec)


def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    """Lists as tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


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


def recover_records(path: str | Path, /) -> tuple[list[RunRecord], list[str]]:
    """The good records of a file; bad lines are moved to ``runs.bad.jsonl`` beside it.

    Returns:
        The records as ``read_records`` gives them, and one sentence for each line that was moved.
    """
    file = Path(path)
    if not file.is_file():
        return [], []
    good, bad, told = [], [], []
    lines = file.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip() or (number == len(lines) and not _whole(line)):
            continue
        try:
            from_json(json.loads(line))
            good.append(line)
        except (ValueError, KeyError, TypeError, AttributeError, TenfoldError) as error:
            bad.append(line)
            told.append(f"line {number} of {file} is not a record of a run ({one_line(str(error), '')[:80]})")
    if bad:
        quarantine = file.with_name("runs.bad.jsonl")
        with quarantine.open("ab") as kept:
            kept.write(b"\n".join(bad) + b"\n")
        write_text(file, b"\n".join([*good, b""]).decode("utf-8"))
        told = [f"{each}; moved to {quarantine.name}" for each in told]
    return read_records(file), told


def _whole(line: bytes) -> bool:
    """Whether a last line without its line feed is a whole JSON object."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def to_rows(records: Iterable[RunRecord], /) -> list[dict[str, Any]]:
    """One row a run in canonical columns; ``params`` is counted FLOPs a token over six.

    ``device`` is a column where runs were trained on more than one kind.
    """
    held = list(records)
    devices = [record.versions.get("device", "CPU") for record in held]
    varied = _varied([record.spec for record in held])
    rows = []
    for record, device in zip(held, devices, strict=True):
        spec = record.spec
        bill = count(spec.family, spec.shape)
        rows.append(
            {
                **_columns(record),
                **varied[record.run],
                "group": spec.group or None,
                "status": record.status,
                "params_hidden": bill.hidden,
                "params_hidden_head": bill.hidden + bill.head,
                "params_total": bill.total,
                "tokens": spec.tokens,
                "unique_tokens": record.unique_tokens,
                "flops": float(spec.tokens * bill.flops),
                "steps": spec.steps,
                "batch_tokens": spec.batch_tokens,
                "lr_peak": peak_hidden_rate(spec),
                "loss": record.loss,
                "seconds": record.seconds,
                **({"device": device} if len(set(devices)) > 1 else {}),
            }
        )
    return rows


def _varied(specs: list[RunSpec]) -> dict[str, dict[str, Any]]:
    """Sizes and settings in which the runs differ and that have no canonical column, by run."""
    own = ("width", "depth", "lr_embed", "lr_hidden", "lr_head", "path")
    flat = {}
    for spec in specs:
        parts = {"family": spec.family}
        for noun in (spec.shape, spec.optimizer, spec.corpus):
            for each in fields(noun):
                name = each.name if noun is not spec.optimizer else _COLUMNS.get(each.name, each.name)
                value = getattr(noun, each.name)
                if each.name not in own and isinstance(value, (int, float, str)):
                    parts[name] = value
        flat[spec.run] = parts
    names = dict.fromkeys(name for parts in flat.values() for name in parts)
    vary = [name for name in names if len({parts.get(name) for parts in flat.values()}) > 1]
    return {run: {name: parts.get(name) for name in vary} for run, parts in flat.items()}


_COLUMNS = {"name": "optimizer"}


def to_layer_rows(records: Iterable[RunRecord], /) -> list[dict[str, Any]]:
    """One row a layer and run."""
    return [{**_columns(record), **layer} for record in records for layer in record.layers]


def to_curve_rows(records: Iterable[RunRecord], /) -> list[dict[str, Any]]:
    """One row a checkpoint, in run order, then by step."""
    held = list(records)
    noisy = any(point.noise_scale is not None for record in held for point in record.curve)
    rows = []
    for record in held:
        for point in record.curve:
            row = {**_columns(record), **asdict(point)}
            if not noisy:
                del row["noise_scale"]
            rows.append(row)
    return rows


def peak_hidden_rate(spec: RunSpec, /) -> float:
    """Learning rate of the hidden matrices at the top of the schedule, before factors of single tensors."""
    model = model_of(spec)
    for name, tensor in model.tensors.items():
        if tensor.kind == "hidden" and tensor.rate == 1.0:
            return model.rates[name]
    return spec.optimizer.lr_hidden * spec.optimizer.lr_scale


def _columns(record: RunRecord) -> dict[str, Any]:
    """Columns that runs and checkpoints share."""
    shape = record.spec.shape
    return {
        "run": record.run,
        "seed": record.spec.seed,
        "params": count(record.spec.family, shape).compute,
        "width": shape.width,
        "depth": shape.depth,
    }
