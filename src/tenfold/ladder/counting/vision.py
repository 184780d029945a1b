"""Vision transformers and convolutional nets: parameters, multiply-accumulates and activations of one image.

Vision papers print multiply-accumulates (MACs) and call them FLOPs; language papers count two FLOPs for each. Both are
properties here, by their right names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from tenfold.core.errors import ConfigError, did_you_mean

POOLS = ("class", "mean", "map")
DEPTH_ROUNDINGS = ("ceil", "round")


@dataclass(frozen=True, slots=True)
class VisionTransformer:
    """Sizes of one vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929).

    Attributes:
        width: d. depth: number of blocks L. heads: attention heads.
        patch: side of a patch in pixels. image: side of the image in pixels.
        mlp: hidden width f; ``4 width`` by default.
        classes: outputs of the head; 0: no head.
        channels: channels of the image.
        pool: ``class`` (a class token), ``mean``, or ``map`` (attention by one probe, with an MLP).
        bias: biases of the output, MLP, patch and head matrices.
        qkv_bias: biases of queries, keys and values.
        norm_bias: biases of norms.
        qk_norm: norms of queries and keys.
        parallel: attention and MLP side by side on one norm (ViT-22B, arXiv:2302.05442).

    >>> VisionTransformer(width=768, depth=12, heads=12, patch=16, image=224).params
    86567656
    """

    width: int
    depth: int
    heads: int
    patch: int
    image: int
    mlp: int | None = None
    classes: int = 1000
    channels: int = 3
    pool: str = "class"
    bias: bool = True
    qkv_bias: bool = True
    norm_bias: bool = True
    qk_norm: bool = False
    parallel: bool = False

    def __post_init__(self) -> None:
        for name in ("width", "depth", "heads", "patch", "image", "channels"):
            _positive(getattr(self, name), name)
        if self.pool not in POOLS:
            raise ConfigError(f"unknown pool {self.pool!r}", path="model.pool", hint=did_you_mean(self.pool, POOLS))
        if self.image % self.patch:
            raise ConfigError(f"image = {self.image} is not a multiple of patch = {self.patch}", path="model.patch")
        if self.width % self.heads:
            raise ConfigError(f"width = {self.width} is not a multiple of heads = {self.heads}", path="model.heads")

    @property
    def mlp_width(self) -> int:
        """f."""
        return 4 * self.width if self.mlp is None else self.mlp

    @property
    def patches(self) -> int:
        """Patches of one image."""
        return int((self.image // self.patch) ** 2)

    @property
    def tokens(self) -> int:
        """Tokens in the blocks: patches, and the class token."""
        return self.patches + (self.pool == "class")

    @property
    def matrices(self) -> int:
        """Matrices of the blocks, L (4 d^2 + 2 d f)."""
        return self.depth * (4 * self.width**2 + 2 * self.width * self.mlp_width)

    @property
    def params(self) -> int:
        """Every trained number."""
        d, f, k = self.width, self.mlp_width, self.classes
        norm = d * (2 if self.norm_bias else 1)
        biases = (3 * d if self.qkv_bias else 0) + (d + f + d if self.bias else 0)
        qk = 2 * (d // self.heads) * (2 if self.norm_bias else 1) if self.qk_norm else 0
        blocks = self.matrices + self.depth * (biases + (1 if self.parallel else 2) * norm + qk)
        stem = self._patch_weights * d + (d if self.bias else 0) + self.tokens * d
        probe = 4 * d**2 + 2 * d * f + 4 * d + f + d + norm + d if self.pool == "map" else 0
        head = d * k + (k if self.bias else 0) if k else 0
        return blocks + stem + (d if self.pool == "class" else 0) + norm + probe + head

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image, forward; what papers print as FLOPs."""
        n, d, f = self.tokens, self.width, self.mlp_width
        blocks = n * self.matrices + 2 * self.depth * n**2 * d
        probe = n * 2 * d**2 + 2 * d**2 + 2 * n * d + 2 * d * f if self.pool == "map" else 0
        return blocks + self.patches * self._patch_weights * d + probe + d * self.classes

    @property
    def flops(self) -> int:
        """FLOPs of one image, forward: two a multiply-accumulate."""
        return 2 * self.macs

    @property
    def train_flops(self) -> int:
        """FLOPs of one image, forward and backward."""
        return 3 * self.flops

    @property
    def activations(self) -> int:
        """Outputs of all matrix products but scores, numbers of one image."""
        block = 4 * self.width + self.mlp_width + self.width
        return self.tokens * self.depth * block + self.patches * self.width + self.classes

    @property
    def _patch_weights(self) -> int:
        return self.channels * self.patch**2


@dataclass(frozen=True, slots=True)
class Layer:
    """One convolution, or a linear layer (``kernel`` 1 on a map of one pixel).

    Attributes:
        kernel: side of the kernel. inputs: channels in. outputs: channels out.
        size: side of the output map.
        groups: groups; as many as channels for a depthwise convolution.
        bias: a bias a channel.
        norm: a batch norm after it, a gain and a bias a channel.
        dims: spatial dimensions; 3 for volumes.
    """

    kernel: int
    inputs: int
    outputs: int
    size: int
    groups: int = 1
    bias: bool = False
    norm: bool = True
    dims: int = 2

    @property
    def weights(self) -> int:
        """Numbers in the kernel."""
        return int(self.kernel**self.dims) * (self.inputs // self.groups) * self.outputs

    @property
    def params(self) -> int:
        """Kernel, bias and norm."""
        return self.weights + (self.outputs if self.bias else 0) + (2 * self.outputs if self.norm else 0)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one example."""
        return self.weights * int(self.size**self.dims)

    @property
    def activations(self) -> int:
        """Numbers in the output."""
        return self.outputs * int(self.size**self.dims)


@dataclass(frozen=True, slots=True)
class ConvNet:
    """A convolutional net as the list of its layers.

    >>> resnet((3, 4, 6, 3)).params
    25557032
    """

    layers: tuple[Layer, ...]

    @property
    def params(self) -> int:
        """Every trained number."""
        return sum(layer.params for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image, forward; what papers print as FLOPs."""
        return sum(layer.macs for layer in self.layers)

    @property
    def flops(self) -> int:
        """FLOPs of one image, forward: two a multiply-accumulate."""
        return 2 * self.macs

    @property
    def train_flops(self) -> int:
        """FLOPs of one image, forward and backward."""
        return 3 * self.flops

    @property
    def activations(self) -> int:
        """Outputs of all layers, numbers of one image (Dollar et al. 2021, arXiv:2103.06877)."""
        return sum(layer.activations for layer in self.layers)


def out_size(size: int, /, *, stride: int) -> int:
    """Side of the map after a padded convolution or pooling.

    >>> out_size(225, stride=2)
    113
    """
    return (size - 1) // stride + 1


def resnet(
    depths: Iterable[int] = (3, 4, 6, 3),
    /,
    *,
    width: float = 1.0,
    resolution: int = 224,
    bottleneck: bool = True,
    classes: int = 1000,
) -> ConvNet:
    """A residual net (He et al. 2016, arXiv:1512.03385), the stride in the 3 x 3 convolution as is usual since.

    Args:
        depths: blocks of each stage.
        width: factor on all channels.
        resolution: side of the image.
        bottleneck: blocks of 1, 3 and 1 (50 layers and more), or of two 3 x 3 convolutions.
        classes: outputs.
    """
    stem = round(64 * width)
    size = out_size(resolution, stride=2)
    layers = [Layer(7, 3, stem, size)]
    size, before, expansion = out_size(size, stride=2), stem, 4 if bottleneck else 1
    for stage, depth in enumerate(depths):
        inner = round(64 * 2**stage * width)
        for block in range(depth):
            stride = 2 if stage and not block else 1
            after = out_size(size, stride=stride)
            if bottleneck:
                layers += [Layer(1, before, inner, size), Layer(3, inner, inner, after)]
                layers += [Layer(1, inner, inner * expansion, after)]
            else:
                layers += [Layer(3, before, inner, after), Layer(3, inner, inner, after)]
            if stride > 1 or before != inner * expansion:
                layers.append(Layer(1, before, inner * expansion, after))
            size, before = after, inner * expansion
    return ConvNet((*layers, Layer(1, before, classes, 1, bias=True, norm=False)))


B0_STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
"""Stages of EfficientNet-B0: repeats, kernel, stride, expansion, channels in and out (arXiv:1905.11946, table 1)."""


def round_channels(channels: float, /, *, multiple: int = 8) -> int:
    """Channels to the nearest multiple, never below 90 % of what was asked.

    >>> round_channels(32 * 1.1), round_channels(35.0), round_channels(20 * 0.54)
    (32, 32, 16)
    """
    rounded = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * channels else rounded


def efficientnet(
    *,
    width: float = 1.0,
    depth: float = 1.0,
    resolution: int = 224,
    classes: int = 1000,
    depth_rounding: str = "ceil",
    fixed_ends: bool = False,
) -> ConvNet:
    """An EfficientNet: B0's stages with scaled width, depth and resolution (Tan and Le 2019, arXiv:1905.11946).

    Args:
        width: factor on channels, which are then rounded to 8.
        depth: factor on repeats.
        resolution: side of the image.
        classes: outputs.
        depth_rounding: ``ceil``, or ``round`` as TinyNet does.
        fixed_ends: the stem keeps 32 channels and the last convolution at least 1280, as in TinyNet.

    >>> b0 = efficientnet()
    >>> b0.params, round(b0.macs / 1e9, 3)
    (5288548, 0.386)
    """
    if depth_rounding not in DEPTH_ROUNDINGS:
        raise ConfigError(f"unknown depth rounding {depth_rounding!r}", path="depth_rounding", hint="ceil or round")
    repeat = ceil if depth_rounding == "ceil" else round
    size = out_size(resolution, stride=2)
    before = 32 if fixed_ends else round_channels(32 * width)
    layers = [Layer(3, 3, before, size)]
    for count, kernel, stride, expansion, _, channels in B0_STAGES:
        after = round_channels(channels * width)
        for block in range(max(1, repeat(count * depth))):
            step = stride if not block else 1
            layers += _inverted_block(before, after, kernel=kernel, stride=step, expansion=expansion, size=size)
            size, before = out_size(size, stride=step), after
    last = max(1280, round_channels(1280 * width)) if fixed_ends else 4 * before
    return ConvNet((*layers, Layer(1, before, last, size), Layer(1, last, classes, 1, bias=True, norm=False)))


def _inverted_block(before: int, after: int, *, kernel: int, stride: int, expansion: int, size: int) -> list[Layer]:
    """Expand, depthwise, squeeze and excite by a quarter of the input's channels, project."""
    inner, squeezed, small = before * expansion, max(1, before // 4), out_size(size, stride=stride)
    expand = [Layer(1, before, inner, size)] if expansion != 1 else []
    return [
        *expand,
        Layer(kernel, inner, inner, small, groups=inner),
        Layer(1, inner, squeezed, 1, bias=True, norm=False),
        Layer(1, squeezed, inner, 1, bias=True, norm=False),
        Layer(1, inner, after, small),
    ]


def plain_convnet(*, width: int, depth: int, resolution: int, kernel: int = 3, dims: int = 2) -> ConvNet:
    """Equal convolutions in a row: cost d w^2 r^2 and activations d w r^2 exactly.

    >>> plain_convnet(width=8, depth=3, resolution=16).macs == 3 * 9 * 8**2 * 16**2
    True
    """
    return ConvNet(tuple(Layer(kernel, width, width, resolution, dims=dims) for _ in range(depth)))


def multi_scale_cost(scales: Iterable[int], /) -> int:
    """Cost of a frozen model run on scaled images over that on one, the sum of squares (S2, arXiv:2403.13043).

    >>> multi_scale_cost((1, 2)), multi_scale_cost((1, 2, 3))
    (5, 14)
    """
    return sum(scale**2 for scale in scales)


def _positive(value: object, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{name} = {value!r} is not a positive whole number", path=f"model.{name}")
