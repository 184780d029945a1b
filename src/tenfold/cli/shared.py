"""What commands share: options that read runs, ``name=value`` lists, printing, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any

from cyclopts import Parameter

from tenfold.core.errors import ConfigError

Source = Annotated[str, Parameter(help="a CSV, Parquet or JSON-lines file (.gz too), or data:NAME for a packaged table")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="print one JSON object and nothing else")]
LAW_HELP = "a law's name, FILE.py:NAME, a formula such as 'E + A*N**-alpha', or auto for a choice of laws"
LawName = Annotated[str, Parameter(name="--law", show_default=True, help=LAW_HELP)]


@Parameter(name="*")
@dataclass(frozen=True)
class Table:
    """How the table is read."""

    where: Annotated[str, Parameter(help="rows to keep, e.g. \"status == 'finished' and flops < 1e21\"")] = ""
    columns: Annotated[
        tuple[str, ...], Parameter(help='canonical=yours, e.g. params="Model Size"; repeatable', negative="")
    ] = ()
    units: Annotated[
        tuple[str, ...], Parameter(help="unit of a column, e.g. tokens=B or loss=bits/byte", negative="")
    ] = ()
    convention: Annotated[
        tuple[str, ...], Parameter(help="how a quantity is counted, e.g. params=non-embedding", negative="")
    ] = ()

    def read(self, source: str, *, group: str = "") -> Any:
        """The runs."""
        from tenfold.io.tables import read_runs

        return read_runs(
            source,
            columns=pairs(self.columns, "--columns") or None,
            where=self.where or None,
            units=pairs(self.units, "--units") or None,
            conventions=pairs(self.convention, "--convention") or None,
            group=group or None,
        )


@Parameter(name="*")
@dataclass(frozen=True)
class Fitting:
    """How the law is fitted."""

    objective: Annotated[
        str,
        Parameter(
            show_default=True, help="huber:DELTA, squared, absolute, quantile:Q, student:NU:S, binomial; @linear or @log"
        ),
    ] = "huber:1e-3"
    fixed: Annotated[
        tuple[str, ...], Parameter(help="coefficient held at a value, e.g. E=1.8; repeatable", negative="")
    ] = ()
    bounds: Annotated[
        tuple[str, ...], Parameter(help="narrower domain, e.g. alpha=0.1:0.6; repeatable", negative="")
    ] = ()
    prior: Annotated[
        tuple[str, ...],
        Parameter(help="belief, e.g. alpha=0.35:0.02, alpha=evidence or alpha=besiroglu; repeatable", negative=""),
    ] = ()
    start: Annotated[
        tuple[str, ...],
        Parameter(help="begin here, e.g. E=1.7,A=400,..., and search nowhere else; repeatable", negative=""),
    ] = ()
    tie: Annotated[
        tuple[str, ...], Parameter(help="coefficient given by others, e.g. beta=alpha; repeatable", negative="")
    ] = ()
    axis: Annotated[str, Parameter(help="the column that a one-axis law's x stands for, e.g. flops")] = ""
    target: Annotated[str, Parameter(help="the column to predict; loss by default")] = ""
    weights: Annotated[str, Parameter(help="a column of row weights")] = ""
    checkpoints: Annotated[
        str,
        Parameter(help="checkpoints of a run: pooled (as the independent points they amount to), last, or equal"),
    ] = ""
    warmup: Annotated[float, Parameter(help="share of each run's tokens whose checkpoints are cut, e.g. 0.1")] = 0.0
    near: Annotated[
        str, Parameter(help="rows weigh less far from a scale: flops=1e21, half a decade; flops=1e21:0.5, every half")
    ] = ""
    outliers: Annotated[
        str, Parameter(show_default=True, help="flag, drop or keep; with a z-score and a largest share, drop:5:0.05")
    ] = "flag"
    errors: Annotated[
        tuple[str, ...], Parameter(help="error of an input's logarithm, e.g. params=0.05; repeatable", negative="")
    ] = ()

    def rows(self) -> dict[str, Any]:
        """The options that choose and weigh rows, as ``fit`` takes them."""
        return {
            "weights": self.weights,
            "checkpoints": self.checkpoints,
            "warmup": self.warmup,
            "near": self.near,
            "outliers": self.outliers,
            "errors": numbers(self.errors, "--errors"),
        }

    def law(self, name: str) -> Any:
        """The law, with its ties."""
        from tenfold.core.derive import tied
        from tenfold.laws import get

        return tied(get(name), pairs(self.tie, "--tie")) if self.tie else get(name)

    def pool(self, law: str, runs: Any, *, group: str, share: Sequence[str], partial: Sequence[str]) -> Any:
        """One law on groups with coefficients in common."""
        from tenfold.pooling import pool

        if not group:
            raise ConfigError("--share and --partial need groups", path="--group", hint="add --group COLUMN")
        unlike = {"--outliers": self.outliers != "flag", "--weights": self.weights, "--near": self.near}
        unlike |= {"--checkpoints": self.checkpoints, "--warmup": self.warmup, "--errors": self.errors}
        unlike |= {"--fixed": self.fixed, "--bounds": self.bounds, "--prior": self.prior, "--start": self.start}
        for option, given in unlike.items():
            if given:
                raise ConfigError(f"{option} does not go with --share and --partial", path=option, hint="leave it out")
        return pool(
            self.law(law),
            runs,
            by="group",
            share=share,
            partial=partial,
            objective=self.objective,
            target=self.target,
            axis=self.axis,
        )

    def choose(self, runs: Any, tell: Any, *, given: Sequence[str] = ()) -> Any:
        """Every law that the columns allow, in order, and the choice that stacks them."""
        from tenfold.choose import choose

        for option, named in (
            ("--fixed", self.fixed),
            ("--bounds", self.bounds),
            ("--prior", self.prior),
            ("--start", self.start),
            ("--tie", self.tie),
        ):
            if named:
                raise ConfigError(f"{option} names coefficients of one law", path=option, hint="say which with --law")
        return choose(
            runs,
            target=self.target or "loss",
            axis=self.axis,
            given=given,
            objective=self.objective,
            tell=tell,
            **self.rows(),
        )

    def fit(self, law: str, runs: Any) -> Any:
        """The fit."""
        from tenfold.engine.starts import Starts
        from tenfold.fit import fit

        return fit(
            self.law(law),
            runs,
            objective=self.objective,
            fixed=numbers(self.fixed, "--fixed"),
            bounds=ranges(self.bounds),
            priors=pairs(self.prior, "--prior"),
            starts=Starts(at=tuple(numbers([each], "--start") for each in self.start)) if self.start else None,
            axis=self.axis,
            target=self.target,
            **self.rows(),
        )


def words(items: Sequence[str]) -> list[str]:
    """Names, also several in one separated by commas."""
    return [word.strip() for item in items for word in item.split(",") if word.strip()]


def pairs(items: Sequence[str], option: str) -> dict[str, str]:
    """``name=value`` items, also several in one separated by commas."""
    out: dict[str, str] = {}
    for item in items:
        for part in item.split(","):
            if not part.strip():
                continue
            name, equals, value = part.partition("=")
            if not equals or not name.strip() or not value.strip():
                raise ConfigError(f"{option} takes name=value, got {part.strip()!r}", path=option)
            if name.strip() in out:
                raise ConfigError(f"{option} gives {name.strip()!r} twice", path=option)
            out[name.strip()] = value.strip().strip("\"'")
    return out


def numbers(items: Sequence[str], option: str) -> dict[str, float]:
    """``name=number`` items; numbers may carry k, M, B, T."""
    return {name: number(value, f"{option} {name}") for name, value in pairs(items, option).items()}


def number(text: str, option: str) -> float:
    """A number as people type it: 7e10, 70B, 1.4T, 1_000."""
    scale = {"k": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12}
    body = text.strip().replace("_", "")
    factor = scale.get(body[-1:])
    try:
        value = float(body[:-1]) * factor if factor is not None else float(body)
    except ValueError:
        raise ConfigError(f"{option}: {text!r} is not a number", path=option, hint="write 7e10 or 70B") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise ConfigError(f"{option}: {text!r} is not a finite number", path=option)
    return value


def ranges(items: Sequence[str]) -> dict[str, tuple[float, float]]:
    """``name=low:high`` items."""
    out = {}
    for name, value in pairs(items, "--bounds").items():
        low, colon, high = value.partition(":")
        if not colon:
            raise ConfigError(f"--bounds takes name=low:high, got {name}={value}", path="--bounds")
        out[name] = (number(low, f"--bounds {name}"), number(high, f"--bounds {name}"))
    return out


def emit(value: Any, text: Callable[[], Any], *, as_json: bool) -> None:
    """Print a result: its JSON form, or its text."""
    if as_json:
        from tenfold.io.results import to_json

        print(to_json(value))
        return
    show(text())


def show(*parts: Any) -> None:
    """Print text or rich renderables; without colour when piped."""
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    for part in parts:
        console.print(part, markup=False) if isinstance(part, str) else console.print(part)


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Callable[[str, float], None]]:
    """A bar with time left on standard error, on a terminal only; yields ``tell(what, share)``."""
    if quiet or not sys.stderr.isatty():
        yield lambda what, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(title, total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)


def targets(items: Sequence[str]) -> list[dict[str, float]]:
    """``--at params=7e10,tokens=1.4e12``, once a target."""
    if not items:
        raise ConfigError("no target was given", path="--at", hint="add --at params=7e10,tokens=1.4e12")
    return [numbers([item], "--at") for item in items]


def by_group(runs: Any, group: str) -> Mapping[str, Any]:
    """The runs split by a column, or all of them under an empty name."""
    if not group:
        return {"": runs}
    return {name: replace(part, source=f"{part.source}, group {name}") for name, part in runs.groups("group").items()}
