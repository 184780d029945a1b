"""A law's declaration as plain values, for JSON, listings and pages."""

from __future__ import annotations

from math import isfinite
from typing import Any

from tenfold.core.axes import OUTPUTS, axis_of
from tenfold.core.law import Cite, Law, Published, Reduction, optimum_of


def law_to_dict(law: Law) -> dict[str, Any]:
    """The facts of a declaration. Keys are stable; a missing fact is null, an open bound is null."""
    closed_form = optimum_of(law)
    return {
        "name": law.name,
        "aliases": list(law.aliases),
        "summary": law.summary,
        "formula": law.formula,
        "inputs": [_input(name) for name in law.inputs],
        "output": {"name": law.output, "unit": OUTPUTS.get(law.output)},
        "coefficients": [
            {
                "name": name,
                "meaning": law.meaning.get(name),
                "domain": domain.describe(),
                "lower": _bound(domain.lower),
                "upper": _bound(domain.upper),
            }
            for name, domain in law.coefs.items()
        ],
        "use": law.use,
        "falls_in": list(law.falls_in),
        "cite": _cite(law.cite),
        "published": {name: published_to_dict(law, published) for name, published in law.published.items()},
        "reduces_to": [_reduction(reduction) for reduction in law.reduces_to],
        "optimum": None if closed_form is None else closed_form.where,
        "identifiable": law.identifiable,
    }


def _input(name: str) -> dict[str, Any]:
    axis = axis_of(name)
    return {"name": name, "column": axis.column, "title": axis.title, "unit": axis.unit}


def _bound(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def _cite(cite: Cite | None) -> dict[str, Any] | None:
    if cite is None:
        return None
    return {
        "authors": cite.authors,
        "year": cite.year,
        "title": cite.title,
        "id": cite.id,
        "where": cite.where,
    }


def published_to_dict(law: Law, published: Published) -> dict[str, Any]:
    """A published set as plain values. Keys are stable."""
    return {
        "coef": {name: float(value) for name, value in published.coef.items()},
        "where": published.where,
        "tag": published.tag,
        "conventions": published.conventions.stated(),
        "span": {name: [float(low), float(high)] for name, (low, high) in published.span.items()},
        "note": published.note,
        "cite": _cite(published.cite or law.cite),
    }


def _reduction(reduction: Reduction) -> dict[str, Any]:
    when = {
        name: value if isinstance(value, str) or isfinite(value) else str(value) for name, value in reduction.when.items()
    }
    return {"to": reduction.to, "when": when, "coef": dict(reduction.coef), "inputs": dict(reduction.inputs)}
