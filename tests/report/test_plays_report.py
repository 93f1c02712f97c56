"""The page of a listener's plays: what it says is what the record holds; sound is in the page."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile
from browser import Screen, chromium, problems
from pages import Reader

from spdkit.audio_models.record import PlayRecord, PlaySplit, from_files, to_files
from spdkit.evaluation.bootstrap import Score
from spdkit.report.plays_report import render, score_table, verdict
from spdkit.report.svg import TEXT

EVIL = '<script>alert("1")</script> & $x^2$'


@pytest.fixture(scope="module")
def record():
    rng = np.random.default_rng(0)
    songs = pd.DataFrame(
        {
            "track_id": [f"album/song {i}.mp3" for i in range(11)] + [EVIL],
            "fold": np.arange(12) % 3,
            "plays": rng.integers(1, 90, 12).astype(float),
        }
    )
    songs["predicted"] = songs["plays"] + rng.standard_normal(12)
    rows = [(f, m, e, 1 / e, 1.2 - e / 9) for f in range(3) for m in (0, 1) for e in range(1, 5)]
    curves = pd.DataFrame(rows, columns=["fold", "member", "epoch", "loss", "watched_loss"])
    return PlayRecord(
        **{"created": "2026-01-02 03:04 UTC", "command": "spdkit plays fit", "listener": EVIL},
        **{"source": "music", "plays": "log.txt", "packages": {"spdkit": "1"}},
        clips={
            "clips": {
                "version": "1",
                "parameters": {"kind": "features", "clip_seconds": 15.0, "sample_rate": 44100},
            }
        },
        split=PlaySplit("song", 3, 0, "artist_id", 6),
        remarks=("2 songs have no sound",),
        mse=Score(0.71, 0.5, 0.9),
        mean_mse=Score(1.02, 0.8, 1.3),
        reduction=Score(0.304, 0.12, 0.45),
        songs=songs,
        curves=curves,
    )


@pytest.fixture(scope="module")
def predictions(record):
    known = pd.DataFrame({"track_id": record.songs["track_id"], "played": record.songs["plays"]})
    new = pd.DataFrame({"track_id": ["new/a b.wav", "new/quiet.wav", "new/none.wav"]})
    table = pd.concat([known, new], ignore_index=True).assign(plays=np.arange(15)[::-1] * 1.5)
    table.loc[14, "plays"] = np.nan
    return table.assign(note="")[["track_id", "plays", "played", "note"]]


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    t = np.arange(44100 * 20) / 44100
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 440 * t), 44100)
    return {"new/a b.wav": str(path), "new/quiet.wav": str(path.with_name("gone.wav"))}


@pytest.fixture(scope="module")
def page(record, predictions, audio):
    return render(record, predictions, audio)


def test_a_page_is_whole_and_stands_alone(page):
    read = Reader(page)
    assert "script" not in read.tags and "link" not in read.tags
    assert len(read.ids) == len(set(read.ids))
    for address in read.addresses:
        assert address.startswith("data:audio/mpeg;base64,") or address[1:] in read.ids, address
    assert not re.search(r"url\((?!#)|@import", page)
    assert "default-src 'none'" in page and "media-src data:" in page
    assert page.count("<figure ") == page.count("<figcaption>") == page.count('role="img"') == 2
    assert TEXT not in page[page.index("<main>") :]
    assert EVIL in read.text


def test_the_same_record_gives_the_same_page(record, predictions, audio, page):
    assert render(record, predictions, audio) == page
    assert render(replace(record, remarks=("another",)), predictions, audio) != page


def test_what_it_says(record, page):
    text = Reader(page).text
    assert "the squared error is 30.4 % below that of the mean of the plays: more than" in text
    assert "2 songs have no sound" in text and "in 3 folds" in text
    assert [row[0].text for row in score_table(record).rows] == [
        "this net",
        "the mean of the plays",
    ]
    assert score_table(record).rows[0][1].text == "0.710"
    unsure = replace(record, reduction=Score(-0.02, -0.3, 0.2))
    assert "2.0\u00a0% above" in verdict(unsure) and "nothing is known" in verdict(unsure)
    few = replace(record, reduction=Score(0.1, np.nan, np.nan, reason="few"))
    assert "cannot tell from chance" in verdict(few)
    segment = replace(record, split=PlaySplit("segment", 3, 0, None, 12))
    assert "says nothing of songs to come" in verdict(segment)


def test_songs_to_hear_are_those_not_played_with_their_sound(page):
    hear = page[page.index('id="hear"') : page.index('id="scores"')]
    assert hear.count("<li>") == 2 and hear.count("<audio ") == 1
    assert "album/" not in hear and "none.wav" not in hear
    sound = re.search(r"base64,([^\"]+)", hear).group(1)
    y, rate = soundfile.read(io.BytesIO(base64.b64decode(sound)))
    assert rate == 22050 and len(y) / rate == pytest.approx(15, abs=0.2)
    tone = np.abs(np.fft.rfft(y[rate : 2 * rate])).argmax()
    assert tone == 440
    assert "Its sound is not there to be heard" in hear


def test_nothing_to_hear(record, predictions):
    page = render(record, predictions.dropna(subset=["played"]), {})
    assert "there are none to recommend" in page


def test_a_record_goes_through_its_files(record):
    files = to_files(record)
    again = from_files(files)
    assert to_files(again) == files
    assert again.known.to_dict() == record.known.to_dict()
    broken = {**files, "songs.csv": files["songs.csv"].replace(b"predicted", b"other")}
    with pytest.raises(ValueError, match=r"songs\.csv: there is no column 'predicted'"):
        from_files(broken)
    broken = {**files, "record.json": files["record.json"].replace(b'"song"', b'"odd"')}
    with pytest.raises(ValueError, match=r"record\.json: kind"):
        from_files(broken)


@pytest.mark.slow
@pytest.mark.parametrize("screen", [Screen(1280, 900, "light"), Screen(360, 740, "dark")], ids=str)
def test_a_browser_shows_it(page, screen, tmp_path):
    (tmp_path / "p.html").write_text(page, encoding="utf-8")
    with chromium() as browser:
        assert problems(browser, tmp_path / "p.html", screen) == []
