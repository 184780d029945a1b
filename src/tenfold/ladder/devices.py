"""Described devices: how long a bill of FLOPs and bytes takes on one, and what that costs.

A device is what its data sheet says. Its price is never shipped: it changes, so whoever asks gives it.

>>> round(time_to_train(1e21, find_device("a100"), mfu=0.5, devices=8) / 3600, 1)
222.6
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.counting.memory import Decode

PRECISIONS = ("fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8")
"""Names under which a peak may be given; int8 counts operations."""


@dataclass(frozen=True)
class Device:
    """One accelerator.

    Attributes:
        name: what people call it.
        peak: FLOP/s by precision, dense.
        memory: bytes.
        bandwidth: bytes a second between memory and chip.
        price: US dollars an hour, from whoever asks.
        source: where the numbers stand.

    Raises:
        ConfigError: a number is not positive, or a precision is unknown; ``path`` names it.
    """

    name: str
    peak: Mapping[str, float] = field(default_factory=dict)
    memory: float | None = None
    bandwidth: float | None = None
    price: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "peak", MappingProxyType(dict(self.peak)))
        for name, value in self.peak.items():
            if name not in PRECISIONS:
                raise ConfigError(
                    f"unknown precision {name!r} of a device", path=f"device.{name}", hint=did_you_mean(name, PRECISIONS)
                )
            _positive(value, name)
        for name in ("memory", "bandwidth", "price"):
            if getattr(self, name) is not None:
                _positive(getattr(self, name), name)

    def flops(self, precision: str = "bf16", /) -> float:
        """Peak FLOP/s at a precision; ``fp16`` and ``bf16`` stand for each other."""
        for name in (precision, *{"bf16": ("fp16",), "fp16": ("bf16",)}.get(precision, ())):
            if name in self.peak:
                return self.peak[name]
        known = ", ".join(self.peak) or "none"
        raise ConfigError(
            f"{self.name} has no peak at {precision}, only {known}", path=f"device.{precision}", hint=f"add {precision}=…"
        )

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        numbers = {name: getattr(self, name) for name in ("memory", "bandwidth", "price")}
        return {"name": self.name, "peak": dict(self.peak), **numbers, "source": self.source}


def find_device(text: str, /) -> Device:
    """A device by name, by a TOML file, or as ``key=value`` pairs.

    Keys are ``name``, ``memory``, ``bandwidth``, ``price`` and a peak by precision; numbers are bytes, bytes a second,
    US dollars an hour and FLOP/s.

    Raises:
        ConfigError: unknown name, file or key, or a value that is not a positive number.

    >>> find_device("name=mine,bf16=1.2e14,memory=24e9,bandwidth=1e12").flops("fp16")
    120000000000000.0
    """
    text = text.strip()
    if text.lower() in DEVICES:
        return DEVICES[text.lower()]
    if "=" in text:
        return _described(_pairs(text))
    if text.endswith(".toml") or Path(text).is_file():
        from tenfold.io.config import load_toml

        return _described({"name": Path(text).stem, **load_toml(text)})
    raise ConfigError(
        f"no device {text!r}",
        path="device",
        hint=f"{did_you_mean(text, DEVICES)} Or describe it: --device name=mine,bf16=1e14,memory=24e9,bandwidth=1e12",
    )


def time_to_train(
    flops: float, device: Device, /, *, mfu: float = 0.4, devices: int = 1, precision: str = "bf16", bubble: float = 0.0
) -> float:
    """Seconds of training.

    Args:
        flops: of the whole run.
        device: one of the devices.
        mfu: share of the peak that is reached, in the convention in which ``flops`` are counted.
        devices: how many work side by side.
        precision: which peak.
        bubble: share of the time in which a pipeline waits; see :func:`tenfold.ladder.counting.pipeline_bubble`.
    """
    if not 0 < mfu <= 1:
        raise ConfigError(f"mfu = {mfu:g} does not lie between 0 and 1", path="mfu", hint="0.3 to 0.5 is usual")
    if not 0 <= bubble < 1:
        raise ConfigError(f"bubble = {bubble:g} does not lie between 0 and 1", path="bubble")
    if devices < 1:
        raise ConfigError(f"devices = {devices} is not a positive number", path="devices")
    return flops / (device.flops(precision) * mfu * devices * (1 - bubble))


def decode_time(token: Decode, device: Device, /, *, batch: int = 1, precision: str = "bf16") -> tuple[float, str]:
    """A bound on the seconds of one decoding step, and what binds: ``compute`` or ``bandwidth``.

    The roofline: a step takes at least as long as its FLOPs at peak, and as its traffic at full bandwidth.

    Args:
        token: what one token takes, with its share of the weights; see :func:`tenfold.ladder.counting.decode`.
        device: where.
        batch: sequences decoded together.
        precision: which peak.
    """
    if device.bandwidth is None:
        raise ConfigError(f"{device.name} has no bandwidth", path="device.bandwidth", hint="add bandwidth=1e12")
    compute = token.flops * batch / device.flops(precision)
    traffic = token.bytes * batch / device.bandwidth
    return max(compute, traffic), "compute" if compute > traffic else "bandwidth"


def ridge(device: Device, /, *, precision: str = "bf16") -> float:
    """FLOPs a byte above which a device is bound by compute.

    >>> round(ridge(find_device("h100")))
    295
    """
    if device.bandwidth is None:
        raise ConfigError(f"{device.name} has no bandwidth", path="device.bandwidth", hint="add bandwidth=1e12")
    return device.flops(precision) / device.bandwidth


def cost(seconds: float, device: Device, /, *, devices: int = 1) -> float:
    """US dollars for so long on so many devices.

    >>> cost(7200.0, replace(find_device("a100"), price=1.5), devices=8)
    24.0
    """
    if device.price is None:
        raise ConfigError(f"{device.name} has no price", path="price", hint="add --price 2.50 (US dollars an hour)")
    return seconds / 3600 * device.price * devices


def fits(needed: float, device: Device, /) -> bool | None:
    """Whether so many bytes fit into the memory of one device; None where its memory is not known.

    >>> fits(70e9, find_device("a100")), fits(90e9, find_device("a100"))
    (True, False)
    """
    return None if device.memory is None else needed <= device.memory


def with_price(device: Device, price: float | None, /) -> Device:
    """The same device at another price."""
    return device if price is None else replace(device, price=price)


def _described(values: Mapping[str, Any]) -> Device:
    """A device from pairs: what is no other key is a precision."""
    known = ("name", "memory", "bandwidth", "price", "source")
    for key in values:
        if key not in (*known, *PRECISIONS):
            raise ConfigError(
                f"unknown key {key!r} of a device", path=f"device.{key}", hint=did_you_mean(key, (*known, *PRECISIONS))
            )
    peak = {key: _number(values[key], key) for key in PRECISIONS if key in values}
    if not peak:
        raise ConfigError("a device needs a peak", path="device", hint="add bf16=1e14, in FLOP/s")
    numbers = {key: _number(values[key], key) for key in ("memory", "bandwidth", "price") if key in values}
    return Device(
        name=str(values.get("name", "device")),
        peak=peak,
        source=str(values.get("source", "as described")),
        **numbers,
    )


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals:
            raise ConfigError(f"a device is described by key=value, not {part!r}", path="device", hint="bf16=1e14")
        pairs[key.strip()] = value.strip()
    return pairs


def _number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} = {value!r} is not a number", path=f"device.{name}", hint="write 1e14") from None
    return _positive(number, name)


def _positive(value: float, name: str) -> float:
    if isinstance(value, bool) or not (value > 0 and math.isfinite(value)):
        raise ConfigError(f"{name} = {value!r} is not a positive number", path=f"device.{name}")
    return value


DEVICES: Mapping[str, Device] = MappingProxyType(
    {
        "a100": Device(
            "a100",
            {"fp32": 19.5e12, "tf32": 156e12, "bf16": 312e12, "fp16": 312e12},
            80e9,
            2.039e12,
            source="NVIDIA A100 80 GB SXM data sheet, dense",
        ),
        "h100": Device(
            "h100", {"bf16": 989.4e12, "fp16": 989.4e12}, 80e9, 3.35e12, source="NVIDIA H100 SXM data sheet, dense"
        ),
        "h200": Device(
            "h200", {"bf16": 989.4e12, "fp16": 989.4e12}, 141e9, 4.8e12, source="NVIDIA H200 SXM data sheet, dense"
        ),
    }
)
"""Dense peaks and bandwidths as NVIDIA states them; each was found the same in an independent listing."""
