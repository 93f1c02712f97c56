"""Plays report: one HTML page of a listener's plays, for whoever recommends songs by it.

Conventions: as of `spdkit.report.page`. Sound is in the page itself, an excerpt of each song in one
channel: to hear it needs no other file and no network. The same record and songs give the same
page. The words are in ``templates/plays.html.j2``; the terminal prints the same table of scores.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import soundfile

from spdkit.audio_models.predict import unheard
from spdkit.audio_models.record import PlayRecord
from spdkit.extractors.base import ExtractionError
from spdkit.extractors.decoding.window import read_clip
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
from spdkit.report.plays_figures import plot_curves, plot_plays
from spdkit.report.svg import draw, legend, require_matplotlib, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spdkit.store.clip_store import ClipStore

TEMPLATE = "plays.html.j2"
MOST_PLAYERS = 10
_LISTED = 30
_SECONDS, _SAMPLE_RATE = 15.0, 22050  # of an excerpt: some 100 kB in the page
_HEIGHT = 3.0  # inches


@dataclass(frozen=True)
class Player:
    """A song that can be heard.

    Attributes
    ----------
    title, plays : str
        What it is called, and how often it would be played.
    sound : str
        An address with the sound in it; empty where there is none.
    """

    title: str
    plays: str
    sound: str


def sounds(store: ClipStore) -> dict[str, str]:
    """Where the sound of each song lies, by ``track_id``."""
    return {str(name): str(audio) for name, audio in store.obs["audio"].items() if audio}


def write(
    record: PlayRecord,
    predictions: pd.DataFrame,
    audio: Mapping[str, str],
    path: str | os.PathLike[str],
) -> None:
    """Write the page whole or not at all; parameters are those of `render`.

    Raises
    ------
    SpdkitError
        When the file cannot be written, or Jinja2 or matplotlib is not installed.
    """
    write_page(render(record, predictions, audio), path)


def render(record: PlayRecord, predictions: pd.DataFrame, audio: Mapping[str, str]) -> str:
    """The page as HTML.

    Parameters
    ----------
    record : PlayRecord
    predictions : DataFrame
        Of `spdkit.audio_models.predict.predict_store`: the songs that are recommended are those
        among them that the listener has not played.
    audio : mapping of str to str
        Paths of sound by ``track_id``, for players.

    Raises
    ------
    ReportError
        When Jinja2 is not installed.
    SpdkitError
        When matplotlib is not installed.
    """
    require_matplotlib()
    template = load_template(TEMPLATE)
    to_hear = unheard(predictions)
    whose = record.listener or "the listener"
    pictures = {picture.name: picture for picture in _pictures(record)}
    page: str = template.render(
        record=record,
        version=record.packages.get("spdkit", ""),
        heading=f"What {whose} would play",
        verdict=verdict(record),
        cards=_cards(record, len(to_hear)),
        pictures=pictures,
        scores=score_table(record),
        n_songs=record.songs["track_id"].nunique(),
        players=[_player(row, audio) for row in to_hear.head(MOST_PLAYERS).itertuples()],
        to_hear=_song_table("to-hear", "Songs not played yet, the most plays first", to_hear),
        misses=_misses(record),
        clips=record.clips["clips"]["parameters"],
    )
    return page


def verdict(record: PlayRecord) -> str:
    """What the model knows of songs that it did not hear, in a sentence or two."""
    gain, n = record.reduction, record.songs["track_id"].nunique()
    text = (
        f"Of {n:,} songs, each predicted by nets that did not "
        f"{'train on it' if record.split.kind == 'song' else 'train on that segment'}, the squared "
        f"error is {percent(100 * abs(gain.value))} {'below' if gain.value >= 0 else 'above'} that "
        "of the mean of the plays"
    )
    if gain.reason:
        ending = "which so few songs cannot tell from chance"
    elif gain.low <= 0 <= gain.high:
        ending = "which chance explains: nothing is known to be learned"
    else:
        ending = "more than chance explains"
    flatters = (
        ""
        if record.split.kind == "song"
        else " Other segments of the same songs trained: this says nothing of songs to come."
    )
    return f"{text}: {ending}.{flatters}"


def score_table(record: PlayRecord) -> Table:
    """The net beside the mean."""
    columns: list[Cell | str] = [
        "Prediction",
        Cell("MSE", "standardised, lower is better"),
        Cell("Below the mean's", "95\u00a0% interval"),
    ]
    gain = record.reduction
    ends = interval(100 * gain.low, 100 * gain.high, 1, signed=True)
    rows: Rows = [
        ["this net", _score(record.mse), Cell(percent(100 * gain.value, signed=True), ends)],
        ["the mean of the plays", _score(record.mean_mse), Cell(NOTHING)],
    ]
    caption = f"Scored on {record.songs['track_id'].nunique():,} songs, {_held_out(record)}"
    return Table.of("scores", caption, columns, rows)


def _score(score: object) -> Cell:
    value, low, high = (getattr(score, name) for name in ("value", "low", "high"))
    return Cell(plain(value, 3), interval(low, high, 3))


def _held_out(record: PlayRecord) -> str:
    split = record.split
    if split.kind == "segment":
        return f"by segments, in {split.folds} folds"
    of = f"those of {split.n_groups:,} {split.groups} together, " if split.groups else ""
    return f"{of}in {split.folds} folds"


def _cards(record: PlayRecord, n_to_hear: int) -> list[Card]:
    gain, songs = record.reduction, record.songs
    order = songs["plays"].corr(songs["predicted"], method="spearman")
    return [
        Card(
            "Error below the mean's",
            percent(100 * gain.value, signed=True),
            "of standardised plays, 0 is no better than the mean",
            interval(100 * gain.low, 100 * gain.high, 1, signed=True),
        ),
        Card(
            "Order of the songs", plain(order, 2), "rank correlation with the plays, 1 is perfect"
        ),
        Card("Songs", f"{songs['track_id'].nunique():,}", "that the net has learned from"),
        Card("Songs to hear", f"{n_to_hear:,}", "not played yet"),
    ]


def _song_table(name: str, caption: str, songs: pd.DataFrame) -> Table:
    rows: Rows = [
        [shortened(str(song.track_id), 60), plain(float(str(song.plays)), 1)]
        for song in songs.head(_LISTED).itertuples()
    ]
    return Table.of(name, caption, ["Song", "Predicted plays"], rows)


def _misses(record: PlayRecord) -> Table:
    """The songs whose plays the sound explains least."""
    songs = record.songs.groupby("track_id", sort=False)[["plays", "predicted"]].mean()
    miss = songs["plays"] - songs["predicted"]
    order = miss.abs().sort_values(ascending=False, kind="stable").index[:10]
    rows: Rows = [
        [
            shortened(str(name), 60),
            plain(songs.loc[name, "plays"], 0),
            plain(songs.loc[name, "predicted"], 1),
            plain(miss[name], 1, signed=True),
        ]
        for name in order
    ]
    columns: list[Cell | str] = ["Song", "Plays", "Predicted", "More than predicted"]
    return Table.of("misses", "Furthest from what their sound says", columns, rows)


def _pictures(record: PlayRecord) -> Iterator[Picture]:
    def plays(ax: Axes) -> Axes:
        plot_plays(record, ax)
        legend(ax, ncols=3)
        return ax

    def curves(ax: Axes) -> Axes:
        plot_curves(record, ax)
        legend(ax, ncols=2)
        return ax

    what = "song" if record.split.kind == "song" else "segment"
    caption = (
        f"Each dot is a {what}, predicted by a net that did not train on it. On the dotted line "
        "predictions are right; what lies along the dashed one is predicted as the mean."
    )
    for name, title, text, drawing in (
        ("plays", "Plays against predictions", caption, plays),
        (
            "curves",
            "Learning curves",
            "Bold: the mean over the folds, as long as all of them train. Where the error of songs "
            "that test rises while that of songs that train falls, the net learns by heart.",
            curves,
        ),
    ):
        yield Picture(name, title, text, draw(name, f"{title}. {text}", _HEIGHT, drawing))


def _player(row: object, audio: Mapping[str, str]) -> Player:
    name, plays = str(getattr(row, "track_id", "")), float(getattr(row, "plays", np.nan))
    title = shortened(str(PurePosixPath(name).with_suffix("")), 60)
    sound = _excerpt(audio[name]) if name in audio else ""
    return Player(title, f"{plain(plays, 1)} plays predicted", sound)


def _excerpt(path: str) -> str:
    """The middle of a song as an address that holds it; empty where it cannot be read now."""
    try:
        clip = read_clip(
            path, sr=_SAMPLE_RATE, duration=_SECONDS, offset="middle", min_duration=0.1
        )
    except (ExtractionError, OSError):
        return ""
    y = np.clip(clip.y, -1.0, 1.0)
    file = io.BytesIO()
    soundfile.write(file, y, _SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III")
    return f"data:audio/mpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
