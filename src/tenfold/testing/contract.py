"""The contract of a law, clause by clause. Each clause yields what is wrong, in words, with the values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tenfold.core.axes import AXES, OUTPUTS
from tenfold.core.errors import LawError, TenfoldError
from tenfold.core.facts import law_to_dict
from tenfold.core.law import Law, Published
from tenfold.testing.behaviour import agrees, differentiable, finite, monotone, vectorised
from tenfold.testing.structure import identifiable, reduces, traced
from tenfold.testing.worked import discriminates, worked

TAGS = ("verified", "verified-secondary", "refit")
LOCATORS = (
    "eq.",
    "table",
    "fig",
    "section",
    "appendix",
    "theorem",
    "algorithm",
    "function class",
    "abstract",
)
Clause = Callable[[Law], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a law breaks the contract."""

    law: str
    clause: str
    message: str

    def __str__(self) -> str:
        return f"{self.law}: {self.clause}: {self.message}"


def check_law(law: Law, *, only: Sequence[str] = (), throw: bool = True) -> list[Violation]:
    """Hold a law to the contract, or to ``only`` some clauses of it (see :data:`CLAUSES`).

    Raises:
        LawError: the law breaks the contract, naming every way; ``throw=False`` returns them instead.
    """
    for name in only:
        if name not in CLAUSES:
            raise LawError(f"no clause {name!r} in the contract", hint="there are " + ", ".join(CLAUSES))
    found = [
        Violation(law.name, name, message)
        for name, clause in CLAUSES.items()
        if not only or name in only
        for message in _messages(clause, law)
    ]
    if found and throw:
        listed = "\n".join(f"  {violation.clause}: {violation.message}" for violation in found)
        raise LawError(f"law {law.name!r} breaks the contract in {len(found)} ways:\n{listed}")
    return found


def _messages(clause: Clause, law: Law) -> list[str]:
    messages = []
    try:
        for message in clause(law):
            messages.append(message)
    except Exception as error:  # a law is foreign code: whatever it raises is a finding, not a crash of the check
        hint = f" {error.hint}" if isinstance(error, TenfoldError) and error.hint else ""
        text = str(error.args[0]) if error.args else ""
        messages.append(f"raised {type(error).__name__}: {text.splitlines()[0] if text else ''}{hint}")
    return messages


def cited(law: Law) -> Iterator[str]:
    """Cited, with the equation, the table or another place to look."""
    locators = ", ".join(LOCATORS)
    cites = {"the law": law.cite} | {f"published set {name}": p.cite for name, p in law.published.items() if p.cite}
    for what, cite in cites.items():
        if cite is None:
            yield "no citation"
            continue
        for field in ("authors", "title", "id", "where"):
            if not str(getattr(cite, field)).strip():
                yield f"the citation of {what} has no {field}"
        if not 1900 <= cite.year <= 2100:
            yield f"the citation of {what} is from the year {cite.year}"
        if not any(word in cite.where.lower() for word in LOCATORS):
            yield f"the citation of {what} names no equation: {cite.where!r} (none of {locators})"


def described(law: Law) -> Iterator[str]:
    """Inputs and output in the vocabulary; a formula; meanings; when to use the law and when not."""
    symbols = {axis.symbol for axis in AXES}
    for name in law.inputs:
        if name not in symbols:
            yield f"input {name!r} is no axis: the symbols are {', '.join(sorted(symbols))}"
    if law.output not in OUTPUTS:
        yield f"output {law.output!r} is unknown: it may be {', '.join(OUTPUTS)}"
    if not law.formula:
        yield "no formula: the first line of the docstring is the formula in LaTeX"
    if len(law.use) < 60 or not re.search(r"\b[Nn]ot\b", law.use):
        yield f"the docstring does not say when to use the law and when not: {law.use!r}"
    for name in law.coefs:
        if not law.meaning.get(name, "").strip():
            yield f"coefficient {name!r} has no meaning"
    for name in law.meaning:
        if name not in law.coefs:
            yield f"a meaning is given for {name!r}, which is no coefficient"
    for name in law.falls_in:
        if name not in law.inputs:
            yield f"falls_in names {name!r}, which is no input"


def published(law: Law) -> Iterator[str]:
    """Published coefficients complete, inside their domains, with evidence that may be shipped."""
    for name, chosen in law.published.items():
        yield from (f"published set {name!r}: {message}" for message in _published(law, chosen))


def _published(law: Law, chosen: Published) -> Iterator[str]:
    if chosen.tag not in TAGS:
        yield f"the evidence {chosen.tag!r} is none of {', '.join(TAGS)}"
    if not chosen.where.strip():
        yield "it does not say where the numbers stand"
    chosen.conventions  # noqa: B018  raises on an unknown convention
    for name in law.coefs:
        if name not in chosen.coef:
            yield f"coefficient {name!r} is missing"
    for name, value in chosen.coef.items():
        if name not in law.coefs:
            yield f"{name!r} is no coefficient"
        elif not law.coefs[name].contains(value):
            yield f"{name} = {value:.6g} is outside its domain, {law.coefs[name].describe()}"
    for name, (low, high) in chosen.span.items():
        if name not in law.inputs:
            yield f"the span names {name!r}, which is no input"
        elif not 0.0 < low < high:
            yield f"the span of {name} from {low:g} to {high:g} is empty or not positive"


def serialises(law: Law) -> Iterator[str]:
    """The facts of the declaration survive JSON, without NaN or infinity."""
    facts = law_to_dict(law)
    back = json.loads(json.dumps(facts, allow_nan=False))
    for key, value in facts.items():
        if back.get(key) != value:
            yield f"{key} does not survive JSON: {value!r} comes back as {back.get(key)!r}"


CLAUSES: Mapping[str, Clause] = MappingProxyType(
    {
        "cited": cited,
        "described": described,
        "published": published,
        "worked": worked,
        "discriminates": discriminates,
        "finite": finite,
        "agrees": agrees,
        "differentiable": differentiable,
        "vectorised": vectorised,
        "monotone": monotone,
        "reduces": reduces,
        "traced": traced,
        "identifiable": identifiable,
        "serialises": serialises,
    }
)
