"""Where a result came from: version, date, settings and the hash of the runs it was made from."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenfold.core.version import __version__


@dataclass(frozen=True, slots=True)
class Provenance:
    """Enough to make the result again. Holds no data and no path of the machine."""

    verb: str
    runs_id: str
    source: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    python: str = ""
    numpy: str = ""
    made: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "verb": self.verb,
            "runs_id": self.runs_id,
            "source": self.source,
            "settings": dict(self.settings),
            "tenfold": self.version,
            "python": self.python,
            "numpy": self.numpy,
            "made": self.made,
        }


def version() -> str:
    """The version of tenfold."""
    return __version__


def provenance(verb: str, *, runs_id: str, source: str, **settings: Any) -> Provenance:
    """The provenance of a result made now. SOURCE_DATE_EPOCH fixes the date, for reproducible output."""
    import numpy as np

    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = (
        datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
        if epoch.isdigit()
        else datetime.datetime.now(datetime.UTC)
    )
    return Provenance(
        verb,
        runs_id,
        os.path.basename(source),
        settings,
        version(),
        platform.python_version(),
        np.__version__,
        moment.strftime("%Y-%m-%d"),
    )
