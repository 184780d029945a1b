"""How a solve ended, as an enumeration of sentences."""

from __future__ import annotations

from enum import Enum


class Status(Enum):
    """Outcome of one solve. ``value`` is the sentence a user reads; ``code`` is what a batched lane carries."""

    CONVERGED = "The optimum was reached: the gradient vanishes and the curvature is positive."
    AT_BOUND = "The optimum lies on a bound: a coefficient wants to leave its domain."
    STALLED = "No step lowers the objective any further, but the gradient has not vanished."
    OUT_OF_STEPS = "The maximum number of steps was reached before the gradient vanished."
    FLAT = "The objective is flat in some direction: the runs do not determine every coefficient."
    NON_FINITE = "The law gave a non-finite value everywhere near the start."

    @property
    def code(self) -> int:
        """Small integer used in batched solves, the order of declaration."""
        return list(Status).index(self)

    @property
    def ok(self) -> bool:
        """Whether the end point is an optimum that may be reported as such."""
        return self in (Status.CONVERGED, Status.AT_BOUND)

    @classmethod
    def from_code(cls, code: int) -> Status:
        """The status a lane's integer stands for."""
        return list(cls)[int(code)]
