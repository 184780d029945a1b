"""The task ladder of Bhagia et al.: loss from size and data, accuracy from loss, and the two chained."""

from __future__ import annotations

import functools

import numpy as np

from reproduce.record import Target, reproduction
from shared_data import shared_table
from tenfold import Runs, fit, read_runs

SOURCE = "Bhagia et al. (2024), {} of the released figures' data, prediction for 13B parameters and 5T tokens"
SIZES = {"190M": 190_354_176, "370M": 371_262_464, "760M": 758_220_288, "1B": 1_279_395_840}
LENGTHS = ("1xC", "2xC", "5xC", "10xC")
BIG, TOKENS = 13_202_396_160, 5_000_088_518_656
QUESTIONS = {"stem": 3018, "humanities": 4705, "social_sciences": 3077, "other": 3242}
SPLITS = {
    "hellaswag": "hellaswag_val",
    "arc_challenge": "arc_challenge_test",
    "arc_easy": "arc_easy_test",
    "piqa": "piqa_val",
    "csqa": "csqa_val",
    "socialiqa": "socialiqa_val",
    "openbookqa": "openbookqa_test",
}
TASKS = ("mmlu", *SPLITS)
SMALL = "rounding of the shared table (five digits), and where a moving average starts"


@functools.cache
def _groups():
    return read_runs(shared_table("olmo_ladder.csv.gz")).groups("run")


@functools.cache
def curve(name, task):
    """Tokens, task loss and accuracy of one run's checkpoints in order, each the mean of the last five evaluations."""
    run = _groups()[name]
    run = run.take(np.argsort(run.column("step")))
    loss, accuracy = (_task(run, kind, task) for kind in ("bpb", "acc"))
    known = np.isfinite(loss) & np.isfinite(accuracy)
    return run.column("tokens")[known], _trailing(loss[known]), _trailing(accuracy[known])


def _task(run, kind, task):
    if task != "mmlu":
        return run.column(f"{kind}_{SPLITS[task]}")
    total = sum(QUESTIONS.values())
    return sum(count / total * run.column(f"{kind}_mmlu_{part}_test") for part, count in QUESTIONS.items())


def _trailing(values):
    return np.array([values[max(0, end - 4) : end + 1].mean() for end in range(len(values))])


@functools.cache
def step1(task):
    """chinchilla on the task loss of the sixteen ends of the ladder."""
    ends = [
        (size, *(part[-1] for part in curve(f"{name}-{length}", task)))
        for name, size in SIZES.items()
        for length in LENGTHS
    ]
    params, tokens, loss, _ = np.array(ends).T
    return fit("chinchilla", Runs({"params": params, "tokens": tokens, "loss": loss}), certificate=False)


@functools.cache
def step2(task):
    """accuracy_link on the checkpoints after the first tenth of each run, and one ideal point as in the released code."""
    losses, accuracies = [1e-9], [1.0]
    for name in SIZES:
        for length in LENGTHS:
            _, loss, accuracy = curve(f"{name}-{length}", task)
            skip = -(-len(loss) // 10)
            losses += loss[skip:].tolist()
            accuracies += accuracy[skip:].tolist()
    runs = Runs({"loss": np.array(losses), "accuracy": np.array(accuracies)})
    return fit("accuracy_link", runs, objective="squared@linear", certificate=False)


def _loss_of(task):
    return float(step1(task).predict(params=BIG, tokens=TOKENS))


@reproduction(
    law="chinchilla",
    source=SOURCE.format("step1_main.csv"),
    reason=f"within .1 %: {SMALL}; a law of five coefficients on 16 runs, extrapolated by ten in size and twenty in data",
    targets={
        task: Target(value, rel=1e-3)
        for task, value in zip(
            TASKS, (0.750156, 0.653177, 0.783324, 0.593105, 0.874795, 0.661728, 0.991574, 1.275007), strict=True
        )
    },
)
def olmo_task_loss():
    return {task: _loss_of(task) for task in TASKS}


@reproduction(
    law="accuracy_link",
    source=SOURCE.format("step2_main.csv"),
    reason=f"within .4 %: {SMALL}; the released fit is local, from one start, ours global",
    targets={
        task: Target(value, rel=4e-3)
        for task, value in zip(
            TASKS, (0.513756, 0.841567, 0.603024, 0.819384, 0.807461, 0.717276, 0.633747, 0.457223), strict=True
        )
    },
)
def olmo_accuracy_from_measured_loss():
    measured = {task: curve("peteish13_eval_final", task)[1][-1] for task in TASKS}
    return {task: float(step2(task).predict(loss=measured[task])) for task in TASKS}


@reproduction(
    law="accuracy_link",
    source=SOURCE.format("chained_main.csv"),
    reason=(
        f"within .4 %: {SMALL}. Measured are .516, .832, .638, .872, .830, .741, .616 and .486: the chain is right to 3 % on "
        "four tasks and off by up to 17 % on the ARC tasks, whose loss step 1 misses"
    ),
    targets={
        task: Target(value, rel=4e-3)
        for task, value in zip(
            TASKS, (0.512680, 0.853036, 0.526710, 0.772416, 0.820804, 0.776089, 0.599482, 0.448648), strict=True
        )
    },
)
def olmo_accuracy_chained():
    return {task: float(step2(task).predict(loss=_loss_of(task))) for task in TASKS}
