"""Markdown of the report's tables: one page, from their JSON and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from benchmarks.charts.report_chart import lookbacks_of
from benchmarks.charts.report_fits import CELLS, EACH, PAIRED, USUAL
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
        f"**Reduced**: {len(plan['seeds'])} seeds, at most {plan['epochs']} epochs (the best of "
        f"them, by the last tenth of the training days). Nets: one recurrent layer of 32 units, "
        f"Adam, mean absolute error of standardised logarithms, gaps of one day interpolated, "
        f"missing days shown to the net as missing. The report says neither its scaling nor its "
        f"loss; these were chosen on the 90 days before the test "
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
    lines = [*_period_lines(record), *_one_lines(record), *_metadata_lines(record)]
    yield "\n".join(f"- {line}" for line in lines)


def _period_lines(record: Entry) -> Iterator[str]:
    periods = record["periods"]
    if not periods:
        return
    n = len(periods)
    waves = sum(e["all"]["p"] < 0.05 for e in periods)
    later = sum(e["week"]["p"] < 0.05 for e in periods)
    falls = sum(e["from_week"] < e["below_week"] for e in periods)
    trends = sum(e["all"]["trend_p"] < 0.05 for e in periods)
    yield (
        f'"Error by lookback is periodic in 7": in {waves} of {n} curves (a cell and a set each) '
        f"a wave of period 7 takes more of the variance than chance (p < 0.05), in {later} of {n} "
        f"over lookbacks of 7 and more. What a week changes is a step: with 7 days and more the "
        f"mean error is below that with fewer in {falls} of {n}."
    )
    yield (
        f'"No trend": in {trends} of {n} curves the error has a trend over all lookbacks '
        f"(Spearman, p < 0.05), in {sum(e['week']['trend_p'] < 0.05 for e in periods)} over those "
        f"of 7 and more."
    )
    for cell in record["plan"]["cells"]:
        own = [e for e in periods if e["cell"] == cell]
        spreads = ", ".join(f"{e['all']['spread']:.3f} ({e['set']})" for e in own)
        quote = ' ("with more songs the GRU varies less")' if cell == "gru" else ""
        falling = all(b["all"]["spread"] < a["all"]["spread"] for a, b in itertools.pairwise(own))
        yield (
            f"{CELLS[cell]}: deviation of the error over lookback, over its mean{quote}: "
            f"{spreads}; {'it falls' if falling else 'it does not fall steadily'} with more songs."
        )


def _one_lines(record: Entry) -> Iterator[str]:
    for cell in record["plan"]["cells"]:
        own = [e for e in record["one_or_many"] if e["cell"] == cell]
        words = [f"{_against(entry)} {verdict(entry)} ({_ratio(entry):+.0f} %)" for entry in own]
        if words:
            yield (
                f'"One song better than several", {CELLS[cell]}: a net of one song is, by its '
                f"interval, {'; '.join(words)}."
            )


def _against(entry: Entry) -> str:
    if entry["what"] != "fullest":
        return f"on the songs of {entry['set']}, beside one net of all, {_SONGS[entry['what']]},"
    return f"on the fullest song, beside nets of the songs of {entry['set']},"


def _ratio(entry: Entry) -> float:
    return float(100 * (entry["first"] / entry["second"] - 1))


def _metadata_lines(record: Entry) -> Iterator[str]:
    entries = [e for e in record["metadata"] if e["inputs"] != "streams"]
    for songs, title in _SONGS.items():
        words = [
            f"{CELLS[e['cell']]} {_INPUTS[e['inputs']].removeprefix('with metadata, ')} "
            f"{verdict(e['streams'])} in streams, {verdict(e['logs'])} in logarithms"
            for e in entries
            if e["songs"] == songs
        ]
        if words:
            yield f'"Metadata do not help", nets {title}: with metadata, {"; ".join(words)}.'


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
