"""What a family says of each of its weight arrays, and initial weights from that."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.ladder.lazy import jax, jnp

KINDS = ("embed", "hidden", "readout", "bias", "gain")
"""``embed``: finite inputs, growing outputs (token and position tables, a first layer on raw inputs).
``hidden``: both grow. ``readout``: growing inputs, finite outputs. ``bias`` and ``gain``: vectors."""


@dataclass(frozen=True)
class Tensor:
    """One weight array, as its family declares it.

    Attributes:
        size: the array's shape.
        kind: one of ``KINDS``.
        fan_in: inputs that one output sums over (channels times kernel for a convolution); 1 for vectors and tables.
        fan_out: outputs that one input reaches.
        std: factor on the initial standard deviation; 0 starts at zero. Ignored for vectors.
        rate: factor on the learning rate.
        group: whose base rate applies: ``embed``, ``hidden`` or ``head``.
        branch: inside a residual branch, so that rules for depth apply.
    """

    size: tuple[int, ...]
    kind: str
    fan_in: int = 1
    fan_out: int = 1
    std: float = 1.0
    rate: float = 1.0
    group: str = "hidden"
    branch: bool = False

    @property
    def numbers(self) -> int:
        """How many numbers the array holds."""
        return int(np.prod(self.size))


Weights = dict[str, Any]
"""Arrays by the names under which the family declares them."""


def embed(*size: int, fan_out: int, std: float = 1.0, branch: bool = False) -> Tensor:
    """A table of vectors, or a first layer on raw inputs."""
    return Tensor(size, "embed", 1, fan_out, std, group="embed", branch=branch)


def hidden(*size: int, fan_in: int, fan_out: int, std: float = 1.0, rate: float = 1.0, branch: bool = True) -> Tensor:
    """A matrix or a kernel between two growing widths."""
    return Tensor(size, "hidden", fan_in, fan_out, std, rate, branch=branch)


def readout(*size: int, fan_in: int, fan_out: int, std: float = 1.0) -> Tensor:
    """The last layer: from the width to a fixed number of outputs."""
    return Tensor(size, "readout", fan_in, fan_out, std, group="head")


def bias(size: int, *, branch: bool = True) -> Tensor:
    """A vector that starts at zero."""
    return Tensor((size,), "bias", 1, size, 0.0, branch=branch)


def gain(size: int, *, branch: bool = True) -> Tensor:
    """A vector that starts at one."""
    return Tensor((size,), "gain", 1, size, 0.0, branch=branch)


def draw(
    key: Any,
    tensors: Mapping[str, Tensor],
    stds: Mapping[str, float],
    *,
    key_of: Callable[[Any, str], Any] | None = None,
) -> Weights:
    """Initial weights in float32.

    Args:
        key: a JAX key.
        tensors: the declarations.
        stds: standard deviation of each ``embed``, ``hidden`` and ``readout`` tensor.
        key_of: the key of a tensor by its name; default: the name's checksum folded into ``key``, so that a
            tensor's values do not depend on what else the family has.
    """
    of = key_of or fold
    weights = {}
    for name, tensor in tensors.items():
        if tensor.kind == "gain":
            weights[name] = jnp.ones(tensor.size, jnp.float32)
        elif tensor.kind == "bias" or not stds[name]:
            weights[name] = jnp.zeros(tensor.size, jnp.float32)
        else:
            weights[name] = stds[name] * jax.random.normal(of(key, name), tensor.size, jnp.float32)
    return weights


def fold(key: Any, name: str) -> Any:
    """The key of one tensor: ``key`` with the name's checksum folded in."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))
