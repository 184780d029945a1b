"""News of a ladder in training: what happened to a run, how far the ladder is, how long it will take."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tenfold.ladder.ladder import flops_of
from tenfold.ladder.pool import News
from tenfold.ladder.spec import RunSpec


@dataclass(frozen=True)
class Event:
    """News of one run, with the state of the whole ladder.

    Attributes:
        kind: ``started``, ``progress``, ``finished``, ``diverged`` or ``failed``.
        run: id of the run.
        group: its row.
        fraction: share of the run that is done.
        loss: latest training loss, then the final evaluation; None when there is none.
        done_flops: FLOPs of the ladder that are done, those of earlier calls included.
        total_flops: FLOPs of the whole ladder.
        flops_per_second: measured since this call began, over all workers; 0 before the first news.
        eta_seconds: what is left at the measured speed; None before it is measured.
        message: why a run failed or diverged.
    """

    kind: str
    run: str
    group: str
    fraction: float
    loss: float | None
    done_flops: float
    total_flops: float
    flops_per_second: float
    eta_seconds: float | None
    message: str = ""


OnEvent = Callable[[Event], None]


def effort(spec: RunSpec, /) -> float:
    """How long a run takes, in FLOPs of a wide model: narrow models reach less of a core's speed.

    A core's measured speed follows 1 / (1 + 35 / width) from width 16 to 192 within a tenth; start,
    compilation and evaluation take about as long as 3e11 FLOPs.
    """
    return flops_of(spec) * (1 + 35 / spec.shape.width) + 3e11


class Board:
    """The state of a ladder while it trains.

    Args:
        planned: all its runs.
        todo: those of this call.
        clock: seconds, monotonic.
    """

    def __init__(
        self, planned: Sequence[RunSpec], todo: Sequence[RunSpec], *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._flops = {spec.run: flops_of(spec) for spec in todo}
        self._efforts = {spec.run: effort(spec) for spec in todo}
        self._total = sum(map(flops_of, planned))
        self._before = self._total - sum(self._flops.values())
        self._fractions: dict[str, float] = {}
        self._clock = clock
        self._began = clock()

    def event(self, news: News, /) -> Event:
        """Take note of one piece of news and phrase it."""
        spec, record = news.spec, news.record
        for each in (spec,) if record else news.job or (spec,):
            self._fractions[each.run] = max(self._fractions.get(each.run, 0.0), news.fraction)
        seconds = max(self._clock() - self._began, 1e-9)
        gained = sum(share * self._flops[run] for run, share in self._fractions.items())
        spent = sum(share * self._efforts[run] for run, share in self._fractions.items())
        left = max(0.0, sum(self._efforts.values()) - spent)
        kind = record.status if record else ("progress" if news.loss is not None else "started")
        return Event(
            kind=kind,
            run=spec.run,
            group=spec.group,
            fraction=news.fraction,
            loss=record.loss if record else news.loss,
            done_flops=self._before + gained,
            total_flops=self._total,
            flops_per_second=gained / seconds,
            eta_seconds=seconds * left / spent if spent > 0 else None,
            message=record.message if record else "",
        )
