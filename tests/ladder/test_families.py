"""Every family keeps the contract, a user's too; families that are broken on purpose are noticed by the right clause."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest

from tenfold.core.errors import ConfigError
from tenfold.ladder.families import family, known, mlp, moe, resnet, transformer, vit
from tenfold.testing import FAMILY_CLAUSES, check_family
from tenfold.testing.products import multiplications

SMALL = {
    "mlp": mlp.Shape(width=16, depth=1),
    "moe": moe.Shape(width=16, depth=1, context=8, vocab=24, experts=4, shared=1),
    "resnet": resnet.Shape(width=4, resolution=4),
    "transformer": transformer.Shape(width=16, depth=1, context=8, vocab=24),
    "vit": vit.Shape(width=16, depth=1, resolution=4),
}

CHEAP = ("declared", "shaped", "counted", "based", "kinds", "scaled")

OTHERS = [
    ("mlp", mlp.Shape(width=16, depth=3, residual_blocks=True, block_layers=1, gains=True, bias=True, norm="layer")),
    ("mlp", mlp.Shape(width=24, residual_blocks=True, activation="gelu", loss="squared", outputs=1)),
    ("moe", moe.Shape(width=16, experts=3, active=1, mlp="swiglu", bias=True, gains=True, norm="layer", kv_heads=1)),
    ("moe", moe.Shape(width=16, experts=6, active=6, mlp_ratio=0.5, positions="learned", tied=True, mlp="gelu")),
    ("resnet", resnet.Shape(width=4, depth=2, stages=3, resolution=11, channels=3, gains=True, groups=2)),
    ("resnet", resnet.Shape(width=3, stages=1, norm="layer", zero_init=False, classes=2)),
    ("vit", vit.Shape(width=16, resolution=9, patch=3, channels=3, pool="token", gains=True, bias=True, mlp="swiglu")),
    ("vit", vit.Shape(width=24, head_dim=6, norm="rms", qk_norm=False, mlp_ratio=1.5)),
]


@pytest.mark.parametrize("name", known())
def test_every_family_keeps_the_contract(name):
    assert check_family(name, shape=SMALL[name]) == []


@pytest.mark.parametrize(("name", "shape"), OTHERS, ids=lambda value: str(value)[:60])
def test_other_shapes_keep_what_can_be_checked_without_training(name, shape):
    assert check_family(name, shape=shape, only=CHEAP) == []


def test_a_squared_loss_keeps_the_rest_too():
    shape = mlp.Shape(width=8, depth=1, loss="squared", outputs=2)
    assert check_family("mlp", shape=shape, only=("starts", "learns", "separate")) == []


def test_published_sizes():
    """ViT-B/16 and ViT-S/16 as everybody counts them; the toy net of muP papers."""
    base = vit.Shape(768, 12, 64, patch=16, resolution=224, channels=3, classes=1000, pool="token", gains=True, bias=True)
    assert vit.count(base).total == 86_567_656
    assert vit.count(replace(base, width=384)).total == 22_050_664
    n, d, f = 197, 768, 3072
    macs = 12 * (n * (4 * d * d + 2 * d * f) + 2 * n * n * d) + 196 * 768 * d + d * 1000
    assert vit.count(base).flops == 6 * macs
    toy = mlp.count(mlp.Shape(width=64, depth=1))
    assert (toy.embedding, toy.hidden, toy.head) == (16 * 64, 64 * 64, 64 * 10)


def test_an_expert_that_sleeps_costs_parameters_but_no_products():
    few, many = moe.Shape(width=16, experts=4), moe.Shape(width=16, experts=8)
    expert = 2 * 16 * 64
    assert moe.count(many).total - moe.count(few).total == 2 * 4 * (expert + 16)
    assert moe.count(many).active - moe.count(few).active == 2 * 4 * 16
    assert moe.count(many).flops - moe.count(few).flops == 2 * 4 * 16 * 6
    dense = moe.Shape(width=16, experts=1, active=1)
    plain = transformer.Shape(width=16)
    assert moe.count(dense).total == transformer.count(plain).total + 2 * 16
    assert moe.count(dense).head == transformer.count(plain).head


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: mlp.Shape(width=8, block_layers=3), "model.block_layers"),
        (lambda: mlp.Shape(width=8, gains=True), "model.gains"),
        (lambda: mlp.Shape(width=8, outputs=1), "model.outputs"),
        (lambda: mlp.Shape(width=8, activation="rleu"), "model.activation"),
        (lambda: moe.Shape(width=16, active=9), "model.active"),
        (lambda: moe.Shape(width=16, experts=0), "model.experts"),
        (lambda: moe.Shape(width=16, balance=-1.0), "model.balance"),
        (lambda: resnet.Shape(width=6, groups=4), "model.groups"),
        (lambda: resnet.Shape(width=4, stages=5), "model.resolution"),
        (lambda: vit.Shape(width=16, patch=3), "model.resolution"),
        (lambda: vit.Shape(width=12), "model.width"),
    ],
)
def test_impossible_shapes_name_the_key_and_the_way_out(make, path):
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.path == path
    assert caught.value.hint or "not positive" in caught.value.message


def test_products_of_loops_convolutions_and_ragged_rows():
    def loop(x, w):
        return jax.lax.scan(lambda x, _: (x @ w, None), x, None, length=5)[0]

    x, w = np.ones((2, 3)), np.ones((3, 3))
    assert multiplications(jax.make_jaxpr(jax.jit(loop))(x, w).jaxpr) == 5 * 2 * 3 * 3
    image, kernel = np.ones((2, 5, 5, 3), np.float32), np.ones((7, 3, 3, 3), np.float32)
    traced = jax.make_jaxpr(lambda x, k: resnet.convolve(x, k, stride=2))(image, kernel)
    assert multiplications(traced.jaxpr) == 2 * 3 * 3 * 7 * 3 * 9
    rows, experts = np.ones((6, 4), np.float32), np.ones((3, 4, 5), np.float32)
    traced = jax.make_jaxpr(jax.lax.ragged_dot)(rows, experts, np.array([1, 5, 0], np.int32))
    assert multiplications(traced.jaxpr) == 6 * 4 * 5


# --- a user's family, whole and broken

GOOD = '''
"""One hidden layer, as somebody might write it."""

from dataclasses import dataclass

from tenfold.core.errors import ConfigError
from tenfold.ladder import tensors as t
from tenfold.ladder.counts import count_tensors
from tenfold.ladder.families import PLAIN, ignore
from tenfold.ladder.lazy import jax, jnp

TAKES = "vectors"


@dataclass(frozen=True)
class Shape:
    width: int
    depth: int = 1
    inputs: int = 6
    outputs: int = 3

    def __post_init__(self):
        for name in ("width", "depth", "inputs", "outputs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is not positive", path=f"model.{name}")

    @property
    def example_tokens(self):
        return 1


def tensors(shape):
    d = shape.width
    return {
        "first": t.embed(d, shape.inputs, fan_out=d, std=0.4),
        "middle": t.hidden(d, d, fan_in=d, fan_out=d, branch=False),
        "head": t.readout(shape.outputs, d, fan_in=d, fan_out=shape.outputs, std=0.0),
    }


def count(shape):
    d = shape.width
    return count_tensors(tensors(shape).values(), forward=d * (shape.inputs + d + shape.outputs))


def apply(weights, inputs, shape, *, scales=PLAIN, see=ignore):
    x = jax.nn.relu(weights["first"] @ inputs.T)
    x = jax.nn.relu(weights["middle"] @ x)
    return weights["head"] @ x


def losses(weights, examples, shape, *, scales=PLAIN, see=ignore, z_loss=0.0):
    inputs, labels = examples
    logits = jax.nn.log_softmax(apply(weights, inputs, shape, scales=scales, see=see), axis=0)
    return -jnp.take_along_axis(logits, labels[None], axis=0)[0]
'''

BROKEN = [
    ("counted", "inputs + d + shape.outputs)", "inputs + shape.outputs)", "FLOPs a label at width 16"),
    ("counted", "values(), forward", "values(), idle=10**6, forward", "do not fit"),
    ("counted", "count_tensors(tensors(shape).values()", "count_tensors(list(tensors(shape).values())[1:]", "parameters"),
    ("learns", '"middle": t', '"idle": t.bias(d, branch=False),\n        "middle": t', "'idle' has no effect"),
    ("learns", '        "middle": t.hidden(d, d, fan_in=d, fan_out=d, branch=False),\n', "", "raised KeyError: middle"),
    ("counted", '        "middle": t.hidden(d, d, fan_in=d, fan_out=d, branch=False),\n', "", "raised KeyError: middle"),
    ("kinds", "t.hidden(d, d, fan_in=d, fan_out=d, branch=False)", "t.embed(d, d, fan_out=d)", "'middle' is 'embed'"),
    ("kinds", "fan_in=d, fan_out=d, branch", "fan_in=8, fan_out=d, branch", "fans grow (1.0, 2.0)"),
    ("scaled", ", branch=False)", ")", "the shape has no sublayers"),
    ("shaped", '("width", "depth", "inputs", "outputs")', '("width", "depth", "inputs")', "outputs = -1 is not refused"),
    ("shaped", 'path=f"model.{name}"', 'path="model"', "under the path 'model'"),
    ("light", "from tenfold.ladder.lazy import jax, jnp", "import jax\nimport jax.numpy as jnp", "counting imports jax"),
    ("starts", "return weights", "return jnp.arange(3.0)[:, None] + weights", "starts at zero and the losses"),
    ("starts", "return weights", "return jnp.nan * weights", "not finite"),
    ("separate", "x = jax.nn.relu(weights[\"middle\"]", "x = x - x.mean(1, keepdims=True)\n    x = jax.nn.relu(weights[\"middle\"]",
     "depends on others"),
    ("separate", "axis=0)[0]", "axis=0)[0].mean()", "losses have the shape ()"),
    ("declared", "def example_tokens", "def labels", "no positive example_tokens"),
    ("declared", 'TAKES = "vectors"', 'TAKES = "sounds"', "'sounds' is none of"),
    ("declared", "@dataclass(frozen=True)", "@dataclass", "no frozen dataclass"),
]  # fmt: skip


def write(folder, text):
    path = folder / "mine.py"
    path.write_text(text)
    return str(path)


def test_a_users_family_keeps_the_contract(tmp_path):
    assert check_family(write(tmp_path, GOOD)) == []


@pytest.mark.parametrize(("clause", "old", "new", "words"), BROKEN, ids=[f"{b[0]}-{b[3][:25]}" for b in BROKEN])
def test_a_broken_family_is_noticed(tmp_path, clause, old, new, words):
    assert old in GOOD
    found = check_family(write(tmp_path, GOOD.replace(old, new)), only=[clause], throw=False)
    assert found, f"{clause} did not notice"
    assert {breach.clause for breach in found} <= {clause, "declared"}
    assert words in "\n".join(breach.message for breach in found)


def test_a_decoder_that_sees_the_future_is_noticed(tmp_path):
    text = """
from tenfold.ladder.families import transformer
from tenfold.ladder.families.transformer import *
from tenfold.ladder.families.transformer import TAKES, PLAIN, ignore, window_losses


def apply(weights, inputs, shape, *, scales=PLAIN, see=ignore):
    return transformer.apply(weights, inputs[:, ::-1], shape, scales=scales, see=see)


def losses(weights, examples, shape, *, scales=PLAIN, see=ignore, z_loss=0.0):
    return window_losses(apply(weights, examples[:, :-1], shape), examples, shape, z_loss)
"""
    shape = transformer.Shape(width=8, depth=1, context=6, vocab=10)
    found = check_family(write(tmp_path, text), shape=shape, only=["separate"], throw=False)
    assert "changes predictions before it" in found[0].message


def test_branches_without_their_factor_are_noticed(tmp_path):
    text = """
from tenfold.ladder.families import mlp
from tenfold.ladder.families.mlp import TAKES, Shape, count, losses, tensors, PLAIN, ignore


def apply(weights, inputs, shape, *, scales=PLAIN, see=ignore):
    return mlp.apply(weights, inputs, shape, see=see)
"""
    shape = mlp.Shape(width=8, depth=2, residual_blocks=True)
    found = check_family(write(tmp_path, text), shape=shape, only=["scaled"], throw=False)
    assert [breach.message for breach in found] == [
        f"the factor on residual branch {place} has no effect" for place in (0, 1)
    ]


def test_the_contract_raises_with_every_way(tmp_path):
    path = write(
        tmp_path, GOOD.replace("inputs + d + shape.outputs)", "inputs)").replace('path=f"model.{name}"', 'path=""')
    )
    with pytest.raises(ConfigError, match="breaks the contract in 6 ways") as caught:
        check_family(path, only=["counted", "shaped"])
    assert "counted: counts" in str(caught.value)
    with pytest.raises(ConfigError, match="no clause"):
        check_family("mlp", only=["cuonted"])
    assert set(CHEAP) < set(FAMILY_CLAUSES)


def test_a_file_that_cannot_be_imported_says_why(tmp_path):
    with pytest.raises(ConfigError, match="cannot be imported: division by zero"):
        family(write(tmp_path, "1 / 0"))
    lacking = tmp_path / "lacking.py"
    lacking.write_text("TAKES = 'codes'")
    with pytest.raises(ConfigError, match="lacks Shape, tensors, apply, losses, count"):
        family(str(lacking))
