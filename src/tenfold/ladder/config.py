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

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import lru_cache, reduce
from importlib import resources
from operator import or_
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.io.config import load_toml, validate
from tenfold.ladder.corpora import VOCABULARY, CorpusSpec, kinds
from tenfold.ladder.families import family, known
from tenfold.ladder.ladder import BUDGETS, STRATEGIES, BatchRule, Ladder, Row, axes
from tenfold.ladder.parameterization import ALIGNMENTS, DECAYS, OPTIMIZERS, PARAMETERIZATIONS, require
from tenfold.ladder.schedule import SCHEDULES
from tenfold.ladder.spec import Evaluation, Optimizer

_Count = Annotated[int, Field(ge=1)]
_Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Axis = Annotated[list[int | float | str | bool], Field(min_length=1)]


class _Table(BaseModel):
    """A table whose keys are all known, and whose numbers are not strings."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Row(_Table):
    flops: _Rate | None = None
    widths: list[_Count] = []
    seeds: _Count = 1
    tokens: _Rate | None = None
    steps: _Count | None = None
    epochs: _Rate | None = None
    tokens_per_param: _Rate | None = None
    axes: dict[str, _Axis] = {}
    strategy: str = "grid"
    params: _Rate | None = None
    growth: dict[str, _Rate] = {}
    rule: str = ""
    phi: list[float] = []
    settings: dict[str, int | float | str | bool] = {}
    group: str = ""


@lru_cache(maxsize=32)
def _table(noun: type[Any], *extra: tuple[str, Any]) -> type[_Table]:
    """The table of a noun's fields, none of which is required; one declaration serves code and file."""
    hints = typing.get_type_hints(noun)
    named = {each.name: _listed(hints[each.name]) for each in fields(noun)}
    given: dict[str, Any] = {name: (hint | None, None) for name, hint in {**named, **dict(extra)}.items()}
    return create_model(noun.__name__, __base__=_Table, **given)


def _listed(hint: Any) -> Any:
    """TOML has lists where nouns have tuples."""
    if typing.get_origin(hint) is tuple:
        (element, *_) = typing.get_args(hint)
        return list.__class_getitem__(element)
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return reduce(or_, (_listed(each) for each in typing.get_args(hint)))
    return hint


def _file(shape: type[Any], corpus: type[Any]) -> type[_Table]:
    """The model of a ladder file for one family and one kind of data."""
    return create_model(
        "LadderFile",
        __base__=_Table,
        title=(str, ""),
        preset=(str | None, None),
        family=(str, "transformer"),
        model=(_table(shape), _table(shape)()),
        batch=(_table(BatchRule), _table(BatchRule)()),
        optimizer=(_table(Optimizer, ("lr", float)), _table(Optimizer)()),
        evaluation=(_table(Evaluation), _table(Evaluation)()),
        corpus=(_table(corpus), _table(corpus)()),
        row=(Annotated[list[_Row], Field(min_length=1)], ...),
    )


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
    values = _with_preset(values)
    kind = _family(values, folder)
    shape, corpus = family(kind).Shape, _corpus(values)
    file: Any = validate(_file(shape, corpus), values, file=name)
    rows = tuple(_row(row, place, file.model) for place, row in enumerate(file.row))
    ladder = Ladder(
        rows=rows,
        model=_build(shape, file.model, width=_width(file.model, shape)),
        batch=_build(BatchRule, file.batch),
        optimizer=_optimizer(file.optimizer),
        evaluation=_build(Evaluation, file.evaluation),
        corpus=_located(_build(corpus, file.corpus), folder),
        family=kind,
        title=file.title,
    )
    _require_sound(ladder)
    return ladder


def _family(values: Mapping[str, Any], folder: Path | None) -> str:
    """Name of the family; a relative file is taken from the ladder file's own folder."""
    name = values.get("family", "transformer")
    if isinstance(name, str) and name.endswith(".py"):
        beside = (folder or Path()) / name
        return str(beside if beside.is_file() else name)
    if isinstance(name, str):
        require(name, known(), "family")
        return name
    return "transformer"


def _corpus(values: Mapping[str, Any]) -> type[Any]:
    """The declaration of the kind of data that a file names."""
    table = values.get("corpus")
    kind = table.get("kind", "stdlib") if isinstance(table, Mapping) else "stdlib"
    if not isinstance(kind, str):
        return CorpusSpec
    require(kind, tuple(kinds()), "corpus.kind")
    return kinds()[kind]


def _given(table: Any) -> dict[str, Any]:
    """What a file says, with tuples for lists."""
    told = {name: getattr(table, name) for name in table.model_fields_set}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items() if value is not None}


def _build(noun: type[Any], table: Any, **extra: Any) -> Any:
    """A noun from its table; a batch's choices are sorted."""
    told = _given(table)
    if "choices" in told:
        told["choices"] = tuple(sorted(told["choices"]))
    for name, value in {**extra, **told}.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and noun is BatchRule and value <= 0:
            raise ConfigError(f"{name} = {value} is not positive", path=f"batch.{name}")
    missing = [
        each.name
        for each in fields(noun)
        if each.default is MISSING and each.default_factory is MISSING and each.name not in {**extra, **told}
    ]
    if missing:
        raise ConfigError(f"{missing[0]} is required", path=f"model.{missing[0]}", hint=f"add {missing[0]} = ...")
    return noun(**{**extra, **told})


def _width(table: Any, shape: type[Any]) -> int:
    """The width of the model while no row has chosen one."""
    told = _given(table)
    if "width" in told:
        return int(told["width"])
    defaults = {each.name: each.default for each in fields(shape)}
    return int(told.get("head_dim", defaults.get("head_dim", 8)) * told.get("kv_heads", 1))


def _optimizer(table: Any) -> Optimizer:
    """Settings of the optimizer; ``lr`` sets the three rates at once."""
    told = _given(table)
    rate = told.pop("lr", None)
    if rate is not None:
        told = {"lr_embed": rate, "lr_hidden": rate, "lr_head": rate, **told}
    if told.get("weight_decay") and "decay_rule" not in told:
        raise ConfigError(
            "weight decay needs a rule for how it follows the width",
            path="optimizer.decay_rule",
            hint=f"one of {', '.join(DECAYS)}: published rules differ, so there is no silent default",
        )
    if told.get("eps") is not None and not told["eps"] >= 0:
        raise ConfigError(f"eps = {told['eps']} is negative", path="optimizer.eps")
    return Optimizer(**told)


def _located(corpus: Any, folder: Path | None) -> Any:
    """A relative path is taken from the file's own folder."""
    if folder is None or getattr(corpus, "path", None) is None:
        return corpus
    from dataclasses import replace

    return replace(corpus, path=str(folder / corpus.path))


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


def _row(row: _Row, place: int, model: Any) -> Row:
    """A checked row."""
    head = _given(model).get("head_dim", 8) if "head_dim" in type(model).model_fields else 1
    free = {"head_dim", "heads"} & {*row.axes, *row.settings}
    for width in [] if free else row.widths:
        if width % head:
            raise ConfigError(
                f"width {width} is not a multiple of head_dim = {head}",
                path=f"row[{place}].widths",
                hint=f"use {max(1, round(width / head)) * head}",
            )
    if len(set(row.widths)) < len(row.widths):
        raise ConfigError(f"widths {row.widths} repeat", path=f"row[{place}].widths", hint="use seeds to repeat runs")
    given = [name for name in BUDGETS if getattr(row, name) is not None or name in row.axes]
    if len(given) != 1:
        raise ConfigError(
            f"a row needs one budget, got {' and '.join(given) or 'none'}",
            path=f"row[{place}].{given[1] if given else 'flops'}",
            hint=f"give one of {', '.join(BUDGETS)}" + ("" if given else "; this is required"),
        )
    require(row.strategy, STRATEGIES, f"row[{place}].strategy")
    for name, needs in (("isoparam", "params"), ("compound", "growth"), ("compound", "phi")):
        if row.strategy == name and not (getattr(row, needs) or (needs == "growth" and row.rule)):
            raise ConfigError(f"the strategy {name!r} needs {needs}", path=f"row[{place}].{needs}")
    return Row(
        flops=row.flops,
        widths=tuple(sorted(row.widths)),
        seeds=row.seeds,
        tokens=row.tokens,
        steps=row.steps,
        epochs=row.epochs,
        tokens_per_param=row.tokens_per_param,
        axes=tuple((name, tuple(values)) for name, values in row.axes.items()),
        strategy=row.strategy,
        params=row.params,
        growth=tuple(row.growth.items()),
        rule=row.rule,
        phi=tuple(row.phi),
        settings=tuple(row.settings.items()),
        group=row.group,
    )


def _require_sound(ladder: Ladder) -> None:
    """Names exist, rows differ, data and family go together."""
    for key, options in (
        ("schedule", tuple(SCHEDULES)),
        ("parameterization", tuple(PARAMETERIZATIONS)),
        ("name", tuple(OPTIMIZERS)),
        ("alignment", tuple(ALIGNMENTS)),
        ("decay_rule", DECAYS),
        ("eps_rule", ("constant", "scaled")),
        ("precision", ("float32", "bfloat16")),
    ):
        require(getattr(ladder.optimizer, key), options, f"optimizer.{key}")
    vocab = getattr(ladder.model, "vocab", None)
    if isinstance(ladder.corpus, CorpusSpec) and vocab is not None and vocab < VOCABULARY:
        raise ConfigError(f"vocab = {vocab} is less than the {VOCABULARY} codes of a text", path="model.vocab")
    names = axes(ladder)
    for place, row in enumerate(ladder.rows):
        for part, pairs in (("axes", row.axes), ("settings", row.settings)):
            for name, _ in pairs:
                if name not in names:
                    raise ConfigError(
                        f"unknown axis {name!r}", path=f"row[{place}].{part}.{name}", hint=did_you_mean(name, names)
                    )
    labels = [row.label for row in ladder.rows]
    if len(set(labels)) < len(labels):
        raise ConfigError(
            f"two rows have the same flops or group: {labels}", path="row", hint="join them, or give each a group"
        )
