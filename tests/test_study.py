"""A study from its file: the chain, the ranking, the cache, the live run, and what is refused."""

from __future__ import annotations

import json

import pytest

from tenfold import ConfigError, load_study, run_study
from tenfold.io.results import to_json

STUDY = """
title = "A small study"
[runs]
source = "runs.csv"
[fit]
laws = ["chinchilla", "kaplan_nd"]
[rehearse]
withhold = 2
[[forecast]]
params = 5e9
tokens = 1e11
[plan]
flops = 1e22
[report]
html = "page.html"
"""


@pytest.fixture
def folder(tmp_path):
    from test_fit import grid

    runs = grid(0.003)
    names = ("params", "tokens", "flops", "loss")
    rows = zip(*(runs.column(name) for name in names), strict=True)
    (tmp_path / "runs.csv").write_text("\n".join([",".join(names), *(",".join(map(str, row)) for row in rows)]))
    (tmp_path / "study.toml").write_text(STUDY.replace("laws", "laws", 1))
    return tmp_path


def test_the_chain_runs_and_ranks_by_rehearsal(folder):
    seen = []
    result = run_study(load_study(folder / "study.toml"), on_progress=lambda what, share: seen.append(share))
    assert [law.fit.law.name for law in result.laws] == ["chinchilla", "kaplan_nd"]
    assert result.forecast is not None
    assert result.plan is not None
    assert result.isoflop is not None
    assert result.live is None
    assert any("ranked by error on withheld scales" in note for note in result.notes)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    value = json.loads(json.dumps(result.to_dict(), default=str))
    assert {"laws", "forecast", "plan", "isoflop", "live", "study", "provenance"} <= set(value)
    assert value["study"] == (folder / "study.toml").read_text()


def test_the_same_file_gives_the_same_numbers_cached_or_not(folder):
    (folder / "study.toml").write_text(STUDY.replace(', "kaplan_nd"', ""))
    file = load_study(folder / "study.toml")
    plain = run_study(file)
    first = run_study(file, cache=folder / "cache")
    kept = sorted(path.name for path in (folder / "cache").iterdir())
    second = run_study(file, cache=folder / "cache")
    assert sorted(path.name for path in (folder / "cache").iterdir()) == kept
    assert to_json(plain.to_dict()) == to_json(first.to_dict()) == to_json(second.to_dict())


def test_the_live_run_is_held_against_its_forecast(folder, monkeypatch):
    from tenfold.ladder import live

    calls = []

    def trained(target, *, seed=0, on_progress=None):
        calls.append((target.width, seed))
        on_progress(0.5, 3.0, 1.0)
        return {
            "status": "finished", "loss": 1.45, "seconds": 3.0, "message": "", "corpus": "a text", "corpus_sha256": "f" * 64,
            "curve": [],
        }  # fmt: skip

    monkeypatch.setattr(live, "train", trained)
    monkeypatch.setattr(live, "corpus_hash", lambda target: "f" * 64)
    text = 'title = "t"\n[runs]\nsource = "data:bytes"\n[live]\nflops = 2e12\n'
    (folder / "live.toml").write_text(text)
    result = run_study(load_study(folder / "live.toml"), cache=folder / "cache")
    assert result.live is not None
    assert result.live.loss == 1.45
    assert result.live.trained["width"] % 8 == 0
    assert result.live.trained["flops"] == pytest.approx(2e12, rel=0.01)
    low, high = result.live.prediction.intervals[0.9]
    assert result.live.inside[0.9] == (low <= 1.45 <= high)
    assert any("another text than the table's" in line for line in result.live.caveats)
    run_study(load_study(folder / "live.toml"), cache=folder / "cache")
    assert len(calls) == 1  # the second study reads the first one's run


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("withhold", "withold"), "did you mean 'withhold'"),
        (("flops = 1e22", 'flops = "many"'), "plan.flops"),
        (("[fit]", "[fit"), "TOML"),
        (('source = "runs.csv"', 'sauce = "runs.csv"'), "sauce"),
        (("withhold = 2", "withhold = 40"), "withhold"),
    ],
)
def test_mistakes_in_the_file_are_named(folder, change, words):
    (folder / "study.toml").write_text(STUDY.replace(*change))
    with pytest.raises(ConfigError) as caught:
        run_study(load_study(folder / "study.toml"))
    assert words in f"{caught.value.path} {caught.value}"
