"""Training speed of the content-based LSTM: an epoch against plain torch.nn.LSTM, and memory.

The paper's largest setting: two layers that read samples of 24 clips, each 5 s of sound at 22,050
Hz. Ours reads them from a file a batch at a time, as from a clip store. The peer is torch as one
would write it: `torch.nn.LSTM` with two layers and a linear node, `torch.optim.Adam` as it comes,
the same batches of samples, which it has in memory. Both run in one thread of one process and take
turns, an epoch each. Rows of features show what is left of the difference where clips are small.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import nn

from benchmarks.common import measuring, script
from benchmarks.common.measuring import Bar, Call, Comparison, Head, bar, run_python
from spdkit.audio_models.samples import Samples
from spdkit.nets.clip_lstm import ClipLSTM, squared_error
from spdkit.nets.training import Data, Schedule, train

SOUND, FEATURES = 110_250, 423  # values of a clip
STEPS, UNITS, BATCH = 24, (64, 64), 32
PACKAGES = ("numpy", "scikit-learn", "torch", "spdkit")
EPILOG = """\
reading it:
  ratio      CPU time of the peer's epoch over that of ours; above 1, ours takes less
  memory     a process of its own fits so many songs, a sample each: the peak of all it holds, torch
             and the other libraries included
"""
_CHILD = """
import json, sys
import numpy as np
from benchmarks.play_counts.epoch import BATCH, STEPS, UNITS, songs_of
from spdkit.audio_models import PlayCountRegressor

path, n_songs, n_values = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
songs = songs_of(path, n_songs, n_values)
model = PlayCountRegressor(
    time_steps=STEPS, units=UNITS, batch_size=BATCH, standardize=False, max_epochs=2,
    random_state=0, device="cpu",
)
model.fit(songs, np.arange(n_songs)).predict(songs[:2])
with open("/proc/self/status") as status:
    lines = dict(line.split(":", 1) for line in status)
print(json.dumps(int(lines["VmHWM"].split()[0]) / 1024))
"""


@dataclass(frozen=True)
class FileSong:
    """A sample's clips, one after the other in a file of single precision."""

    path: str
    number: int
    n_values: int

    def __len__(self) -> int:
        return STEPS

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Clips from `start` to before `stop`, shape (stop - start, n_values)."""
        first = (self.number * STEPS + start) * self.n_values
        count = (stop - start) * self.n_values
        values = np.fromfile(self.path, np.float32, count, offset=4 * first)
        return values.reshape(stop - start, self.n_values)


def write_songs(path: Path, n_songs: int, n_values: int) -> None:
    """Write songs of noise, a sample each."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for _ in range(n_songs):
            clips = rng.standard_normal((STEPS, n_values), dtype=np.float32)
            file.write((0.1 * clips).tobytes())


def songs_of(path: str, n_songs: int, n_values: int) -> list[FileSong]:
    """The songs of a file."""
    return [FileSong(path, number, n_values) for number in range(n_songs)]


class PlainNet(nn.Module):
    """The peer."""

    def __init__(self, n_values: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(n_values, UNITS[0], num_layers=len(UNITS), batch_first=True)
        self.node = nn.Linear(UNITS[0], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Numbers, shape (n_rows,)."""
        states, _ = self.lstm(x)
        number: torch.Tensor = self.node(states[:, -1])[:, 0]
        return number


def plain_epoch(
    net: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> None:
    """An epoch of the peer, in batches that are drawn anew."""
    net.train()
    for index in torch.randperm(len(x)).split(BATCH):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x[index]), y[index])
        loss.backward()
        optimizer.step()


def contestants(path: Path, n_songs: int, n_values: int) -> dict[str, Call]:
    """An epoch of each."""
    samples = Samples(songs_of(str(path), n_songs, n_values), STEPS)
    y = torch.from_numpy(np.random.default_rng(1).standard_normal(n_songs, dtype=np.float32))
    torch.manual_seed(0)
    ours, peer = ClipLSTM(n_values, units=UNITS), PlainNet(n_values)
    schedule = Schedule(batch_size=BATCH, max_epochs=1)
    return {
        "peer": partial(plain_epoch, peer, torch.optim.Adam(peer.parameters()), samples[:], y),
        "ours": partial(train, ours, squared_error, Data(samples.held(), y), None, schedule),
    }


@dataclass
class Result(Head):
    """The JSON; `peak_mb` by the number of songs."""

    steps: int
    units: tuple[int, ...]
    batch: int
    values: dict[str, int] = field(default_factory=dict)
    epochs: dict[str, Comparison] = field(default_factory=dict)
    cpu_per_wall: dict[str, float] = field(default_factory=dict)
    peak_mb: dict[str, float] = field(default_factory=dict)
    bars: dict[str, Bar] = field(default_factory=dict)


def measure(args: argparse.Namespace) -> Result:
    """Memory first, while this process holds no data; then the epochs."""
    options = ("songs", "rounds", "memory_songs")
    command = script.command_line("play_counts/epoch.py", args, *options)
    head = measuring.head("play_counts_epoch", command, PACKAGES)
    result = Result(**head, steps=STEPS, units=UNITS, batch=BATCH)
    result.values = {"sound": SOUND, "features": FEATURES}
    with tempfile.TemporaryDirectory() as folder:
        for name, n_values in result.values.items():
            path = Path(folder) / name
            most = max(args.songs, *args.memory_songs) if name == "sound" else args.songs
            write_songs(path, most, n_values)
            if name == "sound":
                for n_songs in args.memory_songs:
                    result.peak_mb[str(n_songs)] = run_python(_CHILD, path, n_songs, n_values)
            times = measuring.interleave([contestants(path, args.songs, n_values)], args.rounds)
            result.epochs[name] = times.compare("peer", "ours")
            result.cpu_per_wall[name] = times.cpu_per_wall
    peaks = list(result.peak_mb.values())
    result.bars = {
        "an epoch of sound: the peer over ours": bar(result.epochs["sound"].ratio or 0.0, "≥ 1"),
        "peak memory, MB": bar(max(peaks), "≤ 1500"),
        "peak of the most songs over that of the fewest": bar(peaks[-1] / peaks[0], "≤ 1.02"),
    }
    return result


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__, EPILOG)
    script.add_counts(parser, songs=(96, "of an epoch"), rounds=(3, "epochs of each"))
    script.add_numbers(parser, "memory-songs", [64, 256], "numbers of songs to fit, from few on")
    script.add_output(parser, "play_counts_epoch")
    return parser.parse_args(argv)


def report(result: Result, console: Console) -> None:
    """Print every table."""
    console.print(f"{result.command}\n{result.machine['cpu']}, CPU milliseconds an epoch\n")
    measuring.show(console, "Ours, and plain torch.nn.LSTM", result.epochs)
    peaks = ", ".join(f"{n} songs {peak:.0f}" for n, peak in result.peak_mb.items())
    measuring.show(console, "What was promised", result.bars, f"peak of a process in MB: {peaks}")


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
