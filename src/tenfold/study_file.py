"""The study file: TOML in, a checked description out. The words are the verbs' own arguments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tenfold.core.errors import ConfigError
from tenfold.io.config import load_toml, validate
from tenfold.io.files import read_bytes
from tenfold.io.packaged import packaged_table
from tenfold.plan import Budget


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RunsTable(_Table):
    """Where the runs come from; see :func:`tenfold.read_runs`."""

    source: str
    where: str = ""
    columns: dict[str, str] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)
    conventions: dict[str, str] = Field(default_factory=dict)
    group: str = ""
    curves: str = ""
    budgets: str = ""


class FitTable(_Table):
    """What is fitted; see :func:`tenfold.fit`."""

    laws: list[str] = Field(default=["chinchilla"], min_length=1)
    objective: str = "huber:1e-3"
    target: str = ""
    axis: str = ""
    fixed: dict[str, float] = Field(default_factory=dict)
    bounds: dict[str, list[float]] = Field(default_factory=dict)
    weights: str = ""
    checkpoints: str = ""
    warmup: float = 0.0
    near: str = ""
    outliers: str = "flag"
    errors: dict[str, float] = Field(default_factory=dict)


class RehearseTable(_Table):
    """How rehearsal withholds; see :func:`tenfold.rehearse.rehearse`."""

    axis: str = ""
    withhold: int | None = None


class PlanTable(_Table):
    """What may be spent; see :class:`tenfold.plan.Budget`."""

    flops: float
    cost: float = 6.0
    serve_tokens: float = 0.0
    unique_tokens: float | None = None
    max_params: float | None = None

    def budget(self) -> Budget:
        """The budget of the plan verb."""
        return Budget(
            flops=self.flops,
            cost=self.cost,
            serve_tokens=self.serve_tokens,
            unique_tokens=self.unique_tokens,
            max_params=self.max_params,
        )


class LiveTable(_Table):
    """One planned run to train and hold against the forecast."""

    flops: float = Field(gt=0)
    ladder: str = "bytes"
    seed: int = 0


class ReportTable(_Table):
    """What is written."""

    html: str = ""
    json_file: str = Field(default="", alias="json")
    figures: str = ""


class StudyFile(_Table):
    """A whole study. ``text`` is the file as written, ``folder`` where relative paths start."""

    title: str = "A scaling study"
    seed: int = 0
    runs: RunsTable
    fit: FitTable = FitTable()
    uncertainty: str = "auto"
    rehearse: RehearseTable = RehearseTable()
    forecast: list[dict[str, float]] = Field(default_factory=list)
    plan: PlanTable | None = None
    live: LiveTable | None = None
    report: ReportTable = ReportTable()
    text: str = Field(default="", exclude=True)
    folder: str = Field(default="", exclude=True)

    def resolve(self, source: str) -> str:
        """A source as given in the file: packaged tables stay, paths are relative to the file."""
        if source.startswith("data:") or os.path.isabs(source):
            return source
        return str(Path(self.folder) / source)

    def sidecar(self) -> dict[str, Any]:
        """Facts that come with a packaged table, or nothing."""
        if not self.runs.source.startswith("data:"):
            return {}
        return dict(packaged_table(self.runs.source.removeprefix("data:")).sidecar)


def load_study(path: str | os.PathLike[str]) -> StudyFile:
    """Read and check a study file.

    Raises:
        ConfigError: an unknown key (with the closest), a wrong type with its value, or an unreadable file.
    """
    values = load_toml(path)
    for hidden in ("text", "folder"):
        if hidden in values:
            raise ConfigError(f"unknown key {hidden!r} in {Path(path).name}", path=hidden)
    checked = validate(StudyFile, values, file=Path(path).name)
    text = read_bytes(path, error=ConfigError).decode("utf-8")
    return checked.model_copy(update={"text": text, "folder": str(Path(path).parent)})
