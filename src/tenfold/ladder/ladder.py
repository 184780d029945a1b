"""A declared family of runs: rows of sizes, settings and seeds, each with a budget, and the plan of all runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import product
from typing import Any

import numpy as np

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.corpora import CorpusSpec, load_corpus
from tenfold.ladder.growth import grown, multipliers, width_for
from tenfold.ladder.models import count, require_rules
from tenfold.ladder.spec import Evaluation, Optimizer, RunSpec, Shape

ALIASES = {
    "lr": "lr_scale",
    "ffn_ratio": "mlp_ratio",
    "optimizer": "name",
    "decay": "weight_decay",
    "unique_tokens": "subset",
}
"""Names of axes in the field's words, where a noun's own field has another one."""

STRATEGIES = ("grid", "isoparam", "compound")
LR_RULES = {"none": 0.0, "sqrt": 0.5, "linear": 1.0}
BUDGETS = ("flops", "tokens", "steps", "epochs", "tokens_per_param")


@dataclass(frozen=True)
class BatchRule:
    """Batch in tokens as a function of the run's tokens D, not of its compute; and how rates follow the batch.

    ``max(smallest choice, tokens * (D / at) ** power)``, rounded in log to one of ``choices``.

    Attributes:
        lr_rule: rates grow with the batch ``linear``ly (SGD), as its root (``sqrt``, Adam), or not (``none``); from the
            batch ``lr_tokens`` on both sides. Valid below the critical batch only.
        lr_tokens: batch for which rates were tuned.
    """

    tokens: float = 256
    at: float = 1.5e6
    power: float = 0.5
    choices: tuple[int, ...] = (128, 192, 256, 384, 512, 768, 1024)
    lr_rule: str = "none"
    lr_tokens: float = 256

    def batch_tokens(self, tokens: float, /) -> int:
        """Batch in tokens of a run of ``tokens`` tokens."""
        wanted = self.tokens * (tokens / self.at) ** self.power
        distance = np.abs(np.log(np.array(self.choices) / wanted))
        return int(self.choices[int(np.argmin(distance))])

    def rate(self, batch_tokens: float, /) -> float:
        """Factor on the rates of a run with this batch."""
        return lr_for_batch(batch_tokens, base=self.lr_tokens, rule=self.lr_rule)


def lr_for_batch(batch: float, /, *, base: float, rule: str = "sqrt", noise_scale: float | None = None) -> float:
    """Factor on a learning rate tuned at batch ``base``, for another batch in the same unit.

    Args:
        batch: the new batch.
        base: the batch of the tuned rate.
        rule: ``linear`` (SGD), ``sqrt`` (Adam; arXiv:2006.09092), ``none``, or ``gns``.
        noise_scale: gradient noise scale in the same unit; for ``gns``, whose rate is
            ``max / (1 + noise_scale / batch)`` (McCandlish et al. 2018, arXiv:1812.06162).

    Example:
        >>> lr_for_batch(1024, base=256, rule="sqrt"), lr_for_batch(1024, base=256, rule="linear")
        (2.0, 4.0)
        >>> round(lr_for_batch(1e9, base=256, rule="gns", noise_scale=256), 3)
        2.0
    """
    for name, value in (("batch", batch), ("base", base)):
        if not value > 0:
            raise ConfigError(f"{name} = {value} is not positive", path=f"batch.{name}")
    if rule == "gns":
        if noise_scale is None:
            raise ConfigError("the rule 'gns' needs a noise scale", path="batch.lr_rule", hint="measure it in a run")
        return (1 + noise_scale / base) / (1 + noise_scale / batch)
    if rule not in LR_RULES:
        raise ConfigError(
            f"unknown rule {rule!r} for rate and batch", path="batch.lr_rule", hint=did_you_mean(rule, [*LR_RULES, "gns"])
        )
    return float((batch / base) ** LR_RULES[rule])


@dataclass(frozen=True)
class Row:
    """Runs with one budget: the product of their axes, and seeds 0, 1 ... ``seeds - 1`` of each.

    Attributes:
        flops: budget in matmul FLOPs a run; or one of the next four instead.
        widths: shorthand for an axis ``width``.
        seeds: how many of each.
        tokens: budget in codes or labels.
        steps: budget in optimizer steps.
        epochs: budget in passes over the training data.
        tokens_per_param: budget in codes a parameter (hidden and head).
        axes: axis names with their values; any size of the model, any setting of optimizer or corpus, ``heads``,
            ``batch_tokens``, or the budget by its name.
        strategy: ``grid``; ``isoparam``: the width that gives ``params``, for every combination of axes; ``compound``:
            sizes grow together, see ``growth``.
        params: non-embedding parameters for ``isoparam``.
        growth: for ``compound``: what each size is multiplied by when ``phi`` grows by one.
        rule: for ``compound``: a published rule instead of ``growth``, see ``tenfold.ladder.growth.multipliers``.
        phi: for ``compound``: the steps, 0 is the model as given.
        settings: fixed settings of this row by axis name.
        group: label; the budget by default.
    """

    flops: float | None = None
    widths: tuple[int, ...] = ()
    seeds: int = 1
    tokens: float | None = None
    steps: int | None = None
    epochs: float | None = None
    tokens_per_param: float | None = None
    axes: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    strategy: str = "grid"
    params: float | None = None
    growth: tuple[tuple[str, float], ...] = ()
    rule: str = ""
    phi: tuple[float, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()
    group: str = ""

    @property
    def budget(self) -> tuple[str, float]:
        """Name and value of the one budget."""
        given = [(name, getattr(self, name)) for name in BUDGETS if getattr(self, name) is not None]
        given += [(name, values[0]) for name, values in self.axes if name in BUDGETS]
        if len(given) != 1:
            raise ConfigError(
                f"a row needs one budget, got {', '.join(name for name, _ in given) or 'none'}",
                path="row",
                hint=f"give one of {', '.join(BUDGETS)}",
            )
        return given[0]

    @property
    def label(self) -> str:
        """The group of its runs."""
        name, value = self.budget
        return self.group or f"{value:.3g}".replace("e+", "e") + ("" if name == "flops" else f"-{name}")


@dataclass(frozen=True)
class Ladder:
    """A family of runs that tenfold can train itself.

    Attributes:
        rows: budgets with their sizes, settings and seeds.
        model: the family's sizes where no axis changes them.
        batch: how the batch follows the run's tokens.
        optimizer: settings where no axis changes them.
        evaluation: settings common to all runs.
        corpus: the data.
        family: the kind of model.
        title: for people.
        most_steps: longest run in steps; 0: as long as the budget says.
    """

    rows: tuple[Row, ...]
    model: Any = field(default_factory=lambda: Shape(width=8))
    batch: BatchRule = field(default_factory=BatchRule)
    optimizer: Optimizer = field(default_factory=Optimizer)
    evaluation: Evaluation = field(default_factory=Evaluation)
    corpus: Any = field(default_factory=CorpusSpec)
    family: str = "transformer"
    title: str = ""
    most_steps: int = 0


def plan_run(
    ladder: Ladder,
    width: int | None = None,
    /,
    *,
    flops: float | None = None,
    tokens: float | None = None,
    seed: int = 0,
    group: str = "",
    settings: Mapping[str, Any] | None = None,
) -> RunSpec:
    """The run of ``width`` that spends ``flops``, or trains on ``tokens``; exactly one is given.

    Steps are whole, so what the run spends differs from the request by at most half a batch.

    Args:
        ladder: the run's settings.
        width: shorthand for the setting ``width``.
        flops: matmul FLOPs to spend.
        tokens: codes or labels to train on.
        seed: see ``RunSpec``.
        group: see ``RunSpec``.
        settings: values by axis name.

    Raises:
        ConfigError: the shape is impossible, a setting is unknown, or the budget is below one step.
    """
    if (flops is None) == (tokens is None):
        raise ConfigError("give either flops or tokens", path="flops", hint="not both, not neither")
    given = dict(settings or {})
    if width is not None:
        given["width"] = width
    batch_tokens = given.pop("batch_tokens", None)
    if batch_tokens is not None and not (isinstance(batch_tokens, (int, float)) and batch_tokens > 0):
        raise ConfigError(f"batch_tokens = {batch_tokens!r} is not a positive number", path="row.axes.batch_tokens")
    ladder = with_settings(ladder, given)
    shape = ladder.model
    wanted = tokens if flops is None else flops / count(ladder.family, shape).flops
    if not wanted > 0:
        raise ConfigError(f"cannot train on {wanted} tokens", path="tokens")
    size = ladder.batch.batch_tokens(wanted) if batch_tokens is None else batch_tokens
    batch = max(1, round(size / shape.example_tokens))
    each = batch * shape.example_tokens
    if wanted < 0.5 * each:
        raise ConfigError(
            f"a budget of {wanted:.3g} tokens is less than one step of {each} at width {shape.width}",
            path="row",
            hint="spend more, or use a smaller batch",
        )
    optimizer = ladder.optimizer
    if ladder.batch.lr_rule != "none":
        optimizer = replace(optimizer, lr_scale=optimizer.lr_scale * ladder.batch.rate(each))
    spec = RunSpec(
        shape=shape,
        steps=min(max(1, round(wanted / each)), ladder.most_steps or sys.maxsize),
        batch=batch,
        seed=seed,
        family=ladder.family,
        optimizer=optimizer,
        evaluation=ladder.evaluation,
        corpus=ladder.corpus,
        group=group,
    )
    require_rules(spec)
    return spec


def with_settings(ladder: Ladder, settings: Mapping[str, Any], /) -> Ladder:
    """The ladder with sizes of the model and settings of optimizer and corpus replaced, by axis name.

    Raises:
        ConfigError: a name is unknown, with a suggestion; or the sizes do not go together.
    """
    changed: dict[str, dict[str, Any]] = {"model": {}, "optimizer": {}, "corpus": {}}
    for given, value in settings.items():
        name = ALIASES.get(given, given)
        if name == "heads":
            width = settings.get("width", ladder.model.width)
            if not isinstance(value, int) or value < 1 or width % value:
                raise ConfigError(f"{value!r} heads do not divide width {width}", path="row.axes.heads")
            changed["model"]["head_dim"] = width // value
            continue
        place = next((part for part in changed if name in _names(getattr(ladder, part))), None)
        if place is None:
            raise ConfigError(f"unknown axis {given!r}", path=f"row.axes.{given}", hint=did_you_mean(given, axes(ladder)))
        changed[place][name] = _checked(given, value, getattr(getattr(ladder, place), name))
    parts = {part: replace(getattr(ladder, part), **values) for part, values in changed.items() if values}
    return replace(ladder, **parts)


def _checked(name: str, value: Any, like: Any) -> Any:
    """A value of the same kind as the one that it replaces."""
    numbers = isinstance(like, (int, float)) and not isinstance(like, bool)
    if numbers and isinstance(like, int) and isinstance(value, float) and value.is_integer():
        return int(value)
    fits = (
        isinstance(value, (int, float)) and not isinstance(value, bool)
        if numbers
        else like is None or isinstance(value, type(like))
    )
    if numbers and fits and isinstance(like, int) and isinstance(value, float) and name not in ("mlp_ratio", "ffn_ratio"):
        fits = False
    if not fits:
        kind = "a whole number" if isinstance(like, int) and numbers else "a number" if numbers else type(like).__name__
        raise ConfigError(f"{name} = {value!r} is not {kind}", path=f"row.axes.{name}", hint=f"such as {like!r}")
    return value


def axes(ladder: Ladder, /) -> list[str]:
    """Names of everything that a row of this ladder can vary."""
    own = [name for part in ("model", "optimizer", "corpus") for name in _names(getattr(ladder, part))]
    heads = ["heads"] if hasattr(ladder.model, "head_dim") else []
    return [*own, *heads, "batch_tokens", *BUDGETS, *(name for name, real in ALIASES.items() if real in own)]


def _names(noun: Any) -> list[str]:
    return [each.name for each in fields(noun)]


def cells(ladder: Ladder, /) -> list[RunSpec]:
    """All runs, in an order whose every prefix is a useful ladder.

    Cheap rows come before expensive ones and a row's middle sizes before its edges; a further seed waits
    until first seeds of twelve times the cost are done.
    """
    planned = []
    for row in ladder.rows:
        points = list(_points(ladder, row))
        middle = (len(points) - 1) / 2
        for place, settings in enumerate(points):
            for seed in range(row.seeds):
                spec = _planned(ladder, row, settings, seed)
                cost = float(spec_budget(row, settings) or flops_of(spec))
                planned.append(((cost * 12.0**seed, abs(place - middle), place), spec))
    return [spec for _, spec in sorted(planned, key=lambda item: item[0])]


def shortened(ladder: Ladder, steps: int, /) -> Ladder:
    """The same ladder with at most ``steps`` steps a run and small evaluations: to try it out, not to fit it."""
    if steps < 1:
        raise ConfigError(f"steps = {steps} trains nothing", path="--steps", hint="use 1 or more")
    small = replace(ladder.evaluation, windows=64, curve_windows=64, curve_points=2)
    return replace(ladder, evaluation=small, most_steps=steps)


def spec_budget(row: Row, settings: Mapping[str, Any], /) -> float | None:
    """The FLOPs that a row asks of a cell; None where its budget is something else."""
    value = settings.get("flops", row.flops)
    return None if value is None else float(value)


def flops_of(spec: RunSpec, /) -> float:
    """Matmul FLOPs of a planned run."""
    return float(spec.tokens * count(spec.family, spec.shape).flops)


def _points(ladder: Ladder, row: Row) -> Iterator[dict[str, Any]]:
    """Settings of every cell of a row."""
    fixed = dict(row.settings)
    named = [*([("width", row.widths)] if row.widths else []), *row.axes]
    for values in product(*(values for _, values in named)):
        settings = {**fixed, **dict(zip((name for name, _ in named), values, strict=True))}
        if row.strategy == "isoparam":
            sizes = {name: value for name, value in settings.items() if name not in (*BUDGETS, "batch_tokens")}
            varied = with_settings(ladder, sizes)
            yield {**settings, "width": width_for(varied.family, varied.model, row.params or 0.0)}
        elif row.strategy == "compound":
            sizes = {name: value for name, value in settings.items() if name not in (*BUDGETS, "batch_tokens")}
            for phi in row.phi:
                factors = multipliers(row.rule, phi, growth=dict(row.growth), epochs=row.epochs)
                yield {**settings, **grown(with_settings(ladder, sizes).model, factors)}
        else:
            yield settings


def _planned(ladder: Ladder, row: Row, settings: Mapping[str, Any], seed: int) -> RunSpec:
    """One run of a row, its budget turned into tokens."""
    name, value = row.budget
    settings = dict(settings)
    value = settings.pop(name, value)
    if name == "flops":
        return plan_run(ladder, flops=value, seed=seed, group=row.label, settings=settings)
    varied = with_settings(ladder, {key: each for key, each in settings.items() if key != "batch_tokens"})
    if name == "tokens_per_param":
        bill = count(varied.family, varied.model)
        value *= bill.hidden + bill.head
    elif name == "epochs":
        size = load_corpus(varied.corpus).size(varied.model)
        if not size:
            raise ConfigError("generated data has no epochs", path="row.epochs", hint="give tokens or steps")
        value *= size
    elif name == "steps":
        batch = settings.get("batch_tokens") or ladder.batch.tokens
        value *= max(1, round(batch / varied.model.example_tokens)) * varied.model.example_tokens
        settings = {**settings, "batch_tokens": batch}
    return plan_run(ladder, tokens=value, seed=seed, group=row.label, settings=settings)
