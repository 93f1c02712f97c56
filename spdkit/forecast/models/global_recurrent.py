"""Recurrent net of all series at once, trained on relative error or on F.

Conventions
-----------
The net sees the logarithms of the last `input_size` rows over the series' level (see
`spdkit.forecast.models.series_features.levels`), and those of other columns less their own mean; it
gives the logarithm of what comes over the level. Windows reach as far back as the shortest that may
be learned from; days without plays are refused, since they have no logarithm.

References
----------
LSTM-RPA eq. 9-11 for F, whose term of one window is (1 - σ)·φ: what is minimised is σ·φ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spdkit.common.messages import needs_extra
from spdkit.common.parameters import POSITIVE, Number, OneOf, Whole
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.panel import Numbers, Panel
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.series_features import (
    Origins,
    ends,
    learnable,
    levels,
    past,
    require_within,
)
from spdkit.forecast.models.unit_training import Cell, refuse_days_without_plays

if TYPE_CHECKING:
    from torch import Tensor

    from spdkit.nets.window_net import WindowNet

Loss = Literal["relative", "f"]
_TINY = 1e-6  # a root has no slope at 0


@dataclass(eq=False, repr=False)
class GlobalRecurrentForecaster(Forecaster):
    """A recurrent net over all series, direct.

    Parameters
    ----------
    horizon : int
        Steps ahead that it learns; forecasts reach no further.
    cell : {"gru", "lstm", "rnn"}
    input_size : int
        Rows that it sees.
    loss : {"f", "relative"}
        What each window's σ counts: φ, or the same for all and squared.
    hist_exog : sequence of str
        Columns of the past, 0 or more.
    width, degree, dropout
        See `spdkit.nets.window_net.WindowNet`.
    epochs, batch_size : int
    learning_rate, weight_decay : float
        Of AdamW.
    n_models : int
        Nets with other first weights, whose logarithms are averaged.
    max_origins : int
        Windows to learn from at most, drawn at random.
    seed : int

    Attributes
    ----------
    nets_ : list of WindowNet
        Fitted.
    """

    horizon: int
    _: KW_ONLY
    cell: Cell = "gru"
    input_size: int = 28
    loss: Loss = "f"
    hist_exog: Sequence[str] = ()
    width: int = 32
    degree: int = 1
    dropout: float = 0.1
    epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    n_models: int = 3
    max_origins: int = 10_000
    seed: int = 0

    _parameter_constraints: ClassVar = {
        "cell": OneOf(*get_args(Cell)),
        "loss": OneOf(*get_args(Loss)),
        "horizon": Whole(1, 100_000),  # which a net holds in memory
        **dict.fromkeys(
            ("input_size", "width", "epochs", "batch_size", "n_models", "max_origins"),
            Whole(),
        ),
        "degree": Whole(0, 99),
        "seed": Whole(0),
        "dropout": Number(0, 1),
        "learning_rate": POSITIVE,
        "weight_decay": Number(0),
    }

    @property
    def label(self) -> str:
        """Name of its column in forecasts."""
        return f"Global{self.cell.upper()}({self.loss})"

    def _least_rows(self) -> int:
        return self.input_size

    def learns_from(self, lengths: NDArray[np.int64]) -> bool:
        """Whether all of them are as long as it sees, and one is long enough to learn from."""
        return super().learns_from(lengths) and bool(
            lengths.max() >= self.input_size + self.horizon
        )

    def _fit(self, panel: Panel) -> None:
        refuse_days_without_plays(panel, self.loss)
        origins = learnable(panel, self.input_size, self.horizon, self.max_origins, self.seed)
        rows = panel.indptr[origins.series] + origins.row
        y = panel.y[rows[:, None] + np.arange(self.horizon)]
        inverse = levels(panel, origins, True)[:, None] / y
        phi = np.sqrt(y.sum(axis=1))
        weight = phi / phi.mean() if self.loss == "f" else None
        self.nets_: list[WindowNet] = self._trained(self._windows(panel, origins), inverse, weight)

    def _trained(self, X: Numbers, inverse: Numbers, weight: Numbers | None) -> list[WindowNet]:
        with needs_extra("a recurrent forecaster", "learn", ForecastError):
            import torch

            from spdkit.nets import training

        def tensor(values: Numbers) -> Tensor:
            return torch.from_numpy(values.astype(np.float32))

        data = training.Data(tensor(X), tensor(inverse), None if weight is None else tensor(weight))
        nets = []
        for i in range(self.n_models):
            schedule = training.Schedule(
                optimizer="adamw",
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                batch_size=self.batch_size,
                max_epochs=self.epochs,
                patience=self.epochs,
                seed=self.seed + i,
            )
            with torch.random.fork_rng([]):
                torch.manual_seed(schedule.seed)
                net = self._net()
            training.train(net, _sigma if self.loss == "f" else _square, data, None, schedule)
            nets.append(net.eval())
        return nets

    def _net(self) -> WindowNet:
        with needs_extra("a recurrent forecaster", "learn", ForecastError):
            from spdkit.nets.window_net import WindowNet
        return WindowNet(
            self.cell,
            n_features=1 + len(self.hist_exog),
            width=self.width,
            horizon=self.horizon,
            degree=self.degree,
            dropout=self.dropout,
        )

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        import torch

        from spdkit.nets.training import outputs

        require_within(h, self.horizon, self.label)
        origins = ends(self.panel_)
        X = torch.from_numpy(self._windows(self.panel_, origins).astype(np.float32))
        logs = torch.stack([outputs(net, X) for net in self.nets_]).double().mean(dim=0).numpy()
        forecast: Numbers = levels(self.panel_, origins, True)[:, None] * np.exp(logs[:, :h])
        return forecast

    def _windows(self, panel: Panel, origins: Origins) -> Numbers:
        """Logarithms that the net sees, shape (n_origins, input_size, n_features)."""
        n = self.input_size
        level = levels(panel, origins, True)
        columns = [np.log(past(panel, panel.y, origins, n) / level[:, None])]
        for name in self.hist_exog:
            values = panel.exog[name].to_numpy()
            if (values < 0).any():
                raise ForecastError(f"column {name!r} must be 0 or more beside plays")
            logs = np.log1p(past(panel, values, origins, n))
            columns.append(logs - logs.mean(axis=1, keepdims=True))
        # `past` gives the latest row first; the net reads in the order of time.
        return np.stack(columns, axis=-1)[:, ::-1]

    def _state(self) -> dict[str, NDArray[Any]]:
        return {
            f"{i}.{name}": value.numpy()
            for i, net in enumerate(self.nets_)
            for name, value in net.state_dict().items()
        }

    def _restore(self, panel: Panel, state: Mapping[str, NDArray[Any]]) -> None:
        with needs_extra("a recurrent forecaster", "learn", ForecastError):
            from spdkit.nets import weights

        self.nets_ = [
            weights.rebuilt(str(i), self._net, state).float() for i in range(self.n_models)
        ]


def _sigma(outputs: Tensor, inverse: Tensor) -> Tensor:
    return (_square(outputs, inverse) + _TINY).sqrt()


def _square(outputs: Tensor, inverse: Tensor) -> Tensor:
    """Mean over the horizon of the squared relative error, one number a row."""
    squares: Tensor = (outputs.exp() * inverse - 1).square().mean(dim=1)
    return squares
