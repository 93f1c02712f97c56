"""Training speed of LSTM-RPA's grid: our grouped units against the same networks in plain torch.

The grid of one cell: 8 time steps p = 1 to 8 (q = p) × 49 series × 200 epochs of the SF-LSTM, and a
month's forecast with every shift s = 1 to p. The peer is torch as one would write it: a module with
a loop over time steps, autograd, `torch.optim.Adam`, one series after another, the same batches and
initial weights. (`torch.nn.LSTM` has no ReLU.) Both run in one thread of one process and take
turns, an equal number of epochs each; the peer's whole grid is scaled linearly from these, ours is
run in full.

Keras adds Adam's eps to the root of the second moment as it is, torch to the corrected one. So that
the weights can be compared, the peer gets Keras's by setting torch's anew before each step; how
far apart the two conventions lie is reported besides.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.common import measuring, script
from benchmarks.common.measuring import Bar, Comparison, Head, bar, compare
from benchmarks.lstm_rpa.series import DROPPED
from benchmarks.lstm_rpa.torch_peer import BATCH, PlainUnit, train_plainly
from spdkit.forecast.models.rolling import Rolling, cut, roll_all
from spdkit.nets.recurrent.training import train
from spdkit.nets.recurrent.unit import RecurrentUnit

TIME_STEPS = tuple(range(1, 9))
DAYS, HORIZON = 153, 30  # March to July, and the first 30 days of August
EPOCHS = 200
COMPARED = 5  # epochs after which weights are compared
UNITS = (64, 32)
PACKAGES = ("numpy", "torch", "numba", "pandas", "spdkit")
PRODUCT = 1024  # rows and columns of the matrices whose product shows what the machine can do
EPILOG = """\
reading it:
  ratio    CPU time of the peer's epochs over that of as many of ours; low and high are of one round
  floor    the matrix products of the grid at the rate of the fastest large product of this run
  gap      the largest difference of a weight between ours and the peer's after five epochs
"""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """CPU seconds of the whole grid.

    `ours_s` is measured: initial weights and training. `peer_scaled_s` is the epochs that were run,
    times all epochs over those.
    """

    pairs: int
    steps: int
    gflop: float
    floor_s: float
    ours_s: float
    ours_over_floor: float
    forecasts_s: float
    peer_scaled_s: float


@dataclass(frozen=True)
class Gap:
    """Largest difference of a weight from the peer's, with either convention of eps."""

    keras_eps: float
    torch_eps: float


@dataclass
class Result(Head):
    """The JSON."""

    series: int
    source: str
    epochs: dict[str, Comparison] = field(default_factory=dict)
    gaps: dict[str, Gap] = field(default_factory=dict)
    gflop_per_s: dict[str, float] = field(default_factory=dict)
    grid: dict[str, Grid] = field(default_factory=dict)
    bars: dict[str, Bar] = field(default_factory=dict)
    rounds_s: dict[str, dict[str, list[float]]] = field(default_factory=dict)


# Data


def random_walks(n_series: int) -> Values:
    """Walks in [0, 1], shape (n_series, days)."""
    steps = np.random.default_rng(0).standard_normal((n_series, DAYS))
    return _scaled(steps.cumsum(axis=1))


def artists(path: Path, n_series: int) -> Values:
    """Daily plays of the paper's artists in its training period, each scaled to [0, 1].

    Raises
    ------
    ValueError
        When the table does not hold so many series of as many days without gaps.
    """
    table = pd.read_csv(path, dtype={"ds": str})
    table = table[(table["artist_id"] != DROPPED) & (table["ds"] <= "20150731")]
    plays = table.pivot(index="artist_id", columns="ds", values="plays").to_numpy(dtype=float)
    if len(plays) < n_series or plays.shape[1] != DAYS or np.isnan(plays).any():
        raise ValueError(
            f"{path.name} must have {n_series} series of {DAYS} days to 31 July without gaps, "
            f"found {plays.shape[0]} of {plays.shape[1]} with {np.isnan(plays).sum()} gaps"
        )
    return _scaled(plays[:n_series])


def _scaled(values: Values) -> Values:
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    scaled: Values = (values - low) / (high - low)
    return scaled


def pairs(values: Values, p: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Training pairs as the published code cuts them, shape (n_series, n_pairs, p, 1) both."""
    x, y = cut(values[:, :, None], p, p, "reference")
    return torch.from_numpy(x).float().contiguous(), torch.from_numpy(y).float().contiguous()


# Measuring


def unit_of(p: int) -> RecurrentUnit:
    """The published unit that sees p days."""
    return RecurrentUnit("lstm", p, p, units=UNITS)


def take_turns(values: Values, p: int, epochs: int, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of the same epochs, the peer's and ours, a round each."""
    x, y = pairs(values, p)
    unit = unit_of(p)
    initial = unit.initial(range(len(x)))
    train(unit, x, y, initial=initial, epochs=1)  # loaded code is no epoch's cost
    times: dict[str, list[float]] = {"peer": [], "ours": []}
    for _ in range(rounds):
        nets = [PlainUnit(initial, model) for model in range(len(x))]
        start = time.process_time()
        for net, some_x, some_y in zip(nets, x, y, strict=True):
            train_plainly(net, some_x, some_y, epochs, keras_eps=True)
        middle = time.process_time()
        train(unit, x, y, initial=initial, epochs=epochs, batch_size=BATCH)
        times["peer"].append(middle - start)
        times["ours"].append(time.process_time() - middle)
    return times


def gap(values: Values, p: int, keras_eps: bool) -> float:
    """Largest difference of a weight between ours and the peer's, over all series."""
    x, y = pairs(values, p)
    unit = unit_of(p)
    initial = unit.initial(range(len(x)))
    ours = train(unit, x, y, initial=initial, epochs=COMPARED, batch_size=BATCH).weights
    largest = 0.0
    for model, (some_x, some_y) in enumerate(zip(x, y, strict=True)):
        net = PlainUnit(initial, model)
        train_plainly(net, some_x, some_y, COMPARED, keras_eps)
        for name, value in net.weights().items():
            largest = max(largest, float((ours[name][model] - value).abs().max()))
    return largest


def whole_grid(values: Values, p: int, epochs: int) -> tuple[float, float]:
    """CPU seconds of ours: training in full, and a month's forecasts with every shift."""
    x, y = pairs(values, p)
    unit = unit_of(p)
    start = time.process_time()
    weights = train(unit, x, y, seeds=range(len(x)), epochs=epochs, batch_size=BATCH).weights
    middle = time.process_time()
    rollings = [Rolling(shift, mode="reference") for shift in range(1, p + 1)]
    roll_all(
        lambda windows: unit.forward(weights, torch.from_numpy(windows).float()).double().numpy(),
        *(values[:, :, None], HORIZON, p, p, rollings),
    )
    return middle - start, time.process_time() - middle


def gflop(p: int, n_pairs: int) -> float:
    """Additions and multiplications of an epoch's matrix products, of one model.

    Each layer's products of inputs and of states, the gradients of their weights, and, but for the
    first layer's inputs, their own; the state before the first step is 0 and left out.
    """
    (first, second), late = UNITS, p - 1
    forwards = first * 4 * first * late + 4 * second * (first * p + second * late) + second * p
    inputs = 2 * 4 * first * p  # of width 1, whose gradient nobody asks for
    return 2e-9 * n_pairs * (3 * forwards + inputs)


def rates() -> dict[str, float]:
    """GFLOP/s of a large product, by the library that torch takes for it."""
    a = torch.rand(PRODUCT, PRODUCT)
    calls = {"torch.mm": lambda: a @ a}
    # oneDNN's, which torch offers under this name alone, is the faster on AMD's processors.
    if (onednn := getattr(torch.ops.mkldnn, "_linear_pointwise", None)) is not None:
        calls["oneDNN"] = lambda: onednn(a, a, None, "none", [], "")
    times = measuring.interleave([calls], 5).cpu_ms
    return {name: 2e-6 * PRODUCT**3 / min(each) for name, each in times.items()}


def measure(args: argparse.Namespace) -> Result:
    """Both for as many epochs, in turns; then ours in full."""
    values = artists(args.data, args.series) if args.data else random_walks(args.series)
    options = ("series", "epochs", "peer_epochs", "rounds")
    data = ("--data", args.data.name) if args.data else ()  # without folders
    command = script.command_line("lstm_rpa/training_speed.py", args, *options, first=data)
    head = measuring.head("forecast_speed", command, PACKAGES)
    source = "artists' plays" if args.data else "random walks"
    result = Result(**head, series=len(values), source=source)
    result.gflop_per_s = rates()
    for p in TIME_STEPS:
        name = f"p = {p}"
        result.gaps[name] = Gap(gap(values, p, True), gap(values, p, False))
        result.rounds_s[name] = take_turns(values, p, args.peer_epochs, args.rounds)
        result.grid[name] = _row(result, values, p, args)
    fill_sums(result)
    result.bars = {
        "peer over ours, equal epochs": bar(result.epochs["all"].ratio or 0.0, "≥ 8", "≥ 12"),
        f"largest gap after {COMPARED} epochs": bar(
            max(each.keras_eps for each in result.gaps.values()), "≤ 1e-4"
        ),
    }
    return result


def _row(result: Result, values: Values, p: int, args: argparse.Namespace) -> Grid:
    x, _ = pairs(values, p)
    ours, forecasts = whole_grid(values, p, args.epochs)
    work = args.epochs * len(values) * gflop(p, x.shape[1])
    floor = work / max(result.gflop_per_s.values())
    peer = float(np.median(result.rounds_s[f"p = {p}"]["peer"]))
    steps = args.epochs * -(-x.shape[1] // BATCH)
    scaled = peer * args.epochs / args.peer_epochs
    return Grid(x.shape[1], steps, work, floor, ours, ours / floor, forecasts, scaled)


def fill_sums(result: Result) -> None:
    """Compare the rounds of each p, and of all; sum the grid."""
    for name, each in result.rounds_s.items():
        result.epochs[name] = compare(*([1e3 * s for s in each[who]] for who in ("peer", "ours")))
    sums = [
        [sum(each) for each in zip(*(r[who] for r in result.rounds_s.values()), strict=True)]
        for who in ("peer", "ours")
    ]
    result.epochs["all"] = compare(*([1e3 * s for s in each] for each in sums))
    rows = list(result.grid.values())
    total = {name: sum(getattr(row, name) for row in rows) for name in asdict(rows[0])}
    total["ours_over_floor"] = total["ours_s"] / total["floor_s"]
    result.grid["all"] = Grid(**total)


# The run


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__, EPILOG)
    help_ = "artist_daily_p1.csv.gz, the paper's artists by day (default: random walks)"
    parser.add_argument("--data", type=Path, metavar="CSV", help=help_)
    script.add_counts(
        parser,
        series=(49, "how many"),
        epochs=(EPOCHS, "of the grid"),
        peer_epochs=(20, "epochs in which both take turns"),
        rounds=(3, "turns of each"),
    )
    script.add_output(parser, "forecast_speed")
    return parser.parse_args(argv)


def report(result: Result, console: Console) -> None:
    """Print every table."""
    console.print(f"{result.command}\n{result.machine['cpu']}, {result.series} series\n")
    measuring.show(console, "CPU milliseconds of equal epochs", result.epochs)
    measuring.show(console, "The same weights", result.gaps)
    speeds = ", ".join(f"{name} {rate:.0f}" for name, rate in result.gflop_per_s.items())
    measuring.show(console, "The whole grid, CPU seconds", result.grid, f"GFLOP/s: {speeds}")
    measuring.show(console, "What was promised", result.bars)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        result = measure(args)
    finally:
        torch.set_num_threads(before)
    script.save(asdict(result), args.output)
    report(result, script.results_console())
    return 0


if __name__ == "__main__":
    script.in_one_thread(main)
