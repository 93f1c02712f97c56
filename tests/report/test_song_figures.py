"""Figures: every value where its axis says it is, in units that can be read."""

import itertools
import sys

import librosa
import numpy as np
import pytest

from spdkit.common.errors import SpdkitError
from spdkit.extractors.audio import AudioExtractor
from spdkit.report import song_figures

PAPER = AudioExtractor().settings
N_FRAMES = 200
PANELS = (song_figures.plot_mel, song_figures.plot_chroma, song_figures.plot_tonnetz)


def some_features(settings=PAPER, n_frames=N_FRAMES):
    rng = np.random.default_rng(0)
    return {
        "mel": rng.exponential(size=(settings.n_mels, n_frames)).astype(np.float32),
        "chroma": rng.uniform(size=(settings.n_chroma, n_frames)).astype(np.float32),
        "tonnetz": rng.uniform(-1, 1, size=(6, n_frames)).astype(np.float32),
    }


def given_axes():
    from matplotlib.figure import Figure

    return Figure().subplots()


def mesh(ax):
    (image,) = ax.collections
    return image


def cell(ax, row, frame):
    """Left, right, bottom and top of one drawn value."""
    corners = mesh(ax).get_coordinates()
    left, bottom = corners[row, frame]
    right, top = corners[row + 1, frame + 1]
    return left, right, bottom, top


@pytest.mark.parametrize("draw", PANELS)
def test_panels_draw_on_the_ax_given(draw):
    ax = given_axes()
    assert draw(some_features(), ax, settings=PAPER) is ax
    assert mesh(ax).get_array().shape[1] == N_FRAMES
    assert ax.get_title()
    assert ax.get_ylabel()
    assert ax.get_xlabel() == "Time (s)"
    (colour_bar,) = [other for other in ax.figure.axes if other is not ax]
    assert colour_bar.get_ylabel()


@pytest.mark.parametrize("draw", PANELS)
def test_panels_make_a_figure_of_their_own_and_leave_pyplot_alone(draw, tmp_path):
    import matplotlib.pyplot as plt

    ax = draw(some_features(), settings=PAPER)
    ax.figure.savefig(tmp_path / "panel.png")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("draw", PANELS)
def test_a_frame_is_drawn_around_its_time(draw):
    settings = AudioExtractor(sr=22050, hop_length=256).settings
    ax = draw(some_features(settings), settings=settings)
    hop = 256 / 22050
    left, right, *_ = cell(ax, 0, 100)
    np.testing.assert_allclose([left, right], [99.5 * hop, 100.5 * hop])
    np.testing.assert_allclose(ax.get_xlim(), [0, (N_FRAMES - 1) * hop])


@pytest.mark.parametrize("profile", ["paper", "spotgentrack"])
def test_mel_axis_spans_the_bands_in_hertz(profile):
    settings = AudioExtractor(profile).settings
    ax = given_axes()
    ax.set_ylim(0, 1)  # whatever the ax showed before
    song_figures.plot_mel(some_features(settings), ax, settings=settings)
    assert ax.get_ylim() == (settings.mel_fmin, settings.mel_high)
    assert "Hz" in ax.get_ylabel()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["100", "500", "1000", "2000", "4000", "8000", "16000"]
    np.testing.assert_array_equal(ax.get_yticks(), [float(label) for label in labels])


def test_mel_axis_ends_lower_when_the_bands_do():
    settings = AudioExtractor(mel_fmin=300.0, mel_fmax=5000.0).settings
    ax = song_figures.plot_mel(some_features(settings), settings=settings)
    assert ax.get_ylim() == (300.0, 5000.0)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["500", "1000", "2000", "4000"]


def test_mel_bands_are_drawn_around_their_centres_and_of_one_height():
    settings = AudioExtractor("spotgentrack").settings
    ax = song_figures.plot_mel(some_features(settings), settings=settings)
    centres = librosa.mel_frequencies(settings.n_mels + 2, fmin=0.0, fmax=22050.0)[1:-1]
    heights = []
    for band in range(1, settings.n_mels - 1):
        _, _, bottom, top = cell(ax, band, 0)
        assert bottom < centres[band] < top
        heights.append(np.diff(ax.transData.transform([(0, bottom), (0, top)])[:, 1])[0])
    np.testing.assert_allclose(heights, heights[0], rtol=1e-6)


@pytest.mark.parametrize("gain", [1.0, 1e-14])
def test_mel_is_in_decibels_below_the_loudest(gain):
    features = some_features()
    features["mel"][:] = gain
    features["mel"][5, 7] = 100 * gain
    features["mel"][6, 7] = 0
    ax = song_figures.plot_mel(features, settings=PAPER)
    level = mesh(ax).get_array()
    np.testing.assert_allclose([level[5, 7], level[0, 0]], [0, -20], atol=1e-4)
    assert level[6, 7] <= -80
    assert mesh(ax).get_clim() == (-80, 0)


def test_silence_is_drawn_as_silence():
    features = {"mel": np.zeros((PAPER.n_mels, 10), dtype=np.float32)}
    ax = song_figures.plot_mel(features, settings=PAPER)
    assert mesh(ax).get_array().max() <= -80


@pytest.mark.parametrize("n_chroma", [12, 24])
def test_chroma_rows_lie_at_their_note_names(n_chroma):
    settings = AudioExtractor(n_chroma=n_chroma, bins_per_octave=48).settings
    ax = song_figures.plot_chroma(some_features(settings), settings=settings)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"]
    _, _, bottom, top = cell(ax, 9 * n_chroma // 12, 0)
    assert bottom < ax.get_yticks()[labels.index("A")] < top
    assert mesh(ax).get_clim() == (0, 1)


def test_tonnetz_names_its_six_rows_around_a_white_zero():
    ax = song_figures.plot_tonnetz(some_features(), settings=PAPER)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(song_figures.TONNETZ_NAMES)
    assert ax.get_ylim() == (-0.5, 5.5)
    assert mesh(ax).get_clim() == (-1, 1)
    np.testing.assert_allclose(mesh(ax).cmap(0.5), 1, atol=0.05)


def test_song_has_three_panels_on_one_time_axis(tmp_path):
    figure = song_figures.plot_song(some_features(), PAPER, "Money $ and $ more")
    mel, chroma, tonnetz, *bars = figure.axes
    assert len(bars) == 3
    assert [ax.get_title().split()[0] for ax in (mel, chroma, tonnetz)] == [
        "Mel",
        "Chromagram",
        "Tonnetz",
    ]
    tonnetz.set_xlim(0.5, 1.0)
    assert mel.get_xlim() == chroma.get_xlim() == (0.5, 1.0)
    assert [ax.get_xlabel() for ax in (mel, chroma, tonnetz)] == ["", "", "Time (s)"]
    assert figure.get_suptitle() == "Money $ and $ more"
    figure.savefig(tmp_path / "song.png")  # warns, hence fails, when a label finds no room
    assert (tmp_path / "song.png").stat().st_size > 10_000
    assert_labels_do_not_overlap(figure)


def assert_labels_do_not_overlap(figure):
    renderer = figure.canvas.get_renderer()
    for ax in figure.axes:
        # A tick may stand outside the limits; it is not drawn.
        low, high = sorted(ax.get_ylim())
        boxes = [
            label.get_window_extent(renderer)
            for tick, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
            if low <= tick <= high
        ]
        for below, above in itertools.pairwise(boxes):
            assert below.y1 <= above.y0, ax.get_title()


def test_panels_draw_real_features(tmp_path):
    import soundfile

    from spdkit.tracks.track import Track

    sound = np.sin(2 * np.pi * 440 * np.arange(2 * 44100) / 44100)
    soundfile.write(tmp_path / "a.wav", 0.5 * sound, 44100)
    extractor = AudioExtractor()
    features = extractor.frames(Track("a", audio=str(tmp_path / "a.wav")))

    mel = song_figures.plot_mel(features, settings=extractor.settings)
    _, _, bottom, top = cell(mel, int(mesh(mel).get_array()[:, 80].argmax()), 80)
    assert bottom < 440 < top
    chroma = song_figures.plot_chroma(features, settings=extractor.settings)
    assert mesh(chroma).get_array()[:, 80].argmax() == 9


@pytest.mark.parametrize("draw", PANELS)
def test_absent_features_are_named(draw):
    with pytest.raises(SpdkitError, match=r"no '\w+' among the features \(mfcc, zcr\)"):
        draw({"mfcc": np.ones((2, 2)), "zcr": np.ones((1, 2))}, settings=PAPER)


def test_settings_of_another_extractor_are_refused():
    settings = AudioExtractor("spotgentrack").settings
    with pytest.raises(SpdkitError, match=r"mel has shape \(127, 200\).*\(128, n_frames\)"):
        song_figures.plot_song(some_features(), settings, "title")


@pytest.mark.parametrize("draw", PANELS)
def test_missing_matplotlib_says_how_to_install_it(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        SpdkitError, match=r"drawing needs matplotlib: pip install 'spdkit\[plots\]'"
    ):
        draw(some_features(), settings=PAPER)
    with pytest.raises(SpdkitError, match="drawing needs matplotlib"):
        song_figures.plot_song(some_features(), PAPER, "title")
