"""How the sizes of a ladder grow: to a number of parameters, or together by a compound rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.compound import TINYNET, CompoundRule, parse_strategy, regime_axis
from tenfold.ladder.models import count


def width_for(family: str, shape: Any, params: float, /) -> int:
    """The width whose model comes nearest in log to ``params`` non-embedding parameters, other sizes as given.

    >>> from tenfold.ladder.spec import Shape
    >>> width_for("transformer", Shape(width=8, depth=4), 2e5)
    64
    """
    if not params > 0:
        raise ConfigError(f"params = {params} is not positive", path="row.params", hint="give the size to hold")
    multiple = width_multiple(shape)

    def size(width: int) -> int:
        return count(family, replace(shape, width=width)).hidden

    low = high = multiple
    while size(high) < params:
        low, high = high, 2 * high
    while high - low > multiple:
        middle = (low + high) // (2 * multiple) * multiple
        low, high = (middle, high) if size(middle) < params else (low, middle)
    return low if params * params < size(low) * size(high) else high


def width_multiple(shape: Any, /) -> int:
    """What widths of this family are multiples of."""
    return int(getattr(shape, "head_dim", 1))


def multipliers(
    rule: str, phi: float, /, *, growth: Mapping[str, float] | None = None, epochs: float | None = None
) -> dict[str, float]:
    """Factors of every size at step ``phi`` of a compound rule.

    Args:
        rule: ``efficientnet`` (depth 1.2, width 1.1, resolution 1.15 to the power ``phi``); ``resnet-rs`` (compute
            doubles along depth where training is long enough to overfit, else along width); ``tinynet`` (row ``phi`` of
            the published table, 0 for A to 4 for E); a strategy such as ``d1_w8_r1`` (compute grows ``2**phi`` times); or
            empty for ``growth``.
        phi: the step; fractions and negative numbers shrink or interpolate where the rule is a formula.
        growth: factor of each size for one step.
        epochs: length of training, for ``resnet-rs``.

    Example:
        >>> multipliers("d1_w8_r1", 2)
        {'depth': 1.148698354997035, 'width': 1.7411011265922482, 'resolution': 1.0717734625362931}
        >>> multipliers("resnet-rs", 2, epochs=10)
        {'width': 2.0}
    """
    if not rule:
        return {name: factor**phi for name, factor in (growth or {}).items()}
    if rule == "efficientnet":
        return dict(zip(("depth", "width", "resolution"), CompoundRule().at(phi), strict=True))
    if rule == "resnet-rs":
        axis = regime_axis(epochs=epochs)
        return {axis: 2.0**phi if axis == "depth" else 2.0 ** (phi / 2)}
    if rule == "tinynet":
        rows = list(TINYNET.values())
        if phi not in range(len(rows)):
            raise ConfigError(f"phi = {phi} is no row of tinynet", path="row.phi", hint="0 for A to 4 for E")
        row = rows[int(phi)]
        return {"depth": row.depth, "width": row.width, "resolution": row.r}
    return {axis: factor for axis, factor in parse_strategy(rule).at(2.0**phi).items() if axis != "group"}


def grown(shape: Any, factors: Mapping[str, float], /) -> dict[str, int]:
    """Sizes times factors, rounded: width to whole heads, resolution to whole patches, depth up as EfficientNet does.

    >>> from tenfold.ladder.spec import Shape
    >>> grown(Shape(width=32, depth=2), {"width": 1.96, "depth": 2.25})
    {'width': 64, 'depth': 5}
    """
    out = {}
    for name, factor in factors.items():
        if not hasattr(shape, name):
            own = [each.name for each in fields(shape)]
            raise ConfigError(f"unknown size {name!r}", path="row.growth", hint=did_you_mean(name, own))
        step = {"width": width_multiple(shape), "resolution": getattr(shape, "patch", 1)}.get(name, 1)
        value = getattr(shape, name) * factor / step
        whole = int(-(-(value - 1e-9) // 1)) if name == "depth" else int(value + 0.5)
        out[name] = max(1, whole) * step
    return out
