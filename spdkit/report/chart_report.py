"""Chart report: one HTML page of the charts to come, for whoever plans by them.

Conventions: as of `spdkit.report.page` and `spdkit.report.forecast_report`: the same outlook gives
the same page, byte for byte. Past scores say which dates they are of. The words are in
``templates/charts.html.j2``; the terminal prints the same tables.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from spdkit.common.spreadsheet import for_spreadsheet
from spdkit.common.table_io import write_table
from spdkit.evaluation.bootstrap import FEWEST_UNITS
from spdkit.forecast.charts.chart_outlook import (
    RIVALS,
    ChartOutlook,
    PastScores,
    ends_of,
)
from spdkit.forecast.data.panel import day
from spdkit.report.chart_figures import plot_song
from spdkit.report.forecast_figures import history_rows
from spdkit.report.forecast_report import Provenance
from spdkit.report.page import (
    NOTHING,
    Card,
    Cell,
    Picture,
    Rows,
    Table,
    interval,
    load_template,
    percent,
    plain,
    write_page,
)
from spdkit.report.svg import draw, legend, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEMPLATE = "charts.html.j2"
MOST_PANELS = 12  # of all regions together
_FEWEST_PANELS = 2  # of each region
_LISTED = 10
_HEIGHT = 2.6  # inches
_OURS = "this forecast"


@dataclass(frozen=True)
class RegionPart:
    """What the page has of one region."""

    name: str
    heading: str
    lede: str
    chart: Table
    lists: tuple[Table, ...]
    pictures: tuple[str, ...]


def write_files(
    outlook: ChartOutlook,
    provenance: Provenance,
    output: Path | None = None,
    page: Path | None = None,
    *,
    spreadsheet_safe: bool = False,
) -> list[str]:
    """Write the table and the page of an outlook, where they are asked for; return the files.

    Raises
    ------
    SpdkitError
        When a file cannot be written.
    """
    if output is not None:
        table = for_spreadsheet(outlook.forecasts, safe=spreadsheet_safe)
        write_table(table, output, float_format="%.10g")
    if page is not None:
        write(outlook, provenance, page)
    return [str(path) for path in (output, page) if path is not None]


def write(outlook: ChartOutlook, provenance: Provenance, path: str | os.PathLike[str]) -> None:
    """Write the page whole or not at all.

    Raises
    ------
    SpdkitError
        When the file cannot be written, or Jinja2 or matplotlib is not installed.
    """
    write_page(render(outlook, provenance), path)


def render(outlook: ChartOutlook, provenance: Provenance) -> str:
    """The page as HTML.

    Raises
    ------
    ReportError
        When Jinja2 is not installed.
    SpdkitError
        When matplotlib is not installed.
    """
    require_matplotlib()
    template = load_template(TEMPLATE)
    pictures: dict[str, Picture] = {}
    parts = [_part(outlook, name, pictures) for name in outlook.regions]
    h = steps(outlook.request.horizon, outlook)
    summary = outlook.table.summary()
    page: str = template.render(
        outlook=outlook,
        provenance=provenance,
        version=provenance.packages.get("spdkit", ""),
        heading=f"The chart in {h}",
        horizon=h,
        verdict=_verdict(outlook),
        cards=_cards(outlook),
        parts=parts,
        pictures=pictures,
        scores=None if outlook.scores is None else score_table(outlook.scores),
        presence=_presence_words(outlook.scores),
        period="" if outlook.scores is None else windows(outlook),
        songs=outlook.table.frame["track_id"].nunique(),
        first=day(summary["first"].min()),
        last=day(summary["last"].max()),
    )
    return page


def steps(n: int, outlook: ChartOutlook) -> str:
    """A number of steps in words, such as 7 days."""
    return f"{n} {'day' if outlook.table.freq == 'D' else 'week'}{'s' * (n != 1)}"


def windows(outlook: ChartOutlook) -> str:
    """Which dates were scored, in words; empty where none were."""
    scores = outlook.scores
    if scores is None:
        return ""
    n = scores.n_windows
    return (
        f"{n} window{'s' * (n != 1)} of {steps(outlook.request.horizon, outlook)}, "
        f"{day(scores.first)} to {day(scores.last)}"
    )


def chart_table(outlook: ChartOutlook, region: str) -> Table:
    """The last chart that is forecast for a region, in the order of the places."""
    chart = outlook.chart(region)
    of = f"{region}, " if len(outlook.regions) > 1 else ""
    caption = f"{of}{day(chart['ds'].iloc[0])}: places and streams that are forecast"
    return _table(outlook, f"chart-{_place(outlook, region)}", caption, chart)


def score_table(scores: PastScores) -> Table:
    """The forecast and its rivals, and how far it lies from each."""
    n_songs = scores.forecasts["track_id"].nunique()
    few = f"no interval of fewer than {FEWEST_UNITS} songs"
    columns = [
        Cell("Forecaster"),
        Cell("Forecasts", "songs by dates"),
        Cell("WAPE", "lower is better"),
        Cell("MAE", "streams"),
        Cell("Places off", "on average"),
        Cell(f"MAE, {_OURS} less it", "95\u00a0% interval" if n_songs >= FEWEST_UNITS else few),
    ]
    rows: Rows = [
        [name, *_errors(scores.errors(column)), _difference(scores, column)]
        for column, name in {"streams": _OURS, **RIVALS}.items()
        if column == "streams" or column in scores.rivals
    ]
    n, h = scores.n_windows, f"{day(scores.first)} to {day(scores.last)}"
    caption = f"Scored on {n} window{'s' * (n != 1)}, {h}, of {n_songs:,} songs"
    return Table.of("scores", caption, columns, rows)


def _errors(errors: dict[str, float]) -> list[str]:
    return [
        plain(errors["n"], 0),
        percent(100 * errors["wape"]),
        plain(errors["mae"], 0),
        plain(errors["places"], 1),
    ]


def _difference(scores: PastScores, column: str) -> Cell:
    if column == "streams":
        return Cell(NOTHING)
    difference = scores.difference(column)
    ends = "" if difference.reason else interval(difference.low, difference.high, 0, signed=True)
    return Cell(plain(difference.value, 0, signed=True), ends)


def _place(outlook: ChartOutlook, region: str) -> int:
    """Regions are counted in ids: a name may hold anything."""
    return outlook.regions.index(region) + 1


def _part(outlook: ChartOutlook, region: str, pictures: dict[str, Picture]) -> RegionPart:
    chart, number = outlook.chart(region), _place(outlook, region)
    songs = max(_FEWEST_PANELS, MOST_PANELS // len(outlook.regions))
    names = []
    for row, (_, song) in enumerate(chart.head(songs).iterrows(), 1):
        name = f"song-{number}-{row}"
        pictures[name] = _picture(outlook, region, song, name)
        names.append(name)
    leaving = 1 - chart["p_in_chart"]
    return RegionPart(
        name=f"region-{number}",
        heading=f"{region}: {day(chart['ds'].iloc[0])}",
        lede=(
            f"Of the {len(chart):,} songs of the last chart about {plain(leaving.sum(), 0)} are "
            "expected to be gone by then, and as many others to have come in."
        ),
        chart=chart_table(outlook, region),
        lists=tuple(_lists(outlook, region, chart)),
        pictures=tuple(names),
    )


def _lists(outlook: ChartOutlook, region: str, chart: pd.DataFrame) -> list[Table]:
    """Going up and down, leavers and newcomers; those that have rows."""
    number, h = _place(outlook, region), steps(outlook.request.horizon, outlook)
    up = chart[chart["change"] > 0].sort_values("change", ascending=False, kind="stable")
    down = chart[chart["change"] < 0].sort_values("change", kind="stable")
    leavers = chart.sort_values("p_in_chart", kind="stable")
    parts = {
        "up": ("Going up", up),
        "down": ("Going down", down),
        "leavers": ("Likeliest to leave", leavers),
        "newcomers": (f"Came in within the last {h}", outlook.newcomers(region)),
    }
    tables = [
        _table(outlook, f"{key}-{number}", caption, rows.head(_LISTED))
        for key, (caption, rows) in parts.items()
        if len(rows)
    ]
    entering = outlook.entering[outlook.entering["region"] == region].head(_LISTED)
    if len(entering):
        places = int(entering["first_places"].iloc[0])
        songs = entering.merge(outlook.table.songs, left_on="track_id", right_index=True)
        rows: Rows = [
            [_named(song), plain(song["last_position"], 0), percent(100 * song["probability"])]
            for _, song in songs.iterrows()
        ]
        columns = ["Song", "Place now", "Probability"]
        caption = f"Likeliest to come among the first {places} within {h}"
        tables.append(Table.of(f"entering-{number}", caption, columns, rows))
    if len(outlook.releases):
        releases = outlook.releases[outlook.releases["region"] == region]
        tables += [_release_table(releases, f"releases-{number}")] if len(releases) else []
    return tables


def _release_table(releases: pd.DataFrame, name: str) -> Table:
    ends = [str(name) for name in releases if str(name).startswith(("lo-", "hi-"))]
    rows: Rows = [
        [
            _named(song),
            day(song["ds"]),
            plain(song["position"], 0),
            Cell(plain(song["streams"], 0), _span(song[ends])),
        ]
        for _, song in releases.iterrows()
    ]
    level = f"{ends[0].removeprefix('lo-')}\u00a0% interval"
    columns: list[Cell | str] = ["Song", "First chart", "Place", Cell("Streams", level)]
    return Table.of(name, "Announced releases, if they get into the chart", columns, rows)


def _table(outlook: ChartOutlook, name: str, caption: str, chart: pd.DataFrame) -> Table:
    ends = [*ends_of(outlook.level)]
    level = "" if outlook.level is None else f"{outlook.level:g}\u00a0% interval"
    columns: list[Cell | str] = [
        "Song",
        "Place",
        Cell("Change", "places from now"),
        Cell("Streams", level),
        Cell("Still there", "probability"),
    ]
    rows: Rows = [
        [
            _named(song),
            plain(song["position"], 0),
            Cell(_move(song["change"]), f"now {song['last_position']}"),
            Cell(plain(song["streams"], 0), _span(song[ends])),
            percent(100 * song["p_in_chart"]),
        ]
        for _, song in chart.iterrows()
    ]
    return Table.of(name, caption, columns, rows)


def _named(song: Any) -> Cell:
    """Title and artist; of a song without a title its id."""
    title = song["track_id"] if pd.isna(song["title"]) or not song["title"] else str(song["title"])
    return Cell(title, "" if pd.isna(song["artist"]) else str(song["artist"]))


def _span(ends: pd.Series[float]) -> str:
    return " to ".join(plain(end, 0) for end in ends)


def _move(change: int) -> str:
    return "same" if not change else f"{'up' if change > 0 else 'down'} {abs(change)}"


def _verdict(outlook: ChartOutlook) -> str:
    """What is forecast, how good such forecasts were, and beside the stronger simple rival."""
    regions = outlook.regions
    n = outlook.forecasts.groupby("region")["track_id"].nunique().sum()
    where = regions[0] if len(regions) == 1 else f"{len(regions)} regions"
    what = (
        f"The {n:,} songs of the last chart of {where} are forecast "
        f"{steps(outlook.request.horizon, outlook)} ahead."
    )
    scores = outlook.scores
    if scores is None:
        return f"{what} How good such forecasts are was not measured."
    own = scores.errors("streams")
    text = (
        f"{what} On {windows(outlook)}, which the forecasts did not know, they miss the actual "
        f"streams by {percent(100 * own['wape'])} on average."
    )
    rivals = {name: scores.errors(name)["wape"] for name in scores.rivals}
    best = min(rivals, key=rivals.__getitem__)
    return f"{text} The {RIVALS[best]} misses them by {percent(100 * rivals[best])}: " + (
        f"{_comparison(scores, best)}."
    )


def _comparison(scores: PastScores, rival: str) -> str:
    difference = scores.difference(rival)
    if difference.reason:
        return f"fewer than {FEWEST_UNITS} songs cannot tell the two apart"
    if difference.low <= 0 <= difference.high:
        return "these songs cannot tell the two apart"
    better = "better" if difference.value < 0 else "worse"
    return f"the forecast is {better}, by more than chance explains"


def _cards(outlook: ChartOutlook) -> list[Card]:
    charts = pd.concat([outlook.chart(name) for name in outlook.regions])
    stay = plain(charts["p_in_chart"].sum(), 0)
    of = f"of {len(charts):,}, in {steps(outlook.request.horizon, outlook)}"
    cards = [Card("Songs expected to stay", stay, of)]
    scores = outlook.scores
    if scores is None:
        return cards
    rivals = {name: scores.errors(name) for name in scores.rivals}
    own = scores.errors("streams")
    for label, key in {"Average miss (WAPE)": "wape", "Average miss, places": "places"}.items():
        shown = [f"{RIVALS[name]}: {_score(key, of)}" for name, of in rivals.items()]
        cards.append(Card(label, _score(key, own), ", ".join(shown)))
    if scores.level is not None:
        label = f"Inside their {scores.level:g}\u00a0% interval"
        cards.append(Card(label, percent(100 * scores.coverage), "in the past windows"))
    return cards


def _score(key: str, errors: dict[str, float]) -> str:
    return percent(100 * errors[key]) if key == "wape" else plain(errors[key], 1)


def _presence_words(scores: PastScores | None) -> str:
    """How good probabilities of staying were; empty where it is not known."""
    if scores is None or scores.presence.empty:
        return ""
    presence = scores.presence
    stayed, expected = presence["stayed"].mean(), presence["probability"].mean()
    return (
        f"Of {len(presence):,} songs in these windows {percent(100 * stayed)} were in the chart at "
        f"their ends, {percent(100 * expected)} were expected to be. The Brier score of the "
        f"probabilities is {plain(scores.brier(), 4)} (lower is better); by the place alone it is "
        f"{plain(scores.brier('by_place'), 4)}."
    )


def _years(outlook: ChartOutlook, last: pd.Timestamp) -> str:
    """What the axis of dates shows, with the years that its ticks may leave out."""
    h = outlook.request.horizon
    first = last - (h + history_rows(h) - 1) * outlook.table.step
    years = f"{first.year}" if first.year == last.year else f"{first.year} to {last.year}"
    return f"date ({years})"


def _picture(outlook: ChartOutlook, region: str, song: Any, name: str) -> Picture:
    def draw_song(ax: Axes) -> Axes:
        plot_song(outlook, region, song["track_id"], ax)
        ax.set(xlabel=_years(outlook, song["ds"]), ylabel="streams")
        legend(ax, ncols=2, handlelength=1.6)
        return ax

    title = _named(song).text
    by = f" by {song['artist']}" if _named(song).detail else ""
    caption = (
        f"Place {song['last_position']} now, {song['position']} forecast for {day(song['ds'])}, "
        f"with {plain(song['streams'], 0)} streams; still in the chart by then: "
        f"{percent(100 * song['p_in_chart'])}."
    )
    svg = draw(name, f"{title}{by}, {region}. {caption}", _HEIGHT, draw_song)
    return Picture(name, title, caption, svg)
