"""Which networks go through picpq, how far can they be compressed, and how long does it take to look at them?

    python nbs/experiments/architectures.py --out nbs/experiments/architectures.csv [--only vgg16 timm/resnet10t]

Every network, untrained, at its own image size: traced, planned, pruned (and compared with the masked network), quantized, trained
for one step, saved, loaded, and counted again. One row a network; what does not hold stops the run. Rows that are there are kept.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import picpq
from picpq.core import PicpqError, check, write_whole
from picpq.counting import count
from picpq.graph import count_graph
from picpq.modelfile import read_model, to_bytes
from picpq.models import main_output
from picpq.network import surgery_error, tolerance
from picpq.plan import kept_units
from picpq.training import Recipe, make_optimizer

families = {  # name → height and width of its images
    "alexnet": 224, "vgg16": 224, "vgg16_bn": 224, "resnet18": 224, "resnet50": 224, "resnext50_32x4d": 224, "wide_resnet50_2": 224,
    "squeezenet1_1": 224, "densenet121": 224, "googlenet": 224, "inception_v3": 299, "mobilenet_v2": 224, "mobilenet_v3_small": 224,
    "mobilenet_v3_large": 224, "mnasnet1_0": 224, "shufflenet_v2_x1_0": 224, "efficientnet_b0": 224, "efficientnet_v2_s": 384,
    "regnet_x_400mf": 224, "regnet_y_400mf": 224, "convnext_tiny": 224, "vit_b_32": 224, "swin_t": 224, "maxvit_t": 224}
from_timm = {"timm/resnet10t": 176, "timm/vit_tiny_patch16_224": 224, "timm/mixer_s32_224": 224}


def agree(good: bool, what: str) -> None:
    "Stop where something is not as planned."
    check(good, what, "as planned", "something else")


def most(network: picpq.Network, properties: dict, of: str) -> float:
    "The largest ratio that a plan with 4-bit layers and a tenth of each layer's filters reaches."
    try:
        return picpq.make_plan(network, properties, None, picpq.Budget(1e9, of), picpq.Bits(4)).ratio(of)
    except PicpqError as error:
        return error.reachable


def row(name: str, size: int, classes: int = 10) -> dict[str, object]:
    "One network's row. Raises `PicpqError` where what is pruned, counted or loaded is not what was planned."
    model, noise = picpq.build_model(name, classes).eval(), torch.Generator().manual_seed(0)
    images = torch.randn(4, 3, size, size, generator=noise)
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)):
        norm.momentum = 1.0  # an untrained network whose activations are of a size that training could have left
    with torch.no_grad():
        model.train()(images)
    model.eval()
    start = time.perf_counter()
    network = picpq.trace(model, images)
    traced = time.perf_counter() - start
    rng, filters = np.random.default_rng(0), {layer.name: layer.filters for layer in network.layers}
    properties = {n: rng.random(filters[n]) for n in network.prunable}
    reachable = most(network, properties, "macs")
    budget = picpq.Budget(1 + 0.5 * (reachable - 1), "macs")
    picpq.make_plan(network, properties, None, budget, picpq.Bits(4))
    start = time.perf_counter()
    plan = picpq.make_plan(network, properties, None, budget, picpq.Bits(4))
    planned = time.perf_counter() - start

    error = surgery_error(model, network.slots, kept_units(network, plan), network.norms, images[:2])
    check(error <= tolerance, f"pruned {name}", "the masked network", error)
    small = picpq.quantize(picpq.prune(model, network, plan, verify=False), plan, images, "lsq")
    counted = count(small, images[:2]).sum()
    agree(counted["BOPs"] == plan.cost["bops"] and counted["MACs"] == plan.cost["macs"], f"what is counted on {name}")
    parameters = sum(p.numel() for n, p in small.named_parameters() if not n.endswith("quantizer.step"))
    agree(parameters == plan.cost["params"], f"parameters of {name}")

    optimizer, before = make_optimizer(small.train(), Recipe(lr=1e-4)), [p.detach().clone() for p in small.parameters()]
    torch.nn.functional.cross_entropy(main_output(small(images)), torch.arange(4) % classes).backward()
    optimizer.step()
    finite = all(p.isfinite().all() for p in small.parameters())
    agree(finite and any((p != q).any() for p, q in zip(small.parameters(), before)), f"weights of {name} after a step")

    with tempfile.TemporaryDirectory() as folder:
        path = write_whole(Path(folder) / "model.safetensors", to_bytes(small.eval(), images.shape[1:], plan))
        graph = read_model(path).graph
    if graph is not None:
        with torch.no_grad():
            agree(torch.equal(graph(images), main_output(small(images))), f"{name}, loaded")
        agree(int(count_graph(graph)["BOPs"].sum()) == plan.cost["bops"], f"bit operations of {name}, loaded")
    products = (v.macs for v in network.layers if v.kind == "product")
    prunable = sum(int((u >= 0).sum()) for u in network.out_units)
    return {"network": name, "image": size, "GMACs": plan.cost["dense_macs"] / 1e9, "layers": len(network.layers),
            "filters": sum(filters.values()), "prunable filters (%)": 100 * prunable / sum(filters.values()),
            "in layers left whole": sum(filters[n] for n in network.whole), "units": network.units,
            "attention (% of MACs)": 100 * sum(products) / plan.cost["dense_macs"], "× fewer MACs, at most": reachable,
            "× fewer BOPs, at most (4 bits)": most(network, properties, "bops"), "tracing (s)": traced,
            "planning (ms)": 1000 * planned, "file runs without its class": graph is not None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="CSV file")
    parser.add_argument("--only", nargs="*", help="names of networks")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = pd.read_csv(arguments.out).to_dict("records") if arguments.out.exists() else []
    for name, size in {**families, **from_timm}.items():
        if name not in {r["network"] for r in rows} and (not arguments.only or name in arguments.only):
            rows.append(row(name, size))
            write_whole(arguments.out, pd.DataFrame(rows).round(4).to_csv(index=False))
            print(pd.Series(rows[-1]).to_string(), flush=True)


if __name__ == "__main__":
    main()
