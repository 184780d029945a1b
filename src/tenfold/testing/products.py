"""Multiplications in a traced program, counted from its equations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any


def multiplications(jaxpr: Any, /) -> int:
    """Multiplications of all matrix products and convolutions of a jaxpr, inner programs and loops included.

    A convolution counts every product of an output with its kernel, padding included; a ragged product counts every
    row once; a loop counts its body as often as it runs; of a branch, the larger side counts.

    Example:
        >>> import jax, numpy as np
        >>> a, b = np.ones((2, 3)), np.ones((3, 4))
        >>> multiplications(jax.make_jaxpr(lambda a, b: a @ b)(a, b).jaxpr)
        24
    """
    total = 0
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name in _COUNTED:
            total += _COUNTED[name](equation)
        elif name == "cond":
            total += max(multiplications(branch.jaxpr) for branch in equation.params["branches"])
        else:
            times = equation.params["length"] if name == "scan" else 1
            total += times * sum(multiplications(inner) for inner in _inner(list(equation.params.values())))
    return total


def _inner(values: Any) -> Iterator[Any]:
    """Programs among the parameters of an equation."""
    for value in values:
        program = getattr(value, "jaxpr", value)
        if hasattr(program, "eqns"):
            yield program
        elif isinstance(value, (list, tuple)):
            yield from _inner(value)


def _dot(equation: Any) -> int:
    (contracted, _), _ = equation.params["dimension_numbers"]
    sizes = equation.invars[0].aval.shape
    return int(math.prod(equation.outvars[0].aval.shape) * math.prod(sizes[axis] for axis in contracted))


def _ragged(equation: Any) -> int:
    (contracted, _), _ = equation.params["ragged_dot_dimension_numbers"].dot_dimension_numbers
    sizes = equation.invars[0].aval.shape
    return int(math.prod(equation.outvars[0].aval.shape) * math.prod(sizes[axis] for axis in contracted))


def _convolution(equation: Any) -> int:
    kernel = equation.invars[1].aval.shape
    outputs = kernel[equation.params["dimension_numbers"].rhs_spec[0]]
    return int(math.prod(equation.outvars[0].aval.shape) * math.prod(kernel) // outputs)


_COUNTED = {
    "dot_general": _dot,
    "ragged_dot": _ragged,
    "ragged_dot_general": _ragged,
    "conv_general_dilated": _convolution,
}
