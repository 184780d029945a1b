"""Counts against the arrays, against the products in the traced model, and against typed-in values."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from tenfold.core.errors import ConfigError
from tenfold.ladder import counting
from tenfold.ladder.families import transformer
from tenfold.ladder.models import Model
from tenfold.ladder.spec import Optimizer, Shape

SHAPES = [
    Shape(width=8),
    Shape(width=48),
    Shape(width=24, depth=1, ngram=1, mlp_ratio=2, context=10),
    Shape(width=32, depth=3, head_dim=16, vocab=200, context=12),
]


def arrays(shape):
    model = Model("transformer", shape, Optimizer(base_width=shape.width))
    return jax.eval_shape(model.init, jax.random.key(0))


def total(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_parameters_are_the_sizes_of_the_arrays(shape):
    params = arrays(shape)
    blocks = transformer.part(params, "blocks.")
    assert counting.params_hidden(shape) == transformer.count(shape).hidden == total(blocks)
    assert counting.params_hidden_head(shape) == total((blocks, params["head"]))
    assert counting.params_total(shape) == transformer.count(shape).total == total(params)
    assert counting.params_compute(shape) == transformer.count(shape).compute


def product_flops(jaxpr):
    """Two FLOPs a multiplication of every dot_general, those of inner programs included."""
    flops = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            inner = np.prod([equation.invars[0].aval.shape[axis] for axis in contracted])
            flops += 2 * inner * np.prod(equation.outvars[0].aval.shape)
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                flops += product_flops(inner)
    return flops


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_flops_are_the_products_of_the_traced_model(shape):
    windows = jax.ShapeDtypeStruct((3, shape.context + 1), np.int32)
    traced = jax.make_jaxpr(lambda p, w: transformer.losses(p, w, shape))(arrays(shape), windows)
    tokens = 3 * shape.context
    norms = 2 * shape.depth * shape.heads * shape.context  # the softmax's own sums ride along in a product
    assert product_flops(traced.jaxpr) == tokens * (counting.flops_per_token_matmul(shape) / 3 + norms)


@pytest.mark.parametrize(
    ("width", "hidden", "with_head", "compute"),
    [(8, 1536, 2560, 4608), (32, 24576, 28672, 36864), (64, 98304, 106496, 122880), (192, 884736, 909312, 958464)],
)
def test_worked_values(width, hidden, with_head, compute):
    shape = Shape(width=width)
    counts = [counting.count_parameters(shape, convention=name) for name in ("hidden", "hidden+head", "flop/6")]
    assert counts == [hidden, with_head, compute]
    assert counting.FLOPS_PER_TOKEN["6N"](shape) == 6 * with_head


@pytest.mark.parametrize("convention", counting.PARAMETERS)
def test_nearest_width_inverts_the_count(convention):
    for width in (8, 16, 24, 96, 320, 1024):
        params = counting.count_parameters(Shape(width=width), convention=convention)
        for factor in (0.998, 1.0, 1.002):
            assert counting.nearest_width(params * factor, convention=convention) == width
    assert counting.nearest_width(1.0, convention=convention) == 8


def test_nearest_width_is_the_nearest_in_log():
    grid = np.arange(8, 400, 8)
    counts = np.array([counting.params_compute(Shape(width=int(width))) for width in grid])
    for params in np.geomspace(2e3, 3e6, 60):
        best = int(grid[np.argmin(np.abs(np.log(counts / params)))])
        assert counting.nearest_width(float(params)) == best


def test_an_unknown_convention_names_the_known_ones():
    with pytest.raises(ConfigError, match="hidden\\+head"):
        counting.count_parameters(Shape(width=8), convention="active")
    with pytest.raises(ConfigError, match="not positive"):
        counting.nearest_width(0.0)


@pytest.mark.parametrize(
    ("sizes", "path"),
    [({"width": 12}, "ladder.width"), ({"width": 8, "head_dim": 1}, "model.head_dim"), ({"width": 0}, "model.width")],
)
def test_impossible_shapes_are_refused(sizes, path):
    with pytest.raises(ConfigError) as caught:
        Shape(**sizes)
    assert caught.value.path == path
