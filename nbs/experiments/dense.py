"""Train a dense network from scratch, measure its filter properties, and put both on the package's shelf.

    python nbs/experiments/dense.py DATA --name NAME --model cifar-resnet20 --epochs 40 --seed 0

DATA is digits, cifar10, or a folder with train/ and test/. A killed run goes on when the command is given again. Results:
picpq/checkpoints/NAME.{safetensors,properties.safetensors,json}, and NAME.csv beside this file, one row an epoch.
"""

import argparse
import json
import platform
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

import picpq
from picpq.core import write_whole
from picpq.pretrained import Pretrained, shelf, write_pretrained
from picpq.properties import properties
from picpq.training import dense_recipe

here = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--name", required=True)
    parser.add_argument("--data-name", help="what the card calls the data; default: DATA")
    parser.add_argument("--model", default="cifar-resnet20")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--criterion", type=Path, help="file of a learned criterion (or of its plan) for the card")
    parser.add_argument("--budget", type=float, help="the budget that it was learned for")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    started = time.time()
    data = picpq.load_data(arguments.data, arguments.seed)
    model = picpq.build_model(arguments.model, len(data.classes), data.example(1).shape[1], arguments.seed)
    recipe = replace(dense_recipe, epochs=arguments.epochs, precision=arguments.precision)
    state = here / f".{arguments.model}-seed-{arguments.seed}.pt"
    resumed = state.exists()
    history = picpq.train(model, data, recipe, arguments.seed, checkpoint=state)
    seconds = None if resumed else round(time.time() - started)
    network = picpq.trace(model, data.example())
    measured = {name: picpq.measure(network, model, data, name, seed=arguments.seed) for name in properties if name != "random"}
    learned = json.loads(arguments.criterion.read_text()) if arguments.criterion else None
    words = ["DATA" if w == arguments.data and arguments.data_name else w for w in sys.argv]
    card = {"model": arguments.model, "data": arguments.data_name or data.name, "classes": data.classes,
            "shape": list(data.example(1).shape[1:]), "mean": data.mean, "std": data.std, "epochs": arguments.epochs,
            "recipe": str(recipe), "seed": arguments.seed, "command": shlex.join(["python", *words]), "training seconds": seconds,
            "threads": arguments.threads, "machine": f"{platform.machine()}, torch {torch.__version__}",
            "parameters": sum(p.numel() for p in model.parameters()),
            "validation accuracy (%)": picpq.evaluate(model, data, "validation")["accuracy"],
            "test accuracy (%)": picpq.evaluate(model, data)["accuracy"], "learned for": arguments.budget, "licence": "Apache-2.0"}
    shelf.mkdir(exist_ok=True)
    criterion = learned and picpq.Criterion.from_dict(learned.get("criterion", learned))
    write_pretrained(shelf, Pretrained(arguments.name, model, card, measured, criterion))
    write_whole(here / f"{arguments.name}.csv", history.to_csv(index=False))
    state.unlink()
    print({k: v for k, v in card.items() if "accuracy" in k})


if __name__ == "__main__":
    main()
