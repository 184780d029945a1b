"""Numbers as a report prints them: digits matched to the uncertainty, units people say.

>>> interval(7.2e10, (5.5e10, 9.6e10), axis="params")
'72 B [55, 96]'
>>> interval(1.7836, (1.7512, 1.8107))
'1.784 [1.751, 1.811]'
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tenfold.core.axes import Axis, axis_of, say
from tenfold.core.errors import LawError

MISSING = "–"  # what stands where a number could not be had
_FACTORS = {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_WIDE = 30.0  # an interval whose ends differ by more than this factor prints each end with its own suffix
_MOST = 7  # digits after the point that no interval justifies going beyond


def finite(value: float | None) -> bool:
    """Whether there is a number to print."""
    return value is not None and math.isfinite(value)


def decimals(half: float, *, digits: int = 2) -> int:
    """Places after the point that show ``half`` to so many significant digits.

    >>> decimals(0.0315), decimals(20.5), decimals(250.0)
    (3, 0, -1)
    """
    if not (math.isfinite(half) and half > 0):
        return 3
    return min(max(digits - 1 - math.floor(math.log10(half) + 1e-9), -12), _MOST)


def fixed(value: float | None, places: int) -> str:
    """A number with so many places; negative places round to tens, hundreds …

    >>> fixed(1234.5, -2), fixed(-0.0001, 2)
    ('1200', '0.00')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    rounded = round(value, places) + 0.0
    text = f"{rounded:.{max(places, 0)}f}"
    return text[1:] if text.startswith("-") and float(text) == 0 else text


def plain(value: float | None, *, digits: int = 4) -> str:
    """A number without an interval, to so many significant digits, never in bare ``e`` notation between 1e-4 and 1e6.

    >>> plain(0.34731), plain(2143.4173), plain(123456789.0), plain(None)
    ('0.3473', '2143', '1.235e8', '–')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6 or size < 1e-4:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return fixed(value, min(max(digits - 1 - math.floor(math.log10(size)), 0), 9))


def quantity(value: float | None, axis: Axis | str | None = None, *, unit: bool = True, digits: int = 2) -> str:
    """A value on an axis as people say it (see :func:`tenfold.core.axes.say`), or a dash."""
    return MISSING if value is None or not math.isfinite(value) else say(value, _axis(axis), digits=digits, unit=unit)


def interval(
    value: float | None,
    pair: Sequence[float | None] | None,
    *,
    axis: Axis | str | None = None,
    unit: bool = True,
) -> str:
    """A value with its interval, all three to the digits that the interval's width justifies.

    ``axis`` gives the suffix and the unit; without it the number stands as it is. Without an interval, or with one of no
    width, only the value is printed.
    """
    known = _axis(axis)
    if value is None or not math.isfinite(value):
        return MISSING
    low, high = (pair[0], pair[1]) if pair is not None and len(pair) == 2 else (None, None)
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)) or not low < high:
        return say(value, known, digits=3, unit=unit) if known is not None else plain(value)
    low, high = float(low), float(high)
    tail = _tail(known) if unit else ""
    if low > 0 and high / low > _WIDE:
        return f"{_one(value, known)} [{_one(low, known)}, {_one(high, known)}]{tail}"
    if known is not None and known.spoken == "power" and value > 0:
        return _powers(value, low, high) + tail
    factor, suffix = _suffix(value, known)
    places = _places(value / factor, low / factor, high / factor)
    numbers = [fixed(part / factor, places) for part in (value, low, high)]
    if abs(value / factor) >= 1e6 or (0 < abs(value / factor) < 1e-4):
        numbers = [plain(part / factor, digits=3) for part in (value, low, high)]
    return f"{numbers[0]}{suffix} [{numbers[1]}, {numbers[2]}]{tail}"


def with_error(value: float | None, error: float | None) -> str:
    """A value and its standard error to matching digits, e.g. ``0.347 ± 0.012``."""
    if not finite(value):
        return MISSING
    if error is None or not math.isfinite(error) or error <= 0:
        return plain(value)
    assert value is not None
    if max(abs(value), error) >= 1e6 or error < 1e-6:
        return f"{plain(value, digits=3)} ± {plain(error, digits=2)}"
    places = decimals(error)
    return f"{fixed(value, places)} ± {fixed(error, places)}"


def percent(value: float | None, *, sign: bool = False) -> str:
    """A fraction as a percentage with two significant digits.

    >>> percent(0.00412), percent(0.027, sign=True), percent(0.183), percent(0.0)
    ('0.41 %', '+2.7 %', '18 %', '0 %')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    scaled = 100.0 * value
    if abs(scaled) < 5e-4:
        return "0 %"
    if abs(scaled) >= 1e6:
        return f"{'+' if sign and value > 0 else ''}{plain(scaled, digits=2)} %"
    places = min(max(decimals(abs(scaled)), 0), 3)
    text = fixed(scaled, places)
    return ("+" if sign and scaled > 0 and float(text) != 0 else "") + text + " %"


def decades(value: float | None) -> str:
    """A number of decades, e.g. ``1.5 decades``.

    >>> decades(1.0), decades(0.482)
    ('1.0 decades', '0.5 decades')
    """
    return f"{MISSING} decades" if value is None or not math.isfinite(value) else f"{value:.1f} decades"


def share(value: float | None) -> str:
    """A share of a whole, e.g. ``98 %``; never rounded up to all of it.

    >>> share(1.0), share(0.998), share(0.004)
    ('100 %', '99 %', 'under 1 %')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if not 0 <= value <= 1:
        return percent(value)
    if 0 < value < 0.01:
        return "under 1 %"
    return f"{math.floor(100 * value + 1e-9)} %"


def count(many: int, noun: str) -> str:
    """A counted noun, e.g. ``1 run``, ``27 runs``."""
    return f"{many:,} {noun}{'' if many == 1 else 's'}".replace(",", " ")


def _axis(axis: Axis | str | None) -> Axis | None:
    if not isinstance(axis, str):
        return axis
    try:
        return axis_of(axis)
    except LawError:  # a column that is no axis is printed as a bare number
        return None


def _tail(axis: Axis | None) -> str:
    return f" {axis.unit}" if axis is not None and axis.unit and axis.unit != "parameters" else ""


def _one(value: float, axis: Axis | None) -> str:
    return say(value, axis, unit=False) if axis is not None else plain(value, digits=2)


def _suffix(value: float, axis: Axis | None) -> tuple[float, str]:
    """The factor and the suffix that :func:`say` chose."""
    if axis is None or axis.spoken != "si":
        return 1.0, ""
    word = say(value, axis, unit=False).partition(" ")[2]
    return (_FACTORS[word], f" {word}" if word else "") if word in _FACTORS else (1.0, "")


def _places(value: float, low: float, high: float) -> int:
    """Places that show the smaller side of the interval to two digits, and each end as something else than nothing."""
    sides = [abs(value - low), abs(high - value)]
    half = min((side for side in sides if side > 0.02 * (high - low)), default=0.5 * (high - low))
    places = decimals(half)
    if low > 0:
        places = max(places, min(decimals(low, digits=1), decimals(half) + 2))
    return max(places, 0)


def _powers(value: float, low: float, high: float) -> str:
    """``3.2e11 [2.9e11, 3.5e11]`` with the digits that the width justifies."""
    digits = min(max(1 + decimals(min(value - low, high - value) / value, digits=1), 2), 5) if low < value < high else 2
    parts = []
    for part in (value, low, high):
        mantissa, exponent = f"{part:.{digits - 1}e}".split("e")
        parts.append(f"{mantissa}e{int(exponent)}")
    return f"{parts[0]} [{parts[1]}, {parts[2]}]"
