"""Forward passes of the families against plain ones, written example by example in NumPy."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

from tenfold.ladder.families import Scales, mlp, moe, resnet, transformer, vit
from tenfold.ladder.models import Model
from tenfold.ladder.spec import Optimizer
from tenfold.ladder.stepper import mean_loss

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu2": lambda x: np.maximum(x, 0) ** 2,
    "tanh": np.tanh,
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + np.exp(-x)),
}


def drawn(module, shape, seed=0):
    """Weights without zeros, float32 for the model and float64 for the plain one."""
    rng = np.random.default_rng(seed)
    held = {
        name: (rng.normal(size=tensor.size) / math.sqrt(tensor.fan_in)).astype(np.float32)
        for name, tensor in module.tensors(shape).items()
    }
    return held, {name: value.astype(np.float64) for name, value in held.items()}


def inside(weights, prefix):
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def softmax(x):
    shifted = np.exp(x - x.max())
    return shifted / shifted.sum()


def nats(logits, label):
    return -math.log(softmax(logits)[label])


def layer_norm(x, gain=1.0, offset=0.0):
    x = x - x.mean()
    return x / np.sqrt(np.mean(x**2) + 1e-6) * gain + offset


def rms_norm(x):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6)


# --- perceptrons


def plain_mlp(w, x, shape, skip=1.0, branch=1.0):
    act = ACTIVATIONS[shape.activation]

    def line(name, x):
        return w[name] @ x + w.get(f"{name}_bias", 0.0)

    x = line("first", x)
    for k in range(shape.depth):
        name = f"blocks.{k}."
        if not shape.residual_blocks:
            x = line(f"{name}up", act(x))
            continue
        ready = layer_norm(x, w[f"{name}gain"], w[f"{name}offset"])
        f = (
            line(f"{name}up", act(ready))
            if shape.block_layers == 1
            else line(f"{name}down", act(line(f"{name}up", ready)))
        )
        x = skip * x + branch * f
    x = layer_norm(x, w["final.gain"], w["final.offset"]) if shape.residual_blocks else act(x)
    return line("head", x)


@pytest.mark.parametrize(
    "shape",
    [
        mlp.Shape(width=7, depth=1, inputs=5, outputs=3),
        mlp.Shape(width=7, depth=2, inputs=5, outputs=3, activation="tanh", bias=True),
        mlp.Shape(5, 2, 4, 3, "gelu", bias=True, residual_blocks=True, block_layers=1, norm="layer", gains=True),
        mlp.Shape(5, 3, 4, 3, residual_blocks=True, block_layers=2, norm="layer", gains=True, loss="squared"),
    ],
    ids=["toy", "tanh", "one-matrix", "two-matrix"],
)
def test_perceptron(shape):
    held, plain = drawn(mlp, shape)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, shape.inputs)).astype(np.float32)
    y = rng.normal(size=(4, 3)).astype(np.float32) if shape.loss == "squared" else np.array([0, 2, 1, 1])
    scales = Scales(branches=((0.9, 0.4),) * shape.sublayers)
    outputs = [plain_mlp(plain, row, shape, *(scales.branches or ((1, 1),))[0]) for row in x]
    np.testing.assert_allclose(np.asarray(mlp.apply(held, x, shape, scales=scales)).T, outputs, rtol=1e-4, atol=1e-5)
    expected = [np.mean((o - t) ** 2) if shape.loss == "squared" else nats(o, t) for o, t in zip(outputs, y, strict=True)]
    np.testing.assert_allclose(mlp.losses(held, (x, y), shape, scales=scales), expected, rtol=1e-4)


@pytest.mark.parametrize("activation", sorted(mlp.ACTIVATIONS))
def test_activations_keep_their_size_over_depth(activation):
    """The stated factor brings activations of standard normal inputs back to unit size."""
    z = np.random.default_rng(0).normal(size=400_000)
    assert mlp.ACTIVATIONS[activation] * np.sqrt(np.mean(ACTIVATIONS[activation](z) ** 2)) == pytest.approx(1, abs=4e-3)


# --- mixtures of experts


def plain_route(router, x, active):
    """Numbers and weights of the chosen experts of one code."""
    p = softmax(router @ x)
    chosen = np.argsort(-p)[:active]
    return p, chosen, p[chosen] / (p[chosen].sum() if active > 1 else 1.0)


def plain_expert(w, prefix, x, shape, at=slice(None)):
    def line(name, x):
        weight, bias = w[f"{prefix}{name}"], w.get(f"{prefix}{name}_bias")
        return weight[at] @ x + (0.0 if bias is None else bias[at])

    up = line("up", x)
    up = ACTIVATIONS["silu"](w[f"{prefix}gate"][at] @ x) * up if shape.mlp == "swiglu" else ACTIVATIONS[shape.mlp](up)
    return line("down", up)


@pytest.mark.parametrize(
    "shape",
    [
        moe.Shape(width=8, depth=1, context=5, experts=4, active=2, shared=1, vocab=9, mlp_ratio=1.5),
        moe.Shape(width=8, depth=1, context=5, experts=3, active=1, bias=True, mlp="swiglu", vocab=9),
        moe.Shape(width=8, depth=1, context=5, experts=3, active=3, mlp="gelu", vocab=9),
    ],
    ids=["shared", "one", "all"],
)
def test_mixture(shape):
    held, plain = drawn(moe, shape)
    block, w = inside(held, "blocks.0."), inside(plain, "blocks.0.")
    x = np.random.default_rng(2).normal(size=(8, 15)).astype(np.float32)
    y, routed = moe.mixture(block, x, shape)
    share, mean, logs = np.zeros((3, shape.experts)), np.zeros((3, shape.experts)), np.zeros(3)
    for place, code in enumerate(x.T.astype(np.float64)):
        p, chosen, gates = plain_route(w["router"], code, shape.active)
        out = sum(g * plain_expert(w, "", code, shape, e) for g, e in zip(gates, chosen, strict=True))
        if shape.shared:
            out = out + plain_expert(w, "shared.", code, shape)
        np.testing.assert_allclose(np.asarray(y)[:, place], out, rtol=1e-4, atol=1e-5)
        share[place // 5, chosen] += 1 / (5 * shape.active)
        mean[place // 5] += p / 5
        logs[place // 5] += math.log(np.exp(w["router"] @ code).sum()) ** 2 / 5
    np.testing.assert_allclose(moe.balance(routed, shape), shape.experts * (share * mean).sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(moe.router_z(routed, shape), logs, rtol=1e-5)


def test_terms_of_the_router_are_trained_on_but_not_reported():
    shape = moe.Shape(width=8, depth=1, context=5, experts=4, vocab=9, balance=0.5, router_z=0.25, mlp_ratio=1)
    model = Model("moe", shape, Optimizer(parameterization="standard"))
    held, _ = drawn(moe, shape)
    windows = np.random.default_rng(3).integers(0, 9, (2, 6))
    run = jax.jit(lambda w, x: (model.losses(w, x), model.losses(w, x, training=True), mean_loss(model, w, x)))
    plain, trained, mean = (np.asarray(each) for each in run(held, windows))
    logits = moe.apply(held, windows[:, :-1], shape)
    np.testing.assert_allclose(plain, transformer.window_losses(logits, windows, shape), rtol=1e-5)
    assert np.all(trained - plain > 0.5 * 0.9)
    assert float(mean) == pytest.approx(float(np.mean(trained)), rel=1e-5)
    np.testing.assert_allclose(run(held, windows[::-1])[1], trained[::-1], rtol=1e-5)


def test_one_expert_is_a_transformer():
    shape = moe.Shape(width=8, depth=1, context=5, experts=1, active=1, vocab=9)
    dense = transformer.Shape(width=8, depth=1, context=5, vocab=9)
    held, _ = drawn(moe, shape)
    codes = np.random.default_rng(4).integers(0, 9, (2, 5))
    squeezed = {name: value[0] if name in ("blocks.0.up", "blocks.0.down") else value for name, value in held.items()}
    ours, theirs = moe.apply(held, codes, shape), transformer.apply(squeezed, codes, dense)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# --- images


def plain_conv(x, kernel, stride=1):
    """One image (height, width, channels), kernel (out, in, side, side)."""
    edge = kernel.shape[-1] // 2
    padded = np.pad(x, ((edge, edge), (edge, edge), (0, 0)))
    side = (x.shape[0] - 1) // stride + 1
    out = np.zeros((side, side, kernel.shape[0]))
    for i in range(side):
        for j in range(side):
            window = padded[i * stride : i * stride + kernel.shape[2], j * stride : j * stride + kernel.shape[3]]
            out[i, j] = np.einsum("yxc,ocyx->o", window, kernel)
    return out


def plain_norm(x, w, prefix, shape):
    if shape.norm == "layer":
        normed = np.array([[layer_norm(pixel) for pixel in row] for row in x])
    else:
        each = np.split(x, shape.groups, axis=2)
        normed = np.concatenate([layer_norm(part) for part in each], axis=2)
    return normed * w[f"{prefix}gain"] + w[f"{prefix}offset"] if shape.gains else normed


def plain_resnet(w, image, shape, skip=1.0, branch=1.0):
    x = plain_conv(image, w["stem"])
    for k in range(shape.stages * shape.depth):
        name, stride = f"blocks.{k}.", 2 if k and k % shape.depth == 0 else 1
        ready = np.maximum(plain_norm(x, w, f"{name}first_", shape), 0)
        y = plain_conv(ready, w[f"{name}first"], stride)
        y = plain_conv(np.maximum(plain_norm(y, w, f"{name}second_", shape), 0), w[f"{name}second"])
        x = skip * (plain_conv(ready, w[f"{name}skip"], stride) if stride == 2 else x) + branch * y
    return w["head"] @ np.maximum(plain_norm(x, w, "final_", shape), 0).mean(axis=(0, 1))


@pytest.mark.parametrize(
    "shape",
    [
        resnet.Shape(width=4, stages=2, resolution=5, channels=2, classes=3, gains=True, groups=2),
        resnet.Shape(width=3, depth=2, stages=1, resolution=4, classes=3, norm="layer"),
    ],
    ids=["group", "layer"],
)
def test_convolutional_net(shape):
    held, plain = drawn(resnet, shape)
    rng = np.random.default_rng(5)
    images = rng.normal(size=(2, shape.resolution, shape.resolution, shape.channels)).astype(np.float32)
    scales = Scales(branches=((0.8, 0.5),) * shape.sublayers)
    outputs = [plain_resnet(plain, image, shape, 0.8, 0.5) for image in images.astype(np.float64)]
    np.testing.assert_allclose(
        np.asarray(resnet.apply(held, images, shape, scales=scales)).T, outputs, rtol=1e-3, atol=1e-4
    )
    losses = resnet.losses(held, (images, np.array([2, 0])), shape, scales=scales)
    np.testing.assert_allclose(losses, [nats(outputs[0], 2), nats(outputs[1], 0)], rtol=1e-4)


def plain_vit(w, image, shape, logits=1.0):
    size, h = shape.patch, shape.head_dim

    def line(block, name, x):
        return block[name] @ x + block.get(f"{name}_bias", 0.0)

    def normed(block, prefix, x):
        return layer_norm(x, block.get(f"{prefix}gain", 1.0), block.get(f"{prefix}offset", 0.0))

    side = shape.resolution // size
    cut = [image[i * size : (i + 1) * size, j * size : (j + 1) * size].ravel() for i in range(side) for j in range(side)]
    tokens = [line(w, "patch", each) for each in cut]
    if shape.pool == "token":
        tokens = [w["token"][:, 0], *tokens]
    tokens = [token + w["positions"][:, place] for place, token in enumerate(tokens)]
    for k in range(shape.depth):
        block = inside(w, f"blocks.{k}.")
        qkv = [np.split(line(block, "qkv", normed(block, "attention_", token)), 3) for token in tokens]
        mixed = np.zeros((len(tokens), shape.width))
        for head in range(shape.heads):
            part = slice(head * h, (head + 1) * h)
            q, k_, v = (np.array([each[which][part] for each in qkv]) for which in range(3))
            scale = h**-0.5
            if shape.qk_norm:
                q, k_, scale = rms_norm(q), rms_norm(k_), 1.8 * h**-0.25
            for place in range(len(tokens)):
                mixed[place, part] = softmax(scale * logits * k_ @ q[place]) @ v
        tokens = [token + line(block, "out", each) for token, each in zip(tokens, mixed, strict=True)]
        for place, token in enumerate(tokens):
            up = ACTIVATIONS["gelu"](line(block, "up", normed(block, "mlp_", token)))
            tokens[place] = token + line(block, "down", up)
    final = [normed(w, "final.", token) for token in tokens]
    return line(w, "head", final[0] if shape.pool == "token" else np.mean(final, axis=0))


@pytest.mark.parametrize(
    "shape",
    [
        vit.Shape(width=8, depth=1, head_dim=4, patch=2, resolution=6, channels=2, classes=3, qk_norm=False, pool="token", gains=True, bias=True),
        vit.Shape(width=8, depth=2, head_dim=4, patch=3, resolution=6, classes=3, mlp_ratio=1),
    ],
    ids=["token", "mean"],
)  # fmt: skip
def test_vision_transformer(shape):
    held, plain = drawn(vit, shape)
    images = np.random.default_rng(6).normal(size=(2, 6, 6, shape.channels)).astype(np.float32)
    outputs = [plain_vit(plain, image, shape, logits=0.7) for image in images.astype(np.float64)]
    ours = jax.jit(lambda w, x: vit.apply(w, x, shape, scales=Scales(logits=0.7)))(held, images)
    np.testing.assert_allclose(np.asarray(ours).T, outputs, rtol=1e-3, atol=1e-4)
