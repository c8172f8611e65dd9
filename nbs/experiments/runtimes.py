"""The same ONNX file elsewhere: what was tried, and how it ran. ResNet56 on CIFAR-10 (JPEG), batch 1, one thread.

    pip install openvino executorch
    python nbs/experiments/runtimes.py DATA --plan nbs/experiments/ms-4-times-faster.json --out nbs/experiments/runtimes.csv

DATA is CIFAR-10 (JPEG), a folder with train/ and test/. One row a runtime and network: milliseconds (medians of one interleaved
run), and of 1,000 training images how many get the class that ONNX Runtime gives. Weights are quantized, not
fine-tuned: times and agreement do not hang on that. OpenVINO reads the files that ONNX Runtime reads. ExecuTorch lowers the network
to XNNPACK: the dense one, and the compressed one with its quantizers as `quantized_decomposed` operations.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from setting import options
from torch import nn

import picpq
from picpq.core import write_whole
from picpq.deploy import quantize_between, run_onnx, say, session, to_onnx
from picpq.graph import Graph, filled, graph_of, operations
from picpq.integer import fold_norms
from picpq.latency import interleaved

shape = (3, 32, 32)


def openvino(model: object, folder: str) -> Callable[[torch.Tensor], torch.Tensor]:
    "An ONNX model in OpenVINO, on one thread."
    import onnx
    import openvino as ov

    path = f"{folder}/{model.ByteSize()}.onnx"
    onnx.save(model, path)
    compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"})
    return lambda x: torch.from_numpy(compiled(x.numpy())[0])


class Decomposed(nn.Module):
    "A graph with its quantizers said in the operations that XNNPACK's partitioner looks for."

    def __init__(self, graph: Graph):
        super().__init__()
        self.graph, self.steps = graph, {k: float(v) for k, v in graph.tensors.items() if v.numel() == 1}
        for k, v in graph.tensors.items():
            self.register_buffer(k.replace(".", "_"), v)
        for step in graph.steps:
            if step.kind == "dequantize":
                filters = graph.tensors[step.arguments[0]["$"]].shape[0]
                self.register_buffer(f"{step.name}_zeros", torch.zeros(filters, dtype=torch.int64))

    def quantizer(self, x: torch.Tensor, step: float, low: int, high: int) -> torch.Tensor:
        said, zero = torch.ops.quantized_decomposed, 0 if low < 0 else -128
        x = x if high in (127, 255) else nn.functional.hardtanh(x, low * step, high * step)
        grid = step, zero, -128, 127, torch.int8
        return said.dequantize_per_tensor(said.quantize_per_tensor(x, *grid), *grid)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = {k: getattr(self, k.replace(".", "_")) for k in self.graph.tensors} | {self.graph.input: x}
        for step in self.graph.steps:
            given, named = filled(step.arguments, values), filled(dict(step.options), values)
            if step.kind == "fake_quantize":
                values[step.name] = self.quantizer(given[0], self.steps[step.arguments[1]["$"]], *given[2:])
            elif step.kind == "dequantize":
                zeros = getattr(self, f"{step.name}_zeros")
                values[step.name] = torch.ops.quantized_decomposed.dequantize_per_channel(*given, zeros, 0, -127, 127, torch.int8)
            else:
                values[step.name] = operations[step.operation](*given, **named)
        return values[self.graph.output]


def executorch(model: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    "A network lowered to XNNPACK, for one image."
    import torch.ao.quantization.fx._decomposed  # noqa: F401  (makes its operations known)
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from executorch.extension.pybindings.portable_lib import _threadpool_get_thread_count, _unsafe_reset_threadpool
    from executorch.runtime import Runtime

    _unsafe_reset_threadpool(1)
    assert _threadpool_get_thread_count() == 1
    exported = torch.export.export(model.eval(), (torch.zeros(1, *shape),))
    program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    kept = Runtime.get().load_program(program.buffer)
    method = kept.load_method("forward")
    return lambda x, kept=kept: torch.cat([method.execute([one[None]])[0].clone() for one in x])


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="a plan of the package's ResNet56")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made, plan = picpq.pretrained("cifar-resnet56"), picpq.Plan.load(arguments.plan)
    network, data = made.trace(), picpq.load_data(arguments.data, made.card["seed"])
    graph = graph_of(picpq.prepare(made.model, network, plan, data, "lsq"), shape)
    dense, compressed = say(made.model, shape), to_onnx(graph, data.example(512))
    between, folder = quantize_between(fold_norms(graph), data.example(512)), tempfile.mkdtemp()
    ways = {
        ("PyTorch, eager", "dense fp32"): lambda: lambda x: made.model(x),
        ("picpq.load_model, eager", "compressed"): lambda: graph,
        ("ONNX Runtime", "dense fp32"): lambda: partial(run_onnx, session(dense)),
        ("ONNX Runtime", "compressed"): lambda: partial(run_onnx, session(compressed)),
        ("OpenVINO", "dense fp32"): lambda: openvino(dense, folder),
        ("OpenVINO", "compressed"): lambda: openvino(compressed, folder),
        ("ExecuTorch, XNNPACK", "dense fp32"): lambda: executorch(made.model),
        ("ExecuTorch, XNNPACK", "compressed"): lambda: executorch(Decomposed(between)),
    }
    images = data.example(1000)
    running, rows = {}, []
    for key, start in ways.items():
        try:
            running[key] = start()
        except Exception as error:  # whatever another project raises is what the table is for
            rows.append({"runtime": key[0], "network": key[1], "what it said": str(error).strip().splitlines()[0][:120]})
    with torch.inference_mode():
        classes = {key: run(images).argmax(1) for key, run in running.items()}
        ms = 1000 * interleaved({"\t".join(key): lambda r=run: r(images[:1]) for key, run in running.items()}, 100).median()
    for key in running:
        same = (classes[key] == classes["ONNX Runtime", key[1]]).sum().item()
        rows.append({"runtime": key[0], "network": key[1], "ms": round(ms["\t".join(key)], 4), "same class, of 1,000": same})
    rows.sort(key=lambda row: list(ways).index((row["runtime"], row["network"])))
    table = pd.DataFrame(rows, columns=["runtime", "network", "ms", "same class, of 1,000", "what it said"])
    write_whole(arguments.out, table.to_csv(index=False))
    print(table.to_string())


if __name__ == "__main__":
    main()
