"""Every example ladder is planned in full and trained for two steps; every strategy, rule and optimizer has one."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

from tenfold.ladder.config import load_ladder
from tenfold.ladder.corpora import kinds, load_corpus
from tenfold.ladder.families import known
from tenfold.ladder.ladder import STRATEGIES, cells, flops_of, shortened
from tenfold.ladder.models import model_of
from tenfold.ladder.parameterization import OPTIMIZERS, PARAMETERIZATIONS
from tenfold.ladder.schedule import SCHEDULES
from tenfold.ladder.train import train_run

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples" / "ladders").glob("*.toml"))


@lru_cache(maxsize=64)
def planned(path):
    return load_ladder(path)


def small(corpus):
    """The same kind of data, as little of it as two steps need."""
    return replace(corpus, max_file_bytes=20_000) if hasattr(corpus, "max_file_bytes") else corpus


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_planned_in_full(path):
    ladder = planned(path)
    specs = cells(ladder)
    assert len({spec.run for spec in specs}) == len(specs) >= 2
    assert ladder.title
    for spec in specs:
        assert all(0 < rate < 100 for rate in model_of(spec).rates.values())
        assert flops_of(spec) < 1e14


def toy(spec):
    """The run with one block, a short context and a small batch."""
    sizes = {"depth": 1, **({"context": 8} if hasattr(spec.shape, "context") else {})}
    return replace(spec, shape=replace(spec.shape, **sizes), batch=min(spec.batch, 4))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_trains(path):
    """Its cheapest run at toy size, two steps long: the loss is finite, and not above where it began."""
    ladder = shortened(planned(path), 2)
    specs = cells(replace(ladder, corpus=small(ladder.corpus)))
    spec = toy(min(specs, key=lambda spec: spec.batch_tokens * model_of(spec).count().flops))
    record = train_run(spec, load_corpus(spec.corpus))
    assert record.status in ("finished", "diverged")
    assert math.isfinite(record.initial_loss)
    if record.status == "finished":
        assert record.loss <= record.initial_loss
    else:
        assert "before training" in record.message


def test_everything_has_an_example():
    ladders = [planned(path) for path in EXAMPLES]
    specs = [spec for ladder in ladders for spec in cells(ladder)]
    assert {spec.family for spec in specs} >= set(known())
    assert {spec.corpus.kind for spec in specs} >= set(kinds()) - {"folder"}
    assert {row.strategy for ladder in ladders for row in ladder.rows} == set(STRATEGIES)
    assert {spec.optimizer.parameterization for spec in specs} == set(PARAMETERIZATIONS)
    assert {spec.optimizer.name for spec in specs} == set(OPTIMIZERS)
    assert {spec.optimizer.schedule for spec in specs} == set(SCHEDULES)
    rules = {row.rule for ladder in ladders for row in ladder.rows}
    assert rules >= {"efficientnet", "resnet-rs", "tinynet"}
