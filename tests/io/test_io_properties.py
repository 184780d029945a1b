"""For any input whatever, reading gives runs or one of tenfold's own errors in one line; never anything else."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenfold.core import DataError, Labels, Runs, TenfoldError
from tenfold.io import filter_runs, load_toml, plain, read_runs, require, to_json
from tenfold.io.columns import CANONICAL, match_columns
from tenfold.io.needs import copies
from tenfold.io.units import parse_unit


def repeatable(examples: int) -> Callable[[Any], Any]:
    """Hypothesis without chance: the same examples every time, no clock, nothing kept."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def judged(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What a function gives, or None when it refuses, after checking the error."""
    problem: TenfoldError | None = None
    try:
        return function(*args, **options)
    except TenfoldError as error:
        problem = error
    assert "\n" not in problem.message + problem.hint
    assert problem.message
    assert problem.hint
    return None


def reads(source: Any, **options: Any) -> Runs | None:
    """The runs, or None after checking the error."""
    runs = judged(read_runs, source, **options)
    if runs is None:
        return None
    assert len(runs) > 0
    for values in runs.columns.values():
        assert values.dtype == np.float64
    for labels in runs.labels.values():
        assert labels.codes.min() >= -1
        assert labels.codes.max() < len(labels.names)
    assert all("\n" not in note for note in runs.notes)
    return runs


FIELD = st.one_of(
    st.text(alphabet="abN1.,\"\n\r\t ;|[]{}():'-+eB\u00e9\u2028\0", max_size=6),
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(["", "NA", "nan", "1.4B", "70M", "1,000", '"quoted"', '"', "inf", "true"]),
)
LINES = st.lists(st.lists(FIELD, min_size=1, max_size=4).map(",".join), max_size=6).map("\n".join)
HEADERS = st.sampled_from(["", "params,loss\n", "loss\n", "run,params (B),loss\n", "a,b,c,d\n", ",loss\n"])


@repeatable(150)
@given(st.binary(max_size=200), st.sampled_from(["csv", "tsv", "csv.gz", "jsonl", "json", "parquet"]))
def test_random_bytes(tmp_path: Path, data: bytes, ending: str) -> None:
    path = tmp_path / f"r.{ending}"
    path.write_bytes(data)
    reads(path)


@repeatable(200)
@given(HEADERS, LINES, st.sampled_from(["csv", "tsv", "jsonl", "json"]))
def test_random_text(tmp_path: Path, header: str, body: str, ending: str) -> None:
    path = tmp_path / f"r.{ending}"
    path.write_bytes((header + body).encode())
    reads(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["params", "loss", "run", "status", "a", "a.b", "N", ""]) | st.text(max_size=3)
RECORDS = st.lists(st.dictionaries(KEYS, JSON, max_size=4), max_size=5)


@repeatable(150)
@given(RECORDS, st.booleans())
def test_random_json(tmp_path: Path, records: list[dict[str, Any]], lines: bool) -> None:
    path = tmp_path / ("r.jsonl" if lines else "r.json")
    text = "\n".join(map(json.dumps, records)) if lines else json.dumps(records)
    path.write_bytes(text.encode())
    reads(path)
    reads(records)


@repeatable(60)
@given(st.binary(max_size=120), st.integers(0, 400))
def test_random_parquet(tmp_path: Path, data: bytes, cut: int) -> None:
    path = tmp_path / "r.parquet"
    path.write_bytes(b"PAR1" + data + b"PAR1")
    reads(path)
    stream = io.BytesIO()
    pl.DataFrame({"params": [1e9, 2e9], "run": ["a", "b"]}).write_parquet(stream)
    path.write_bytes(stream.getvalue()[:cut])
    reads(path)


CELLS = (
    st.none()
    | st.floats()
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=4)
    | st.booleans()
    | st.binary(max_size=3)
    | st.dates()
    | st.lists(st.integers(), max_size=2)
    | st.complex_numbers()
)
COLUMNS = st.dictionaries(
    st.sampled_from(["params", "loss", "run", "seed", "params (B)", "N", "status", "x"]) | st.text(max_size=3),
    st.lists(CELLS, min_size=2, max_size=3) | st.lists(st.floats(), min_size=2, max_size=2),
    max_size=4,
)


@repeatable(150)
@given(COLUMNS)
def test_random_mappings_and_frames(columns: dict[str, list[Any]]) -> None:
    runs = reads(columns)
    if len({len(values) for values in columns.values()}) == 1:
        reads(pd.DataFrame(columns))
    if runs is not None:
        assert reads(runs, where="True") is not None


@repeatable(100)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_numbers_survive_exactly(tmp_path: Path, values: list[float]) -> None:
    frame = pl.DataFrame({"loss": values})
    for ending in ("csv", "parquet", "jsonl"):
        if ending == "jsonl" and not all(map(math.isfinite, values)):
            continue
        path = tmp_path / f"r.{ending}"
        {"csv": frame.write_csv, "parquet": frame.write_parquet, "jsonl": frame.write_ndjson}[ending](path)
        runs = reads(path)
        assert runs is not None
        np.testing.assert_array_equal(runs.columns["loss"], values)


TABLE = read_runs({"loss": [3.0, None], "params": [1e9, 2e9], "status": ["finished", None], "a b": [1, 2]})
WORDS = """loss params status `a b` 'finished' 3 1e9 < <= == != > and or not in is None ( ) ( ) , + - * / ** % [ ] .
    lambda if else for x f'' "q" `x` True := : @ & ~ \\ # 0x1 1_0 __import__ ;"""
TOKENS = st.sampled_from([*WORDS.split(), "\n"])


def filters(where: Any) -> None:
    runs = judged(filter_runs, TABLE, where)
    assert runs is None or 1 <= len(runs) <= 2


@repeatable(300)
@given(st.lists(TOKENS, max_size=9).map(" ".join))
def test_random_filters_of_words(where: str) -> None:
    filters(where)


@repeatable(150)
@given(st.text(max_size=20))
def test_random_filters_of_signs(where: str) -> None:
    filters(where)


COMPARISONS = st.sampled_from(["loss < 3.5", "params > 1e9", "status == 'finished'", "`a b` == 2", "True", "loss == 3"])
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
    ),
    max_leaves=6,
)


@repeatable(150)
@given(CONDITIONS)
def test_conditions_mean_what_python_means_where_nothing_is_missing(where: str) -> None:
    table = read_runs(
        {"loss": [3.0, 4.0, 3.0], "params": [1e9, 2e9, 3e9], "status": ["finished", "x", "y"], "a b": [1, 2, 2]}
    )
    names = {"True": True}
    expected = []
    for row in range(3):
        env = {name: float(values[row]) for name, values in table.columns.items()}
        env |= {"status": table.labels["status"].values()[row], "a_b": env["a b"], **names}
        expected.append(bool(eval(where.replace("`a b`", "a_b"), {}, env)))
    runs = judged(filter_runs, table, where)
    kept = np.array([]) if runs is None else runs.columns["params"]
    np.testing.assert_array_equal(kept, table.columns["params"][expected])


@repeatable(150)
@given(
    st.lists(
        st.sampled_from([*CANONICAL, "N", "val_loss", "params (B)", "tokens_b", ""]) | st.text(max_size=6), max_size=8
    ),
    st.dictionaries(st.text(max_size=5) | st.sampled_from(CANONICAL), st.text(max_size=5), max_size=3),
    st.dictionaries(st.sampled_from(CANONICAL), st.text(max_size=4) | st.floats(), max_size=2),
)
def test_random_column_maps(names: list[str], columns: dict[str, str], units: dict[str, Any]) -> None:
    for mapping, scale in ((columns, {}), ({}, units), (columns, units)):
        plan = judged(match_columns, list(dict.fromkeys(names)), columns=mapping, units=scale)
        if plan is not None:
            targets = [match.target for match in plan.matches]
            assert len(targets) == len(set(targets))
            assert {match.source for match in plan.matches} <= set(names)


@repeatable(200)
@given(st.text(max_size=12), st.sampled_from(["params", "flops", "loss", "lr", "tokens"]))
def test_random_units(text: str, quantity: str) -> None:
    unit = parse_unit(text, quantity)
    assert unit is None or unit.scale > 0


SIZES = st.lists(st.none() | st.floats() | st.sampled_from([1e9, 0.0, 1.0]), min_size=1, max_size=6)


@repeatable(150)
@given(st.data())
def test_what_require_gives_can_carry_the_question(data: st.DataObject) -> None:
    params = data.draw(SIZES)
    rows = len(params)
    floats = st.lists(st.none() | st.floats(), min_size=rows, max_size=rows)
    words = st.lists(st.sampled_from([None, "finished", "failed"]), min_size=rows, max_size=rows)
    table = read_runs(
        {"params": params, "flops": data.draw(floats), "loss": data.draw(floats), "status": data.draw(words)}
    )
    runs = judged(require, table, ["params", "tokens", "loss"])
    if runs is None:
        return
    for name in ("params", "tokens", "loss"):
        assert np.isfinite(runs.columns[name]).all()
        assert (runs.columns[name] > 0).all()
    assert len(runs) <= rows


@repeatable(100)
@given(st.lists(st.tuples(st.sampled_from([0.0, -0.0, 1.0, math.nan]), st.sampled_from([None, "a", "b"])), min_size=1))
def test_copies_are_exact(pairs: list[tuple[float, str | None]]) -> None:
    runs = Runs({"x": np.array([number for number, _ in pairs])}, {"run": Labels.of([word for _, word in pairs])})
    keys = [(None if math.isnan(number) else number + 0.0, word) for number, word in pairs]
    assert copies(runs).tolist() == [key in keys[:index] for index, key in enumerate(keys)]


@repeatable(150)
@given(JSON)
def test_any_json_value_survives(value: Any) -> None:
    again = json.loads(to_json(value))
    assert again == plain(value)


@repeatable(100)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_random_toml(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "r.toml"
    path.write_bytes(data)
    judged(load_toml, path)


@pytest.mark.parametrize("options", [{"columns": 3}, {"units": 3}, {"conventions": 3}, {"group": []}, {"where": 3}])
def test_options_of_the_wrong_kind(refused: Any, options: dict[str, Any]) -> None:
    refused(DataError, read_runs, {"loss": [1.0]}, **options)
