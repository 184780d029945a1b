"""The one place that asks JAX for 64-bit, as a context that leaves the user's settings alone."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any


def x64() -> AbstractContextManager[Any]:
    """64-bit inside the ``with``, whatever the user chose outside."""
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)  # type: ignore[no-any-return]  # JAX does not annotate it
    from jax import experimental

    return experimental.enable_x64()  # type: ignore[attr-defined, no-any-return]  # older JAX
