"""How does cost grow with filters, layers, images and processes?

    python nbs/experiments/scaling.py --out nbs/experiments/scaling.csv

Untrained networks and noise: nothing here hangs on what the numbers are. One thread a process; seconds are of processor time, of
the fastest of three runs, but for the search, which is timed by the clock. Four minutes on two cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
import torchvision

import picpq
from picpq.core import write_whole
from picpq.data import FolderImages, digits
from picpq.models import SmallResNet, build_model
from picpq.training import Recipe, make_optimizer, quick_fitness


def seconds(run: Callable, repeat: int = 3) -> float:
    "Processor seconds of the fastest run."
    times = []
    for _ in range(repeat):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def looking() -> list[dict]:
    "Tracing and planning over depth and width."
    rows = []
    for depth, wider in ((8, 1), (20, 1), (56, 1), (110, 1), (20, 2), (20, 4)):
        model, images = SmallResNet(depth, widths=tuple(wider * w for w in (16, 32, 64))).eval(), torch.randn(2, 3, 32, 32)
        network = picpq.trace(model, images)
        filters = {layer.name: layer.filters for layer in network.layers}
        properties = {n: np.random.default_rng(0).random(filters[n]) for n in network.prunable}
        plan = lambda: picpq.make_plan(network, properties, None, picpq.Budget(60), picpq.Bits((5, 5, 4)))
        facts = {"layers": len(filters), "units": network.units, "GMACs": sum(layer.macs for layer in network.layers) / 1e9}
        rows.append({"what": "tracing", **facts, "seconds": seconds(lambda: picpq.trace(model, images))})
        rows.append({"what": "planning", **facts, "seconds": seconds(plan)})
    return rows


def stepping() -> list[dict]:
    "One training step: dense, and fine-tuning at 4 bits with the dense network as its teacher."
    rows = []
    for name, size, batch in (("cifar-resnet20", 32, 64), ("cifar-resnet56", 32, 64), ("resnet50", 224, 4)):
        dense, images = build_model(name, 10), torch.randn(batch, 3, size, size)
        network = picpq.trace(dense, images[:2])
        tuned = picpq.quantize(dense.eval(), picpq.uniform_plan(network, 4), images, "lsq")
        labels = torch.arange(batch) % 10

        def step(model, teacher=None):
            taught = None
            if teacher is not None:
                with torch.no_grad():
                    taught = teacher(images)
            out = model(images)
            loss = F.cross_entropy(out, labels)
            if taught is not None:
                loss = loss + F.kl_div(F.log_softmax(out, 1), F.log_softmax(taught, 1), reduction="batchmean", log_target=True)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        for what, model, teacher in (("dense", dense, None), ("4 bit", tuned, None), ("4 bit with teacher", tuned, dense)):
            optimizer = make_optimizer(model.train(), Recipe(lr=0.0))
            taking = seconds(lambda model=model, teacher=teacher: step(model, teacher and teacher.eval()))
            rows.append({"what": f"{what} step", "network": name, "images": batch, "seconds": taking})
    return rows


def judging() -> list[dict]:
    "One candidate by the quick fitness, over held-out images."
    rows, data, model = [], digits(), build_model("digits-resnet8", 10, 1).eval()
    network = picpq.trace(model, data.example())
    plan = picpq.uniform_plan(network, 4)
    for images in (67, 135, 270):
        fitness = picpq.HeldOutLoss(model, network, data, quick_fitness, "lsq", images=images)
        taking = seconds(lambda fitness=fitness: (fitness.known.clear(), fitness(plan)))
        rows.append({"what": "candidate", "images": 512 + images, "seconds": taking})
    return rows


def decoding() -> list[dict]:
    "Images like ImageNet's on average, 500 × 375 pixels in some hundred thousand bytes, decoded and cut to 224 × 224 by one core."
    noise = torch.rand(3, 188, 250, generator=torch.Generator().manual_seed(0))
    picture = F.interpolate(noise[None], (375, 500), mode="bicubic").clamp(0, 1)[0]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/picture.jpg"
        torchvision.io.write_jpeg((255 * picture).to(torch.uint8), path, quality=85)
        images = FolderImages((path,) * 32, torch.zeros(32, dtype=torch.int64), 224, ThreadPoolExecutor(1))
        return [{"what": "decoding", "images": 32, "seconds": seconds(lambda: images.get(torch.arange(32)))}]


def sharing() -> list[dict]:
    "A search of eighty candidates by one process and by two."
    rows, environment = [], {**os.environ, "OMP_NUM_THREADS": "1"}
    asked = ["search", "--bits-by", "rule", "--quantizer", "lsq", "--steps", "30", "--epochs", "2"]
    command = [sys.executable, "-c", "from picpq.cli import main; main()", *asked]
    with tempfile.TemporaryDirectory() as folder:
        search = lambda *options: subprocess.run([*command, *map(str, options)], cwd=folder, check=True, capture_output=True,
                                                 env=environment)
        search("--trials", 1, "--storage", "first.db")
        weights = next(Path(folder).glob("*.safetensors"))  # the dense network, trained once
        for workers in (1, 2):
            start = time.perf_counter()
            search("--trials", 80, "--checkpoint", weights, "--storage", f"{workers}.db", "--workers", workers)
            rows.append({"what": "search", "processes": workers, "candidates": 80, "seconds": time.perf_counter() - start})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="CSV file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for part in (looking, stepping, judging, decoding, sharing):
        rows += part()
        print(pd.DataFrame(rows[-8:]).round(4).to_string(), flush=True)
    write_whole(arguments.out, pd.DataFrame(rows).round(5).to_csv(index=False))


if __name__ == "__main__":
    main()
