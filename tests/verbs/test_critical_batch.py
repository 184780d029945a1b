"""Steps against examples: exact on made curves, and plain refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.core.errors import DataError
from tenfold.core.runs import Labels, Runs
from tenfold.critical_batch import critical_batch, steps_to_target


def curves(batches=(64, 256, 1024, 4096, 16384), *, seeds=1, noise=0.0, factors=(1.0,)):
    """Checkpoints whose loss depends on the share of the steps that the law asks for: S_min 200, B_crit 1000 tokens."""
    rng = np.random.default_rng(0)
    rows = []
    for batch in batches:
        for seed in range(seeds):
            for factor in factors:
                needed = 200.0 * (1 + 1000.0 / batch) * factor * np.exp(noise * rng.normal())
                for step in np.geomspace(needed / 30, needed * 3, 25):
                    rows.append((f"b{batch}-{seed}-{factor}", batch, seed, step, 2.0 - 0.3 * np.log(step / needed)))
    columns = {
        "step": [row[3] for row in rows],
        "tokens": [row[1] * row[3] for row in rows],
        "loss": [row[4] for row in rows],
        "seed": [row[2] for row in rows],
    }
    return Runs(
        {name: np.array(values, float) for name, values in columns.items()}, {"run": Labels.of(r[0] for r in rows)}
    )


def test_made_curves_give_the_law_back():
    """Losses are linear in log step, so that reading between checkpoints is exact."""
    found = critical_batch(curves(seeds=2, factors=(1.0, 1.7)), target=2.0)
    assert found.batch == pytest.approx(1000.0, rel=1e-4)
    assert found.fit.coef["S_min"] == pytest.approx(200.0, rel=1e-4)
    assert found.missing == ()
    for batch, steps in found.steps:
        assert steps == pytest.approx(200 * (1 + 1000 / batch), rel=1e-6)
        assert (steps / 200 - 1) * (steps * batch / 200_000 - 1) == pytest.approx(1, rel=1e-4)


def test_noise_is_in_the_interval():
    found = critical_batch(curves(seeds=4, noise=0.05), target=2.0)
    low, high = found.interval
    assert low < 1000 < high
    assert high / low < 1.6
    assert found.to_dict()["least_tokens"] == pytest.approx(found.batch * found.fit.coef["S_min"])


def test_what_is_not_reached_is_named():
    some = curves((64, 256, 1024, 4096))
    short = some.take(~((some.column("tokens") / some.column("step") == 64) & (some.column("loss") < 2.1)))
    found = critical_batch(short, target=2.0)
    assert found.missing == (64.0,)
    with pytest.raises(DataError, match=r"0 batches .* reach a loss of 0.5, needs 3"):
        critical_batch(some, target=0.5)
    assert steps_to_target(some, target=5.0) == ([], [64.0, 256.0, 1024.0, 4096.0])
