"""Column names: which column of a table is which canonical one, and what the name says about its unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenfold.core.axes import AXES
from tenfold.core.errors import DataError, did_you_mean
from tenfold.io.files import shown
from tenfold.io.units import COUNTS, Unit, asked_unit, convention_named, parse_unit

TEXT = ("run", "group", "status", "cell", "params_convention", "flops_convention", "loss_unit")
"""Canonical columns that hold text, whatever they look like."""

NUMERIC = tuple(dict.fromkeys((*(axis.column for axis in AXES), "step", "lr", "loss")))
"""Canonical columns that hold numbers; text in them is an error."""

CANONICAL = (*TEXT, "seed", *NUMERIC)

# Other names of a canonical column, in tiers as in Axis.names. Compared in lower case with every run of other
# characters as one underscore; single letters as they stand.
_ALIASES: dict[str, str] = {
    **{axis.column: axis.names for axis in AXES if axis.names},
    "step": "step global_step iteration iter train_step trainer_global_step",
    "lr": "lr learning_rate",
    "loss": """loss final_loss val_loss validation_loss valid_loss final_val_loss final_validation_loss
        eval_loss final_eval_loss test_loss final_test_loss loss_val loss_validation cross_entropy
        cross_entropy_loss bpb val_bpb validation_bpb final_bpb bits_per_byte
        | train_loss training_loss final_train_loss loss_train | L""",
    "run": "run run_id run_name | name id",
    "seed": "seed random_seed rng_seed",
    "status": "status state run_status run_state",
}
ALIASES: dict[str, tuple[tuple[str, ...], ...]] = {
    quantity: tuple(tuple(tier.split()) for tier in names.split("|")) for quantity, names in _ALIASES.items()
}

_BRACKET = re.compile(r"^(.*?)\s*[\[(]([^\[\]()]*)[\])]\s*$", re.DOTALL)
_TAILED = ("params", "tokens", "unique_tokens", "batch_tokens", "flops", "loss")


@dataclass(frozen=True, slots=True)
class Match:
    """A column of the result: its name, the column of the table it is read from, and the unit."""

    target: str
    source: str
    unit: Unit = field(default_factory=lambda: Unit(""))


@dataclass(frozen=True, slots=True)
class Plan:
    """How the columns of a table are read: matches in its order, conventions stated by names, notes."""

    matches: tuple[Match, ...]
    conventions: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]


def plain_name(name: str) -> str:
    """A name in lower case with every run of other characters as one underscore.

    >>> plain_name("Validation Loss")
    'validation_loss'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def split_unit(name: str) -> tuple[str, str]:
    """A name without its bracketed or parenthesised suffix, and that suffix.

    >>> split_unit("Training FLOP [PF-days]")
    ('Training FLOP', 'PF-days')
    """
    found = _BRACKET.match(name)
    return (found.group(1).strip(), found.group(2).strip()) if found else (name.strip(), "")


def match_columns(
    names: Iterable[str],
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, Any] | None = None,
    here: str = "the table",
) -> Plan:
    """Decide which column is which.

    Order: the mapping given; exact canonical names; the same with a unit (``params (B)``); well-known other
    names. A column that matches nothing keeps its own name.

    Raises:
        DataError: a mapping names a column that is not there; two columns could be the same canonical one; a
            unit in a name contradicts the option, or means nothing.
    """
    names = tuple(names)
    asked = _checked_mapping(columns, names, here)
    chosen: dict[str, str] = dict(asked)
    used = set(asked.values())
    notes = []
    for name in names:
        if name in CANONICAL and name not in chosen and name not in used:
            chosen[name] = name
            used.add(name)
    for quantity in ALIASES:
        if quantity not in chosen:
            source, remark = _find(quantity, [name for name in names if name not in used], here)
            if remark:
                notes.append(remark)
            if source is not None:
                chosen[quantity] = source
                used.add(source)
                notes.append(f"column {shown(source)} read as {quantity}")
    for name in names:
        if name in used:
            continue
        if name in chosen:
            notes.append(f"column {name!r} of {here} left out: {shown(chosen[name])} is read as {name}")
        else:
            chosen[name] = name
    return _with_units(names, chosen, set(asked), dict(units or {}), notes, here)


def _checked_mapping(columns: Any, names: tuple[str, ...], here: str) -> dict[str, str]:
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        raise DataError(f"columns is {shown(columns)}", hint="give pairs, such as columns={'params': 'Model Size'}")
    for target, source in columns.items():
        if not isinstance(target, str) or not target.strip():
            raise DataError(f"columns maps to the name {shown(target)}", hint="a column name is a text")
        if not isinstance(source, str):
            raise DataError(f"columns maps {target!r} to {shown(source)}", hint="give the name of a column")
        if source not in names:
            raise DataError(f"no column {shown(source)} in {here} to read as {target!r}", hint=suggest(source, names))
    return dict(columns)


def suggest(word: str, names: Iterable[str]) -> str:
    """Close names, compared without case and punctuation, or the list."""
    names = [shown_name for name in names if (shown_name := " ".join(name.split()))]
    same = [name for name in names if plain_name(name) == plain_name(word)]
    close = f"did you mean {same[0]!r}?" if same else did_you_mean(word, names)
    return close or "there is no named column to choose"


def _find(quantity: str, names: list[str], here: str) -> tuple[str | None, str]:
    """The one column that is ``quantity`` by its name; a remark when an unknown unit stood in the way."""
    remark = ""
    tiers: list[list[str]] = [[] for _ in range(len(ALIASES[quantity]) + 1)]
    for name in names:
        base, unit = split_unit(name)
        rank = _rank(quantity, base)
        if rank is None and quantity in _TAILED and not unit:
            rank = None if _tail(quantity, name) is None else 1
        elif rank is not None and unit and parse_unit(unit, quantity) is None:
            remark = f"column {shown(name)} not read as {quantity}: the unit {shown(unit)} is unknown"
            rank = None
        if rank is not None:
            tiers[rank].append(name)
    for tier in tiers:
        if len(tier) > 1:
            raise DataError(
                f"{here}: {shown(tier[0])} and {shown(tier[1])} could both be {quantity}",
                hint=f"say which: columns={{{quantity!r}: {tier[0]!r}}}, or --columns {quantity}={tier[0]!r}",
            )
        if tier:
            return tier[0], remark
    return None, remark


def _rank(quantity: str, base: str) -> int | None:
    """0 for the canonical name itself, else one more than the tier of the alias, None when it is none."""
    if base == quantity:
        return 0
    plain = plain_name(base)
    for rank, tier in enumerate(ALIASES[quantity]):
        if base in tier or (len(plain) > 1 and plain in tier):
            return rank + 1
    return None


def _tail(quantity: str, name: str) -> tuple[str, Unit] | None:
    """A name such as ``params_b`` as an alias and the unit that its last words give."""
    words = plain_name(name).split("_")
    for cut in range(len(words) - 1, 0, -1):
        base, tail = "_".join(words[:cut]), " ".join(words[cut:])
        if len(base) > 1 and _rank(quantity, base) in (0, 1) and tail not in ("tokens", "params", "flops", "flop"):
            unit = parse_unit(tail, quantity)
            if unit is not None:
                return base, unit
    return None


def _with_units(
    names: tuple[str, ...],
    chosen: dict[str, str],
    asked: set[str],
    units: dict[str, Any],
    notes: list[str],
    here: str,
) -> Plan:
    for key in units:
        if key not in chosen:
            raise DataError(
                f"a unit is given for {shown(key)}, but {here} has no such column",
                hint=suggest(str(key), chosen),
            )
    order = {name: index for index, name in enumerate(names)}
    matches, conventions = [], []
    for target, source in sorted(chosen.items(), key=lambda pair: (order[pair[1]], pair[0])):
        option = asked_unit(units[target], target) if target in units else None
        unit = _unit_of(target, source, option, explicit=target in asked, here=here)
        matches.append(Match(target, source, unit))
        stated = unit.convention or (convention_named(source, target) if source != target else "")
        if stated:
            conventions.append((target, stated, source))
            notes.append(f"{target} counted as {stated}, as {shown(source if option is None else option.text)} says")
        if unit.assumed:
            notes.append(f"{target}: {unit.assumed}")
        if unit.scale != 1.0:
            notes.append(f"{target} = {shown(source)} times {unit.scale:g} ({unit.text})")
    return Plan(tuple(matches), tuple(conventions), tuple(notes))


def _unit_of(target: str, source: str, option: Unit | None, *, explicit: bool, here: str) -> Unit:
    """The unit of one column, from its name and the option.

    Raises:
        DataError: they contradict each other, or the name's unit means nothing and no option says what it is.
    """
    base, text = split_unit(source)
    named: Unit | None = None
    if target in (*COUNTS, "loss") and source != target:
        if text:
            named = parse_unit(text, target)
            if named is None and option is None and explicit:
                raise DataError(
                    f"the unit {shown(text)} of column {shown(source)} of {here} is unknown for {target!r}",
                    hint=f"say it with units={{{target!r}: ...}}: " + _examples(target),
                )
        elif _rank(target, base) is None and target in _TAILED:
            tail = _tail(target, source)
            named = tail[1] if tail else None
    if named is None or option is None:
        return option or named or Unit("")
    if named.scale != option.scale or (named.convention and option.convention and named.convention != option.convention):
        raise DataError(
            f"column {shown(source)} of {here} says {named.text!r}, but the unit given for {target!r} is {option.text!r}",
            hint="drop the option, or rename the column",
        )
    return Unit(option.text, option.scale, option.convention or named.convention, option.assumed)


def _examples(target: str) -> str:
    return {"loss": "'nats/token' or 'bits/byte'", "flops": "'FLOP' or 'PF-days'"}.get(target, "'1', 'M', 'B' or 'T'")
