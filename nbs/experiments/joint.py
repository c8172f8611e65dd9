"""Does a learned criterion pay? ResNet20 on CIFAR-10 (JPEG) at 60 times fewer bit operations, every plan fine-tuned alike.

    python nbs/experiments/joint.py DATA --criteria nbs/experiments --out nbs/experiments/joint.csv

DATA is CIFAR-10 (JPEG), a folder with train/ and test/. The criteria and plans were learned by search.py, one a seed. One row a
network, appended as it is measured; a killed run goes on when the command is given again; `--share 0/2` and `--share 1/2`
divide the networks between two processes (each with an --out of its own). The test part is looked at once for each network,
after its last step.
"""

import json
import time
from pathlib import Path

from setting import add_row, bits, budget, dense_network, options, rows_done, share_of, tuning

import picpq
from picpq.data import Data
from picpq.plan import uniform_plan
from picpq.pretrained import Pretrained
from picpq.training import evaluate

seeds = range(3)
groups = ("PIC-PQ, bits learned", "PIC-PQ", "random"), ("unlearned", "L1"), ("uniform", "unlearned Taylor")  # in this order


def make_plan(method: str, seed: int, network: picpq.Network, made: Pretrained, data: Data, criteria: Path) -> picpq.Plan:
    "The plan of that method; those that nothing random enters are the same for all seeds."
    fp, criterion = made.properties, None
    if method == "uniform":
        return uniform_plan(network, None, budget)
    if method == "PIC-PQ, bits learned":
        return picpq.Plan.load(criteria / f"plan-{seed}.json")
    if method == "PIC-PQ":
        criterion = picpq.Criterion.from_dict(json.loads((criteria / f"criterion-{seed}.json").read_text()))
    if method == "random":
        fp = {"random": picpq.measure(network, made.model, data, "random", 1, seed=seed, show=False)}
    name = {"L1": "l1", "random": "random", "unlearned Taylor": "taylor"}.get(method, "rank")
    return picpq.make_plan(network, fp[name], criterion, budget, bits, strategy=method)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--criteria", type=Path, required=True)
    parser.add_argument("--share", default="0/1", help="which part of the networks, e.g. 1/2")
    arguments = parser.parse_args()
    made, network, data = dense_network(arguments.data)
    done = rows_done(arguments.out, "method", "seed")
    for seed, method in share_of(((s, m) for group in groups for s in seeds for m in group), arguments.share):
        if (method, str(seed)) in done:
            continue
        plan, started = make_plan(method, seed, network, made, data, arguments.criteria), time.process_time()
        tuned = picpq.prepare(made.model, network, plan, data, "lsq", seed=seed)
        picpq.train(tuned, data, tuning, seed, teacher=made.model, show=False)
        held_out, test = evaluate(tuned, data, "validation"), evaluate(tuned, data)
        row = {"method": method, "seed": seed, "× fewer BOPs": plan.ratio(), "MACs left": 1 / plan.ratio("macs"),
               "validation loss": held_out["loss"], "validation accuracy": held_out["accuracy"], "loss": test["loss"],
               "accuracy": test["accuracy"], "seconds": time.process_time() - started}
        add_row(arguments.out, row)


if __name__ == "__main__":
    main()
