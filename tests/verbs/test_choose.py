"""The choice of laws: weights earned on withheld scales, one form counted once, forecasts between the members'."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from test_rank import grid

from tenfold import choose, forecast
from tenfold.choose import _rehearsed
from tenfold.core.errors import ConfigError, DataError
from tenfold.io.results import to_json
from tenfold.rank import Entry, scored
from tenfold.rehearse import Fold
from tenfold.stacking import POWER, by_score, middle, weigh

FORM = "E + A*N**-alpha + B*D**-beta"  # Chinchilla's law in words: the same form by another name
NEAR = ["chinchilla", "chinchilla[beta=alpha]", "skaling"]  # alike enough here that all of them weigh something
AT = [{"params": 1e10, "tokens": 1e12}, {"params": 1e9, "tokens": 1e11}]


@pytest.fixture(scope="module")
def runs():
    return grid(0.01)


@pytest.fixture(scope="module")
def choice(runs):
    return choose(runs, candidates=NEAR, resamples=120, certificate=False)


def test_weights_are_shares(choice):
    weights = [member.weight for member in choice.members]
    assert len(weights) > 1
    assert sum(weights) == pytest.approx(1.0, abs=1e-12)
    assert min(weights) > 0
    assert weights == sorted(weights, reverse=True)


def test_the_true_law_weighs_most_and_one_form_counts_once():
    made = choose(grid(), candidates=["kaplan_nd", FORM, "chinchilla", "kaplan_c"], resamples=60, certificate=False)
    assert {entry.law for entry in made.ranking.entries} >= {"chinchilla", FORM}
    first = made.members[0]
    assert first.fit.law.name in ("chinchilla", FORM)
    assert first.weight > 0.9  # the others err ten times as much on withheld scales, so weigh a ten-thousandth
    assert len({"chinchilla", FORM} & {member.fit.law.name for member in made.members}) == 1


def test_a_forecast_lies_between_its_members(choice, runs):
    made = forecast(choice, runs, at=AT)
    for point, prediction in zip(AT, made.predictions, strict=True):
        alone = np.array([float(member.fit.predict(**point)) for member in choice.members])
        assert alone.min() <= prediction.center <= alone.max()
        assert len(alone) == 3
        order = np.argsort(alone)
        share = np.array([member.weight for member in choice.members])[order]
        half = np.interp(0.5, np.cumsum(share) - share / 2, np.log(alone[order]))  # the weighted median, by numpy's own
        assert prediction.center == pytest.approx(np.exp(half), rel=1e-12)
        low, high = prediction.intervals[0.9]
        assert low < prediction.center < high


def test_draws_come_in_proportion_to_weights(choice):
    """Draws of all laws: their mean logarithm is the weighted mean of the laws' own, but for chance."""
    inputs = {"params": np.array([1e10]), "tokens": np.array([1e12])}
    many = choice.many(inputs, size=20_000, seed=1)
    assert many.shape == (20_000, 1)
    own = [np.log(member.draws.predict(**inputs)) for member in choice.members]
    expected = sum(member.weight * logs.mean() for member, logs in zip(choice.members, own, strict=True))
    spread = np.log(many).std() / np.sqrt(len(many))
    assert np.log(many).mean() == pytest.approx(expected, abs=5 * spread)  # five standard errors


def test_json_has_the_members_and_the_ranking(choice):
    saved = json.loads(to_json(choice.to_dict()))
    assert [member["law"] for member in saved["members"]] == [member.fit.law.name for member in choice.members]
    assert sum(member["weight"] for member in saved["members"]) == pytest.approx(1.0)
    assert set(saved["members"][0]) == {"law", "weight", "coef", "rms"}
    assert saved["law"] == choice.best.law.name
    assert saved["noise"] == choice.scatter.sd > 0
    assert saved["rehearsal"]["folds"]
    assert all(member["law"] in choice.formula() for member in saved["members"])


def entry(law: str, score: float, *, rms: float = 0.01, coefs: int = 3, folds: tuple[Fold, ...] = ()) -> Entry:
    return Entry(law, coefs, rms, score, folds, score=score)


def test_weights_fall_with_a_power_of_the_score():
    """By hand: far above the in-sample error that no score may undercut, half the error counts two to the power."""
    found = by_score([entry("a", 1.0, rms=1e-6), entry("b", 2.0, rms=1e-6, coefs=4)])
    assert found["a"] / found["b"] == pytest.approx(2.0**POWER, rel=1e-9)
    lucky = by_score([entry("a", 1e-9), entry("b", 0.01, coefs=4)])
    assert lucky["a"] / lucky["b"] == pytest.approx(2.0 ** (POWER / 2), rel=1e-6)  # sqrt(0 + l2) against sqrt(l2 + l2)


def test_a_law_that_weighs_nothing_is_left_out_and_without_scores_the_first_stands():
    assert list(by_score([entry("a", 0.01), entry("b", 1.0, coefs=4)])) == ["a"]
    assert by_score([entry("a", float("nan")), entry("b", float("nan"))]) == {"a": 1.0}


def test_weights_at_a_withheld_scale_do_not_come_from_that_scale(choice):
    """Make one law err there: the mixture's error there is the median with the weights of the other scales, unmoved.

    Elsewhere the law loses weight, because there that scale counts.
    """
    entries = [found for found in choice.ranking.entries if not found.null]
    spoiled = choice.members[0].fit.law.name
    target = max(fold.target for found in entries for fold in found.folds)
    others = [replace(e, folds=tuple(fold for fold in e.folds if fold.target != target)) for e in entries]
    shares = weigh(scored(others))

    def mixed(shift: float):
        changed = [_shifted(found, target, shift) if found.law == spoiled else found for found in entries]
        folds = _rehearsed(changed, choice.rehearsal.axis, choice.scatter.sd).folds
        there = {fold.fitted_to: np.array(fold.errors) for fold in folds if fold.target == target}
        for fitted_to, errors in there.items():
            own = {
                e.law: fold.errors
                for e in changed
                for fold in e.folds
                if (fold.target, fold.fitted_to) == (target, fitted_to)
            }
            assert errors == pytest.approx(_by_hand([own[law] for law in shares], list(shares.values())), rel=1e-9)
        return there, {(fold.fitted_to, fold.target): fold.error for fold in folds if fold.target != target}

    (base, before), (once, after) = mixed(0.0), mixed(0.2)
    assert base
    assert any(not np.allclose(base[key], once[key]) for key in base)
    assert before != after


def _by_hand(rows, weights):
    """The weighted median of every column, one at a time."""
    out = []
    for column in np.array(rows).T:
        order = np.argsort(column)
        share = np.array(weights)[order]
        out.append(np.interp(0.5, np.cumsum(share) - share / 2, column[order]))
    return out


def test_a_law_that_runs_away_does_not_carry_the_others_along():
    """A fifth of the weight on a law that is off by e^10: the mean would be off by e^2, the median by next to nothing."""
    found = middle([np.array([1.0]), np.array([1.02]), np.array([np.exp(10.0)])], [0.45, 0.35, 0.2])
    assert 1.0 <= float(found[0]) <= 1.02
    assert float(middle([np.array([1.0]), np.array([4.0])], [0.5, 0.5])[0]) == pytest.approx(2.0)  # alike: averaged
    assert float(middle([np.array([3.0])], [1.0])[0]) == pytest.approx(3.0, rel=1e-15)
    assert float(middle([np.array([-1.0]), np.array([3.0])], [0.5, 0.5])[0]) == pytest.approx(1.0)  # not by logarithms


def _shifted(found: Entry, target: float, shift: float) -> Entry:
    """An entry that errs by so much more at one withheld scale."""
    folds = []
    for fold in found.folds:
        if fold.target != target:
            folds.append(fold)
            continue
        errors = tuple(error + shift for error in fold.errors)
        rms = float(np.sqrt(np.mean(np.square(errors))))
        folds.append(replace(fold, errors=errors, error=float(np.mean(errors)), rms=rms))
    return replace(found, folds=tuple(folds))


def test_a_target_that_one_of_the_laws_cannot_take_is_told_so(choice, runs):
    said = (
        r"holds '.*' \(\d+%\), which takes params, tokens; the target names params; .*choose\(runs, given=\['params'\]\)"
    )
    with pytest.raises(ConfigError, match=said):
        forecast(choice, runs, at=[{"params": 1e9}])


def test_no_law_is_an_error_in_words(runs):
    with pytest.raises(DataError) as caught:
        choose(runs.with_column("loss", np.full(len(runs), np.nan)), candidates=NEAR, certificate=False)
    assert "loss" in str(caught.value)
