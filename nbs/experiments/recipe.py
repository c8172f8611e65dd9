"""What a training step costs, and what BatchNorm is measured on: ResNet20 and ResNet56 on CIFAR-10 (JPEG).

    python nbs/experiments/recipe.py DATA --out nbs/experiments/recipe.csv

DATA is CIFAR-10 (JPEG), a folder with train/ and test/. Steps of 128 images on two threads, ways in turn so that a busy moment
hits all of them; the median counts. Compiling takes some minutes. Beside --out, norms.csv has the accuracy of the dense networks
on the validation part, with the statistics that training left and with those measured anew on images moved as in training, and
on unmoved ones. `--ways` and `--networks` measure steps alone, of these.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd
import torch
from setting import machine, options

import picpq
from picpq.core import write_whole
from picpq.data import Data, batches
from picpq.plan import uniform_plan
from picpq.training import dense_recipe, evaluate, make_optimizer, reestimate, runner, train_step, tune_recipe

rounds, names = 9, ("cifar-resnet20", "cifar-resnet56")
half = dict(precision="bf16")
ways = {  # name → quantized to 3 bits, with a teacher; recipe; channels last
    "dense, fp32": (False, dense_recipe, False),
    "dense, bf16": (False, replace(dense_recipe, **half), False),
    "dense, bf16, channels last": (False, replace(dense_recipe, **half), True),
    "dense, bf16, compiled": (False, replace(dense_recipe, **half, compiled=True), False),
    "3 bits, bf16": (True, replace(tune_recipe, **half), False),
    "3 bits, bf16, channels last": (True, replace(tune_recipe, **half), True),
    "3 bits, bf16, compiled": (True, replace(tune_recipe, **half, compiled=True), False),
}
usual = tuple(ways)
ways |= {"3 bits, fp32": (True, tune_recipe, False), "3 bits, fp32, compiled": (True, replace(tune_recipe, compiled=True), False)}


def make_step(name: str, way: str, data: Data) -> tuple[Callable[[], None], float]:
    "A function that makes one training step, and the seconds that the first one took."
    few_bits, recipe, last = ways[way]
    made, order = picpq.pretrained(name), torch.channels_last if last else torch.contiguous_format
    teacher = made.model.eval().to(memory_format=order) if few_bits else None
    model = picpq.pretrained(name).model
    if few_bits:
        network = made.trace()
        model = picpq.prepare(made.model, network, uniform_plan(network, 3), data, "lsq")
    model = model.train().to(memory_format=order)
    optimizer, run, taught_by = make_optimizer(model, recipe), runner(model, recipe), teacher and runner(teacher, recipe)
    x, y = next(iter(batches(data, "train", 128, 0, True, limit=1)))
    x = x.contiguous(memory_format=order)
    started = time.perf_counter()
    train_step(run, taught_by, optimizer, recipe, x, y, 128, False)
    return (lambda: train_step(run, taught_by, optimizer, recipe, x, y, 128, False)), time.perf_counter() - started


def step_times(name: str, data: Data, chosen: Sequence[str]) -> pd.DataFrame:
    "One row a way: median seconds of a step, and the wait for the first one."
    steps = {way: make_step(name, way, data) for way in chosen}
    times = {way: [] for way in chosen}
    for _ in range(rounds):
        for way, (step, _) in steps.items():
            started = time.perf_counter()
            step()
            times[way].append(time.perf_counter() - started)
    torch.compiler.reset()
    per_epoch = len(data.train) // 128
    table = pd.DataFrame({"seconds": pd.DataFrame(times).median(), "first": {way: first for way, (_, first) in steps.items()}})
    table.insert(0, "network", name)
    return table.assign(epoch=table["seconds"] * per_epoch).round(4).rename_axis("way").reset_index()


def norms(name: str, data: Data) -> dict:
    "Accuracy on the validation part, by what BatchNorm was measured on."
    model = picpq.pretrained(name).model
    row = {"network": name, "as trained": evaluate(model, data, "validation")["accuracy"]}
    for augment, title in ((True, "moved"), (False, "unmoved")):
        row[title] = evaluate(reestimate(model, data, 20, augment=augment), data, "validation")["accuracy"]
    return row


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--ways", nargs="+", choices=list(ways))
    parser.add_argument("--networks", nargs="+", choices=names)
    a = parser.parse_args()
    torch.set_num_threads(2)
    data = picpq.load_data(a.data, picpq.pretrained(names[0]).card["seed"])
    if not (a.ways or a.networks):
        write_whole(a.out.parent / "norms.csv", pd.DataFrame([norms(name, data) for name in names]).to_csv(index=False))
    table = pd.concat([step_times(name, data, a.ways or usual) for name in a.networks or names])
    write_whole(a.out, table.assign(machine=machine(2)).to_csv(index=False))


if __name__ == "__main__":
    main()
