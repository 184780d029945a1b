"""The default ladder's invariants: rows, ids, batches, rates, schedules, order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tenfold.core.errors import ConfigError
from tenfold.ladder.config import load_ladder, presets
from tenfold.ladder.counting import params_hidden_head
from tenfold.ladder.ladder import BatchRule, Ladder, cells, flops_of, plan_run
from tenfold.ladder.models import Model
from tenfold.ladder.schedule import SCHEDULES, cosine, factors, linear, wsd
from tenfold.ladder.spec import Optimizer, Shape


@pytest.fixture(scope="module")
def bytes_ladder():
    return load_ladder("bytes")


def test_rows_surround_the_expected_optimum(bytes_ladder):
    assert [row.flops for row in bytes_ladder.rows] == [1e11, 3e11, 1e12, 3e12, 1e13, 3e13, 1e14]
    for row in bytes_ladder.rows:
        sizes = [params_hidden_head(Shape(width=width)) for width in row.widths]
        assert len(sizes) == 6
        assert sizes[1] < 2.2e5 * (row.flops / 1e13) ** 0.45 < sizes[-2]
        assert row.seeds == (3 if row.flops <= 1e12 else 2)


def test_ids_are_unique_and_stay(bytes_ladder):
    """Shipped tables name these runs: a changed id means a changed recipe."""
    ids = [spec.run for spec in cells(bytes_ladder)]
    assert len(set(ids)) == len(ids) == 6 * (3 * 3 + 4 * 2)
    assert ids[0] == "1e11-d32-s0-5549f488"


def test_an_id_names_the_content_and_not_the_place(bytes_ladder):
    spec = cells(bytes_ladder)[0]
    digest = spec.run[-8:]
    assert replace(spec, group="other").run[-8:] == digest
    assert replace(spec, corpus=replace(spec.corpus, path="elsewhere")).run[-8:] == digest
    for other in (
        replace(spec, seed=1),
        replace(spec, steps=spec.steps + 1),
        replace(spec, optimizer=replace(spec.optimizer, warmup=0.1)),
        replace(spec, shape=replace(spec.shape, width=40)),
    ):
        assert other.run[-8:] != digest


def test_every_prefix_is_a_ladder(bytes_ladder):
    """A second seed never comes before the first, and rows fill from the middle."""
    planned = cells(bytes_ladder)
    place = {(spec.group, spec.shape.width, spec.seed): number for number, spec in enumerate(planned)}
    for (group, width, seed), number in place.items():
        if seed:
            assert place[group, width, seed - 1] < number
    for row in bytes_ladder.rows:
        mine = [spec for spec in planned if spec.group == f"{row.flops:.0e}".replace("e+", "e") and spec.seed == 0]
        assert {spec.shape.width for spec in mine[:2]} == set(row.widths[2:4])
    first = [flops_of(spec) for spec in planned if spec.seed == 0]
    assert all(later > 0.9 * max(first[: number + 1]) for number, later in enumerate(first))


def test_runs_spend_their_budget(bytes_ladder):
    for spec in cells(bytes_ladder):
        assert flops_of(spec) == pytest.approx(float(spec.group), rel=0.5 / spec.steps + 1e-12)
        assert spec.steps > 1000


@pytest.mark.parametrize(
    ("tokens", "batch"), [(1e4, 128), (1.5e6, 256), (4.5e5, 128), (2.26e6, 384), (6e6, 512), (1.36e7, 768), (1e9, 1024)]
)
def test_the_batch_follows_the_tokens(tokens, batch):
    assert BatchRule().batch_tokens(tokens) == batch


def test_a_run_has_either_flops_or_tokens():
    ladder = Ladder(rows=())
    spec = plan_run(ladder, 32, tokens=1e6)
    assert spec.tokens == pytest.approx(1e6, rel=1e-3)
    assert plan_run(ladder, 32, flops=flops_of(spec)) == spec
    for wrong in ({}, {"flops": 1e9, "tokens": 1e6}, {"tokens": 0}, {"flops": float("nan")}):
        with pytest.raises(ConfigError):
            plan_run(ladder, 32, **wrong)


def test_rates_follow_the_width():
    def rates(width, parameterization):
        model = Model("transformer", Shape(width=width), Optimizer(parameterization=parameterization))
        return {name.removeprefix("blocks.1."): rate for name, rate in model.rates.items() if "blocks.0" not in name}

    wide = rates(64, "mup")
    assert wide == {"embed": 4e-2, "qkv": 4e-3, "out": 4e-3, "up": 4e-3, "down": 2e-3, "head": 1.5e-2}
    for name, rate in wide.items():
        assert rates(8, "standard")[name] == rate * (1 if name == "embed" else 2)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("total", [1, 7, 1000])
def test_schedules_stay_between_zero_and_one(name, total):
    rates = SCHEDULES[name](np.arange(total), total, warmup=0.05)
    assert np.all((rates > 0) & (rates <= 1))
    settings = Optimizer(schedule=name, custom=(1.0, 0.5))
    assert np.array_equal(factors(settings, steps=np.arange(total, total + 3), total=total), np.zeros(3))
    if name not in ("constant", "custom"):
        assert SCHEDULES[name](total, total, warmup=0.05) == pytest.approx(0, abs=1e-12)


def test_schedules_have_their_shapes():
    steps = np.arange(1000)
    np.testing.assert_allclose(linear(steps[100:], 1000), 1 - (steps[100:] + 0.5) / 1000)
    np.testing.assert_allclose(linear(24, 1000), 0.49 * (1 - 0.0245))
    np.testing.assert_allclose(cosine(499.5, 1000), 0.5)
    np.testing.assert_allclose(wsd(steps[60:599], 1000), 1.0)
    np.testing.assert_allclose(wsd(799.5, 1000), 0.5)
    assert linear(0, 1000, warmup=0.0) == pytest.approx(0.9995)


def test_presets_are_found_and_sound():
    assert {"bytes", "bytes-8min", "demo"} <= set(presets())
    for name in presets():
        assert len(cells(load_ladder(name))) >= 2
    short, full = load_ladder("bytes-8min"), load_ladder("bytes")
    assert {spec.run for spec in cells(short)} < {spec.run for spec in cells(full)}
