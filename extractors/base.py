"""Extractor: one modality of a track turned into a fixed row of named numbers.

Conventions
-----------
An extractor is a scikit-learn transformer without state. It names its columns through
`FeatureSpec`, the single source of names for pandas, HDF5 and the documentation. A track without
the modality gives a row of NaN, never an error; a track that cannot be read raises
`ExtractionError` with the file and the reason.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from spdkit.common.errors import SpdkitError
from spdkit.common.escapes import escaped
from spdkit.tracks.addresses import allowing
from spdkit.tracks.track import Track

Modality = Literal["audio", "lyrics", "metadata"]
MODALITIES: tuple[Modality, ...] = ("audio", "lyrics", "metadata")


class ExtractionError(SpdkitError):
    """A track from which an extractor can make no row.

    Parameters
    ----------
    source : str
        The file, URL or track that is at fault.
    reason : str
        What is wrong with it, with the values that show it.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason)
        self.source = source
        self.reason = reason

    def __str__(self) -> str:
        return escaped(f"{self.source}: {self.reason}")


@dataclass(frozen=True)
class FeatureSpec:
    """One column: its name, what it measures, and where its definition comes from.

    Attributes
    ----------
    name : str
        Unique within a store.
    unit : str
        Unit of the number ("Hz", "dB", "1" for a pure number).
    low, high : float
        The values it can take for any input; infinite where nothing bounds it.
    description : str
        What it is, in one sentence.
    reference : str
        Paper section, equation or library function that defines it.
    family : str
        Which columns belong together in a report, such as "MFCC" or "rhythm". Where it is empty, a
        store takes the first word of the name.
    """

    name: str
    unit: str
    low: float
    high: float
    description: str
    reference: str
    family: str = ""


class Extractor(TransformerMixin, BaseEstimator, ABC):
    """Base of all extractors: implement `feature_specs` and `extract`.

    Attributes
    ----------
    name : str
        Name in stores and on the command line; lower case.
    modality : {"audio", "lyrics", "metadata"}
        The part of a track it reads.
    version : str
        Raised whenever the numbers change; a store refuses to mix versions.
    allow_nan : bool
        Whether a row may hold NaN for parts that are missing. Otherwise NaN is a failure.
    obs_fields : mapping of str to type
        Facts about how a row was made (`float` or `str`) that `extract_with_obs` reports and the
        store keeps in ``obs`` as ``{name}_{field}``.
    """

    name: ClassVar[str]
    modality: ClassVar[Modality]
    version: ClassVar[str]
    allow_nan: ClassVar[bool] = False
    obs_fields: ClassVar[Mapping[str, type]] = {}

    @property
    @abstractmethod
    def feature_specs(self) -> tuple[FeatureSpec, ...]:
        """The columns, in order, as the parameters make them."""

    @abstractmethod
    def extract(self, track: Track) -> NDArray[np.float32]:
        """Turn one track into one row.

        Parameters
        ----------
        track : Track

        Returns
        -------
        ndarray of float32, shape (n_features,)
            NaN throughout when the track lacks the modality.

        Raises
        ------
        ExtractionError
            When the modality is there and cannot be read.
        """

    def extract_with_obs(self, track: Track) -> tuple[NDArray[np.float32], dict[str, float | str]]:
        """Like `extract`, with the `obs_fields` that say how the row was made."""
        return self.extract(track), {}

    def warm_up(self) -> None:
        """Load and compile what `extract` needs, so that no track pays for it. Optional."""

    @property
    def effective_parameters(self) -> dict[str, Any]:
        """Every parameter as it is in force, for the provenance of a store."""
        return dict(self.get_params(deep=False))

    def is_absent(self, track: Track) -> bool:
        """Whether `track` lacks this extractor's modality."""
        return not getattr(track, self.modality)

    def absent_obs(self, track: Track) -> dict[str, float | str]:
        """Say of a track that is absent what there is to say, by `obs_fields`. Optional."""
        return {}

    def fit(self, X: Iterable[Track], y: object = None) -> Self:
        """Do nothing: an extractor learns nothing. There for scikit-learn's pipelines."""
        return self

    def transform(self, X: Iterable[Track]) -> NDArray[np.float32]:
        """Turn tracks into rows.

        Parameters
        ----------
        X : iterable of Track

        Returns
        -------
        ndarray of float32, shape (n_tracks, n_features)
            One row a track; NaN throughout where the modality is absent.

        Raises
        ------
        ExtractionError
            At the first track that cannot be read, or whose URL is of another protocol than
            `spdkit.tracks.addresses.allowing` names. `spdkit.extraction.batch.extract` records it
            instead.
        """
        with allowing(()):
            rows = [self.extract(track) for track in X]
        return np.stack(rows) if rows else self.absent_row()[None][:0]

    def absent_row(self) -> NDArray[np.float32]:
        """Return the row of a track without the modality: NaN, shape (n_features,)."""
        return np.full(len(self.feature_specs), np.nan, dtype=np.float32)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the columns, shape (n_features,)."""
        return np.array([spec.name for spec in self.feature_specs], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        return tags
