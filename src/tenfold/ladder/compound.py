"""Compound scaling: how width, depth, resolution and any other axis grow together when a model is scaled.

Rules and published tables are kept apart, because released models do not follow their own formulas to the end:
EfficientNet-B1 to B7 and EfficientDet-D5 to D7 were set by hand.

>>> [step["width"] for step in compound({"width": 64, "depth": 4}, {"width": 0.25, "depth": 0.5}, factors=[1, 16])]
[64.0, 128.0]
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.counting.vision import ConvNet, efficientnet

CONV_COST: Mapping[str, float] = MappingProxyType({"depth": 1.0, "width": 2.0, "resolution": 2.0})
"""FLOPs of a convolutional net grow as depth x width^2 x resolution^2."""

CONV_ACTIVATIONS: Mapping[str, float] = MappingProxyType({"depth": 1.0, "width": 1.0, "resolution": 2.0})
"""Activations of a convolutional net grow as depth x width x resolution^2."""

TRANSFORMER_COST: Mapping[str, float] = MappingProxyType({"depth": 1.0, "width": 2.0})
"""FLOPs a token of a transformer grow as depth x width^2, as long as attention over the context is small."""


def compound(
    base: Mapping[str, float],
    exponents: Mapping[str, float],
    /,
    *,
    factors: Sequence[float],
    cost: Mapping[str, float] | None = None,
    multiples: Mapping[str, int] | None = None,
) -> list[dict[str, float]]:
    """Sizes of a ladder: each axis grows as ``factor ** exponent`` from its base.

    Args:
        base: size on each axis at factor 1.
        exponents: growth of each axis; an axis that is not named stays.
        factors: how much larger each rung is, in units of the cost.
        cost: exponent with which the cost grows along each axis. When given, a factor is one of cost:
            the growths are checked to make it so.
        multiples: axes whose sizes are rounded to a multiple.

    Raises:
        ConfigError: an exponent names no axis of ``base``, a factor is not positive, or growths do not give the cost.

    >>> rungs = compound({"width": 768, "depth": 12}, {"width": 0.4, "depth": 0.2}, factors=[1, 10],
    ...                  cost=TRANSFORMER_COST, multiples={"width": 64, "depth": 1})
    >>> rungs[1]
    {'width': 1920, 'depth': 19}
    """
    for axis in exponents:
        if axis not in base:
            raise ConfigError(f"no axis {axis!r} in the base", path=f"exponents.{axis}", hint=did_you_mean(axis, base))
    if cost is not None:
        grown = cost_exponent(exponents, cost)
        if abs(grown - 1) > 1e-9:
            raise ConfigError(
                f"cost grows as factor^{grown:.6g}, not as the factor",
                path="exponents",
                hint=f"divide every exponent by {grown:.6g}" if grown > 0 else "make some exponents positive",
            )
    rungs = []
    for factor in factors:
        if not (factor > 0 and math.isfinite(factor)):
            raise ConfigError(f"factor {factor!r} is not positive", path="factors")
        sizes = {axis: float(size) * factor ** exponents.get(axis, 0.0) for axis, size in base.items()}
        for axis, multiple in (multiples or {}).items():
            if axis in sizes:
                sizes[axis] = max(multiple, round(sizes[axis] / multiple) * multiple)
        rungs.append(sizes)
    return rungs


def cost_exponent(exponents: Mapping[str, float], cost: Mapping[str, float], /) -> float:
    """Exponent with which the cost grows when axes grow with ``exponents``."""
    missing = [axis for axis in exponents if axis not in cost]
    if missing:
        raise ConfigError(f"no cost exponent for {missing[0]!r}", path=f"cost.{missing[0]}", hint="give one, 0 if free")
    return sum(share * cost[axis] for axis, share in exponents.items())


# ---------------------------------------------------------------------------------------------------------------------
# one rule a paper


@dataclass(frozen=True, slots=True)
class CompoundRule:
    """Depth alpha^phi, width beta^phi, resolution gamma^phi (Tan and Le 2019, arXiv:1905.11946, eq. 3).

    >>> rule = CompoundRule()
    >>> round(rule.cost, 4), [round(x, 3) for x in rule.at(2.0)]
    (1.9203, [1.44, 1.21, 1.322])
    """

    alpha: float = 1.2
    beta: float = 1.1
    gamma: float = 1.15

    @property
    def cost(self) -> float:
        """Factor of FLOPs when phi grows by one, alpha beta^2 gamma^2."""
        return self.alpha * self.beta**2 * self.gamma**2

    def at(self, phi: float, /) -> tuple[float, float, float]:
        """Factors of depth, width and resolution at ``phi``."""
        return self.alpha**phi, self.beta**phi, self.gamma**phi

    @property
    def exponents(self) -> dict[str, float]:
        """Growth of each axis per factor of cost, for :func:`compound`; with ``CONV_COST`` they make it exact."""
        size = math.log(self.cost)
        logs = {"depth": math.log(self.alpha), "width": math.log(self.beta), "resolution": math.log(self.gamma)}
        return {axis: value / size for axis, value in logs.items()}


def compound_grid(*, step: float = 0.05, target: float = 2.0, slack: float = 0.05) -> list[CompoundRule]:
    """All rules on a grid whose cost a step of phi is ``target``: the candidates of the search at phi = 1.

    Args:
        step: distance of grid points from 1 upwards.
        target: wanted factor of FLOPs.
        slack: relative distance from it that is still allowed.

    >>> CompoundRule(1.2, 1.1, 1.15) in compound_grid()
    True
    """
    most = round((target * (1 + slack) - 1) / step) + 1
    points = [round(1 + step * k, 10) for k in range(most)]
    rules = (CompoundRule(a, b, g) for a in points for b in points for g in points)
    return [rule for rule in rules if abs(rule.cost / target - 1) <= slack]


@dataclass(frozen=True, slots=True)
class EfficientNetRow:
    """One released EfficientNet: factors of width and depth, resolution, dropout."""

    width: float
    depth: float
    resolution: int
    dropout: float

    def build(self) -> ConvNet:
        """Its layers."""
        return efficientnet(width=self.width, depth=self.depth, resolution=self.resolution)


EFFICIENTNET: Mapping[str, EfficientNetRow] = MappingProxyType(
    {
        "b0": EfficientNetRow(1.0, 1.0, 224, 0.2),
        "b1": EfficientNetRow(1.0, 1.1, 240, 0.2),
        "b2": EfficientNetRow(1.1, 1.2, 260, 0.3),
        "b3": EfficientNetRow(1.2, 1.4, 300, 0.3),
        "b4": EfficientNetRow(1.4, 1.8, 380, 0.4),
        "b5": EfficientNetRow(1.6, 2.2, 456, 0.4),
        "b6": EfficientNetRow(1.8, 2.6, 528, 0.5),
        "b7": EfficientNetRow(2.0, 3.1, 600, 0.5),
        "b8": EfficientNetRow(2.2, 3.6, 672, 0.5),
        "l2": EfficientNetRow(4.3, 5.3, 800, 0.5),
    }
)
"""Released EfficientNets (github.com/google/automl, effnetv2_configs.py); not what the rule gives."""


@dataclass(frozen=True, slots=True)
class FastScaling:
    """Shares of depth, width and resolution in a growth of FLOPs (Dollar et al. 2021, arXiv:2103.06877).

    Depth grows as s^d, width as s^(w/2), resolution as s^(r/2), group width as s^(g/2); d + w + r = 1.

    >>> fast = parse_strategy("d1_w8_g8_r1")
    >>> fast.exponents
    {'depth': 0.1, 'width': 0.4, 'resolution': 0.05, 'group': 0.4}
    >>> round(fast.activation_exponent, 3)
    0.6
    """

    d: float
    w: float
    r: float
    g: float = 0.0

    @property
    def exponents(self) -> dict[str, float]:
        """Growth of each axis per factor of FLOPs, for :func:`compound`."""
        axes = {"depth": self.d, "width": self.w / 2, "resolution": self.r / 2}
        return axes | ({"group": self.g / 2} if self.g else {})

    @property
    def activation_exponent(self) -> float:
        """Exponent with which activations grow with FLOPs; the runtime of accelerators follows it."""
        return self.d + self.w / 2 + self.r

    def at(self, factor: float, /) -> dict[str, float]:
        """Factor of each axis when FLOPs grow by ``factor``."""
        return {axis: factor**share for axis, share in self.exponents.items()}


def parse_strategy(text: str, /) -> FastScaling:
    """A scaling strategy by its name in the paper, such as ``d1_w8_g8_r1`` or ``w1``.

    Numbers are weights: those of d, w and r are divided by their sum, and g by the same.

    >>> parse_strategy("d1_w1_r1").activation_exponent == 1 / 3 + 1 / 6 + 1 / 3
    True
    """
    weights: dict[str, float] = {}
    for part in text.strip().split("_"):
        found = re.fullmatch(r"([dwrg])(\d+(?:\.\d+)?)", part)
        if not found or found[1] in weights:
            raise ConfigError(
                f"{text!r} is not a scaling strategy", path="strategy", hint="write d1_w8_g8_r1: d, w, r, g and weights"
            )
        weights[found[1]] = float(found[2])
    total = sum(weights.get(axis, 0.0) for axis in "dwr")
    if total <= 0:
        raise ConfigError(f"{text!r} scales nothing", path="strategy", hint="give d, w or r a weight")
    return FastScaling(**{axis: weights.get(axis, 0.0) / total for axis in "dwrg"})


@dataclass(frozen=True, slots=True)
class ResNetRSRow:
    """One ResNet-RS: blocks of each stage, resolution."""

    depths: tuple[int, int, int, int]
    resolution: int


RESNET_RS: Mapping[str, ResNetRSRow] = MappingProxyType(
    {
        "50": ResNetRSRow((3, 4, 6, 3), 160),
        "101": ResNetRSRow((3, 4, 23, 3), 192),
        "152": ResNetRSRow((3, 8, 36, 3), 256),
        "200": ResNetRSRow((3, 24, 36, 3), 256),
        "270": ResNetRSRow((4, 29, 53, 4), 256),
        "350": ResNetRSRow((4, 36, 72, 4), 288),
        "420": ResNetRSRow((4, 44, 87, 4), 320),
    }
)
"""ResNet-RS as shipped by timm; the paper trains some depths at further resolutions (Bello et al. 2021)."""

LONG_TRAINING = 350
"""Epochs from which Bello et al. (2021, arXiv:2103.07579) scale depth: long enough to overfit."""


def regime_axis(*, epochs: float | None = None, overfits: bool | None = None) -> str:
    """Which axis to scale first: ``depth`` where training is long enough to overfit, ``width`` otherwise.

    The rule holds for image classifiers of the ResNet family. Between a few dozen and a few hundred epochs train a ladder
    along each axis and compare.

    Args:
        epochs: passes over the data; 350 and more count as long.
        overfits: what was seen, which goes before the epochs.

    >>> regime_axis(epochs=350), regime_axis(epochs=10), regime_axis(epochs=10, overfits=True)
    ('depth', 'width', 'depth')
    """
    if overfits is None and epochs is None:
        raise ConfigError("say how long training is", path="epochs", hint="give epochs, or whether it overfits")
    long = overfits if overfits is not None else epochs is not None and epochs >= LONG_TRAINING
    return "depth" if long else "width"


@dataclass(frozen=True, slots=True)
class TinyNetRow:
    """One TinyNet: factors of resolution, width and depth, side of the image, millions of multiply-accumulates."""

    r: float
    width: float
    depth: float
    resolution: int
    mega_macs: float

    def build(self) -> ConvNet:
        """Its layers."""
        return efficientnet(
            width=self.width, depth=self.depth, resolution=self.resolution, depth_rounding="round", fixed_ends=True
        )


TINYNET: Mapping[str, TinyNetRow] = MappingProxyType(
    {
        "a": TinyNetRow(0.86, 1.0, 1.2, 192, 339),
        "b": TinyNetRow(0.84, 0.75, 1.1, 188, 202),
        "c": TinyNetRow(0.825, 0.54, 0.85, 184, 100),
        "d": TinyNetRow(0.68, 0.54, 0.695, 152, 52),
        "e": TinyNetRow(0.475, 0.51, 0.60, 106, 24),
    }
)
"""EfficientNet-B0 made smaller (Han et al. 2020, arXiv:2010.14819, table 5)."""


def shrink_width(cost: float, /, *, depth: float, resolution: float) -> float:
    """Width that keeps a share ``cost`` of the FLOPs at given depth and resolution, sqrt(c / (d r^2)).

    Rounding and layers of fixed width make it too wide for small nets; :func:`width_for` counts.

    >>> round(shrink_width(339 / 387, depth=1.2, resolution=0.86), 2)
    0.99
    """
    for name, value in (("cost", cost), ("depth", depth), ("resolution", resolution)):
        if not value > 0:
            raise ConfigError(f"{name} = {value} is not positive", path=name)
    return math.sqrt(cost / (depth * resolution**2))


def width_for(counted: Callable[[float], float], target: float, /, *, low: float = 0.05, high: float = 8.0) -> float:
    """Width factor whose counted cost comes nearest to ``target``.

    Args:
        counted: cost at a width factor, not falling; e.g. ``lambda w: efficientnet(width=w).macs``.
        target: wanted cost.
        low: smallest width tried.
        high: largest width tried.

    Raises:
        ConfigError: the target lies outside what the widths give.
    """
    if not counted(low) <= target <= counted(high):
        raise ConfigError(
            f"no width from {low:g} to {high:g} costs {target:g}",
            path="target",
            hint=f"between {counted(low):.3g} and {counted(high):.3g}",
        )
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if counted(middle) < target else (low, middle)
    return low if target - counted(low) < counted(high) - target else high


@dataclass(frozen=True, slots=True)
class DetectorRow:
    """One EfficientDet: side of the image, channels and layers of the feature pyramid, layers of the heads."""

    resolution: float
    width: float
    depth: int
    head_depth: int


def efficientdet(phi: int, /) -> DetectorRow:
    """Every part grows by a function of its own (Tan et al. 2020, arXiv:1911.09070, eq. 1 to 3).

    >>> efficientdet(3)
    DetectorRow(resolution=896, width=157.464, depth=6, head_depth=4)
    """
    if phi < 0:
        raise ConfigError(f"phi = {phi} is negative", path="phi")
    return DetectorRow(512 + 128 * phi, round(64 * 1.35**phi, 6), 3 + phi, 3 + phi // 3)


EFFICIENTDET: Mapping[str, DetectorRow] = MappingProxyType(
    {
        "d0": DetectorRow(512, 64, 3, 3),
        "d1": DetectorRow(640, 88, 4, 3),
        "d2": DetectorRow(768, 112, 5, 3),
        "d3": DetectorRow(896, 160, 6, 4),
        "d4": DetectorRow(1024, 224, 7, 4),
        "d5": DetectorRow(1280, 288, 7, 4),
        "d6": DetectorRow(1280, 384, 8, 5),
        "d7": DetectorRow(1536, 384, 8, 5),
        "d7x": DetectorRow(1536, 384, 8, 5),
    }
)
"""Released EfficientDets (github.com/google/automl, hparams); from D5 on not what the rule gives."""

SOVIT_EXPONENTS: Mapping[str, float] = MappingProxyType({"depth": 0.45, "width": 0.22, "mlp": 0.6})
"""Growth of a vision transformer's best shape with compute (Alabdulmohsin et al. 2023, arXiv:2305.13035)."""

SOVIT_START: Mapping[str, float] = MappingProxyType({"depth": 10, "width": 608, "mlp": 928})
"""The small shape from which they scale."""


def scale_shape(base: Mapping[str, float], tau: float, /, *, exponents: Mapping[str, float]) -> dict[str, float]:
    """A shape after compute has grown by ``tau``: every dimension k by tau^(s_k / K), K their number.

    One sub-increment of compute is given to each dimension in turn, as in SoViT.

    >>> {k: round(v) for k, v in scale_shape(SOVIT_START, 1e3, exponents=SOVIT_EXPONENTS).items()}
    {'depth': 28, 'width': 1009, 'mlp': 3694}
    """
    if not tau > 0:
        raise ConfigError(f"tau = {tau} is not positive", path="tau")
    return {axis: size * tau ** (exponents[axis] / len(base)) for axis, size in base.items()}


@dataclass(frozen=True, slots=True)
class DetectorStages:
    """One scaled YOLOv4: side of the image, factor of width, blocks of each stage."""

    resolution: int
    width: float
    blocks: tuple[int, ...]


SCALED_YOLOV4: Mapping[str, DetectorStages] = MappingProxyType(
    {
        "p5": DetectorStages(896, 1.0, (1, 3, 15, 15, 7)),
        "p6": DetectorStages(1280, 1.0, (1, 3, 15, 15, 7, 7)),
        "p7": DetectorStages(1536, 1.25, (1, 3, 15, 15, 7, 7, 7)),
    }
)
"""A stage is added when resolution grows (Wang et al. 2021, arXiv:2011.08036, branch yolov4-large)."""

STUNET: Mapping[str, tuple[int, int]] = MappingProxyType({"s": (16, 1), "b": (32, 1), "l": (64, 2), "h": (96, 3)})
"""Base width and blocks of a stage of STU-Net (Huang et al. 2023, arXiv:2304.06716)."""


def stunet_widths(base: int, /) -> tuple[int, ...]:
    """Channels of its six stages.

    >>> stunet_widths(32)
    (32, 64, 128, 256, 512, 512)
    """
    return tuple(base * factor for factor in (1, 2, 4, 8, 16, 16))
