"""Bytes in training and decoding, devices, time and price."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.core.errors import ConfigError
from tenfold.ladder.counting import (
    Decoder,
    Sharding,
    activation_bytes_per_token,
    arithmetic_intensity,
    decode,
    kv_cache_bytes,
    memory,
    params,
    pipeline_bubble,
    state_bytes,
)
from tenfold.ladder.devices import (
    DEVICES,
    Device,
    cost,
    decode_time,
    find_device,
    fits,
    ridge,
    time_to_train,
    with_price,
)
from tenfold.ladder.known import find_known

PLAIN = Decoder(width=1024, depth=3, heads=16, vocab=8, context=512)


@pytest.mark.parametrize(
    ("precision", "optimizer", "each"),
    [("mixed", "adam", 16), ("fp32", "adam", 16), ("bf16", "adam", 8), ("mixed", "sgd", 8), ("fp32", "lion", 12)],
)
def test_bytes_of_a_parameter(precision, optimizer, each):
    assert sum(state_bytes(10, optimizer=optimizer, precision=precision)) == 10 * each


@pytest.mark.parametrize(("stage", "each"), [(0, 16), (1, 2 + 2 + 12 / 8), (2, 2 + 2 / 8 + 12 / 8), (3, 2)])
def test_zero_stages_split_optimizer_gradients_and_parameters_in_this_order(stage, each):
    assert sum(state_bytes(1, sharding=Sharding.zero(stage, devices=8))) == each


def test_parts_may_be_split_independently():
    weights, gradients, optimizer = state_bytes(1, sharding=Sharding(params=4, gradients=2, optimizer=64))
    assert (weights, gradients, optimizer) == (2 / 4, 2 / 2, 12 / 64)


@pytest.mark.parametrize("context", [128, 512, 2048])
def test_activations_are_those_of_korthikanti(context):
    d, heads = 1024, 16
    decoder = Decoder(width=d, depth=1, heads=heads, vocab=8, context=context)
    whole = activation_bytes_per_token(decoder, dropout=True, fused_attention=False)
    assert whole == 34 * d + 5 * heads * context
    assert activation_bytes_per_token(decoder, dropout=True, fused_attention=False, recompute="selective") == 34 * d
    assert activation_bytes_per_token(decoder, dropout=True, fused_attention=False, recompute="full") == 2 * d
    assert activation_bytes_per_token(decoder, each=1.0) < activation_bytes_per_token(decoder) == 32 * d


def test_memory_is_the_sum_of_its_parts():
    found = memory(PLAIN, batch=4)
    assert found.total == sum(value for name, value in found.to_dict().items() if name != "total")
    assert found.state == 16 * params(PLAIN).total
    assert found.activations == 4 * 512 * 3 * 32 * 1024
    assert found.logits == 4 * 512 * 8 * 4


def test_the_cache_of_llama_2_70b():
    llama = find_known("llama2-70b").model
    assert kv_cache_bytes(llama, tokens=1) == 2 * 80 * 8 * 128 * 2
    assert kv_cache_bytes(llama, batch=3, number_bytes=1) == 3 * 80 * 8 * 128 * 2 * 4096
    mistral = find_known("mistral-7b").model
    assert kv_cache_bytes(mistral, tokens=100_000) == kv_cache_bytes(mistral, tokens=4096)


def test_decoding_reads_every_weight_once_a_step():
    llama = find_known("llama-7b").model
    one, many = decode(llama, tokens=1), decode(llama, tokens=1, batch=64)
    table = 32000 * 4096
    rows = 2 * 4096
    assert one.weight_bytes == 2 * (6_738_415_616 - table) + rows
    assert many.weight_bytes - rows == (one.weight_bytes - rows) / 64
    assert one.flops == many.flops
    assert 0.9 < one.intensity < 1.1
    assert arithmetic_intensity(llama, batch=64, tokens=1) > 50


def test_a_tied_head_is_read_too():
    gpt2 = find_known("gpt2").model
    assert decode(gpt2).weight_bytes == 2 * (124_439_808 - 1024 * 768) + 2 * 2 * 768


def test_a_large_batch_meets_all_experts_and_a_small_one_only_its_own():
    mixtral = find_known("mixtral-8x7b").model
    found = params(mixtral)
    dense = found.total - found.embedding
    one = decode(mixtral, batch=1).weight_bytes
    assert one == pytest.approx(2 * (dense - found.unused) + 2 * 4096)
    many = decode(mixtral, batch=256)
    assert (many.weight_bytes - 2 * 4096) * 256 == pytest.approx(2 * dense)


def test_bubbles():
    assert pipeline_bubble(1, microbatches=7) == 0
    assert pipeline_bubble(4, microbatches=1) == 0.75
    assert pipeline_bubble(8, microbatches=32) < 0.2  # small from four micro-batches a stage on


def test_time_and_price():
    a100 = with_price(find_device("A100"), 2.0)
    seconds = time_to_train(312e12 * 3600 * 0.5, a100, mfu=0.5)
    assert seconds == pytest.approx(3600)
    assert time_to_train(312e12 * 3600, a100, mfu=0.5, devices=4, bubble=0.5) == pytest.approx(3600)
    assert cost(7200, a100, devices=4) == 16.0
    assert fits(80e9, a100)
    assert not fits(80.1e9, a100)
    assert fits(1.0, Device("x", {"bf16": 1e12})) is None


def test_the_roofline_binds_on_both_sides():
    llama = find_known("llama-7b").model
    h100 = find_device("h100")
    seconds, binding = decode_time(decode(llama, tokens=1), h100)
    assert binding == "bandwidth"
    assert seconds == pytest.approx(decode(llama, tokens=1).bytes / 3.35e12)
    large = decode(llama, tokens=1, batch=2048)
    assert large.intensity > ridge(h100)
    seconds, binding = decode_time(large, h100, batch=2048)
    assert binding == "compute"
    assert seconds == pytest.approx(2048 * large.flops / 989.4e12)


def test_devices_say_where_their_numbers_stand_and_have_no_price():
    for name, device in DEVICES.items():
        assert device.name == name
        assert "data sheet" in device.source
        assert device.price is None
        assert device.flops("bf16") == device.flops("fp16")


def test_devices_are_described_in_words_and_files(tmp_path):
    words = find_device("name=mine,bf16=1e14,memory=24e9,bandwidth=1e12,price=0.5")
    path = tmp_path / "mine.toml"
    path.write_text("bf16 = 1e14\nmemory = 24e9\nbandwidth = 1e12\nprice = 0.5\n")
    assert find_device(str(path)) == words
    assert words.to_dict()["peak"] == {"bf16": 1e14}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h1000", "did you mean 'h100'"),
        ("name=x", "needs a peak"),
        ("bf16=fast", "not a number"),
        ("bf16=-1", "not a positive"),
        ("bf16=inf", "not a positive"),
        ("bf16=1e12,bandwith=3", "did you mean 'bandwidth'"),
        ("bf16=1e12,memory", "key=value"),
        ("nowhere.toml", "nowhere.toml"),
    ],
)
def test_bad_devices(text, message):
    with pytest.raises(ConfigError, match=message):
        find_device(text)


def test_bad_terms():
    device = Device("x", {"fp32": 1e12})
    for call in (
        lambda: time_to_train(1e12, device),
        lambda: time_to_train(1e12, device, precision="fp32", mfu=0.0),
        lambda: time_to_train(1e12, device, precision="fp32", devices=0),
        lambda: time_to_train(1e12, device, precision="fp32", bubble=1.0),
        lambda: cost(1.0, device),
        lambda: ridge(device),
        lambda: decode_time(decode(PLAIN), device),
        lambda: memory(PLAIN, batch=0),
        lambda: memory(PLAIN, batch=1, recompute="some"),
        lambda: memory(PLAIN, batch=1, precision="fp7"),
        lambda: state_bytes(1, optimizer="adamm"),
        lambda: Sharding(params=0),
        lambda: Sharding.zero(4, devices=2),
        lambda: pipeline_bubble(0, microbatches=1),
    ):
        with pytest.raises(ConfigError) as caught:
            call()
        assert caught.value.path


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 4096), st.integers(0, 3))
def test_memory_and_intensity_are_monotone(batch, devices, tokens, stage):
    small = memory(PLAIN, batch=batch, sharding=Sharding.zero(stage, devices=devices))
    larger = memory(PLAIN, batch=batch + 1, sharding=Sharding.zero(stage, devices=devices))
    further = memory(PLAIN, batch=batch, sharding=Sharding.zero(stage, devices=devices + 1))
    assert small.total < larger.total
    assert further.total <= small.total
    mixture = find_known("mixtral-8x7b").model
    for decoder in (PLAIN, mixture):
        assert decode(decoder, batch=batch + 1, tokens=tokens).bytes <= decode(decoder, batch=batch, tokens=tokens).bytes
    assert kv_cache_bytes(PLAIN, tokens=tokens + 1) > kv_cache_bytes(PLAIN, tokens=tokens)
