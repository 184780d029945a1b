"""Coordinate checks: the check itself, and what rules for width and depth are measured to do."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from tenfold.core.errors import ConfigError
from tenfold.ladder.coordinates import _pattern, _roles, _slope, batch_of, coordinate_check, fit_power, seen
from tenfold.ladder.families import ignore, mlp, transformer
from tenfold.ladder.families.transformer import under
from tenfold.ladder.models import Model, key
from tenfold.ladder.spec import Optimizer

SETTINGS = Optimizer(lr_embed=1e-2, lr_hidden=1e-2, lr_head=1e-2, base_width=16, clip=1e9, b2=0.95)
NET = mlp.Shape(width=16, depth=1, inputs=8, outputs=4, zero_init=False)


@pytest.fixture(scope="module")
def check():
    return coordinate_check(NET, SETTINGS, values=(16, 32), steps=2, seeds=2, batch=8)


def test_one_row_a_value_seed_step_and_activation(check):
    keys = [(row.value, row.seed, row.step, row.activation) for row in check.rows]
    assert len(set(keys)) == len(keys) == 2 * 2 * 2 * 3
    assert [slope.activation for slope in check.slopes] == ["first", "blocks.0", "logits"]
    assert all(row.start > 0 and row.change > 0 for row in check.rows)


def test_rows_are_what_one_step_by_hand_gives(check):
    """Adam's first step moves every weight by its rate, against the gradient's sign."""
    import jax

    from tenfold.ladder.stepper import mean_loss

    model = Model("mlp", NET, SETTINGS)
    weights, examples = model.init(key(1)), batch_of(model, 8, seed=1)
    gradient = jax.grad(lambda w: mean_loss(model, w, examples))(weights)
    after = {name: w - 1e-2 * np.sign(gradient[name]) for name, w in weights.items()}
    old, new = seen(model, weights, examples), seen(model, after, examples)
    for row in check.rows:
        if (row.value, row.seed, row.step) == (16, 1, 1):
            change = np.asarray(new[row.activation] - old[row.activation], np.float64)
            # Float32, and a gradient near epsilon moves its weight by less than the rate.
            assert row.change == pytest.approx(np.sqrt(np.mean(change**2)), rel=1e-4)
            assert row.start == pytest.approx(float(np.sqrt(np.mean(np.square(old[row.activation])))), rel=1e-5)


def test_results_are_plain_json(check):
    held = json.loads(json.dumps(check.to_dict(), allow_nan=False))
    assert held["verdict"] == check.verdict
    assert held["slopes"][2]["activation"] == "logits"
    assert held["passed"] is check.passed
    with pytest.raises(ConfigError, match="activation"):
        check.slope("logit")


def test_powers_and_their_errors():
    values = np.array([1.0, 2.0, 4.0, 8.0])
    sizes = np.stack([values**0.5, 3 * values**0.7], axis=1)
    slope, error = fit_power(values, sizes)
    assert slope == pytest.approx(0.6, abs=1e-12)
    assert error == pytest.approx(0.1, abs=1e-12)  # Of two draws 0.2 apart.
    assert math.isnan(fit_power(values, 0 * sizes)[0])
    assert fit_power(values, sizes[:, :1])[1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("power", "word"),
    [(0.05, "keeps"), (0.9, "too large"), (0.2, "slowly"), (-0.5, "lazy"), (-0.2, "fades"), (float("nan"), "undefined")],
)
def test_slopes_in_words(power, word):
    assert word in _pattern("blocks.0", power, SETTINGS)


def test_what_a_rule_implies_is_said():
    assert "implies" in _pattern("logits", 0.4, replace(SETTINGS, parameterization="standard-per-layer"))
    assert "implies" not in _pattern("logits", 0.4, SETTINGS)
    assert "implies" not in _pattern("logits", 0.4, replace(SETTINGS, parameterization="standard"))


def test_activations_that_never_move_are_undefined():
    still = coordinate_check(replace(NET, zero_init=True), SETTINGS, values=(16, 32), steps=1, seeds=1, batch=8)
    assert not still.passed
    assert "undefined" in still.slope("first").pattern
    assert math.isnan(still.slope("logits").start)
    assert still.to_dict()["slopes"][0]["change"] is None


def test_only_the_first_step_of_sums_that_are_not_aligned_yet_is_excused():
    values = np.array([64.0, 256.0])
    once = values[:, None, None] ** -0.5
    start = values[:, None]
    assert _slope("logits", values, start, once, SETTINGS).passed
    assert _slope("blocks.3.queries", values, start, once, SETTINGS).passed
    assert not _slope("blocks.3", values, start, once, SETTINGS).passed
    assert not _slope("logits", values, start, np.concatenate([once, once], axis=2), SETTINGS).passed
    assert not _slope("logits", values, start, once**2, SETTINGS).passed


def test_blocks_are_called_by_their_share_of_the_depth():
    names = [["embed", *(f"blocks.{k}.queries" for k in range(depth))] for depth in (2, 5, 8)]
    assert _roles(names) == {
        "embed": ["embed"] * 3,
        "blocks.middle.queries": ["blocks.0.queries", "blocks.2.queries", "blocks.3.queries"],
        "blocks.last.queries": ["blocks.1.queries", "blocks.4.queries", "blocks.7.queries"],
    }
    assert _roles([["a", "b"], ["a", "b"]]) == {"a": ["a", "a"], "b": ["b", "b"]}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"axis": "widht"}, "axis"),
        ({"over": "most"}, "over"),
        ({"values": (16,)}, "rising"),
        ({"values": (32, 16)}, "rising"),
        ({"steps": 0}, "nothing"),
        ({"seeds": ()}, "nothing"),
    ],
)
def test_a_check_asks_for_something_to_measure(given, match):
    with pytest.raises(ConfigError, match=match):
        coordinate_check(NET, SETTINGS, **{"values": (16, 32), **given})


def test_the_transformer_shows_the_input_of_every_hidden_matrix():
    import jax

    model = Model("transformer", transformer.Shape(width=16, depth=2, mlp="swiglu", vocab=7, context=4), SETTINGS)
    examples = batch_of(model, 3)
    shapes = {name: jax.ShapeDtypeStruct(tensor.size, np.float32) for name, tensor in model.tensors.items()}
    shown = jax.eval_shape(lambda w: seen(model, w, examples, inputs=True), shapes)
    for name, tensor in model.tensors.items():
        if tensor.kind == "hidden":
            assert shown[f"{name}.input"].shape == (tensor.size[1], 3 * 4)
    assert {"blocks.1.queries", "blocks.1.keys", "blocks.1.mlp", "blocks.1", "embed", "logits"} <= set(shown)
    assert under(ignore, "blocks.0.") is ignore


def test_a_dataset_gives_its_first_batch(corpus):
    model = Model("transformer", transformer.Shape(width=8, depth=1, context=16), SETTINGS)
    first = batch_of(model, 4, seed=3, data=corpus)
    _, chunk = next(corpus.batches(model.shape, batch=4, seed=3, chunk=2))
    np.testing.assert_array_equal(first, np.asarray(chunk)[0])
    with pytest.raises(ConfigError, match="takes vectors"):
        batch_of(Model("mlp", NET, SETTINGS), 4, data=corpus)


@pytest.mark.slow
@pytest.mark.parametrize(("parameterization", "low", "high"), [("mup", 0.3, 1.2), ("completep", -0.15, 0.15)])
def test_completep_keeps_the_transformers_residual_stream_with_depth(parameterization, low, high):
    """The CompleteP coordinate check (A6) at test size: without a branch factor the change grows, with it not."""
    # Branches that start at zero: random ones add variance depth * depth**-2 to the stream, which at two blocks is more
    # than the tables hold and hides the answer.
    shape = transformer.Shape(width=16, depth=2, vocab=16, context=16)
    settings = replace(
        SETTINGS, lr_embed=1e-3, lr_hidden=1e-3, lr_head=1e-3, base_depth=2, parameterization=parameterization, b2=0.95
    )
    check = coordinate_check(
        shape, settings, axis="depth", values=(2, 8), family="transformer", steps=10, seeds=3, batch=4
    )
    # Four times the depth and three seeds: theory says 1/2 to 1 without the factor and 0 with it; .03 of noise, and
    # at two blocks the lower-order terms in 1 / depth are still a tenth.
    assert low < check.slope("blocks.last").change < high
