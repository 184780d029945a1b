"""``python -m benchmarks.trainer [--quick] [--write]``: how much of a core's matmul peak the trainer sustains.

One process on one core with one thread everywhere. All rates are FLOPs of the model's matrix products over CPU seconds of
this process, which other work on the machine disturbs least; each is the best of several repeats. The peak is the fastest
fp32 product of square matrices by NumPy's BLAS, XLA or torch.
"""

from __future__ import annotations

import os

# read when the libraries are first imported
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import importlib.util
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np

from tenfold.ladder.corpora import load_corpus
from tenfold.ladder.growth import width_for
from tenfold.ladder.ladder import Ladder, plan_run
from tenfold.ladder.models import key, model_of
from tenfold.ladder.spec import RunSpec, Shape
from tenfold.ladder.stepper import CHUNK, initializer, program, rates, stepper

PAGE = Path("docs/trainer.md")
MARK = "<!-- measured -->"
SIZES = (200_000, 1_000_000, 3_000_000)
WIDTHS = (8, 16, 32, 64)
MEMBERS = 4
BAR = 0.30


@dataclass(frozen=True)
class Speed:
    """One line of the table.

    Attributes:
        what: the model or the product.
        who: the program.
        rate: FLOPs a CPU second.
        note: what else was measured.
    """

    what: str
    who: str
    rate: float
    note: str = ""


def seconds(job: Callable[[], object], *, repeats: int = 5, least: float = 0.1) -> float:
    """The least CPU seconds of a job that was run once before; short ones are looped for ``least`` seconds."""
    job()
    begin = time.process_time()
    job()
    loops = max(1, int(least / max(time.process_time() - begin, 1e-6)))
    found = float("inf")
    for _ in range(repeats):
        begin = time.process_time()
        for _ in range(loops):
            job()
        found = min(found, (time.process_time() - begin) / loops)
    return found


def peaks(repeats: int) -> Iterator[Speed]:
    """Products of square matrices by every library that is here."""
    for size in (256, 512, 1024, 2048):
        for who, job in products(size):
            yield Speed(f"{size} x {size}", who, 2.0 * size**3 / seconds(job, repeats=repeats))


def products(size: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Jobs that multiply two fp32 matrices, by library."""
    draw = np.random.default_rng(0)
    a, b = (draw.normal(size=(size, size)).astype(np.float32) for _ in range(2))
    out = np.empty_like(a)
    yield "NumPy", lambda: np.matmul(a, b, out=out)
    product, one, other = jax.jit(lambda x, y: x @ y), jax.device_put(a), jax.device_put(b)
    yield "XLA", lambda: product(one, other).block_until_ready()
    if has_torch():
        import torch

        torch.set_num_threads(1)
        x, y = torch.tensor(a), torch.tensor(b)
        yield "PyTorch", lambda: torch.mm(x, y)


def has_torch() -> bool:
    """Whether torch can be imported here."""
    return importlib.util.find_spec("torch") is not None


def planned(params: int) -> RunSpec:
    """A run of the bytes preset's recipe with so many non-embedding parameters, at 20 codes each."""
    width = width_for("transformer", Shape(width=8), params)
    return plan_run(Ladder(rows=()), width, tokens=20.0 * params)


def trained(spec: RunSpec, repeats: int) -> Speed:
    """Our trainer on chunks of the real data, compilation apart."""
    model = model_of(spec)
    run, start = stepper(program(model))
    state, peak = start(initializer(program(model))(key(0))), rates(model)
    feed = load_corpus(spec.corpus).batches(spec.shape, batch=spec.batch, seed=0, chunk=CHUNK)
    next(feed)
    factors = np.full(CHUNK, 0.1, np.float32)
    begin = time.process_time()
    compiled = run.lower(state, next(feed)[1], factors, peak).compile()
    compiling = time.process_time() - begin
    best = pipeline = float("inf")
    for repeat in range(repeats + 1):
        begin = time.process_time()
        examples = next(feed)[1]
        fed = time.process_time() - begin
        begin = time.process_time()
        state, losses = compiled(state, examples, factors, peak)
        np.asarray(losses)
        if repeat:
            best, pipeline = min(best, time.process_time() - begin), min(pipeline, fed)
    flops = float(CHUNK * spec.batch_tokens * model.count().flops)
    note = f"compiled in {compiling:.1f} s; input {pipeline / (best + pipeline):.2%} of the time"
    return Speed(_name(spec), "tenfold", flops / (best + pipeline), note)


def beside(spec: RunSpec, repeats: int) -> Speed:
    """The same model in PyTorch, on the same windows, eager."""
    import torch

    from benchmarks.torch_peer import TorchModel, optimizer, step

    torch.set_num_threads(1)
    model = model_of(spec)
    weights = {name: np.asarray(value) for name, value in model.init(key(0)).items()}
    draw = np.random.default_rng(0)
    full = {name: value + 0.02 * draw.normal(size=value.shape).astype(np.float32) for name, value in weights.items()}
    data = load_corpus(spec.corpus)
    examples = next(data.batches(spec.shape, batch=spec.batch, seed=0, chunk=CHUNK))[1].astype(np.int64)
    ours = float(jax.numpy.mean(model.losses(full, examples[0])))
    theirs = float(TorchModel(full, spec.shape).loss(torch.tensor(examples[0])).detach())
    if abs(ours - theirs) > 1e-4 * ours:
        raise SystemExit(f"the two models differ: {ours} and {theirs}")
    peer = TorchModel(weights, spec.shape)
    adam = optimizer(peer, {name: 0.1 * rate for name, rate in model.rates.items()})
    windows = [torch.tensor(each) for each in examples]
    best = float("inf")
    for repeat in range(repeats + 1):
        begin = time.process_time()
        for each in windows[:8]:
            step(peer, adam, each)
        best = min(best, time.process_time() - begin) if repeat else best
    flops = float(8 * spec.batch_tokens * model.count().flops)
    return Speed(_name(spec), f"PyTorch {torch.__version__}, eager", flops / best, "same losses to 1e-4")


def together(width: int, repeats: int) -> tuple[Speed, Speed]:
    """Four seeds one by one, and in one program."""
    spec = replace(planned(30_000), shape=Shape(width=width))
    model = model_of(spec)
    weights = [initializer(program(model))(key(seed)) for seed in range(MEMBERS)]
    feed = load_corpus(spec.corpus).batches(spec.shape, batch=spec.batch, seed=0, chunk=CHUNK)
    chunks = [next(feed)[1] for _ in range(MEMBERS)]
    factors, peak = np.full(CHUNK, 0.1, np.float32), rates(model)
    flops = float(MEMBERS * CHUNK * spec.batch_tokens * model.count().flops)
    alone, start = stepper(program(model))
    states = [start(each) for each in weights]
    many, begin_all = stepper(program(model), members=True)
    state = begin_all(jax.tree.map(lambda *each: jax.numpy.stack(each), *weights))
    stacked, peaks = np.stack(chunks), jax.tree.map(lambda value: np.stack([value] * MEMBERS), peak)

    def one_by_one() -> None:
        for place in range(MEMBERS):
            states[place], losses = alone(states[place], chunks[place], factors, peak)
            np.asarray(losses)

    def in_one() -> None:
        nonlocal state
        state, losses = many(state, stacked, factors, peaks)
        np.asarray(losses)

    slow = fast = float("inf")
    for _ in range(4 * repeats):  # in turns, so that other work on the machine falls on both
        slow = min(slow, seconds(one_by_one, repeats=1, least=0.0))
        fast = min(fast, seconds(in_one, repeats=1, least=0.0))
    name = f"{MEMBERS} seeds, width {width}"
    return Speed(name, "one by one", flops / slow), Speed(
        name, "one program", flops / fast, f"{slow / fast:.2f} times as fast"
    )


def _name(spec: RunSpec) -> str:
    bill = model_of(spec).count()
    return f"{bill.hidden + bill.head:,} parameters (width {spec.shape.width}, {spec.batch_tokens} codes a step)"


def table(rows: list[Speed], peak: float, machine: str) -> str:
    """The Markdown of one measurement."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    lines = [
        f"Measured on {machine}. One core, one thread; FLOPs of matrix products over CPU seconds of the process,",
        f"the best of several repeats; load of the machine {load:.0f} on {os.cpu_count()} cores. The peak, which is the",
        f"fastest of the products, is {peak / 1e9:.1f} GFLOP/s.",
        "",
        "| what | who | GFLOP/s | share of the peak | note |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {row.what} | {row.who} | {row.rate / 1e9:.1f} | {row.rate / peak:.0%} | {row.note} |" for row in rows]
    if not has_torch():
        lines += ["", "PyTorch is not installed here, so there is no comparison with it."]
    return "\n".join(lines) + "\n"


def pin() -> None:
    """Keep this process on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main() -> None:
    """Measure, print, and write the page's table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trainer", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats, and only the smallest model")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE}")
    given = parser.parse_args()
    pin()
    repeats = 2 if given.quick else 4
    rows: list[Speed] = []

    def add(row: Speed) -> None:
        rows.append(row)
        print(f"{row.what:58s} {row.who:24s} {row.rate / 1e9:8.1f} GFLOP/s  {row.note}", flush=True)

    for row in peaks(repeats):
        add(row)
    peak = max(row.rate for row in rows)
    for params in SIZES[:1] if given.quick else SIZES:
        spec = planned(params)
        more = max(repeats, round(3e6 / params))  # small models are cheap to repeat and suffer most from other work
        add(trained(spec, more))
        if has_torch():
            add(beside(spec, more))
    for width in WIDTHS[:1] if given.quick else WIDTHS:
        for row in together(width, repeats):
            add(row)
    low = [row for row in rows if row.who == "tenfold" and row.rate < BAR * peak]
    text = table(rows, peak, f"{platform.machine()}, Python {platform.python_version()}, JAX {jax.__version__}")
    print("\n" + text)
    for row in low:
        print(f"below the bar of {BAR:.0%}: {row.what}")
    if given.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
        after = rest.partition(MARK)[2]
        PAGE.write_text(f"{before}{MARK}\n\n{text}\n{MARK}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
