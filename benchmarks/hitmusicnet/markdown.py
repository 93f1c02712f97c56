"""Markdown of HitMusicNet's tables: one page, from their JSON and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmarks.common.markdown import (
    PENDING,
    UNKNOWN,
    Entry,
    field,
    first,
    join_blocks,
    number,
    package_versions,
    signed,
    table,
    verdict,
)
from benchmarks.hitmusicnet.models import NO_COMPRESSION, title
from benchmarks.hitmusicnet.runs import CLASSIFIERS, REGRESSORS, TEST_SHARE, K, Request

PARTS = ("training", "validation", "test")
_HELD = PARTS[1:]
_BAR = 50  # characters of the longest bar of Figure 3


@dataclass(frozen=True)
class Record:
    """The JSON of a run of the benchmark, and how entries of it are looked up."""

    json: Entry

    @cached_property
    def request(self) -> Request:
        """What was asked for."""
        return Request(**self.json["plan"])

    def run(self, features: str, protocol: str, task: str, model: str, k: int = K) -> Any:
        """A run, or None while it is not there."""
        fields = {"features": features, "protocol": protocol, "task": task, "model": model}
        return first(self.json["runs"], **fields, k=k, test_share=TEST_SHARE)

    def runs(self, features: str, protocols: Iterable[str], task: str, model: str) -> list[Any]:
        """A model through some protocols."""
        return [self.run(features, protocol, task, model) for protocol in protocols]

    def published(self, task: str, model: str) -> Entry:
        """What the authors published of a preset; empty for other models."""
        entry: Entry = self.json["published"][task].get(model, {})
        return entry

    def difference(self, what: str, other: str, rows: str, **fields: Any) -> Any:
        """A paired difference of the run of some fields and another model, or None."""
        entries = (
            entry
            for entry in self.json["differences"]
            if entry["second"]["model"] == other and fields.items() <= entry["first"].items()
        )
        return first(entries, what=what, rows=rows)

    def caption(self, protocols: Iterable[str], features: str) -> str:
        """Data set, rows, features, protocols, k."""
        data, run = self.json["data"], first(self.json["runs"], features=features)
        return (
            f"{data['title']}, {data['rows']:,} songs; features `{features}` "
            f"(d = {field(run, 'n_features', 0)}); protocol {', '.join(protocols)}; k = {K}."
        )


def page(json: Entry) -> str:
    """Everything that was asked for, from the JSON."""
    return join_blocks(_blocks(Record(json)))


def _blocks(record: Record) -> Iterator[str]:
    request = record.request
    yield from _head(record)
    for features in request.features:
        if {"2", "3"} & set(request.tables):
            yield from _presets(record, features)
            yield from _leaks(record, features)
        if "4" in request.tables:
            yield from _classes(record, features)
        if "5" in request.tables:
            yield from _table_5(record, features)
            yield from _claim(record, features)
        if "6" in request.tables:
            yield from _table_6(record, features)
    if "bars" in request.tables:
        yield from _bars(record)
    if "asides" in request.tables:
        for features in request.features:
            yield from _fold_counts(record, features)
            yield from _no_compression(record, features)
            yield from _curves(record, features)
        yield from _histogram(record)
    yield from _notes(record)


def _cell(run: Any, part: str, metric: str, digits: int = 4, *, interval: bool = False) -> str:
    """A score, with its interval when asked and known."""
    if run is None:
        return PENDING
    text = number(run.get(part, {}).get(metric), digits)
    ends = run.get(f"{part}_intervals", {}).get(metric) if interval else None
    low, high = (number(end, digits) for end in ends or (None, None))
    return text if low == UNKNOWN else f"{text} [{low}, {high}]"


def _seconds(run: Any) -> str:
    return field(run, "cpu_seconds", 1)


def _crossed(protocols: Iterable[str], columns: Sequence[str]) -> list[str]:
    """Names of some columns for each protocol."""
    return [f"{protocol} {column}" for protocol in protocols for column in columns]


def _head(record: Record) -> Iterator[str]:
    json, data = record.json, record.json["data"]
    shares = (f"{name} {100 * n / data['rows']:.1f} %" for name, n in data["classes"].items())
    yield f"# HitMusicNet's tables on {data['title']}"
    yield f"`{json['command']}`"
    yield (
        f"{data['rows']:,} songs of {data['artists']:,} artists; {', '.join(shares)}. "
        f"{json['machine']['cpu']}, one thread; {package_versions(json)}."
    )
    yield (
        "MAE and MSE are for popularity in [0, 1]. `training` is the mean over the folds; "
        "`validation` is every development row, predicted by the model of the fold that held it "
        "out; `test` is the fifth of the rows that no fold has, predicted by a model of all "
        "development rows (in `reference` by the last fold's). `paper`: random, stratified rows. "
        "`artist`: no artist on two sides. `reference`: the rows of `paper`, with scaler, "
        "autoencoder and genres learned on all rows, and weights carried from fold to fold, as "
        "the published code does. Intervals hold 95 % of resamples of artists. Everything but "
        f"the columns named `published` is ours; `published` is of **another data set**, "
        f"{json['published']['data_set']}, and not to be compared but in its pattern."
    )
    if json["missing"]:
        yield f"**Not complete**: {len(json['missing'])} runs are missing, shown as {PENDING}."


def _presets(record: Record, features: str) -> Iterator[str]:
    protocols, presets = record.request.protocols, record.request.presets
    runs = {each: record.runs(features, protocols, "regression", each) for each in presets}
    published = {each: record.published("regression", each) for each in presets}
    caption = record.caption(protocols, features)
    yield f"## Tables 2 and 3: the presets, regression, features `{features}`"
    for metric in ("mae", "mse"):
        yield f"{metric.upper()}. {caption}"
        rows = []
        for preset in presets:
            ours = [_cell(run, part, metric) for run in runs[preset] for part in PARTS]
            theirs = [number(published[preset].get(f"{part}_{metric}")) for part in PARTS]
            rows.append([preset, *ours, *theirs])
        yield table(["preset", *_crossed([*protocols, "published"], PARTS)], rows)
    yield (
        "Training and nets: CPU seconds of the fits of all folds (published: wall seconds), mean "
        "epochs of the autoencoder and of the popularity net, mean squared error of the "
        "reconstruction on held-out rows (features scaled to [0, 1]), units of the code that are "
        "not constant, and folds in which the net says one number of every song. " + caption
    )
    columns = ["CPU s", "epochs AE", "epochs net", "reconstruction", "code alive", "constant"]
    rows = []
    for preset in presets:
        ours = [text for run in runs[preset] for text in _net_cells(run)]
        rows.append([preset, *ours, number(published[preset]["wall_seconds"], 1)])
    yield table(["preset", *_crossed(protocols, columns), "published wall s"], rows)


def _net_cells(run: Any) -> list[str]:
    if run is None:
        return [PENDING] * 6
    nets = run["nets"]
    alive = ", ".join(str(n) for n in sorted(set(nets["n_alive"])))
    return [
        _seconds(run),
        number(nets["epochs"].get("autoencoder"), 0),
        number(nets["epochs"].get("popularity"), 0),
        number(nets["reconstruction"], 5),
        f"{alive} of {nets['n_code']}",
        f"{run['constant_folds']} of {run['k']}",
    ]


def _leaks(record: Record, features: str) -> Iterator[str]:
    if not {"paper", "reference"} <= set(record.request.protocols):
        return
    yield f"### What the leaks of the published code are worth, features `{features}`"
    yield (
        "MAE by `reference` less MAE by `paper`, on the same rows: below 0, leaks flatter. "
        + record.caption(["reference", "paper"], features)
    )
    rows = []
    for preset in record.request.presets:
        run = {"features": features, "task": "regression", "model": preset}
        cells = [signed(record.difference("leaks", preset, part, **run)) for part in _HELD]
        rows.append([preset, *cells])
    yield table(["preset", *_HELD], rows)


def _classes(record: Record, features: str) -> Iterator[str]:
    protocols = record.request.protocols
    yield f"## Table 4: low, medium, high, features `{features}`"
    yield (
        'The published 83 % of "F1" is micro-averaged, which is accuracy; it stands under that '
        "name. " + record.caption(protocols, features)
    )
    metrics = {
        "accuracy": "accuracy (= micro F1)",
        "f1_macro": "macro F1",
        "precision_macro": "macro precision",
        "recall_macro": "macro recall",
        "hit_recall": "hit recall",
        "cross_entropy": "cross-entropy",
        "calibration_error": "calibration error",
    }
    rows = []
    for preset in record.request.classified:
        runs = record.runs(features, protocols, "classes", preset)
        published = record.published("classes", preset)
        for metric, words in metrics.items():
            ours = [_cell(run, part, metric) for run in runs for part in PARTS]
            theirs = [number(published.get(f"{part}_{metric}")) for part in PARTS]
            rows.append([f"{preset} {words}", *ours, *theirs])
        ours = [text for run in runs for text in (_seconds(run), UNKNOWN, UNKNOWN)]
        theirs = [f"{number(published['wall_seconds'], 1)} (wall)", UNKNOWN, UNKNOWN]
        rows.append([f"{preset} CPU s", *ours, *theirs])
    yield table(["", *_crossed([*protocols, "published"], PARTS)], rows)


def _table_5(record: Record, features: str) -> Iterator[str]:
    preset, protocols = record.request.first, record.request.separate
    yield f"## Table 5: against other models, regression, features `{features}`"
    yield (
        "What the paper has for the baselines could not be read here. "
        + record.caption(protocols, features)
    )
    rows = []
    for model in (preset, *REGRESSORS):
        ours = []
        for run in record.runs(features, protocols, "regression", model):
            ours += [_cell(run, part, "mae", interval=True) for part in _HELD]
            ours += [_cell(run, "test", "mse"), _seconds(run)]
        published = record.published("regression", model)
        theirs = [number(published.get(f"{part}_mae")) for part in _HELD]
        rows.append([title(model), *ours, *theirs])
    columns = _crossed(protocols, ("validation MAE", "test MAE", "test MSE", "CPU s"))
    yield table(["model", *columns, "published validation MAE", "published test MAE"], rows)
    if "reference" in record.request.protocols:
        leaky = record.run(features, "reference", "regression", preset)
        errors = ", ".join(f"{part} {_cell(leaky, part, 'mae')}" for part in _HELD)
        where = "where the others have no weights to carry"
        yield f"MAE of {preset} by `reference`, {where}: {errors}."
    yield f"MAE of {preset} less that of the others, paired: below 0, {preset} is better."
    rows = []
    for model in REGRESSORS:
        cells = []
        for protocol in protocols:
            run = {"features": features, "protocol": protocol, "model": preset}
            cells += [signed(record.difference("Table 5", model, part, **run)) for part in _HELD]
        rows.append([title(model), *cells])
    yield table(["less", *_crossed(protocols, _HELD)], rows)


def _claim(record: Record, features: str) -> Iterator[str]:
    protocols = record.request.separate
    yield f"### Is HitMusicNet below MLR? Features `{features}`"
    yield (
        "The paper's claim of Table 5, for each preset: MAE less that of MLR on test rows. It "
        "holds where the whole interval is below 0."
    )
    words = {"better": "holds", "worse": "does not hold"}
    rows = []
    for preset in record.request.presets:
        cells = []
        for protocol in protocols:
            run = {"features": features, "protocol": protocol, "model": preset}
            difference = record.difference("Table 5", "mlr", "test", **run)
            claim = verdict(difference)
            cells += [signed(difference), words.get(claim, claim)]
        rows.append([preset, *cells])
    yield table(["preset", *_crossed(protocols, ("difference", "claim"))], rows)


def _table_6(record: Record, features: str) -> Iterator[str]:
    presets, protocols = record.request.classified, record.request.separate
    yield f"## Table 6: against other models, hits, features `{features}`"
    yield (
        "As in the paper, the baselines learn hit (popularity of 65 and more) or not; the presets "
        "learn three classes, of which high is the hit. Test rows. "
        + record.caption(protocols, features)
    )
    metrics = ("accuracy", "hit_precision", "hit_recall", "hit_f1")
    models = [("classes", each, "test_hits") for each in presets]
    models += [("hit", each, "test") for each in CLASSIFIERS]
    rows = []
    for task, model, part in models:
        runs = record.runs(features, protocols, task, model)
        ours = [_cell(run, part, metric) for run in runs for metric in metrics]
        published = record.published("classes", model) if task == "classes" else {}
        theirs = [number(published.get(f"test_{metric}")) for metric in metrics[1:]]
        rows.append([title(model), *ours, *theirs])
    words = [each.replace("_", " ") for each in metrics]
    columns = [*_crossed(protocols, words), *_crossed(["published"], words[1:])]
    yield table(["model", *columns], rows)
    yield f"The same models on low, medium, high. Test rows. {record.caption(protocols, features)}"
    of_classes = ("accuracy", "f1_macro", "hit_recall")
    rows = []
    for model in (*presets, *CLASSIFIERS):
        runs = record.runs(features, protocols, "classes", model)
        cells = [_cell(run, "test", each, 3, interval=True) for run in runs for each in of_classes]
        rows.append([title(model), *cells])
    yield table(["model", *_crossed(protocols, ("accuracy", "macro F1", "hit recall"))], rows)


def _bars(record: Record) -> Iterator[str]:
    yield "## Bars: artist-disjoint, five folds of all rows"
    of_classes = {"f1_macro": "macro F1", "hit_recall": "hit recall", "accuracy": "accuracy"}
    of_values = {"mae": "MAE", "mse": "MSE", "coverage": "coverage of 90 % intervals"}
    tasks = {
        "regression": ("Regression; the difference is of MAE", of_values),
        "classes": ("Low, medium, high; the difference is of macro F1", of_classes),
        "balanced": (
            "Low, medium, high, classes count alike; the difference is of macro F1",
            of_classes,
        ),
    }
    for features in record.request.features:
        for task, (words, metrics) in tasks.items():
            fields = {"features": features, "task": task}
            runs = [
                run
                for run in record.json["runs"]
                if {**fields, "test_share": 0.0}.items() <= run.items()
            ]
            if not runs:
                continue
            yield f"{words}. {record.caption(['artist'], features)}"
            rows = []
            for run in runs:
                cells = [_cell(run, "validation", each, interval=True) for each in metrics]
                ours = UNKNOWN
                if run["model"] != "spdkit":
                    own = {**fields, "model": "spdkit"}
                    ours = signed(record.difference("bars", run["model"], "validation", **own))
                rows.append([run["title"], *cells, ours, _seconds(run)])
            yield table(["model", *metrics.values(), "spdkit less it", "CPU s"], rows)


# The paper's asides


def _fold_counts(record: Record, features: str) -> Iterator[str]:
    if "paper" not in record.request.protocols or "1-A" not in record.request.presets:
        return
    yield f"## Aside: k = 5 against k = 10, 1-A, features `{features}`"
    yield record.caption(["paper"], features) + " The test model is one and the same."
    rows = []
    for k in (5, 10):
        run = record.run(features, "paper", "regression", "1-A", k)
        rows.append([f"k = {k}", *(_cell(run, part, "mae") for part in PARTS), _seconds(run)])
    yield table(["", *(f"{part} MAE" for part in PARTS), "CPU s"], rows)
    own = {"features": features, "model": "1-A"}
    difference = record.difference("k = 10 against 5", "1-A", "validation", **own)
    yield f"Validation MAE, k = 10 less k = 5, paired: {signed(difference)}."


def _no_compression(record: Record, features: str) -> Iterator[str]:
    if "1-A" not in record.request.presets:
        return
    protocols = record.request.separate
    yield f"## Aside: no compression (δ = 1), features `{features}`"
    yield record.caption(protocols, features)
    rows = []
    for protocol in protocols:
        own = {"features": features, "protocol": protocol, "model": NO_COMPRESSION}
        less = signed(record.difference("δ = 1 against 1/5", "1-A", "test", **own))
        for model, difference in (("1-A", UNKNOWN), (NO_COMPRESSION, less)):
            run = record.run(features, protocol, "regression", model)
            cells = [_cell(run, part, metric) for part in _HELD for metric in ("mae", "mse")]
            error = PENDING if run is None else number(run["nets"]["reconstruction"], 5)
            rows.append([f"{protocol}, {model}", *cells, error, difference])
    columns = [*_crossed(_HELD, ("MAE", "MSE")), "reconstruction", "test MAE less 1-A's"]
    yield table(["", *columns], rows)


def _curves(record: Record, features: str) -> Iterator[str]:
    protocols = record.request.separate[-1:]
    runs = [
        run
        for preset in (*record.request.presets, NO_COMPRESSION)
        for run in record.runs(features, protocols, "regression", preset)
        if run
    ]
    if not runs:
        return
    yield f"## Learning curves, first fold, features `{features}`"
    yield (
        "Mean squared error on the rows that decide when to stop, after so many epochs (features "
        "and popularity in [0, 1]); the weights of the best epoch are kept. "
        + record.caption(protocols, features)
    )
    epochs = ("1", "5", "10", "20", "50", "last", "best")
    rows = []
    for net in ("autoencoder", "popularity"):
        for run in runs:
            curve = run["nets"]["curves"].get(net, {})
            cells = [number(curve.get(epoch), 5) for epoch in epochs]
            rows.append([f"{run['title']} {net}", *cells, str(curve.get("epochs", UNKNOWN))])
    yield table(["preset and net", *epochs, "epochs"], rows)


def _histogram(record: Record) -> Iterator[str]:
    data = record.json["data"]
    popularity = data["popularity"]
    counts, bins = popularity["counts"], popularity["bins"]
    yield "## Figure 3: the distribution of popularity"
    yield (
        f"{data['title']}, {data['rows']:,} songs; mean {popularity['mean']:.1f}, median "
        f"{popularity['median']:.0f}. A row is {bins[1] - bins[0]} points, the last one ends with "
        "100; classes begin at 25 and 65."
    )
    lines = ["```text"]
    for low, high, count in zip(bins, bins[1:], counts, strict=False):
        bar = "█" * round(_BAR * count / max(counts))
        lines.append(f"{low:3d}–{high:3d} {count:6,d} {bar}".rstrip())
    yield "\n".join([*lines, "```"])


def _notes(record: Record) -> Iterator[str]:
    published = record.json["published"]
    yield "## Whose numbers"
    yield (
        f"`published`: {published['source']}, which are the authors' saved results on "
        f"{published['data_set']} (228 features). By their code these are of the last epoch of "
        "the last of five folds, with weights carried from fold to fold, scaler and autoencoder "
        "fitted on all rows, and a random tenth as test rows; training losses are with dropout, "
        "some nets end without a sigmoid, and what is called CPU milliseconds is wall seconds. "
        "The tables of the paper itself (IEEE Access 2020, doi 10.1109/ACCESS.2020.2976033) could "
        f"not be read: what only they have is {UNKNOWN}. All other numbers are this run's; "
        "nothing was chosen by test rows."
    )
    yield (
        "CPU seconds of `reference` are those of all fits of a run and of its predictions. A "
        "popularity net that says one number of every song has a last hidden layer whose "
        "rectifiers are all off; with the small features that layer has one unit or two, as "
        "widths of a third of the code say."
    )
