"""How functions are compiled by numba, and an exponential and a logarithm that it can vectorise.

Written out, because calls to the library's stay scalar. Neither may be reassociated, or the rounding trick in them would
be optimised away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from tenfold.engine.stored import forget_stale

Array = NDArray[np.float64]
F = TypeVar("F", bound=Callable[..., Any])

forget_stale()  # before anything that was compiled earlier is looked for

_MAGIC, _MAGIC_BITS = 6755399441055744.0, 0x4338000000000000  # 1.5 * 2**52: adding it rounds to a whole number
_LOG2E, _LN2_HIGH, _LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
_TOP, _BOTTOM = 709.782712893384, -708.3964185322641  # beyond, exp overflows or is below the smallest normal number


def jit(*, sums: bool = False, cache: bool = False, apart: bool = False) -> Callable[[F], F]:
    """Compile, into the caller unless kept apart; without counting references where nothing is allocated."""
    options: dict[str, Any] = {"cache": cache, "nogil": True, "error_model": "numpy", "_nrt": cache}
    options["fastmath"] = {"contract", "nsz", "reassoc"} if sums else {"contract"}
    return cast("Callable[[F], F]", numba.njit(forceinline=not (cache or apart), **options))


def _bitcast(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return builder.bitcast(args[0], context.get_value_type(signature.return_type))


def _float_of(context: Any, bits: Any) -> Any:
    """The float whose bits are an integer's."""

    return types.float64(types.int64), _bitcast


def _bits_of(context: Any, value: Any) -> Any:
    """The bits of a float as an integer."""

    return types.int64(types.float64), _bitcast


_as_float: Any = intrinsic(_float_of)
_as_bits: Any = intrinsic(_bits_of)


@jit()
def exp(given: float) -> float:
    """The exponential within one unit in the last place; subnormal results are flushed to zero."""
    y = given if given < _TOP else _TOP
    y = y if y > _BOTTOM else _BOTTOM
    rounded = y * _LOG2E + _MAGIC
    whole = rounded - _MAGIC
    r = (y - whole * _LN2_HIGH) - whole * _LN2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = 1.0 + (r + r * r * p)
    # in two halves: 2**1024 is not a number although e**709.7 is, nor is 2**-1023 a normal one
    n = _as_bits(rounded) - _MAGIC_BITS
    out = p * _as_float(((n >> 1) + 1023) << 52) * _as_float((n - (n >> 1) + 1023) << 52)
    out = out if given <= _TOP else np.inf
    out = out if given >= _BOTTOM else 0.0
    result: float = out if given == given else given
    return result


@jit()
def log(given: float) -> float:
    """The logarithm within one unit in the last place (the rational form of fdlibm's e_log.c)."""
    tiny = given < 2.2250738585072014e-308
    bits = _as_bits(given * 18014398509481984.0 if tiny else given)
    low = bits & 0x000FFFFFFFFFFFFF
    # mantissas above the root of two are halved
    carry = (low + 0x95F6400000000) & 0x10000000000000
    f = _as_float(low | (carry ^ 0x3FF0000000000000)) - 1.0
    exponent = (bits >> 52) + (carry >> 52) - 1023
    e = (_as_float(exponent + _MAGIC_BITS) - _MAGIC) - (54.0 if tiny else 0.0)
    s = f / (2.0 + f)
    z = s * s
    p = 1.479819860511658591e-01
    p = p * z + 1.531383769920937332e-01
    p = p * z + 1.818357216161805012e-01
    p = p * z + 2.222219843214978396e-01
    p = p * z + 2.857142874366239149e-01
    p = p * z + 3.999999999940941908e-01
    p = p * z + 6.666666666666735130e-01
    half = 0.5 * f * f
    y = e * _LN2_HIGH - ((half - (s * (half + p * z) + e * _LN2_LOW)) - f)
    y = y if given > 0.0 else (-np.inf if given == 0.0 else np.nan)
    result: float = y if given < np.inf else given
    return result


@jit(cache=True)
def exp_rows(x: Array) -> None:
    """``x = exp(x)`` in place."""
    for i in range(x.size):
        x[i] = exp(x[i])


@jit(cache=True)
def log_rows(x: Array, out: Array) -> None:
    """``out = log(x)``."""
    for i in range(x.size):
        out[i] = log(x[i])
