"""Configuration: one line that names the key, the value, and the likely fix."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tenfold.core import ConfigError
from tenfold.io import load_config, load_toml, validate
from tenfold.io.config import dotted


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Scale(Enum):
    LOG = "log"
    LINEAR = "linear"


class Source(Strict):
    source: str
    where: str | None = None
    columns: dict[str, str] = {}
    axis: Scale = Scale.LOG


class Fit(Strict):
    laws: list[str] = Field(min_length=1)
    objective: Literal["huber", "lad"] = "huber"
    delta: float = Field(1e-3, gt=0)

    @field_validator("laws")
    @classmethod
    def known(cls, laws: list[str]) -> list[str]:
        if "nonsense" in laws:
            raise ValueError("no law 'nonsense'")
        return laws


class Point(Strict):
    params: float
    tokens: float = Field(alias="training_tokens")


class Range(Strict):
    low: float
    high: float

    @model_validator(mode="after")
    def ordered(self) -> Range:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Study(Strict):
    title: str
    runs: Source
    fit: Fit | None = None
    forecast: list[Point] = []
    span: Range | float | None = None


GOOD: dict[str, Any] = {"title": "t", "runs": {"source": "r.csv"}}


def test_good(tmp_path: Path) -> None:
    study = validate(Study, {**GOOD, "forecast": [{"params": 7e10, "training_tokens": 1e12}], "span": 3})
    assert study.runs.source == "r.csv"
    assert study.forecast[0].tokens == 1e12
    path = tmp_path / "study.toml"
    path.write_text('title = "t"\n[runs]\nsource = "r.csv"\n')
    assert load_config(path, Study).title == "t"
    assert load_toml(path) == GOOD


CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"runs": {"source": "r"}}, "title", "this key is required"),
    ({**GOOD, "tittle": "x"}, "tittle", "unknown key"),
    ({"tittle": "x", "runs": {"source": "r"}}, "tittle", "did you mean 'title'?"),
    ({**GOOD, "runs": {"sorce": "r"}}, "runs.sorce", "did you mean 'source'?"),
    ({**GOOD, "runs": {"sorce": "r"}}, "runs.sorce", "(and 1 more)"),
    ({**GOOD, "runs": {"source": 3}}, "runs.source", "not 3"),
    ({**GOOD, "runs": "r.csv"}, "runs", "not 'r.csv'"),
    ({**GOOD, "runs": {"source": "r", "axis": "lg"}}, "runs.axis", "'lg' is not one of the choices"),
    ({**GOOD, "runs": {"source": "r", "axis": "lg"}}, "runs.axis", "did you mean 'log'?"),
    ({**GOOD, "runs": {"source": "r", "columns": {"params": 3}}}, "runs.columns.params", "not 3"),
    ({**GOOD, "fit": {"laws": ["a"], "objective": "hubr"}}, "fit.objective", "did you mean 'huber'?"),
    ({**GOOD, "fit": {"laws": ["a"], "delta": 0}}, "fit.delta", "greater than 0, not 0"),
    ({**GOOD, "fit": {"laws": []}}, "fit.laws", "at least 1 item"),
    ({**GOOD, "fit": {"laws": ["a", 2]}}, "fit.laws[1]", "not 2"),
    ({**GOOD, "fit": {"laws": ["nonsense"]}}, "fit.laws", "no law 'nonsense'"),
    ({**GOOD, "fit": {"law": ["a"]}}, "fit.law", "did you mean 'laws'?"),
    ({**GOOD, "forecast": [{"params": 1, "training_tokens": 1}, {"params": 1}]}, "forecast[1].training_tokens", "add"),
    ({**GOOD, "forecast": [{"param": 1, "training_tokens": 1}]}, "forecast[0].param", "did you mean 'params'?"),
    ({**GOOD, "forecast": {"params": 1}}, "forecast", "valid list"),
    ({**GOOD, "span": {"low": 1, "hgh": 2}}, "span.hgh", "did you mean 'high'?"),
    ({**GOOD, "span": {"low": 3, "high": 2}}, "span", "low is above high"),
]


@pytest.mark.parametrize(("mapping", "path", "words"), CASES)
def test_one_line(mapping: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(Study, mapping, file="study.toml")
    error = caught.value
    assert error.path == path
    assert words in f"{error.message} {error.hint}"
    assert error.message.startswith(f"study.toml: {path}: ")
    assert "\n" not in str(error)
    assert error.__cause__ is None


def test_not_a_table(refused: Any) -> None:
    assert "is [1]" in refused(ConfigError, validate, Study, [1])


def test_dotted_leaves_out_the_marks_of_unions() -> None:
    assert dotted(("span", "Range", "low"), {"span": {"low": 1}}) == "span.low"
    assert dotted(("a", 0, "b"), {"a": [{"b": 1}]}) == "a[0].b"
    assert dotted((), {}) == ""
    assert dotted(("a", "b"), {"a": {}}, absent=True) == "a.b"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"title = \n", "line 1"),
        (b"[runs\n", "line 1"),
        (b"a = 1\na = 2\n", "overwrite"),
        (b"a = '\xff'\n", "not UTF-8"),
        (b"a = 1\0", "zero byte"),
        (b"a = " + b"[" * 50_000, "not TOML"),
        ("a = 1".encode("utf-16"), "UTF-16"),
    ],
)
def test_bad_toml(refused: Any, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    said = refused(ConfigError, load_toml, path)
    assert words in said
    assert "study.toml" in said


def test_missing_toml(refused: Any, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("")
    assert "did you mean 'study.toml'?" in refused(ConfigError, load_toml, tmp_path / "stdy.toml")
    assert "is a folder" in refused(ConfigError, load_toml, tmp_path)
