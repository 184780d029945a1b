"""tenfold: if I spend more, along which axis, how much better does it get, how sure is that, when does it stop paying?

``read_runs -> fit -> draw -> rehearse -> forecast -> plan``, each a function; names are imported on first use.
"""

from __future__ import annotations

from tenfold._lazy import lazy

_HOME = {
    "Allometry": "tenfold.allometry",
    "Bootstrap": "tenfold.uncertainty",
    "Budget": "tenfold.plan",
    "Check": "tenfold.core",
    "Cite": "tenfold.core",
    "Collapse": "tenfold.collapse",
    "ConfigError": "tenfold.core",
    "Conventions": "tenfold.core",
    "DataError": "tenfold.core",
    "Draws": "tenfold.uncertainty",
    "Exponent": "tenfold.core",
    "Fit": "tenfold.fit",
    "FitError": "tenfold.core",
    "Floor": "tenfold.core",
    "Forecast": "tenfold.forecast",
    "Huber": "tenfold.engine.objective",
    "Interval": "tenfold.core",
    "Laplace": "tenfold.uncertainty",
    "Law": "tenfold.core",
    "LawError": "tenfold.core",
    "Like": "tenfold.core",
    "Nuts": "tenfold.uncertainty",
    "Plan": "tenfold.plan",
    "PlanError": "tenfold.core",
    "Positive": "tenfold.core",
    "Pooled": "tenfold.pooling",
    "Prior": "tenfold.priors",
    "Published": "tenfold.core",
    "Real": "tenfold.core",
    "Ranking": "tenfold.rank",
    "Regime": "tenfold.regime",
    "Rehearsal": "tenfold.rehearse",
    "Residual": "tenfold.uncertainty",
    "RunSpec": "tenfold.core",
    "Runs": "tenfold.core",
    "SeedNoise": "tenfold.noise",
    "Squared": "tenfold.engine.objective",
    "Starts": "tenfold.engine.starts",
    "Status": "tenfold.core",
    "TenfoldError": "tenfold.core",
    "Unit": "tenfold.core",
    "Wild": "tenfold.uncertainty",
    "allometry": "tenfold.allometry",
    "check_law": "tenfold.testing",
    "classify_regime": "tenfold.regime",
    "collapse": "tenfold.collapse",
    "draw": "tenfold.uncertainty",
    "evidence_prior": "tenfold.priors",
    "fit": "tenfold.fit",
    "forecast": "tenfold.forecast",
    "isoflop": "tenfold.isoflop",
    "law": "tenfold.core",
    "load_study": "tenfold.study_file",
    "optimum": "tenfold.core",
    "plan": "tenfold.plan",
    "pool": "tenfold.pooling",
    "profile_interval": "tenfold.uncertainty",
    "rank": "tenfold.rank",
    "read_runs": "tenfold.io.tables",
    "rehearse": "tenfold.rehearse",
    "run_study": "tenfold.study",
    "seed_noise": "tenfold.noise",
    "tied": "tenfold.core",
}

__all__ = sorted(_HOME)

lazy(__name__, _HOME)
