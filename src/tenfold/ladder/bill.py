"""The bill of a model or of a ladder: every count in every convention, as one record for people and programs.

>>> from tenfold.ladder.known import find_known
>>> bill(find_known("gpt2").model, name="gpt2")["params"]["total"]
124439808
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.counting.decoder import PARAMETER_CONVENTIONS, Decoder, decoder_of, params
from tenfold.ladder.counting.flops import (
    CONVENTIONS,
    convention_spread,
    flops_by_convention,
    flops_per_token,
    train_flops,
)
from tenfold.ladder.counting.memory import MOMENTS, RECOMPUTE, Sharding, decode, kv_cache_bytes, memory, state_bytes
from tenfold.ladder.counting.vision import ConvNet, VisionTransformer
from tenfold.ladder.devices import Device, cost, decode_time, fits, time_to_train
from tenfold.ladder.ladder import Ladder, cells
from tenfold.ladder.models import count
from tenfold.ladder.spec import RunSpec

BASE = "6N"
"""The convention that ratios are taken to."""

_REQUIRED = ("width", "depth", "heads", "vocab", "context")
_MOST_TOKENS = 1e24
_SPOKEN = {"k": 1e3, "M": 1e6}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a bill is made out for.

    Attributes:
        tokens: tokens (or images) to train on; None: no training is priced.
        batch: sequences on a device at once, training and decoding.
        convention: in which training FLOPs are timed.
        precision: of training memory. optimizer: of training memory. recompute: of training memory and FLOPs.
        sharding: of the training state.
        device: where; None: no times.
        devices: how many.
        mfu: share of the device's peak reached.
        peak: precision of the device's peak.
    """

    tokens: float | None = None
    batch: int = 1
    convention: str = "matmul"
    precision: str = "mixed"
    optimizer: str = "adam"
    recompute: str = "none"
    sharding: Sharding = field(default_factory=Sharding)
    device: Device | None = None
    devices: int = 1
    mfu: float = 0.4
    peak: str = "bf16"

    def __post_init__(self) -> None:
        if self.tokens is not None and not 0 < self.tokens <= _MOST_TOKENS:
            raise ConfigError(f"tokens = {self.tokens:g} is not between 0 and {_MOST_TOKENS:g}", path="tokens")
        if self.convention not in CONVENTIONS:
            raise ConfigError(
                f"unknown FLOP convention {self.convention!r}",
                path="convention",
                hint=did_you_mean(self.convention, CONVENTIONS),
            )
        if self.recompute not in RECOMPUTE:
            raise ConfigError(
                f"unknown recomputation {self.recompute!r}",
                path="recompute",
                hint=did_you_mean(self.recompute, RECOMPUTE),
            )


def bill(model: Decoder | VisionTransformer | ConvNet, /, *, name: str = "", terms: Terms = Terms()) -> dict[str, Any]:
    """The bill of one model; keys are stable.

    Args:
        model: its sizes.
        name: what to call it.
        terms: what it is made out for.
    """
    made = _decoder_bill(model, terms) if isinstance(model, Decoder) else _image_bill(model, terms)
    return {"name": name, **made}


def ladder_bill(ladder: Ladder, /, *, name: str = "", terms: Terms = Terms()) -> dict[str, Any]:
    """The bill of a ladder: one row a run, in the order of training, and totals.

    Parameters are those of the family's arrays. Memory is an estimate without the framework's buffers, of float32
    training with the run's own batch and optimizer; families that are no decoders are billed without activations.

    Args:
        ladder: the ladder.
        name: what to call it.
        terms: only device, devices, mfu, peak and convention count; the rest is the ladder's own.

    Raises:
        ConfigError: a convention that the family's models are not counted in.
    """
    specs = cells(ladder)
    rows = [_ladder_row(spec, terms) for spec in specs]
    spreads = [convention_spread(decoder_of(spec.shape)) for spec in specs if _is_decoder(spec.shape)]
    total: dict[str, Any] = {
        "runs": len(rows),
        "tokens": sum(row["tokens"] for row in rows),
        "flops": float(sum(row["flops"] for row in rows)),
        "memory": max(row["memory"] for row in rows),
    }
    ends = [min(low for low, _ in spreads), max(high for _, high in spreads)] if spreads else None
    return {
        "name": name,
        "kind": "ladder",
        "title": ladder.title,
        "family": ladder.family,
        "convention": terms.convention,
        "runs": rows,
        "total": total,
        "spread": None if ends is None else {"base": BASE, "low": ends[0], "high": ends[1]},
        "device": _device(terms, flops=total["flops"]),
    }


def _ladder_row(spec: RunSpec, terms: Terms) -> dict[str, Any]:
    """One run of a ladder."""
    counted = count(spec.family, spec.shape)
    flops: float = counted.flops
    optimizer = spec.optimizer.name if spec.optimizer.name in MOMENTS else "adam"
    if _is_decoder(spec.shape):
        decoder = decoder_of(spec.shape)
        needed = memory(decoder, batch=spec.batch, precision="fp32", optimizer=optimizer).total
        if terms.convention != "matmul":
            flops = flops_per_token(decoder, convention=terms.convention)
    else:
        needed = sum(state_bytes(counted.total, precision="fp32", optimizer=optimizer))
        if terms.convention != "matmul":
            raise ConfigError(
                f"models of the family {spec.family!r} are counted by their products only",
                path="convention",
                hint="leave --convention out",
            )
    return {
        "run": spec.run,
        "width": spec.shape.width,
        "depth": spec.shape.depth,
        "params": counted.total,
        "params_hidden": counted.hidden,
        "params_active": counted.active,
        "tokens": spec.tokens,
        "flops": flops * spec.tokens,
        "memory": needed,
    }


def _is_decoder(shape: Any) -> bool:
    return all(hasattr(shape, name) for name in ("vocab", "context"))


def parse_decoder(values: Mapping[str, str], /, *, base: Decoder | None = None) -> Decoder:
    """A decoder from words, e.g. ``{"width": "768", "tied": "yes"}``.

    Args:
        values: sizes by the names of :class:`Decoder`; numbers may end in k or M, flags are yes or no.
        base: sizes that are changed; without it the five that nothing follows from are required.

    Raises:
        ConfigError: an unknown or missing key, or a value that does not fit; ``path`` names it.

    >>> parse_decoder({"width": "64", "depth": "2", "heads": "4", "vocab": "32k", "context": "128"}).vocab
    32000
    """
    kinds = {item.name: str(item.type) for item in fields(Decoder)}
    for key in values:
        if key not in kinds:
            raise ConfigError(f"unknown size {key!r}", path=f"shape.{key}", hint=did_you_mean(key, kinds))
    missing = [key for key in _REQUIRED if base is None and key not in values]
    if missing:
        raise ConfigError(
            f"a shape needs {', '.join(missing)}",
            path=f"shape.{missing[0]}",
            hint="e.g. --shape width=768,depth=12,heads=12,vocab=50257,context=1024",
        )
    read: dict[str, Any] = {key: _value(value, key, kinds[key]) for key, value in values.items()}
    return Decoder(**read) if base is None else replace(base, **read)


def _decoder_bill(decoder: Decoder, terms: Terms) -> dict[str, Any]:
    found = params(decoder)
    by_name = flops_by_convention(decoder)
    low, high = convention_spread(decoder, base=BASE)
    token = decode(decoder, batch=terms.batch)
    training: dict[str, Any] | None = None
    if terms.tokens is not None:
        again = terms.recompute == "full"
        training = {
            "tokens": terms.tokens,
            "convention": terms.convention,
            "flops": {
                each: float(train_flops(decoder, tokens=terms.tokens, convention=each, recompute=again))
                for each in by_name
            },
        }
        flops_per_token(decoder, convention=terms.convention)  # says why when the convention does not apply
    kept = memory(
        decoder,
        batch=terms.batch,
        optimizer=terms.optimizer,
        precision=terms.precision,
        recompute=terms.recompute,
        sharding=terms.sharding,
    )
    flops = None if training is None else training["flops"][terms.convention]
    held = _device(terms, flops=flops, needed=kept.total)
    if held is not None and terms.device is not None and terms.device.bandwidth is not None:
        seconds, binding = decode_time(token, terms.device, batch=terms.batch, precision=terms.peak)
        held |= {"decode_seconds": seconds, "decode_tokens_per_second": terms.batch / seconds, "decode_binding": binding}
    return {
        "kind": "decoder",
        "sizes": asdict(decoder),
        "params": {each: formula(found) for each, formula in PARAMETER_CONVENTIONS.items()},
        "parts": found.to_dict(),
        "flops_per_token": {each: {"value": value, "ratio": value / by_name[BASE]} for each, value in by_name.items()},
        "spread": {"base": BASE, "low": low, "high": high},
        "batch": terms.batch,
        "training": training,
        "memory": kept.to_dict(),
        "kv_cache": kv_cache_bytes(decoder, batch=terms.batch),
        "decode": {
            "tokens": decoder.context,
            "flops": token.flops,
            "bytes": token.bytes,
            "weight_bytes": token.weight_bytes,
            "cache_bytes": token.cache_bytes,
            "intensity": token.intensity,
        },
        "device": held,
    }


def _image_bill(model: VisionTransformer | ConvNet, terms: Terms) -> dict[str, Any]:
    flops = None if terms.tokens is None else terms.tokens * model.train_flops
    training = None if flops is None else {"images": terms.tokens, "flops": flops}
    return {
        "kind": "image",
        "params": {"total": model.params},
        "macs": model.macs,
        "flops": model.flops,
        "train_flops": model.train_flops,
        "activations": model.activations,
        "spread": {"base": "macs", "low": 1.0, "high": 2.0},
        "training": training,
        "device": _device(terms, flops=flops),
    }


def _device(terms: Terms, *, flops: float | None, needed: float | None = None) -> dict[str, Any] | None:
    """Time and price on the described device."""
    device = terms.device
    if device is None:
        return None
    made: dict[str, Any] = {**device.to_dict(), "devices": terms.devices, "mfu": terms.mfu}
    if needed is not None:
        made["fits"] = fits(needed, device)
    seconds = time_to_train(flops or 0.0, device, mfu=terms.mfu, devices=terms.devices, precision=terms.peak)
    if flops is not None:
        made["train_seconds"] = seconds
        made["train_cost"] = None if device.price is None else cost(seconds, device, devices=terms.devices)
    return made


def _value(text: str, key: str, kind: str) -> Any:
    """A size from a word, by the field's type."""
    word = text.strip()
    if kind == "str":
        return word
    if kind == "bool":
        if word.lower() in ("yes", "true", "1", "on"):
            return True
        if word.lower() in ("no", "false", "0", "off"):
            return False
        raise ConfigError(f"{key} = {text!r} is neither yes nor no", path=f"shape.{key}", hint=f"{key}=yes")
    factor = _SPOKEN.get(word[-1:], 1.0)
    try:
        number = float(word[:-1] if word[-1:] in _SPOKEN else word) * factor
        whole = int(number)
    except (ValueError, OverflowError):
        raise ConfigError(f"{key} = {text!r} is not a number", path=f"shape.{key}", hint="write 768 or 32k") from None
    return whole if whole == number else number
