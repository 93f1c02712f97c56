"""Tables of audio extraction: the numbers of the JSON, and what follows from times."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from rich.console import Console

from benchmarks.common import measuring
from benchmarks.common.measuring import Bar, Comparison, Head, Times, bar
from benchmarks.extraction.audio_accuracy import Deviation
from benchmarks.extraction.end_to_end import Batches
from benchmarks.extraction.fresh_process import Fresh, LongFile
from benchmarks.extraction.sounds import FORMATS

PROFILES = ("paper", "spotgentrack")
PEERS = ("naive librosa", "shared STFT", 'engine="librosa"', "ours, new tunings")


@dataclass(frozen=True)
class Distance:
    """CPU milliseconds of one file, and decoding and features together over parts of it."""

    extract_ms: float
    decode_ms: float
    bare_read_ms: float
    fft_ms: float
    fft_single_ms: float
    over_decode: float
    over_bare_read: float
    over_floor: float
    over_floor_single: float


@dataclass
class Result(Head):
    """The JSON; a part that was left out is empty."""

    clips: list[str]
    unused: dict[str, str]
    left_out: list[str] = field(default_factory=list)
    bars: dict[str, Bar] = field(default_factory=dict)
    whole_clip: dict[str, Comparison] = field(default_factory=dict)
    families: dict[str, Comparison] = field(default_factory=dict)
    decoding: dict[str, Comparison] = field(default_factory=dict)
    decoded_file: str = ""
    distances: dict[str, Distance] = field(default_factory=dict)
    deviation_clips: int = 0
    deviations: dict[str, Deviation] = field(default_factory=dict)
    fresh_process: dict[str, Fresh] = field(default_factory=dict)
    long_file: LongFile | None = None
    batches: Batches | None = None
    times: dict[str, Times] = field(default_factory=dict)


def tabulate(result: Result) -> None:
    """Fill in the comparisons from the times."""
    clips, families, decoding = (result.times[part] for part in ("clips", "families", "decoding"))
    for profile in PROFILES:
        for peer in (f"{profile}: {peer}" for peer in PEERS):
            result.whole_clip[peer] = clips.compare(peer, f"{profile}: ours")
    result.families = family_rows(families)
    for suffix in FORMATS:
        result.decoding[suffix] = decoding.compare(f"{suffix}: whole file", f"{suffix}: window")
    result.distances = distances(decoding)
    result.bars = bars(result)


def family_rows(times: Times) -> dict[str, Comparison]:
    """A row a family, their sum, and the whole clip as it is extracted."""
    rows = {}
    stages = [name.removesuffix(": ours") for name in times.cpu_ms if name.endswith(": ours")]
    stages.remove("whole clip")
    for name in stages:
        peer, ours = f"{name}: naive librosa", f"{name}: ours"
        alone = Comparison(None, times.median(ours))
        rows[name] = times.compare(peer, ours) if peer in times.cpu_ms else alone
    peers = [name for name in times.cpu_ms if name.endswith(": naive librosa")]
    mine = [f"{name}: ours" for name in stages]
    rows["sum of the rows"] = measuring.compare(times.sums(peers), times.sums(mine))
    rows["whole clip"] = Comparison(None, times.median("whole clip: ours"))
    return rows


def bars(result: Result) -> dict[str, Bar]:
    """What was promised, and what was measured."""
    ratio = result.whole_clip["paper: naive librosa"].ratio or 0.0
    held = {
        "paper: naive librosa over ours": bar(ratio, "≥ 40", "≥ 75"),
        "paper, mp3: extraction over decoding": bar(
            result.distances["paper: mp3"].over_decode, "≤ 2.5", "≤ 2"
        ),
    }
    if result.fresh_process:
        for name, row, limit in (("cold", "ours, cold", "< 20"), ("warm", "ours", "< 2")):
            process = result.fresh_process[row]
            held[f"first call, {name}: s"] = bar(process.first_ms / 1e3, limit)
            held[f"imports and first call, {name}: wall s"] = bar(process.wall_ms / 1e3, limit)
    if result.long_file:
        gigabytes = result.long_file.peak_mb * 2**20 / 1e9
        held[f"{result.long_file.hours:g} hours: peak memory, GB"] = bar(gigabytes, "< 1")
    if result.batches:
        held["2 processes over 1"] = bar(result.batches.speed_up, "≥ 1.6")
    return held


def distances(times: Times) -> dict[str, Distance]:
    """How far decoding and features together are from decoding alone, and from the floor."""
    by_file = {}
    fft, single = times.median("FFT"), times.median("FFT, single precision")
    for name in (f"{profile}: {suffix}" for profile in PROFILES for suffix in FORMATS):
        suffix = name.split(": ")[1]
        both, decode = times.median(name), times.median(f"{suffix}: window")
        read = times.median(f"{suffix}: bare read")
        over = (both / decode, both / read, both / (read + fft), both / (read + single))
        by_file[name] = Distance(both, decode, read, fft, single, *over)
    return by_file


def report(result: Result, console: Console) -> None:
    """Print every table."""
    console.print(f"{result.command}\n{result.machine['cpu']}, one thread, CPU milliseconds\n")
    show = partial(measuring.show, console)
    note = '"new tunings": of which the process has no constant-Q tables yet; it keeps the latest'
    show("Whole clip, decoded: librosa against ours", result.whole_clip, note)
    note = '"shared": frames, FFT, both windows; ours computes roll-offs and RMS in any case'
    show('Families of "paper": naive librosa against ours', result.families, note)
    note = f"{result.decoded_file}; Opus is resampled from 48 kHz"
    show("Decoding: the whole file against its middle window", result.decoding, note)
    show("Decoding and extracting a window over decoding it, and over the floor", result.distances)
    note = f"{result.deviation_clips} clips; faint frames are left out, but for the columns"
    show("Deviation from librosa", result.deviations, note)
    if result.fresh_process:
        note = (
            "MiB; cold: numba compiles; ratio: librosa over ours, warm (it loads itself at a call)"
        )
        show("Fresh process, numba's cache cold and warm", result.fresh_process, note)
    if result.long_file:
        show("A whole file of hours, mono, in a fresh process; MiB", {"": result.long_file})
    if result.batches:
        each = result.batches
        note = (
            f"two processes over one: {each.speed_up:.3g} ({each.low:.3g} to {each.high:.3g}), "
            f"after the start {each.speed_up_after_start:.3g}; {len(result.clips)} files under "
            "new names, so that few tunings are new"
        )
        show("Batches of files into a store: wall time", each.rates, note)
    show("What was promised", result.bars)
    for part in result.left_out:
        console.print(f"left out: {part}")
    if any(times.cpu_per_wall > 1.05 for times in result.times.values()):
        console.print("more than one thread ran: CPU time exceeds wall time")
