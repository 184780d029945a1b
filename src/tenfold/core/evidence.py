"""Finding laws and their published coefficients: by name, by axis, by paper."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tenfold.core.axes import axis_of
from tenfold.core.errors import LawError, did_you_mean
from tenfold.core.facts import published_to_dict
from tenfold.core.law import Law, Published

Item = tuple[Law, str, Published]


def found_laws(
    laws: Iterable[Law], *, search: str = "", axis: Iterable[str] = (), paper: str = "", output: str = ""
) -> list[Law]:
    """The laws that fit every one of the questions asked.

    Args:
        search: text in the name, an alias, the formula, the summary, the use or the citation.
        axis: symbols or columns that must be inputs. paper: words of authors, title, year or identifier.
        output: the column that is predicted.

    Raises:
        LawError: no law fits, or an axis does not exist, with the closest names.
    """
    listed = list(laws)
    wanted = [axis_of(name).symbol for name in axis]
    found = [
        law
        for law in listed
        if search.lower() in haystack(law)
        and all(symbol in law.inputs for symbol in wanted)
        and (not paper or any(_says(cite_text, paper) for cite_text in papers(law)))
        and output in ("", law.output)
    ]
    if not found:
        asked = ", ".join(
            text
            for text in (
                search and f"mentions {search!r}",
                wanted and f"takes {', '.join(wanted)}",
                paper and f"cites {paper!r}",
                output and f"predicts {output!r}",
            )
            if text
        )
        raise LawError(f"no law {asked}", hint=_closest(listed, search or paper) or "'tenfold laws' lists them all")
    return found


def found_evidence(laws: Iterable[Law], name: str = "", *, axis: str = "") -> list[Item]:
    """Published sets: of a law, one set (``LAW:SET``), or of the papers that words name; all of them without a name.

    Raises:
        LawError: nothing by that name, or a law without published coefficients.
    """
    listed = list(laws)
    if axis:
        symbol = axis_of(axis).symbol
        listed = [law for law in listed if symbol in law.inputs]
    every = [(law, key, found) for law in listed for key, found in law.published.items()]
    base, _, chosen = name.partition(":")
    named = [law for law in listed if base in (law.name, *law.aliases)]
    if named and chosen:
        law = named[0]
        if chosen not in law.published:
            raise LawError(f"law {law.name!r} has no published set {chosen!r}", hint=did_you_mean(chosen, law.published))
        return [(law, chosen, law.published[chosen])]
    if named:
        found = [item for item in every if item[0] is named[0]]
        if not found:
            raise LawError(
                f"law {named[0].name!r} ships no published coefficients",
                hint=f"'tenfold laws show {named[0].name}' says why; fit it on runs of your own",
            )
        return found
    found = [item for item in every if _says(f"{item[1]} {item[2].cite or item[0].cite}", name)]
    if not found:
        words = [law.name for law in listed] + [key for _, key, _ in every]
        raise LawError(f"no published coefficients by the name {name!r}", hint=did_you_mean(name, words))
    return found


def evidence_to_dict(law: Law, name: str, published: Published) -> dict[str, Any]:
    """A published set as plain values, with its law. Keys are stable."""
    return {"law": law.name, "set": name, "formula": law.formula, **published_to_dict(law, published)}


def papers(law: Law) -> list[str]:
    """The citations of a law and of its published sets, as text."""
    cites = [law.cite, *(found.cite for found in law.published.values())]
    return list(dict.fromkeys(str(cite) for cite in cites if cite is not None))


def haystack(law: Law) -> str:
    """Everything about a law that a search may look at, in lower case."""
    words = [law.name, law.formula, law.summary, law.use, *law.aliases, *papers(law), *law.published]
    words += [f"{axis_of(s).column} {axis_of(s).title}" for s in law.inputs]
    return " ".join(words).lower()


def _says(text: str, words: str) -> bool:
    return all(word in text.lower() for word in words.lower().split())


def _closest(laws: list[Law], word: str) -> str:
    return did_you_mean(word, [name for law in laws for name in (law.name, *law.aliases)]) if word else ""
