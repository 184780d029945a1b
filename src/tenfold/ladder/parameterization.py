r"""How initial scales, multipliers, learning rates, weight decay and epsilon follow width and depth.

One engine serves every parameterization. A layer uses the weight ``m**-a * w``, starts at a standard deviation
proportional to ``m**-b`` and learns at a rate proportional to ``m**-c``, where ``m`` is the layer's width over its
width in a base model. A parameterization states ``a`` and ``b`` of the input, hidden and readout layers; ``c`` and the
power of epsilon follow from the optimizer and from how far updates align with activations (Everett et al. 2024,
arXiv:2407.05872). At the base shape every parameterization is the standard one, so a rate tuned there is tuned for all;
only u-muP's scales are absolute, and the spectral condition starts narrowing layers smaller.

With ``h = a + b`` of the readout and alignment ``A`` (1 full, 1/2 none):

=================  ==================  ========================  ===========
optimizer          input, vectors      hidden                    readout
=================  ==================  ========================  ===========
Adam and signs     ``-a``              ``A - a``                 ``A - a``
Adafactor          ``-a - b``          ``A - a - b``             ``A - a - b``
SGD                ``-2a - h``         ``A - 2a``, ``-h`` out    ``A - 2a``
Muon, spectral     as Adam             ``-a``                    as Adam
=================  ==================  ========================  ===========

A row is added by one entry in ``PARAMETERIZATIONS``; the ladder file, the tests and ``tenfold.ladder.rules`` follow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.tensors import KINDS


@dataclass(frozen=True)
class Parameterization:
    """How the layers of a model are scaled, whatever the optimizer.

    Attributes:
        source: where the rule comes from, with the table.
        embed: ``(a, b)`` of the input layer: powers of 1/m in the multiplier and in the initial deviation.
        hidden: the same of hidden layers.
        readout: the same of the last layer.
        alpha: residual branches are multiplied by ``(depth / base depth)**-alpha``; None leaves depth alone.
        logits: attention logits fall as ``head_dim**-logits``: 1/2, or 1 where queries align with keys.
        embed_rate: power of 1/m in the input layer's rate under Adam where the published rule departs from the formula.
        spectral: initial deviation ``fan_in**-1/2 * min(1, sqrt(fan_out / fan_in))`` instead of ``b``.
        absolute: all sizes are relative to 1 instead of to a base model.
        tied: whether a readout may share the input's table.
        decay: the weight-decay rule that the source prints; a ladder still has to choose one.
        one_rate: rates and epsilon do not follow the size: what practice does without a rule.
    """

    source: str
    embed: tuple[float, float] = (0.0, 0.0)
    hidden: tuple[float, float] = (0.0, 0.5)
    readout: tuple[float, float] = (0.0, 0.5)
    alpha: float | None = None
    logits: float = 0.5
    embed_rate: float | None = None
    spectral: bool = False
    absolute: bool = False
    tied: bool = True
    decay: str = "constant"
    one_rate: bool = False


_TP5 = "Yang et al. 2022, Tensor Programs V, arXiv:2203.03466"
_EVERETT = "Everett et al. 2024, arXiv:2407.05872"

PARAMETERIZATIONS: dict[str, Parameterization] = {
    "standard": Parameterization("common practice: fan-in initialisation and one rate", one_rate=True),
    "standard-per-layer": Parameterization(_EVERETT),
    "ntk": Parameterization(_EVERETT, hidden=(0.5, 0.0), readout=(0.5, 0.0)),
    "mean-field": Parameterization(_EVERETT, hidden=(0.5, 0.0), readout=(1.0, 0.0), logits=1.0),
    "mup": Parameterization(f"{_TP5}, table 3", readout=(0.0, 1.0), logits=1.0, tied=False, decay="eta-lambda"),
    "mup-table8": Parameterization(
        f"{_TP5}, table 8, as the mup package does it", readout=(1.0, 0.0), logits=1.0, decay="eta-lambda"
    ),
    "mup-everett": Parameterization(_EVERETT, embed=(-0.5, 0.5), readout=(0.5, 0.5), logits=1.0, tied=False),
    "spectral": Parameterization(
        "Yang et al. 2023, arXiv:2310.17813", readout=(0.0, 1.0), logits=1.0, spectral=True, tied=False
    ),
    "depth-mup": Parameterization(
        "Yang et al. 2023, Tensor Programs VI, arXiv:2310.02244",
        readout=(1.0, 0.0), alpha=0.5, logits=1.0, decay="eta-lambda",
    ),
    "completep": Parameterization(
        "Dey et al. 2025, arXiv:2505.01618, table 1",
        readout=(1.0, 0.0), alpha=1.0, logits=1.0, decay="eta-lambda",
    ),
    "u-mup": Parameterization(
        "Blake et al. 2024, arXiv:2407.17465",
        hidden=(0.5, 0.0), readout=(1.0, 0.0), alpha=0.5, logits=1.0, embed_rate=0.5, absolute=True, tied=False,
    ),
}  # fmt: skip
"""Parameterizations by the name that a ladder file uses."""

OPTIMIZERS = {
    "adam": "Adam",
    "adamw": "Adam",
    "adam-atan2": "Adam",
    "lion": "Adam",
    "adafactor": "Adafactor",
    "sgd": "SGD",
    "muon": "Muon",
    "muon-rms": "Muon",
}
"""Optimizers by name, with the kind that decides how their rates scale. ``muon`` scales its orthogonal update by
sqrt(fan_out / fan_in), ``muon-rms`` by 0.2 sqrt(max(fan_in, fan_out)) so that it moves weights as much as Adam does;
both use Adam for tables, readouts and vectors."""

ALIGNMENTS = {"full": 1.0, "none": 0.5}
"""How far updates align with activations: the exponent A of the module's table."""

DECAYS = ("constant", "eta-lambda", "sqrt")
"""Rules for weight decay in the convention ``w -= rate * decay * w``. ``constant``: the same number for every matrix.
``eta-lambda``: rate times decay stays what it is in the base model (the mup package, CompleteP). ``sqrt``: decay of
matrices grows as the square root of width, none for vectors and tables (arXiv:2510.15262)."""


@dataclass(frozen=True)
class Base:
    """The layer of the model in which rates were tuned.

    Attributes:
        fan_in: its inputs.
        fan_out: its outputs.
        depth: the base model's number of blocks.
    """

    fan_in: float = 1
    fan_out: float = 1
    depth: float = 1


@dataclass(frozen=True)
class Rule:
    """What a parameterization says of one tensor.

    Attributes:
        std: initial standard deviation for a tensor declared with ``std=1``; 0 for vectors.
        multiplier: factor on the weight in the forward pass.
        rate: factor on the learning rate tuned in the base model.
        decay: factor on the weight decay (convention ``w -= rate * decay * w``).
        eps: factor on Adam's epsilon, so that it stays as small beside the gradient as in the base model.
    """

    std: float
    multiplier: float
    rate: float
    decay: float
    eps: float


def rules(
    kind: str,
    /,
    *,
    fan_in: int,
    fan_out: int,
    depth: int = 1,
    base: Base | None = None,
    optimizer: str = "adam",
    parameterization: str = "mup",
    alignment: str = "full",
    decay: str = "constant",
    branch: bool = False,
) -> Rule:
    """Initial scale, multiplier, rate, decay and epsilon of one tensor, for users of any framework.

    Args:
        kind: ``embed``, ``hidden``, ``readout``, ``bias`` or ``gain``.
        fan_in: inputs of the layer; ignored for ``embed`` and vectors.
        fan_out: outputs of the layer; the size of a vector.
        depth: number of residual blocks of the model.
        base: the same layer of the base model; None: this one, which gives the standard rule.
        optimizer: one of ``OPTIMIZERS``.
        parameterization: one of ``PARAMETERIZATIONS``.
        alignment: ``full`` or ``none``.
        decay: one of ``DECAYS``.
        branch: whether the layer lies inside a residual branch, so that rules for depth apply.

    Raises:
        ConfigError: a name is unknown or a size is not positive.

    Example:
        >>> rules("hidden", fan_in=1024, fan_out=1024, base=Base(256, 256))
        Rule(std=0.03125, multiplier=1.0, rate=0.25, decay=1.0, eps=0.25)
        >>> rules("readout", fan_in=1024, fan_out=50257, base=Base(256, 50257), parameterization="mup-table8").multiplier
        0.25
    """
    row = parameterization_of(parameterization)
    require(kind, KINDS, "kind")
    require(optimizer, OPTIMIZERS, "optimizer.name")
    require(alignment, ALIGNMENTS, "optimizer.alignment")
    require(decay, DECAYS, "optimizer.decay")
    origin = base or Base(fan_in, fan_out, depth)
    sizes = {"fan_in": fan_in, "fan_out": fan_out, "depth": depth, "base.fan_in": origin.fan_in,
             "base.fan_out": origin.fan_out, "base.depth": origin.depth}  # fmt: skip
    for name, size in sizes.items():
        if not size > 0:
            raise ConfigError(f"{name} = {size} is not positive", path=name)
    if row.absolute:
        origin = Base(1, 1, 1)
    grown = _Grown(fan_in / origin.fan_in, fan_out / origin.fan_out, depth / origin.depth)
    rate = _rate(kind, row, grown, OPTIMIZERS[optimizer], optimizer, ALIGNMENTS[alignment], branch=branch)
    return Rule(
        std=_std(kind, row, fan_in, fan_out, origin, grown),
        multiplier=grown.of(kind) ** -_powers(kind, row)[0],
        rate=rate,
        decay=_decay(kind, decay, grown, rate),
        eps=_eps(kind, row, grown, branch=branch),
    )


def parameterization_of(name: str, /) -> Parameterization:
    """The parameterization of that name."""
    require(name, PARAMETERIZATIONS, "optimizer.parameterization")
    return PARAMETERIZATIONS[name]


def require(value: str, known: Mapping[str, object] | tuple[str, ...], path: str) -> None:
    """Raise with a suggestion unless ``value`` is known."""
    if value not in known:
        raise ConfigError(f"unknown {path} {value!r}", path=path, hint=did_you_mean(value, list(known)))


def branch_scale(parameterization: str, /, *, depth: int, base_depth: int) -> float:
    """Factor on every residual branch: ``(depth / base depth)**-alpha``, 1 where the rule leaves depth alone.

    >>> branch_scale("completep", depth=16, base_depth=2)
    0.125
    """
    row = parameterization_of(parameterization)
    if row.alpha is None:
        return 1.0
    return float((depth / base_depth) ** -row.alpha)


def logit_scale(parameterization: str, /, *, head_dim: int, base_head_dim: int) -> float:
    """Factor on q.k beside ``1 / sqrt(head_dim)``: 1 in the base model, falling as ``head_dim**-1/2`` under muP.

    >>> logit_scale("standard", head_dim=64, base_head_dim=16), logit_scale("mup", head_dim=64, base_head_dim=16)
    (1.0, 0.5)
    """
    row = parameterization_of(parameterization)
    return float((head_dim / base_head_dim) ** (0.5 - row.logits))


@dataclass(frozen=True)
class _Grown:
    """How many times wider and deeper a layer is than in the base model."""

    fan_in: float
    fan_out: float
    depth: float

    def of(self, kind: str) -> float:
        """The width that counts for a kind of tensor."""
        return self.fan_in if kind in ("hidden", "readout") else self.fan_out


def _powers(kind: str, row: Parameterization) -> tuple[float, float]:
    """The powers a and b of a kind."""
    return {"embed": row.embed, "hidden": row.hidden, "readout": row.readout}.get(kind, (0.0, 0.0))


def _std(kind: str, row: Parameterization, fan_in: int, fan_out: int, origin: Base, grown: _Grown) -> float:
    """Initial standard deviation: ``base fan_in**-1/2 * m**-b``; 1 for the base model's tables."""
    if kind in ("bias", "gain"):
        return 0.0
    power = _powers(kind, row)[1]
    if kind == "embed":
        return float(grown.fan_out**-power)
    if row.spectral:
        return float(fan_in**-0.5 * min(1.0, math.sqrt(fan_out / fan_in)))
    if power == 0.5:
        return float(fan_in**-0.5)
    return float(origin.fan_in**-0.5 * grown.fan_in**-power)


def _rate(
    kind: str, row: Parameterization, grown: _Grown, sort: str, name: str, alignment: float, *, branch: bool
) -> float:
    """Factor on the rate of one tensor; the table of the module."""
    if row.one_rate:
        return 1.0
    a, b = _powers(kind, row)
    matrix = kind in ("hidden", "readout")
    aligned = alignment if matrix else 0.0
    out = 0.0
    if sort == "SGD":
        h = sum(row.readout)
        power, out = aligned - 2 * a, h if kind == "hidden" else 0.0
        power -= 0.0 if matrix else h
    elif sort == "Adafactor":
        power = aligned - a - b if kind not in ("bias", "gain") else 0.0
    elif sort == "Muon" and kind == "hidden":
        power = (0.5 if name == "muon-rms" else 0.0) - a
    elif kind == "embed" and row.embed_rate is not None:
        power = row.embed_rate
    else:
        power = aligned - a
    factor = grown.of(kind) ** -power * grown.fan_out**out
    if branch and row.alpha is not None:
        factor *= grown.depth ** (2 * row.alpha - 1 if sort == "SGD" else row.alpha - 1)
    return float(factor)


def _decay(kind: str, rule: str, grown: _Grown, rate: float) -> float:
    """Factor on the weight decay; vectors have none."""
    if kind in ("bias", "gain"):
        return 0.0
    if rule == "eta-lambda":
        return 1.0 / rate
    if rule == "sqrt":
        return math.sqrt(grown.fan_in) if kind == "hidden" else float(kind == "readout")
    return 1.0


def _eps(kind: str, row: Parameterization, grown: _Grown, *, branch: bool) -> float:
    """How much smaller the gradient is than in the base model: ``m**-g`` with g = h + a, a for the readout."""
    if row.one_rate:
        return 1.0
    a, _ = _powers(kind, row)
    h = sum(row.readout)
    factor = grown.of(kind) ** -a
    if kind != "readout":
        factor *= grown.fan_out**-h
    if branch and row.alpha is not None:
        factor *= grown.depth**-row.alpha
    return float(factor)


def branches(
    parameterization: str, /, *, sublayers: int, depth: int, base_depth: int, multiplier: float = 1.0
) -> tuple[tuple[float, float], ...]:
    """Factors of the residual stream and of the branch, ``x <- skip * x + branch * f(x)``, one pair a sublayer.

    Under u-muP the stream keeps unit scale: with ``tau`` the branch's share, skip is ``1 / sqrt(1 + tau**2)`` and
    branch ``tau / sqrt(1 + tau**2)`` (Blake et al. 2024, appendix on the residual scheme).

    >>> branches("completep", sublayers=2, depth=8, base_depth=2)
    ((1.0, 0.25), (1.0, 0.25))
    >>> [round(skip**2 + branch**2, 12) for skip, branch in branches("u-mup", sublayers=4, depth=2, base_depth=1)]
    [1.0, 1.0, 1.0, 1.0]
    """
    if not parameterization_of(parameterization).absolute:
        scale = multiplier * branch_scale(parameterization, depth=depth, base_depth=base_depth)
        return ((1.0, scale),) * sublayers
    pairs = []
    for place in range(sublayers):
        attention, mlp = (place + 1) // 2, place // 2
        tau = multiplier / math.sqrt(sublayers / 2 + (attention + mlp) * multiplier**2)
        pairs.append((1 / math.sqrt(1 + tau**2), tau / math.sqrt(1 + tau**2)))
    return tuple(pairs)
