"""Ladder files: TOML in, a ``Ladder`` out. Needs no JAX.

A file may start from a preset and change what it likes; tables are merged key by key, rows are
replaced as a whole::

    preset = "bytes"

    [optimizer]
    schedule = "wsd"

    [[row]]
    flops = 1e11
    widths = [16, 24, 32, 48]
    seeds = 2
"""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.io.config import load_toml, validate
from tenfold.ladder.corpus import VOCABULARY, CorpusSpec
from tenfold.ladder.families import FAMILIES
from tenfold.ladder.ladder import BatchRule, Ladder, Row
from tenfold.ladder.parameterization import PARAMETERIZATIONS
from tenfold.ladder.schedule import SCHEDULES
from tenfold.ladder.spec import Evaluation, Optimizer, Shape

_Count = Annotated[int, Field(ge=1)]
_Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, lt=1)]


class _Table(BaseModel):
    """A table whose keys are all known, and whose numbers are not strings."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Model(_Table):
    depth: _Count = 2
    head_dim: Annotated[int, Field(ge=2, multiple_of=2)] = 8
    vocab: Annotated[int, Field(ge=VOCABULARY)] = VOCABULARY
    context: _Count = 64
    ngram: _Count = 3
    mlp_ratio: _Count = 4


class _Batch(_Table):
    tokens: _Rate = 256
    at: _Rate = 1.5e6
    power: float = 0.5
    choices: Annotated[list[_Count], Field(min_length=1)] = [128, 192, 256, 384, 512, 768, 1024]


class _Optimizer(_Table):
    lr_embed: _Rate = 4e-2
    lr_hidden: _Rate = 8e-3
    lr_head: _Rate = 3e-2
    base_width: _Count = 32
    parameterization: str = "mup"
    b1: _Share = 0.9
    b2: _Share = 0.98
    eps: _Rate = 1e-9
    clip: _Rate = 1.0
    schedule: str = "linear"
    warmup: _Share = 0.05


class _Evaluation(_Table):
    windows: _Count = 4096
    curve_windows: _Count = 512
    curve_points: Annotated[int, Field(ge=0)] = 14


class _Corpus(_Table):
    kind: Literal["stdlib", "folder"] = "stdlib"
    path: str | None = None
    pattern: str = "*"
    withhold: Annotated[int, Field(ge=2)] = 16
    max_file_bytes: _Count = 400_000


class _Row(_Table):
    flops: _Rate
    widths: Annotated[list[_Count], Field(min_length=1)]
    seeds: _Count = 1


class _File(_Table):
    title: str = ""
    preset: str | None = None
    family: str = "transformer"
    model: _Model = _Model()
    batch: _Batch = _Batch()
    optimizer: _Optimizer = _Optimizer()
    evaluation: _Evaluation = _Evaluation()
    corpus: _Corpus = _Corpus()
    row: Annotated[list[_Row], Field(min_length=1)]


def presets() -> dict[str, Path]:
    """Files of the presets by name, found by looking."""
    folder = Path(str(resources.files("tenfold.ladder") / "presets"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_ladder(source: str | Path, /) -> Ladder:
    """The ladder of a preset's name or of a TOML file.

    A relative ``corpus.path`` is taken from the file's own folder.

    Raises:
        ConfigError: there is no such file or preset, or a key is unknown or wrong; ``path`` names the key.
    """
    known = presets()
    path = known.get(str(source), Path(source))
    if not path.is_file():
        raise ConfigError(
            f"no ladder file and no preset is called {str(source)!r}", hint=did_you_mean(str(source), known)
        )
    return parse_ladder(load_toml(path), folder=path.parent, name=str(source))


def parse_ladder(values: Mapping[str, Any], /, *, folder: Path | None = None, name: str = "the ladder") -> Ladder:
    """The ladder of a file's content; see ``load_ladder``."""
    file = validate(_File, _with_preset(values), file=name)
    _require_known(file)
    corpus = file.corpus.model_dump()
    if corpus["path"] is not None and folder is not None:
        corpus["path"] = str(folder / corpus["path"])
    return Ladder(
        rows=tuple(_row(row, place, head_dim=file.model.head_dim) for place, row in enumerate(file.row)),
        model=Shape(width=file.model.head_dim, **file.model.model_dump()),
        batch=BatchRule(**{**file.batch.model_dump(), "choices": tuple(sorted(file.batch.choices))}),
        optimizer=Optimizer(**file.optimizer.model_dump()),
        evaluation=Evaluation(**file.evaluation.model_dump()),
        corpus=CorpusSpec(**corpus),
        family=file.family,
        title=file.title,
    )


def _with_preset(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """``values`` laid over the preset that they name, if they name one."""
    name = values.get("preset")
    if not isinstance(name, str):
        return values
    known = presets()
    if name not in known:
        raise ConfigError(f"unknown preset {name!r}", path="preset", hint=did_you_mean(name, known))
    merged = load_toml(known[name])
    for key, value in values.items():
        old = merged.get(key)
        merged[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _row(row: _Row, place: int, *, head_dim: int) -> Row:
    """A checked row."""
    for width in row.widths:
        if width % head_dim:
            raise ConfigError(
                f"width {width} is not a multiple of head_dim = {head_dim}",
                path=f"row[{place}].widths",
                hint=f"use {max(1, round(width / head_dim)) * head_dim}",
            )
    if len(set(row.widths)) < len(row.widths):
        raise ConfigError(f"widths {row.widths} repeat", path=f"row[{place}].widths", hint="use seeds to repeat runs")
    return Row(flops=row.flops, widths=tuple(sorted(row.widths)), seeds=row.seeds)


def _require_known(file: _File) -> None:
    """Names of schedules and parameterizations exist; rows differ."""
    for path, value, known in (
        ("family", file.family, FAMILIES),
        ("optimizer.schedule", file.optimizer.schedule, SCHEDULES),
        ("optimizer.parameterization", file.optimizer.parameterization, PARAMETERIZATIONS),
    ):
        if value not in known:
            raise ConfigError(f"unknown {path} {value!r}", path=path, hint=did_you_mean(value, known))
    budgets = [row.flops for row in file.row]
    if len(set(budgets)) < len(budgets):
        raise ConfigError(f"two rows have the same flops: {budgets}", path="row", hint="join them")
