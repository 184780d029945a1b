"""What models declare: every setting has a meaning and a default, every docstring a source."""

import pytest

from tenfold.simulate import kinds
from tenfold.simulate.facts import description, meanings, model_to_dict, without_markup


@pytest.mark.parametrize("name", kinds())
def test_every_setting_has_a_meaning(name):
    model = kinds()[name]
    assert set(meanings(model)) == set(model.settings)
    assert all(len(text) > 5 for text in meanings(model).values())
    assert all(isinstance(value, int | float | str) for value in model.settings.values())
    facts = model_to_dict(model)
    assert facts["summary"].endswith(".")
    assert facts["cite"]["id"]
    assert len(description(model)) > 200


def test_markup_is_left_out():
    assert without_markup("see ``loss`` and :math:`N^{-1}`") == "see loss and N^{-1}"
