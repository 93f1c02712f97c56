"""Chart report: one HTML page of the charts to come, for whoever plans by them.

Conventions: as of `spdkit.report.page` and `spdkit.report.forecast_report`: the same outlook gives
the same page, byte for byte. Past scores say which dates they are of. The words are in
``templates/charts.html.j2``; the terminal prints the same tables.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
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
from spdkit.forecast.charts.chart_releases import IF_IT_GETS_IN
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
_SMALLEST = 1e-3  # a smaller probability is told as less than it


@dataclass(frozen=True)
class RegionPart:
    """What the page has of one region."""

    name: str
    heading: str
    lede: str
    charts: tuple[Table, ...]
    notes: tuple[str, ...]
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
        table = for_spreadsheet(outlook.rows, safe=spreadsheet_safe)
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
        ahead=None
        if outlook.scores is None or outlook.request.horizon == 1
        else ahead_table(outlook),
        cautions=() if outlook.scores is None else outlook.scores.cautions,
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


def chart_tables(outlook: ChartOutlook, region: str) -> list[Table]:
    """The first chart that is forecast for a region and the last, in the order of the places."""
    of, tables = f"{region}, " if len(outlook.regions) > 1 else "", []
    for first in (True, False) if outlook.request.horizon > 1 else (False,):
        chart = outlook.chart(region, first=first)
        caption = f"{of}{day(chart['ds'].iloc[0])}: places and streams that are expected"
        name = f"{'first-' * first}chart-{_place(outlook, region)}"
        tables.append(_table(outlook, name, caption, chart))
    return tables


def ahead_table(outlook: ChartOutlook) -> Table:
    """The forecast and its rivals by how far ahead."""
    scores = outlook.scores
    assert scores is not None  # who asks has scores
    names = {"streams": _OURS, **RIVALS}
    errors = scores.errors_ahead()
    shown = [name for name in names if name in errors]
    columns: list[Cell | str] = [
        Cell("Ahead"),
        Cell("Forecasts", "songs by windows"),
        *(Cell(f"WAPE, {names[name]}") for name in shown),
    ]
    rows: Rows = [
        [
            steps(int(row["step"]), outlook),
            plain(row["n"], 0),
            *(percent(100 * row[name]) for name in shown),
        ]
        for _, row in errors.iterrows()
    ]
    return Table.of("ahead", "Scores by how far ahead", columns, rows)


def score_table(scores: PastScores) -> Table:
    """The forecast and its rivals, and how far it lies from each."""
    n_songs = scores.forecasts["track_id"].nunique()
    few = f"no interval of fewer than {FEWEST_UNITS} songs"
    columns = [
        Cell("Forecaster"),
        Cell("Forecasts", "songs by dates"),
        Cell("WAPE", "lower is better"),
        Cell("MAE", "streams"),
        Cell("Places off", "on average, of official ones"),
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
    leaving, tables = 1 - chart["p_in_chart"], _lists(outlook, region, chart)
    return RegionPart(
        name=f"region-{number}",
        heading=f"{region}: {day(chart['ds'].iloc[0])}",
        lede=(
            f"Of the {len(chart):,} songs of the last chart about {plain(leaving.sum(), 0)} are "
            "expected to be gone by then, and as many others to have come in."
        ),
        charts=tuple(chart_tables(outlook, region)),
        notes=tuple(_notes(outlook, region)),
        lists=(*tables, *release_tables(outlook, region)),
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
    entering = _likely(outlook, region)
    if len(entering):
        places = int(entering["first_places"].iloc[0])
        songs = entering.merge(outlook.table.songs, left_on="track_id", right_index=True)
        rows: Rows = [
            [_named(song), plain(song["last_position"], 0), _probability(song["probability"])]
            for _, song in songs.iterrows()
        ]
        columns = ["Song", "Place now", "Probability"]
        caption = f"Likeliest to come among the first {places} within {h}"
        tables.append(Table.of(f"entering-{number}", caption, columns, rows))
    return tables


def _likely(outlook: ChartOutlook, region: str) -> pd.DataFrame:
    """Songs that may come among the first places, of a probability that is more than nothing."""
    entering = outlook.entering[outlook.entering["region"] == region]
    return entering[entering["probability"] >= _SMALLEST].head(_LISTED)


def _notes(outlook: ChartOutlook, region: str) -> Iterator[str]:
    """What lists are not there, and why."""
    if _likely(outlook, region).empty:
        entering = outlook.entering[outlook.entering["region"] == region]
        first = "places" if entering.empty else f"{entering['first_places'].iloc[0]} places"
        yield (
            f"No song of the last chart below the first {first} is likely to come among them "
            f"within {steps(outlook.request.horizon, outlook)}: each has less than "
            f"{percent(100 * _SMALLEST)}."
        )


def _probability(share: float) -> str:
    """A probability, of which nothing is sure."""
    if share < _SMALLEST:
        return f"<{percent(100 * _SMALLEST)}"
    return f">{percent(100 - 100 * _SMALLEST)}" if share > 1 - _SMALLEST else percent(100 * share)


def release_tables(outlook: ChartOutlook, region: str) -> list[Table]:
    """The releases of a region, if there are any."""
    if outlook.releases.empty or not (here := outlook.releases["region"] == region).any():
        return []
    releases = outlook.releases[here].sort_values(["title", "artist", "ds"], kind="stable")
    name = f"releases-{_place(outlook, region)}"
    ends = [str(name) for name in releases if str(name).startswith(("lo-", "hi-"))]
    rows: Rows = [
        [
            _named(song),
            day(song["ds"]),
            Cell(plain(song["position"], 0), IF_IT_GETS_IN),
            Cell(plain(song["streams"], 0), _span(song[ends])),
            song["basis"].partition("; ")[2],
        ]
        for _, song in releases.iterrows()
    ]
    level = f"{ends[0].removeprefix('lo-')}\u00a0% interval"
    columns: list[Cell | str] = ["Song", "Date", "Place", Cell("Streams", level), "By"]
    of = f"{region}: " if len(outlook.regions) > 1 else ""
    caption = (
        f"{of}Announced releases, if they get into the chart (how probable that is is not known)"
    )
    return [Table.of(name, caption, columns, rows)]


def _table(outlook: ChartOutlook, name: str, caption: str, chart: pd.DataFrame) -> Table:
    ends = [*ends_of(outlook.level)]
    places = [f"position-{end}" for end in ends]
    level = "" if outlook.level is None else f"{outlook.level:g}\u00a0% interval"
    columns: list[Cell | str] = [
        "Song",
        Cell("Place, if it stays", level),
        Cell("Change", "places from now"),
        Cell("Streams", level),
        Cell("Still there", "probability"),
    ]
    rows: Rows = [
        [
            _named(song),
            Cell(plain(song["position"], 0), _span(song[places])),
            Cell(_move(song["change"]), f"now {song['last_position']}"),
            Cell(plain(song["streams"], 0), _span(song[ends])),
            _probability(song["p_in_chart"]),
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
    for label, key in {
        "Average miss (WAPE)": "wape",
        "Average miss, official places": "places",
    }.items():
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
        f"Place {song['last_position']} now, {song['position']} expected for {day(song['ds'])}, "
        f"with {plain(song['streams'], 0)} streams; still in the chart by then: "
        f"{_probability(song['p_in_chart'])}."
    )
    svg = draw(name, f"{title}{by}, {region}. {caption}", _HEIGHT, draw_song)
    return Picture(name, title, caption, svg)
