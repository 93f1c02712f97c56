"""Markdown of the horizons: one page, from their JSON and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.charts.horizon_fits import EPOCHS, MOST_ROWS, UNIT_ROWS
from benchmarks.charts.report_fits import USUAL
from benchmarks.common.markdown import (
    PENDING,
    UNKNOWN,
    Entry,
    first,
    join_blocks,
    package_versions,
    table,
    verdict,
)

_TITLES = {
    "last_value": "last value",
    "seasonal_naive": "seasonal naive",
    "sma": "SMA(7)",
    "with_units": "`with_units`",
    "boosting": "its boosting",
    "lstm": "LSTM",
    "gru": "GRU",
    "lstm_matrix": "LSTM, side by side",
    "gru_matrix": "GRU, side by side",
    "ChartModel": "ours",
}
_BESIDE = ("lstm_matrix", "gru_matrix")
_COLUMNS = tuple(model for model in _TITLES if model not in _BESIDE)


def page(record: Entry) -> str:
    """Everything that was asked for, from the JSON."""
    return join_blocks(_blocks(record))


def _blocks(record: Entry) -> Iterator[str]:
    yield "# Charts ahead: naive forecasts, `with_units`, the report's nets, and ours"
    yield f"`{record['command']}`"
    yield (
        f"The last dates of each region are forecast, each from so many dates before, with "
        f"everything fitted once on what lies before the dates that are scored. Scored are songs "
        f"in the chart on both dates, all models on the same rows. {record['machine']['cpu']}, one "
        f"thread a fit; {package_versions(record)}. {sum(record['cpu_seconds'].values()):,.0f} CPU "
        f"seconds. What was set how before the first look: [chart_looks.md](chart_looks.md)."
    )
    if record["missing"]:
        yield f"**Not complete**: {', '.join(record['missing'])} missing, shown as {PENDING}."
    for entry in record["every_date"]:
        yield from _every_date(entry, first(record["charts"], chart=entry["chart"]))
    for chart in record["charts"]:
        yield from _chart(chart, record["horizons"])
    yield from _notes()


def _every_date(entry: Entry, chart: Entry) -> Iterator[str]:
    name, days = entry["chart"], chart["dates"]
    yield f"## {name}: songs that are there on every day, next day, as the report has it"
    yield (
        f"{entry['songs']} songs are in the chart on each of the last {days} days, {entry['n']:,} "
        f"of their days have a day before and a week before in it. **The days that are scored "
        f"choose these songs**, by the report's own definition: songs that stayed are easier than "
        f"songs that may leave. Differences are a model's MAE less ours, above 0 where ours is "
        f"better, with 95 % of paired resamples of songs."
    )
    last = entry["errors"]["last_value"]["mae"]
    rows = []
    for model, error in entry["errors"].items():
        cells = [_TITLES[model], f"{error['mae']:,.0f}", f"{error['mse'] ** 0.5:,.0f}"]
        cells += [f"{error['mse']:,.0f}", f"{error['mae'] / last:.3f}"]
        apart = entry["less_ours"].get(model)
        if apart is None:
            cells += ["", ""]
        else:
            ends = UNKNOWN
            if apart["low"] is not None:
                ends = f"[{apart['low']:+,.0f}, {apart['high']:+,.0f}]"
            # The other's error less ours: ours is better where it is above 0.
            cells += [f"{apart['value']:+,.0f} {ends}", verdict(apart, lower_is_better=False)]
        rows.append(cells)
    yield table(["", "MAE", "RMSE", "MSE", "of last value", "less ours", "ours is"], rows)


def _chart(chart: Entry, horizons: list[Entry]) -> Iterator[str]:
    name, daily = chart["chart"], chart["daily"]
    own = [entry for entry in horizons if entry["chart"] == name]
    if not own:
        return
    kind, unit = ("day", "raw streams") if daily else ("week", "natural logarithms")
    ends = ", ".join(sorted(set(chart["last"].values())))
    yield f"## {name}, the last {chart['dates']} {kind}s (to {ends})"
    yield f"Mean absolute error of {unit}; 90 %: what ours' intervals hold."
    header = [f"{kind}s ahead", "rows", "n", *(_TITLES[model] for model in _COLUMNS)]
    rows = []
    for entry in own:
        mae = entry["mae"]
        cells = [_number(mae.get(model), daily) for model in _COLUMNS]
        ratio = mae["ChartModel"] / mae["last_value"] if mae["last_value"] else float("nan")
        rows.append(
            [
                str(entry["step"]),
                _rows_title(entry["rows"], daily),
                f"{entry['n']:,}",
                *cells,
                f"{ratio:.3f}",
                f"{100 * entry['coverage']:.1f}",
            ]
        )
    yield table([*header, "ours of last value", "90 %"], rows)
    shares = ", ".join(
        f"{100 * entry['has_unit']:.0f} % ({entry['step']} ahead)"
        for entry in own
        if entry["rows"] == "all" and entry["has_unit"] is not None
    )
    if shares:
        yield f"Rows of which `with_units` has a unit; the others are boosting alone: {shares}."


def _rows_title(rows: str, daily: bool) -> str:
    titles = {
        "all": "all",
        "a season before": "there a week before, too" if daily else "there a year before, too",
        "first date": "from the first week",
    }
    return titles.get(rows, rows)


def _number(value: float | None, daily: bool) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if daily else f"{value:.3f}"


def _notes() -> Iterator[str]:
    yield "## How"
    yield "\n".join(
        f"- {note}"
        for note in (
            "The season of days is a week: the last known day of the same weekday, which is the "
            "last value itself 7, 28 and 56 days ahead. Charts of weeks have none but the year: 52 "
            "weeks before.",
            "SMA(7) is the mean of a song's last seven dates in the chart.",
            f"`with_units` needs series without a hole: a song's stay in the chart, in which one "
            f"missing date is interpolated. Its boosting learns from all stays of all songs and is "
            f"asked of any; its units, one a song, are those of songs that have been in the chart "
            f"for {UNIT_ROWS[0]} dates before those that are scored, each of its last stay "
            f"({', '.join(map(str, UNIT_ROWS))} rows, the most that there are). They hold what "
            f"they say within what they learned from. It was made for artists' plays and the F "
            f"score, which asks for small relative errors, over a month.",
            f"LSTM and GRU are the report's cells with a lookback of {USUAL} and without metadata, "
            f"one training of at most {EPOCHS} epochs (fewer where they are more than "
            f"{MOST_ROWS:,} rows of a chart). One net reads each song of all regions by itself "
            f"(pooled); further dates come by rolling. Side by side they read the songs of that "
            f"table together, as the report's do, and learn without validation dates, since some "
            f"of these songs came in on them.",
            "Ours is `ChartModel` as `next_day.py` and `weeks_ahead.py` set it.",
        )
    )
