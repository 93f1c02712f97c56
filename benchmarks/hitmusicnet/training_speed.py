"""Training speed of HitMusicNet's nets: an epoch against scikit-learn's MLPRegressor, and memory.

Both learn the same made-up rows with the same widths and batches: the autoencoder of preset 1-A its
input, the popularity net a number from a code. Contestants take turns, an epoch each. Ratios carry
over to machines of the same kind; milliseconds do not.

Our popularity net has its dropout and its Adadelta. scikit-learn knows neither and takes Adam's
steps, so there is a row of ours with these, too. Inside `fit` stopping rows, an eighth of the
others, are looked at after every epoch; scikit-learn's epochs are without.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits
from torch import nn

from benchmarks.common import measuring, script
from benchmarks.common.measuring import Bar, Call, Comparison, Head, Times, bar, run_python
from spdkit.nets.dense import DenseLayers
from spdkit.nets.music_ae import MusicAENet
from spdkit.nets.music_pop import MusicPopNet
from spdkit.nets.training import (
    Data,
    Loss,
    Optimizer,
    Schedule,
    reconstruction_error,
    squared_error,
    train,
)
from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor

Rows = NDArray[np.floating]

PRESET, BATCH = "1-A", 256
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "threadpoolctl", "spdkit")
DTYPES = ("float32", "float64")
PRODUCT = 1024  # rows and columns of the matrices whose product shows what the machine can do
EPILOG = """\
reading it:
  ratio      CPU time of an epoch of scikit-learn's over ours; above 1, ours takes less. In float32
             both do the same arithmetic; float64 is what scikit-learn does with rows as they come
  floor      the matrix products of an epoch at the rate of the fastest large product of this run
  memory     a process of its own fits the preset: its peak, less what it held after its imports
             and a first small fit, over the size of the data. The data count, so 1 is the least
"""
_CHILD = """
import json, sys, time
import numpy as np
from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor

def mb(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(name))

def fit(n_rows, n_columns, dtype):
    X, y = rng.random((n_rows, n_columns), dtype=dtype), 100 * rng.random(n_rows)
    start = time.process_time()
    model = HitMusicNetRegressor.from_preset(preset, max_epochs=2, random_state=0, device="cpu")
    model.fit(X, y)
    return X.nbytes / 2**20, time.process_time() - start

preset, rows, columns, dtype = sys.argv[1:]
rng = np.random.default_rng(0)
fit(100, 10, dtype)
before = mb("VmRSS:")
data_mb, cpu_s = fit(int(rows), int(columns), dtype)
print(json.dumps([data_mb, mb("VmHWM:") - before, cpu_s]))
"""


@dataclass(frozen=True)
class Floor:
    """Additions and multiplications of an epoch's matrix products, their least time, and ours."""

    gflop: float
    floor_ms: float
    ours_ms: float
    ours_over_floor: float


@dataclass(frozen=True)
class Memory:
    """MiB of the data, growth of the process that fits them, and CPU seconds of two epochs."""

    data_mb: float
    peak_mb: float
    peak_over_data: float
    fit_cpu_s: float


@dataclass
class Result(Head):
    """The JSON."""

    preset: str
    batch: int
    widths: dict[str, list[int]] = field(default_factory=dict)
    epochs: dict[str, dict[str, Comparison]] = field(default_factory=dict)
    gflop_per_s: dict[str, float] = field(default_factory=dict)
    floors: dict[str, Floor] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    bars: dict[str, Bar] = field(default_factory=dict)
    times: dict[str, Times] = field(default_factory=dict)


# Contestants


@dataclass(frozen=True)
class Task:
    """What is learned from which rows, and by which nets of ours; the first is the preset's."""

    nets: dict[str, tuple[nn.Module, Optimizer]]
    loss: Loss
    x: Rows
    y: Rows

    @property
    def widths(self) -> list[int]:
        """Of the input and of each layer."""
        net, _ = self.nets["ours"]
        layers = [each for each in net.modules() if isinstance(each, nn.Linear)]
        return [layers[0].in_features, *(each.out_features for each in layers)]

    def gflop(self) -> float:
        """Of an epoch: each layer's output, and the gradients of its weights and its input."""
        sizes = [a * b for a, b in zip(self.widths, self.widths[1:], strict=False)]
        # Nothing asks for the gradient of the rows themselves.
        return 2e-9 * len(self.x) * (3 * sum(sizes) - sizes[0])

    def contestants(self) -> dict[str, Call]:
        """An epoch of each."""
        x = torch.from_numpy(self.x)
        data = Data(x, x if self.y is self.x else torch.from_numpy(self.y))
        stopping = data.rows(slice(max(1, len(x) // 8)))
        calls: dict[str, Call] = {}
        for name, (net, optimizer) in self.nets.items():
            schedule = Schedule(optimizer=optimizer, batch_size=BATCH, max_epochs=1)
            calls[name] = partial(train, net, self.loss, data, None, schedule)
            if name == "ours":
                calls["ours, stopping rows"] = partial(
                    train, net, self.loss, data, stopping, schedule
                )
        for dtype in DTYPES:
            peer = MLPRegressor(
                hidden_layer_sizes=self.widths[1:-1], batch_size=BATCH, alpha=0, random_state=0
            )
            rows = self.x.astype(dtype, copy=False)
            targets = rows if self.y is self.x else self.y.astype(dtype, copy=False)
            calls[f"scikit-learn, {dtype}"] = partial(peer.partial_fit, rows, targets)
        return calls


def tasks(n_rows: int, n_columns: int) -> dict[str, Task]:
    """Make up rows for both nets of the preset."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    model = HitMusicNetRegressor.from_preset(PRESET)
    autoencoder = MusicAENet(n_columns, model.delta, model.initializer)
    popularity = partial(
        MusicPopNet, autoencoder.n_code, 1, model.alphas, initialiser=model.initializer
    )
    X = rng.random((n_rows, n_columns), dtype=np.float32)
    code = rng.random((n_rows, autoencoder.n_code), dtype=np.float32)
    y = rng.random(n_rows, dtype=np.float32)
    return {
        "autoencoder, X to X": Task({"ours": (autoencoder, "adam")}, reconstruction_error, X, X),
        "popularity net, code to y": Task(
            {
                "ours": (popularity(dropout=model.dropout), model.optimizer),
                "ours, no dropout, Adam": (popularity(dropout=0.0), "adam"),
            },
            squared_error,
            code,
            y,
        ),
    }


def compare(times: Times) -> dict[str, Comparison]:
    """Set each of ours against scikit-learn, in single and in double precision."""
    names = [name for name in times.cpu_ms if name.startswith("ours")]
    return {
        f"{name}, against {dtype}": times.compare(f"scikit-learn, {dtype}", name)
        for dtype in DTYPES
        for name in names
    }


# What the machine can do, and memory


def products() -> dict[str, Call]:
    """A large product in single precision, by each library that has a part in this."""
    a = torch.rand(PRODUCT, PRODUCT)
    rows, layer = a.numpy(), DenseLayers([PRODUCT, PRODUCT], "glorot_uniform", "none")
    return {
        "numpy": lambda: rows @ rows,
        "torch": lambda: a @ a,
        "our layers": torch.no_grad()(lambda: layer(a)),
    }


def memory(n_rows: int, n_columns: int, dtype: str) -> Memory:
    """Fit the preset for two epochs in a process of its own, in one thread; needs Linux.

    Raises
    ------
    RuntimeError
        With the traceback, when the process fails.
    """
    sizes = (PRESET, n_rows, n_columns, dtype)
    data_mb, peak_mb, cpu_s = run_python(_CHILD, *sizes)
    return Memory(data_mb, peak_mb, peak_mb / data_mb, cpu_s)


# The run


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__, EPILOG)
    help_ = "of the data (default: 100000)"
    parser.add_argument("--rows", type=script.at_least(BATCH), default=100_000, help=help_)
    script.add_counts(parser, columns=(400, "of the data"), rounds=(3, "epochs of each"))
    script.add_numbers(
        parser, "threads", [1, 2], "numbers of threads to try; the bars are about the first"
    )
    script.add_output(parser, "training")
    return parser.parse_args(argv)


def measure(args: argparse.Namespace) -> Result:
    """Memory first, while this process holds no data; then the epochs."""
    options = ("rows", "columns", "rounds", "threads")
    command = script.command_line("hitmusicnet/training_speed.py", args, *options)
    head = measuring.head("training", command, PACKAGES)
    result = Result(**head, preset=PRESET, batch=BATCH)
    for dtype in DTYPES:
        result.memory[f"X as {dtype}"] = memory(args.rows, args.columns, dtype)
    before = torch.get_num_threads()
    all_tasks = tasks(args.rows, args.columns)
    try:
        for threads in args.threads:
            torch.set_num_threads(threads)
            with threadpool_limits(threads):
                time_epochs(result, all_tasks, args, threads)
    finally:
        torch.set_num_threads(before)
    result.bars = bars(result, args.threads[0])
    return result


def in_threads(name: str, threads: int) -> str:
    """Name of what is measured in so many threads."""
    return f"{name}, {threads} thread{'s' if threads > 1 else ''}"


def time_epochs(
    result: Result, all_tasks: dict[str, Task], args: argparse.Namespace, threads: int
) -> None:
    """Time every contestant, and what the machine can do."""
    rates = measuring.interleave([products()], args.rounds)
    gflop = 2e-9 * PRODUCT**3
    for name in rates.cpu_ms:
        key = in_threads(name, threads)
        result.gflop_per_s[key] = 1e3 * gflop / min(rates.cpu_ms[name])
    fastest = max(result.gflop_per_s[in_threads(name, threads)] for name in rates.cpu_ms)
    for name, task in all_tasks.items():
        times = measuring.interleave([task.contestants()], args.rounds)
        key = in_threads(name, threads)
        result.times[key] = times
        result.epochs[key] = compare(times)
        result.widths[name] = task.widths
        floor_ms, ours_ms = 1e3 * task.gflop() / fastest, times.median("ours")
        result.floors[key] = Floor(task.gflop(), floor_ms, ours_ms, ours_ms / floor_ms)


def bars(result: Result, threads: int) -> dict[str, Bar]:
    """What was promised."""
    limits = {}
    for name in result.widths:
        ratio = result.epochs[in_threads(name, threads)]["ours, against float32"].ratio
        limits[f"{name}: scikit-learn over ours"] = bar(ratio or 0.0, "≥ 1")
    for name, each in result.memory.items():
        limits[f"{name}: memory over data"] = bar(each.peak_over_data, "< 2.5")
    return limits


def report(result: Result, console: Console) -> None:
    """Print every table."""
    console.print(f"{result.command}\n{result.machine['cpu']}, CPU milliseconds an epoch\n")
    for name, rows in result.epochs.items():
        measuring.show(console, name, rows)
    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in result.gflop_per_s.items())
    measuring.show(console, "Ours, and the products alone", result.floors, f"GFLOP/s: {rates}")
    measuring.show(console, f"Memory of a fit of {result.preset}", result.memory)
    measuring.show(console, "What was promised", result.bars)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    result = measure(args)
    script.save(asdict(result), args.output)
    report(result, script.results_console())
    return 0


if __name__ == "__main__":
    script.in_one_thread(main)
