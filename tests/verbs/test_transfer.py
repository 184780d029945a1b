"""The verdict on made sweeps whose answer is known, its bounds, and plain refusals."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from tenfold.core.errors import ConfigError, DataError
from tenfold.core.runs import Labels, Runs
from tenfold.report.transfer import draw, transfer_text
from tenfold.transfer import transfer

RATES = 2.0 ** np.arange(-7, 4)


def sweep(power, *, widths=(32, 64, 128, 256), seeds=2, noise=0.0, curvature=0.02, rates=RATES, group=None):
    """Loss a parabola in log rate about a best rate that moves as ``width**power``."""
    rng = np.random.default_rng(1)
    rows = [
        (width, seed, rate,
         1.5 + 8 / width + curvature * np.log2(rate / (width / 32) ** power) ** 2 + noise * rng.normal())
        for width in widths for seed in range(seeds) for rate in rates
    ]  # fmt: skip
    columns = dict(zip(("width", "seed", "lr_scale", "loss"), np.array(rows).T, strict=True))
    labels = {} if group is None else {"parameterization": Labels.of([group] * len(rows))}
    return Runs(columns, labels, source="made")


@pytest.mark.parametrize(
    ("power", "verdict"), [(0.0, "transfers"), (-1.0, "does not transfer"), (0.5, "does not transfer")]
)
def test_the_verdict_follows_the_slope(power, verdict):
    (found,) = transfer(sweep(power))
    assert found.verdict == verdict
    assert found.slope == pytest.approx(power, abs=1e-9)
    for best in found.bests:
        assert best.rate == pytest.approx((best.size / 32) ** power, rel=1e-9)
        assert best.loss == pytest.approx(1.5 + 8 / best.size, rel=1e-9)
        assert best.low < best.rate < best.high
    assert found.bests[0].price == pytest.approx(0, abs=1e-9)
    paid = 0.02 * np.log2(8**power) ** 2  # between grid points of a parabola on a line; on them, here
    assert found.bests[-1].copied == pytest.approx(found.bests[-1].loss + paid, rel=5e-3)


@pytest.mark.parametrize("seed", range(4))
def test_noise_widens_the_interval_and_keeps_the_truth(seed):
    (found,) = transfer(sweep(-0.5, seeds=4, noise=0.01 + 0.002 * seed))
    assert found.interval[0] < -0.5 < found.interval[1]
    assert found.interval[1] - found.interval[0] < 0.8


def test_an_optimum_at_the_end_of_the_sweep_is_a_bound():
    (found,) = transfer(sweep(-2.0))
    assert found.bests[-1].edge == ""
    (cut,) = transfer(sweep(-2.0, rates=RATES[4:]))
    assert cut.bests[-1].edge == "low"
    assert cut.verdict == "does not transfer"
    assert "a bound" in cut.reason
    (blind,) = transfer(sweep(0.0, rates=2.0 ** np.arange(1, 5)))
    assert blind.verdict == "not decided"
    assert "sweep further" in blind.reason


def test_a_flat_valley_costs_nothing_wherever_its_bottom_lies():
    (found,) = transfer(sweep(-0.5, curvature=1e-4))
    assert found.verdict == "not decided"
    assert "flatly" in found.reason


def test_runs_that_diverged_are_bad_rates():
    runs = sweep(0.0)
    rates, loss = runs.column("lr_scale"), runs.column("loss").copy()
    loss[rates > 3] = np.nan
    (found,) = transfer(runs.with_column("loss", loss))
    assert found.verdict == "transfers"
    assert found.bests[0].sensitivity < transfer(runs)[0].bests[0].sensitivity + 1.0
    assert np.isfinite(found.bests[0].sensitivity)


def test_groups_have_a_verdict_each(tmp_path):
    a, b = sweep(0.0, group="mup"), sweep(-1.0, group="standard")
    found = transfer(a.concat(b), by="parameterization")
    assert {each.group: each.verdict for each in found} == {"mup": "transfers", "standard": "does not transfer"}
    assert json.loads(json.dumps([each.to_dict() for each in found]))[0]["best"][0]["size"] == 32
    text = io.StringIO()
    Console(width=140, file=text).print(transfer_text(found))
    assert "standard: DOES NOT TRANSFER" in text.getvalue()
    for kind, magic in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        draw(found, tmp_path / f"picture.{kind}")
        assert (tmp_path / f"picture.{kind}").read_bytes().startswith(magic)
    with pytest.raises(ConfigError, match="no picture"):
        draw(found, tmp_path / "picture.bmp")


def test_refusals_say_what_is_missing():
    with pytest.raises(DataError, match="1 value of 'width'"):
        transfer(sweep(0.0, widths=(32,)))
    with pytest.raises(DataError, match="2 rates at width 32, needs 3"):
        transfer(sweep(0.0, rates=RATES[:2]))
    with pytest.raises(DataError, match="no column of made holds a rate that varies"):
        transfer(sweep(0.0).take(sweep(0.0).column("lr_scale") == 1.0))
    with pytest.raises(DataError, match="not positive"):
        transfer(sweep(0.0).with_column("lr_scale", -sweep(0.0).column("lr_scale")))
