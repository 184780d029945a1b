"""Counts: parameters, FLOPs and days of published models, in the convention each was published in."""

from __future__ import annotations

from dataclasses import replace

from reproduce.record import Target, reproduction
from tenfold.ladder.counting import (
    Decoder,
    Sharding,
    activation_bytes_per_token,
    flops_per_token,
    params,
    resnet,
    state_bytes,
    train_flops,
)
from tenfold.ladder.devices import find_device, time_to_train
from tenfold.ladder.known import find_known, known_models

HOFFMANN = "Hoffmann et al. (2022), arXiv:2203.15556"
GOPHER = Decoder(width=640, depth=10, heads=10, vocab=32000, context=2048, relative=True, bias=True, norm="layer")
# name, published ratio, blocks, width, heads; the MLP is four times as wide
TABLE_A4 = (
    ("73M", 1.03, 10, 640, 10),
    ("305M", 1.10, 20, 1024, 16),
    ("552M", 1.08, 24, 1280, 10),
    ("1.1B", 1.04, 26, 1792, 14),
    ("1.6B", 1.03, 28, 2048, 16),
    ("6.8B", 0.99, 40, 3584, 28),
)


def _gopher(depth, width, heads, *, head_dim=None):
    return replace(GOPHER, depth=depth, width=width, heads=heads, head_dim=head_dim)


@reproduction(
    law="counting",
    source=f"{HOFFMANN}, table A4: FLOPs counted as in appendix F over 6 N D",
    reason="printed to two decimals. The appendix lists embedding and logit FLOPs, but only without both, and with N counted "
    "with relative positions and head and without the embedding, do all six rows come out",
    targets={name: Target(ratio, abs=0.0051) for name, ratio, *_ in TABLE_A4},
)
def chinchilla_ratio_table():
    found = {name: _gopher(*sizes) for name, _, *sizes in TABLE_A4}
    return {
        name: flops_per_token(model, convention="chinchilla") / flops_per_token(model, convention="6N")
        for name, model in found.items()
    }


@reproduction(
    law="counting",
    source="nanoGPT, scaling_laws.ipynb, after correspondence with the authors of Chinchilla: FLOPs of one sequence of 2048 "
    "of the models of table A4, and their parameters; the last is the appendix as printed",
    reason="whole numbers, to be met exactly",
    targets={
        "FLOPs 73M": Target(929_877_196_800, abs=0.5),
        "FLOPs 305M": Target(4_135_248_199_680, abs=0.5),
        "FLOPs 552M": Target(7_353_453_772_800, abs=0.5),
        "FLOPs 1.1B": Target(14_670_316_437_504, abs=0.5),
        "FLOPs 1.6B": Target(20_220_437_594_112, abs=0.5),
        "FLOPs 6.8B": Target(83_021_046_743_040, abs=0.5),
        "parameters 73M": Target(73_825_280, abs=0.5),
        "parameters 305M": Target(305_707_008, abs=0.5),
        "parameters 552M": Target(552_604_160, abs=0.5),
        "parameters 1.1B": Target(1_143_453_696, abs=0.5),
        "parameters 1.6B": Target(1_593_126_912, abs=0.5),
        "parameters 6.8B": Target(6_796_274_688, abs=0.5),
        "FLOPs 73M with embedding and logits": Target(1_433_193_676_800, abs=0.5),
    },
)
def chinchilla_appendix():
    found = {name: _gopher(*sizes) for name, _, *sizes in TABLE_A4}
    flops = {f"FLOPs {name}": 2048 * flops_per_token(model, convention="chinchilla") for name, model in found.items()}
    counts = {f"parameters {name}": params(model).hidden_head for name, model in found.items()}
    both = 2048 * flops_per_token(found["73M"], convention="chinchilla+embed")
    return flops | counts | {"FLOPs 73M with embedding and logits": both}


# millions of parameters, width, width of a head, heads, blocks
TABLE_A9 = """44 512 64 8 8, 57 576 64 9 9, 74 640 64 10 10, 90 640 64 10 13, 106 640 64 10 16, 117 768 64 12 12,
    140 768 64 12 15, 163 768 64 12 18, 175 896 64 14 14, 196 896 64 14 16, 217 896 64 14 18, 251 1024 64 16 16,
    278 1024 64 16 18, 306 1024 64 16 20, 425 1280 128 10 18, 489 1280 128 10 21, 509 1408 128 11 18, 552 1280 128 10 24,
    587 1408 128 11 21, 632 1536 128 12 19, 664 1408 128 11 24, 724 1536 128 12 22, 816 1536 128 12 25,
    893 1792 128 14 20, 1018 1792 128 14 23, 1143 1792 128 14 26, 1266 2048 128 16 22, 1424 2176 128 17 22,
    1429 2048 128 16 25, 1593 2048 128 16 28, 1609 2176 128 17 25, 1731 2304 128 18 24, 1794 2176 128 17 28,
    2007 2304 128 18 28, 2283 2304 128 18 32, 2298 2560 128 20 26, 2639 2560 128 20 30, 2980 2560 128 20 34,
    3530 2688 128 22 36, 3802 2816 128 22 36, 4084 2944 128 22 36, 4516 3072 128 24 36, 6796 3584 128 28 40,
    9293 4096 128 32 42, 11452 4352 128 32 47, 12295 4608 128 36 44, 12569 4608 128 32 47, 13735 4864 128 32 47,
    14940 4992 128 32 49, 16183 5120 128 40 47"""


@reproduction(
    law="counting",
    source=f"{HOFFMANN}, table A9: parameters of all fifty models, in millions",
    reason="all fifty agree to a million or to two parts in ten thousand (the table drops fractions), those whose heads are "
    "together narrower or wider than the model among them, which counts that set H h = d miss by up to 7 %",
    targets={
        "models that agree": Target(50, abs=0.5),
        "14940M, H h = 4096 and d = 4992": Target(14940, rel=2e-4),
        "3530M, H h = 2816 and d = 2688": Target(3530, abs=1),
    },
)
def chinchilla_model_table():
    rows = [[int(word) for word in row.split()] for row in TABLE_A9.split(",")]
    ours = {m: params(_gopher(depth, d, heads, head_dim=h)).hidden_head / 1e6 for m, d, h, heads, depth in rows}
    agree = sum(abs(value - printed) <= max(1.0, 2e-4 * printed) for printed, value in ours.items())
    return {
        "models that agree": agree,
        "14940M, H h = 4096 and d = 4992": ours[14940],
        "3530M, H h = 2816 and d = 2688": ours[3530],
    }


RELEASED = (
    "gpt2",
    "gpt2-medium",
    "gpt2-large",
    "gpt2-xl",
    "pythia-70m",
    "pythia-12b",
    "llama-7b",
    "llama-13b",
    "llama2-70b",
    "llama3-8b",
    "llama3-405b",
    "gemma-7b",
    "mixtral-8x7b",
    "vit-b16",
    "vit-h14",
    "resnet-50",
    "resnet-152",
    "efficientnet-b0",
    "efficientnet-b4",
    "efficientnet-b7",
)


@reproduction(
    law="counting",
    source="released weights: numbers in all arrays, from model cards, repositories and torchvision",
    reason="whole numbers, to be met exactly",
    targets={name: Target(known_models()[name].published, abs=0.5) for name in RELEASED},
)
def released_models():
    return {name: find_known(name).ours for name in RELEASED}


PRINTED = {
    "palm-8b": 5e-4,
    "palm-62b": 2e-4,
    "palm-540b": 2e-5,
    "gpt3-175b": 1e-4,
    "chinchilla-70b": 5e-3,
    "gopher-280b": 2e-3,
    "vit-22b": 3e-5,
    "sovit-400m": 1.2e-3,
}


@reproduction(
    law="counting",
    source="papers of PaLM (table 1), GPT-3 (table D.1), Gopher and Chinchilla (table 4), ViT-22B (matrices of the blocks) "
    "and SoViT: printed sizes",
    reason="to the digits printed; biases and norms are counted as far as the papers say what they are",
    targets={name: Target(known_models()[name].published, rel=rel) for name, rel in PRINTED.items()},
)
def printed_sizes():
    return {name: find_known(name).ours for name in PRINTED}


@reproduction(
    law="counting",
    source="Jiang et al. (2024), arXiv:2401.04088: Mixtral uses 12.9 B of its 46.7 B parameters for a token",
    reason="to the digits printed; embedding and head are counted as used",
    targets={"active": Target(12.9e9, rel=0.004), "total": Target(46.7e9, rel=0.001)},
)
def mixtral_active():
    found = params(find_known("mixtral-8x7b").model)
    return {"active": found.active, "total": found.total}


IMAGES = (
    "vit-b16",
    "vit-l16",
    "vit-h14",
    "resnet-18",
    "resnet-50",
    "resnet-152",
    "efficientnet-b0",
    "efficientnet-b4",
    "efficientnet-b7",
)


@reproduction(
    law="counting",
    source="torchvision's weights (operations) and Radosavovic et al. (2020): 10^9 multiply-accumulates of one image, and "
    "10^6 activations of ResNet-50",
    reason="printed to three decimals; attention's products are among them",
    targets={
        **{name: Target(known_models()[name].macs, abs=0.0006) for name in IMAGES},
        "resnet-50 activations": Target(11.1, abs=0.051),
    },
)
def operations_of_images():
    found = {name: find_known(name).model.macs / 1e9 for name in IMAGES}
    return found | {"resnet-50 activations": resnet((3, 4, 6, 3)).activations / 1e6}


NARAYANAN = "Narayanan et al. (2021), arXiv:2104.04473"
MEGATRON = replace(find_known("gpt2").model, vocab=51200, context=2048)
# 10^9 parameters as printed, width, blocks, heads
MEGATRON_ROWS = (
    (1.7, 2304, 24, 24),
    (3.6, 3072, 30, 32),
    (7.5, 4096, 36, 32),
    (18.4, 6144, 40, 48),
    (39.1, 8192, 48, 64),
    (76.1, 10240, 60, 80),
    (145.6, 12288, 80, 96),
    (310.1, 16384, 96, 128),
    (529.6, 20480, 105, 128),
    (1008.0, 25600, 128, 160),
)


@reproduction(
    law="counting",
    source=f"{NARAYANAN}, table 1: 10^9 parameters of ten models",
    reason="printed to one decimal; the formula and the arrays differ by the last norm only",
    targets={f"{size} B": Target(size, abs=0.051) for size, *_ in MEGATRON_ROWS},
)
def megatron_sizes():
    return {
        f"{size} B": params(replace(MEGATRON, width=width, depth=depth, heads=heads)).total / 1e9
        for size, width, depth, heads in MEGATRON_ROWS
    }


@reproduction(
    law="counting",
    source=f"{NARAYANAN}, section 5.1: FLOPs of GPT-2 on one sequence of 1024, by their formula and by counting products",
    reason="the formula is the count of products, so both are the same whole number",
    targets={"formula": Target(874_944_921_600, abs=0.5), "products": Target(874_944_921_600, abs=0.5)},
)
def narayanan_is_matmul():
    gpt2 = find_known("gpt2").model
    return {
        "formula": train_flops(gpt2, tokens=1024, convention="narayanan"),
        "products": train_flops(gpt2, tokens=1024, convention="matmul"),
    }


@reproduction(
    law="counting",
    source=f"{NARAYANAN}, section 5.1: days of training on A100s, 175 B on 300 B tokens at 1024 x 140 TFLOP/s, and 1 T on 450 B "
    "at 3072 x 163 TFLOP/s",
    reason="the paper's days come from 8 N D, which leaves attention's scores out; ours count them and are 1 to 3 % longer",
    targets={"175 B": Target(34, rel=0.03), "1 T": Target(84, rel=0.03)},
)
def megatron_days():
    def days(model, tokens, devices, reached):
        flops = train_flops(model, tokens=tokens, convention="narayanan", recompute=True)
        return time_to_train(flops, find_device("a100"), mfu=reached / 312, devices=devices) / 86400

    return {
        "175 B": days(replace(MEGATRON, width=12288, depth=96, heads=96), 300e9, 1024, 140),
        "1 T": days(replace(MEGATRON, width=25600, depth=128, heads=160), 450e9, 3072, 163),
    }


@reproduction(
    law="counting",
    source="Brown et al. (2020), table D.1: GPT-3 took 3.14e23 FLOP on 300 B tokens; Llama 3 405B took 3.8e25 on 15.6 T",
    reason="both are 6 N D with every parameter, printed to three and two digits",
    targets={"gpt3-175b": Target(3.14e23, rel=0.002), "llama3-405b": Target(3.8e25, rel=0.01)},
)
def training_flops_of_large_models():
    tokens = {"gpt3-175b": 300e9, "llama3-405b": 15.6e12}
    return {
        name: train_flops(find_known(name).model, tokens=seen, convention="6N-total") for name, seen in tokens.items()
    }


@reproduction(
    law="counting",
    source="Korthikanti et al. (2022), arXiv:2205.05198, eq. 1: a block keeps s b h (34 + 5 a s / h) bytes; mixed-precision Adam "
    "keeps 16 bytes a parameter, ZeRO-3 on 64 devices a 64th of it",
    reason="sums of the listed parts, so exact",
    targets={
        "bytes of a token over h": Target(34 + 5 * 96 * 2048 / 12288, abs=1e-9),
        "bytes of a parameter": Target(16, abs=1e-12),
        "bytes of a parameter, ZeRO-3": Target(0.25, abs=1e-12),
    },
)
def bytes_of_training():
    gpt3 = find_known("gpt3-175b").model
    block = activation_bytes_per_token(gpt3, dropout=True, fused_attention=False)
    return {
        "bytes of a token over h": block / gpt3.width,
        "bytes of a parameter": sum(state_bytes(1)),
        "bytes of a parameter, ZeRO-3": sum(state_bytes(1, sharding=Sharding.zero(3, devices=64))),
    }
