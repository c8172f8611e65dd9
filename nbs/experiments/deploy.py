"""Does a compressed network say the same on integers and in ONNX Runtime? ResNet20 on CIFAR-10 (JPEG), 60 times fewer BOPs.

    python nbs/experiments/deploy.py DATA --plan nbs/experiments/plan-0.json --out nbs/experiments/deploy.csv

DATA is CIFAR-10 (JPEG), a folder with train/ and test/. The plan is fine-tuned for two epochs like those of joint.py; then
every test image is judged four ways. One row a way: accuracy, images that get another class than from the fine-tuned network,
and how far ahead the best logit was where they do.
"""

import sys
from pathlib import Path

import pandas as pd
import torch
from setting import dense_network, options, tuning

import picpq
from picpq.core import write_whole
from picpq.data import batches
from picpq.deploy import deployed, kernels, run_onnx, session, to_onnx
from picpq.graph import graph_of
from picpq.integer import run_integer
from picpq.modelfile import to_bytes


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="a plan of the package's ResNet20")
    arguments = parser.parse_args()
    made, network, data = dense_network(arguments.data)
    plan = picpq.Plan.load(arguments.plan)
    tuned = picpq.prepare(made.model, network, plan, data, "lsq", seed=0)
    picpq.train(tuned, data, tuning, 0, teacher=made.model, show=sys.stderr.isatty())
    graph = graph_of(tuned, (3, 32, 32))
    exported, ready = to_onnx(graph, data.example(512)), deployed(graph, data.example(512))
    running = session(exported)
    ways = {"PyTorch, fake-quantized": graph, "integers": lambda x: run_integer(graph, x),
            "PyTorch, as deployed": ready, "ONNX Runtime": lambda x: run_onnx(running, x)}
    found, labels = {name: [] for name in ways}, []
    for x, y in batches(data, "test", 250):
        labels.append(y)
        for name, way in ways.items():
            found[name].append(way(x))
    logits, y = {name: torch.cat(parts) for name, parts in found.items()}, torch.cat(labels)
    trained = logits["PyTorch, fake-quantized"]
    ahead, rows = trained.topk(2).values @ torch.tensor([1.0, -1]), []
    size = {"ONNX Runtime": exported.ByteSize(), "PyTorch, fake-quantized": len(to_bytes(tuned, (3, 32, 32), plan))}
    for name, out in logits.items():
        changed = out.argmax(1) != trained.argmax(1)
        apart = out.argmax(1) != logits["ONNX Runtime"].argmax(1)
        rows.append({"way": name, "× fewer BOPs": plan.ratio(), "accuracy": 100 * (out.argmax(1) == y).double().mean().item(),
                     "images": len(y), "another class": int(changed.sum()),
                     "other than ONNX Runtime": int(apart.sum()), "best ahead by, median": ahead.median().item(),
                     "where the class changed": ahead[changed].median().item() if changed.any() else float("nan"),
                     "file (KB)": size.get(name, float("nan")) / 1000})
    write_whole(arguments.out, pd.DataFrame(rows).round(5).to_csv(index=False))
    print(pd.DataFrame(rows).to_string(), kernels(exported).to_dict(), sep="\n")


if __name__ == "__main__":
    main()
