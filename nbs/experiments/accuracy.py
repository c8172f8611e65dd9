"""Accuracy against bit operations: a network on CIFAR-10 (JPEG), compressed by every method, every plan fine-tuned alike.

    python nbs/experiments/accuracy.py DATA --network cifar-resnet20 --ratios 100 --epochs 3 --out nbs/experiments/accuracy.csv

DATA is CIFAR-10 (JPEG), a folder with train/ and test/. One row a network and seed, appended as it is measured; a killed run
goes on where it was when the command is given again; `--share 0/2` and `--share 1/2` divide the networks between two processes
(each with an --out of its own). Searches see held-out training images alone; the test part is looked at once for each network,
after its last step. Plans go to `plans/` beside --out, and the harm of few bits, which is measured once for each network;
compressed networks to `--results`, if it is given (with the candidates of the search, where plan and network were made in one go).
"""

import json
import shlex
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from setting import add_row, machine, options, rows_done, share_of, tuning

import picpq
from picpq.bits import Bits, Harm
from picpq.compression import Case, Settings, carry_out_plan, recreation_of, strategies
from picpq.core import write_whole
from picpq.plan import Plan, uniform_plan
from picpq.quantizers import quantizers
from picpq.training import evaluate

candidates = 100  # of a search


def uniform_bits(network: picpq.Network, ratio: float) -> int:
    "The fewest uniform bits that cost more than the budget with nothing pruned: pruning has to pay the rest."
    return next(b for b in range(2, 9) if uniform_plan(network, b).ratio() < ratio)


# name → function of the network and the ratio: strategy and settings
methods = {
    "PIC-PQ": lambda n, r: ("picpq", Settings(candidates=candidates)),
    "PIC-PQ, a tenth": lambda n, r: ("picpq", Settings(bits=Bits(harm_left=0.1), candidates=candidates)),
    "uniform": lambda n, r: ("uniform", Settings()),
    "unlearned": lambda n, r: ("unlearned", Settings(bits=Bits(uniform_bits(n, r), penalty=0))),
    "dense": lambda n, r: ("unlearned", Settings(bits=Bits(32, ends=32, penalty=0))),  # at --ratios 1: what fine-tuning alone does
}
columns = {"network": "--network", "method": "--methods", "quantizer": "--quantizer", "budget": "--ratios", "seed": "--seeds",
           "epochs": "--epochs", "precision": "--precision"}  # what tells rows apart → its option


def plan_file(method: str, name: str, case: Case, strategy: str, folder: Path) -> Path:
    "The method's plan for the network of that name, made once; one for all seeds where nothing random enters."
    searched = strategy == "picpq"
    parts = [name, method, *[case.settings.quantizer] * searched, f"{case.budget.ratio:g}", *[str(case.seed)] * searched]
    path = folder / ("-".join(parts).replace(", ", "-").replace(" ", "-") + ".json")
    if not path.exists():
        folder.mkdir(exist_ok=True)
        write_whole(path, replace(strategies[strategy](case), strategy=method).to_json() + "\n")
    return path


def read_harm(path: Path) -> Harm | None:
    "What an earlier run measured; nothing, if none did."
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    return Harm(tuple(stored["layers"]), np.array(stored["nats"]))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--network", default="cifar-resnet20")
    parser.add_argument("--ratios", type=float, nargs="+", default=[100.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=["PIC-PQ", "uniform", "unlearned"], choices=list(methods))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--quantizer", default="balanced", choices=list(quantizers))
    parser.add_argument("--precision", default="bf16", choices=["bf16", "fp32"], help="of fine-tuning")
    parser.add_argument("--share", default="0/1", help="which part of the networks, e.g. 1/2")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--results", type=Path, help="folder for the compressed networks")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    made = picpq.pretrained(a.network)
    network, data = made.trace(), picpq.load_data(a.data, made.card["seed"])
    made.model.to(a.device)
    tune = replace(tuning, epochs=a.epochs, precision=a.precision, compiled=True)
    recreation = recreation_of(made.card["model"], data, Settings(quantizer=a.quantizer), made.card["seed"])
    done, measured = rows_done(a.out, *columns), a.out.parent / "plans" / f"{a.network}-harm-{a.quantizer}.json"
    for seed, ratio, method in share_of(((s, r, m) for s in a.seeds for r in a.ratios for m in a.methods), a.share):
        key = (a.network, method, a.quantizer, f"{ratio:g}", str(seed), str(a.epochs), a.precision)
        if key in done:
            continue
        strategy, settings = methods[method](network, ratio)
        settings = replace(settings, quantizer=a.quantizer, tune=tune)
        state, found = (a.out.parent / f".{'-'.join(key)}.{end}" for end in ("pt", "db"))
        ranks = {"rank": made.properties["rank"]}
        case = Case(network, made.model, data, picpq.Budget(ratio), settings, seed, str(found), measured=ranks,
                    harm=read_harm(measured))
        path = plan_file(method, made.name, case, strategy, measured.parent)
        if case.harm and not measured.exists():
            write_whole(measured, json.dumps({"layers": case.harm.layers, "nats": case.harm.nats.tolist()}) + "\n")
        plan, started, again = Plan.load(path), time.time(), state.exists()
        result = carry_out_plan(case, plan, recreation, state)
        seconds = None if again else round(time.time() - started)
        held_out, test = evaluate(result.model, data, "validation"), result.metrics
        add_row(a.out, {**dict(zip(columns, key)), "plan": path.name,
                        "× fewer BOPs": plan.ratio(), "MACs left": 1 / plan.ratio("macs"),
                        "validation loss": held_out["loss"], "validation accuracy": held_out["accuracy"], "loss": test["loss"],
                        "accuracy": test["accuracy"], "seconds": seconds, "machine": machine(a.threads, a.device)})
        if a.results:
            a.results.mkdir(exist_ok=True)
            result.model.cpu()
            given = [part for pair in zip(columns.values(), key) for part in pair] + ["--threads", str(a.threads)]
            result.settings["command"] = shlex.join(["python", "nbs/experiments/accuracy.py", "DATA", *given])
            result.save(a.results / state.stem[1:])
        state.unlink()
        found.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
