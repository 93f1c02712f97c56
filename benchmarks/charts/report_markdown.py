"""Markdown of the report's tables: one page, from their JSON and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from benchmarks.charts.report_chart import lookbacks_of
from benchmarks.charts.report_fits import CELLS, EACH, EPOCHS, PAIRED, USUAL
from benchmarks.common.markdown import (
    PENDING,
    Entry,
    ends,
    first,
    join_blocks,
    package_versions,
    table,
    verdict,
)

_INPUTS = {
    "streams": "streams alone",
    "joint": "with metadata, joint",
    "two_stage": "with metadata, two stages",
}
_SONGS = {"matrix": "side by side", "pooled": "pooled"}
_WAYS = {"joint": "joint", "two_stage": "two stages"}
_UNITS = {"streams": "streams", "logs": "logarithms"}
_PARTS = ("all", "week")  # of the lookbacks: all, and a week and more


def page(record: Entry) -> str:
    """Everything that was asked for, from the JSON."""
    return join_blocks(_blocks(record))


def _blocks(record: Entry) -> Iterator[str]:
    yield from _head(record)
    yield from _findings(record)
    yield from _errors(record)
    yield from _lookbacks(record)
    yield from _one_or_many(record)
    yield from _metadata(record)
    yield from _figures(record)
    yield from _notes()


def _set(record: Entry, name: str) -> str:
    n = record["data"]["songs"][name]
    return "the fullest song" if name == "fullest" else f"at most {name} missing ({n} songs)"


def _head(record: Entry) -> Iterator[str]:
    data, plan = record["data"], record["plan"]
    yield "# The CS137 report's experiments on the chart of the Philippines"
    yield f"`{record['command']}`"
    yield (
        f"Daily top 200 of the Philippines. Learned from {data['train'][0]} to the day before "
        f"{data['test'][0]}; scored are the {data['days']} days to {data['test'][1]}, each "
        f"forecast from the days before it, for songs in the chart on both days. Songs are chosen "
        f"and nets are fitted once, on what lies before the test. {record['machine']['cpu']}, one "
        f"thread a fit; {package_versions(record)}. {record['cpu_seconds']:,.0f} CPU seconds of "
        f"fits."
    )
    yield (
        f"**Reduced**: {len(plan['seeds'])} training of each lookback and "
        f"{len(plan['paired_seeds'])} of what is compared in pairs, so that intervals speak of "
        f"other songs and not of another training; at most {plan['epochs']} "
        f"epochs (the best of them, by the last tenth of the training days). Nets: one recurrent "
        f"layer of 32 units, Adam, mean absolute error of standardised logarithms, gaps of one day "
        f"interpolated, missing days shown to the net as missing. The report says neither its "
        f"scaling nor its loss; these were chosen on the 90 days before the test "
        f"([chart_looks.md](chart_looks.md))."
    )
    if record["missing"]:
        yield f"**Not complete**: {len(record['missing'])} fits are missing, shown as {PENDING}."
    yield "Songs by the share of days on which they are missing, gaps of one day filled:"
    names = list(data["counts"][0]["counts"])
    rows = [[e["span"], *(str(e["counts"][n]) for n in names)] for e in data["counts"]]
    rows.append(["the report", *(str(data["report"][n]) for n in names)])
    yield table(["", *(f"at most {name}" for name in names)], rows)
    yield (
        f"The report does not say over which days it counted, and no span that begins with the "
        f"first day gives its three numbers together. The sets here are those of the training "
        f"span: the days that are scored choose nothing. The fullest song is {data['fullest']}."
    )


# Which findings hold


def _findings(record: Entry) -> Iterator[str]:
    yield "## Which findings of the report hold"
    if (epochs := record["plan"]["epochs"]) < EPOCHS:
        yield f"Not judged: by nets of at most {epochs} epochs, fewer than {EPOCHS}, none is."
        return
    lines = [*_period_lines(record), *_one_lines(record), *_metadata_lines(record)]
    yield "\n".join(f"- {line}" for line in lines)


def _holds(n: int, of: int) -> str:
    """Whether a finding holds that is there in `n` of some cases."""
    word = "holds" if 4 * n >= 3 * of else "does not hold" if 4 * n <= of else "holds in part"
    return f"**{word}** ({n} of {of}"  # what follows says of what, and closes the bracket


def _period_lines(record: Entry) -> Iterator[str]:
    periods = record["periods"]
    if not periods:
        return
    n = len(periods)
    waves, later = (sum(e[part]["p"] < 0.05 for e in periods) for part in _PARTS)
    still, later_still = (sum(e[part]["trend_p"] >= 0.05 for e in periods) for part in _PARTS)
    falls = sum(e["from_week"] < e["below_week"] for e in periods)
    yield (
        f'"Error by lookback is periodic in 7" {_holds(waves, n)} curves of a cell and a '
        f"set have a wave of period 7 that takes more of the variance than chance, p < 0.05; over "
        f"lookbacks of 7 and more {later} of {n}). What a week does is a step: from 7 days on the "
        f"mean error is below that of fewer in {falls} of {n}."
    )
    yield (
        f'"Without a trend" {_holds(still, n)} curves have none over all lookbacks, '
        f"Spearman, p ≥ 0.05; over those of 7 and more {later_still} of {n})."
    )
    for cell in record["plan"]["cells"]:
        own = [e["all"]["spread"] for e in periods if e["cell"] == cell]
        pairs = list(itertools.pairwise(own))
        falling = _holds(sum(more < fewer for fewer, more in pairs), len(pairs))
        yield (
            f'"With more songs the error varies less over lookback", {CELLS[cell]}, {falling} '
            f"steps to more songs; deviation over mean: "
            f"{', '.join(f'{spread:.3f}' for spread in own)})."
        )


def _one_lines(record: Entry) -> Iterator[str]:
    for cell in record["plan"]["cells"]:
        own = [e for e in record["one_or_many"] if e["cell"] == cell]
        beside = [e for e in own if e["what"] != "pooled"]
        if not beside:
            continue
        better = _holds(sum(verdict(e) == "better" for e in beside), len(beside))
        words = "; ".join(f"{_against(e)} {verdict(e)} ({_percent(e):+.0f} %)" for e in own)
        yield (
            f'"A net of one song is better than one of several", {CELLS[cell]}, {better} '
            f"comparisons with nets that read the songs side by side): {words}."
        )


def _against(entry: Entry) -> str:
    if entry["what"] == "fullest":
        return f"on the fullest song, beside the songs of {entry['set']},"
    return f"on each song of {entry['set']}, beside one net of all, {_SONGS[entry['what']]},"


def _percent(entry: Entry) -> float:
    return float(100 * (entry["first"] / entry["second"] - 1))


def _metadata_lines(record: Entry) -> Iterator[str]:
    for songs, title in _SONGS.items():
        own = [
            (e, unit)
            for e in record["metadata"]
            if e["inputs"] != "streams" and e["songs"] == songs
            for unit in ("streams", "logs")
        ]
        if not own:
            continue
        none = _holds(sum(verdict(e[unit]) != "better" for e, unit in own), len(own))
        words = "; ".join(
            f"{CELLS[e['cell']]}, {_WAYS[e['inputs']]}, in {_UNITS[unit]} {verdict(e[unit])} "
            f"({_percent(e[unit]):+.1f} %)"
            for e, unit in own
        )
        yield f'"Metadata do not help", nets {title}, {none} comparisons): {words}.'


# Tables


def _errors(record: Entry) -> Iterator[str]:
    plan = record["plan"]
    yield "## Errors: the table that the report left blank"
    yield (
        f"Of raw streams a day. Nets: the mean over lookbacks {lookbacks_of(plan['lookbacks'])} "
        f"and seeds, then that of a lookback of {USUAL}; nothing is chosen by these numbers. The "
        f"last column is MAE over the last value's on the same rows. The seasonal naive is scored "
        f"where the day a week before is there."
    )
    rows = []
    for name in plan["sets"]:
        n = record["data"]["scored"][name]
        rows_of = f"{_set(record, name)}"
        last_value = first(record["naive"], set=name, model="last value")
        for entry in (e for e in record["naive"] if e["set"] == name):
            rows.append(_row(rows_of, entry["model"], entry, entry["n"], last_value))
        for cell in plan["cells"]:
            own = [e for e in record["grid"] if (e["set"], e["cell"]) == (name, cell)]
            if not own:
                continue
            mean = {k: sum(e[k] for e in own) / len(own) for k in ("mse", "rmse", "mae")}
            rows.append(_row(rows_of, f"{CELLS[cell]}, mean", mean, n["rows"], last_value))
            usual = first(own, lookback=USUAL)
            if usual is not None:
                model = f"{CELLS[cell]}, lookback {USUAL}"
                rows.append(_row(rows_of, model, usual, n["rows"], last_value))
    yield table(["songs", "model", "rows", "MSE", "RMSE", "MAE", "of last value"], rows)


def _row(songs: str, model: str, entry: Entry, n: int, last_value: Entry) -> list[str]:
    numbers = [f"{entry[key]:,.0f}" for key in ("mse", "rmse", "mae")]
    return [songs, model, f"{n:,}", *numbers, f"{entry['mae'] / last_value['mae']:.3f}"]


def _lookbacks(record: Entry) -> Iterator[str]:
    yield "## Error by lookback"
    yield (
        "MAE over the last value's. Share: of the variance over lookback, less a straight line's, "
        "what a wave of period 7 takes (two numbers fitted: by chance it takes 2 of n − 2), with p "
        "by 2,000 permutations; trend: Spearman's rank correlation with the lookback, with p."
    )
    rows = []
    for e in record["periods"]:
        parts = [f"{part['share']:.2f} ({part['p']:.3f})" for part in (e["all"], e["week"])]
        trends = [f"{part['trend']:+.2f} ({part['trend_p']:.3f})" for part in (e["all"], e["week"])]
        means = [f"{e['below_week']:.3f}", f"{e['from_week']:.3f}"]
        rows.append([_set(record, e["set"]), CELLS[e["cell"]], *means, str(e["best"]), *parts])
        rows[-1] += trends
    header = ["songs", "cell", "mean, below 7", "7 and more", "least at"]
    header += ["share of 7, all (p)", "from 7 on (p)", "trend, all (p)", "from 7 on (p)"]
    yield table(header, rows)


def _one_or_many(record: Entry) -> Iterator[str]:
    yield "## One song or several"
    yield (
        f"MAE of a net of one song less that of a net of several, on the same rows: of the fullest "
        f"song over all lookbacks, and of each song of the set of {EACH} by a net of its own "
        f"(lookback {USUAL}). Several songs are read side by side, as in the report, or pooled: "
        f"one net reads each by itself. 95 % of 10,000 paired resamples of weeks, or of songs."
    )
    rows = [
        [
            CELLS[e["cell"]],
            f"{'the fullest song' if e['what'] == 'fullest' else 'each song'}, beside "
            f"{_set(record, e['set'])}, {_SONGS.get(e['what'], _SONGS['matrix'])}",
            f"{e['groups']} {e['unit']}",
            f"{e['first']:,.0f}",
            f"{e['second']:,.0f}",
            *_signed(e, 0),
        ]
        for e in record["one_or_many"]
    ]
    header = ["cell", "scored", "resampled", "one", "several", "difference", "95 %", "one is"]
    yield table(header, rows)


def _metadata(record: Entry) -> Iterator[str]:
    yield "## Metadata"
    yield (
        f"Nets of the songs of {PAIRED} missing, lookback {USUAL}, with the 13 features and "
        f"without: side by side, as the report's, or pooled, one net that reads each song by "
        f"itself. Joint: branch and head learn together. Two stages: the branch first; then it is "
        f"frozen, and the head learns what is left. Differences are MAE with metadata less MAE "
        f"without, in streams and in natural logarithms; 95 % of 10,000 paired resamples of songs."
    )
    rows = []
    for e in record["metadata"]:
        cells = [CELLS[e["cell"]], _SONGS[e["songs"]], _INPUTS[e["inputs"]], f"{e['mae']:,.0f}"]
        if e["inputs"] == "streams":
            cells += [""] * 6
        else:
            cells += [*_signed(e["streams"], 0), *_signed(e["logs"], 4)]
        rows.append(cells)
    header = ["cell", "nets", "inputs", "MAE", "difference", "95 %", "metadata are"]
    yield table([*header, "in logarithms", "95 %", "metadata are"], rows)


def _signed(entry: Entry, digits: int) -> list[str]:
    return [f"{entry['value']:+,.{digits}f}", ends(entry, digits), verdict(entry)]


def _figures(record: Entry) -> Iterator[str]:
    captions: dict[str, Any] = {
        "lookback": "MAE by lookback, over the last value's; bars from seed to seed.",
        "training": f"Losses by epoch, lookback {USUAL}, the first seed.",
        "prediction": f"The fullest song, {record['data']['fullest']}: truth, and what nets of it "
        "alone forecast from the days before.",
    }
    if files := record.get("figures", {}):
        yield "## Figures"
    for name, file in files.items():
        yield captions[name]
        yield f"![{name}]({file})"


def _notes() -> Iterator[str]:
    yield "## Whose numbers, and where ours differ"
    yield "\n".join(
        f"- {note}"
        for note in (
            "The report prints no errors: there is nothing to set these beside but the naive "
            "forecasts.",
            "A song's place among others is learned side by side from the days on which all of "
            "them were in the chart; where a set's songs have mostly left it since, the net is "
            "asked for what it hardly saw.",
            "Popularity of artists is Spotify's of the day on which the table was made, after "
            "the test: what it says may come from it. It is left in, as in the report, and helps "
            "metadata if anything.",
            "An artist that stands twice in the table of artists counts by its first row.",
        )
    )
