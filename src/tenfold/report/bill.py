"""The bill of a model or a ladder as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenfold.core.axes import say
from tenfold.report.blocks import Block, Facts, Grid, Para, Section
from tenfold.report.numbers import count, percent, plain, quantity
from tenfold.report.text import Page

_COUNTS = {
    "total": "every trained number",
    "active": "without experts a token does not see",
    "non-embedding": "blocks with their biases and norms",
    "non-embedding+head": "and the readout, tied or not",
    "kaplan": "matrices of the blocks",
    "matmul": "matrices a token is multiplied by, and the readout",
}
_BYTES = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_OVER = "conventions: the least and the most of all, over 6N for decoders and over counted FLOPs for images"
_TIMES = ((365.25 * 86400, "years"), (86400, "days"), (3600, "hours"), (60, "minutes"))


def bill_text(bill: Mapping[str, Any], /) -> Page:
    """A bill as :func:`tenfold.ladder.bill.bill` makes it."""
    maker = {"decoder": _decoder, "image": _image, "ladder": _ladder}[bill["kind"]]
    return Page(tuple(section for section in maker(bill) if section.blocks))


def known_text(rows: list[dict[str, Any]], /) -> Page:
    """Every known model with its size and the FLOPs of a training token or image."""
    cells = tuple(
        (
            row["name"],
            say(row["params"], digits=3),
            f"{quantity(row['flops'], 'flops', digits=3)} a {row['unit']}",
            f"{row['low']:.2f} to {row['high']:.2f}",
        )
        for row in rows
    )
    grid = Grid(("model", "parameters", "training, matmul", "conventions"), cells, "lrrr", _OVER)
    hint = "tenfold count --preset gpt2 prints a bill, --shape counts any other decoder"
    return Page((Section("known", "Known models", (Para(f"{len(rows)} known models; {hint}.", lead=True), grid)),))


def in_bytes(value: float, /) -> str:
    """Bytes as people say them, powers of ten.

    >>> in_bytes(80e9), in_bytes(1536), in_bytes(12)
    ('80 GB', '1.54 kB', '12 B')
    """
    for bound, unit in _BYTES:
        if value >= 0.9995 * bound:
            scaled = value / bound
            return f"{scaled:.3g} {unit}" if scaled < 999.5 else f"{plain(scaled, digits=3)} {unit}"
    return f"{value:.0f} B"


def in_time(seconds: float, /) -> str:
    """Seconds as people say them.

    >>> in_time(5.2e6), in_time(90.0), in_time(0.0125)
    ('60.2 days', '1.50 minutes', '12.5 ms')
    """
    for bound, unit in _TIMES:
        if seconds >= bound:
            return f"{plain(seconds / bound, digits=3)} {unit}"
    return f"{plain(seconds, digits=3)} s" if seconds >= 1 else f"{plain(1e3 * seconds, digits=3)} ms"


def _decoder(bill: Mapping[str, Any]) -> list[Section]:
    name = bill["name"] or "this shape"
    total, products = bill["params"]["total"], bill["flops_per_token"]["matmul"]["value"]
    lead = f"{name}: {say(total, digits=3)} parameters, {quantity(products, 'flops', digits=3)} a training token"
    parts = tuple((part, f"{value:,}", percent(value / total)) for part, value in bill["parts"].items() if value)
    return [
        Section("verdict", "", (Para(lead, lead=True),)),
        Section("params", "Parameters", (_params(bill), Grid(("part", "parameters", "share"), parts, "lrr"))),
        Section("flops", f"FLOPs of training{_trained(bill)}", (_flops(bill),)),
        Section("memory", f"Memory, {_sequences(bill)} of {bill['sizes']['context']}", (_memory(bill),)),
        Section("decode", "Decoding, the context full", (_decode(bill),)),
        _device(bill),
        Section("spread", "Conventions", (Para(_spread(bill), lead=True),)),
    ]


def _sequences(bill: Mapping[str, Any]) -> str:
    return "1 sequence" if bill["batch"] == 1 else f"{bill['batch']} sequences"


def _params(bill: Mapping[str, Any]) -> Grid:
    rows = tuple((name, f"{value:,}", _COUNTS.get(name, "")) for name, value in bill["params"].items())
    return Grid(("convention", "parameters", "counts"), rows, "lrl")


def _flops(bill: Mapping[str, Any]) -> Grid:
    from tenfold.ladder.counting.flops import CONVENTIONS

    training = bill["training"]
    rows = tuple(
        (
            name,
            f"{each['value']:,}" if isinstance(each["value"], int) else plain(each["value"], digits=6),
            f"{each['ratio']:.3f}",
            quantity(training["flops"][name], "flops", unit=False, digits=3) if training else "",
            CONVENTIONS[name].counts,
        )
        for name, each in bill["flops_per_token"].items()
    )
    return Grid(("convention", "FLOP a token", "/ 6N", "in all", "counts"), rows, "lrrrl")


def _trained(bill: Mapping[str, Any]) -> str:
    return f" on {say(bill['training']['tokens'], 'tokens', digits=3)}" if bill["training"] else ""


def _memory(bill: Mapping[str, Any]) -> Facts:
    rows = [(name, in_bytes(value)) for name, value in bill["memory"].items() if value]
    return Facts((*rows, ("KV cache, 16 bit", in_bytes(bill["kv_cache"]))))


def _decode(bill: Mapping[str, Any]) -> Facts:
    found = bill["decode"]
    return Facts(
        (
            ("FLOP a token", quantity(found["flops"], "flops", unit=False, digits=3)),
            ("bytes a token", f"{in_bytes(found['bytes'])} ({in_bytes(found['cache_bytes'])} of it cache)"),
            ("intensity", f"{plain(found['intensity'], digits=3)} FLOP a byte"),
        )
    )


def _device(bill: Mapping[str, Any]) -> Section:
    found = bill["device"]
    if not found:
        return Section("device", "Device", ())
    rows: list[tuple[str, str]] = []
    if found.get("fits") is not None:
        rows.append(("training memory", f"{'fits' if found['fits'] else 'does not fit'} {in_bytes(found['memory'])}"))
    if "train_seconds" in found:
        rows.append(("training", f"{in_time(found['train_seconds'])} at {percent(found['mfu'])} of peak"))
        rows.append(("price", _price(found)))
    if "decode_seconds" in found:
        bound = f"at least {in_time(found['decode_seconds'])} a step, bound by {found['decode_binding']}"
        rows.append(("decoding", f"{bound}; at most {plain(found['decode_tokens_per_second'], digits=3)} tokens/s"))
    title = found["name"] if found["devices"] == 1 else f"{found['devices']} {found['name']}"
    return Section(
        "device", f"On {title}", (Facts(tuple(rows)),) if rows else (Para("nothing to time without --tokens"),)
    )


def _price(found: Mapping[str, Any]) -> str:
    if found["train_cost"] is None:
        return "not known: add --price, in US dollars an hour"
    return f"{found['train_cost']:,.2f} USD at {found['price']:g} USD an hour a device"


def _spread(bill: Mapping[str, Any]) -> str:
    found = bill["spread"]
    if found is None:
        return "FLOPs are twice the multiply-accumulates, forward and backward; say so with every number"
    return (
        f"conventions differ by {found['low']:.2f}x to {found['high']:.2f}x of {found['base']}; "
        "say which one you use with every number"
    )


def _image(bill: Mapping[str, Any]) -> list[Section]:
    rows = [
        ("parameters", f"{bill['params']['total']:,}"),
        ("multiply-accumulates an image", f"{bill['macs']:,} (what vision papers print as FLOPs)"),
        ("FLOP an image", f"{bill['flops']:,}"),
        ("FLOP a training image", f"{bill['train_flops']:,}"),
        ("activations", f"{bill['activations']:,} numbers an image"),
    ]
    if bill["training"]:
        rows.append(
            (
                f"training on {say(bill['training']['images'], digits=3)} images",
                quantity(bill["training"]["flops"], "flops", digits=3),
            )
        )
    name = bill["name"] or "this model"
    lead = f"{name}: {say(bill['params']['total'], digits=3)} parameters, {plain(bill['macs'] / 1e9)} GMAC an image"
    said = "MACs and FLOPs differ by 2x; say which one you use with every number"
    return [
        Section("verdict", "", (Para(lead, lead=True), Facts(tuple(rows)))),
        _device(bill),
        Section("spread", "Conventions", (Para(said, lead=True),)),
    ]


def _ladder(bill: Mapping[str, Any]) -> list[Section]:
    total = bill["total"]
    lead = (
        f"{bill['name']}: {count(total['runs'], 'run')}, {quantity(total['flops'], 'flops', digits=3)} "
        f"({bill['convention']}), {say(total['tokens'], 'tokens', digits=3)}, at most {in_bytes(total['memory'])} a run"
    )
    rows = tuple(
        (
            row["run"],
            str(row["width"]),
            say(row["params"], digits=3),
            say(row["tokens"], digits=3),
            quantity(row["flops"], "flops", unit=False, digits=3),
            in_bytes(row["memory"]),
        )
        for row in bill["runs"]
    )
    grid = Grid(
        ("run", "width", "parameters", "tokens", "FLOP", "memory"), rows, "lrrrrr", "memory is estimated, float32"
    )
    verdict: list[Block] = [Para(lead, lead=True), grid]
    return [
        Section("verdict", "", tuple(verdict)),
        _device(bill),
        Section("spread", "Conventions", (Para(_spread(bill), lead=True),)),
    ]
