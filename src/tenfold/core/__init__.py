"""The nouns everything else is written in: axes, domains, laws, runs, statuses and errors."""

from __future__ import annotations

from tenfold._lazy import lazy

_NAMES = {
    "axes": ("AXES", "Axis", "Conventions", "axis_of", "say"),
    "derive": ("tied",),
    "domains": ("Domain", "Exponent", "Floor", "Interval", "Like", "Positive", "Real", "Unit"),
    "errors": (
        "ConfigError",
        "DataError",
        "FitError",
        "LawError",
        "PlanError",
        "TenfoldError",
        "did_you_mean",
    ),
    "law": ("Check", "Cite", "Law", "Optimum", "Published", "Reduction", "law", "optimum"),
    "runs": ("Labels", "RunSpec", "Runs"),
    "status": ("Status",),
}
_HOME = {name: f"tenfold.core.{module}" for module, names in _NAMES.items() for name in names}

__all__ = sorted(_HOME)

lazy(__name__, _HOME)
