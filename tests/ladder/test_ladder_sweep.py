"""Ladders in worker processes: complete, resumable after any end, one at a time in a folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest
from ladder_texts import write_text

from tenfold.core.errors import ConfigError, DataError
from tenfold.ladder import pool, sweep
from tenfold.ladder.corpora import CorpusSpec, load_corpus
from tenfold.ladder.ladder import BatchRule, Ladder, Row, cells
from tenfold.ladder.records import RunRecord, append_record, read_records
from tenfold.ladder.spec import Evaluation, Shape
from tenfold.ladder.sweep import RUNS_FILE, train, train_one


def test_a_ladder_is_trained_once(ladder, cache, tmp_path):
    events = []
    records = train(ladder, out=tmp_path, workers=1, on_event=events.append, cache=cache)
    assert [record.run for record in records] == [spec.run for spec in cells(ladder)]
    assert {record.status for record in records} == {"finished"}
    assert read_records(tmp_path / RUNS_FILE) == records
    for spec, record in zip(cells(ladder), records, strict=True):
        kinds = [event.kind for event in events if event.run == spec.run]
        assert kinds[0] == "started"
        assert kinds[-1] == "finished"
        assert set(kinds[1:-1]) == {"progress"}
        assert next(event.loss for event in reversed(events) if event.run == spec.run) == record.loss
    assert events[-1].done_flops == pytest.approx(events[-1].total_flops)
    assert events[-1].eta_seconds == pytest.approx(0, abs=1e-6)
    assert list(cache.iterdir())

    before = (tmp_path / RUNS_FILE).read_bytes()
    again = []
    assert train(ladder, out=tmp_path, workers=1, on_event=again.append, cache=cache) == records
    assert again == []
    assert (tmp_path / RUNS_FILE).read_bytes() == before


def toml(ladder: Ladder) -> str:
    rows = "".join(f"[[row]]\nflops = {row.flops}\nwidths = {list(row.widths)}\n" for row in ladder.rows)
    return (
        "[model]\ndepth = 1\ncontext = 16\n[batch]\nchoices = [64]\n"
        "[evaluation]\nwindows = 96\ncurve_windows = 64\ncurve_points = 3\n"
        f"[corpus]\nkind = 'folder'\npath = {json.dumps(ladder.corpus.path)}\n{rows}"
    )


@pytest.fixture
def endless(text):
    """A run that is done at once, and one that takes many minutes."""
    return Ladder(
        rows=(Row(3e7, (8,)), Row(1e13, (8,))),
        model=Shape(width=8, depth=1, context=16),
        batch=BatchRule(choices=(64,)),
        evaluation=Evaluation(windows=96, curve_windows=64, curve_points=3),
        corpus=text,
    )


def until(condition, process):
    """Wait for ``condition`` as long as ``process`` lives."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=lambda how: how.name)
def test_a_stopped_ladder_resumes(endless, cache, tmp_path, how):
    (tmp_path / "ladder.toml").write_text(toml(endless))
    path = tmp_path / "out" / RUNS_FILE
    process = subprocess.Popen(
        [sys.executable, "-m", "tenfold.ladder.sweep", "ladder.toml", "--out", "out", "--workers", "1"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        env={**os.environ, "TENFOLD_CACHE": str(cache.parent), "PYTHONPATH": pool._import_path()},
    )
    until(lambda: path.exists() and path.read_bytes().endswith(b"\n"), process)
    first = path.read_bytes()
    process.send_signal(how)
    _, errors = process.communicate()
    assert process.returncode == (-how if how is signal.SIGKILL else 130)
    assert b"Traceback" not in errors
    assert (b"stopped" in errors) == (how is not signal.SIGKILL)
    assert path.read_bytes() == first

    path.write_bytes(first + first[:100])
    short = replace(endless, rows=(endless.rows[0], Row(6e7, (8,))))
    records = train(short, out=tmp_path / "out", workers=1, cache=cache)
    assert path.read_bytes().startswith(first)
    assert [json.loads(line)["run"] for line in path.read_bytes().splitlines()] == [spec.run for spec in cells(short)]
    assert [record.status for record in records] == ["finished", "finished"]


def test_a_worker_without_a_reader_ends(endless, cache):
    """As when the ladder's process was killed: it does not go on for hours with nobody to tell."""
    planned = {"job": [asdict(cells(endless)[-1])]}
    process = subprocess.Popen(
        [sys.executable, "-m", "tenfold.ladder.worker", f"cache={cache}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **pool._ONE_THREAD, "PYTHONPATH": pool._import_path()},
    )
    process.stdin.write(json.dumps(planned).encode() + b"\n")
    process.stdin.flush()
    assert 0 < json.loads(process.stdout.readline())["fraction"] < 1
    process.stdin.close()
    process.stdout.close()
    assert process.wait() == 1


def test_a_run_that_breaks_is_told_and_tried_again(ladder, cache, tmp_path):
    text = CorpusSpec(kind="folder", path=str(write_text(tmp_path / "text")))
    broken = replace(ladder, corpus=text)
    load_corpus(text)
    shutil.move(tmp_path / "text", tmp_path / "away")
    events = []
    records = train(broken, out=tmp_path / "out", workers=1, on_event=events.append, cache=cache)
    assert [record.status for record in records] == ["failed"] * 3
    assert all("is not a folder" in record.message for record in records)
    assert [event.kind for event in events] == ["started", "failed"] * 3
    shutil.move(tmp_path / "away", tmp_path / "text")
    assert {record.status for record in train(broken, out=tmp_path / "out", workers=1, cache=cache)} == {"finished"}


def test_a_worker_that_dies_fails_its_run_only(ladder, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(pool.sys, "executable", shutil.which("false"))
    records = train(ladder, out=tmp_path, workers=2, cache=cache)
    assert [record.status for record in records] == ["failed"] * 3
    assert all("exit code 1" in record.message for record in records)


def test_one_process_at_a_time(ladder, cache, tmp_path):
    with sweep._locked(tmp_path), pytest.raises(DataError, match="another process"):
        train(ladder, out=tmp_path, cache=cache)


def test_texts_do_not_mix(ladder, cache, tmp_path, corpus):
    planned = cells(ladder)[0]
    append_record(tmp_path / RUNS_FILE, RunRecord(spec=planned, status="finished", loss=1.0, corpus_sha256="0" * 64))
    with pytest.raises(DataError, match="text with hash 000000000000") as caught:
        train(ladder, out=tmp_path, cache=cache)
    assert corpus.sha256[:12] in str(caught.value)


def test_refusals_come_before_the_work(ladder, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="workers = 0"):
        train(ladder, out=tmp_path / "a", workers=0)
    monkeypatch.setattr(pool, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="tenfold\\[train\\]"):
        train(ladder, out=tmp_path / "b")
    assert read_records(tmp_path / "a" / RUNS_FILE) == []
    assert sweep.main(["no-such-preset", "--out", str(tmp_path / "c")]) == 2


def test_one_run_is_trained_live(ladder, cache, text):
    told = []
    record = train_one(
        width=8, tokens=4096, seed=3, corpus=text, ladder=ladder, cache=cache, on_progress=lambda *news: told.append(news)
    )
    assert (record.status, record.spec.seed, record.spec.shape.width) == ("finished", 3, 8)
    assert record.spec.tokens == 4096
    assert told[0] == (0.0, None, None)
    assert told[-1] == (1.0, record.loss, 0.0)


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path))
    assert pool.default_cache() == tmp_path / "programs"
    monkeypatch.delenv("TENFOLD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert pool.default_cache() == tmp_path / "x" / "tenfold" / "programs"


def test_a_full_disk_ends_the_ladder_with_what_it_has(ladder, cache, tmp_path, monkeypatch):
    """The record that does not fit is not half-written, runs recorded before stay, and the same call goes on."""
    real, fits = sweep.append_record, iter([True, False])

    def append(path, record):
        if not next(fits):
            raise DataError(f"{path} cannot be written: no space left on device")
        real(path, record)

    monkeypatch.setattr(sweep, "append_record", append)
    with pytest.raises(DataError, match="no space left"):
        train(ladder, out=tmp_path, workers=1, cache=cache)
    kept = read_records(tmp_path / RUNS_FILE)
    assert [record.run for record in kept] == [cells(ladder)[0].run]
    monkeypatch.setattr(sweep, "append_record", real)
    whole = train(ladder, out=tmp_path, workers=1, cache=cache)
    assert whole[0] == kept[0]
    assert {record.status for record in whole} == {"finished"}


def test_one_process_a_gpu(ladder, cache, tmp_path, monkeypatch):
    """Each process sees one GPU and is not held to the CPU or to a core; here, without any, JAX falls back to the CPU."""
    started = []
    real = pool.subprocess.Popen

    def popen(arguments, **options):
        started.append((arguments, options["env"]))
        return real(arguments, **options)

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    monkeypatch.delenv("JAX_PLATFORMS")
    monkeypatch.setattr(pool.subprocess, "Popen", popen)
    records = train(ladder, out=tmp_path, cache=cache, device="gpu")
    assert {record.status for record in records} == {"finished"}
    assert sorted(environment["CUDA_VISIBLE_DEVICES"] for _, environment in started) == ["2", "3"]
    assert all("JAX_PLATFORMS" not in environment for _, environment in started)
    assert not any(argument.startswith("core=") for arguments, _ in started for argument in arguments)
    assert all("XLA_PYTHON_CLIENT_PREALLOCATE" not in environment for _, environment in started)
    started.clear()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    train(ladder, out=tmp_path / "shared", cache=cache, device="gpu", workers=2)
    places = [environment["CUDA_VISIBLE_DEVICES"] for _, environment in started]
    memory = {environment.get("XLA_PYTHON_CLIENT_PREALLOCATE") for _, environment in started}
    assert (places, memory) == (["2", "2"], {"false"}), "two processes on one GPU take memory as they need it"
    monkeypatch.setattr(pool.subprocess, "Popen", real)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="no GPU here"):
        train(ladder, out=tmp_path / "none", cache=cache, device="gpu")
