"""Which rows a fit uses and how much each weighs, beside the objective: checkpoints, nearness, outliers, input errors."""

from __future__ import annotations

from tenfold.estimators.checkpoints import Checkpoints, Correlation
from tenfold.estimators.near import Near
from tenfold.estimators.options import Estimators, estimators
from tenfold.estimators.outliers import Outlier, Outliers, Screening

__all__ = [
    "Checkpoints",
    "Correlation",
    "Estimators",
    "Near",
    "Outlier",
    "Outliers",
    "Screening",
    "estimators",
]
