"""Stacked weights: the optimum of what they minimise, found by others too, and where they must not move."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from tenfold.rank import Entry
from tenfold.rehearse import Fold
from tenfold.stacking import by_score, stack, weigh


def _objective(a, errors, rows, start, luck, folds):
    size = np.sqrt((a @ errors) ** 2 + luck**2) @ rows
    unit = min(np.sqrt(row**2 + luck**2) @ rows for row in errors)
    return (folds - 1) * size / unit + np.sum(a * np.log(a / start))


@pytest.mark.parametrize("seed", range(6))
def test_no_optimiser_finds_a_better_point_of_the_simplex(seed):
    """SciPy's SLSQP on the formula as written, from many starts; 1e-9 is what its own tolerance leaves."""
    rng = np.random.default_rng(seed)
    k, n = 5, 14
    errors = 0.02 * rng.standard_normal((k, n)) + 0.03 * rng.standard_normal((k, 1))
    rows = rng.dirichlet(np.ones(n))
    start = rng.dirichlet(np.ones(k))
    luck, folds = 0.002, 4.0
    ours = stack(errors, rows, start, luck=luck, folds=folds)
    assert ours.sum() == pytest.approx(1.0, abs=1e-12)
    assert (ours > 0).all()
    value = _objective(ours, errors, rows, start, luck, folds)
    for first in [start, *rng.dirichlet(np.ones(k), 4)]:
        theirs = minimize(
            _objective,
            first,
            args=(errors, rows, start, luck, folds),
            method="SLSQP",
            bounds=[(1e-12, 1.0)] * k,
            constraints={"type": "eq", "fun": lambda a: a.sum() - 1.0},
            options={"ftol": 1e-14, "maxiter": 1000},
        )
        assert value <= theirs.fun + 1e-9


def test_one_fold_moves_no_weight():
    errors = np.array([[0.01, 0.02], [-0.05, -0.02]])
    assert stack(errors, np.full(2, 0.5), np.array([0.7, 0.3]), luck=0.001, folds=1.0) == pytest.approx([0.7, 0.3])


def test_many_folds_leave_the_start_for_what_errs_least():
    """Two laws that err to opposite sides, one three times as far: with folds without end they weigh three to one."""
    errors = np.array([[0.01, 0.01, 0.01], [-0.03, -0.03, -0.03]])
    found = stack(errors, np.full(3, 1 / 3), np.array([0.5, 0.5]), luck=1e-6, folds=1e9)
    assert found == pytest.approx([0.75, 0.25], abs=1e-4)


def _entry(law: str, errors: dict[tuple[float, float], tuple[float, ...]], *, coefs: int = 3, score: float = 0.02):
    folds = tuple(
        Fold(edge, target, 0.5, len(row), float(np.mean(row)), float(np.sqrt(np.mean(np.square(row)))), 0.0, {}, row)
        for (edge, target), row in errors.items()
    )
    return Entry(law, coefs, 0.002, score, folds, score=score)


def test_laws_that_err_to_opposite_sides_gain_on_one_that_errs_as_far_alone():
    keys = [(1e18, 1.2e18), (1e18, 1.4e18), (1.05e18, 1.4e18)]
    high = _entry("high", dict.fromkeys(keys, (0.02, 0.02)))
    low = _entry("low", dict.fromkeys(keys, (-0.02, -0.02)), coefs=4)
    same = _entry("same", dict.fromkeys(keys, (0.02, 0.021)), coefs=5)
    before, after = by_score([high, low, same]), weigh([high, low, same])
    assert before["low"] == pytest.approx(1 / 3)
    assert after["low"] > 0.4
    assert sum(after.values()) == pytest.approx(1.0)


def test_folds_that_a_law_lacks_do_not_count():
    """The last fold is where 'low' would help, but 'same' could not be fitted there: nothing in common, nothing moves."""
    high = _entry("high", {(1e18, 2e18): (0.02,)})
    low = _entry("low", {(1e18, 2.5e18): (-0.02,)}, coefs=4)
    assert weigh([high, low]) == by_score([high, low])
