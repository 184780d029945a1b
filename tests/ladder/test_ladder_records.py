"""Records survive the file, the crash and the repetition."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from tenfold.core.errors import DataError
from tenfold.ladder.events import Board, effort
from tenfold.ladder.ladder import flops_of
from tenfold.ladder.pool import News
from tenfold.ladder.records import (
    Checkpoint,
    RunRecord,
    append_record,
    from_json,
    read_records,
    to_curve_rows,
    to_json,
    to_rows,
)
from tenfold.ladder.spec import RunSpec, Shape
from tenfold.ladder.table import cell, to_runs

SPEC = RunSpec(shape=Shape(width=32), steps=100, batch=4, seed=1, group="1e9")
DONE = RunRecord(
    spec=SPEC,
    status="finished",
    loss=1.5,
    curve=(Checkpoint(step=32, tokens=8192, flops=1.8e9, lr=8e-3, loss=2.5),),
    seconds=3.25,
    unique_tokens=25000,
    corpus_sha256="ab",
    initial_loss=4.85,
    versions={"python": "3"},
)
FAILED = RunRecord(spec=replace(SPEC, seed=2), status="failed", message="RuntimeError: no")


@pytest.mark.parametrize("record", [DONE, FAILED])
def test_json_round_trip(record):
    assert from_json(json.loads(json.dumps(to_json(record)))) == record


def test_undefined_losses_are_never_finished():
    for loss in (None, math.nan, math.inf):
        with pytest.raises(DataError, match="finite"):
            RunRecord(spec=SPEC, status="finished", loss=loss)
    with pytest.raises(DataError, match="has no loss"):
        RunRecord(spec=SPEC, status="diverged", loss=9.0)
    with pytest.raises(DataError, match="unknown status"):
        RunRecord(spec=SPEC, status="done")


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_torn_line_is_dropped_and_does_not_spoil_the_next(tmp_path, cut):
    path = tmp_path / "runs.jsonl"
    assert read_records(path) == []
    append_record(path, DONE)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:cut])
    assert read_records(path) == [DONE]
    append_record(path, FAILED)
    assert read_records(path) == [DONE, FAILED]


def test_a_repeated_run_counts_once(tmp_path):
    path = tmp_path / "runs.jsonl"
    again = replace(FAILED, status="finished", loss=2.0, message="")
    for record in (FAILED, DONE, again):
        append_record(path, record)
    assert read_records(path) == [DONE, again]


@pytest.mark.parametrize("line", ["{}", '{"spec": {"shape": {"width": 7}}}', "nonsense"])
def test_a_foreign_line_is_named(tmp_path, line):
    path = tmp_path / "runs.jsonl"
    append_record(path, DONE)
    with path.open("a") as file:
        file.write(line + "\n")
    append_record(path, FAILED)
    with pytest.raises(DataError, match="2"):
        read_records(path)


def test_rows_have_the_canonical_columns():
    finished, failed = to_rows([DONE, FAILED])
    assert finished == {
        "run": SPEC.run,
        "group": "1e9",
        "seed": 1,
        "status": "finished",
        "params": 36864,
        "params_hidden": 24576,
        "params_hidden_head": 28672,
        "params_total": 28672 + 3 * 128 * 32,
        "tokens": 25600,
        "unique_tokens": 25000,
        "flops": 6.0 * 36864 * 25600,
        "steps": 100,
        "batch_tokens": 256,
        "lr_peak": 8e-3,
        "width": 32,
        "depth": 2,
        "loss": 1.5,
        "seconds": 3.25,
    }
    assert (failed["status"], failed["loss"], failed["unique_tokens"]) == ("failed", None, None)


def test_rows_of_several_kinds_of_machine_say_which():
    other = replace(SPEC, seed=2)
    there = replace(DONE, spec=other, versions={"python": "3", "device": "a GPU"})
    rows = to_rows([DONE, there])
    assert [row["device"] for row in rows] == ["CPU", "a GPU"]
    assert cell({**rows[0], "group": "x"}) == cell({**rows[1], "group": "x"}), "seeds share a cell wherever they ran"
    assert to_runs([DONE, there]).labels["device"].names == ("CPU", "a GPU")
    assert to_curve_rows([DONE, FAILED]) == [
        {
            "run": SPEC.run,
            "seed": 1,
            "params": 36864,
            "width": 32,
            "depth": 2,
            "step": 32,
            "tokens": 8192,
            "flops": 1.8e9,
            "lr": 8e-3,
            "loss": 2.5,
        }
    ]


def test_the_board_knows_how_far_and_how_long():
    specs = [replace(SPEC, seed=seed) for seed in range(4)]
    clock = iter([100.0, 110.0, 120.0, 130.0, 140.0]).__next__
    board = Board(specs, specs[1:], clock=clock)
    cost = flops_of(SPEC)
    started = board.event(News(specs[1]))
    assert (started.kind, started.done_flops, started.eta_seconds) == ("started", cost, None)
    half = board.event(News(specs[1], 0.5, loss=3.0))
    assert (half.kind, half.loss, half.done_flops, half.total_flops) == ("progress", 3.0, 1.5 * cost, 4 * cost)
    assert half.flops_per_second == pytest.approx(0.5 * cost / 20)
    assert half.eta_seconds == pytest.approx(20 * 2.5 / 0.5)
    done = board.event(News(specs[1], 1.0, record=replace(DONE, spec=specs[1])))
    assert (done.kind, done.loss, done.done_flops) == ("finished", 1.5, 2 * cost)
    broken = board.event(News(specs[2], 1.0, record=replace(FAILED, spec=specs[2])))
    assert (broken.kind, broken.loss, broken.message) == ("failed", None, "RuntimeError: no")
    assert broken.eta_seconds == pytest.approx(40 * 1 / 2)


def test_narrow_models_take_longer_for_their_flops():
    narrow, wide = (RunSpec(shape=Shape(width=width), steps=10**9 // width**2, batch=4) for width in (16, 256))
    assert effort(narrow) / flops_of(narrow) > 2 * effort(wide) / flops_of(wide)
