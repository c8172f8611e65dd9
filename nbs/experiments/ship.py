"""A compressed network that accuracy.py made, put beside the dense ones that travel with the package, with its card.

    python nbs/experiments/ship.py RESULT --dense cifar-resnet56 --name cifar-resnet56-100x

RESULT is a folder below what `accuracy.py --results` named.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from picpq.pretrained import pretrained, shelf, write_compressed
from picpq.result import load_result

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("result", type=Path)
parser.add_argument("--dense", required=True, help="name of the dense network")
parser.add_argument("--name", required=True)
arguments = parser.parse_args()
result, dense = load_result(arguments.result), pretrained(arguments.dense).card
card = {key: dense[key] for key in ("model", "data", "classes", "shape", "licence")}
tune = result.settings["tune"]
card |= {"dense": arguments.dense, "dense test accuracy (%)": dense["test accuracy (%)"], "seed": result.settings["seed"],
         "epochs": tune["epochs"], "recipe": tune, "command": result.settings["command"]}
result.recreation = replace(result.recreation, data=dense["data"])
write_compressed(shelf, arguments.name, result, card)
