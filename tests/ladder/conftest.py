"""A small text, a small model and a small ladder, trained in seconds."""

from __future__ import annotations

import pytest
from ladder_texts import write_text

from tenfold.ladder.corpora import CorpusSpec, load_corpus
from tenfold.ladder.ladder import BatchRule, Ladder, Row
from tenfold.ladder.spec import Evaluation, RunSpec, Shape


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Compiled programs of this test session."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    return CorpusSpec(kind="folder", path=str(write_text(tmp_path_factory.mktemp("text") / "words")))


@pytest.fixture(scope="session")
def corpus(text):
    return load_corpus(text)


SHAPE = Shape(width=8, depth=1, context=16)


@pytest.fixture(scope="session")
def spec(text):
    return RunSpec(
        shape=SHAPE, steps=70, batch=4, corpus=text, evaluation=Evaluation(windows=96, curve_windows=64, curve_points=3)
    )


@pytest.fixture
def ladder(text):
    """Three runs of one width and one batch, so that one program serves them all."""
    return Ladder(
        rows=(Row(3e7, (8,)), Row(6e7, (8,), seeds=2)),
        model=SHAPE,
        batch=BatchRule(choices=(64,)),
        evaluation=Evaluation(windows=96, curve_windows=64, curve_points=3),
        corpus=text,
    )
