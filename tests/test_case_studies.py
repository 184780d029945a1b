"""The case studies of docs/case-studies.md: their declarations, their results and the page agree, and the commands still
give what the page says. All of them run again with ``python -m benchmarks.cases DATA``."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import pytest

from shared_data import ROOT, shared_table

sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "scripts"))

from benchmarks.cases import OUT, answer, studies
from cases_page import cases_page

SAVED = json.loads(OUT.read_text())
# cheap ones, of each level: (case, which of its questions)
AGAIN = [("schedule", 0), ("protocol", 1), ("larger", 0)]


def test_ten_cases_stand_and_some_say_do_not_use():
    assert list(SAVED) == list(studies())
    assert len(SAVED) >= 10
    refused = [name for name, result in SAVED.items() if any(each["level"] == "do not use" for each in result["asks"])]
    assert len(refused) >= 2
    for name, study in studies().items():
        assert len(study.asks) == len(SAVED[name]["asks"])
        assert study.question.strip().endswith("?")
        assert len(study.lesson.split()) > 10


def test_a_result_holds_what_was_computed_and_one_measured_value_a_target():
    for name, study in studies().items():
        for ask, made in zip(study.asks, SAVED[name]["asks"], strict=True):
            assert len(made["judged"]) == max(len(ask.withheld), 1)
            assert all(len(reason["manager"]) > 20 and len(reason["engineer"]) > 20 for reason in made["reasons"])
            for judged in made["judged"]:
                low, high = judged["interval"]
                assert judged["inside"] == (low <= judged["measured"] <= high)
                assert judged["error"] == pytest.approx(math.log(judged["center"] / judged["measured"]), abs=2e-3)


def test_an_answer_outside_its_interval_that_was_not_refused_is_explained():
    """A reader must not have to find the wrong verdicts."""
    for name, study in studies().items():
        answers = [judged for made in SAVED[name]["asks"] for judged in made["judged"]]
        if any(judged["level"] != "do not use" and not judged["inside"] for judged in answers):
            assert "outside" in study.lesson


def test_the_page_is_made_from_the_results():
    page = (ROOT / "docs" / "case-studies.md").read_text(encoding="utf-8")
    assert page.endswith(cases_page())
    assert page.count("**What it teaches.**") >= 10
    assert page.count("Verdict: **do not use**") >= 2
    assert str(ROOT.parent) not in page


@pytest.mark.parametrize(("name", "which"), AGAIN)
def test_a_command_gives_what_the_page_says(name, which):
    ask, saved = studies()[name].asks[which], SAVED[name]["asks"][which]
    made = answer(ask, shared_table(ask.table).parent)
    assert made["level"] == saved["level"]
    assert made["reasons"][0]["key"] == saved["reasons"][0]["key"]
    for now, then in zip(made["judged"], saved["judged"], strict=True):
        assert now["measured"] == then["measured"]
        assert now["center"] == pytest.approx(
            then["center"], rel=2e-3
        )  # optima to 1e-9; sizes along a flat valley to less
        # ends are quantiles of draws with a fixed seed: a resample that ends at another optimum on another BLAS moves them
        for end, before in zip(now["interval"], then["interval"], strict=True):
            assert math.log(end / before) == pytest.approx(
                0.0, abs=0.1 * math.log(then["interval"][1] / then["interval"][0])
            )


def test_a_command_that_sees_the_truth_is_refused():
    ask = studies()["larger"].asks[0]
    shared_table(ask.table)
    peeking = replace(ask, withheld=("group == 'hot' and params == 48377600",) * 2)
    with pytest.raises(RuntimeError, match="are among those"):
        answer(peeking, shared_table(ask.table).parent)
