"""Each published number is reproduced, or its difference is pinned and explained."""

from __future__ import annotations

import pytest

from reproduce.record import Target, reproductions

ALL = reproductions()
CASES = [(name, what) for name, found in ALL.items() for what in found.targets]


@pytest.mark.parametrize(("name", "what"), CASES, ids=[f"{name}-{what}" for name, what in CASES])
def test_reproduced(name, what):
    found = ALL[name]
    target: Target = found.targets[what]
    value = found.values()[what]
    assert abs(value - target.aim) <= target.tolerance, (
        f"{found.source}: {what} is {target.published:g} there, {value:g} here (allowed {target.tolerance:g})"
    )


@pytest.mark.parametrize("name", list(ALL))
def test_a_tolerance_is_tight_enough_to_mean_something_and_has_a_reason(name):
    found = ALL[name]
    assert len(found.reason) > 30, found.reason
    assert len(found.source) > 10, found.source
    for what, target in found.targets.items():
        assert target.tolerance > 0, what
        assert target.tolerance <= max(0.25 * abs(target.aim), 1e-12) or target.aim == 0, (what, target.tolerance)
