"""A vision transformer over images.

Patches become vectors by one linear map, learned positions are added, then come pre-norm blocks of attention over all
patches and an MLP, a last norm and the readout of the mean or of a class token (Dosovitskiy et al. 2020,
arXiv:2010.11929). Queries and keys are normalised by default (Dehghani et al. 2023, arXiv:2302.05442).
``Shape(width=768, depth=12, head_dim=64, patch=16, resolution=224, channels=3, classes=1000, pool="token", gains=True,
bias=True, qk_norm=False)`` is ViT-B/16.

Activations have shape (features, batch * tokens), as in the family ``transformer``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tenfold.core.errors import ConfigError
from tenfold.ladder import tensors as t
from tenfold.ladder.counts import Count, count_tensors
from tenfold.ladder.families import PLAIN, Scales, ignore
from tenfold.ladder.families._attention import _SHARPNESS, _unit
from tenfold.ladder.families._labels import label_losses
from tenfold.ladder.families.transformer import (
    NORMS,
    attention_tensors,
    check_names,
    check_sizes,
    linear,
    mlp,
    mlp_tensors,
    norm,
    norm_tensors,
    part,
    residual,
    under,
)
from tenfold.ladder.lazy import jax, jnp

TAKES = "images"

POOLS = ("mean", "token")
MLPS = ("gelu", "relu", "relu2", "swiglu")


@dataclass(frozen=True)
class Shape:
    """Sizes of one vision transformer.

    Attributes:
        width: model width; a multiple of ``head_dim``.
        depth: number of blocks.
        head_dim: width of one attention head.
        mlp_ratio: hidden width of the MLP over ``width``.
        patch: pixels on the side of a patch; divides ``resolution``.
        resolution: pixels on the side of an image.
        channels: channels of an image.
        classes: classes.
        pool: ``mean`` over patches, or a class ``token``.
        mlp: ``gelu``, ``relu``, ``relu2`` or ``swiglu``.
        norm: ``layer`` or ``rms``.
        gains: norms have gains, and LayerNorm offsets.
        bias: linear layers have biases.
        qk_norm: normalise queries and keys.
        residual: factor on every residual branch in the base model.
        zero_init: the last matrices of both branches and the head start at zero.
        std: initial standard deviation of positions and class token.
    """

    width: int
    depth: int = 2
    head_dim: int = 8
    mlp_ratio: int | float = 4
    patch: int = 2
    resolution: int = 8
    channels: int = 1
    classes: int = 10
    pool: str = "mean"
    mlp: str = "gelu"
    norm: str = "layer"
    gains: bool = False
    bias: bool = False
    qk_norm: bool = True
    residual: float = 1.0
    zero_init: bool = True
    std: float = 0.3

    def __post_init__(self) -> None:
        check_sizes(self)
        check_names(self, pool=POOLS, mlp=MLPS, norm=NORMS)
        if self.classes < 2:
            raise ConfigError(f"classes = {self.classes} is less than two", path="model.classes", hint="use 2 or more")
        if self.width % self.head_dim:
            raise ConfigError(
                f"width = {self.width} is not a multiple of head_dim = {self.head_dim}",
                path="model.width",
                hint=f"use {max(1, round(self.width / self.head_dim)) * self.head_dim}",
            )
        if self.resolution % self.patch:
            raise ConfigError(
                f"resolution = {self.resolution} is not a multiple of patch = {self.patch}",
                path="model.resolution",
                hint=f"use {max(1, round(self.resolution / self.patch)) * self.patch}",
            )

    @property
    def heads(self) -> int:
        """Number of attention heads."""
        return self.width // self.head_dim

    @property
    def groups(self) -> int:
        """Heads of keys and values: as many as of queries."""
        return self.heads

    @property
    def hidden(self) -> int:
        """Hidden width of the MLP."""
        return max(1, round(self.mlp_ratio * self.width))

    @property
    def patches(self) -> int:
        """Patches of one image."""
        return (self.resolution // self.patch) ** 2

    @property
    def tokens(self) -> int:
        """Vectors that attention sees: patches, and the class token."""
        return self.patches + (self.pool == "token")

    @property
    def example_tokens(self) -> int:
        """Labels of one example."""
        return 1

    @property
    def sublayers(self) -> int:
        """Residual branches."""
        return 2 * self.depth


def tensors(shape: Shape) -> dict[str, t.Tensor]:
    """Weight arrays: ``patch``, ``positions``, ``token``, ``blocks.K.*``, ``final.*`` and ``head``."""
    d, raw = shape.width, shape.channels * shape.patch**2
    held = {
        "patch": t.embed(d, raw, fan_out=d, std=raw**-0.5),
        "positions": t.embed(d, shape.tokens, fan_out=d, std=shape.std),
    }
    if shape.bias:
        held["patch_bias"] = t.bias(d, branch=False)
    if shape.pool == "token":
        held["token"] = t.embed(d, 1, fan_out=d, std=shape.std)
    for place in range(shape.depth):
        block = attention_tensors(shape) | mlp_tensors(shape)
        held |= {f"blocks.{place}.{name}": tensor for name, tensor in block.items()}
    held |= {f"final.{name}": each for name, each in norm_tensors(shape, branch=False).items()}
    held["head"] = t.readout(shape.classes, d, fan_in=d, fan_out=shape.classes, std=0.0 if shape.zero_init else 1.0)
    if shape.bias:
        held["head_bias"] = t.bias(shape.classes, branch=False)
    return held


def count(shape: Shape) -> Count:
    """Parameters, and the FLOPs of one training image.

    >>> base = Shape(768, 12, 64, patch=16, resolution=224, channels=3, classes=1000, pool="token", gains=True, bias=True)
    >>> count(base).total  # ViT-B/16
    86567656
    """
    d, tokens = shape.width, shape.tokens
    block = tokens * (4 * d * d + (3 if shape.mlp == "swiglu" else 2) * d * shape.hidden) + 2 * tokens**2 * d
    patches = shape.patches * shape.channels * shape.patch**2 * d
    return count_tensors(tensors(shape).values(), forward=shape.depth * block + patches + d * shape.classes)


def apply(weights: t.Weights, inputs: Any, shape: Shape, *, scales: Scales = PLAIN, see: Any = ignore) -> Any:
    """Logits.

    Args:
        weights: arrays by name, multiplied.
        inputs: images, shape (batch, resolution, resolution, channels).
        shape: the model's sizes.
        scales: residual and attention factors.
        see: called with the residual stream, branches and logits, features first.

    Returns:
        Shape (classes, batch).
    """
    x = linear(weights, "patch", patches_of(inputs, shape)).reshape(shape.width, -1, shape.patches)
    if shape.pool == "token":
        first = jnp.broadcast_to(weights["token"][:, None, :].astype(x.dtype), (shape.width, x.shape[1], 1))
        x = jnp.concatenate([first, x], axis=2)
    x = (x + weights["positions"][:, None, :]).reshape(shape.width, -1)
    see("embed", x)
    for place in range(shape.depth):
        block, look = part(weights, f"blocks.{place}."), under(see, f"blocks.{place}.")
        x = residual(x, attend_all(block, norm(x, block, shape, "attention_"), shape, scales, look), scales, 2 * place)
        x = residual(x, mlp(block, norm(x, block, shape, "mlp_"), shape, look), scales, 2 * place + 1)
        see(f"blocks.{place}", x)
    x = norm(x, part(weights, "final."), shape, "").reshape(shape.width, -1, shape.tokens)
    logits = linear(weights, "head", x[:, :, 0] if shape.pool == "token" else jnp.mean(x, axis=2))
    see("logits", logits)
    return logits


def patches_of(images: Any, shape: Shape) -> Any:
    """Pixels of each patch (row, column, channel), shape (patch * patch * channels, batch * patches)."""
    side, size = shape.resolution // shape.patch, shape.patch
    cut = images.reshape(-1, side, size, side, size, shape.channels)
    return cut.transpose(2, 4, 5, 0, 1, 3).reshape(size * size * shape.channels, -1)


def attend_all(block: t.Weights, x: Any, shape: Shape, scales: Scales, see: Any = ignore) -> Any:
    """Self-attention in which every token sees all; (d, batch * tokens) in and out."""
    h = shape.head_dim
    qkv = linear(block, "qkv", x)
    q, k, v = (piece.reshape(shape.heads, h, -1, shape.tokens) for piece in jnp.split(qkv, 3))
    scale = h**-0.5 * scales.logits
    if shape.qk_norm:
        q, k = _unit(q), _unit(k)
        scale = _SHARPNESS * h**-0.25 * scales.logits
    q = scale * q
    see("queries", q)
    see("keys", k)
    weights = jax.nn.softmax(jnp.einsum("hdbq,hdbk->hbqk", q, k), axis=-1)
    mixed = jnp.einsum("hdbk,hbqk->hdbq", v, weights)
    return linear(block, "out", mixed.reshape(shape.width, -1))


def losses(
    weights: t.Weights,
    examples: Any,
    shape: Shape,
    *,
    scales: Scales = PLAIN,
    see: Any = ignore,
    z_loss: float = 0.0,
) -> Any:
    """Cross-entropy of each image in nats; images and labels of shape (batch,) in, (batch,) out."""
    images, labels = examples
    return label_losses(apply(weights, images, shape, scales=scales, see=see), labels, z_loss)
