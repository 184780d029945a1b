"""``tenfold count`` as a stranger uses it: known models, shapes, ladders, devices, and wrong input."""

from __future__ import annotations

import json

import pytest

from tenfold.cli import main


@pytest.fixture
def call(capsys):
    """Run a command in this process; gives exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return run


def test_a_known_model_in_every_convention(call):
    code, out, err = call("count", "--preset", "gpt2", "--tokens", "10B", "--device", "a100", "--price", "2.50")
    assert (code, err) == (0, "")
    assert out.startswith("gpt2: 124 M parameters")
    for text in ("124,439,808", "84,934,656", "narayanan", "KV cache", "47.54 USD", "19.0 hours", "bound by bandwidth"):
        assert text in out, text
    last = out.strip().splitlines()[-1]
    assert last == "conventions differ by 0.69x to 1.47x of 6N; say which one you use with every number"


def test_json_has_the_stable_keys(call):
    code, out, _ = call("count", "--preset", "gpt2", "--tokens", "1e9", "--device", "h100", "--json")
    value = json.loads(out)
    assert code == 0
    assert set(value) == {
        "name", "kind", "sizes", "params", "parts", "flops_per_token", "spread", "batch", "training", "memory", "kv_cache", "decode", "device",
    }  # fmt: skip
    assert value["params"]["total"] == sum(value["parts"].values()) == 124_439_808
    assert value["flops_per_token"]["6N"] == {"value": 741_920_256, "ratio": 1.0}
    assert set(value["spread"]) == {"base", "low", "high"}
    assert value["training"]["flops"]["matmul"] == 854_438_400e9
    assert value["memory"]["total"] == pytest.approx(sum(v for k, v in value["memory"].items() if k != "total"))
    assert value["device"]["train_cost"] is None
    assert value["device"]["fits"] is True


def test_a_shape_in_options_and_a_changed_preset(call):
    sizes = "width=768,depth=12,heads=12,vocab=50257,context=1024,tied=yes,bias=yes,norm=layer,positions=yes"
    code, out, _ = call("count", "--shape", sizes, "--json")
    assert code == 0
    assert json.loads(out)["params"]["total"] == 124_439_808
    code, out, _ = call("count", "--preset", "gpt2", "--shape", "context=2k", "--shape", "experts=8", "--json")
    changed = json.loads(out)
    assert code == 0
    assert changed["sizes"]["context"] == 2000
    assert changed["params"]["active"] < changed["params"]["total"]


def test_sharding_recomputation_and_batch_change_memory(call):
    def total(*more):
        code, out, _ = call("count", "--preset", "llama3-8b", "--json", *more)
        assert code == 0
        return json.loads(out)["memory"]

    plain = total()
    assert total("--devices", 8, "--zero", 3)["weights"] == plain["weights"] / 8
    assert total("--recompute", "full")["activations"] < plain["activations"] / 10
    assert total("--batch", 2)["activations"] == 2 * plain["activations"]
    assert total("--precision", "bf16")["optimizer"] < plain["optimizer"]


@pytest.mark.parametrize(("name", "macs"), [("efficientnet-b0", "0.3858 GMAC"), ("vit-b16", "17.56 GMAC")])
def test_images(call, name, macs):
    code, out, _ = call("count", "--preset", name, "--tokens", "1M", "--device", "a100", "--price", 1)
    assert code == 0
    assert macs in out
    assert "USD" in out
    assert "differ by 2x" in out.strip().splitlines()[-1]


def test_a_ladder_one_line_a_run_and_totals(call):
    code, out, _ = call("count", "demo")
    assert code == 0
    assert out.startswith("demo: 4 runs, ")
    assert sum("-s0-" in line for line in out.splitlines()) == 4
    assert out.strip().splitlines()[-1].startswith("conventions differ by ")
    code, out, _ = call("count", "demo", "--json", "--device", "fp32=1e12,bf16=1e12", "--price", 1)
    value = json.loads(out)
    assert value["total"]["runs"] == len(value["runs"]) == 4
    assert value["total"]["flops"] == sum(row["flops"] for row in value["runs"])
    assert value["total"]["tokens"] == sum(row["tokens"] for row in value["runs"])
    assert value["device"]["train_cost"] > 0
    assert set(value["runs"][0]) == {
        "run", "width", "depth", "params", "params_hidden", "params_active", "tokens", "flops", "memory",
    }  # fmt: skip


def test_without_arguments_it_lists_what_is_known(call):
    code, out, _ = call("count")
    assert code == 0
    assert "gpt2" in out
    assert "resnet-50" in out
    code, out, _ = call("count", "--json")
    assert {"name", "params", "flops", "unit", "low", "high"} == set(json.loads(out)["models"][0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "gtp2"], "did you mean 'gpt2'"),
        (["--preset", "gpt2", "--shape", "widht=3"], "did you mean 'width'"),
        (["--shape", "width=64"], "needs depth, heads, vocab, context"),
        (["--shape", "width=64,width=3"], "twice"),
        (["--shape", "width"], "name=value"),
        (["--preset", "gpt2", "--shape", "width=wide"], "not a number"),
        (["--preset", "gpt2", "--shape", "width=1e999"], "not a number"),
        (["--preset", "gpt2", "--shape", "width=1e200"], "whole number"),
        (["--preset", "gpt2", "--shape", "depth=1.5"], "whole number"),
        (["--preset", "gpt2", "--shape", "depth=-1"], "whole number"),
        (["--preset", "gpt2", "--shape", "tied=maybe"], "yes nor no"),
        (["--preset", "gpt2", "--shape", "norm=batch"], "choose one of: layer, rms"),
        (["--preset", "gpt2", "--shape", "width=1000"], "multiple of heads"),
        (["--preset", "resnet-50", "--shape", "width=3"], "is none"),
        (["--preset", "gpt2", "--tokens", "many"], "not a number"),
        (["--preset", "gpt2", "--tokens", "0"], "tokens = 0"),
        (["--preset", "gpt2", "--tokens", "1e300"], "tokens"),
        (["--preset", "gpt2", "--batch", "0"], "batch = 0"),
        (["--preset", "gpt2", "--convention", "7N"], "6N"),
        (["--preset", "llama3-8b", "--tokens", "1T", "--convention", "narayanan"], "plain shapes"),
        (["--preset", "gpt2", "--precision", "fp7"], "unknown precision"),
        (["--preset", "gpt2", "--optimizer", "adamm"], "did you mean 'adam'"),
        (["--preset", "gpt2", "--recompute", "some"], "selective"),
        (["--preset", "gpt2", "--zero", "4"], "stages 0 to 3"),
        (["--preset", "gpt2", "--device", "h1000"], "did you mean 'h100'"),
        (["--preset", "gpt2", "--device", "fp32=1e12"], "no peak at bf16"),
        (["--preset", "gpt2", "--device", "h100", "--devices", "0"], "not a positive number"),
        (["--preset", "gpt2", "--device", "h100", "--mfu", "2"], "between 0 and 1"),
        (["--preset", "gpt2", "--device", "h100", "--price", "-1"], "not a positive number"),
        (["--preset", "gpt2", "--price", "3"], "needs a device"),
        (["nowhere.toml"], "no ladder file"),
        (["demo", "--preset", "gpt2"], "both given"),
        (["demo", "--convention", "8N"], "6N"),
    ],
)
def test_wrong_input_is_one_line_with_what_to_do(call, arguments, message):
    code, out, err = call("count", *arguments)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert message in err
    assert "defect" not in err
    code, out, err = call("count", *arguments, "--json")
    assert code == 2
    assert set(json.loads(out)["error"]) == {"kind", "message", "hint"}


def test_help_shows_an_example(call):
    code, out, _ = call("count", "--help")
    assert code == 0
    assert "Example: tenfold count --preset gpt2" in out
