"""Figures of a song: its features over time.

Conventions
-----------
A function that draws one panel takes ``ax`` (matplotlib Axes), makes a figure of its own when there
is none, and returns the ``ax`` it drew on; ``ax.figure`` is the figure. `features` is what
`AudioExtractor.frames` returns and `settings` are the constants that made it, which give the rate
and the hop. When matplotlib is missing, or the features are not those of `settings`, it raises
`SpdkitError`. No function touches pyplot's current figure, so all of them work without a screen.
Time is in seconds from the start of the window that was extracted. matplotlib is imported inside
the functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np
from numpy.typing import NDArray

from spdkit.common.errors import SpdkitError
from spdkit.report.svg import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from spdkit.extractors.audio.settings import AudioSettings

Features = Mapping[str, NDArray[np.float32]]

MEL_DYNAMIC_RANGE = 80.0  # dB; quieter than this is room noise, and hides the music's contrast
MEL_TICKS = (100, 500, 1000, 2000, 4000, 8000, 16000)
TONNETZ_LIMIT = 1.0  # radius of the circles of fifths and minor thirds; that of major thirds is 0.5
TONNETZ_NAMES = ("5ths x", "5ths y", "min 3rds x", "min 3rds y", "maj 3rds x", "maj 3rds y")


def plot_mel(features: Features, ax: Axes | None = None, *, settings: AudioSettings) -> Axes:
    """Draw the mel spectrogram in dB below its loudest point.

    ``features["mel"]`` is power, shape (n_mels, n_frames). The y axis is in Hz, spaced in mel, from
    ``settings.mel_fmin`` to ``settings.mel_high``.
    """
    mel = _panel(features, "mel", settings.n_mels)
    # librosa's floor of 1e-10 would draw silence, and very quiet music, all bright.
    floor = float(np.finfo(np.float32).tiny)
    level = librosa.power_to_db(mel, ref=float(mel.max()) or 1.0, amin=floor)
    edges = _mel_edges(settings)
    label = "Power (dB re max)"
    ax = _show(level, ax, settings, "mel", edges, (-MEL_DYNAMIC_RANGE, 0.0), "magma", label)
    # Each band gets its height: librosa's own scale for "mel" cramps what lies below 1 kHz.
    ax.set_yscale("function", functions=(librosa.hz_to_mel, librosa.mel_to_hz))
    ticks = [hz for hz in MEL_TICKS if edges[0] <= hz <= edges[-1]]
    ax.set_yticks(ticks, [f"{hz:d}" for hz in ticks])
    ax.minorticks_off()
    ax.set_ylim(edges[0], edges[-1])
    ax.set(title="Mel spectrogram", ylabel="Frequency (Hz)")
    return ax


def plot_chroma(features: Features, ax: Axes | None = None, *, settings: AudioSettings) -> Axes:
    """Draw the chromagram: how strongly each pitch class sounds, 1 for the strongest of a frame.

    ``features["chroma"]`` has shape (n_chroma, n_frames), in [0, 1], from C upwards.
    """
    chroma = _panel(features, "chroma", settings.n_chroma)
    edges = (np.arange(len(chroma) + 1) - 0.5) * (12 / len(chroma))
    label = "Strength (1 = max)"
    ax = _show(chroma, ax, settings, "chroma", edges, (0.0, 1.0), "viridis", label)
    ax.set_yticks(range(12), librosa.midi_to_note(range(12), octave=False))
    ax.set_ylim(edges[0], edges[-1])
    ax.set(title="Chromagram (constant-Q)", ylabel="Pitch class")
    return ax


def plot_tonnetz(features: Features, ax: Axes | None = None, *, settings: AudioSettings) -> Axes:
    """Draw the tonal centroids: where a frame lies on the circles of fifths and of thirds.

    ``features["tonnetz"]`` has shape (6, n_frames), no unit, in [-1, 1].
    """
    tonnetz = _panel(features, "tonnetz", len(TONNETZ_NAMES))
    edges = np.arange(len(tonnetz) + 1) - 0.5
    # Symmetric, so that white is the centre of each circle: no key at all.
    limits = (-TONNETZ_LIMIT, TONNETZ_LIMIT)
    ax = _show(tonnetz, ax, settings, "tonnetz", edges, limits, "RdBu_r", "Coordinate")
    ax.set_yticks(range(len(tonnetz)), TONNETZ_NAMES)
    ax.set_ylim(edges[0], edges[-1])
    ax.set(title="Tonnetz", ylabel="Tonal centroid")
    return ax


def plot_song(features: Features, settings: AudioSettings, title: str) -> Figure:
    """Draw mel spectrogram, chromagram and tonnetz of a song above one another.

    The three panels share the time axis, and `title` is the heading of the figure, which
    ``figure.savefig(path)`` saves. `settings` are ``AudioExtractor.settings`` of the extractor that
    made the features.

    Examples
    --------
    >>> extractor = AudioExtractor()  # doctest: +SKIP
    >>> figure = plot_song(extractor.frames(track), extractor.settings, "My song")  # doctest: +SKIP
    >>> figure.savefig("song.png")  # doctest: +SKIP
    """
    require_matplotlib()
    figure = _figure(width=10.0, height=9.0)
    axes = figure.subplots(3, 1, sharex=True, height_ratios=(5, 4, 3))
    for draw, ax in zip((plot_mel, plot_chroma, plot_tonnetz), axes, strict=True):
        draw(features, ax, settings=settings)
    for ax in axes[:-1]:
        ax.set_xlabel("")
    # A dollar sign in a song's title is no formula.
    figure.suptitle(title, fontsize="x-large", parse_math=False)
    return figure


def _panel(features: Features, name: str, n_rows: int) -> NDArray[np.float32]:
    require_matplotlib()
    if name not in features:
        raise SpdkitError(f"no {name!r} among the features ({', '.join(features)})")
    shape = features[name].shape
    if len(shape) != 2 or shape[0] != n_rows:
        raise SpdkitError(
            f"{name} has shape {shape}, but the settings say ({n_rows}, n_frames); "
            "give the settings of the extractor that made the features"
        )
    return features[name]


def _mel_edges(settings: AudioSettings) -> NDArray[np.float64]:
    # A band is a triangle around its centre: it is drawn to the middle between centres (in mel),
    # the first and last to the ends of the range.
    low, high = librosa.hz_to_mel([settings.mel_fmin, settings.mel_high])
    centres = np.linspace(low, high, settings.n_mels + 2)[1:-1]
    inner = (centres[1:] + centres[:-1]) / 2
    edges: NDArray[np.float64] = librosa.mel_to_hz(np.concatenate([[low], inner, [high]]))
    edges[[0, -1]] = settings.mel_fmin, settings.mel_high  # exact despite the way through mel
    return edges


def _show(
    values: NDArray[np.float32],
    ax: Axes | None,
    settings: AudioSettings,
    y_axis: str,
    y_coords: NDArray[np.floating[Any]],
    limits: tuple[float, float],
    cmap: str,
    label: str,
) -> Axes:
    """Draw values as colours within limits, with a bar that tells what the colours are."""
    from librosa.display import specshow
    from matplotlib.ticker import MaxNLocator

    ax = ax or _figure(width=10.0, height=4.0).subplots()
    # Frames are centred on their time: a frame is drawn half a hop to either side.
    n_frames = values.shape[1]
    hop = settings.hop_length / settings.sr
    x_coords = (np.arange(n_frames + 1) - 0.5) * hop
    image = specshow(
        values,
        ax=ax,
        x_axis="s",
        x_coords=x_coords,
        y_axis=y_axis,
        y_coords=y_coords,
        sr=settings.sr,
        hop_length=settings.hop_length,
        cmap=cmap,
        shading="flat",
        auto_aspect=False,
    )
    image.set_clim(*limits)
    ax.figure.colorbar(image, ax=ax, label=label, pad=0.02, aspect=15)
    ax.set_xlim(0.0, max(n_frames - 1, 0.5) * hop)
    ax.set_xlabel("Time (s)")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 5, 10]))
    return ax


def _figure(width: float, height: float) -> Figure:
    # Not pyplot's: nothing is shown, and nothing stays open after the caller lets go.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
