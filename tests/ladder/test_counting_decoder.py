"""Parameters and FLOPs of decoders: exact integers of released models, identities, and what must hold of any sizes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.core.errors import ConfigError
from tenfold.ladder.counting import (
    CONVENTIONS,
    PARAMETER_CONVENTIONS,
    Decoder,
    convention_spread,
    decoder_of,
    flops_by_convention,
    flops_per_token,
    flops_per_token_matmul,
    forward_flops,
    keys_seen,
    params,
    params_total,
    train_flops,
)
from tenfold.ladder.counting.flops import convention
from tenfold.ladder.known import find_known, known_models
from tenfold.ladder.models import count
from tenfold.ladder.spec import Shape

GPT2 = find_known("gpt2").model
SMALL = Decoder(width=640, depth=10, heads=10, vocab=32000, context=2048)
DECODERS = [name for name, item in known_models().items() if isinstance(item.model, Decoder)]


@pytest.mark.parametrize("name", known_models())
def test_a_known_model_has_the_count_that_was_published(name):
    item = known_models()[name]
    if item.exact:
        assert item.ours == item.published
    else:
        assert item.ours == pytest.approx(item.published, rel=2e-3)  # the digits that were printed
    if item.macs is not None:
        assert item.model.macs / 1e9 == pytest.approx(item.macs, rel=6e-4 if item.exact else 4e-3)
    if item.active is not None:
        assert params(item.model).active == pytest.approx(item.active, rel=5e-3)


def test_gpt2_by_part():
    found = params(GPT2)
    assert found.to_dict() == {
        "embedding": 38_597_376,
        "positions": 786_432,
        "attention": 28_348_416,
        "relative": 0,
        "mlp": 56_669_184,
        "router": 0,
        "norms": 38_400,
        "head": 0,
    }
    assert found.total == 124_439_808
    assert found.kaplan == 84_934_656 == 12 * 12 * 768**2
    assert found.matmul == 84_934_656 + 50257 * 768


def test_narayanan_is_matmul_counting():
    d, depth, s, vocab = 768, 12, 1024, 50257
    published = Fraction(72 * s * depth * d**2) * (1 + Fraction(s, 6 * d) + Fraction(vocab, 12 * depth * d))
    counted = 3 * (2 * params(GPT2).kaplan * s + 4 * depth * s**2 * d + 2 * s * d * vocab)
    assert published == counted == train_flops(GPT2, tokens=s) == 874_944_921_600
    assert flops_per_token(GPT2, convention="narayanan") == flops_per_token(GPT2)


def test_narayanan_with_recomputation():
    d, depth, s, vocab = 768, 12, 1024, 50257
    published = Fraction(96 * s * depth * d**2) * (1 + Fraction(s, 6 * d) + Fraction(vocab, 16 * depth * d))
    assert train_flops(GPT2, tokens=s, convention="narayanan", recompute=True) == published


def test_the_appendix_of_chinchilla_in_both_conventions():
    assert 2048 * flops_per_token(SMALL, convention="chinchilla") == 929_877_196_800
    assert 2048 * flops_per_token(SMALL, convention="chinchilla+embed") == 1_433_193_676_800
    named = replace(SMALL, relative=True, bias=True, norm="layer")
    assert params(named).hidden_head == 73_825_280


def test_conventions_by_hand():
    d, depth, s, vocab = 768, 12, 1024, 50257
    blocks = 12 * depth * d**2
    assert flops_per_token(GPT2, convention="kaplan-6N") == 6 * blocks
    assert flops_per_token(GPT2, convention="kaplan") == 6 * blocks + 6 * depth * s * d
    assert flops_per_token(GPT2, convention="6N") == 6 * 123_653_376
    assert flops_per_token(GPT2, convention="6N-total") == 6 * 124_439_808
    assert flops_per_token(GPT2, convention="palm") == 6 * 123_653_376 + 12 * depth * s * d
    assert flops_per_token(GPT2, convention="matmul") == 6 * (blocks + vocab * d) + 12 * depth * s * d
    assert flops_per_token(GPT2, convention="causal") == 6 * (blocks + vocab * d) + 6 * depth * (s + 1) * d


def test_grouped_heads_shrink_projections_and_not_scores():
    full = Decoder(width=512, depth=4, heads=8, vocab=1000, context=256)
    grouped = replace(full, kv_heads=2)
    saved = 4 * 2 * 512 * (512 - 128)
    assert params(full).kaplan - params(grouped).kaplan == saved
    assert forward_flops(full) - forward_flops(grouped) == 2 * saved


def test_gates_have_three_matrices():
    plain = Decoder(width=96, depth=2, heads=4, vocab=100, context=16, mlp=384)
    gated = replace(plain, gated=True, mlp=256)  # two thirds as wide: as many parameters
    assert params(plain).kaplan == params(gated).kaplan
    assert forward_flops(plain) == forward_flops(gated)


def test_experts():
    dense = Decoder(width=64, depth=3, heads=4, vocab=100, context=16)
    mixture = replace(dense, experts=8, active_experts=2, shared_experts=1)
    one = 2 * 64 * 256
    assert params(mixture).mlp == 3 * 9 * one
    assert params(mixture).router == 3 * 8 * 64
    assert params(mixture).unused == 3 * 6 * one
    assert forward_flops(mixture) - forward_flops(dense) == 2 * 3 * (2 * one + 8 * 64)
    layered = replace(dense, experts=(1, 8, 4), active_experts=1)
    assert params(layered).mlp == 13 * one
    assert params(layered).router == 12 * 64


def test_a_chain_of_experts_counts_each_routing():
    chain = Decoder(width=64, depth=1, heads=4, vocab=100, context=16, experts=64, active_experts=4, iterations=2)
    mixture = replace(chain, active_experts=8, iterations=1)
    router = 64 * 64
    assert params(chain).active - params(mixture).active == router
    assert forward_flops(chain) - forward_flops(mixture) == 2 * router


def test_padded_experts_cost_their_capacity():
    dense = Decoder(width=64, depth=3, heads=4, vocab=100, context=16, experts=8, active_experts=2)
    padded = replace(dense, capacity=1.25)
    assert params(padded).total == params(dense).total
    assert forward_flops(padded) - forward_flops(dense) == 2 * 3 * 0.25 * 2 * (2 * 64 * 256)


def test_shared_blocks_are_counted_once_and_computed_often():
    apart = Decoder(width=64, depth=6, heads=4, vocab=100, context=16)
    shared = replace(apart, shared_blocks=True)
    assert params(apart).kaplan == 6 * params(shared).kaplan
    assert params(apart).norms == params(shared).norms
    assert forward_flops(apart) == forward_flops(shared)


def test_conditional_depth_costs_the_blocks_that_are_passed():
    whole = Decoder(width=64, depth=6, heads=4, vocab=100, context=16)
    half = replace(whole, active_depth=3.0)
    assert params(whole).total == params(half).total
    readout = 2 * 64 * 100
    assert forward_flops(half) - readout == pytest.approx((forward_flops(whole) - readout) / 2)


def test_keys_of_a_causal_mask_and_of_a_window_by_counting():
    base = Decoder(width=8, depth=1, heads=1, vocab=8, context=7)
    for window in (None, 1, 3, 7, 50):
        seen = sum(min(place + 1, window or 7) for place in range(7))
        assert keys_seen(replace(base, window=window)) == Fraction(seen, 7)


def test_spread_is_the_ends_of_the_table():
    low, high = convention_spread(GPT2)
    values = [value / flops_per_token(GPT2, convention="6N") for value in flops_by_convention(GPT2).values()]
    assert (low, high) == (min(values), max(values))
    assert low < 0.7 < 1.4 < high


def test_every_convention_has_a_source_and_says_what_it_counts():
    for name, found in CONVENTIONS.items():
        assert name == found.name
        assert len(found.counts) > 15 or name.startswith("6N")
        assert found.source
    with pytest.raises(ValueError, match="two conventions"):
        convention("matmul", counts="", source="")(lambda decoder: 0.0)


@pytest.mark.parametrize(
    ("sizes", "path"),
    [
        ({"width": 0}, "model.width"),
        ({"depth": 1.5}, "model.depth"),
        ({"vocab": 10**16}, "model.vocab"),
        ({"heads": 7}, "model.heads"),
        ({"kv_heads": 3}, "model.kv_heads"),
        ({"kv_heads": -1}, "model.kv_heads"),
        ({"norm": "batch"}, "model.norm"),
        ({"experts": 2, "active_experts": 3}, "model.active_experts"),
        ({"experts": (1, 2)}, "model.experts"),
        ({"experts": (1, 2, 2, 2), "shared_blocks": True}, "model.experts"),
        ({"capacity": 0.5}, "model.capacity"),
        ({"shared_experts": -1}, "model.shared_experts"),
        ({"active_depth": 5.0}, "model.active_depth"),
        ({"active_depth": float("nan")}, "model.active_depth"),
    ],
)
def test_impossible_sizes_are_refused(sizes, path):
    with pytest.raises(ConfigError) as caught:
        Decoder(**{"width": 64, "depth": 4, "heads": 4, "vocab": 100, "context": 16, **sizes})
    assert caught.value.path == path


def test_unknown_and_unfitting_conventions():
    with pytest.raises(ConfigError, match="did you mean 'chinchilla'"):
        flops_per_token(GPT2, convention="chinchila")
    with pytest.raises(ConfigError, match="plain shapes"):
        flops_per_token(replace(GPT2, gated=True), convention="narayanan")
    with pytest.raises(ConfigError, match="did you mean 'gpt2'"):
        find_known("gtp2")


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"mlp": "swiglu", "mlp_ratio": 2.5},
        {"kv_heads": 1, "head_dim": 8},
        {"norm": "layer", "gains": True, "bias": True, "positions": "learned"},
        {"mlp": "swiglu", "bias": True, "gains": True},
        {"tied": True, "ngram": 1},
    ],
    ids=str,
)
def test_shapes_of_a_ladder_are_counted_as_their_family_counts_them(sizes):
    shape = Shape(**{"width": 48, "depth": 3, "vocab": 130, "context": 20, **sizes})
    family, ours = count("transformer", shape), params(decoder_of(shape))
    assert ours.total == family.total
    assert flops_per_token(decoder_of(shape)) == family.flops
    assert params_total(shape) == family.total
    assert flops_per_token_matmul(shape) == family.flops


def test_a_shape_of_another_kind_is_refused():
    class Image:
        width = 8

    with pytest.raises(ConfigError, match="no decoder"):
        decoder_of(Image())


@st.composite
def decoders(draw):
    kv = draw(st.integers(1, 4))
    heads = kv * draw(st.integers(1, 4))
    experts = draw(st.integers(1, 8))
    return Decoder(
        width=heads * draw(st.integers(1, 16)),
        depth=draw(st.integers(1, 12)),
        heads=heads,
        kv_heads=kv,
        head_dim=draw(st.none() | st.integers(1, 64)),
        mlp=draw(st.none() | st.integers(1, 512)),
        vocab=draw(st.integers(1, 5000)),
        context=draw(st.integers(1, 512)),
        gated=draw(st.booleans()),
        tied=draw(st.booleans()),
        bias=draw(st.booleans()),
        norm=draw(st.sampled_from(["rms", "layer"])),
        gains=draw(st.booleans()),
        positions=draw(st.booleans()),
        relative=draw(st.booleans()),
        qk_norm=draw(st.booleans()),
        tables=draw(st.integers(1, 3)),
        experts=experts,
        active_experts=draw(st.integers(1, experts)),
        shared_experts=draw(st.integers(0, 2)),
        iterations=draw(st.integers(1, 3)),
        window=draw(st.none() | st.integers(1, 600)),
        shared_blocks=draw(st.booleans()),
    )


@given(decoders())
def test_totals_are_sums_of_parts_and_conventions_are_ordered(decoder):
    found = params(decoder)
    assert found.total == sum(found.to_dict().values())
    assert 0 < found.active <= found.total
    assert found.kaplan <= found.hidden
    assert found.kaplan <= found.matmul <= found.hidden_head
    assert found.unused_matrices <= found.unused <= found.mlp
    assert all(count(found) > 0 for count in PARAMETER_CONVENTIONS.values())
    assert flops_per_token(decoder, convention="causal") <= flops_per_token(decoder, convention="matmul")
    assert flops_per_token(decoder, convention="chinchilla") < flops_per_token(decoder, convention="chinchilla+embed")
    assert flops_per_token(decoder, convention="kaplan-6N") < flops_per_token(decoder, convention="kaplan")
    assert flops_per_token(decoder, convention="matmul") == 3 * forward_flops(decoder)


@given(decoders(), st.sampled_from(["depth", "vocab", "context"]))
def test_counts_do_not_fall_when_a_size_grows(decoder, name):
    larger = replace(decoder, **{name: getattr(decoder, name) + 1})
    assert params(larger).total >= params(decoder).total
    for each, value in flops_by_convention(decoder).items():
        if each in flops_by_convention(larger):
            assert flops_per_token(larger, convention=each) >= value


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 6), st.integers(1, 300))
def test_the_twelve_l_d_squared_identity(head_dim, depth, heads, vocab):
    d = head_dim * heads
    plain = Decoder(width=d, depth=depth, heads=heads, vocab=vocab, context=8, gains=False)
    assert params(plain).hidden == params(plain).kaplan == 12 * depth * d**2


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 6), st.integers(1, 300), st.integers(1, 500))
def test_printed_formulas_meet_on_plain_shapes(head_dim, depth, heads, vocab, context):
    plain = Decoder(width=head_dim * heads, depth=depth, heads=heads, vocab=vocab, context=context, gains=False)
    counted = flops_per_token(plain, convention="matmul")
    assert flops_per_token(plain, convention="narayanan") == counted
    assert flops_per_token(plain, convention="palm") == counted
    softmax = 9 * depth * heads * context
    readout = 6 * vocab * plain.width
    assert flops_per_token(plain, convention="chinchilla") == counted + softmax - readout


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_experts_named_block_by_block_are_the_sum_of_blocks(counts):
    base = Decoder(width=16, depth=1, heads=2, vocab=10, context=4, gains=False)
    whole = params(replace(base, depth=len(counts), experts=tuple(counts)))
    apart = [params(replace(base, experts=count)) for count in counts]
    assert whole.hidden == sum(each.hidden for each in apart)
    assert whole.unused == sum(each.unused for each in apart)
