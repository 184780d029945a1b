"""Units: what a suffix such as ``(B)`` or ``[PF-days]`` means, and text such as ``1.4B`` as a number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import CONVENTIONS
from tenfold.core.errors import DataError, did_you_mean
from tenfold.io.files import shown

PF_DAY = 8.64e19
"""FLOP in a petaFLOP/s-day."""

COUNTS = ("params", "tokens", "unique_tokens", "flops", "steps", "step", "batch_tokens")
"""Quantities that are counts: they may carry a scale word."""

_SCALES: dict[str, float] = {
    "": 1.0,
    **dict.fromkeys(("k", "thousand", "thousands"), 1e3),
    **dict.fromkeys(("m", "mn", "million", "millions"), 1e6),
    **dict.fromkeys(("b", "g", "bn", "billion", "billions"), 1e9),
    **dict.fromkeys(("t", "tn", "trillion", "trillions"), 1e12),
}
_PREFIXES: dict[str, float] = {
    "": 1.0,
    **dict.fromkeys(("k", "kilo"), 1e3),
    **dict.fromkeys(("m", "mega"), 1e6),
    **dict.fromkeys(("g", "giga"), 1e9),
    **dict.fromkeys(("t", "tera"), 1e12),
    **dict.fromkeys(("p", "peta"), 1e15),
    **dict.fromkeys(("e", "exa"), 1e18),
    **dict.fromkeys(("z", "zetta"), 1e21),
    **dict.fromkeys(("y", "yotta"), 1e24),
}
_LOSSES: dict[str, str] = {
    "nats/token": "nats/token",
    "nats": "nats/token",
    "nat": "nats/token",
    "nats/tok": "nats/token",
    "nats/byte": "nats/byte",
    "bits/byte": "bits/byte",
    "bpb": "bits/byte",
    "bits/token": "bits/token",
    "bpt": "bits/token",
    "ppl": "perplexity",
    "perplexity": "perplexity",
}
_PARAMS: dict[str, str] = {
    "total": "total",
    "non-embedding": "non-embedding",
    "nonembedding": "non-embedding",
    "non-emb": "non-embedding",
    "active": "active",
    "activated": "active",
}
_NOUNS = re.compile(r"\b(parameters?|params?|tokens?|toks?|flops?|steps?|of|in|x)\b|[×#*]")
_PLAIN = re.compile(r"^(?:10(?:\^|\*\*)|1e)\+?(\d{1,2})$")
_RATE = re.compile(r"^([a-z]*?)f(?:lops?)?(?:/s|ps)?-?(d|days?|h|hours?)$")
_FLOP = re.compile(r"^([a-z]*?)flops?$")


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit does to a column: multiply by ``scale``; state ``convention`` for its quantity."""

    text: str
    scale: float = 1.0
    convention: str = ""
    assumed: str = ""


def parse_unit(text: str, quantity: str) -> Unit | None:
    """The unit that a text stands for on a canonical column, or None when it stands for none.

    >>> parse_unit("B", "params").scale
    1000000000.0
    >>> parse_unit("PF-days", "flops").scale
    8.64e+19
    >>> parse_unit("bits per byte", "loss").convention
    'bits/byte'
    """
    plain = " ".join(text.strip().lower().replace("_", " ").split())
    if quantity == "loss":
        key = re.sub(r"\s*/\s*|\s+per\s+", "/", plain)
        unit = _LOSSES.get(key) or _LOSSES.get(re.sub(r"(nat|bit)/", r"\1s/", key))
        if unit is None:
            return None
        return Unit(text.strip(), 1.0, unit, "nats are taken per token" if key in ("nats", "nat") else "")
    scale = _flop_scale(plain) if quantity == "flops" else None
    if scale is None and quantity in COUNTS:
        scale = _count_scale(plain)
    if scale is not None:
        return Unit(text.strip(), scale)
    if quantity in ("params", "flops"):
        key = plain.replace(" ", "-")
        convention = _PARAMS.get(key) if quantity == "params" else None
        convention = convention or {name.lower(): name for name in CONVENTIONS[quantity][1:]}.get(key)
        if convention:
            return Unit(text.strip(), 1.0, convention)
    return None


def _count_scale(plain: str) -> float | None:
    word = " ".join(_NOUNS.sub(" ", plain).split())
    power = _PLAIN.match(word)
    return 10.0 ** int(power.group(1)) if power else _SCALES.get(word)


def _flop_scale(plain: str) -> float | None:
    tight = plain.replace(" ", "").replace("flop/s", "flops/s").replace("flops/s", "flop/s")
    rate = _RATE.match(tight)
    if rate and rate.group(1) in _PREFIXES and rate.group(1):
        return _PREFIXES[rate.group(1)] * (86400.0 if rate.group(2).startswith("d") else 3600.0)
    flop = _FLOP.match(tight)
    if flop:
        return _PREFIXES.get(flop.group(1))
    return _PREFIXES.get(tight) if tight in ("p", "e", "z", "y") else None


def asked_unit(value: Any, quantity: str) -> Unit:
    """The unit given as an option: a text, or a number to multiply by.

    Raises:
        DataError: it means nothing for this quantity; the hint lists what does.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0 < float(value) < float("inf"):
            raise DataError(f"the unit of {quantity!r} is {value!r}", hint="a multiplier is a positive number")
        return Unit(f"{value:g}", float(value))
    if not isinstance(value, str):
        raise DataError(f"the unit of {quantity!r} is {shown(value)}", hint="give a text such as 'B'")
    unit = parse_unit(value, quantity)
    if unit is None and quantity not in (*COUNTS, "loss"):
        unit = _other_unit(value)
    if unit is None:
        raise DataError(f"unknown unit {shown(value)} for {quantity!r}", hint=_known(value, quantity))
    return unit


def _other_unit(text: str) -> Unit | None:
    if text.strip() == "%":
        return Unit("%", 0.01)
    scale = _count_scale(text.strip().lower())
    return None if scale is None else Unit(text.strip(), scale)


def _known(value: str, quantity: str) -> str:
    if quantity == "loss":
        return did_you_mean(value, CONVENTIONS["loss"][1:])
    if quantity == "flops":
        return "choose one of: FLOP, GFLOP, PFLOP, EFLOP, ZFLOP, PF-days, or a number such as 1e18"
    if quantity in COUNTS:
        return "choose one of: k, M, B, T, or a number such as 1e9"
    return "choose one of: %, k, M, B, T, or a number such as 1e3"


def convention_named(name: str, quantity: str) -> str:
    """The counting convention that a column's own name states, or an empty text.

    >>> convention_named("params_non_embedding", "params")
    'non-embedding'
    >>> convention_named("bpb_mmlu_stem_val", "loss")
    'bits/byte'
    """
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    padded = f"_{words}_"
    if quantity == "params":
        if re.search(r"_(non_?emb(ed|edding|eddings)?|no_embeddings?)_", padded):
            return "non-embedding"
        return next((word for word in ("total", "active") if f"_{word}_" in padded), "")
    if quantity == "loss":
        found = {"_bpb_": "bits/byte", "_bits_per_byte_": "bits/byte", "_ppl_": "perplexity"}
        found |= {
            "_perplexity_": "perplexity",
            "_nats_per_byte_": "nats/byte",
            "_bits_per_token_": "bits/token",
        }
        return next((unit for word, unit in found.items() if word in padded), "")
    return ""


# ----------------------------------------------------------------------------------------------------
# numbers written as text

_MISSING = ("", "na", "n/a", "nan", "null", "none", "nil", "-", "--", "—", "–", "?", "#n/a")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SUFFIXED = (
    rf"^({_NUMBER})\s*(?i:(k|thousand|m|mn|million|b|g|bn|billion|t|tn|trillion)?)"
    r"\s*(?i:params|parameters|tokens|flops?)?$"
)
_GROUPED = r"^[+-]?\d{1,3}(?:[, _']\d{3})+(?:\.\d+)?$"


@dataclass(frozen=True, slots=True)
class Wrong:
    """The first text that is not a number: its row from 0 and the text itself; how many there are."""

    row: int
    text: str
    count: int


def missing_words(series: Any) -> Any:
    """A polars series of texts without surrounding blanks, the words for a missing value made null."""
    import polars as pl

    bare = series.str.strip_chars()
    lower = bare.str.to_lowercase()
    return bare.set(lower.is_in(list(_MISSING)).fill_null(pl.Series([True])), None)


def read_plain(series: Any) -> NDArray[np.float64] | None:
    """A text column as numbers when every entry is a number, a truth value or missing, else None."""
    import polars as pl

    texts = missing_words(series)
    present = len(texts) - texts.null_count()
    if present == 0:
        return None
    numbers = texts.cast(pl.Float64, strict=False)
    if len(numbers) - numbers.null_count() == present:
        return _array(numbers)
    lower = texts.str.to_lowercase()
    if bool(lower.is_in(["true", "false"]).fill_null(pl.Series([True])).all()):
        return _array(lower.replace_strict({"true": 1.0, "false": 0.0}, default=None, return_dtype=pl.Float64))
    return None


def read_numbers(series: Any, *, counts: bool) -> tuple[NDArray[np.float64], Wrong | None, str]:
    """A text column as numbers, missing ones NaN.

    Args:
        series: a polars series of texts.
        counts: whether the quantity is a count, so that ``1.4B`` and ``1,000`` are numbers too.

    Returns:
        the numbers; the first text that is none, if any; an example of a text that was interpreted, if any.
    """
    import polars as pl

    texts = missing_words(series)
    numbers = texts.cast(pl.Float64, strict=False)
    example = ""
    if counts and numbers.null_count() > texts.null_count():
        left = texts.set(numbers.is_not_null(), None)
        parts = left.str.extract_groups(_SUFFIXED).struct.unnest()
        scale = parts.to_series(1).str.to_lowercase().fill_null("").replace_strict(_SCALES, default=None)
        suffixed = parts.to_series(0).cast(pl.Float64, strict=False) * scale
        grouped = left.str.contains(_GROUPED).fill_null(pl.Series([False]))
        digits = left.set(~grouped, None).str.replace_all(r"[, _']", "").cast(pl.Float64, strict=False)
        found = suffixed.zip_with(suffixed.is_not_null(), digits)
        hits = left.filter(found.is_not_null())
        example = str(hits[0]) if len(hits) else ""
        numbers = numbers.zip_with(numbers.is_not_null(), found)
    bad = (numbers.is_null() & texts.is_not_null()).arg_true()
    wrong = Wrong(int(bad[0]), str(texts[int(bad[0])]), len(bad)) if len(bad) else None
    return _array(numbers), wrong, example


def _array(series: Any) -> NDArray[np.float64]:
    return np.asarray(series.fill_null(float("nan")).to_numpy(), dtype=np.float64)
