"""The exception tree. A message says what was wrong, with the value; where; and what to do.

::

    TenfoldError
    ├── DataError        the runs cannot carry the question (exit code 2)
    ├── LawError         a law is unknown or badly declared (exit code 2)
    ├── ConfigError      a file or an option is wrong; ``.path`` names the key (exit code 2)
    ├── FitError         a fit did not reach a trustworthy optimum; ``.fit`` is what was reached (exit code 1)
    └── PlanError        no allocation meets the limits; ``.binding`` names the one that binds (exit code 1)
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class TenfoldError(Exception):
    """Base of every error that tenfold raises on purpose.

    ``str(error)`` is one line; ``hint`` says what to do about it and may be empty.
    """

    kind = "error"
    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return one_line(self.message, self.hint)

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form: ``{"error": {"kind", "message", "hint"}}``."""
        return {"error": {"kind": self.kind, "message": self.message, "hint": self.hint}}


class DataError(TenfoldError):
    """The runs cannot be read, or cannot carry the question."""

    kind = "data"


class LawError(TenfoldError):
    """A law is unknown, or its declaration breaks the contract."""

    kind = "law"


class ConfigError(TenfoldError):
    """A configuration file or an option is wrong; ``path`` names the key, dotted."""

    kind = "config"

    def __init__(self, message: str, *, path: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path


class FitError(TenfoldError):
    """A fit did not end at a trustworthy optimum; ``fit`` holds what was reached."""

    kind = "fit"
    exit_code = 1

    def __init__(self, message: str, *, fit: Any = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.fit = fit


class PlanError(TenfoldError):
    """No allocation meets the budget and the limits; ``binding`` names the limit."""

    kind = "plan"
    exit_code = 1

    def __init__(self, message: str, *, binding: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.binding = binding


def one_line(message: str, hint: str) -> str:
    """What was wrong and what to do, as one line.

    >>> one_line("no law 'chinchila'", "did you mean 'chinchilla'?")
    "no law 'chinchila'; did you mean 'chinchilla'?"
    """
    message, hint = " ".join(message.split()), " ".join(hint.split())
    if not hint:
        return message
    return f"{message} {hint}" if message.endswith((".", "?", "!", ":")) else f"{message.rstrip(';')}; {hint}"


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """A hint naming the closest options, or the whole list when it is short.

    >>> did_you_mean("chinchila", ["chinchilla", "kaplan_n"])
    "did you mean 'chinchilla'?"
    """
    options = sorted(set(options))
    lowered = {option.lower(): option for option in options}
    close = get_close_matches(word.lower(), list(lowered), n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(f"'{lowered[name]}'" for name in close) + "?"
    if not options:
        return ""
    shown = ", ".join(options[:12]) + (", …" if len(options) > 12 else "")
    return f"choose one of: {shown}"
