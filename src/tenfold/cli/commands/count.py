"""``tenfold count``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, emit, number, pairs


def register(app: App) -> None:
    """Add the command."""
    app.command(count, help_epilogue="Example: tenfold count --preset gpt2 --tokens 10B --device a100 --price 2.50")


@Parameter(name="*")
@dataclass(frozen=True)
class Training:
    """What the bill is made out for."""

    tokens: Annotated[str, Parameter(help="tokens (or images) to train on, e.g. 300B")] = ""
    batch: Annotated[int, Parameter(show_default=True, help="sequences on a device, training and decoding")] = 1
    convention: Annotated[str, Parameter(show_default=True, help="FLOPs that are timed, e.g. 6N or causal")] = "matmul"
    precision: Annotated[str, Parameter(show_default=True, help="training state: mixed, fp32 or bf16")] = "mixed"
    optimizer: Annotated[str, Parameter(show_default=True, help="adam, lion, muon, momentum or sgd")] = "adam"
    recompute: Annotated[str, Parameter(show_default=True, help="activations: none, selective or full")] = "none"
    zero: Annotated[int, Parameter(show_default=True, help="ZeRO stage 0 to 3 over --devices")] = 0


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """The device."""

    device: Annotated[
        str, Parameter(help="a100, h100, h200, a TOML file, or name=mine,bf16=1e14,memory=24e9,bandwidth=1e12")
    ] = ""
    devices: Annotated[int, Parameter(show_default=True, help="how many")] = 1
    mfu: Annotated[float, Parameter(show_default=True, help="share of the peak that training reaches")] = 0.4
    price: Annotated[float | None, Parameter(help="US dollars an hour a device")] = None


def count(
    ladder: Annotated[str, Parameter(help="a ladder's TOML file, or the name of a ladder preset")] = "",
    /,
    *,
    preset: Annotated[str, Parameter(help="a known model, e.g. gpt2; without arguments all are listed")] = "",
    shape: Annotated[
        tuple[str, ...],
        Parameter(
            help="sizes, e.g. width=768,depth=12,heads=12,vocab=50257,context=1024; they change a preset's", negative=""
        ),
    ] = (),
    training: Training = Training(),
    where: Where = Where(),
    json: Json = False,
) -> None:
    """Parameters, FLOPs, memory, time and price of a ladder, a shape or a known model, in every convention."""
    from tenfold.report import bill as text

    if not (ladder or preset or shape):
        rows = _known()
        emit({"models": rows}, lambda: text.known_text(rows), as_json=json)
        return
    made = _bill(ladder, preset, shape, _terms(training, where))
    emit(made, lambda: text.bill_text(made), as_json=json)


def _bill(ladder: str, preset: str, shape: tuple[str, ...], terms: Any) -> dict[str, Any]:
    from tenfold.core.errors import ConfigError
    from tenfold.ladder.bill import bill, ladder_bill, parse_decoder
    from tenfold.ladder.counting import Decoder
    from tenfold.ladder.known import find_known

    if ladder:
        from tenfold.ladder.config import load_ladder

        if preset or shape:
            raise ConfigError(
                "a ladder and a model were both given", path="--preset", hint="count one at a time: leave one of them out"
            )
        return ladder_bill(load_ladder(ladder), name=ladder, terms=terms)
    known = find_known(preset).model if preset else None
    if not shape:
        assert known is not None
        return bill(known, name=preset, terms=terms)
    if known is not None and not isinstance(known, Decoder):
        raise ConfigError(f"--shape changes decoders, and {preset} is none", path="--shape", hint="leave --shape out")
    changed = parse_decoder(pairs(shape, "--shape"), base=known)
    return bill(changed, name=f"{preset}, changed" if preset else "", terms=terms)


def _terms(training: Training, where: Where) -> Any:
    from tenfold.core.errors import ConfigError
    from tenfold.ladder.bill import Terms
    from tenfold.ladder.counting import Sharding
    from tenfold.ladder.devices import find_device, with_price

    if where.devices < 1:
        raise ConfigError(f"--devices = {where.devices} is not a positive number", path="--devices")
    if where.price is not None and not where.device:
        raise ConfigError("--price needs a device", path="--price", hint="add --device h100")
    return Terms(
        tokens=number(training.tokens, "--tokens") if training.tokens else None,
        batch=training.batch,
        convention=training.convention,
        precision=training.precision,
        optimizer=training.optimizer,
        recompute=training.recompute,
        sharding=Sharding.zero(training.zero, devices=where.devices),
        device=with_price(find_device(where.device), where.price) if where.device else None,
        devices=where.devices,
        mfu=where.mfu,
    )


def _known() -> list[dict[str, Any]]:
    from tenfold.ladder.counting import Decoder, convention_spread, flops_per_token, params
    from tenfold.ladder.known import known_models

    rows: list[dict[str, Any]] = []
    for name, item in known_models().items():
        model = item.model
        if isinstance(model, Decoder):
            low, high = convention_spread(model)
            row = {
                "params": params(model).total,
                "flops": flops_per_token(model),
                "unit": "token",
                "low": low,
                "high": high,
            }
        else:  # multiply-accumulates, which papers print as FLOPs, are half of them
            row = {"params": model.params, "flops": model.train_flops, "unit": "image", "low": 0.5, "high": 1.0}
        rows.append({"name": name, **row})
    return rows
