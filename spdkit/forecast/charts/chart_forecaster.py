"""Chart forecaster: the next dates of a chart's songs by a recurrent net, with metadata.

Conventions
-----------
What is learned from is a `spdkit.forecast.charts.song_matrix.SongMatrix`: short gaps are
interpolated, and whatever else is missing is shown to the net as missing, by a channel that says so
beside the streams. Learned is the date after each window, of songs that are in the chart on that
date and the one before; further dates come by rolling, with the forecasts as inputs. Songs that are
in the chart on the last date are forecast, and no others: whether a song comes back is another
question (`spdkit.forecast.charts.presence`).

Streams are scaled by training rows alone: by each song's own range, or its logarithms' mean and
deviation (``songs="one"``, ``"matrix"``); or as logarithms over each window's own mean, in
deviations of all training rows (``"pooled"``, which so forecasts songs that it never saw). The
last `validation` of the dates decide when to stop; they are no training rows.

References
----------
The CS137 report: LSTM and GRU over lookback windows, and a net of two inputs for metadata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

from spdkit.common.messages import needs_extra
from spdkit.common.parameters import (
    FLAG,
    POSITIVE,
    TEXT,
    Allowed,
    Number,
    OneOf,
    SequenceOf,
    Whole,
    check_parameters,
)
from spdkit.common.serialization import Arrays, Saved, State
from spdkit.forecast.charts.song_matrix import Flags, SongMatrix, Step, Windows, read_matrix
from spdkit.forecast.charts.song_metadata import (
    SONG_METADATA,
    MetadataScale,
    read_metadata,
    refuse_missing,
)
from spdkit.forecast.data.calendar import future_times, parse_times
from spdkit.forecast.data.checks import ForecastError, quoted, refuse_names
from spdkit.forecast.data.long_table import check_horizon
from spdkit.forecast.data.panel import Columns, Numbers, Panel, check_windows
from spdkit.forecast.models import serialization

if TYPE_CHECKING:
    from torch import Tensor

    from spdkit.nets.multi_input import MultiInputNet
    from spdkit.nets.training import Data

Cell = Literal["lstm", "gru"]
Songs = Literal["one", "matrix", "pooled"]
_CUTOFF = "cutoff"
_KNOWN = "is known"  # beside the streams of a saved forecaster


@dataclass(eq=False, repr=False)
class ChartForecaster(Saved, BaseEstimator):
    """Recurrent nets over the streams of a chart's songs.

    Parameters
    ----------
    cell : {"gru", "lstm"}
    songs : {"pooled", "matrix", "one"}
        One net that reads each song by itself; one that reads the streams of all songs side by
        side, as the report's; or a net for each song.
    lookback : int
        Dates that a net sees.
    metadata : sequence of str
        Columns of ``static_df`` that are used where one is given.
    missing_metadata : {"refuse", "mask"}
        What to do with a song whose metadata are not all there: refuse it by name, or show the net
        what is missing.
    training : {"joint", "two_stage"}
        How branch and head of a net with metadata learn, see `spdkit.nets.multi_input`.
    slow : float
        The branch's share of the learning rate in the second stage; at 0 it is frozen.
    scale : {"log", "range"}
        Logarithms, or streams as shares of the training rows' range, as the report's (not pooled).
    loss : {"mae", "mse"}
        Of scaled streams.
    max_gap : int
        Dates of the longest gap that is interpolated.
    max_missing : float, optional
        Songs that are missing on a greater share of the dates are left out. If not given, none is
        left out of a pooled net, and 0.5 is the most elsewhere.
    width, hidden : int
        Units of the recurrent layer, and of the head.
    validation : float
        Share of the dates, the last, that decide when to stop; 0 lets the training loss decide.
    epochs, patience, batch_size : int
    learning_rate : float
        Of Adam.
    seed : int

    Attributes
    ----------
    matrix_ : SongMatrix
        The last `lookback` dates of the songs that were learned from.
    nets_ : list of MultiInputNet
        Fitted: one, or one a song.
    left_out_ : Index
        Songs that were not learned from; not saved.
    history_ : list of list of dict
        Losses by net and epoch; not saved.
    """

    cell: Cell = "gru"
    _: KW_ONLY
    songs: Songs = "pooled"
    lookback: int = 7
    metadata: Sequence[str] = SONG_METADATA
    missing_metadata: Literal["refuse", "mask"] = "refuse"
    training: Literal["joint", "two_stage"] = "joint"
    slow: float = 0.0
    scale: Literal["log", "range"] = "log"
    loss: Literal["mae", "mse"] = "mae"
    max_gap: int = 1
    max_missing: float | None = None
    width: int = 32
    hidden: int = 16
    validation: float = 0.1
    epochs: int = 30
    patience: int = 10
    batch_size: int = 256
    learning_rate: float = 3e-3
    seed: int = 0

    _form: ClassVar = serialization.FORM
    _parameter_constraints: ClassVar[Mapping[str, Allowed]] = {
        "cell": OneOf(*get_args(Cell)),
        "songs": OneOf(*get_args(Songs)),
        "metadata": SequenceOf(TEXT),
        "missing_metadata": OneOf("refuse", "mask"),
        "training": OneOf("joint", "two_stage"),
        "slow": Number(0, 1),
        "scale": OneOf("log", "range"),
        "loss": OneOf("mae", "mse"),
        "max_missing": (None, Number(0, 1)),
        "validation": Number(0, 1, closed="low"),
        "learning_rate": POSITIVE,
        **dict.fromkeys(
            ("lookback", "width", "hidden", "epochs", "patience", "batch_size"), Whole()
        ),
        "max_gap": Whole(0),
        "seed": Whole(0),
    }

    @property
    def label(self) -> str:
        """Name of its column in forecasts."""
        return f"Chart{self.cell.upper()}({self.songs})"

    def fit(
        self,
        df: pd.DataFrame,
        *,
        static_df: pd.DataFrame | None = None,
        freq: Step = None,
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
    ) -> Self:
        """Learn from a chart.

        Parameters
        ----------
        df : DataFrame
            One row a song and date on which it was in the chart, of one region.
        static_df : DataFrame, optional
            One row a song, with the columns `metadata`; without it none are used.
        freq : str, int or DateOffset, optional
            The step between dates; found if not given.
        id_col, time_col, target_col : str
            Such as ``track_id``, ``ds`` and ``streams`` of the charts' own layout.

        Raises
        ------
        ForecastError
            When the frame cannot be used (see `song_matrix.read_matrix`), metadata are missing, by
            name, there is nothing to learn from, or a parameter is not what it may be.
        """
        self._check()
        matrix = self._read(df, freq, Columns(id_col, time_col, target_col))
        return self.fit_matrix(matrix, static_df, id_col, time_col, target_col)

    def fit_matrix(
        self,
        matrix: SongMatrix,
        static_df: pd.DataFrame | None = None,
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
    ) -> Self:
        """Learn from a matrix that was made before, as `fit` does."""
        self._check()
        split = len(matrix) - round(self.validation * len(matrix))
        learned = self._learned(matrix, split)
        left_out, matrix = matrix.songs[~learned], matrix.take(learned)
        self.columns_ = Columns(id_col, time_col, target_col)
        if static_df is None:
            values = np.empty((len(matrix.songs), 0))
        else:
            values = self._values(static_df, matrix.songs)
        self.metadata_scale_ = MetadataScale.of(values, self.missing_metadata == "mask")
        self.metadata_ = self.metadata_scale_.transform(values)
        windows = matrix.windows(self.lookback)
        parts = windows.between(0, split), windows.between(split, len(matrix))
        self._fit_scale(matrix, split, parts[0])
        nets, self.history_ = [], []
        for group in self._groups():
            training, validation = (self._data(part, group) for part in parts)
            net, history = self._trained(training, validation, len(group))
            nets.append(net)
            self.history_.append(history)
        self.matrix_, self.left_out_, self.nets_ = matrix.last(self.lookback), left_out, nets
        return self

    def predict(self, h: int) -> pd.DataFrame:
        """Forecast the next `h` dates of every song that was in the chart on the last.

        Parameters
        ----------
        h : int
            The horizon, at least 1.

        Returns
        -------
        DataFrame, n_songs * h rows
            Song and date as the fitted frame called them, and streams under `label`.

        Raises
        ------
        ForecastError
            When the horizon is none.
        """
        self._require_fitted()
        h, matrix = check_horizon(h), self.matrix_
        last = np.array([len(matrix)])
        dates = future_times(matrix.dates, h, matrix.freq, np.array([0, len(matrix)]))
        return self._rolled(matrix, self.metadata_, last, dates).drop(columns=_CUTOFF)

    def cross_validation(
        self,
        df: pd.DataFrame,
        h: int,
        *,
        static_df: pd.DataFrame | None = None,
        n_windows: int = 1,
        step_size: int | None = None,
        refit: bool = True,
        freq: Step = None,
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
    ) -> pd.DataFrame:
        """Forecast the past as `spdkit.forecast.models.base.Forecaster.cross_validation` does.

        Parameters
        ----------
        h, n_windows, step_size
            As there, in dates of the chart.
        refit : bool
            Whether nets learn before each cutoff, or before the first alone.
        df, static_df, freq, id_col, time_col, target_col
            As in `fit`.

        Returns
        -------
        DataFrame
            Song, date, ``cutoff``, streams (NaN where the song had left the chart) and the
            forecast, for each song that was in the chart on the cutoff; without a new fit those of
            ``"one"`` and ``"matrix"`` that were learned from. `self` is not changed.

        Raises
        ------
        ForecastError
            As `fit` and `predict` do, and when there are too few dates.
        """
        self._check()
        step = check_windows(check_horizon(h), n_windows, step_size)
        check_parameters({"refit": refit}, {"refit": FLAG}, ForecastError)
        columns = Columns(id_col, time_col, target_col)
        refuse_names(vars(columns).values(), (_CUTOFF, self.label), "forecasts of the past")
        matrix = self._read(df, freq, columns)
        cutoffs = len(matrix) - h - step * np.arange(n_windows)[::-1]
        if cutoffs[0] <= self.lookback:
            raise ForecastError(
                f"there are {len(matrix)} dates: {n_windows} windows of {h}, {step} apart, leave "
                f"{cutoffs[0]} to learn from, and a lookback of {self.lookback} needs one more "
                "than itself"
            )
        parts = cutoffs[:, None] if refit else cutoffs[None]
        frames = []
        for rows in parts:
            fitted = clone(self).fit_matrix(
                matrix.until(int(rows[0])), static_df, id_col, time_col, target_col
            )
            songs, metadata = fitted._songs_of(matrix, static_df)
            dates = matrix.dates[(rows[:, None] + np.arange(h)).ravel()]
            frames.append(fitted._rolled(songs, metadata, rows, dates))
        forecast = pd.concat(frames, ignore_index=True)
        past = df[[id_col, time_col, target_col]].assign(
            **{time_col: parse_times(df[time_col], df[id_col])}
        )
        joined: pd.DataFrame = forecast.merge(past, how="left", on=[id_col, time_col])
        return joined[[id_col, time_col, _CUTOFF, target_col, self.label]]

    def next_dates(
        self, matrix: SongMatrix, first: int, static_df: pd.DataFrame | None = None
    ) -> Numbers:
        """Forecast each date of a matrix from row `first` on, from the dates before it.

        Parameters
        ----------
        matrix : SongMatrix
            With the songs that were learned from, in any order; others only where nets are pooled.
        first : int
            At least `lookback`, so that there is a window before it.
        static_df : DataFrame, optional
            Of the same columns as that of `fit`.

        Returns
        -------
        ndarray, shape (n_dates - first, n_songs)
            NaN for songs that were not in the chart the date before.

        Raises
        ------
        ForecastError
            When there are too few dates before `first`, a song of the nets is not there, or its
            metadata.
        """
        self._require_fitted()
        rows: dict[str, Allowed] = {"first": Whole(self.lookback, len(matrix))}
        check_parameters({"first": first}, rows, ForecastError)
        songs, metadata = self._songs_of(matrix, static_df)
        windows = songs.windows(self.lookback).between(first, len(matrix))
        forecast = np.full((len(windows), len(matrix.songs)), np.nan)
        own = matrix.songs.get_indexer(songs.songs)
        forecast[:, own] = self._next(windows.X, windows.known, metadata)
        return forecast

    # Songs and their metadata

    def _check(self) -> None:
        check_parameters(self.get_params(deep=False), self._parameter_constraints, ForecastError)
        if self.songs == "pooled" and self.scale == "range":
            raise ForecastError(
                'a pooled net forecasts songs whose range is not known: scale="range" is for '
                'songs="matrix" and "one", give scale="log"'
            )

    def _require_fitted(self) -> None:
        if not hasattr(self, "nets_"):
            raise NotFittedError(f"{self.label} is not fitted yet: call fit first")

    def _read(self, df: pd.DataFrame, freq: Step, columns: Columns) -> SongMatrix:
        names = (columns.unique_id, columns.ds)
        refuse_names(names, (self.label,), "forecasts")
        return read_matrix(
            df,
            max_gap=self.max_gap,
            freq=freq,
            id_col=columns.unique_id,
            time_col=columns.ds,
            target_col=columns.y,
        )

    def _learned(self, matrix: SongMatrix, split: int) -> Flags:
        """Which songs are learned from, shape (n_songs,)."""
        most = self.max_missing
        if most is None:
            most = 1.0 if self.songs == "pooled" else 0.5
        observed = matrix.observed
        if self.songs != "pooled":  # a song has a scale, and perhaps a net, of its own
            observed = observed[self.lookback : split] & observed[self.lookback - 1 : split - 1]
        learned: Flags = observed.any(axis=0) & (matrix.missing_shares() <= most)
        if not learned.any():
            raise ForecastError(
                f"there is nothing to learn from: of {len(matrix.songs)} songs each is missing on "
                f"more than {most:.0%} of {len(matrix)} dates (max_missing), or never in the chart "
                f"on two dates in a row behind the first {self.lookback} (lookback)"
            )
        return learned

    def _values(self, static_df: pd.DataFrame, songs: pd.Index[Any]) -> Numbers:
        if self.songs == "one":
            raise ForecastError(
                "metadata do not change within a song, and so say nothing to a net of one song: "
                'leave static_df out, or give songs="pooled" or "matrix"'
            )
        values = read_metadata(static_df, songs, self.metadata, self.columns_.unique_id)
        if self.missing_metadata == "refuse":
            refuse_missing(values, songs, self.metadata)
        return values

    def _songs_of(
        self, matrix: SongMatrix, static_df: pd.DataFrame | None
    ) -> tuple[SongMatrix, Numbers]:
        """The songs of a matrix that can be forecast, and their metadata."""
        if self.songs != "pooled":
            places = matrix.songs.get_indexer(self.matrix_.songs)
            if (places < 0).any():
                raise ForecastError(
                    f"song {quoted(self.matrix_.songs[places < 0][0])} was learned from, and is "
                    f"not in the chart ({int((places < 0).sum())} such songs)"
                )
            return matrix.take(places), self.metadata_
        if (static_df is None) != (self.metadata_.shape[1] == 0):
            raise ForecastError("static_df must be given where one was learned from, and only then")
        if static_df is None:
            return matrix, np.empty((len(matrix.songs), 0))
        return matrix, self.metadata_scale_.transform(self._values(static_df, matrix.songs))

    # Windows to the rows of a net, and back

    def _groups(self) -> list[NDArray[np.int64]]:
        """Songs of each net: places of its columns; a pooled net has one column."""
        if self.songs == "pooled":
            return [np.zeros(1, np.int64)]
        places = np.arange(len(self.metadata_))
        return list(places[:, None]) if self.songs == "one" else [places]

    def _transformed(self, streams: Numbers) -> Numbers:
        return np.log(streams) if self.scale == "log" else streams

    def _fit_scale(self, matrix: SongMatrix, split: int, windows: Windows) -> None:
        """Learn shift and size, of each song or of all, from the training rows."""
        values = np.where(matrix.observed, self._transformed(matrix.streams), np.nan)[:split]
        if self.songs == "pooled":
            self.shift_, self.size_ = np.zeros(1), np.ones(1)
            _, y, _ = self._rows(windows, self._groups()[0])
            size = np.array([np.nanstd(y)]) if len(y) else np.ones(1)
        elif self.scale == "log":
            self.shift_, size = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        else:
            self.shift_ = np.nanmin(values, axis=0)
            size = np.nanmax(values, axis=0) - self.shift_
        self.size_ = np.where(size > 0, size, 1.0)

    def _inputs(
        self, X: Numbers, known: Flags, metadata: Numbers, group: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], Numbers]:
        """Rows as a net takes them, and the shift of each, shape (n_rows or 1, n_columns).

        `X` and `known` have shape (n_rows, lookback, n_columns), `metadata` (n_rows or 1, n).
        """
        values = np.where(known, self._transformed(X), 0.0)
        if self.songs == "pooled":
            shift = values.sum(axis=1) / known.sum(axis=1)
        else:
            shift = self.shift_[group][None]
        scaled = np.where(known, (values - shift[:, None]) / self.size_[group], 0.0)
        windows = np.stack([scaled, known], axis=-1, dtype=np.float32)
        windows = windows.reshape(len(X), 2 * X.shape[1] * X.shape[2])
        beside = np.broadcast_to(metadata, (len(X), metadata.shape[1]))
        return np.hstack([windows, beside], dtype=np.float32, casting="same_kind"), shift

    def _rows(
        self, windows: Windows, group: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], Numbers, Numbers]:
        """Inputs, scaled targets and their number, of songs in the chart on both dates."""
        present = windows.observed & (windows.known_from[:, -1] < windows.rows[:, None])
        if self.songs == "pooled":
            at, song = np.nonzero(present)
            X = windows.X[at, :, song][..., None]
            known_from = windows.known_from[at, :, song][..., None]
            y, metadata = windows.Y[at, 0, song][:, None], self.metadata_[song]
        else:
            at = np.flatnonzero(present[:, group].any(axis=1))
            X, known_from = windows.X[:, :, group][at], windows.known_from[:, :, group][at]
            y = np.where(present[:, group], windows.Y[:, 0, group], np.nan)[at]
            metadata = self.metadata_[group].reshape(1, -1)
        known = known_from < windows.rows[at, None, None]
        x, shift = self._inputs(X, known, metadata, group)
        y = (self._transformed(y) - shift) / self.size_[group]
        return x, y, np.isfinite(y).sum(axis=1)

    def _next(self, X: Numbers, known: Flags, metadata: Numbers) -> Numbers:
        """Forecast the date after each window, (n_windows, lookback, n_songs) to (n, n_songs)."""
        from spdkit.nets.training import outputs

        forecast = np.full((len(X), X.shape[2]), np.nan)
        for net, group in zip(self.nets_, self._groups(), strict=True):
            if self.songs == "pooled":
                at, song = np.nonzero(known[:, -1])
                window = X[at, :, song][..., None], known[at, :, song][..., None]
                x, shift = self._inputs(*window, metadata[song], group)
            else:
                window = X[:, :, group], known[:, :, group]
                x, shift = self._inputs(*window, metadata[group].reshape(1, -1), group)
            if not len(x):
                continue
            y = outputs(net, _tensor(x)).double().numpy() * self.size_[group] + shift
            streams = np.exp(y) if self.scale == "log" else np.maximum(y, 0.0)
            if self.songs == "pooled":
                forecast[at, song] = streams[:, 0]
            else:
                forecast[:, group] = np.where(known[:, -1, group], streams, np.nan)
        return forecast

    def _rolled(
        self,
        matrix: SongMatrix,
        metadata: Numbers,
        cutoffs: NDArray[np.int64],
        dates: pd.Index[Any],
    ) -> pd.DataFrame:
        """Forecasts from cutoffs, rows of the matrix, for the same number of dates after each."""
        h = len(dates) // len(cutoffs)
        back = cutoffs[:, None] - self.lookback + np.arange(self.lookback)
        X = matrix.streams[back]
        known = matrix.known_from[back] < cutoffs[:, None, None]
        steps = []
        for _ in range(h):
            steps.append(self._next(X, known, metadata))
            X = np.concatenate([X[:, 1:], steps[-1][:, None]], axis=1)
            known = np.concatenate([known[:, 1:], np.isfinite(X[:, -1:])], axis=1)
        forecast = np.stack(steps, axis=2)
        at, song = np.nonzero(np.isfinite(forecast[:, :, 0]))
        return pd.DataFrame(
            {
                self.columns_.unique_id: matrix.songs[song].repeat(h),
                self.columns_.ds: dates[(at[:, None] * h + np.arange(h)).ravel()],
                _CUTOFF: matrix.dates[cutoffs[at] - 1].repeat(h),
                self.label: forecast[at, song].ravel(),
            }
        )

    # Nets

    def _data(self, windows: Windows, group: NDArray[np.int64]) -> Data:
        from spdkit.nets.training import Data

        x, y, count = self._rows(windows, group)
        return Data(_tensor(x), _tensor(y), _tensor(count))

    def _net(self, n_songs: int) -> MultiInputNet:
        from spdkit.nets.multi_input import MultiInputNet, RecurrentBranch

        branch = RecurrentBranch(
            self.cell,
            lookback=self.lookback,
            n_channels=2 * n_songs,
            n_songs=n_songs,
            width=self.width,
        )
        return MultiInputNet(
            branch,
            n_metadata=self.metadata_.shape[1],
            hidden=self.hidden,
            residual=self.training == "two_stage",
        )

    def _trained(
        self, training: Data, validation: Data, n_songs: int
    ) -> tuple[MultiInputNet, list[dict[str, float]]]:
        import torch

        from spdkit.nets import multi_input
        from spdkit.nets.training import Schedule, train

        if not len(training):  # songs that are pooled may all be too short
            raise ForecastError(
                f"no song is in the chart on two dates in a row behind the first {self.lookback}: "
                "there is nothing to learn from. Give more dates, or a shorter lookback"
            )
        schedule = Schedule(
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_epochs=self.epochs,
            patience=self.patience,
            seed=self.seed,
        )
        loss = multi_input.absolute_error if self.loss == "mae" else multi_input.squared_error
        with torch.random.fork_rng([]):
            torch.manual_seed(self.seed)
            net = self._net(n_songs)
        if self.training == "two_stage":
            history = multi_input.train_in_stages(
                net, loss, training, validation, schedule, self.slow
            )
        else:
            history = train(net, loss, training, validation, schedule)
        return net, history

    # The saved form

    def saved_state(self) -> State:
        """Facts and arrays of `save`: the last dates, scales, metadata and nets."""
        from spdkit.nets.weights import to_arrays

        self._require_fitted()
        facts, arrays = serialization.panel_state(self._panel())
        arrays |= {"shift": self.shift_, "size": self.size_, "metadata": self.metadata_}
        scale = self.metadata_scale_
        arrays |= {"metadata_mean": scale.mean, "metadata_deviation": scale.deviation}
        for i, net in enumerate(self.nets_):
            arrays |= to_arrays(str(i), net)
        return facts, arrays

    def restore_state(self, facts: Mapping[str, Any], arrays: Arrays) -> None:
        """Take what `saved_state` gave."""
        with needs_extra("a chart forecaster", "learn", ForecastError):
            from spdkit.nets.weights import rebuilt

        self._check()
        panel = serialization.panel_from(facts, arrays)
        if (panel.lengths != self.lookback).any():
            raise ForecastError("the dates that were saved are not those of the lookback")
        shape = len(panel), self.lookback
        known = panel.exog[_KNOWN].to_numpy(np.float64).reshape(shape).T > 0
        streams = np.where(known, panel.y.reshape(shape).T, np.nan)
        self.columns_ = panel.columns
        dates = panel.ds[: self.lookback]
        self.matrix_ = SongMatrix(dates, panel.ids, streams, np.zeros_like(known), panel.freq)
        self.shift_, self.size_, self.metadata_ = (
            arrays[name] for name in ("shift", "size", "metadata")
        )
        self.metadata_scale_ = MetadataScale(
            arrays["metadata_mean"], arrays["metadata_deviation"], self.missing_metadata == "mask"
        )
        n_columns = 1 if self.songs == "pooled" else len(panel)
        if (
            len(self.metadata_) != len(panel)
            or not len(self.shift_) == len(self.size_) == n_columns
        ):
            raise ForecastError("the scales that were saved are not those of the songs")
        self.nets_ = [
            rebuilt(str(i), partial(self._net, len(group)), arrays).float()
            for i, group in enumerate(self._groups())
        ]

    def _panel(self) -> Panel:
        """The last dates of each song, one after the other, as they are saved."""
        matrix, columns = self.matrix_, self.columns_
        n_dates, n_songs = matrix.streams.shape
        known = np.isfinite(matrix.streams)
        return Panel(
            ids=matrix.songs,
            indptr=n_dates * np.arange(n_songs + 1),
            ds=matrix.dates[np.tile(np.arange(n_dates), n_songs)],
            y=np.where(known, matrix.streams, 0.0).T.ravel(),
            exog=pd.DataFrame({_KNOWN: known.T.ravel().astype(np.float64)}),
            freq=matrix.freq,
            columns=columns,
        )


def _tensor(values: NDArray[Any]) -> Tensor:
    with needs_extra("a chart forecaster", "learn", ForecastError):
        import torch
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
