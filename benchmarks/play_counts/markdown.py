"""Markdown of play counts from sound: pages, from the JSON of a run and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.common.markdown import (
    UNKNOWN,
    Entry,
    join_blocks,
    number,
    package_versions,
    table,
)
from benchmarks.play_counts.contenders import LSTM, PAPER, TITLES

_LOOKS = "[play_count_looks.md](play_count_looks.md)"


def planted_page(record: Entry) -> str:
    """Planted tastes."""
    return join_blocks(_planted(record))


def _planted(record: Entry) -> Iterator[str]:
    seeds, summary = record["seeds"], record["summary"]
    first, means = seeds[0], summary["means"]
    yield "# Planted tastes: what is learned of a rule that is known"
    yield f"`{record['command']}`"
    yield (
        f"{first['n_excerpts']} excerpts of 30 s of {first['n_tracks']} tracks of real music; "
        f"plays of {len(seeds)} made-up listeners are two standardised quantities of tempo, "
        f"centroid, onset rate, loudness and mode ({first['explainable']:.0%} of the variance), "
        "and chance. Numbers are mean squared errors over that of the mean of the plays, on the "
        f"same excerpts: who knows the rule has {1 - first['explainable']:.1f}. Five folds; "
        f"settings were chosen on other seeds ({_LOOKS}). {record['machine']['cpu']}; "
        f"{package_versions(record)}."
    )
    names = [name for name in means["song"] if name in TITLES]
    heads = ["whole tracks", "segments", "random taste, whole tracks", "random taste, segments"]
    parts = ("song", "segment", "random_song", "random_segment")
    rows = [[TITLES[name], *(number(means[part][name], 3) for part in parts)] for name in names]
    yield table([f"mean of {len(seeds)} seeds", *heads], rows)
    n = summary["n_seeds"]
    yield (
        f"The LSTM lies at least a quarter below the mean for {summary['quarter_below']} of {n} "
        f"listeners, and below it by more than chance (interval over tracks) for "
        f"{summary['gain_above_0']}. Random tastes are not learned: the interval of its gain holds "
        f"0 for {summary['random_holds_0']} of {n}, and lies above it for "
        f"{summary['random_learned']}." + _flattery(means)
    )
    yield "## Each listener, whole tracks held out"
    rows = [
        [
            f"{seed['seed']}: {' and '.join(seed['quantities'])}",
            *(number(seed["song"][name], 3) for name in names if name != "mean"),
            _gain(seed["song"]),
            _gain(seed["random_tastes"]),
        ]
        for seed in seeds
    ]
    heads = [TITLES[name] for name in names if name != "mean"]
    yield table(["seed", *heads, "gain of the LSTM", "its gain, random taste"], rows)
    yield (
        "A gain is the share by which the error lies below the mean's, with its 95 % interval of "
        "resamples of tracks. Rows of AudioExtractor do not know the tempo, nor a mode that 70 "
        "tracks could show; the LSTM sees both in its clips, and so does the last ridge."
    )


def _flattery(means: Entry) -> str:
    if PAPER not in means["random_segment"]:
        return ""
    segment, song = (means[part][PAPER] for part in ("random_segment", "random_song"))
    return (
        f" The paper's split by segments, of its training, makes {1 - segment:+.0%} of a taste "
        f"that is nothing but chance; by whole tracks the same net has {1 - song:+.0%}."
    )


def _gain(scores: Entry) -> str:
    gain = scores["gain"][LSTM]
    if gain["low"] is None:
        return f"{gain['value']:+.0%}"
    return f"{gain['value']:+.0%} [{gain['low']:+.0%}, {gain['high']:+.0%}]"


def sweep_page(record: Entry) -> str:
    """The paper's sweep."""
    return join_blocks(_sweep(record))


def _sweep(record: Entry) -> Iterator[str]:
    yield "# The play-count paper's sweep"
    yield f"`{record['command']}`"
    users = ", ".join(f"{user['n_songs']}" for user in record["users"])
    yield (
        f"{record['log'].capitalize()}; clips of 5 s ({record['kind']}); songs of users 1 to "
        f"{len(record['users'])}: {users}. A tenth tests: of the samples (segment, the paper's), "
        f"or of the songs. {record['machine']['cpu']}; {package_versions(record)}."
    )
    runs = record["runs"]
    scored = [run for run in runs if run["mse"] is not None]
    diverged = sum(run["diverged"] for run in runs)
    yield (
        f"{len(runs)} runs, {diverged} of which diverged (no finite loss, or twice the mean's "
        f"error at the end); {len(runs) - len(scored)} have no score (too few samples or no loss); "
        f"{record['n_missing']} are missing."
    )
    for split in dict.fromkeys(run["split"] for run in runs):
        yield f"## Split by {split}"
        of_split = [run for run in scored if run["split"] == split]
        best = [entry for entry in record["best"] if entry["split"] == split]
        rows = [
            [
                f"user {entry['user']}" if entry["user"] else "all users, one setting",
                str(entry["layers"]),
                str(entry["steps"]),
                number(entry["mse"], 3),
                number(entry.get("mean_mse"), 3) if entry["user"] else UNKNOWN,
            ]
            for entry in best
        ]
        yield table(["best of", "layers", "time steps", "MSE", "the mean's MSE"], rows)
        if of_split:
            worse = sum(run["mse"] >= run["mean_mse"] for run in of_split)
            yield (
                f"{worse} of {len(of_split)} runs do no better than the mean. The best of so many "
                "is chosen on what it is scored on: it flatters."
            )
    if figures := record.get("figures"):
        for split, name in figures.items():
            yield f"![Learning curves, split by {split}]({name})"
