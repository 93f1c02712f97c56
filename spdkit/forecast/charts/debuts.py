"""Debuts: streams of songs on their first dates in a chart, from what was known before.

Conventions
-----------
A song's debut is its first date in the chart of a region; songs of the region's first date have
none, for they may have been there before. Forecast are streams given that the song gets in, in
natural logarithms above the streams of the last place on the date before.

Known of a song before it comes in are its title, artist, region and date, and all charts of earlier
dates: earlier debuts of its artist, the artist's songs in the chart, and the song itself where it
is in another region already, or was in this one under another id. Songs of one title and first
artist are one song: guests and remasters do not tell them apart, "Remix" does (`plain_title`).
Numbers that a table has of songs by their ids, such as tempo or energy, can be learned, too.

Which other songs of the artist come in on that date is known to those who have the list of
releases (``announced=True``). What is counted are songs that get into the chart, which is more than
a list of what comes out tells: its songs that stay below are not in a chart's past.

References
----------
DESIGN.md, section 6, "Charts": debuts by the region's median and the artist's offset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import chain
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold

from spdkit.collect.song_matching import normalised, plain_title
from spdkit.common.parameters import FLAG, Allowed, Number, SequenceOf, Whole, check_parameters
from spdkit.common.table_io import require_columns
from spdkit.forecast.charts.chart_table import ChartTable, Numbers, as_chart, require_learned
from spdkit.forecast.charts.song_features import first_artist
from spdkit.forecast.charts.song_metadata import find_descriptors, read_metadata
from spdkit.forecast.data.calendar import parse_times, shown
from spdkit.forecast.data.checks import ForecastError, quoted
from spdkit.forecast.models.boosted_trees import TREES, BoostedTrees, mean_prediction

Texts = NDArray[np.object_]

RECENT = pd.Timedelta(weeks=8)  # over which a region's debuts are summed up
_FOLDS = 3
_MOST_AHEAD = 56  # days
_LEVEL = Number(0, 100, closed="neither")
_SONG = ("region", "ds", "title", "artist")
_VERSIONS = r"\b(?:remix|mix|acoustic|live|version|edit)\b"


def debuts(chart: ChartTable) -> pd.DataFrame:
    """The first date of every song in the chart of each region.

    Returns
    -------
    DataFrame
        Rows of `chart.frame`, in its order.
    """
    rows = chart.frame
    first = rows["ds"] == rows.groupby("region")["ds"].transform("min")
    again = rows.duplicated(["region", "track_id"])
    return rows[~first & ~again].reset_index(drop=True)


def debut_features(
    chart: ChartTable, songs: pd.DataFrame, *, announced: bool = False
) -> pd.DataFrame:
    """What is known of debuts on the date before.

    Parameters
    ----------
    chart : ChartTable
        Of each song only what lies before its date is looked at.
    songs : DataFrame
        ``region, ds, title, artist`` of songs that come in on that date, and ``track_id`` where
        there is one.
    announced : bool
        Whether `songs` are all that come in, and the artist's are counted.

    Returns
    -------
    DataFrame, a row for each song
        ``last_place``, the log streams that all others stand above, and numbers; NaN where nothing
        is known.
    """
    rows, first = _identified(chart.frame), _identified(debuts(chart))
    asked = _identified(_checked(songs))
    rows["log"] = np.log(rows["streams"])
    by_date = rows.groupby(["region", "ds"])["log"].agg(["min", "median", "max"]).reset_index()
    rows["level"] = rows["log"] - rows.groupby(["region", "ds"])["log"].transform("median")
    floor = _before(by_date, first, ["region"])["min"]
    first["above"] = np.log(first["streams"]) - floor
    region = _before(by_date, asked, ["region"])
    features = {
        "last_place": region["min"],
        "median": region["median"] - region["min"],
        "top": region["max"] - region["min"],
        **_recent(first, asked),
        "weekday": asked["ds"].dt.day_of_week,
        "length": asked["title"].fillna("").str.len(),
        "version": asked["title"].fillna("").str.contains(_VERSIONS, case=False),
    }
    for events, value, key in (
        (first, "above", "performer"),
        (rows, "level", "performer"),
        (rows, "level", "song"),
    ):
        for by in ([key], ["region", key]):
            past = _before(_history(events, value, by), asked, by)
            past["days"] = (asked["ds"] - past.pop("date")).dt.days
            features |= {f"{value} {' '.join(by)} {name}": past[name] for name in past}
    if announced:
        same = asked.groupby(["region", "ds", "performer"])["song"]
        features["announced"] = same.transform("size")
    return pd.DataFrame(features).astype(np.float64)


def _checked(songs: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(songs, pd.DataFrame):
        raise ForecastError(f"songs must be a pandas DataFrame, got {type(songs).__name__}")
    if "ds" not in songs and "release_date" in songs:
        raise ForecastError(
            "the songs: no column 'ds', the first date in the chart: of a chart of days it is the "
            "release_date, of one of weeks the last day of its week"
        )
    require_columns(songs.columns, _SONG, "the songs", ForecastError)
    dates = parse_times(songs["ds"], songs["region"])
    if not isinstance(dates, pd.DatetimeIndex):
        raise ForecastError("column 'ds' of the songs holds whole numbers, not dates")
    names = [name for name in ("region", "track_id", "title", "artist") if name in songs]
    texts = {name: songs[name].astype("str") for name in names}
    return songs.assign(ds=dates.as_unit("ns"), **texts).reset_index(drop=True)


def _with_texts(static_df: pd.DataFrame) -> pd.DataFrame:
    """Metadata by ids as the charts have them."""
    require_columns(static_df.columns, ("track_id",), "static_df", ForecastError)
    return static_df.assign(track_id=static_df["track_id"].astype("str"))


def _identified(songs: pd.DataFrame) -> pd.DataFrame:
    """Rows with what tells their performers and songs apart."""
    # Who is not named is nobody else.
    ids = songs["track_id"] if "track_id" in songs else "row " + pd.Series(songs.index.map(str))
    nobody = "\0" + ids
    titles, artists = (songs[name].fillna("") for name in ("title", "artist"))
    performer = _mapped(artists, first_artist).where(artists != "", nobody)
    work = _mapped(titles, lambda title: normalised(plain_title(title))) + "\0" + performer
    return songs.assign(performer=performer, song=work.where(titles != "", nobody))


def _mapped(texts: pd.Series[str], of: Callable[[str], str]) -> pd.Series[str]:
    """A function of each text, worked out once for each that there is."""
    return texts.map({text: of(text) for text in texts.unique()})


def _before(past: pd.DataFrame, asked: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The last row of `past` before the date of each of `asked`, of the same `by`."""
    order = asked[["ds", *by]].sort_values("ds", kind="stable")
    rows = past.sort_values("ds", kind="stable")
    joined = pd.merge_asof(order, rows, on="ds", by=by, allow_exact_matches=False)
    return joined.set_index(order.index).loc[asked.index].drop(columns=["ds", *by])


def _history(events: pd.DataFrame, value: str, by: list[str]) -> pd.DataFrame:
    """How many events there were until each date, their mean, and the highest of that date."""
    dates = events.groupby([*by, "ds"])[value].agg(["size", "sum", "max"]).reset_index()
    until = dates.groupby(by)[["size", "sum"]].cumsum()
    return dates[[*by, "ds"]].assign(
        n=until["size"], mean=until["sum"] / until["size"], last=dates["max"], date=dates["ds"]
    )


def _recent(first: pd.DataFrame, asked: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """Quartiles and number of the region's debuts in `RECENT` before the date."""
    dates = asked[["region", "ds"]].drop_duplicates()
    rows = pd.concat([first[["region", "ds", "above"]], dates]).sort_values(["region", "ds"])
    window = rows.set_index("ds").groupby("region")["above"].rolling(RECENT, closed="left")
    columns = {f"recent {share}": window.quantile(share) for share in (0.25, 0.5, 0.75)}
    table = pd.DataFrame({**columns, "recent n": window.count()})
    table = table[~table.index.duplicated()].reset_index()
    return dict(asked[["region", "ds"]].merge(table, how="left").iloc[:, 2:])


@dataclass(eq=False, repr=False)
class DebutModel(BaseEstimator):
    """Streams of songs on their first dates in a chart, by gradient boosting over all regions.

    Parameters
    ----------
    announced : bool
        Whether all songs that come in on a date are known before it.
    n_dates : int
        Dates to forecast, from the debut on: of songs that are in the chart on them.
    level : sequence of float
        Per cent that intervals hold; none for no intervals, which take twice the time or more.
    n_trees, learning_rate, max_leaves, min_leaf, feature_share
        Of each model; `min_leaf` is a number of rows.
    n_models : int
        Models with other random features, averaged.
    seed : int

    Attributes
    ----------
    regions_ : tuple of str
        Whose debuts were learned from.
    freq_ : str
        The step of the charts.
    n_debuts_ : int
    ends_ : dict of str to Timestamp
        Last date of each region's chart.
    models_ : dict of float to list of HistGradientBoostingRegressor
        By quantile.
    margins_ : dict of float to float
        What is added to each quantile (natural log), learned from artists that were left out.
    descriptors_ : list of str
        Columns of ``static_df`` that were learned.
    remarks_ : list of str
        Of how many songs they are known, and which columns were not learned.
    """

    _: KW_ONLY
    announced: bool = False
    n_dates: int = 1
    level: Sequence[float] = (90,)
    n_trees: int = 150
    learning_rate: float = 0.05
    max_leaves: int = 15
    min_leaf: int = 30
    feature_share: float = 0.15
    n_models: int = 3
    seed: int = 0

    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        "announced": FLAG,
        **dict.fromkeys(("n_dates", "n_models"), Whole()),
        "level": (SequenceOf(_LEVEL), SequenceOf(_LEVEL, 0)),
        **TREES,
    }

    def fit(
        self,
        chart: pd.DataFrame | ChartTable,
        songs: pd.DataFrame | None = None,
        *,
        static_df: pd.DataFrame | None = None,
        freq: str | None = None,
    ) -> Self:
        """Learn from the debuts of a chart.

        Parameters
        ----------
        chart : DataFrame or ChartTable
            In the one layout, see `spdkit.forecast.charts.chart_table.check_chart`.
        songs : DataFrame, optional
            Which of `debuts` to learn from; all where it is not given. The others are still known
            as the past of those that come later.
        static_df : DataFrame, optional
            One row a song, by ``track_id``. Every column that holds numbers is learned, so it must
            have none that are known only after the debut, such as the popularity of later years.
            What a song lacks is missing, and `remarks_` say of how many.
        freq : str, optional
            The step of a DataFrame; found if not given.

        Raises
        ------
        ForecastError
            When a parameter is not what it may be, no song debuts after a region's first date, or
            `static_df` has a song twice or something infinite.
        """
        check_parameters(self.get_params(), self._parameter_constraints, ForecastError)
        chart = as_chart(chart, freq)
        entries = debuts(chart) if songs is None else songs.reset_index(drop=True)
        if entries.empty:
            raise ForecastError(
                f"nothing to learn debuts from: no song comes into the chart after the first date "
                f"({shown(chart.frame['ds'].min())} in {quoted(chart.regions[0])})"
            )
        self.static_, self.descriptors_, self.remarks_ = None, list[str](), list[str]()
        if static_df is not None:
            self.static_, ids = _with_texts(static_df), pd.Index(entries["track_id"].unique())
            self.descriptors_, self.remarks_ = find_descriptors(self.static_, ids, "track_id")
        X, last_place = self._inputs(chart, entries)
        target = np.log(self._streams(chart, entries)) - last_place
        known = np.isfinite(target)
        X, target = X[known], target[known]
        self.models_ = {0.5: self._boosters(0.5, X, target)}
        self.margins_ = {0.5: 0.0}
        artists = _identified(entries)["performer"].repeat(self.n_dates).to_numpy()[known]
        for share in chain.from_iterable(map(_ends, self.level)):
            self.models_[share] = self._boosters(share, X, target)
            self.margins_[share] = self._margin(share, X, target, artists)
        self.regions_, self.freq_ = tuple(sorted(entries["region"].unique())), chart.freq
        self.n_debuts_ = len(entries)
        self.ends_ = chart.frame.groupby("region")["ds"].max().to_dict()
        return self

    def predict(
        self,
        chart: pd.DataFrame | ChartTable,
        songs: pd.DataFrame,
        *,
        static_df: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Forecast songs that come into the chart.

        Parameters
        ----------
        chart : DataFrame or ChartTable
            Of which the dates before each song's are looked at; it may go beyond those of `fit`.
        songs : DataFrame
            ``region, ds, title, artist`` of the songs, `ds` being the first date in the chart, and
            ``track_id`` where there is one; all that come in on these dates if ``announced``. The
            first dates lie behind the chart of `fit`, and at most 56 days or 8 weeks behind
            `chart`.
        static_df : DataFrame, optional
            With `descriptors_` of these songs, by ``track_id``; that of `fit` where none is given.

        Returns
        -------
        DataFrame, n_dates rows for each song
            ``region, debut, ds, title, artist``, ``DebutModel`` (the median of streams) and, for a
            level of 90, ``DebutModel-lo-90`` and ``DebutModel-hi-90``.

        Raises
        ------
        ForecastError
            When a column is missing or the charts have another step, naming a region that was not
            learned from or has no chart before a song's date, a song whose date was learned from or
            lies too far ahead, or as `describe`.
        """
        if not hasattr(self, "models_"):
            raise NotFittedError("DebutModel is not fitted yet: call fit first")
        chart, asked = as_chart(chart, self.freq_), _checked(songs)
        require_learned(self, asked["region"], chart.freq)
        X, last_place = self._inputs(chart, asked, static_df)
        if np.isnan(last_place).any():
            row = asked.iloc[int(np.isnan(last_place).argmax()) // self.n_dates]
            raise ForecastError(
                f"{row.region} has no chart before {shown(row.ds)}, the debut of "
                f"{quoted(row.title)}: give a chart that goes up to the date before"
            )
        self._require_dates(chart, asked)
        above = {
            q: mean_prediction(models, X) + self.margins_[q] for q, models in self.models_.items()
        }
        streams = {q: np.exp(last_place + values) for q, values in above.items()}
        rows = asked[list(_SONG)].rename(columns={"ds": "debut"})
        rows = rows.loc[np.repeat(rows.index, self.n_dates)].reset_index(drop=True)
        rows.insert(2, "ds", _dates(chart, asked, self.n_dates).ravel())
        rows["DebutModel"] = streams[0.5]
        for level in self.level:
            low, high = _ends(level)
            # What was fitted quantile by quantile can cross.
            rows[f"DebutModel-lo-{level:g}"] = np.minimum(streams[low], streams[0.5])
            rows[f"DebutModel-hi-{level:g}"] = np.maximum(streams[high], streams[0.5])
        return rows

    def _require_dates(self, chart: ChartTable, asked: pd.DataFrame) -> None:
        """Refuse dates that were learned from, and those far behind the chart."""
        ends = asked["region"].map(chart.frame.groupby("region")["ds"].max())
        most = _MOST_AHEAD if chart.freq == "D" else _MOST_AHEAD // 7
        past = asked["ds"] <= asked["region"].map(self.ends_)
        far = asked["ds"] > ends + most * chart.step
        for wrong, what in (
            (past, "lies in the chart that was learned from: give the date of a debut after it"),
            (far, f"lies more than {most} dates behind the chart: give a chart that goes further"),
        ):
            if wrong.any():
                row = asked[wrong].iloc[0]
                raise ForecastError(
                    f"{row.region} {shown(row.ds)}, the debut of {quoted(row.title)}, {what} "
                    f"({int(wrong.sum())} such songs)"
                )

    def describe(self, songs: pd.DataFrame, static_df: pd.DataFrame | None = None) -> pd.DataFrame:
        """Descriptors of songs.

        Parameters
        ----------
        songs : DataFrame
            With ``track_id``; without, nothing is known of them.
        static_df : DataFrame, optional
            As of `predict`.

        Returns
        -------
        DataFrame
            A row for each song, columns `descriptors_`; NaN where something is missing.

        Raises
        ------
        ForecastError
            When `static_df` lacks a column, has a song twice, texts or something infinite, or `fit`
            had none.
        """
        if self.static_ is None and static_df is not None:
            raise ForecastError("DebutModel learned without static_df: give it to fit, too")
        static = self.static_ if static_df is None else _with_texts(static_df)
        if static is None or "track_id" not in songs:
            values = np.full((len(songs), len(self.descriptors_)), np.nan)
        else:
            ids = pd.Index(songs["track_id"])
            values = read_metadata(static, ids, self.descriptors_, "track_id")
        return pd.DataFrame(values, columns=self.descriptors_, index=songs.index)

    def _inputs(
        self, chart: ChartTable, songs: pd.DataFrame, static_df: pd.DataFrame | None = None
    ) -> tuple[Numbers, Numbers]:
        """Features of each song and date, n_dates rows a song, and the last place before."""
        features = debut_features(chart, songs, announced=self.announced)
        last_place = features.pop("last_place").to_numpy()
        known = np.column_stack([features, self.describe(songs, static_df)])
        ahead = np.tile(np.arange(self.n_dates), len(songs))
        X = np.column_stack([known.repeat(self.n_dates, axis=0), ahead])
        return X, last_place.repeat(self.n_dates)

    def _streams(self, chart: ChartTable, songs: pd.DataFrame) -> Numbers:
        """Streams on each date from the debut on, NaN where the song is not in the chart."""
        rows = songs.loc[np.repeat(songs.index, self.n_dates), ["region", "track_id"]]
        rows["ds"] = _dates(chart, songs, self.n_dates).ravel()
        return rows.merge(chart.frame, how="left")["streams"].to_numpy()

    def _margin(self, quantile: float, X: Numbers, target: Numbers, artists: Texts) -> float:
        """How far an end must move to hold its share of songs whose artists were left out."""
        n_folds = min(_FOLDS, len(set(artists)))
        if n_folds < 2:
            return 0.0
        off = np.empty(len(X))
        for others, fold in GroupKFold(n_folds).split(X, groups=artists):
            models = self._boosters(quantile, X[others], target[others], n_models=1)
            off[fold] = target[fold] - mean_prediction(models, X[fold])
        return float(np.quantile(off, quantile, method="lower" if quantile < 0.5 else "higher"))

    def _boosters(
        self, quantile: float, X: Numbers, target: Numbers, n_models: int | None = None
    ) -> list[Any]:
        trees = BoostedTrees.of(self)
        return [
            trees.fit(X, target, seed=self.seed + i, loss="quantile", quantile=quantile)
            for i in range(n_models or self.n_models)
        ]


def _ends(level: float) -> tuple[float, float]:
    """The quantiles between which a level lies."""
    return (1 - level / 100) / 2, (1 + level / 100) / 2


def _dates(chart: ChartTable, songs: pd.DataFrame, n: int) -> NDArray[np.datetime64]:
    """The first dates of each song, shape (n_songs, n)."""
    ahead = np.arange(n) * chart.step.to_timedelta64()
    dates: NDArray[np.datetime64] = np.add.outer(songs["ds"].to_numpy(), ahead)
    return dates
