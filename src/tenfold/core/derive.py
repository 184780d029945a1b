"""Laws made from laws: coefficients tied to others by a formula, or of their own for each group of runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from tenfold.core import maths
from tenfold.core.domains import Domain, Positive
from tenfold.core.errors import LawError, did_you_mean
from tenfold.core.expression import evaluate, parse
from tenfold.core.law import FUNCTIONS, Derived, Law

_TIED = re.compile(r"^(?P<law>[A-Za-z_]\w*)\[(?P<ties>[^\[\]]+)\]$")


def split_tied(name: str) -> tuple[str, dict[str, str]] | None:
    """``chinchilla[beta=alpha]`` as the law's name and its ties, or None when the text is not of this form.

    >>> split_tied("chinchilla[beta=alpha]")
    ('chinchilla', {'beta': 'alpha'})
    """
    found = _TIED.match(name.replace(" ", ""))
    if found is None:
        return None
    pairs = [part.partition("=") for part in found["ties"].split(",")]
    for left, equals, right in pairs:
        if not (left and equals and right):
            raise LawError(f"cannot read the tie {left + equals + right!r} in {name!r}", hint="write it like beta=alpha")
    return found["law"], {left: right for left, _, right in pairs}


def tied(law: Law, ties: Mapping[str, str], *, domains: Mapping[str, Domain] | None = None) -> Law:
    """The law with some coefficients given by formulas over the others, ``{"beta": "alpha"}``.

    A name in a formula that is no coefficient of the law is a new one, positive unless ``domains`` says otherwise: so
    ``{"beta": "alpha + gap"}`` says that beta is the larger of the two.

    Raises:
        LawError: an unknown coefficient, a formula that cannot be read, or a coefficient tied to itself in a circle.

    Example:
        >>> from tenfold.laws import get
        >>> tuple(tied(get("chinchilla"), {"beta": "alpha"}).coefs)
        ('E', 'A', 'B', 'alpha')
    """
    formulas = {}
    for name, text in ties.items():
        if name not in law.coefs:
            raise LawError(f"law {law.name!r} has no coefficient {name!r} to tie", hint=did_you_mean(name, law.coefs))
        formulas[name] = parse(text.replace("^", "**"), maths.FUNCTIONS)
        inside = sorted(formulas[name].names() & set(ties))
        if inside:
            raise LawError(f"{name} is tied to {inside[0]}, which is tied itself", hint="tie both to a third coefficient")
        inputs = sorted(formulas[name].names() & set(law.inputs))
        if inputs:
            raise LawError(f"{name} is tied to {inputs[0]}, which is an input", hint="ties hold between coefficients")
    coefs = {name: domain for name, domain in law.coefs.items() if name not in ties}
    for formula in formulas.values():
        for name in sorted(formula.names() - set(coefs)):
            coefs[name] = (domains or {}).get(name, Positive)

    def expand(coef: Mapping[str, Any]) -> dict[str, Any]:
        """The coefficients of the untied law."""
        full = {name: evaluate(formula, coef, FUNCTIONS) for name, formula in formulas.items()}
        return {name: full[name] if name in full else coef[name] for name in law.coefs}

    def body(**values: Any) -> Any:
        given = {name: values[name] for name in law.inputs}
        return law.fn(**given, **expand({name: values[name] for name in coefs}))

    told = ", ".join(f"{name}={text}" for name, text in ties.items())
    meaning = {name: text for name, text in law.meaning.items() if name in coefs}
    return replace(
        law,
        name=f"{law.name}[{told}]",
        fn=body,
        coefs=MappingProxyType(coefs),
        published=MappingProxyType({}),
        checks=(),
        reduces_to=(),
        meaning=MappingProxyType(meaning),
        aliases=(),
        origin=Derived(law, expand),
    )


def own_name(coef: str, group: str) -> str:
    """What a group's own copy of a coefficient is called."""
    return f"{coef}[{group}]"


def indicator(index: int) -> str:
    """The input of a grouped law that is one on the rows of a group and zero elsewhere."""
    return f"is_{index}"


def grouped(law: Law, groups: Sequence[str], own: Sequence[str]) -> Law:
    """The law on runs of several groups, each with its ``own`` copy of some coefficients and the others shared.

    Its inputs are the law's and one indicator a group; a coefficient of domain ``log`` is the product of the groups'
    copies, each to the power of its indicator, so that sums of power terms stay such sums.
    """
    for name in own:
        if name not in law.coefs:
            raise LawError(f"law {law.name!r} has no coefficient {name!r}", hint=did_you_mean(name, law.coefs))
    flags = [indicator(index) for index in range(len(groups))]
    coefs = {name: domain for name, domain in law.coefs.items() if name not in own}
    coefs |= {own_name(name, group): law.coefs[name] for name in own for group in groups}

    def body(**values: Any) -> Any:
        picked = {}
        for name in law.coefs:
            if name not in own:
                picked[name] = values[name]
                continue
            total: Any = None
            for flag, group in zip(flags, groups, strict=True):
                mine = values[own_name(name, group)]
                if law.coefs[name].transform == "log":
                    part = mine ** values[flag]
                    total = part if total is None else total * part
                else:
                    part = mine * values[flag]
                    total = part if total is None else total + part
            picked[name] = total
        return law.fn(**{name: values[name] for name in law.inputs}, **picked)

    return replace(
        law,
        name=f"{law.name} by group",
        fn=body,
        inputs=(*law.inputs, *flags),
        coefs=MappingProxyType(coefs),
        published=MappingProxyType({}),
        checks=(),
        reduces_to=(),
        aliases=(),
        origin=None,
    )
