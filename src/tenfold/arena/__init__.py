"""The arena: tables, laws and estimators against each other on withheld scales."""

from __future__ import annotations

from tenfold._lazy import lazy

_HOME = {
    "Arena": "tenfold.arena.arena",
    "Card": "tenfold.arena.cards",
    "Contestant": "tenfold.arena.contest",
    "Scores": "tenfold.arena.scores",
    "Task": "tenfold.arena.cards",
    "arena": "tenfold.arena.arena",
    "gather": "tenfold.arena.cards",
    "play": "tenfold.arena.contest",
    "read_card": "tenfold.arena.cards",
    "score": "tenfold.arena.scores",
    "summarise": "tenfold.arena.summary",
}

__all__ = sorted(_HOME)

lazy(__name__, _HOME)
