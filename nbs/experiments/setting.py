"""What the experiments on learning share: ResNet20 on CIFAR-10 (JPEG) at 60 times fewer bit operations, on one thread."""

import argparse
import csv
import platform
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

import picpq
from picpq.data import Data
from picpq.pretrained import Pretrained
from picpq.training import tune_recipe

budget, bits = picpq.Budget(60), picpq.Bits((5, 5, 4))
tuning = replace(tune_recipe, epochs=2, precision="bf16")  # of plans that are compared


def options(text: str) -> argparse.ArgumentParser:
    "The options of every experiment; `text` is the script's own description."
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("data", help="CIFAR-10 (JPEG): a folder with train/ and test/")
    parser.add_argument("--out", type=Path, required=True, help="CSV file")
    return parser


def dense_network(data: str) -> tuple[Pretrained, picpq.Network, Data]:
    "The package's own ResNet20, its trace, and the data with the validation part that it was not trained on."
    torch.set_num_threads(1)
    made = picpq.pretrained("cifar-resnet20")
    return made, made.trace(), picpq.load_data(data, made.card["seed"])


def share_of(items: Iterable, share: str) -> Iterator:
    "Every so-manieth item, by a share like 1/2: those of one process."
    part, parts = map(int, share.split("/"))
    return (item for number, item in enumerate(items) if number % parts == part)


def machine(threads: int, device: str = "cpu") -> str:
    "What a row's figures were measured on."
    cpu = f"{platform.machine()} ({torch.backends.cpu.get_cpu_capability()}), threads {threads}"
    return f"{cpu if device == 'cpu' else torch.cuda.get_device_name()}, torch {torch.__version__}"


def rows_done(out: Path, *columns: str) -> set[tuple[str, ...]]:
    "What these columns say in the rows that the CSV file has; nothing, if there is none."
    if not out.exists():
        return set()
    with out.open(newline="") as file:
        return {tuple(row[c] for c in columns) for row in csv.DictReader(file)}


def add_row(out: Path, row: dict) -> None:
    "Append a row to the CSV file, floats with five digits, and print it."
    row = {k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}
    with out.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
    print(row, flush=True)
