"""``spdkit extract``, and what ``inspect`` shows of its file, as a user types them."""

from __future__ import annotations

import json

import mutagen
import numpy as np
import plugin_site
import pytest
import soundfile
from command_line import invoke

from spdkit.store.feature_store import FeatureStore


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return plugin_site.install(tmp_path_factory.mktemp("site"))


@pytest.fixture
def plugins(site, monkeypatch):
    """The plugins, installed for this process and its workers."""
    monkeypatch.syspath_prepend(site)


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(48000) / 44100)
    soundfile.write(folder / "tone.wav", tone, 44100)
    (folder / "text.mp3").write_text("no sound")
    (folder / "cover.jpg").write_bytes(b"x")
    return folder


def test_help_teaches():
    text = invoke("extract", "--help").stdout
    for word in ("--extractor", "--profile", "--duration", "--offset", "--jobs", "--timeout"):
        assert word in text
    for word in ("--metadata", "--resume", "--overwrite", "--strict", "--json", "Example"):
        assert word in text


def test_extract_inspect_and_json(music, tmp_path):
    """One real run through worker processes, then everything that can be asked of its file."""
    target = tmp_path / "f.h5"
    done = invoke("extract", music, "-o", target, "--extractor", "audio", "--jobs", 1, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["n_tracks"], report["n_extracted"]) == (2, 2)
    assert report["failures"][0]["track_id"] == "text.mp3"
    assert "passed over 1 files that are not audio (1 .jpg)" in done.stderr
    assert len(FeatureStore.open(target).var) == 390

    shown = invoke("inspect", target).stdout
    for text in ("2 tracks × 390 features", "text.mp3", "profile=paper", "librosa 0.11"):
        assert text in shown
    listed = json.loads(invoke("inspect", target, "--stats", "--json").stdout)
    assert (listed["extractors"][0]["n_ok"], listed["extractors"][0]["n_failed"]) == (1, 1)
    assert listed["statistics"]["mfcc_1_mean"]["n_missing"] == 1
    assert listed["statistics"]["mfcc_1_std"]["std"] is None  # of a single track
    assert "shorter than the window" in invoke("inspect", target, "--remarks").stdout
    stats = invoke("inspect", target, "--stats").stdout
    assert "zero_crossing_rate_mean" in stats

    again = invoke("extract", music, "-o", target, "--extractor", "audio", "--jobs", 1, "--strict")
    assert again.exit_code == 1, "a failed track must fail a strict run"
    assert "unchanged" in again.stdout
    refused = invoke("extract", music, "-o", target, "--extractor", "audio", "--duration", "full")
    assert refused.exit_code == 1
    assert "audio.duration was 30.0, is now None" in refused.stderr


@pytest.mark.usefixtures("plugins", "work_here")
def test_table_with_lyrics_through_a_plugin(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"abc")
    (tmp_path / "songs.csv").write_text(
        "track_id,audio,lyrics,year\n007,a.wav,la la la,1999\nb,,only words,\nc,a.wav,,2001\n"
    )
    done = invoke(
        *("extract", tmp_path / "songs.csv", "-o", tmp_path / "f.h5"),
        *("--extractor", "tally", "--extractor", "words"),
    )
    assert done.exit_code == 0, done.output
    store = FeatureStore.open(tmp_path / "f.h5")
    assert list(store.obs.index) == ["007", "b", "c"]
    assert list(store.obs["tally_status"]) == ["ok", "absent", "ok"]
    assert list(store.obs["words_status"]) == ["ok", "ok", "absent"]
    assert store.to_pandas().loc["007", "n_words"] == 3
    assert json.loads(store.obs.loc["007", "metadata"]) == {"year": 1999.0}
    assert "extracted now" in done.stdout


@pytest.fixture
def songs(tmp_path):
    """Two sounds with lyrics, one of them with tags; a third file is none."""
    folder = tmp_path / "songs"
    folder.mkdir()
    soundfile.write(folder / "a.flac", np.zeros(4410), 44100)
    tags = mutagen.File(folder / "a.flac")
    tags.update({"title": "Töne", "date": "1999", "lyrics": "in the tags"})
    tags.save()
    soundfile.write(folder / "b.wav", np.zeros(4410), 44100)
    (folder / "b.lrc").write_text("[00:02.00]two words\n[00:01.00]one")
    return folder


@pytest.mark.usefixtures("plugins", "work_here")
def test_a_folder_with_lyrics_tags_and_metadata(songs, tmp_path, monkeypatch):
    (tmp_path / "facts.csv").write_text(
        "track_id,title,artist_followers,lyrics\na.flac,Sound,1200,\nnone.wav,,,\n"
    )
    (tmp_path / "more.csv").write_text("track_id,artist_followers\na.flac,1300\nb.wav,7\n")
    arguments = ("extract", songs, "-o", tmp_path / "f.h5")
    which = ("--extractor", "tally", "--extractor", "words")
    tables = ("--metadata", tmp_path / "facts.csv", "--metadata", tmp_path / "more.csv")
    done = invoke(*arguments, *which, *tables, "--json")
    assert done.exit_code == 0, done.output
    facts, more = tmp_path / "facts.csv", tmp_path / "more.csv"
    assert done.stderr.splitlines()[:6] == [
        f"{songs}: picked up lyrics of 2 tracks (1 from files, 1 from tags) and tags of 1",
        f"{facts}: 1 of 2 tracks have a row, 1 have none: b.wav",
        f"{facts}: 1 rows match no track: none.wav",
        f"{facts}: 1 values replace other ones (title 1)",
        f"{more}: 2 of 2 tracks have a row, 0 have none",
        f"{more}: 1 values replace other ones (artist_followers 1)",
    ]
    told = json.loads(done.stdout)
    assert told["remarks"][1] == f"{facts}: 1 of 2 tracks have a row, 1 have none: b.wav"
    assert told["problems"] == []
    store = FeatureStore.open(tmp_path / "f.h5")
    assert list(store.to_pandas()["n_words"]) == [3, 3]
    a, b = (json.loads(text) for text in store.obs["metadata"])
    assert a == {"title": "Sound", "date": "1999", "release_year": 1999, "artist_followers": 1300}
    assert b == {"artist_followers": 7}

    (songs / "b.lrc").write_text("[00:01]now three words")
    log = tmp_path / "log"
    monkeypatch.setenv("SPDKIT_TEST_LOG", str(log))
    again = invoke(*arguments, *which, *tables)
    assert again.exit_code == 0, again.output
    assert log.read_text() == "words b.wav\n"


@pytest.mark.usefixtures("work_here")
def test_facts_that_cannot_be_read_are_counted_and_told(tmp_path):
    (tmp_path / "s.csv").write_text("track_id,audio,tempo,valence\na,,100 BPM,0.5\nb,,90,0.25\n")
    words = ("extract", tmp_path / "s.csv", "-o", tmp_path / "f.h5", "--extractor", "metadata")
    done = invoke(*words)
    assert f"1: spdkit inspect {tmp_path / 'f.h5'} --remarks" in done.stdout.replace("\n", "")
    assert (
        "tempo = '100 BPM' is no number" in invoke("inspect", tmp_path / "f.h5", "--remarks").stdout
    )


def test_a_table_that_matches_nothing_is_one_clear_line(songs, tmp_path):
    (tmp_path / "t.csv").write_text("track_id,x\na.mp3,1\n")
    target = tmp_path / "f.h5"
    done = invoke("extract", songs, "-o", target, "--metadata", tmp_path / "t.csv")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == (
        f"spdkit: {tmp_path}/t.csv: none of its 1 track_id is one of the 2 tracks. Of 'a.mp3' the "
        "nearest track is 'a.flac' (another suffix)"
    )
    assert not target.exists()


@pytest.mark.usefixtures("plugins", "work_here")
def test_many_problems_are_cut_short_on_stderr_alone(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(25):
        (folder / f"{number:02d}.wav").write_bytes(b"abc")
    words = ("extract", folder, "-o", tmp_path / "f.h5", "--extractor", "tally", "--json")
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    assert done.stderr.count("its tags cannot be read") == 20
    assert f"{folder}: … and 5 more (--json lists all)" in done.stderr
    assert len(json.loads(done.stdout)["problems"]) == 25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--extractor", "nothing"], "no extractor 'nothing'; installed are: audio"),
        (
            ["--profile", "best"],
            "audio: profile must be one of 'paper', 'spotgentrack', got 'best'",
        ),
        (
            ["--duration", "-3"],
            "audio: duration must be a positive number (seconds) or None, got -3.0",
        ),
        (["--duration", "0.5"], "audio: duration must be at least min_duration=1.0, got 0.5"),
    ],
)
def test_wrong_options_are_one_clear_line(options, message, music, tmp_path):
    done = invoke("extract", music, "-o", tmp_path / "f.h5", *options)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith(f"spdkit: {message}")
    assert not list(tmp_path.glob("f.h5*"))


def test_words_for_seconds_are_refused(music, tmp_path):
    done = invoke("extract", music, "-o", tmp_path / "f.h5", "--duration", "long")
    assert done.exit_code == 2
    assert "no number of seconds" in done.stderr


@pytest.mark.parametrize(
    ("source", "message"),
    [("nowhere", "no such file or folder"), ("empty", "there are no tracks to extract")],
)
def test_wrong_sources_are_one_clear_line(source, message, tmp_path):
    (tmp_path / "empty").mkdir()
    done = invoke("extract", tmp_path / source, "-o", tmp_path / "f.h5")
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
