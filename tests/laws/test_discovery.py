"""A law is found wherever it stands: dropped into the folder, or in a file of the user's."""

import importlib
import pkgutil
import sys

import numpy as np
import pytest

from tenfold.core import LawError
from tenfold.core.law import predict
from tenfold.laws import get, laws, published, resolve
from tenfold.testing import check_law

CATALOGUE = sys.modules["tenfold.laws"]
DROPPED = '''
r"""A stretched exponential."""

from tenfold.core import Check, Cite, Floor, Like, Positive, Unit, law, maths


@law(
    cite=Cite("Nobody et al.", 2020, "A law for tests", "arXiv:2000.00000", "eq. 1"),
    checks=[Check({"x": 4.0}, {"E": 1.5, "A": 2.0, "d": 1.0, "s": 0.5}, 1.5 + 0.2706705664732254)],  # 2 e^-2
    falls_in=("x",),
    meaning={"E": "floor", "A": "height at zero", "d": "scale, in the unit of x", "s": "stretch, no unit"},
)
def stretched(x, *, E: Floor, A: Positive, d: Like("x"), s: Unit):
    r"""L(x) = E + A e^{-(x / d)^s}

    Use it in tests of discovery, where a law is dropped into the folder. Not for anything else.
    """
    return E + A * maths.exp(-((x / d) ** s))
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A second folder of laws, searched after the real one."""
    monkeypatch.setattr(CATALOGUE, "__path__", [*CATALOGUE.__path__, str(tmp_path)])
    laws.cache_clear()
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("tenfold.laws.dropped")]:
        del sys.modules[name]
    laws.cache_clear()


def test_a_file_dropped_into_the_folder_is_a_law_of_the_catalogue(folder):
    assert "stretched" not in laws()
    (folder / "dropped_stretched.py").write_text(DROPPED)
    laws.cache_clear()
    assert "stretched" in laws()
    assert get("stretched").summary == "A stretched exponential."
    assert get("stretched") is laws()["stretched"]
    assert check_law(get("stretched")) == []


def test_a_broken_law_dropped_into_the_folder_is_noticed(folder):
    (folder / "dropped_wrong.py").write_text(DROPPED.replace("0.2706705664732254", "0.27"))
    laws.cache_clear()
    with pytest.raises(LawError, match="worked value 0"):
        check_law(get("stretched"))


def test_two_laws_of_one_name_are_refused(folder):
    (folder / "dropped_twice.py").write_text(DROPPED.replace("def stretched", "def chinchilla"))
    laws.cache_clear()
    with pytest.raises(LawError, match=r"two laws are named 'chinchilla': in .*chinchilla and .*dropped_twice"):
        laws()


def test_every_file_of_the_folder_holds_a_law():
    sources = {law.source for law in laws().values()}
    assert {f"tenfold.laws.{info.name}" for info in pkgutil.iter_modules(CATALOGUE.__path__)} == sources


def test_a_law_from_a_file_works_like_a_built_in_one(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(DROPPED)
    mine = get(f"{path}:stretched")
    assert check_law(mine) == []
    assert mine.linear == ("E", "A")
    assert resolve(f"{path}:stretched")[1] is None
    assert predict(mine, {"E": 1.5, "A": 2.0, "d": 1.0, "s": 0.5}, {"x": 4.0}) == pytest.approx(1.77067, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (DROPPED, "stretchd", "did you mean 'stretched'"),
        ("import nothing_of_that_name", "any", "ModuleNotFoundError"),
        ("1 / 0", "any", "ZeroDivisionError"),
        ("raise SystemExit(3)", "any", "SystemExit"),
        ("def f(:", "any", "SyntaxError"),
        ("x = 1", "x", "no law 'x'"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, name, words):
    path = tmp_path / "bad.py"
    path.write_text(text)
    with pytest.raises(LawError, match=words):
        get(f"{path}:{name}")


def test_a_file_that_does_not_exist():
    with pytest.raises(LawError, match="no file"):
        get("/nowhere/at/all.py:law")


def test_by_name_alias_and_published_set():
    assert get("m1").name == "power"
    assert get("gadre").name == "overtrain"
    law, chosen = resolve("chinchilla:huber")
    assert (law.name, chosen) == ("chinchilla", "huber")
    assert resolve("hoffmann:besiroglu")[0].name == "chinchilla"
    assert published(get("chinchilla"))[0] == "besiroglu"
    assert published(get("chinchilla"), "hoffmann")[1].coef["alpha"] == pytest.approx(0.33917084)
    with pytest.raises(LawError, match="did you mean 'besiroglu'"):
        resolve("chinchilla:besirogu")
    with pytest.raises(LawError, match="did you mean 'chinchilla'"):
        get("chinchila")
    with pytest.raises(LawError, match="no published coefficients"):
        published(get("m4"))


def test_every_published_set_can_be_evaluated_by_its_name():
    for name, law in laws().items():
        for chosen in law.published:
            same, found = resolve(f"{name}:{chosen}")
            at = {symbol: np.array(span) for symbol, span in law.spans(law.published[chosen].span).items()}
            assert np.isfinite(predict(same, law.published[found].coef, at)).all()
