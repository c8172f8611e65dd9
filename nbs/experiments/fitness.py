"""How well does a cheap fitness foretell a plan's loss after fine-tuning? One row a plan, appended as it is measured.

    python nbs/experiments/fitness.py DATA --out nbs/experiments/fitness.csv

DATA is CIFAR-10 (JPEG), a folder with train/ and test/. The network is the package's own `cifar-resnet20`. A killed run goes
on with what is missing when the command is given again; `--share 0/2` and `--share 1/2` divide the plans between two processes
(each with an --out of its own). Everything is judged on the validation part; the test part is not touched.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import picpq
from picpq.core import write_whole
from picpq.plan import Plan
from picpq.search import Evolution
from picpq.training import evaluate, tune_recipe

budget, bits = picpq.Budget(60), picpq.Bits((5, 5, 4))
published = picpq.published_fitness
fitnesses = {  # name: what is done before the loss is taken, and the held-out images that judge (None: all 5,000)
    "quick": (picpq.quick_fitness, 1000), "0 steps": (picpq.quick_fitness, None), "50 steps": (replace(published, steps=50), None),
    "50 steps, re-estimated": (replace(published, steps=50, reestimate=4), None), "200 steps": (published, None)}
full = replace(tune_recipe, epochs=2, precision="bf16")


def make_plans(network: picpq.Network, properties: dict, count: int = 20) -> dict[str, Plan]:
    "Plans by name: unlearned importance by every property, then random criteria around it, of growing distance."
    plans = {name: picpq.make_plan(network, fp, None, budget, bits) for name, fp in properties.items()}
    ranks = properties["rank"]
    spread = np.array([np.std(ranks[n]) for n in network.prunable])
    for k in range(count - len(plans)):
        sigma = (0.1, 0.3, 1.0)[k % 3]
        a, b = Evolution(sigma=sigma).initial(0, sigma * spread, np.random.default_rng([1, k]))
        criterion = picpq.Criterion(dict(zip(network.prunable, a.tolist())), dict(zip(network.prunable, b.tolist())))
        plans[f"rank, criterion {k} of sigma {sigma}"] = picpq.make_plan(network, ranks, criterion, budget, bits)
    return plans


def judge(row: dict, plan: Plan, model: torch.nn.Module, network: picpq.Network, data: picpq.data.Data) -> dict:
    "A plan's row, with what it lacks: its fitnesses, its loss and accuracy after fine-tuning, and the processor seconds each took."
    row = row | {"× fewer BOPs": plan.ratio(), "MACs left": 1 / plan.ratio("macs")}
    for name, (recipe, images) in fitnesses.items():
        if pd.isna(row.get(f"loss, {name}")):
            started = time.process_time()
            fitness = picpq.HeldOutLoss(model, network, data, recipe, images=images)
            row |= {f"loss, {name}": fitness(plan), f"seconds, {name}": time.process_time() - started}
    if not pd.isna(row.get("loss, tuned")):
        return row
    started = time.process_time()
    tuned = picpq.prepare(model, network, plan, data)
    picpq.train(tuned, data, full, teacher=model, show=False)
    found = evaluate(tuned, data, "validation")
    seconds = time.process_time() - started
    return row | {"loss, tuned": found["loss"], "accuracy, tuned": found["accuracy"], "seconds, tuned": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", default="0/1", help="which part of the plans, e.g. 1/2")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made = picpq.pretrained("cifar-resnet20")
    network, data = made.trace(), picpq.load_data(arguments.data, made.card["seed"])
    part, parts = map(int, arguments.share.split("/"))
    done = {row["plan"]: row for row in pd.read_csv(arguments.out).to_dict("records")} if arguments.out.exists() else {}
    for number, (name, plan) in enumerate(make_plans(network, made.properties).items()):
        if number % parts == part:
            done[name] = judge(done.get(name, {"plan": name}), plan, made.model, network, data)
            write_whole(arguments.out, pd.DataFrame(done.values()).round(5).to_csv(index=False))
            print(done[name], flush=True)


if __name__ == "__main__":
    main()
