"""The parameterizations for torch: on a stand-in with names and shapes, and on a real transformer where torch is installed."""

from __future__ import annotations

import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tenfold.core.errors import ConfigError
from tenfold.ladder.parameterization import PARAMETERIZATIONS
from tenfold.ladder.torch import initialise, layers, multipliers, parameter_groups


class Data:
    """What a tensor's ``data`` was told."""

    def normal_(self, mean, std):
        self.told = ("normal", mean, std)

    def zero_(self):
        self.told = ("zero",)

    def fill_(self, value):
        self.told = ("fill", value)


class Fake:
    """Names and shapes, as a module gives them."""

    def __init__(self, sizes):
        self.held = {name: SimpleNamespace(shape=size, data=Data()) for name, size in sizes.items()}

    def named_parameters(self):
        return iter(self.held.items())


def gpt(width, blocks=1):
    block = {
        "ln_1.weight": (width,),
        "attn.qkv.weight": (3 * width, width),
        "attn.proj.weight": (width, width),
        "attn.proj.bias": (width,),
        "mlp.up.weight": (4 * width, width),
        "mlp.down.weight": (width, 4 * width),
    }
    sizes = {"wte.weight": (50, width), "wpe.weight": (16, width)}
    for place in range(blocks):
        sizes |= {f"h.{place}.{name}": size for name, size in block.items()}
    return Fake({**sizes, "ln_f.weight": (width,), "ln_f.bias": (width,), "lm_head.weight": (50, width)})


def found(model, base, **given):
    return {layer.name: layer for layer in layers(model, base=base, **given)}


def test_kinds_by_name_and_by_the_sides_that_grow():
    kinds = {name: layer.kind for name, layer in found(gpt(256), gpt(64)).items()}
    assert kinds == {
        "wte.weight": "embed",
        "wpe.weight": "embed",
        "h.0.ln_1.weight": "gain",
        "h.0.attn.qkv.weight": "hidden",
        "h.0.attn.proj.weight": "hidden",
        "h.0.attn.proj.bias": "bias",
        "h.0.mlp.up.weight": "hidden",
        "h.0.mlp.down.weight": "hidden",
        "ln_f.weight": "gain",
        "ln_f.bias": "bias",
        "lm_head.weight": "readout",
    }
    assert {name for name, layer in found(gpt(256), gpt(64)).items() if layer.branch} == {n for n in kinds if n[0] == "h"}


def test_groups_are_the_table_of_mup():
    groups = parameter_groups(
        gpt(256),
        base=gpt(64),
        lr=0.01,
        weight_decay=0.1,
        decay_rule="eta-lambda",
        eps=1e-8,
        parameterization="mup-table8",
    )
    told = {group["name"]: (group["lr"], group["weight_decay"], group["eps"]) for group in groups}
    for name in told:
        if "attn.qkv.w" in name or "mlp" in name or "proj.w" in name:
            assert told[name] == pytest.approx((0.01 / 4, 0.4, 1e-8 / 4), rel=1e-12)
        elif "ln" in name or "bias" in name:
            assert told[name] == pytest.approx((0.01, 0.0, 1e-8 / 4), rel=1e-12)
        else:
            assert told[name] == pytest.approx((0.01, 0.1, 1e-8 / 4), rel=1e-12)
    assert all(len(group["params"]) == 1 for group in groups)
    assert [group["name"] for group in groups] == list(gpt(256).held)
    assert {name: value for name, value in multipliers(gpt(256), base=gpt(64)).items() if value != 1} == {
        "lm_head.weight": 0.25
    }


def test_a_deeper_model_finds_its_blocks_in_a_shallower_base():
    """CompleteP: no depth in the rates of alpha = 1, one root of it with alpha = 1/2; epsilon falls with it."""
    given = {"depth": 8, "base_depth": 2, "parameterization": "depth-mup"}
    told = found(gpt(256, blocks=8), gpt(64, blocks=2), **given)
    assert told["h.7.mlp.up.weight"].rule.rate == pytest.approx(0.25 / 2)
    assert told["h.7.ln_1.weight"].rule.rate == pytest.approx(0.5)
    assert told["ln_f.weight"].rule.rate == 1.0
    given["parameterization"] = "completep"
    told = found(gpt(256, blocks=8), gpt(64, blocks=2), **given)
    assert told["h.7.mlp.up.weight"].rule.rate == 0.25
    assert told["h.7.mlp.up.weight"].rule.eps == 1 / 16
    flat = found(gpt(256, blocks=8), gpt(64, blocks=2), branches=(), **given)
    assert flat["h.7.mlp.up.weight"].rule.eps == 1 / 4


def test_a_base_may_be_shapes_by_name():
    base = {name: value.shape for name, value in gpt(64).named_parameters()}
    assert found(gpt(256), base) == found(gpt(256), gpt(64))


@pytest.mark.parametrize("name", sorted(set(PARAMETERIZATIONS) - {"u-mup"}))
def test_the_base_model_itself_is_standard(name):
    """u-muP is absolute and has factors of its own in every model."""
    for group in parameter_groups(gpt(64), base=gpt(64), lr=0.01, eps=1e-8, parameterization=name):
        assert (group["lr"], group["eps"]) == (0.01, 1e-8)
    assert set(multipliers(gpt(64), base=gpt(64), parameterization=name).values()) == {1.0}


def test_initial_weights():
    model = gpt(256)
    stds = initialise(model, base=gpt(64), std={"wte.*": 0.02, "*proj.weight": 0})
    told = {name: value.data.told for name, value in model.held.items()}
    assert told["wte.weight"] == ("normal", 0.0, 0.02)
    assert told["wpe.weight"] == ("normal", 0.0, 1.0)
    assert told["h.0.attn.qkv.weight"] == ("normal", 0.0, 1 / 16)
    assert told["h.0.mlp.down.weight"] == ("normal", 0.0, 1 / 32)
    assert told["h.0.attn.proj.weight"] == told["ln_f.bias"] == ("zero",)
    assert told["ln_f.weight"] == ("fill", 1.0)
    assert told["lm_head.weight"] == ("normal", 0.0, 1 / 8), "its variance does not fall with width"
    assert stds["lm_head.weight"] == 1 / 8
    assert stds["ln_f.bias"] == 0.0


def test_kernels_stacks_and_first_layers():
    def net(width):
        return Fake({
            "stem.weight": (width, 3, 3, 3),
            "body.weight": (2 * width, width, 3, 3),
            "experts.up": (4, 4 * width, width),
            "pos_embed": (1, 16, width),
        })  # fmt: skip

    told = found(net(64), net(16))
    assert {name: (layer.kind, layer.fan_in, layer.fan_out) for name, layer in told.items()} == {
        "stem.weight": ("embed", 27, 64),
        "body.weight": ("hidden", 64 * 9, 128 * 9),
        "experts.up": ("hidden", 64, 256),
        "pos_embed": ("embed", 1, 64),
    }
    model = net(64)
    assert initialise(model, base=net(16))["stem.weight"] == pytest.approx(27**-0.5)


def test_modules_tell_what_names_do_not():
    """Their classes: a nameless table and a nameless readout have the same shapes; Conv1D keeps inputs first."""

    class Embedding: ...

    class Linear: ...

    class Conv1D: ...

    class Net(Fake):
        def __init__(self, width):
            super().__init__({"a.weight": (50, width), "b.weight": (50, width), "c.weight": (width, 4 * width)})

        def named_parameters(self, *, remove_duplicate=True):
            return iter(self.held.items())

        def named_modules(self):
            return [("", self), ("a", Embedding()), ("b", Linear()), ("c", Conv1D())]

    told = found(Net(64), Net(16))
    assert [told[name].kind for name in told] == ["embed", "readout", "hidden"]
    assert (told["c.weight"].fan_in, told["c.weight"].fan_out) == (64, 256)


def test_a_shared_parameter_needs_a_rule_that_scales_it_once():
    class Tied(Fake):
        def named_parameters(self, *, remove_duplicate=True):
            return iter([*self.held.items()] + ([] if remove_duplicate else [("head.weight", self.held["wte.weight"])]))

        def named_modules(self):
            return [("", self)]

    model, base = Tied({"wte.weight": (50, 64)}), Tied({"wte.weight": (50, 16)})
    with pytest.raises(ConfigError, match="one parameter"):
        layers(model, base=base, parameterization="mup")
    assert [layer.kind for layer in layers(model, base=base, parameterization="mup-table8")] == ["embed"]


@pytest.mark.parametrize(
    ("sizes", "base", "given", "words"),
    [
        ({"fc.weight": (10, 64)}, {"fc.weight": (10, 16)}, {}, r"'fc.weight'.*kinds={'fc.weight': 'readout'}"),
        ({"a.weight": (8, 8), "b.weight": (9, 9)}, {"a.weight": (8, 8), "b.weight": (3, 3)}, {}, "'a.weight'"),
        ({"tau": ()}, {"tau": ()}, {}, "kinds={'tau': 'gain'}"),
        ({"up.weight": (64, 64)}, {"upp.weight": (16, 16)}, {}, "no parameter 'up.weight'.*upp.weight"),
        ({"up.weight": (64, 64)}, {"up.weight": (16,)}, {}, "in the base model"),
        ({"up.weight": (64, 64)}, {"up.weight": (16, 16)}, {"kinds": {"u*": "hiden"}}, "hidden"),
        ({"up.weight": (64, 64)}, {"up.weight": (16, 16)}, {"kinds": {"dwn*": "hidden"}}, "no parameter is called"),
        ({"up.weight": (64, 64)}, {"up.weight": (16, 16)}, {"parameterization": "mupp"}, "mup"),
    ],
)
def test_refusals_name_the_parameter_and_the_way_out(sizes, base, given, words):
    with pytest.raises(ConfigError) as told:
        layers(Fake(sizes), base=base, **given)
    assert __import__("re").search(words, str(told.value)), str(told.value)


@pytest.mark.parametrize(
    "given", [{"lr": 0.0}, {"lr": 1.0, "weight_decay": -1.0}, {"lr": 1.0, "eps": 0.0}, {"lr": 1.0, "weight_decay": 0.1}]
)
def test_settings_out_of_range(given):
    """Decay without a rule is one: published rules differ."""
    with pytest.raises(ConfigError):
        parameter_groups(gpt(256), base=gpt(64), **given)


def test_kinds_given_win():
    told = found(Fake({"fc.weight": (10, 64)}), {"fc.weight": (10, 16)}, kinds={"fc.*": "readout"})
    assert (told["fc.weight"].kind, told["fc.weight"].rule.multiplier) == ("readout", 0.25)


def test_importing_needs_neither_torch_nor_jax():
    code = "import sys, tenfold.ladder.torch; assert not {'torch', 'jax'} & set(sys.modules), sorted(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- with torch -----------------------------------------------------------------------------------------------------------


def transformer(torch, width, seed=0):
    """A pre-norm decoder with one block, 4 heads, vocabulary 32, and the factors of the parameterization as attributes."""
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte, self.wpe = nn.Embedding(32, width), nn.Embedding(8, width)
            self.ln_1, self.ln_2, self.ln_f = (nn.LayerNorm(width) for _ in range(3))
            self.qkv, self.proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.head = nn.Linear(width, 32, bias=False)
            self.readout = self.logits = 1.0

        def forward(self, codes):
            batch, length = codes.shape
            x = self.wte(codes) + self.wpe(torch.arange(length))
            q, k, v = (each.view(batch, length, 4, -1).transpose(1, 2) for each in self.qkv(self.ln_1(x)).chunk(3, -1))
            scores = self.logits * (q @ k.transpose(-1, -2)) / math.sqrt(width // 4)
            mask = torch.ones(length, length).triu(1).bool()
            mixed = (scores.masked_fill(mask, -1e9).softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width)
            x = x + self.proj(mixed)
            x = x + self.down(torch.relu(self.up(self.ln_2(x))))
            return self.readout * self.head(self.ln_f(x))

    torch.manual_seed(seed)
    return Net()


def movement(torch, width, parameterization, seed):
    """RMS change of the logits after 4 steps of AdamW at a large rate, on one fixed batch."""
    from tenfold.ladder.torch import logit_scale

    model, base = transformer(torch, width, seed), transformer(torch, 64)
    given = {"base": base, "parameterization": parameterization}
    initialise(model, **given)
    model.readout = multipliers(model, **given)["head.weight"]
    model.logits = logit_scale(parameterization, head_dim=width // 4, base_head_dim=16)
    optimizer = torch.optim.AdamW(parameter_groups(model, lr=0.01, **given), betas=(0.9, 0.95))
    codes = torch.randint(0, 32, (4, 9), generator=torch.Generator().manual_seed(seed))
    before = model(codes[:, :-1]).detach()
    for _ in range(4):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(codes[:, :-1]).reshape(-1, 32), codes[:, 1:].reshape(-1)).backward()
        optimizer.step()
    return float((model(codes[:, :-1]).detach() - before).square().mean().sqrt())


def test_outputs_move_alike_at_any_width_under_mup_only():
    """Slope of the log of the movement over the log of width, 64 to 512, mean of three seeds.

    Measured -0.08 and 0.50. The mup package's own check allows 0.1; half as much again for draws of other versions of torch.
    """
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    widths = (64, 128, 256, 512)
    slopes = {}
    for name in ("mup-table8", "standard"):
        moved = [np.mean([math.log(movement(torch, width, name, seed)) for seed in range(3)]) for width in widths]
        slopes[name] = np.polyfit(np.log(widths), moved, 1)[0]
    assert abs(slopes["mup-table8"]) < 0.15, slopes
    assert slopes["standard"] > 0.35, slopes


def test_a_step_of_torch_s_adamw_by_hand():
    """w (1 - lr decay) - lr g / (|g| + eps) with each group's own numbers: the first step's corrections cancel."""
    torch = pytest.importorskip("torch")
    model, base = transformer(torch, 128), transformer(torch, 64)
    groups = parameter_groups(model, base=base, lr=0.01, weight_decay=0.3, decay_rule="eta-lambda", eps=1e-3)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    optimizer = torch.optim.AdamW(groups)
    codes = torch.randint(0, 32, (4, 9), generator=torch.Generator().manual_seed(0))
    torch.nn.functional.cross_entropy(model(codes[:, :-1]).reshape(-1, 32), codes[:, 1:].reshape(-1)).backward()
    optimizer.step()
    expected = {"up.weight": (0.005, 0.6, 5e-4), "head.weight": (0.01, 0.3, 5e-4), "ln_f.weight": (0.01, 0.0, 5e-4)}
    for name, value in model.named_parameters():
        group = next(each for each in groups if each["name"] == name)
        lr, decay, eps = group["lr"], group["weight_decay"], group["eps"]
        if name in expected:
            assert (lr, decay, eps) == pytest.approx(expected[name], rel=1e-12)
        wanted = before[name] * (1 - lr * decay) - lr * value.grad / (value.grad.abs() + eps)
        # float32 rounding of weights near one
        np.testing.assert_allclose(value.detach(), wanted.detach(), rtol=1e-5, atol=1e-6, err_msg=name)


def test_torch_draws_what_was_asked():
    torch = pytest.importorskip("torch")
    model = transformer(torch, 256)
    stds = initialise(model, base=transformer(torch, 64), std={"wte.*": 0.02})
    for name, value in model.named_parameters():
        data = value.detach().numpy()
        if "ln" in name and name.endswith("weight"):
            assert (data == 1).all()
        elif name.endswith("bias"):
            assert (data == 0).all()
        else:
            # the spread of a sample deviation is 1 / sqrt(2 n); five of them
            assert data.std() == pytest.approx(stds[name], rel=5 / math.sqrt(2 * data.size))
