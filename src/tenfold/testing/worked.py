"""Worked values: they hold, and they would notice a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from tenfold.core.law import Check, Law, predict

NUDGE = 1.01  # how far a coefficient or an input is moved
CLEAR = 100.0  # a change counts as noticed when it is this many times the tolerance of the worked value


def worked(law: Law) -> Iterator[str]:
    """Worked values given, on coefficients inside their domains, and equal to what the law says."""
    if not law.checks:
        yield "no worked value"
    for index, check in enumerate(law.checks):
        for kind, given, known in (
            ("coefficients", check.coef, law.coefs),
            ("inputs", check.inputs, law.inputs),
        ):
            if set(given) != set(known):
                yield f"worked value {index} gives {kind} {sorted(given)}, the law has {sorted(known)}"
                return
        for name, value in check.coef.items():
            if not law.coefs[name].contains(value):
                yield f"worked value {index}: {name} = {value:g} is outside {law.coefs[name].describe()}"
        if check.rel > 1e-3:
            yield f"worked value {index} has the tolerance {check.rel:g}, too wide to notice a change of 1 %"
        got = _value(law, check)
        if not abs(got - check.value) <= check.rel * abs(check.value):
            off = got / check.value - 1 if check.value else got
            yield f"worked value {index} is {check.value!r}, the law gives {got!r} (off by {off:.3g})"


def discriminates(law: Law) -> Iterator[str]:
    """A coefficient or an input moved by 1 %, or two of them swapped, changes a worked value."""
    for kind, names in (("coef", tuple(law.coefs)), ("inputs", law.inputs)):
        word = "coefficient" if kind == "coef" else "input"
        for name in names:
            seen = [_change(law, check, kind, {name: _nudged(getattr(check, kind)[name])}) for check in law.checks]
            if not any(change > CLEAR for change in seen):
                yield f"no worked value notices {word} {name!r} moved by 1 % ({_largest(seen)})"
        for one, two in combinations(names, 2):
            differing = [check for check in law.checks if getattr(check, kind)[one] != getattr(check, kind)[two]]
            if not differing:
                yield f"{word}s {one!r} and {two!r} are equal in every worked value, so a swap goes unseen"
                continue
            seen = [
                _change(law, check, kind, {one: getattr(check, kind)[two], two: getattr(check, kind)[one]})
                for check in differing
            ]
            if not any(change > CLEAR for change in seen):
                yield f"no worked value notices {word}s {one!r} and {two!r} swapped ({_largest(seen)})"


def _nudged(value: float) -> float:
    return value * NUDGE if value else NUDGE - 1.0


def _change(law: Law, check: Check, kind: str, moved: Mapping[str, float]) -> float:
    """By how many tolerances the value changes; a value that becomes undefined has changed."""
    inputs = {**check.inputs, **moved} if kind == "inputs" else check.inputs
    coef = {**check.coef, **moved} if kind == "coef" else check.coef
    before, after = _value(law, check), float(predict(law, coef, inputs))
    if not np.isfinite(after):
        return np.inf
    return abs(after - before) / (check.rel * abs(check.value)) if check.value else abs(after - before) / check.rel


def _value(law: Law, check: Check) -> float:
    return float(predict(law, check.coef, check.inputs))


def _largest(changes: list[float]) -> str:
    return f"largest change {max(changes, default=0.0):.3g} times the tolerance, {CLEAR:g} needed"
