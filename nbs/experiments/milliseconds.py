"""Plans made for milliseconds beside one made for bit operations: ResNet56 on CIFAR-10 (JPEG), fine-tuned alike.

    python nbs/experiments/milliseconds.py DATA --out nbs/experiments/milliseconds.csv

DATA is CIFAR-10 (JPEG), a folder with train/ and test/. Each criterion is learned, the plan written to ms-NAME.json beside --out,
its network fine-tuned for three epochs with the dense network as teacher, and its ONNX file timed beside the dense network's, at
batch 1, on one thread, interleaved. One row a plan, appended as it is measured; a killed run goes on when the command is given
again; `--share 0/2` and `--share 1/2` divide the plans between two processes (each with an --out of its own, in the same folder).
Timing wants a quiet machine: `--time` times all plans in one run, and adds the milliseconds and the sizes of the ONNX files. The
test part is looked at once for each network, after its last step.
"""

from dataclasses import replace

import pandas as pd
import torch
from setting import options, share_of, tuning

import picpq
from picpq.bits import Bits
from picpq.core import write_whole
from picpq.data import Data, batches
from picpq.deploy import run_onnx, say, session, to_onnx
from picpq.graph import graph_of
from picpq.latency import eight_bits, interleaved, machine, timed
from picpq.modelfile import to_bytes
from picpq.plan import Budget, Plan
from picpq.pretrained import Pretrained
from picpq.quantizers import quantize
from picpq.surgery import prune
from picpq.training import evaluate

shape, candidates, recipe = (3, 32, 32), 120, replace(tuning, epochs=3)
noise = torch.randn(32, *shape, generator=torch.Generator().manual_seed(0))
faster = {"4 times faster": 4.3, "3 times faster": 3.1}  # than dense fp32 in ONNX Runtime; a little more is asked for
bits = Bits((4, 4, 3), activations=8, penalty=0)  # a small file; activations of 8 bits take no longer than those of 4


def make(name: str, made: Pretrained, network: picpq.Network, data: Data) -> Plan:
    "Learn the criterion, and take its plan."
    rank, quick = made.properties["rank"], picpq.HeldOutLoss(made.model, network, data, quantizer="lsq")
    if name not in faster:
        return picpq.learn_criterion(network, rank, quick, Budget(65), Bits(), candidates, sampler="frames").plan
    running = session(say(made.model, shape))
    dense = interleaved({"dense": lambda: run_onnx(running, noise[:1])}, show=False)["dense"].median()
    budget = timed(Budget(1000 * dense / faster[name], "latency", 16, blocks=True), network, made.model, rank, shape, bits)
    return picpq.learn_criterion(network, rank, quick, budget, bits, candidates, sampler="evolution").plan


def times(made: Pretrained, network: picpq.Network, plans: dict[str, Plan]) -> dict[str, dict[str, float]]:
    "Milliseconds and file of each plan, of the dense network, and of that in 8 bits: one interleaved run."
    models = {"dense fp32": say(made.model, shape), "dense int8": to_onnx(eight_bits(made.model, shape), noise)}
    for name, plan in plans.items():
        ready = quantize(prune(made.model, network, plan), plan, noise, "lsq")
        models[name] = to_onnx(graph_of(ready, shape), noise)
    running = {name: session(model) for name, model in models.items()}
    ms = 1000 * interleaved({n: lambda s=s: run_onnx(s, noise[:1]) for n, s in running.items()}, 200).median()
    return {name: {"ms": round(ms[name], 4), "ONNX file (KB)": model.ByteSize() / 1000} for name, model in models.items()}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--share", default="0/1", help="which part of the plans, e.g. 1/2")
    parser.add_argument("--time", action="store_true", help="time the plans of --out, all in one run, and do nothing else")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made = picpq.pretrained("cifar-resnet56")
    network, folder = made.trace(), arguments.out.parent
    rows = pd.read_csv(arguments.out, index_col="plan").to_dict("index") if arguments.out.exists() else {}
    if arguments.time:
        plans = {name: Plan.load(folder / f"ms-{name.replace(' ', '-')}.json") for name in rows if "dense" not in name}
        for name, measured in times(made, network, plans).items():
            rows.setdefault(name, {}).update(measured)
        write_whole(arguments.out, pd.DataFrame.from_dict(rows, "index").rename_axis("plan").to_csv())
        print(pd.DataFrame.from_dict(rows, "index").to_string(), machine(), sep="\n")
        return
    data = picpq.load_data(arguments.data, made.card["seed"])
    for name in share_of(("bit operations", *faster), arguments.share):
        if name in rows:
            continue
        file, state = folder / f"ms-{name.replace(' ', '-')}.json", folder / f".ms-{name.replace(' ', '-')}.pt"
        if not file.exists():
            write_whole(file, make(name, made, network, data).to_json() + "\n")
        plan = Plan.load(file)
        print(name, plan, flush=True)
        tuned = picpq.prepare(made.model, network, plan, data, "lsq", seed=0)
        picpq.train(tuned, data, recipe, 0, teacher=made.model, checkpoint=state, show=False)
        held_out, test = evaluate(tuned, data, "validation"), evaluate(tuned, data)
        exported = to_onnx(graph_of(tuned, shape), data.example(512))
        running = session(exported)
        right = sum((run_onnx(running, x).argmax(1) == y).sum().item() for x, y in batches(data, "test", 250))
        rows[name] = {"× fewer BOPs": plan.ratio(), "× fewer MACs": plan.ratio("macs"),
                      "blocks gone": sum(not f for f in plan.keep.values()),
                      "validation accuracy": held_out["accuracy"], "accuracy": test["accuracy"], "loss": test["loss"],
                      "accuracy in ONNX Runtime": 100 * right / len(data.test),
                      "model file (KB)": len(to_bytes(tuned, shape, plan)) / 1000}
        rows[name] = {k: round(v, 4) for k, v in rows[name].items()}
        write_whole(arguments.out, pd.DataFrame.from_dict(rows, "index").rename_axis("plan").to_csv())
        state.unlink(missing_ok=True)
        print(name, rows[name], flush=True)


if __name__ == "__main__":
    main()
