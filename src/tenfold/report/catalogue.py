"""Sections about the catalogue: a law, and published coefficients."""

from __future__ import annotations

from tenfold.core.axes import OUTPUTS, axis_of
from tenfold.core.law import Law, Published
from tenfold.report.blocks import Block, Facts, Formula, Grid, Para, Section
from tenfold.report.numbers import MISSING, plain, quantity

_ALONE = 3  # sets up to which everything is said about each


def evidence_sections(found: list[tuple[Law, str, Published]]) -> list[Section]:
    """A few published sets in full, or a table of many."""
    if len(found) <= _ALONE:
        out = []
        for law, name, _ in found:
            section = published_section(law, name)
            lead = Para(f"{law.name}:{name}. Evidence, not a fit: it holds for the data it came from.", lead=True)
            out.append(Section(section.key, section.title, (lead, Formula(law.formula), *section.blocks)))
        return out
    rows = tuple(
        (
            f"{law.name}:{name}",
            known.tag,
            ", ".join(f"{key} {plain(value)}" for key, value in known.coef.items()),
            f"{cite.authors} ({cite.year}), {known.where}" if (cite := known.cite or law.cite) else known.where,
        )
        for law, name, known in found
    )
    lead = Para(f"{len(rows)} published sets. 'tenfold evidence LAW:SET' says everything about one.", lead=True)
    return [Section("evidence", "Evidence", (lead, Grid(("set", "evidence", "coefficients", "source"), rows, "llll")))]


def law_sections(law: Law) -> list[Section]:
    """A law of the catalogue: formula, inputs, coefficients, published sets and when to use it."""
    inputs = tuple((s, axis_of(s).column, axis_of(s).title, axis_of(s).unit or MISSING) for s in law.inputs)
    coefs = tuple((name, domain.describe(), law.meaning.get(name, "")) for name, domain in law.coefs.items())
    blocks: list[Block] = [
        *([Para(law.summary)] if law.summary else []),
        Formula(law.formula),
        Grid(("input", "column", "what", "unit"), inputs, "llll"),
        Grid(("coefficient", "domain", "meaning"), coefs, "lll"),
    ]
    unit = OUTPUTS.get(law.output, "")
    facts = [("predicts", f"{law.output}, {unit}" if unit else law.output)]
    if law.cite is not None:
        facts.append(("cite", str(law.cite)))
    if law.aliases:
        facts.append(("also called", ", ".join(law.aliases)))
    if law.identifiable:
        facts.append(("not identified", law.identifiable))
    for reduction in law.reduces_to:
        when = ", ".join(f"{name} = {value}" for name, value in reduction.when.items()) or "always, with other names"
        facts.append((f"is {reduction.to}", when))
    if not law.published:
        facts.append(("published", "no coefficients that a test of ours could hold"))
    if law.use:
        facts.append(("use", law.use))
    out = [Section("law", law.name, (*blocks, Facts(tuple(facts))))]
    out += [published_section(law, name) for name in law.published]
    return out


def published_section(law: Law, name: str) -> Section:
    """One published set: values, evidence, source, conventions and span."""
    known = law.published[name]
    span = "; ".join(
        f"{axis_of(s).column} {quantity(low, s, unit=False)} to {quantity(high, s, unit=False)}"
        for s, (low, high) in known.span.items()
    )
    counted = ", ".join(f"{what} {value}" for what, value in known.conventions.stated().items())
    rows = [
        ("coefficients", ", ".join(f"{key} {plain(value, digits=6)}" for key, value in known.coef.items())),
        ("evidence", known.tag),
        ("where", f"{known.cite or law.cite or MISSING}; {known.where}"),
        ("counted as", counted or "unspecified"),
        ("span", span or "not given"),
        *([("note", known.note)] if known.note else []),
    ]
    return Section(f"published-{name}", f"Published: {law.name}:{name}", (Facts(tuple(rows)),))
