"""Images: layers by hand, whole nets, and what must hold of any sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.core.errors import ConfigError
from tenfold.ladder.counting import (
    Layer,
    VisionTransformer,
    efficientnet,
    multi_scale_cost,
    plain_convnet,
    resnet,
    round_channels,
)
from tenfold.ladder.known import find_known

B16 = VisionTransformer(width=768, depth=12, heads=12, patch=16, image=224)


def test_vit_b16():
    assert B16.params == 86_567_656
    assert B16.tokens == 197
    d, n, depth = 768, 197, 12
    assert B16.matrices == 12 * depth * d**2
    assert B16.macs == n * 12 * depth * d**2 + 2 * depth * n**2 * d + (n - 1) * 3 * 16**2 * d + d * 1000
    assert B16.flops == 2 * B16.macs
    assert B16.train_flops == 6 * B16.macs


def test_vit_22b():
    giant = find_known("vit-22b").model
    assert giant.matrices == 21_743_271_936
    assert giant.params > giant.matrices


def test_layers_by_hand():
    layer = Layer(3, 16, 32, 10, groups=4, bias=True)
    assert layer.weights == 9 * 4 * 32
    assert layer.params == 9 * 4 * 32 + 32 + 64
    assert layer.macs == 9 * 4 * 32 * 100
    assert layer.activations == 3200
    volume = Layer(3, 2, 4, 5, dims=3, norm=False)
    assert (volume.weights, volume.macs, volume.activations) == (27 * 8, 27 * 8 * 125, 4 * 125)


def test_resnet_50():
    net = resnet((3, 4, 6, 3))
    assert net.params == 25_557_032
    assert net.macs == 4_089_184_256
    assert net.activations == 11_114_984  # 11.1 M, as Radosavovic et al. (2020) print
    assert len(net.layers) == 1 + 3 * 16 + 4 + 1


def test_efficientnet_b0():
    net = efficientnet()
    assert net.params == 5_288_548
    assert net.macs == 385_814_752


def test_shapes_that_do_not_fit_are_refused():
    for make in (
        lambda: VisionTransformer(width=768, depth=12, heads=12, patch=15, image=224),
        lambda: VisionTransformer(width=768, depth=12, heads=7, patch=16, image=224),
        lambda: VisionTransformer(width=768, depth=0, heads=12, patch=16, image=224),
        lambda: VisionTransformer(width=768, depth=1, heads=12, patch=16, image=224, pool="max"),
        lambda: efficientnet(depth_rounding="floor"),
    ):
        with pytest.raises(ConfigError):
            make()


def test_several_scales():
    assert multi_scale_cost((1, 2)) == 5
    assert multi_scale_cost((1, 2, 3)) == 14


@given(st.integers(1, 12), st.integers(1, 24), st.integers(1, 6), st.integers(1, 14))
def test_vits_grow_with_every_size(head_dim, depth, heads, side):
    base = {"width": head_dim * heads, "depth": depth, "heads": heads, "patch": 4, "image": 4 * side}
    small = VisionTransformer(**base)
    for larger in (
        VisionTransformer(**{**base, "depth": depth + 1}),
        VisionTransformer(**{**base, "image": 4 * (side + 1)}),
        VisionTransformer(**{**base, "width": (head_dim + 1) * heads}),
    ):
        assert larger.params > small.params
        assert larger.macs > small.macs
    d, f = small.width, small.mlp_width
    blocks = depth * (4 * d**2 + 2 * d * f + 9 * d + f)
    stem = (3 * 16 + 1) * d + small.tokens * d + d
    assert small.params == blocks + stem + 2 * d + (d + 1) * 1000


@given(st.integers(1, 64), st.integers(1, 20), st.integers(1, 64), st.integers(2, 3))
def test_a_plain_net_costs_d_w2_r2(width, depth, resolution, dims):
    net = plain_convnet(width=width, depth=depth, resolution=resolution, dims=dims)
    assert net.macs == 3**dims * depth * width**2 * resolution**dims
    assert net.activations == depth * width * resolution**dims


@given(st.floats(1.0, 5000.0))
def test_rounded_channels_keep_nine_tenths(channels):
    rounded = round_channels(channels)
    assert rounded % 8 == 0
    assert rounded >= 0.9 * channels
    assert rounded <= max(8, channels + 8)
