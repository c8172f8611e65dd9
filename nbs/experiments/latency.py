"""Milliseconds against bit operations, in ONNX Runtime on this processor: one interleaved run, one CSV.

    python nbs/experiments/latency.py --out nbs/experiments

bench.csv: ResNet20 and ResNet56 for CIFAR, dense in PyTorch and ONNX Runtime, dense in 8 bits, and compressed.
plans.csv: one network by many plans, beside the estimate for hardware with arithmetic of few bits.
channels.csv: one convolution of 8 bits by its number of channels.
Times do not depend on weights being fine-tuned, so these are not.
"""

import argparse
from pathlib import Path

import onnx
import pandas as pd
import torch

import picpq
from picpq.bits import Bits
from picpq.deploy import run_onnx, session, to_onnx
from picpq.graph import Graph, graph_of
from picpq.latency import bench_graph, interleaved, layer_seconds, machine, roofline
from picpq.plan import Budget, Plan, make_plan, uniform_plan
from picpq.pretrained import Pretrained
from picpq.quantizers import quantize
from picpq.surgery import prune

noise = torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def planned(made: Pretrained, plan: Plan) -> Graph:
    "The network by this plan, quantizers fitted to noise."
    return graph_of(quantize(prune(made.model, made.trace(), plan, verify=False), plan, noise, "lsq"), (3, 32, 32))


def bench(plan: Path) -> pd.DataFrame:
    "ResNet20 pruned to multiples of 16 at 4 bits, and ResNet56 by the plan that milliseconds.py learned."
    parts = {}
    for name in ("cifar-resnet20", "cifar-resnet56"):
        made = picpq.pretrained(name)
        pruned = Plan.load(plan)
        if name == "cifar-resnet20":
            pruned = make_plan(made.trace(), made.properties["rank"], budget=Budget(100, multiple=16), bits=Bits(4, penalty=0))
        table = bench_graph(planned(made, pruned), made.model)
        table["× fewer BOPs"] = {"compressed, ONNX Runtime": pruned.ratio()}
        parts[name] = table
    return pd.concat(parts, names=["model"])


def by_plan() -> pd.DataFrame:
    "ResNet20 by plans of 8, 4 and 2 bits, and with filters pruned, one by one and in multiples of 16."
    made = picpq.pretrained("cifar-resnet20")
    network, rank = made.trace(), made.properties["rank"]
    plans = {f"{bits} bit": uniform_plan(network, bits) for bits in (8, 4, 2)}
    for multiple in (1, 16):
        for share in (1.1, 1.5, 2):
            name = f"4 bit, MACs ÷ {share}" + ", by 16" * (multiple == 16)
            plans[name] = make_plan(network, rank, budget=Budget(share, "macs", multiple), bits=Bits(4, penalty=0))
    graphs = {name: planned(made, plan) for name, plan in plans.items()}
    running = {name: session(to_onnx(graph, noise)) for name, graph in graphs.items()}
    seconds = interleaved({name: lambda s=s: run_onnx(s, noise[:1]) for name, s in running.items()}, rounds=200).median()
    macs = plans["8 bit"].cost["macs"] / seconds["8 bit"]  # a second, in 8 bits, on this processor
    return pd.DataFrame({name: {"× fewer BOPs": plan.ratio(), "MACs": plan.cost["macs"], "ms": 1000 * seconds[name],
                                "estimate (ms)": 1000 * roofline(graphs[name], macs, 10e9)} for name, plan in plans.items()}).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder, with ms-4-times-faster.json in it")
    parser.add_argument("--only", choices=("channels", "plans", "bench"), help="one of the three files")
    arguments = parser.parse_args()
    out, wanted = arguments.out, [arguments.only] if arguments.only else ["channels", "plans", "bench"]
    torch.set_num_threads(1)
    if "channels" in wanted:
        sizes = [(side, c) for side, most in ((32, 16), (16, 32), (8, 64)) for c in range(4, most + 1, 4)]
        channels = {(side, c): 1e6 * layer_seconds(c, c, side, 3) for side, c in sizes}
        pd.Series(channels, name="µs").rename_axis(["side", "channels"]).round(2).to_csv(out / "channels.csv")
    if "plans" in wanted:
        by_plan().rename_axis("plan").round(4).to_csv(out / "plans.csv")
    if "bench" in wanted:
        bench(out / "ms-4-times-faster.json").round(4).to_csv(out / "bench.csv")
    print(machine(), "onnx", onnx.__version__, "torch", torch.__version__)


if __name__ == "__main__":
    main()
