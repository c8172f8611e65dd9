"""How stiff is each chain of tied layers? Load it alone: prune a share of its weakest filters, and see how much the loss rises.

    python nbs/experiments/loads.py DATA --out nbs/experiments/loads.csv

ResNet20 on CIFAR-10 (JPEG), a folder with train/ and test/, of which held-out training images alone are seen. Bits follow
the plan's rule from maximum bitwidths 5, 5, 4, the quick fitness judges. Two minutes on one thread.
"""

import numpy as np
import pandas as pd
from setting import bits, dense_network, options

import picpq
from picpq.bits import allocate, maximum_bits, surviving_share
from picpq.core import progress, write_whole
from picpq.criterion import importance, unit_entries
from picpq.plan import plan_from
from picpq.search import ShiftedFrames

shares = (0.0, 0.01, 0.125, 0.25, 0.5)  # 1 %: one unit


def main() -> None:
    arguments = options(__doc__).parse_args()
    made, network, data = dense_network(arguments.data)
    fp = made.properties["rank"]
    frames, quick = ShiftedFrames(network, fp), picpq.HeldOutLoss(made.model, network, data, quantizer="lsq")
    _, _, _, layer, unit, _ = unit_entries(network)
    chain_of_unit = np.zeros(network.units, dtype=int)
    chain_of_unit[unit] = frames.chain[layer]
    standardized = picpq.Criterion.from_arrays(frames.layers, *frames.shifted(np.zeros(frames.dimensions)))
    force, maximum = importance(network, fp, standardized), maximum_bits(network, bits)
    rows = []
    for chain, head in enumerate(progress(frames.heads, "chains")):
        units = np.flatnonzero(chain_of_unit == chain)
        weakest = units[np.argsort(force[units], kind="stable")]
        for share in shares:
            count = int(np.ceil(share * len(units)))
            keep = np.ones(network.units, dtype=bool)
            keep[weakest[:count]] = False
            given = allocate(*surviving_share(network, keep), maximum, bits.penalty)
            plan = plan_from(network, keep, given, given)
            rows.append({"chain": head, "layers": int((frames.chain == chain).sum()), "units": len(units), "pruned": count,
                         "loss": quick(plan), "BOPs (% of dense)": 100 / plan.ratio()})
    write_whole(arguments.out, pd.DataFrame(rows).round(5).to_csv(index=False))


if __name__ == "__main__":
    main()
