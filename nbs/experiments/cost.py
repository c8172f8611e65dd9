"""What does a candidate cost? The quick fitness beside the published one, plan by plan in one run on one thread.

    python nbs/experiments/cost.py DATA --out nbs/experiments/cost.csv

ResNet20 on CIFAR-10 (JPEG), a folder with train/ and test/; three plans at 60 times fewer bit operations. Processor seconds;
five minutes.
"""

import argparse
import time
from pathlib import Path

import pandas as pd
import torch

import picpq
from picpq.core import progress, write_whole

budget, bits = picpq.Budget(60), picpq.Bits((5, 5, 4))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made = picpq.pretrained("cifar-resnet20")
    network, data, rows = made.trace(), picpq.load_data(arguments.data, made.card["seed"]), []
    fitnesses = {"quick": (picpq.quick_fitness, 1000), "published": (picpq.published_fitness, None)}
    for property in progress(("rank", "l1", "taylor"), "plans"):
        plan = picpq.make_plan(network, made.properties[property], None, budget, bits)
        for name, (recipe, images) in fitnesses.items():
            started = time.process_time()
            loss = picpq.HeldOutLoss(made.model, network, data, recipe, images=images)(plan)
            rows.append({"plan": property, "fitness": name, "loss": loss, "seconds": time.process_time() - started})
    write_whole(arguments.out, pd.DataFrame(rows).round(5).to_csv(index=False))


if __name__ == "__main__":
    main()
