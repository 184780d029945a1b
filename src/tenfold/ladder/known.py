"""Models whose sizes are public, each with a count that was published, so that a test can hold ours against it.

>>> find_known("gpt2").model.depth
12
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.compound import EFFICIENTNET
from tenfold.ladder.counting.decoder import Decoder, params
from tenfold.ladder.counting.vision import ConvNet, VisionTransformer, resnet

Model = Decoder | VisionTransformer | ConvNet


@dataclass(frozen=True)
class Known:
    """A model with public sizes.

    Attributes:
        name: what people call it.
        build: its sizes, made on first use.
        counted: which count was published: ``total``, ``non-embedding+head``, ``matrices``.
        published: that count.
        exact: whether it was published to the last parameter; else to the digits that it shows.
        source: where sizes and count stand.
        macs: multiply-accumulates of one image, in units of 10^9, as published.
        active: active parameters, as published.
    """

    name: str
    build: Callable[[], Model]
    published: float
    source: str
    counted: str = "total"
    exact: bool = True
    macs: float | None = None
    active: float | None = None

    @property
    def model(self) -> Model:
        """The sizes."""
        return self.build()

    @property
    def ours(self) -> float:
        """Our value of the count that was published."""
        model = self.model
        if isinstance(model, Decoder):
            found = params(model)
            return {"total": found.total, "non-embedding+head": found.hidden_head, "matrices": found.matrices}[
                self.counted
            ]
        if isinstance(model, VisionTransformer) and self.counted == "matrices":
            return model.matrices
        return model.params


GPT2 = Decoder(
    width=768, depth=12, heads=12, vocab=50257, context=1024, tied=True, bias=True, norm="layer", positions=True
)
LLAMA = Decoder(width=4096, depth=32, heads=32, mlp=11008, gated=True, vocab=32000, context=2048)
PYTHIA = Decoder(width=512, depth=6, heads=8, vocab=50304, context=2048, bias=True, norm="layer")
PALM = Decoder(
    width=4096,
    depth=32,
    heads=16,
    head_dim=256,
    kv_heads=1,
    gated=True,
    vocab=256000,
    context=2048,
    tied=True,
    block_norms=1,  # attention and MLP side by side; norms have no bias
)
GOPHER = Decoder(
    width=8192, depth=80, heads=64, head_dim=128, vocab=32000, context=2048, relative=True, bias=True, norm="layer"
)
MIXTRAL = Decoder(
    width=4096,
    depth=32,
    heads=32,
    kv_heads=8,
    mlp=14336,
    gated=True,
    vocab=32000,
    context=32768,
    experts=8,
    active_experts=2,
)
VIT = VisionTransformer(width=768, depth=12, heads=12, patch=16, image=224)

_CARD = "model card and configuration of the released weights"
_GPT2 = "released weights, github.com/openai/gpt-2"
_PYTHIA = "Biderman et al. (2023), arXiv:2304.01373, and github.com/EleutherAI/pythia"
_PALM = "Chowdhery et al. (2022), arXiv:2204.02311, table 1"
_TORCHVISION = "torchvision's weights, num_params and operations"


@cache
def known_models() -> dict[str, Known]:
    """Every known model by name."""
    found = [*_gpt(), *_llama(), *_pythia(), *_others(), *_vision(), *_convolutional()]
    return {item.name: item for item in found}


def find_known(name: str, /) -> Known:
    """A known model by name.

    Raises:
        ConfigError: there is none; the hint names similar ones.
    """
    models = known_models()
    key = name.strip().lower().replace("_", "-").replace(" ", "-")
    if key not in models:
        raise ConfigError(
            f"no known model {name!r}",
            path="preset",
            hint=f"{did_you_mean(key, models)} 'tenfold count' lists all; --shape counts any other",
        )
    return models[key]


def _decoder(name: str, base: Decoder, published: float, source: str, **sizes: Any) -> Known:
    return Known(name, partial(replace, base, **sizes), published, source)


def _gpt() -> list[Known]:
    return [
        _decoder("gpt2", GPT2, 124_439_808, _GPT2),
        _decoder("gpt2-medium", GPT2, 354_823_168, _GPT2, width=1024, depth=24, heads=16),
        _decoder("gpt2-large", GPT2, 774_030_080, _GPT2, width=1280, depth=36, heads=20),
        _decoder("gpt2-xl", GPT2, 1_557_611_200, _GPT2, width=1600, depth=48, heads=25),
        Known(
            "gpt3-175b",
            lambda: replace(GPT2, width=12288, depth=96, heads=96, context=2048),
            174.6e9,
            "Brown et al. (2020), arXiv:2005.14165, table D.1",
            exact=False,
        ),
    ]


def _llama() -> list[Known]:
    large = {"width": 8192, "depth": 80, "heads": 64, "kv_heads": 8, "mlp": 28672}
    third = {"kv_heads": 8, "vocab": 128256, "context": 8192}
    return [
        _decoder("llama-7b", LLAMA, 6_738_415_616, _CARD),
        _decoder("llama-13b", LLAMA, 13_015_864_320, _CARD, width=5120, depth=40, heads=40, mlp=13824),
        _decoder("llama2-70b", LLAMA, 68_976_648_192, _CARD, **large, context=4096),
        _decoder("llama3-8b", LLAMA, 8_030_261_248, _CARD, mlp=14336, **third),
        _decoder("llama3-70b", LLAMA, 70_553_706_496, _CARD, **{**large, **third}),
        _decoder(
            "llama3-405b",
            LLAMA,
            405_853_388_800,
            _CARD,
            **{**third, "width": 16384, "depth": 126, "heads": 128, "mlp": 53248, "context": 131072},
        ),
        _decoder("tinyllama-1.1b", LLAMA, 1_100_048_384, _CARD, width=2048, depth=22, kv_heads=4, mlp=5632),
        _decoder("mistral-7b", LLAMA, 7_241_732_096, _CARD, kv_heads=8, mlp=14336, context=8192, window=4096),
    ]


def _pythia() -> list[Known]:
    rows = (
        ("70m", 512, 6, 8, 50304, 70_426_624),
        ("160m", 768, 12, 12, 50304, 162_322_944),
        ("410m", 1024, 24, 16, 50304, 405_334_016),
        ("1b", 2048, 16, 8, 50304, 1_011_781_632),
        ("1.4b", 2048, 24, 16, 50304, 1_414_647_808),
        ("2.8b", 2560, 32, 32, 50304, 2_775_208_960),
        ("6.9b", 4096, 32, 32, 50432, 6_857_302_016),
        ("12b", 5120, 36, 40, 50688, 11_846_072_320),
    )
    return [
        _decoder(f"pythia-{name}", PYTHIA, total, _PYTHIA, width=width, depth=depth, heads=heads, vocab=vocab)
        for name, width, depth, heads, vocab, total in rows
    ]


def _others() -> list[Known]:
    palm = (("8b", 4096, 32, 16, 8.63e9), ("62b", 8192, 64, 32, 62.50e9), ("540b", 18432, 118, 48, 540.35e9))
    hoffmann = "Hoffmann et al. (2022), arXiv:2203.15556, table 4"
    return [
        *(
            Known(
                f"palm-{name}",
                partial(replace, PALM, width=width, depth=depth, heads=heads),
                total,
                _PALM,
                exact=False,
            )
            for name, width, depth, heads, total in palm
        ),
        Known("chinchilla-70b", lambda: GOPHER, 70e9, hoffmann, "non-embedding+head", exact=False),
        Known(
            "gopher-280b",
            lambda: replace(GOPHER, width=16384, heads=128),
            280e9,
            hoffmann,
            "non-embedding+head",
            exact=False,
        ),
        _decoder(
            "gemma-7b",
            LLAMA,
            8_537_680_896,
            _CARD,
            width=3072,
            depth=28,
            heads=16,
            head_dim=256,
            mlp=24576,
            vocab=256000,
            context=8192,
            tied=True,
        ),
        replace(_decoder("mixtral-8x7b", MIXTRAL, 46_702_792_704, _CARD), active=12.9e9),
        replace(
            _decoder("mixtral-8x22b", MIXTRAL, 140_620_634_112, _CARD, width=6144, depth=56, heads=48, mlp=16384),
            active=39e9,
        ),
    ]


def _vit(name: str, published: float, source: str, macs: float | None = None, **sizes: Any) -> Known:
    return Known(name, partial(replace, VIT, **sizes), published, source, macs=macs)


def _vision() -> list[Known]:
    large = {"width": 1024, "depth": 24, "heads": 16}
    return [
        _vit("vit-b16", 86_567_656, _TORCHVISION, 17.564),
        _vit("vit-b32", 88_224_232, _TORCHVISION, 4.409, patch=32),
        _vit("vit-l16", 304_326_632, _TORCHVISION, 61.555, **large),
        _vit("vit-l32", 306_535_400, _TORCHVISION, 15.378, patch=32, **large),
        _vit("vit-h14", 632_045_800, _TORCHVISION, 167.295, width=1280, depth=32, heads=16, patch=14),
        Known(
            "sovit-400m",
            lambda: VisionTransformer(
                width=1152, depth=27, heads=16, mlp=4304, patch=14, image=224, classes=0, pool="map"
            ),
            428e6,
            "Alabdulmohsin et al. (2023), arXiv:2305.13035: 428 M, 221 GFLOP at 224",
            exact=False,
            macs=110.5,
        ),
        Known(
            "vit-22b",
            lambda: VisionTransformer(
                width=6144,
                depth=48,
                heads=48,
                patch=14,
                image=224,
                pool="map",
                qkv_bias=False,
                norm_bias=False,
                qk_norm=True,
                parallel=True,
            ),
            21.743e9,
            "Dehghani et al. (2023), arXiv:2302.05442, matrices of the blocks",
            "matrices",
            exact=False,
        ),
    ]


def _convolutional() -> list[Known]:
    residual = (
        ("resnet-18", (2, 2, 2, 2), False, 11_689_512, 1.814),
        ("resnet-34", (3, 4, 6, 3), False, 21_797_672, 3.664),
        ("resnet-50", (3, 4, 6, 3), True, 25_557_032, 4.089),
        ("resnet-101", (3, 4, 23, 3), True, 44_549_160, 7.801),
        ("resnet-152", (3, 8, 36, 3), True, 60_192_808, 11.514),
    )
    efficient = {
        "b0": (5_288_548, 0.386),
        "b1": (7_794_184, 0.687),
        "b2": (9_109_994, None),  # torchvision counts another resolution than the paper's
        "b3": (12_233_232, 1.827),
        "b4": (19_341_616, 4.394),
        "b5": (30_389_784, 10.266),
        "b6": (43_040_704, 19.068),
        "b7": (66_347_960, 37.746),
    }
    found = [
        Known(name, partial(resnet, depths, bottleneck=deep), total, _TORCHVISION, macs=macs)
        for name, depths, deep, total, macs in residual
    ]
    for name, (total, macs) in efficient.items():
        found.append(Known(f"efficientnet-{name}", EFFICIENTNET[name].build, total, _TORCHVISION, macs=macs))
    return found
