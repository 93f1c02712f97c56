"""The tables of hitmusicnet_tables.py as one page of Markdown, from its JSON and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.hitmusicnet.asides import asides
from benchmarks.hitmusicnet.cells import (
    PENDING,
    UNKNOWN,
    View,
    cell,
    name,
    number,
    seconds,
    signed,
    table,
    verdict,
)
from benchmarks.hitmusicnet.runs import CLASSIFIERS, REGRESSORS

PARTS = ("training", "validation", "test")


def page(found: dict[str, Any]) -> str:
    """Everything that was asked for.

    Parameters
    ----------
    found : dict
        The JSON.
    """
    view = View(found)
    asked = view.plan("tables")
    lines = [*_head(view)]
    for features in view.plan("features"):
        if {"2", "3"} & set(asked):
            lines += [*_presets(view, features), *_leaks(view, features)]
        if "4" in asked:
            lines += _classes(view, features)
        if "5" in asked:
            lines += [*_table_5(view, features), *_claim(view, features)]
        if "6" in asked:
            lines += _table_6(view, features)
    if "bars" in asked:
        lines += _bars(view)
    if "asides" in asked:
        lines += asides(view)
    return "\n".join([*lines, *_notes(view)]) + "\n"


def _head(view: View) -> Iterator[str]:
    found, data = view.found, view.found["data"]
    shares = (f"{name} {100 * n / data['rows']:.1f} %" for name, n in data["classes"].items())
    yield f"# HitMusicNet's tables on {data['title']}"
    yield ""
    yield f"`{found['command']}`"
    yield ""
    yield (
        f"{data['rows']:,} songs of {data['artists']:,} artists; {', '.join(shares)}. "
        f"{found['machine']['cpu']}, one thread; "
        + ", ".join(f"{package} {version}" for package, version in found["versions"].items())
        + "."
    )
    yield ""
    yield (
        "MAE and MSE are for popularity in [0, 1]. `training` is the mean over the folds; "
        "`validation` is every development row, predicted by the model of the fold that held it "
        "out; `test` is the fifth of the rows that no fold has, predicted by a model of all "
        "development rows (in `reference` by the last fold's). `paper`: random, stratified rows. "
        "`artist`: no artist on two sides. `reference`: the rows of `paper`, with scaler, "
        "autoencoder and genres learned on all rows, and weights carried from fold to fold, as "
        "the published code does. Intervals hold 95 % of resamples of artists. Everything but "
        f"the columns named `published` is ours; `published` is of **another data set**, "
        f"{found['published']['data_set']}, and not to be compared but in its pattern."
    )
    yield ""
    if found["missing"]:
        yield f"**Not complete**: {len(found['missing'])} runs are missing, shown as {PENDING}."
        yield ""


def _presets(view: View, features: str) -> Iterator[str]:
    protocols = view.plan("protocols")
    published = view.found["published"]["regression"]
    yield f"## Tables 2 and 3: the presets, regression, features `{features}`"
    yield ""
    for metric in ("mae", "mse"):
        yield f"{metric.upper()}. {view.about(protocols, features)}"
        yield ""
        header = [f"{protocol} {part}" for protocol in protocols for part in PARTS]
        rows = []
        for preset in view.plan("presets"):
            runs = [view.run(features, each, "regression", preset) for each in protocols]
            ours = [cell(run, part, metric) for run in runs for part in PARTS]
            theirs = [number(published[preset].get(f"{part}_{metric}")) for part in PARTS]
            rows.append([preset, *ours, *theirs])
        yield from table(["preset", *header, *(f"published {part}" for part in PARTS)], rows)
    yield (
        "Training and nets: CPU seconds of the fits of all folds (published: wall seconds), mean "
        "epochs of the autoencoder and of the popularity net, mean squared error of the "
        "reconstruction on held-out rows (features scaled to [0, 1]), units of the code that are "
        "not constant, and folds in which the net says one number of every song. "
        + view.about(protocols, features)
    )
    yield ""
    header = ["CPU s", "epochs AE", "epochs net", "reconstruction", "code alive", "constant"]
    header = [f"{protocol} {each}" for protocol in protocols for each in header]
    rows = []
    for preset in view.plan("presets"):
        runs = [view.run(features, each, "regression", preset) for each in protocols]
        ours = [text for run in runs for text in _net_cells(run)]
        rows.append([preset, *ours, number(published[preset]["wall_seconds"], 1)])
    yield from table(["preset", *header, "published wall s"], rows)


def _net_cells(run: Any) -> list[str]:
    if run is None:
        return [PENDING] * 6
    nets = run["nets"]
    alive = ", ".join(str(n) for n in sorted(set(nets["n_alive"])))
    return [
        seconds(run),
        number(nets["epochs"].get("autoencoder"), 0),
        number(nets["epochs"].get("popularity"), 0),
        number(nets["reconstruction"], 5),
        f"{alive} of {nets['n_code']}",
        f"{run['constant_folds']} of {run['k']}",
    ]


def _leaks(view: View, features: str) -> Iterator[str]:
    if not {"paper", "reference"} <= set(view.plan("protocols")):
        return
    yield f"### What the leaks of the published code are worth, features `{features}`"
    yield ""
    yield (
        "MAE by `reference` less MAE by `paper`, on the same rows: below 0, leaks flatter. "
        + view.about(["reference", "paper"], features)
    )
    yield ""
    rows = []
    for preset in view.plan("presets"):
        first = {"features": features, "task": "regression", "model": preset}
        told = [view.difference("leaks", first, preset, part) for part in PARTS[1:]]
        rows.append([preset, *map(signed, told)])
    yield from table(["preset", "validation", "test"], rows)


def _classes(view: View, features: str) -> Iterator[str]:
    protocols = view.plan("protocols")
    published = view.found["published"]["classes"]
    yield f"## Table 4: low, medium, high, features `{features}`"
    yield ""
    yield (
        'The published 83 % of "F1" is micro-averaged, which is accuracy; it stands under that '
        "name. " + view.about(protocols, features)
    )
    yield ""
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
    for preset in (each for each in ("1-A", "2-B", "3-C") if each in view.plan("presets")):
        runs = [view.run(features, each, "classes", preset) for each in protocols]
        for metric, words in metrics.items():
            ours = [cell(run, part, metric) for run in runs for part in PARTS]
            theirs = [number(published[preset].get(f"{part}_{metric}")) for part in PARTS]
            rows.append([f"{preset} {words}", *ours, *theirs])
        ours = [text for run in runs for text in (seconds(run), UNKNOWN, UNKNOWN)]
        theirs = [f"{number(published[preset]['wall_seconds'], 1)} (wall)", UNKNOWN, UNKNOWN]
        rows.append([f"{preset} CPU s", *ours, *theirs])
    header = [f"{protocol} {part}" for protocol in (*protocols, "published") for part in PARTS]
    yield from table(["", *header], rows)


def _table_5(view: View, features: str) -> Iterator[str]:
    first = _first(view)
    yield f"## Table 5: against other models, regression, features `{features}`"
    yield ""
    yield (
        "What the paper has for the baselines could not be read here. "
        + view.about(view.separate, features)
    )
    yield ""
    header = [
        f"{protocol} {each}"
        for protocol in view.separate
        for each in ("validation MAE", "test MAE", "test MSE", "CPU s")
    ]
    published = view.found["published"]["regression"]
    rows = []
    for model in (first, *REGRESSORS):
        ours = []
        for protocol in view.separate:
            run = view.run(features, protocol, "regression", model)
            ours += [cell(run, part, "mae", interval=True) for part in PARTS[1:]]
            ours += [cell(run, "test", "mse"), seconds(run)]
        known = published.get(model, {})
        theirs = [number(known.get(f"{part}_mae")) for part in PARTS[1:]]
        rows.append([name(model), *ours, *theirs])
    yield from table(["model", *header, "published validation MAE", "published test MAE"], rows)
    if "reference" in view.plan("protocols"):
        leaky = view.run(features, "reference", "regression", first)
        told = ", ".join(f"{part} {cell(leaky, part, 'mae')}" for part in PARTS[1:])
        yield f"MAE of {first} by `reference`, where the others have no weights to carry: {told}."
        yield ""
    yield f"MAE of {first} less that of the others, paired: below 0, {first} is better."
    yield ""
    header = [f"{protocol} {part}" for protocol in view.separate for part in PARTS[1:]]
    rows = []
    for model in REGRESSORS:
        cells = []
        for protocol in view.separate:
            run = {"features": features, "protocol": protocol, "model": first}
            cells += [signed(view.difference("Table 5", run, model, part)) for part in PARTS[1:]]
        rows.append([name(model), *cells])
    yield from table(["less", *header], rows)


def _claim(view: View, features: str) -> Iterator[str]:
    yield f"### Is HitMusicNet below MLR? Features `{features}`"
    yield ""
    yield (
        "The paper's claim of Table 5, for each preset: MAE less that of MLR on test rows. It "
        "holds where the whole interval is below 0."
    )
    yield ""
    words = {"better": "holds", "worse": "does not hold"}
    rows = []
    for preset in view.plan("presets"):
        cells = []
        for protocol in view.separate:
            run = {"features": features, "protocol": protocol, "model": preset}
            found = view.difference("Table 5", run, "mlr", "test")
            told = verdict(found)
            cells += [signed(found), words.get(told, told)]
        rows.append([preset, *cells])
    header = [text for each in view.separate for text in (f"{each} difference", f"{each} claim")]
    yield from table(["preset", *header], rows)


def _table_6(view: View, features: str) -> Iterator[str]:
    presets = [each for each in ("1-A", "2-B", "3-C") if each in view.plan("presets")]
    yield f"## Table 6: against other models, hits, features `{features}`"
    yield ""
    yield (
        "As in the paper, the baselines learn hit (popularity of 65 and more) or not; the presets "
        "learn three classes, of which high is the hit. Test rows. "
        + view.about(view.separate, features)
    )
    yield ""
    wanted = ("accuracy", "hit_precision", "hit_recall", "hit_f1")
    published = view.found["published"]["classes"]
    entries = [("classes", each, "test_hits") for each in presets]
    entries += [("hit", each, "test") for each in CLASSIFIERS]
    rows = []
    for task, model, part in entries:
        runs = [view.run(features, each, task, model) for each in view.separate]
        ours = [cell(run, part, metric) for run in runs for metric in wanted]
        known = published.get(model, {}) if task == "classes" else {}
        theirs = [number(known.get(f"test_{metric}")) for metric in wanted[1:]]
        rows.append([name(model), *ours, *theirs])
    words = [each.replace("_", " ") for each in wanted]
    header = [f"{protocol} {each}" for protocol in view.separate for each in words]
    yield from table(["model", *header, *(f"published {each}" for each in words[1:])], rows)
    yield f"The same models on low, medium, high. Test rows. {view.about(view.separate, features)}"
    yield ""
    header, rows = [], []
    for protocol in view.separate:
        header += [f"{protocol} {each}" for each in ("accuracy", "macro F1", "hit recall")]
    for model in (*presets, *CLASSIFIERS):
        runs = [view.run(features, each, "classes", model) for each in view.separate]
        wanted = ("accuracy", "f1_macro", "hit_recall")
        cells = [cell(run, "test", each, 3, interval=True) for run in runs for each in wanted]
        rows.append([name(model), *cells])
    yield from table(["model", *header], rows)


def _bars(view: View) -> Iterator[str]:
    yield "## Bars: artist-disjoint, five folds of all rows"
    yield ""
    for features in view.plan("features"):
        for task, metrics in _BARS.items():
            runs = [
                run
                for run in view.found["runs"]
                if (run["features"], run["task"], run["test_share"]) == (features, task, 0.0)
            ]
            if not runs:
                continue
            yield f"{_TASKS[task]}. {view.about(['artist'], features)}"
            yield ""
            rows = []
            for run in runs:
                cells = [cell(run, "validation", each, interval=True) for each in metrics]
                first = {**{"features": features, "task": task}, "model": "spdkit"}
                told = view.difference("bars", first, run["model"], "validation")
                ours = UNKNOWN if run["model"] == "spdkit" else signed(told)
                rows.append([run["title"], *cells, ours, seconds(run)])
            yield from table(["model", *metrics.values(), "spdkit less it", "CPU s"], rows)


_TASKS = {
    "regression": "Regression; the difference is of MAE",
    "classes": "Low, medium, high; the difference is of macro F1",
    "balanced": "Low, medium, high, classes count alike; the difference is of macro F1",
}
_BARS = {
    "regression": {"mae": "MAE", "mse": "MSE", "coverage": "coverage of 90 % intervals"},
    "classes": {"f1_macro": "macro F1", "hit_recall": "hit recall", "accuracy": "accuracy"},
    "balanced": {"f1_macro": "macro F1", "hit_recall": "hit recall", "accuracy": "accuracy"},
}


def _first(view: View) -> str:
    presets = view.plan("presets")
    return "1-A" if "1-A" in presets else presets[0]


def _notes(view: View) -> Iterator[str]:
    published = view.found["published"]
    yield "## Whose numbers"
    yield ""
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
    yield ""
    yield (
        "CPU seconds of `reference` are those of all fits of a run and of its predictions. A "
        "popularity net that says one number of every song has a last hidden layer whose "
        "rectifiers are all off; with the small features that layer has one unit or two, as "
        "widths of a third of the code say."
    )
