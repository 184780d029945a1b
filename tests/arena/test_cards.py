"""Cards: those that come with tenfold, what they cut from the shared tables, and cards that are refused."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from shared_data import shared_folder, shared_table, shared_tables
from tenfold import DataError
from tenfold.arena import gather, read_card
from tenfold.arena.cards import CARDS, FEWEST, SPLITS, Cut, cards_of, own_tasks
from tenfold.core.errors import ConfigError, LawError, TenfoldError

PACKAGED = sorted(CARDS.glob("*.toml"))
GOOD = 'title = "t"\nsource = "s"\n[[task]]\nname = "t"\nscale = "flops"\nfit = "flops < 1e19"\ninputs = ["flops"]\n'


def write(folder, *, card: str = GOOD, name: str = "mine", rows: int = 12):
    x = np.geomspace(1e16, 1e20, rows)
    lines = ["flops,loss,accuracy,family"]
    lines += [f"{v:.6g},{2 + 30 * v**-0.1:.8f},{1 - v**-0.05:.8f},{'ab'[k % 2]}" for k, v in enumerate(x)]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder / f"{name}.card.toml").write_text(card)
    return folder


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
def test_every_packaged_card_can_be_read(path):
    card = read_card(path)
    assert card.table == path.stem
    assert card.title
    assert card.source
    assert bool(card.cuts) != bool(card.none), "a card has tasks, or says why not"
    for cut in card.cuts:
        assert cut.split in SPLITS


def test_every_shared_table_has_a_card_and_every_card_a_table():
    shared_table("chinchilla_svg.csv")
    names = {path.name.removesuffix(".gz").removesuffix(".csv") for path in shared_tables()}
    assert names == {path.stem for path in PACKAGED}


@pytest.fixture(scope="module")
def gathered():
    shared_table("chinchilla_svg.csv")
    return gather([shared_folder()])


def test_what_is_withheld_lies_beyond_what_is_fitted(gathered):
    tasks, without = gathered
    assert len(tasks) > 50
    assert without
    for task in [*tasks, *own_tasks()]:
        assert len(task.runs) >= FEWEST
        assert len(task.held) >= 1
        assert task.reach > 0, task.name
        held, fitted = task.held.column(task.scale), task.runs.column(task.scale)
        # a grid of shapes is split by width and depth, so its sizes overlap; most of what is withheld is still larger
        beyond = np.median(held) if task.table == "shape_warmup_grid" else held.min()
        assert beyond >= fitted.max(), task.name
        for runs in (task.runs, task.held):
            assert all(np.all(runs.column(name) > 0) for name in (*task.inputs, task.scale, "loss")), task.name
    assert len({(task.table, task.name) for task in tasks}) == len(tasks), "a task's name says which it is"


def test_full_cuts_every_task(tmp_path):
    text = GOOD + 'group = "family"\nmost = 1\n'
    write(tmp_path, card=text, rows=24)
    assert [task.name for task in gather([tmp_path])[0]] == ["t a"]
    assert [task.name for task in gather([tmp_path], full=True)[0]] == ["t a", "t b"]


def test_shares_targets_points_and_best(tmp_path):
    text = GOOD.replace('"flops < 1e19"', "0.1").replace(
        'name = "t"', 'name = "t"\ntargets = ["loss", "accuracy"]\npoints = 9'
    )
    tasks, _ = gather([write(tmp_path, card=text)])
    assert [task.name for task in tasks] == ["t loss", "t accuracy"]
    task = tasks[0]
    assert task.runs.column("flops").max() <= 1e19 < task.held.column("flops").min()
    assert len(task.runs) + len(task.held) == 9
    turned, *rest = gather([write(tmp_path, card=text + "error = true\n")])[0]
    assert not rest, "a loss above one has no error"
    assert turned.runs.column("loss") == pytest.approx(1 - tasks[1].runs.column("loss"))
    best = GOOD.replace('fit = "flops < 1e19"', 'fit = "flops < 1e21"') + 'best = "family"\n'
    with pytest.raises(DataError, match="cuts no task"):  # one row a family is left, and nothing is withheld
        gather([write(tmp_path, card=best)])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('scale = "flops"', 'scael = "flops"', "did you mean 'scale'?"),
        ('scale = "flops"\n', "", "a task needs scale"),
        ('title = "t"', 'titel = "t"', "did you mean 'title'?"),
        ('fit = "flops < 1e19"', "fit = 1.5", "a share between 0 and 1, got 1.5"),
        ('fit = "flops < 1e19"', "fit = true", "a share between 0 and 1, got True"),
        ('inputs = ["flops"]', "inputs = [1]", "inputs is a list of text"),
        ('inputs = ["flops"]', "inputs = []", "inputs names no column"),
        ('name = "t"', "name = 3", "name is text, got 3"),
        ('name = "t"', 'name = "t"\nmost = -1', "most is a whole number from 0, got -1"),
        ('name = "t"', 'name = "t"\nerror = "yes"', "error is true or false, got 'yes'"),
        ('name = "t"', 'name = "t"\ncolumns = { x = 3 }', "columns is a table of text"),
        ('name = "t"', 'name = "t"\nsplit = "tiem"', "did you mean 'time'?"),
        ('name = "t"', 'name = "t"\npaper = "chinchila"', "did you mean 'chinchilla'?"),
        ("[[task]]", "[task]", "two brackets"),
        (GOOD, 'title = "t"\n', "names no task"),
        (GOOD, "title = ", "is not TOML"),
    ],
)
def test_bad_cards_are_refused_in_one_line(tmp_path, old, new, words):
    assert old in GOOD
    with pytest.raises((ConfigError, LawError)) as caught:
        gather([write(tmp_path, card=GOOD.replace(old, new))])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"flops < 1e19"', '"flosp < 1e19"', "flosp"),
        ('inputs = ["flops"]', 'inputs = ["width"]', "width"),
        ('name = "t"', 'name = "t"\ntarget = "perplexity"', "perplexity"),
        ('name = "t"', 'name = "t"\ngroup = "model"', "model"),
    ],
)
def test_a_table_without_what_its_card_says_is_refused(tmp_path, old, new, words):
    with pytest.raises(TenfoldError) as caught:
        gather([write(tmp_path, card=GOOD.replace(old, new))])
    assert words in str(caught.value)


def test_folders_without_cards_or_not_there(tmp_path):
    (tmp_path / "tables").mkdir()
    with pytest.raises(ConfigError, match=r"did you mean 'tables'\?"):
        cards_of(tmp_path / "tabels")
    (tmp_path / "tables" / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="has a card"):
        cards_of(tmp_path / "tables")


def test_the_declaration_documents_every_key():
    text = (Cut.__doc__ or "").partition("Attributes:\n")[2]
    told = [line.strip().split(":")[0] for line in text.splitlines() if line.startswith(" " * 8) and line[8] != " "]
    assert told == [f.name for f in fields(Cut)]
