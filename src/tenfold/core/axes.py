"""Axes: what can be scaled, and the conventions under which it is counted.

An axis is one declaration in :data:`AXES`. Laws name their inputs by the axis symbol (``N``, ``D``); tables hold them
under the canonical column (``params``, ``tokens``); reports print them with the unit and the words people say.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from tenfold.core.errors import DataError, LawError, did_you_mean


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that is scaled.

    Attributes:
        symbol: what laws call it. column: what tables call it.
        spoken: the style of the printed number: ``si`` for words people say (70 B), ``power`` for powers of ten
            (10^18), ``plain`` otherwise.
        usual: the range in which laws are tried when nothing says where their data lie.
        names: other names of the column in tables; a bar begins a later tier, looked at only when the earlier ones
            match nothing. Single letters count as they stand, all else in lower case.
        zero: whether zero is legal (a share, a sparsity). upper: the largest legal value.
        integer: whether only whole numbers make sense.
        simplex: the mixture it is a share of; all shares of one mixture in a law sum to one.
        common: whether formulas given as text know it by its symbol; all are known by their columns.
    """

    symbol: str
    column: str
    title: str
    unit: str
    spoken: str = "si"
    usual: tuple[float, float] = (1e2, 1e8)
    names: str = ""
    zero: bool = False
    upper: float = float("inf")
    integer: bool = False
    simplex: str = ""
    common: bool = False

    def allows(self, value: float) -> bool:
        """Whether a value is legal: positive and finite, or zero where that means something, and not above the top."""
        return (value > 0 or (self.zero and value == 0)) and value <= self.upper and value < float("inf")

    @property
    def rule(self) -> str:
        """What is legal, in words."""
        if self.upper < float("inf"):
            return f"between 0 and {self.upper:g}"
        return "zero or positive, and finite" if self.zero else "positive and finite"


def _count(symbol: str, column: str, title: str, unit: str, usual: tuple[float, float], names: str = "") -> Axis:
    """A whole number that is printed as it stands."""
    return Axis(symbol, column, title, unit, "plain", usual, names, integer=True)


def _plain(symbol: str, column: str, title: str, unit: str, usual: tuple[float, float], names: str = "") -> Axis:
    """A number that is printed as it stands."""
    return Axis(symbol, column, title, unit, "plain", usual, names)


def _share(symbol: str, column: str, title: str, usual: tuple[float, float], *, names: str = "", mix: str = "") -> Axis:
    """A fraction between zero and one, both legal."""
    return Axis(symbol, column, title, "fraction", "plain", usual, names, zero=True, upper=1.0, simplex=mix)


_N_NAMES = """params n_params num_params nparams parameters n_parameters num_parameters param_count parameter_count
    params_count model_params model_parameters model_size total_params params_total n_params_total non_embedding_params
    params_non_embedding nonembedding_params non_embedding_parameters active_params params_active active_parameters | N"""
_D_NAMES = """tokens n_tokens num_tokens tokens_seen seen_tokens training_tokens train_tokens total_tokens token_count
    tokens_count tokens_trained trained_tokens n_train_tokens num_train_tokens training_tokens_seen | D"""
_C_NAMES = """flops flop n_flops train_flops train_flop training_flops training_flop total_flops total_flop compute
    train_compute training_compute total_compute compute_flops compute_flop compute_budget flops_total | C"""

_DECLARED: tuple[Axis, ...] = (
    Axis("N", "params", "parameters", "parameters", "si", (1e7, 1e11), _N_NAMES),
    Axis("D", "tokens", "training tokens", "tokens", "si", (1e9, 1e13), _D_NAMES),
    Axis(
        "U",
        "unique_tokens",
        "unique training tokens",
        "tokens",
        "si",
        (1e9, 1e12),
        "n_unique_tokens num_unique_tokens tokens_unique",
    ),
    Axis("C", "flops", "training compute", "FLOP", "power", (1e17, 1e25), _C_NAMES),
    Axis(
        "S",
        "steps",
        "optimiser steps",
        "steps",
        "si",
        (1e3, 1e6),
        "n_steps num_steps total_steps train_steps training_steps max_steps",
    ),
    Axis(
        "batch",
        "batch_tokens",
        "batch size",
        "tokens",
        "si",
        (1e4, 1e8),
        "batch_size_tokens tokens_per_batch tokens_per_step global_batch_tokens",
    ),
    _plain("M", "token_multiplier", "tokens per parameter", "tokens/parameter", (1.0, 1e3)),
    _count(
        "W",
        "width",
        "model width",
        "units",
        (64.0, 16384.0),
        "d_model hidden_size n_embd model_dim hidden_dim model_width",
    ),
    _count("H", "depth", "layers", "layers", (2.0, 128.0), "n_layers num_layers n_layer layers num_hidden_layers"),
    _count("F", "ffn_width", "feed-forward width", "units", (256.0, 65536.0), "d_ff ffn_dim intermediate_size mlp_dim"),
    _count("K", "experts", "experts", "experts", (1.0, 256.0), "n_experts num_experts expert_count"),
    _plain("G", "granularity", "granularity of the experts", "", (1.0, 64.0)),
    _share("sparsity", "sparsity", "share of weights that are zero or inactive", (0.05, 0.95)),
    _count("P", "streams", "parallel streams", "streams", (1.0, 64.0), "n_streams num_streams parallel_streams"),
    _plain("r", "width_ratio", "virtual over backbone width", "", (1.0, 16.0), "virtual_width_ratio"),
    _plain("bits_w", "weight_bits", "bits of a weight in training", "bits", (2.0, 16.0), "w_bits bits_weights"),
    _plain(
        "bits_a", "activation_bits", "bits of an activation in training", "bits", (4.0, 16.0), "a_bits bits_activations"
    ),
    _plain("bits_kv", "kv_bits", "bits of the key-value cache in training", "bits", (4.0, 16.0), "bits_kv_cache"),
    _plain("bits_post", "inference_bits", "bits of a weight at inference", "bits", (2.0, 16.0), "post_bits ptq_bits"),
    _count("group", "group_size", "weights that share a scale", "weights", (16.0, 1024.0), "quant_group_size"),
    _share("capacity", "capacity", "capacity of a representation", (0.1, 1.0), names="rho representation_capacity"),
    _plain("gmse", "gaussian_mse", "error of a representation on Gaussian data", "variances", (1e-4, 0.6)),
    _share("q", "qat_share", "share of the tokens trained quantised", (0.02, 0.98), names="qat_fraction"),
    Axis(
        "V",
        "vocab",
        "vocabulary",
        "tokens",
        "si",
        (4e3, 5e5),
        "vocab_size n_vocab vocabulary vocabulary_size",
        integer=True,
    ),
    Axis(
        "Nv", "vocab_params", "vocabulary parameters", "parameters", "si", (1e6, 1e10), "n_vocab_params embedding_params"
    ),
    Axis("Ne", "encoder_params", "encoder parameters", "parameters", "si", (1e7, 1e9), "params_encoder n_encoder_params"),
    Axis("Nd", "decoder_params", "decoder parameters", "parameters", "si", (1e7, 1e9), "params_decoder n_decoder_params"),
    _plain(
        "lr",
        "lr_peak",
        "peak learning rate",
        "",
        (1e-5, 1e-1),
        "peak_lr max_lr lr_max peak_learning_rate max_learning_rate learning_rate_peak",
    ),
    Axis("wd", "weight_decay", "weight decay", "", "plain", (1e-3, 1.0), "wd", zero=True),
    _plain("S1", "lr_area", "area under the learning rate", "rate times steps", (0.5, 50.0)),
    Axis("S2", "lr_annealed", "annealed area", "rate times steps", "plain", (1e-3, 0.5), zero=True),
    _plain("L", "loss", "loss", "nats/token", (1.5, 6.0)),
    _plain("Lt", "teacher_loss", "loss of the teacher", "nats/token", (1.6, 3.0), "loss_teacher"),
    _share("share", "share", "share of one source in the mixture", (0.02, 0.98), names="domain_share mixture_share"),
    *(_share(f"h{i}", f"share_{i}", f"share of source {i}", (0.02, 0.98), mix="shares") for i in range(1, 9)),
    Axis("samples", "samples", "samples a problem", "samples", "si", (1.0, 1e4), "n_samples num_samples", integer=True),
    _count("dim", "embedding_dim", "embedding dimension", "units", (4.0, 4096.0), "d_embedding emb_dim"),
    _plain("size", "system_size", "size of the system", "units", (8.0, 512.0)),
    _plain("noise", "noise_scale", "gradient noise scale", "tokens", (1e4, 1e8), "b_noise gradient_noise_scale"),
    Axis("x", "x", "scale", ""),
)

_COMMON = ("N", "D", "U", "C", "S", "batch", "M", "W", "H", "K", "x")
AXES: tuple[Axis, ...] = tuple(replace(axis, common=axis.symbol in _COMMON) for axis in _DECLARED)

# What a law may predict: its column and the unit of the printed number. An axis may be predicted too.
OUTPUTS: dict[str, str] = {
    "loss": "nats/token",
    "error": "fraction",
    "accuracy": "fraction",
    "reward": "fraction",
    "score": "",
    "rank": "dimensions",
    "timescale": "fraction of the run",
    "horizon": "steps",
    "degradation": "nats/token",
    "relative_loss": "nats/token",
    **{axis.column: axis.unit for axis in AXES if axis.column not in ("loss", "x") and not axis.simplex},
}

# What a quantity may be counted as. The first of each list is what is assumed, with a note, when nothing is said.
CONVENTIONS: dict[str, tuple[str, ...]] = {
    "params": (
        "unspecified",
        "total",
        "non-embedding",
        "non-embedding+head",
        "active",
        "flop/6",
    ),
    "flops": ("unspecified", "6ND", "counted", "kaplan", "palm", "matmul"),
    "loss": ("unspecified", "nats/token", "nats/byte", "bits/byte", "bits/token", "perplexity"),
}


@dataclass(frozen=True, slots=True)
class Conventions:
    """How the numbers of a table or of a published set were counted."""

    params: str = "unspecified"
    flops: str = "unspecified"
    loss: str = "unspecified"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            known = CONVENTIONS[field.name]
            if value not in known:
                raise DataError(
                    f"unknown convention {value!r} for {field.name}",
                    hint=did_you_mean(value, known),
                )

    def merge(self, other: Conventions, *, here: str, there: str) -> Conventions:
        """The conventions two sources share.

        Raises:
            DataError: when both are specified and differ, naming both and the way out.
        """
        out = self
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if "unspecified" in (mine, theirs):
                out = replace(out, **{field.name: theirs if mine == "unspecified" else mine})
            elif mine != theirs:
                raise DataError(
                    f"mixed conventions for {field.name}: {here} counts {mine}, {there} counts {theirs}",
                    hint=f"recount one of them, keep only one with --where, or state the right one with "
                    f"--convention {field.name}={mine}",
                )
        return out

    def stated(self) -> dict[str, str]:
        """Only what was specified."""
        pairs = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in pairs.items() if value != "unspecified"}


def axis_of(name: str) -> Axis:
    """The axis with this symbol or canonical column.

    >>> axis_of("N").column
    'params'
    """
    for axis in AXES:
        if name in (axis.symbol, axis.column):
            return axis
    known = [axis.symbol for axis in AXES] + [axis.column for axis in AXES]
    raise LawError(f"no axis {name!r}", hint=did_you_mean(name, known))


def say(value: float, axis: Axis | str | None = None, *, digits: int = 2, unit: bool = True) -> str:
    """A quantity as people say it: ``70 B``, ``1.4 T tokens``, ``10^18 FLOP``.

    >>> say(7e10, "params", unit=False)
    '70 B'
    >>> say(1.4e12, "tokens")
    '1.4 T tokens'
    >>> say(1e18, "flops")
    '10^18 FLOP'
    >>> say(3.2e11, "flops")
    '3.2e11 FLOP'
    """
    axis = axis_of(axis) if isinstance(axis, str) else axis
    style = "si" if axis is None else axis.spoken
    tail = f" {axis.unit}" if axis is not None and unit and axis.unit and axis.unit != "parameters" else ""
    if value != value or value in (float("inf"), float("-inf")):
        return f"{value}{tail}"
    if style == "power":
        return _power(value, digits) + tail
    if style == "plain" or value == 0:
        return f"{value:.{max(digits + 1, 3)}g}{tail}"
    return _si(value, digits) + tail


def _power(value: float, digits: int) -> str:
    if value <= 0:
        return f"{value:g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if float(mantissa) == 1.0:
        return f"10^{int(exponent)}"
    return f"{float(mantissa):g}e{int(exponent)}"


def _si(value: float, digits: int) -> str:
    for bound, suffix in ((1e15, None), (1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k"), (1.0, "")):
        if abs(value) * (1 + 0.5 * 10.0**-digits) >= bound:
            if suffix is None:
                return _power(value, digits)
            scaled = value / bound
            places = max(digits - len(f"{int(abs(scaled))}"), 0)
            text = f"{scaled:.{places}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + suffix
    return f"{value:.{digits}g}"
