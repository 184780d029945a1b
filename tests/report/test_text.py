"""Text reports, against small golden files. TENFOLD_GOLDEN=write writes them again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import made
import pytest

from tenfold.core.status import Status
from tenfold.laws import laws
from tenfold.report import text

GOLDEN = Path(__file__).parent / "golden"


def pages(study):
    best = study.best
    return {
        "fit": text.fit_text(best.fit, best.draws),
        "forecast": text.forecast_text(study.forecast),
        "unrehearsed": text.forecast_text(made.forecast(rehearsed=False)),
        "plan": text.plan_text(study.plan, study.isoflop),
        "study": text.study_text(study),
        "law": text.law_text(laws()["kaplan_n"]),
    }


@pytest.mark.parametrize("name", ["fit", "forecast", "unrehearsed", "plan", "study", "law"])
def test_golden(name, study):
    shown = str(pages(study)[name])
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("TENFOLD_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


def test_every_golden_file_is_read(study):
    assert {path.stem for path in GOLDEN.glob("*")} == set(pages(study))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_lines_keep_to_the_width_and_no_number_is_cut(study, width):
    for page in pages(study).values():
        lines = page.at_width(width).splitlines()
        assert max(map(len, lines)) <= width
        assert not any("…" in line for line in lines)
    whole = text.plan_text(study.plan, study.isoflop).at_width(width)
    assert "[521, 604]" in whole
    assert "refused" in whole


def test_a_forecast_carries_its_rehearsal_in_the_same_line():
    (line,) = text.forecast_lines(made.forecast())
    assert line.startswith(
        "loss 1.132 [1.101, 1.164] (90 %), 1.0 decades beyond the runs; rehearsed on 2 withheld scales"
    )
    assert line.endswith("predictions erred by 0.40 % to 2.7 % (always too high)")
    (line,) = text.forecast_lines(made.forecast(rehearsed=False))
    assert "1.132" in line
    assert line.endswith("; unrehearsed: the runs hold 3 scales of flops and 4 are needed")


def test_a_forecast_farther_than_rehearsed_says_so():
    seen = made.forecast()
    far = replace(seen, predictions=(replace(seen.predictions[0], status="beyond rehearsal"),))
    assert text.forecast_lines(far)[0].endswith("; this is farther than was rehearsed")


def test_a_fit_that_failed_says_so_first(study):
    failed = replace(study.best.fit, status=Status.FLAT)
    first, second, *_ = str(text.fit_text(failed)).splitlines()
    assert first == "Do not use: The computation did not settle on an answer."
    assert second.startswith("chinchilla on 33 runs: The objective is flat")


def test_not_a_number_is_a_dash(study):
    certificate = replace(
        study.best.fit.certificate, headline_error=float("nan"), condition=float("inf"), errors={}, influence=()
    )
    shown = str(text.fit_text(replace(study.best.fit, certificate=certificate, rms=float("nan"))))
    assert "nan" not in shown.replace("nats", "")
    assert "not examined" in shown


def test_laws_table_names_every_law():
    shown = str(text.laws_table(laws()))
    assert all(name in shown for name in laws())
