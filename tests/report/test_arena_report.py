"""What the report says of an arena: who wins, who does not, where, and the same in figures."""

from __future__ import annotations

import json

import pytest

from tenfold.arena import summarise
from tenfold.report.arena import arena_sections, entries_csv, rivals, verdict
from tenfold.report.arena_pictures import arena_pictures
from tenfold.report.content import kind_of
from tenfold.report.html import report_html
from tenfold.report.text import arena_text

LAWS = ["auto", "paper", "m4"]


def saved(errors: dict[str, dict[str, float]], scores: dict[str, float] | None = None, **settings):
    """An arena from errors by contestant and table."""
    entries = []
    for name, tables in errors.items():
        for table, error in tables.items():
            scored = scores is not None and name in scores
            levels = {key: {"0.5": 0.5, "0.9": 0.9} for key in ("inside", "width")}
            levels["interval_score"] = {"0.5": 1.0, "0.9": scores[name]} if scored else {}
            given = levels if scored else {"inside": {}, "width": {}, "interval_score": {}}
            entries.append(
                {"table": table, "task": table, "split": "scale", "contestant": name, "fitted": 9, "withheld": 4}
                | {"reach": 1.0, "seconds": 1.0, "log_error": error, "relative": error, "r2": 0.5, **given}
            )
    base = {"laws": LAWS, "objectives": ["huber:1e-3"], "resamples": 200, "seed": 0, "full": False}
    base |= {"tasks": 2, "tables": 2, "code": "c", **settings}
    return {"settings": base, "without": {"x": "why"}, "summary": summarise(entries), "entries": entries}


GOOD = {
    "auto": {"a": 0.01, "b": 0.02},
    "paper": {"a": 0.02, "b": 0.03},
    "m4": {"a": 0.005, "b": 0.06},
    "last value": {"a": 0.3, "b": 0.4},
}
SCORES = {"auto": 0.1, "paper": 0.2, "m4": 0.3}


def text_of(found) -> str:
    return " ".join(arena_text(found).at_width(200).split())


def test_a_win_is_said_in_the_first_sentence_and_losses_by_table_beside_it():
    found = saved(GOOD, SCORES)
    assert verdict(found) == "auto (the choice of laws) beats each of 2 laws, in mean log error and in interval score."
    text = text_of(found)
    assert text.startswith("auto (the choice of laws) beats each of 2 laws")
    assert "Not better" not in text
    assert "a 1.0 % m4 0.50 %" in text, "the table where a single law errs less"
    assert "x: why." in text


def test_a_loss_is_named_with_its_law_numbers_and_standard_error():
    found = saved({**GOOD, "m4": {"a": 0.005, "b": 0.005}}, {**SCORES, "paper": 0.05})
    assert verdict(found) == (
        "auto (the choice of laws) errs less than 1 of 2 laws in mean log error; its interval score is better than that of "
        "1 of 2 laws."
    )
    text = text_of(found)
    # differences of .5 and 1.5 points: mean 1, standard error of the mean .5
    line = "Not better than m4 in mean log error: 1.5 % against 0.50 % over 2 tables that both play, 1.00 ± 0.50 points more."
    assert line in text
    assert "Not better than paper (the best law of each table's own paper) in interval score: 10 % against 5.0 %." in text


def test_a_close_loss_shows_the_digits_that_tell_it():
    found = saved({"auto": {"a": 0.5304}, "m4": {"a": 0.5301}}, tables=1, tasks=1)
    assert "Not better than m4 in mean log error: 53.04 % against 53.01 %" in text_of(found)


def test_failures_are_told_with_their_reason():
    found = saved(GOOD, SCORES)
    found["entries"] += [{"table": "a", "task": "a", "contestant": "m4", "reason": "no optimum", "seconds": 1.0}] * 2
    assert "m4, 2 tasks: no optimum" in text_of(found)
    kept = {key: value for key, value in found.items() if key != "entries"}
    assert "no optimum" not in text_of(kept)
    assert "m4, 2 tasks: no optimum" in text_of({**kept, "failures": {"m4": {"no optimum": 2}}})


def test_losing_to_all_and_to_one_law_reads_well():
    found = saved({"auto": {"a": 0.02}, "m4": {"a": 0.01}}, tables=1, tasks=1)
    assert verdict(found) == "auto (the choice of laws) errs less than none of one law, m4 in mean log error."
    assert rivals(found) == ["m4"]
    assert rivals(found, nulls=True) == []


def test_without_auto_the_best_of_those_that_play_everything_is_named():
    found = saved({"m4": {"a": 0.03, "b": 0.03}, "paper": {"a": 0.001}})
    assert verdict(found) == "m4 errs least of the 1 that play all 2 tables: 3.0 % in mean log error."
    assert not any(section.key in ("duels", "losses") for section in arena_sections(found))
    assert set(arena_pictures(found)) == {"errors"}


def test_an_arena_in_which_nobody_plays_says_so():
    found = saved({})
    assert verdict(found) == "Nobody could predict any task."
    assert b"Nobody could predict" in report_html(found)
    assert entries_csv(found) == b"\n"


def test_nulls_are_no_laws_that_auto_has_to_beat():
    found = saved({**GOOD, "last value": {"a": 0.0, "b": 0.0}}, SCORES)
    assert verdict(found).startswith("auto (the choice of laws) beats each of 2 laws")
    assert rivals(found, nulls=True) == ["last value"]


def test_a_law_under_another_objective_is_a_law():
    found = saved({"auto": {"a": 0.01}, "m4 (squared)": {"a": 0.02}}, objectives=["huber:1e-3", "squared"])
    assert rivals(found) == ["m4 (squared)"]


def test_the_page_holds_what_the_figures_show():
    found = json.loads(json.dumps(saved(GOOD, SCORES)))
    assert kind_of(found) == "arena"
    scenes = arena_pictures(found)
    assert set(scenes) == {"errors", "duels", "coverage"}
    assert "auto 1.5 % (2)" in scenes["errors"].words
    assert "m4 0.82" in scenes["duels"].words  # sqrt(.01/.005 * .02/.06)
    assert "90 % and 50 % at 0.8 to 1.25" in scenes["coverage"].words
    page = report_html(found).decode()
    for key in scenes:
        assert f'id="plot-{key}"' in page
    for words in ("Auto against each", "Where auto loses", "Coverage by reach", "Every table", "Tables without tasks"):
        assert words in page


def test_a_summary_without_its_entries_is_enough():
    found = saved(GOOD, SCORES)
    assert arena_sections({k: v for k, v in found.items() if k != "entries"}) == arena_sections(found)


@pytest.mark.parametrize("width", [60, 80, 110])
def test_the_text_fits_its_width(width):
    lines = arena_text(saved(GOOD, SCORES)).at_width(width).splitlines()
    assert max(map(len, lines)) <= width
