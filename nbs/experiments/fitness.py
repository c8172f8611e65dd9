"""How well does a cheap fitness foretell a plan's loss after fine-tuning? One row a plan, appended as it is measured.

    python nbs/experiments/fitness.py DATA --out nbs/experiments/fitness.csv

DATA is CIFAR-10 (JPEG), a folder with train/ and test/. The network is the package's own `cifar-resnet20`. A killed run goes
on with what is missing when the command is given again; `--share 0/2` and `--share 1/2` divide the plans between two processes
(each with an --out of its own). Everything is judged on the validation part; the test part is not touched.
"""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from setting import bits, budget, dense_network, options, share_of, tuning

import picpq
from picpq.core import write_whole
from picpq.plan import Plan
from picpq.search import Evolution, spreads
from picpq.training import evaluate

published = picpq.published_fitness
fitnesses = {  # name: what is done before the loss is taken, and the held-out images that judge (None: all 5,000)
    "quick": (picpq.quick_fitness, 1000), "0 steps": (picpq.quick_fitness, None), "50 steps": (replace(published, steps=50), None),
    "50 steps, re-estimated": (replace(published, steps=50, reestimate=4), None), "200 steps": (published, None)}


def make_plans(network: picpq.Network, properties: dict, count: int = 20) -> dict[str, Plan]:
    "Plans by name: unlearned importance by every property, then random criteria around it, of growing distance."
    plans = {name: picpq.make_plan(network, fp, None, budget, bits) for name, fp in properties.items()}
    ranks = properties["rank"]
    spread = np.array(list(spreads(network, ranks).values()))
    for k in range(count - len(plans)):
        sigma = (0.1, 0.3, 1.0)[k % 3]
        a, b = Evolution(sigma=sigma).initial(0, sigma * spread, np.random.default_rng([1, k]))
        criterion = picpq.Criterion.from_arrays(network.prunable, a, b)
        plans[f"rank, criterion {k} of sigma {sigma}"] = picpq.make_plan(network, ranks, criterion, budget, bits)
    return plans


def judge(row: dict, plan: Plan, model: torch.nn.Module, network: picpq.Network, data: picpq.data.Data) -> dict:
    "A plan's row, with what it lacks: its fitnesses, its loss and accuracy after fine-tuning, and the processor seconds each took."
    row = row | {"× fewer BOPs": plan.ratio(), "MACs left": 1 / plan.ratio("macs")}
    for name, (recipe, images) in fitnesses.items():
        if pd.isna(row.get(f"loss, {name}")):
            started = time.process_time()
            fitness = picpq.HeldOutLoss(model, network, data, recipe, "lsq", images=images)
            row |= {f"loss, {name}": fitness(plan), f"seconds, {name}": time.process_time() - started}
    if not pd.isna(row.get("loss, tuned")):
        return row
    started = time.process_time()
    tuned = picpq.prepare(model, network, plan, data, "lsq")
    picpq.train(tuned, data, tuning, teacher=model, show=False)
    found = evaluate(tuned, data, "validation")
    seconds = time.process_time() - started
    return row | {"loss, tuned": found["loss"], "accuracy, tuned": found["accuracy"], "seconds, tuned": seconds}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--share", default="0/1", help="which part of the plans, e.g. 1/2")
    arguments = parser.parse_args()
    made, network, data = dense_network(arguments.data)
    done = {row["plan"]: row for row in pd.read_csv(arguments.out).to_dict("records")} if arguments.out.exists() else {}
    for name, plan in share_of(make_plans(network, made.properties).items(), arguments.share):
        done[name] = judge(done.get(name, {"plan": name}), plan, made.model, network, data)
        write_whole(arguments.out, pd.DataFrame(done.values()).round(5).to_csv(index=False))
        print(done[name], flush=True)


if __name__ == "__main__":
    main()
