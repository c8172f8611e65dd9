"""What does a candidate cost? The quick fitness beside the published one, plan by plan in one run on one thread.

    python nbs/experiments/cost.py DATA --out nbs/experiments/cost.csv

ResNet20 on CIFAR-10 (JPEG), a folder with train/ and test/; three plans at 60 times fewer bit operations. Processor seconds;
five minutes.
"""

import time

import pandas as pd
from setting import bits, budget, dense_network, options

import picpq
from picpq.core import progress, write_whole


def main() -> None:
    arguments, rows = options(__doc__).parse_args(), []
    made, network, data = dense_network(arguments.data)
    fitnesses = {"quick": (picpq.quick_fitness, 1000), "published": (picpq.published_fitness, None)}
    for property in progress(("rank", "l1", "taylor"), "plans"):
        plan = picpq.make_plan(network, made.properties[property], None, budget, bits)
        for name, (recipe, images) in fitnesses.items():
            started = time.process_time()
            loss = picpq.HeldOutLoss(made.model, network, data, recipe, "lsq", images=images)(plan)
            rows.append({"plan": property, "fitness": name, "loss": loss, "seconds": time.process_time() - started})
    write_whole(arguments.out, pd.DataFrame(rows).round(5).to_csv(index=False))


if __name__ == "__main__":
    main()
