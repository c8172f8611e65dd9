"""Digits at harder budgets: three seeds, the demo's settings, every strategy. Run again, it goes on where it stopped.

    python nbs/demo/sweep.py --out nbs/demo/sweep.csv
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd

from picpq.cli import demo_epochs, demo_settings
from picpq.compression import compare, dense_model
from picpq.core import progress, write_whole
from picpq.data import digits
from picpq.training import dense_recipe

budgets, seeds, chosen = (100, 150, 200), (0, 1, 2), ("uniform", "unlearned", "random", "picpq")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="CSV file; finished rows are kept")
    out = parser.parse_args().out
    done = pd.read_csv(out) if out.exists() else pd.DataFrame(columns=["budget", "seed"])
    for budget, seed in progress([(b, s) for b in budgets for s in seeds], "budgets × seeds"):
        if ((done["budget"] == budget) & (done["seed"] == seed)).any():
            continue
        started, data = time.time(), digits(seed)
        dense = dense_model("digits-resnet8", data, recipe=replace(dense_recipe, epochs=demo_epochs), seed=seed, show=False)
        table, _ = compare(dense, data, budget, chosen, demo_settings, seed, "digits-resnet8", show=False)
        rows = table.reset_index().assign(budget=budget, seed=seed, seconds=round(time.time() - started))
        done = pd.concat([done, rows], ignore_index=True) if len(done) else rows
        write_whole(out, done.to_csv(index=False))
        print(rows.to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
