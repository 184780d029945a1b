"""Ladder files: presets, overrides, and errors that name the key."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tenfold.core.errors import ConfigError
from tenfold.ladder.config import load_ladder, parse_ladder
from tenfold.ladder.ladder import Row

ROWS = [{"flops": 1e9, "widths": [8, 16], "seeds": 2}]


@pytest.mark.parametrize(
    ("values", "path", "words"),
    [
        ({"preset": "byts", "row": ROWS}, "preset", "did you mean 'bytes'"),
        ({"row": ROWS, "optimiser": {}}, "optimiser", "did you mean 'optimizer'"),
        ({"row": ROWS, "optimizer": {"lr_embd": 1.0}}, "optimizer.lr_embd", "'lr_embed'"),
        ({"row": ROWS, "optimizer": {"schedule": "cosin"}}, "optimizer.schedule", "did you mean 'cosine'"),
        ({"row": ROWS, "optimizer": {"parameterization": "mp"}}, "optimizer.parameterization", "did you mean 'mup'"),
        ({"row": ROWS, "optimizer": {"lr_head": -1.0}}, "optimizer.lr_head", "-1.0"),
        ({"row": ROWS, "optimizer": {"lr_head": "3e-2"}}, "optimizer.lr_head", "3e-2"),
        ({"row": ROWS, "family": "transformr"}, "family", "did you mean 'transformer'"),
        ({"row": ROWS, "model": {"vocab": 64}}, "model.vocab", "64"),
        ({"row": ROWS, "model": {"context": 0}}, "model.context", "0"),
        ({"row": [{"flops": 1e9, "width": [8]}]}, "row[0].width", "did you mean 'widths'"),
        ({"row": [*ROWS, {"flops": 2e9, "widths": [12]}]}, "row[1].widths", "use 16"),
        ({"row": [{"flops": 1e9, "widths": [8, 8]}]}, "row[0].widths", "repeat"),
        ({"row": ROWS + ROWS}, "row", "same flops"),
        ({"row": []}, "row", "at least 1"),
        ({}, "row", "required"),
    ],
)
def test_errors_name_the_key_and_the_way_out(values, path, words):
    with pytest.raises(ConfigError) as caught:
        parse_ladder(values)
    assert caught.value.path == path
    assert words in str(caught.value)


def test_a_file_overrides_its_preset(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        'preset = "bytes"\n[optimizer]\nwarmup = 0.1\n[corpus]\nkind = "folder"\npath = "texts"\n'
        "[[row]]\nflops = 1e9\nwidths = [16, 8]\n"
    )
    ladder, base = load_ladder(file), load_ladder("bytes")
    assert ladder.rows == (Row(1e9, (8, 16)),)
    assert ladder.optimizer.warmup == 0.1
    assert ladder.optimizer.lr_head == base.optimizer.lr_head
    assert ladder.model == base.model
    assert ladder.corpus.path == str(tmp_path / "texts")
    assert load_ladder(str(file)) == ladder


def test_absent_and_broken_files(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'bytes-8min'"):
        load_ladder("bytes-8mn")
    (tmp_path / "broken.toml").write_text("row = [")
    with pytest.raises(ConfigError, match="not TOML"):
        load_ladder(tmp_path / "broken.toml")


def test_plans_and_records_need_no_jax():
    code = (
        "import sys; from tenfold.ladder import config, records, sweep; from tenfold.ladder.ladder import cells; "
        "cells(config.load_ladder('bytes')); assert 'jax' not in sys.modules and 'optax' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
