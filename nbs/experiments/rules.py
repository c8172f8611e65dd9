"""Which bits, at equal bit operations? ResNet20 on CIFAR-10 (JPEG), every rule fine-tuned alike and judged on the validation part.

    python nbs/experiments/rules.py DATA --out nbs/experiments/rules.csv --ratios 100 150 --seeds 0

DATA is CIFAR-10 (JPEG), a folder with train/ and test/. One row a rule, appended as it is measured; a killed run goes on with what
is missing when the command is given again. The test part is not touched. Nothing is learned here: filters go by their rank alone,
where a rule prunes any, so that bits are all that differs.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from setting import add_row, machine, options, rows_done, tuning

import picpq
from picpq.bits import Bits, Harm
from picpq.plan import Budget, Plan, make_plan, uniform_plan
from picpq.quantizers import measure_harm
from picpq.training import evaluate

quantizer = "balanced"


def by_harm(left: float, remeasure: bool = True, share: float = 1.0) -> Callable:
    "The rule that gives bits by least harm, with `left` of the harm of weights, and prunes until `share` of the MACs is left."
    return lambda harm: Bits(harm=harm(remeasure), harm_left=left, share=share)


# name → function of what measures harm (with BatchNorm measured anew, or as trained): bits; None: uniform, nothing pruned
rules: dict[str, Callable | None] = {
    "uniform": None,
    "published rule": lambda _: Bits(),
    "opposite sign": lambda _: Bits(penalty=-1 / 6),
    "no penalty": lambda _: Bits(penalty=0),
    "weights 2, activations 5": lambda _: Bits(2, activations=5, penalty=0),
    "weights 5, activations 2": lambda _: Bits(5, activations=2, penalty=0),
    "harm, BatchNorm as trained": by_harm(0.1, remeasure=False),
    "harm, all of it in weights": by_harm(1),
    "harm, 0.3 in weights": by_harm(0.3),
    "harm, 0.1 in weights": by_harm(0.1),
    "harm, 0.03 in weights": by_harm(0.03),
    "harm, 85 % of the MACs": by_harm(0.1, share=0.85),
}


def plan_of(rule: str, ratio: float, network: picpq.Network, ranks: dict[str, np.ndarray], harm: Callable[[bool], Harm]) -> Plan:
    "The rule's plan."
    if rules[rule] is None:
        return uniform_plan(network, None, Budget(ratio))
    return make_plan(network, ranks, None, Budget(ratio), rules[rule](harm))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--network", default="cifar-resnet20")
    parser.add_argument("--ratios", type=float, nargs="+", default=[100.0, 150.0])
    parser.add_argument("--rules", nargs="+", default=list(rules), choices=list(rules))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    made = picpq.pretrained(a.network)
    network, data = made.trace(), picpq.load_data(a.data, made.card["seed"])
    harm = cache(lambda remeasure: measure_harm(network, made.model, data.example(500), quantizer, remeasure=remeasure))
    recipe = replace(tuning, epochs=a.epochs, compiled=True)
    done = rows_done(a.out, "network", "rule", "budget", "seed", "epochs")
    for seed, ratio, rule in ((s, r, n) for s in a.seeds for r in a.ratios for n in a.rules):
        key = (a.network, rule, f"{ratio:g}", str(seed), str(a.epochs))
        if key in done:
            continue
        plan, started = plan_of(rule, ratio, network, made.properties["rank"], harm), time.time()
        tuned = picpq.prepare(made.model, network, plan, data, quantizer, seed)
        picpq.train(tuned, data, recipe, seed, made.model, label=rule)
        found = evaluate(tuned, data, "validation")
        bits = {part: np.mean([given[n] for n in network.names[1:-1]]) for part, given in
                (("weight bits", plan.weight_bits), ("activation bits", plan.activation_bits))}
        add_row(a.out, {**dict(zip(("network", "rule", "budget", "seed", "epochs"), key)), "× fewer BOPs": plan.ratio(),
                        "MACs left": 1 / plan.ratio("macs"), **{k: float(v) for k, v in bits.items()}, "loss": found["loss"],
                        "accuracy": found["accuracy"], "seconds": round(time.time() - started),
                        "machine": machine(a.threads)})


if __name__ == "__main__":
    main()
