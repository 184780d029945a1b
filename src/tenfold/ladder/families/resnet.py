"""A convolutional residual net over images, with pre-activation blocks.

A 3x3 stem, then ``stages`` stages of ``depth`` basic blocks ``x + conv(act(norm(conv(act(norm(x))))))``; the first block
of every stage but the first halves the resolution and doubles the channels, and its skip is a strided 1x1 convolution
of the normalised input. Then a norm, the mean over pixels and the readout (He et al. 2016, arXiv:1603.05027).

Norms use no statistics of the batch, so that the loss of an example depends on nothing but the example: ``group`` over
pixels and the channels of a group (Wu and He 2018, arXiv:1803.08494), ``layer`` over the channels of every pixel. Kernels
start at He's scale, sqrt(2 / fan_in). Images have shape (batch, height, width, channels), kernels (out, in, height,
width).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tenfold.core.errors import ConfigError
from tenfold.ladder import tensors as t
from tenfold.ladder.counts import Count, count_tensors
from tenfold.ladder.families import PLAIN, Scales, ignore
from tenfold.ladder.families._labels import label_losses
from tenfold.ladder.families.transformer import EPS, check_names, check_sizes, linear, part, residual
from tenfold.ladder.lazy import jax, jnp

TAKES = "images"

KERNEL = 3
"""Pixels on the side of a kernel."""

NORMS = ("group", "layer")

_HE = 2.0**0.5


@dataclass(frozen=True)
class Shape:
    """Sizes of one convolutional residual net.

    Attributes:
        width: channels of the first stage; stage k has ``width * 2**k``.
        depth: blocks a stage.
        stages: stages; each but the first halves the resolution.
        resolution: pixels on the side of an image.
        channels: channels of an image.
        classes: classes.
        norm: ``group`` or ``layer``.
        groups: groups of channels that ``group`` normalises; 1: all channels together.
        gains: norms have gains and offsets.
        residual: factor on every residual branch in the base model.
        zero_init: the last kernel of every branch and the readout start at zero.
    """

    width: int
    depth: int = 1
    stages: int = 2
    resolution: int = 8
    channels: int = 1
    classes: int = 10
    norm: str = "group"
    groups: int = 1
    gains: bool = False
    residual: float = 1.0
    zero_init: bool = True

    def __post_init__(self) -> None:
        check_sizes(self)
        check_names(self, norm=NORMS)
        if self.classes < 2:
            raise ConfigError(f"classes = {self.classes} is less than two", path="model.classes", hint="use 2 or more")
        if self.width % self.groups:
            raise ConfigError(
                f"groups = {self.groups} does not divide width = {self.width}",
                path="model.groups",
                hint="use 1, or a divisor of every width",
            )
        if self.resolution < 2 ** (self.stages - 1):
            raise ConfigError(
                f"resolution = {self.resolution} cannot be halved {self.stages - 1} times",
                path="model.resolution",
                hint=f"use at least {2 ** (self.stages - 1)}, or fewer stages",
            )

    @property
    def example_tokens(self) -> int:
        """Labels of one example."""
        return 1

    @property
    def sublayers(self) -> int:
        """Residual branches: one a block."""
        return self.stages * self.depth


@dataclass(frozen=True)
class _Block:
    """Place, channels and resolution of one block."""

    place: int
    inputs: int
    outputs: int
    stride: int
    resolution: int

    @property
    def name(self) -> str:
        return f"blocks.{self.place}."

    @property
    def projects(self) -> bool:
        """Whether its skip is a convolution."""
        return self.inputs != self.outputs


def _blocks(shape: Shape) -> Iterator[_Block]:
    """All blocks in order; ``resolution`` is that of their output."""
    channels, resolution, place = shape.width, shape.resolution, 0
    for stage in range(shape.stages):
        for within in range(shape.depth):
            down = stage > 0 and within == 0
            stride, outputs = (2, 2 * channels) if down else (1, channels)
            resolution = (resolution - 1) // stride + 1
            yield _Block(place, channels, outputs, stride, resolution)
            channels, place = outputs, place + 1


def tensors(shape: Shape) -> dict[str, t.Tensor]:
    """Weight arrays: ``stem``, ``blocks.K.*``, ``final.*`` and ``head``.

    >>> {name: tensor.size for name, tensor in tensors(Shape(width=4, stages=1)).items()}
    {'stem': (4, 1, 3, 3), 'blocks.0.first': (4, 4, 3, 3), 'blocks.0.second': (4, 4, 3, 3), 'head': (10, 4)}
    """
    raw = shape.channels * KERNEL**2
    held = {"stem": t.embed(shape.width, shape.channels, KERNEL, KERNEL, fan_out=shape.width, std=raw**-0.5)}
    last = 0.0 if shape.zero_init else 1.0
    channels = shape.width
    for block in _blocks(shape):
        held |= {f"{block.name}first_{name}": each for name, each in _norm_tensors(shape, block.inputs).items()}
        held[f"{block.name}first"] = _kernel(block.inputs, block.outputs, std=_HE)
        held |= {f"{block.name}second_{name}": each for name, each in _norm_tensors(shape, block.outputs).items()}
        held[f"{block.name}second"] = _kernel(block.outputs, block.outputs, std=last * _HE)
        if block.projects:
            held[f"{block.name}skip"] = _kernel(block.inputs, block.outputs, std=_HE, side=1, branch=False)
        channels = block.outputs
    held |= {f"final_{name}": each for name, each in _norm_tensors(shape, channels, branch=False).items()}
    held["head"] = t.readout(shape.classes, channels, fan_in=channels, fan_out=shape.classes, std=last)
    return held


def _kernel(inputs: int, outputs: int, *, std: float, side: int = KERNEL, branch: bool = True) -> t.Tensor:
    """A convolution between two growing numbers of channels."""
    area = side**2
    return t.hidden(
        outputs, inputs, side, side, fan_in=area * inputs, fan_out=area * outputs, std=std, branch=branch
    )  # fmt: skip


def _norm_tensors(shape: Shape, channels: int, *, branch: bool = True) -> dict[str, t.Tensor]:
    """Gain and offset of a norm, if it has them."""
    return {"gain": t.gain(channels, branch=branch), "offset": t.bias(channels, branch=branch)} if shape.gains else {}


def count(shape: Shape) -> Count:
    """Parameters, and the FLOPs of one training image: outputs times kernel of every convolution, padding included.

    >>> count(Shape(width=4, stages=1, resolution=8)).flops == 6 * (64 * 9 * (1 * 4 + 2 * 4 * 4) + 4 * 10)
    True
    """
    area = KERNEL**2
    forward = shape.resolution**2 * area * shape.channels * shape.width
    channels = shape.width
    for block in _blocks(shape):
        each = area * block.outputs * (block.inputs + block.outputs)
        each += block.inputs * block.outputs if block.projects else 0
        forward += block.resolution**2 * each
        channels = block.outputs
    return count_tensors(tensors(shape).values(), forward=forward + channels * shape.classes)


def apply(weights: t.Weights, inputs: Any, shape: Shape, *, scales: Scales = PLAIN, see: Any = ignore) -> Any:
    """Logits.

    Args:
        weights: arrays by name, multiplied.
        inputs: images, shape (batch, resolution, resolution, channels).
        shape: the model's sizes.
        scales: residual factors.
        see: called with the stem's output, every block's and the logits, channels first.

    Returns:
        Shape (classes, batch).
    """
    x = convolve(inputs, weights["stem"])
    see("stem", jnp.moveaxis(x, -1, 0))
    for block in _blocks(shape):
        held = part(weights, block.name)
        ready = jax.nn.relu(normalise(x, held, shape, "first_"))
        y = convolve(ready, held["first"], stride=block.stride)
        y = convolve(jax.nn.relu(normalise(y, held, shape, "second_")), held["second"])
        skip = convolve(ready, held["skip"], stride=block.stride) if block.projects else x
        x = residual(skip, y, scales, block.place)
        see(block.name.rstrip("."), jnp.moveaxis(x, -1, 0))
    pooled = jnp.mean(jax.nn.relu(normalise(x, weights, shape, "final_")), axis=(1, 2))
    logits = linear(weights, "head", pooled.T)
    see("logits", logits)
    return logits


def convolve(x: Any, kernel: Any, *, stride: int = 1) -> Any:
    """A convolution with ``side // 2`` zeros on every edge: ``(resolution - 1) // stride + 1`` pixels remain."""
    edge = kernel.shape[-1] // 2
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), ((edge, edge), (edge, edge)), dimension_numbers=("NHWC", "OIHW", "NHWC")
    )


def normalise(x: Any, weights: t.Weights, shape: Shape, prefix: str) -> Any:
    """Zero mean and unit variance over pixels and a group's channels, or over the channels of a pixel."""
    size = x.shape
    if shape.norm == "group":
        x = x.reshape(*size[:3], shape.groups, -1)
        axes: tuple[int, ...] = (1, 2, 4)
    else:
        axes = (3,)
    x = x - jnp.mean(x, axis=axes, keepdims=True)
    x = x * jax.lax.rsqrt(jnp.mean(x * x, axis=axes, keepdims=True) + EPS)
    x = x.reshape(size)
    return x * weights[f"{prefix}gain"] + weights[f"{prefix}offset"] if shape.gains else x


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
