"""The paper's asides in hitmusicnet_tables.py: k, compression, learning curves, Figure 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.hitmusicnet.cells import (
    PENDING,
    UNKNOWN,
    View,
    cell,
    number,
    seconds,
    signed,
    table,
)
from benchmarks.hitmusicnet.models import NO_COMPRESSION

_HELD = ("validation", "test")
_BAR = 50  # characters of the longest bar


def asides(view: View) -> Iterator[str]:
    """All of them."""
    for features in view.plan("features"):
        yield from _folds(view, features)
        yield from _compression(view, features)
        yield from _curves(view, features)
    yield from _histogram(view)


def _folds(view: View, features: str) -> Iterator[str]:
    if "paper" not in view.plan("protocols") or "1-A" not in view.plan("presets"):
        return
    yield f"## Aside: k = 5 against k = 10, 1-A, features `{features}`"
    yield ""
    yield view.about(["paper"], features) + " The test model is one and the same."
    yield ""
    rows = []
    for k in (5, 10):
        run = view.run(features, "paper", "regression", "1-A", k=k)
        cells = [cell(run, part, "mae") for part in ("training", *_HELD)]
        rows.append([f"k = {k}", *cells, seconds(run)])
    yield from table(["", "training MAE", "validation MAE", "test MAE", "CPU s"], rows)
    first = {"features": features, "model": "1-A"}
    told = view.difference("k = 10 against 5", first, "1-A", "validation")
    yield f"Validation MAE, k = 10 less k = 5, paired: {signed(told)}."
    yield ""


def _compression(view: View, features: str) -> Iterator[str]:
    if "1-A" not in view.plan("presets"):
        return
    yield f"## Aside: no compression (δ = 1), features `{features}`"
    yield ""
    yield view.about(view.separate, features)
    yield ""
    rows = []
    for protocol in view.separate:
        for model in ("1-A", NO_COMPRESSION):
            run = view.run(features, protocol, "regression", model)
            cells = [cell(run, part, metric) for part in _HELD for metric in ("mae", "mse")]
            error = PENDING if run is None else number(run["nets"]["reconstruction"], 5)
            first = {"features": features, "protocol": protocol, "model": NO_COMPRESSION}
            told = view.difference("δ = 1 against 1/5", first, "1-A", "test")
            less = UNKNOWN if model == "1-A" else signed(told)
            rows.append([f"{protocol}, {model}", *cells, error, less])
    header = [f"{part} {metric}" for part in _HELD for metric in ("MAE", "MSE")]
    yield from table(["", *header, "reconstruction", "test MAE less 1-A's"], rows)


def _curves(view: View, features: str) -> Iterator[str]:
    runs = [
        run
        for preset in (*view.plan("presets"), NO_COMPRESSION)
        for protocol in view.separate[-1:]
        if (run := view.run(features, protocol, "regression", preset))
    ]
    if not runs:
        return
    yield f"## Learning curves, first fold, features `{features}`"
    yield ""
    yield (
        "Mean squared error on the rows that decide when to stop, after so many epochs (features "
        "and popularity in [0, 1]); the weights of the best epoch are kept. "
        + view.about(view.separate[-1:], features)
    )
    yield ""
    epochs = ("1", "5", "10", "20", "50", "last", "best")
    rows = []
    for net in ("autoencoder", "popularity"):
        for run in runs:
            curve: dict[str, Any] = run["nets"]["curves"].get(net, {})
            cells = [number(curve.get(epoch), 5) for epoch in epochs]
            rows.append([f"{run['title']} {net}", *cells, str(curve.get("epochs", UNKNOWN))])
    yield from table(["preset and net", *epochs, "epochs"], rows)


def _histogram(view: View) -> Iterator[str]:
    data = view.found["data"]
    popularity = data["popularity"]
    counts, bins = popularity["counts"], popularity["bins"]
    yield "## Figure 3: the distribution of popularity"
    yield ""
    yield (
        f"{data['title']}, {data['rows']:,} songs; mean {popularity['mean']:.1f}, median "
        f"{popularity['median']:.0f}. A row is {bins[1] - bins[0]} points, the last one ends with "
        "100; classes begin at 25 and 65."
    )
    yield ""
    yield "```text"
    for low, high, count in zip(bins, bins[1:], counts, strict=False):
        bar = "█" * round(_BAR * count / max(counts))
        yield f"{low:3d}–{high:3d} {count:6,d} {bar}".rstrip()
    yield "```"
    yield ""
