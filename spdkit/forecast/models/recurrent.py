"""Recurrent units, one a series, that forecast directly or by rolling: LSTM-RPA and its kin.

Conventions
-----------
Each series has a unit of its own, a small recurrent net that sees ``input_size`` = p days and gives
the ``output_size`` = q that follow. Without ``rolling`` its one answer is the forecast, of at most
q days; with it, the unit is called again and again (`spdkit.forecast.models.rolling`).

Units of series of equal length are trained together, which is quicker and changes none of them:
each draws its first weights from a seed of its own, made of ``seed`` and the name of the series.
Everything is learned from the rows that `fit` is given, ranges included.

With ``features="multiple"`` a unit sees the columns in ``hist_exog`` beside y, gives all of them,
and has all of them fed back; y alone is forecast. Its last layer returns its sequence, so that day
j of an answer has seen the first j days of the window alone, unless the unit is bidirectional.

References
----------
LSTM-RPA: "LSTM-RPA: A Simple but Effective Long Sequence Prediction Algorithm for Music Popularity
Prediction", sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from spdkit.common.messages import needs_extra
from spdkit.common.parameters import FLAG, POSITIVE, Instance, OneOf, SequenceOf, Whole
from spdkit.common.serialization import part_of
from spdkit.forecast.data.checks import ForecastError, quoted
from spdkit.forecast.data.long_table import check_horizon
from spdkit.forecast.data.panel import Numbers, Panel
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.rolling import WINDOWS, Rolling, Windows, cut, least_days, roll_all
from spdkit.forecast.models.unit_training import (
    Cell,
    Loss,
    Ranges,
    f_loss,
    refuse_days_without_plays,
    relative_loss,
    seed_of,
    with_weights,
)
from spdkit.forecast.scoring.metrics import ZERO, Zero

if TYPE_CHECKING:
    from spdkit.nets.recurrent.unit import RecurrentUnit

Features = Literal["single", "multiple"]
_GROUP = 256  # series trained at a time: bounds the memory, and changes no result


@dataclass(eq=False, repr=False)
class RecurrentForecaster(Forecaster):
    """A recurrent unit a series.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn"}
    features : {"single", "multiple"}
        Whether units see y alone (SF), or the columns in `hist_exog`, too (MF).
    input_size : int
        p, days that a unit sees.
    output_size : int, optional
        q, days that it gives; p if not given.
    rolling : Rolling, optional
        How the unit is rolled. Without it the unit's one answer is the forecast.
    windows : {"reference", "sliding"}
        What a unit learns from, see `spdkit.forecast.models.rolling`.
    loss : {"mae", "relative", "f"}
        See `spdkit.forecast.models.unit_training`. The last two divide by plays.
    zero : {"refuse", "skip"}
        What these do with days without plays.
    epochs, batch_size : int
    learning_rate : float
        Of Adam.
    bidirectional : bool
        Whether the first two layers also read the window backwards.
    units : pair of int
        Of these two layers.
    clip : bool
        Whether the aligned mode holds what it feeds back within the range of the training days.
    hist_exog : sequence of str
        Columns that units see besides y, for ``features="multiple"``.
    seed : int
    dtype : {"float32", "float64"}

    Attributes
    ----------
    ranges_ : Ranges
        Of y and of the columns in `hist_exog`.
    weights_ : dict of str to ndarray, shape (n_series, ...)
        The units' parameters, as `spdkit.nets.recurrent.unit` names them.
    """

    cell: Cell = "lstm"
    _: KW_ONLY
    features: Features = "single"
    input_size: int = 2
    output_size: int | None = None
    rolling: Rolling | None = None
    windows: Windows = "reference"
    loss: Loss = "mae"
    zero: Zero = "refuse"
    epochs: int = 200
    batch_size: int = 32
    learning_rate: float = 1e-3
    bidirectional: bool = False
    units: tuple[int, int] = (64, 32)
    clip: bool = True
    hist_exog: Sequence[str] = ()
    seed: int = 0
    dtype: str = "float32"

    _parameter_constraints: ClassVar = {
        "cell": OneOf(*get_args(Cell)),
        "features": OneOf(*get_args(Features)),
        "output_size": (Whole(), None),
        "rolling": (Instance(Rolling), None),
        "windows": WINDOWS,
        "loss": OneOf(*get_args(Loss)),
        "zero": ZERO,
        **dict.fromkeys(("input_size", "epochs", "batch_size"), Whole()),
        "learning_rate": POSITIVE,
        **dict.fromkeys(("bidirectional", "clip"), FLAG),
        "units": SequenceOf(Whole(), length=2),
        "dtype": OneOf("float32", "float64"),
    }

    @property
    def label(self) -> str:
        """Such as ``LSTM-RPA(p=2, s=1)``: what differs from the defaults is named."""
        name = f"{'Bi' * self.bidirectional}{self.cell.upper()}"
        name = f"MF-{name}" if self.features == "multiple" else name
        p, q, rolling = self.input_size, self._q, self.rolling
        parts = [f"p={p}"]
        if rolling is None or q != p:
            parts.append(f"q={q}")
        if rolling is not None:
            name += "-RPA"
            parts.append(f"s={rolling.shift}")
            parts += [rolling.mode] * (rolling.mode != "aligned")
            parts += [rolling.start] * (rolling.start != "last")
        parts += [self.windows] * (self.windows != "reference")
        parts += [f"loss={self.loss}"] * (self.loss != "mae")
        return f"{name}({', '.join(parts)})"

    def predict_shifts(self, h: int, rollings: Sequence[Rolling]) -> dict[Rolling, Numbers]:
        """Forecast by the fitted units, rolled in several ways at once, shape (n_series, h) each.

        Parameters
        ----------
        h : int
        rollings : sequence of Rolling
            Whatever `rolling` the forecaster has, which is not looked at.

        Raises
        ------
        ForecastError
            When p, q and a shift do not go together, a series is shorter than a first window
            reaches back, or a forecast is no finite number.
        """
        if not hasattr(self, "weights_"):
            raise NotFittedError(f"{self.label} is not fitted yet: call fit first")
        h = check_horizon(h)
        for rolling in rollings:
            rolling.check(self.input_size, self._q)
        back = max((rolling.rows(self.input_size) for rolling in rollings), default=1)
        scaled = roll_all(
            self._answers,
            self._history(back),
            h,
            self.input_size,
            self._q,
            rollings,
            (0.0, 1.0) if self.clip else None,
        )
        return {
            rolling: self._checked(self._plays(one), h)
            for rolling, one in zip(rollings, scaled, strict=True)
        }

    @property
    def _q(self) -> int:
        return self.input_size if self.output_size is None else self.output_size

    def _least_rows(self) -> int:
        if self.features == "multiple" and not len(self.hist_exog):
            raise ForecastError(
                "features='multiple' needs columns besides y: name at least one in hist_exog"
            )
        if self.features == "single" and len(self.hist_exog):
            raise ForecastError(
                f"features='single' sees y alone, not hist_exog={list(self.hist_exog)!r}: take "
                f"features='multiple'"
            )
        self._unit()
        least = least_days(self.windows, self.input_size, self._q)
        if self.rolling is None:
            return least
        self.rolling.check(self.input_size, self._q)
        return max(least, self.rolling.rows(self.input_size))

    def _unit(self) -> RecurrentUnit:
        with needs_extra("a recurrent forecaster", "learn", ForecastError):
            from spdkit.nets.recurrent.unit import RecurrentUnit
        try:
            return RecurrentUnit(
                self.cell,
                int(self.input_size),
                int(self._q),
                n_features=1 + len(self.hist_exog),
                features=self.features,
                bidirectional=self.bidirectional,
                units=(self.units[0], self.units[1]),
            )
        except ValueError as error:
            raise ForecastError(str(error)) from error

    def _fit(self, panel: Panel) -> None:
        if self.loss != "mae":
            refuse_days_without_plays(panel, self.loss, self.zero)
        unit, values = self._unit(), self._values(panel)
        self.ranges_: Ranges = Ranges.of(values, panel)
        weights: dict[str, NDArray[Any]] = {}
        for series in _groups(panel):
            for name, trained in self._trained(unit, panel, values, series).items():
                if name not in weights:
                    weights[name] = np.empty((len(panel), *trained.shape[1:]), trained.dtype)
                weights[name][series] = trained
        self.weights_: dict[str, NDArray[Any]] = weights

    def _trained(
        self, unit: RecurrentUnit, panel: Panel, values: Numbers, series: NDArray[np.intp]
    ) -> dict[str, NDArray[Any]]:
        """Weights of some series of one length."""
        import torch

        from spdkit.nets.recurrent import training
        from spdkit.nets.training import DivergedError

        days = panel.indptr[series, None] + np.arange(panel.lengths[series[0]])
        scaled = self.ranges_.scale(values[days], series).astype(self.dtype)
        X, Y = cut(scaled, self.input_size, self._q, self.windows)
        loss: Any = "mae"
        if self.loss != "mae":
            _, plays = cut(values[days, :1], self.input_size, self._q, self.windows)
            Y = with_weights(Y, self.ranges_.span[series, 0], plays[..., 0])
            loss = f_loss if self.loss == "f" else relative_loss
        try:
            trained = training.train(
                unit,
                torch.from_numpy(np.array(X)),
                torch.from_numpy(np.array(Y)),
                seeds=[seed_of(self.seed, panel.ids[i]) for i in series],
                epochs=self.epochs,
                batch_size=self.batch_size,
                loss=loss,
                learning_rate=self.learning_rate,
            )
        except DivergedError as error:
            if len(series) > 1:  # which one it is, it says itself: none depends on the others
                for one in series:
                    self._trained(unit, panel, values, np.array([one]))
            raise ForecastError(
                f"series {quoted(panel.ids[series[0]])}: {self.label} diverged in training. Lower "
                f"learning_rate={self.learning_rate:g}, or take dtype='float64'."
            ) from error
        return {name: weight.numpy() for name, weight in trained.weights.items()}

    def _values(self, panel: Panel) -> Numbers:
        """Y and the columns besides, shape (n_rows, n_features)."""
        return np.column_stack([panel.y, *(panel.exog[name] for name in self.hist_exog)])

    def _history(self, n: int) -> Numbers:
        """The last `n` days of every series, scaled, shape (n_series, n, n_features)."""
        panel = self.panel_
        panel.require(n, f"{self.label} begins {n} days before their end")
        days = panel.indptr[1:, None] - n + np.arange(n)
        return self.ranges_.scale(self._values(panel)[days])

    def _answers(self, windows: Numbers) -> Numbers:
        """What the fitted units make of windows (n_series, n_windows, p, n_features)."""
        import torch

        weights = {name: torch.from_numpy(value) for name, value in self.weights_.items()}
        with torch.no_grad():
            answers = self._unit().forward(weights, torch.from_numpy(windows.astype(self.dtype)))
        return np.asarray(answers.numpy(), np.float64)

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        if self.rolling is not None:
            return self.predict_shifts(h, [self.rolling])[self.rolling]
        if h > self._q:
            raise ForecastError(
                f"{self.label} gives {self._q} days at once, h={h} are asked for: fit it with "
                f"output_size={h} and windows='sliding', or roll it by rolling=Rolling(shift=...)"
            )
        windows = self._history(self.input_size)[:, None]
        return self._plays(self._answers(windows)[:, 0, :h])

    def _plays(self, scaled: Numbers) -> Numbers:
        """Forecasts of y in its own units, of the units' scaled answers."""
        plays: Numbers = self.ranges_.unscale(scaled)[..., 0]
        return plays

    def _state(self) -> dict[str, NDArray[Any]]:
        return {
            "ranges.low": self.ranges_.low,
            "ranges.high": self.ranges_.high,
            **{f"weights.{name}": value for name, value in self.weights_.items()},
        }

    def _restore(self, panel: Panel, state: Mapping[str, NDArray[Any]]) -> None:
        self.ranges_ = Ranges(state["ranges.low"], state["ranges.high"])
        self.weights_ = part_of(state, "weights.")
        dtype = np.dtype(self.dtype)
        arrays = {
            name: ((len(panel), *shape), dtype) for name, shape in self._unit().shapes().items()
        }
        if {name: (one.shape, one.dtype) for name, one in self.weights_.items()} != arrays:
            raise ForecastError("what was saved are no weights of these units")
        ranges = len(panel), 1 + len(self.hist_exog)
        bounds = self.ranges_.low, self.ranges_.high
        if any(bound.shape != ranges or bound.dtype != np.float64 for bound in bounds):
            raise ForecastError("what was saved are no ranges of these series")


def _groups(panel: Panel) -> Iterator[NDArray[np.intp]]:
    """Series of one length, a bounded number at a time."""
    for length in np.unique(panel.lengths):
        alike = np.flatnonzero(panel.lengths == length)
        yield from np.split(alike, range(_GROUP, len(alike), _GROUP))
