"""The nouns everything else is written in: axes, domains, laws, runs, statuses and errors."""

from tenfold.core.axes import AXES, Axis, Conventions, axis_of
from tenfold.core.domains import Domain, Exponent, Floor, Interval, Like, Positive, Real, Unit
from tenfold.core.errors import (
    ConfigError,
    ConventionWarning,
    DataError,
    FitError,
    IdentifiabilityWarning,
    LawError,
    PlanError,
    ReachWarning,
    TenfoldError,
    TenfoldWarning,
    did_you_mean,
)
from tenfold.core.law import Check, Cite, Law, Optimum, Published, Reduction, law, optimum
from tenfold.core.runs import Labels, Runs, RunSpec
from tenfold.core.status import Status

__all__ = [
    "AXES",
    "Axis",
    "Check",
    "Cite",
    "ConfigError",
    "ConventionWarning",
    "Conventions",
    "DataError",
    "Domain",
    "Exponent",
    "FitError",
    "Floor",
    "IdentifiabilityWarning",
    "Interval",
    "Labels",
    "Law",
    "LawError",
    "Like",
    "Optimum",
    "PlanError",
    "Positive",
    "Published",
    "ReachWarning",
    "Real",
    "Reduction",
    "RunSpec",
    "Runs",
    "Status",
    "TenfoldError",
    "TenfoldWarning",
    "Unit",
    "axis_of",
    "did_you_mean",
    "law",
    "optimum",
]
