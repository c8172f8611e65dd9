"""Which search learns best at equal cost? ResNet20 on CIFAR-10 (JPEG) at 60 times fewer bit operations, the quick fitness.

    python nbs/experiments/search.py DATA --out nbs/experiments/search.csv

DATA is CIFAR-10 (JPEG), a folder with train/ and test/. One row a candidate: its loss and the processor seconds spent so
far, on one thread. A killed run goes on with the next search when the command is given again; `--share 0/2` and `--share 1/2`
divide the searches between two processes (each with an --out of its own). What the search in frames found goes to
`criterion-SEED.json` beside --out, and the shifts that it tried to `shifts-SEED.csv`; the plan of the joint search to
`plan-SEED.json`. Held-out training images alone are seen.
"""

import json
import time
from pathlib import Path

import pandas as pd
from setting import bits, budget, dense_network, options, share_of

import picpq
from picpq.core import write_whole
from picpq.data import Data
from picpq.pretrained import Pretrained
from picpq.search import AgingEvolution, Evolution, samplers, spreads

candidates, candidates_of_joint = 100, 200  # bits are more to learn
scaled = Evolution(candidates, population=16, tournament=4)  # the published shares of 400, for a hundred
seeds, groups = range(3), (("joint", "frames", "evolution", "evolution, scaled", "random"), ("cmaes", "tpe"))


def search(method: str, seed: int, made: Pretrained, network: picpq.Network, data: Data, folder: Path) -> pd.DataFrame:
    "Run one search; a row for each candidate."
    fp, seconds, started = made.properties["rank"], [], time.process_time()
    quick = picpq.HeldOutLoss(made.model, network, data, quantizer="lsq")

    def fitness(plan):
        loss = quick(plan)
        seconds.append(time.process_time() - started)
        return loss

    made_sampler = (AgingEvolution(spreads(network, fp), scaled, seed) if method == "evolution, scaled"
                    else samplers[method](network, fp, candidates, seed, False))
    most, given = (candidates_of_joint, picpq.Bits()) if method == "joint" else (candidates, bits)
    learned = picpq.learn_criterion(network, fp, fitness, budget, given, most, seed, made_sampler, show=False)
    if method == "joint":
        write_whole(folder / f"plan-{seed}.json", learned.plan.to_json() + "\n")
    if method == "frames":
        write_whole(folder / f"criterion-{seed}.json", json.dumps(learned.criterion.to_dict(), indent=1) + "\n")
        tried = [(t.value, made_sampler.shifts_of(t)) for t in learned.study.trials]
        table = pd.DataFrame([dict(zip(made_sampler.heads, beta), loss=loss) for loss, beta in tried if beta is not None])
        write_whole(folder / f"shifts-{seed}.csv", table.round(5).to_csv(index=False))
    rows = pd.DataFrame(learned.history()).assign(method=method, seed=seed, seconds=seconds)
    return rows[["method", "seed", "candidate", "loss", "best", "seconds"]].round(5)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--share", default="0/1", help="which part of the searches, e.g. 1/2")
    arguments = parser.parse_args()
    made, network, data = dense_network(arguments.data)
    done = pd.read_csv(arguments.out) if arguments.out.exists() else pd.DataFrame(columns=["method", "seed"])
    for seed, method in share_of(((s, m) for group in groups for s in seeds for m in group), arguments.share):
        if ((done["method"] == method) & (done["seed"] == seed)).any():
            continue
        rows = search(method, seed, made, network, data, arguments.out.parent)
        done = pd.concat([done, rows], ignore_index=True) if len(done) else rows
        write_whole(arguments.out, done.to_csv(index=False))
        print(method, seed, rows.iloc[-1].to_dict(), flush=True)


if __name__ == "__main__":
    main()
