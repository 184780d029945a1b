"""The functions a law may call, for every number system a law is evaluated in.

A law's body is written once and runs on NumPy arrays, JAX tracers, mpmath numbers and symbols. Arithmetic comes
from the operands; what is not arithmetic comes from here. The number system is found from the arguments, and JAX and
mpmath are looked up only when an argument already belongs to them, so importing this module costs NumPy alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core.expression import Expr, Untraceable, apply

FUNCTIONS = ("exp", "log", "sqrt", "expm1", "log1p", "logaddexp", "maximum", "minimum", "where", "softplus")


def _system(args: tuple[Any, ...]) -> str:
    for arg in args:
        if hasattr(arg, "__maths__"):
            return "own"
        if isinstance(arg, Expr):
            return "symbol"
        root = type(arg).__module__.split(".")[0]
        if root in ("jax", "jaxlib"):
            return "jax"
        if root == "mpmath":
            return "mpmath"
    return "numpy"


def _call(name: str, *args: Any) -> Any:
    system = _system(args)
    if system == "symbol":
        return apply(name, *args)
    if system == "own":
        return next(arg.__maths__ for arg in args if hasattr(arg, "__maths__"))(name, *args)
    if system == "jax":
        return _JAX[name](sys.modules["jax"], *args)
    if system == "mpmath":
        return _MPMATH[name](sys.modules["mpmath"], *args)
    return _NUMPY[name](*args)


def _softplus(x: Any) -> Any:
    t = np.exp(-np.abs(x))
    whole = 1.0 + t  # what rounding takes from 1 + t is put back; in cache three times as fast as logaddexp
    return np.maximum(x, 0.0) + (np.log(whole) + (t - (whole - 1.0)) / whole)


_NUMPY: dict[str, Callable[..., Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "logaddexp": np.logaddexp,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "where": np.where,
    "softplus": _softplus,
}
_JAX: dict[str, Callable[..., Any]] = {
    name: (lambda jax, *args, _name=name: getattr(jax.numpy, _name)(*args)) for name in FUNCTIONS if name != "softplus"
}
_JAX["softplus"] = lambda jax, x: jax.numpy.logaddexp(0.0, x)
_MPMATH: dict[str, Callable[..., Any]] = {
    "exp": lambda mp, x: mp.exp(x),
    "log": lambda mp, x: mp.log(x),
    "sqrt": lambda mp, x: mp.sqrt(x),
    "expm1": lambda mp, x: mp.expm1(x),
    "log1p": lambda mp, x: mp.log1p(x),
    "logaddexp": lambda mp, x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "maximum": lambda mp, x, y: max(x, y),
    "minimum": lambda mp, x, y: min(x, y),
    "where": lambda mp, c, x, y: x if c else y,
    "softplus": lambda mp, x: mp.log1p(mp.exp(x)),
}


def exp(x: Any) -> Any:
    """Natural exponential."""
    return _call("exp", x)


def log(x: Any) -> Any:
    """Natural logarithm."""
    return _call("log", x)


def sqrt(x: Any) -> Any:
    """Square root."""
    return _call("sqrt", x)


def expm1(x: Any) -> Any:
    """``exp(x) - 1`` without cancellation."""
    return _call("expm1", x)


def log1p(x: Any) -> Any:
    """``log(1 + x)`` without cancellation."""
    return _call("log1p", x)


def logaddexp(x: Any, y: Any) -> Any:
    """``log(exp(x) + exp(y))`` without overflow."""
    return _call("logaddexp", x, y)


def softplus(x: Any) -> Any:
    """``log(1 + exp(x))`` without overflow."""
    return _call("softplus", x)


def maximum(x: Any, y: Any) -> Any:
    """The larger of two values."""
    return _call("maximum", x, y)


def minimum(x: Any, y: Any) -> Any:
    """The smaller of two values."""
    return _call("minimum", x, y)


def where(condition: Any, x: Any, y: Any) -> Any:
    """``x`` where the condition holds, else ``y``. Both branches must be finite, or gradients are lost."""
    return _call("where", condition, x, y)


def solve_increasing(residual: Callable[[Any], tuple[Any, Any]], start: Any, *, steps: int = 60) -> Any:
    """The root of an increasing, smooth, scalar residual, by Newton's method from ``start``.

    ``residual(s)`` returns the value and the derivative at ``s``. Derivatives of the root with respect to whatever
    ``residual`` closes over are exact to second order: the root is found without derivatives, and two more steps
    along its slope are taken with them (one such step reproduces the first derivative, two the second).
    """
    system = _system((start,))
    if system == "symbol":
        raise Untraceable("a law defined by an equation has no closed expression")

    def step(s: Any) -> Any:
        value, slope = residual(s)
        return s - value / slope

    if system in ("jax", "own"):
        if system == "own":
            with start.plainly() as root:
                for _ in range(steps):
                    root = step(root)
                slope = residual(root)[1]
        else:
            root = _root(sys.modules["jax"], step, start, steps)
            slope = sys.modules["jax"].lax.stop_gradient(residual(root)[1])
        for _ in range(2):
            root = root - residual(root)[0] / slope
        return root
    for _ in range(2 + steps + 3 * (system == "mpmath")):  # 16 digits become 50 in two steps, with one to spare
        start = step(start)
    return start


def _root(jax: Any, step: Callable[[Any], Any], start: Any, steps: int) -> Any:
    """Where ``steps`` of them lead; what the step closes over becomes an argument, so that no derivative follows."""
    plain, held = jax.closure_convert(step, start)
    held, start = jax.lax.stop_gradient((held, start))
    return jax.lax.fori_loop(0, steps, lambda _, s: plain(s, *held), start)
