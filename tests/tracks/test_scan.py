"""Tracks from folders and tables: which, under which names, and what was passed over."""

from __future__ import annotations

import os
import pickle
import socket
import sys
import tempfile
import unicodedata
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from audio_files import as_nobody

from spdkit.tracks import scan
from spdkit.tracks.scan import AUDIO_SUFFIXES
from spdkit.tracks.track import Track, TrackError, TrackSet, is_url, open_binary


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def ids(found):
    return [track.track_id for track in found]


def test_a_track_needs_a_name():
    for bad in ("", None, 7):
        with pytest.raises(TrackError, match=f"track_id must be a non-empty string, got {bad!r}"):
            Track(bad)


def test_a_track_is_a_value():
    track = Track("a", "a.wav", "la", {"year": 1999})
    assert track == Track("a", "a.wav", "la", {"year": 1999})
    assert track != Track("a", "a.wav", "la", {"year": 2000})
    assert hash(track) == hash(Track("a", "a.wav", "la"))
    assert pickle.loads(pickle.dumps(track)) == track
    with pytest.raises(AttributeError):
        track.audio = "b.wav"


def test_a_track_set_is_a_sequence():
    found = TrackSet((Track("a"), Track("b"), Track("c")))
    assert len(found) == 3 and found[1] == Track("b") and found[-2:] == (Track("b"), Track("c"))
    assert Track("c") in found and next(reversed(found)) == Track("c")


# Folders


def test_a_folder_gives_every_audio_file_by_its_relative_path(tmp_path):
    touch(
        tmp_path, "b.mp3", "a/z.wav", "a/b/c.FLAC", "Z.ogg", "a.b/x.m4a", "notes.txt", "cover.jpg"
    )
    found = scan.from_folder(tmp_path, tags=False)  # there is no sound to have any
    assert ids(found) == ["Z.ogg", "a.b/x.m4a", "a/b/c.FLAC", "a/z.wav", "b.mp3"]
    assert [track.audio for track in found] == [str(tmp_path / name) for name in ids(found)]
    assert all(track.lyrics is None and not track.metadata for track in found)
    assert found.problems == ()


@pytest.mark.parametrize("suffix", sorted(AUDIO_SUFFIXES))
def test_every_audio_suffix_is_known_in_both_cases(suffix, tmp_path):
    touch(tmp_path, f"a{suffix}", f"b{suffix.upper()}")
    assert ids(scan.from_folder(tmp_path)) == [f"a{suffix}", f"b{suffix.upper()}"]


def test_common_formats_are_among_them():
    common = [".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".m4a", ".aac", ".wma"]
    assert set(common) <= AUDIO_SUFFIXES
    assert not {".txt", ".jpg", ".mid", ".pdf", ""} & AUDIO_SUFFIXES


def test_what_is_no_audio_is_counted(tmp_path):
    touch(tmp_path, "a.txt", "b.txt", "c.jpg", "d.wav", "README", ".hidden", "e.mp3.part")
    (remark,) = scan.from_folder(tmp_path).remarks
    kinds = "2 .txt, 2 no suffix, 1 .jpg, 1 .part"
    assert remark == f"passed over 6 files that are not audio ({kinds})"
    touch(tmp_path / "clean", "a.wav")
    assert scan.from_folder(tmp_path / "clean").remarks == ()


def test_lyrics_beside_audio_are_not_passed_over_unless_unwanted(tmp_path):
    touch(tmp_path, "a.wav", "a.txt", "b.txt")
    (tmp_path / "a.txt").write_text("la")
    (told, _) = scan.from_folder(tmp_path, tags=False).remarks
    assert told == "passed over 1 files that are not audio (1 .txt)"
    (told,) = scan.from_folder(tmp_path, tags=False, lyrics=False).remarks
    assert told == "passed over 2 files that are not audio (2 .txt)"


def test_an_empty_folder_has_no_tracks(tmp_path):
    assert scan.from_folder(tmp_path) == TrackSet(())


def test_a_folder_that_is_none_is_refused(tmp_path):
    touch(tmp_path, "a.wav")
    for path in (tmp_path / "nothing", tmp_path / "a.wav"):
        with pytest.raises(TrackError, match=f"^{path}: not a folder$"):
            scan.from_folder(path)


def test_a_relative_folder_and_home(tmp_path, monkeypatch):
    touch(tmp_path, "music/a.wav")
    monkeypatch.chdir(tmp_path)
    assert ids(scan.from_folder("music")) == ["a.wav"]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ids(scan.from_folder("~/music")) == ["a.wav"]


def test_folders_and_broken_links_named_like_audio_are_listed(tmp_path):
    touch(tmp_path, "album.mp3/a.wav")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    assert ids(scan.from_folder(tmp_path)) == ["album.mp3", "album.mp3/a.wav", "gone.wav"]


def test_what_is_no_file_is_passed_over_and_told(tmp_path):
    touch(tmp_path, "a.wav", "b/c.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    os.mkfifo(tmp_path / "pipe.txt")
    os.mkfifo(tmp_path / "a.lrc")
    (tmp_path / "device.mp3").symlink_to("/dev/zero")
    (tmp_path / "b" / "linked.flac").symlink_to(tmp_path / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.ogg"))
        found = scan.from_folder(tmp_path)
    assert ids(found) == ["a.wav", "b/c.wav"]
    special = [
        "b/linked.flac (a named pipe)",
        *("device.mp3 (a device)", "pipe.wav (a named pipe)", "socket.ogg (a socket)"),
    ]
    (remark,) = [each for each in found.remarks if "no files" in each]
    assert remark.startswith("passed over 4 that are no files: ")
    assert sorted(remark.split(": ")[1].split(", ")) == special
    assert [each for each in found.problems if "a.lrc" in each] == [
        f"{tmp_path}/a.lrc: is no regular file"
    ]


def test_what_systems_leave_is_passed_over_and_counted(tmp_path):
    touch(tmp_path, "a.flac", "b/c.mp3", "._a.flac", "b/._c.mp3", "._a.txt", "__MACOSX/b/._c.mp3")
    touch(tmp_path, ".DS_Store", "b/Thumbs.db", "desktop.ini", "@eaDir/a.flac/thumb.mp3")
    touch(tmp_path, "$RECYCLE.BIN/x.wav", ".Trashes/501/y.wav", "cover.jpg")
    found = scan.from_folder(tmp_path, tags=False)
    assert ids(found) == ["a.flac", "b/c.mp3"]
    assert found.remarks == (
        "passed over 1 files that are not audio (1 .jpg)",
        "passed over 10 files that macOS or Windows left (._*, …)",
    )


@pytest.mark.parametrize("forms", [("NFD", "NFC"), ("NFC", "NFD")])
def test_names_match_in_any_unicode_form(forms, tmp_path):
    name = "Détour ガラス"
    sound, words = (unicodedata.normalize(form, name) for form in forms)
    touch(tmp_path, f"{sound}.wav")
    (tmp_path / f"{words}.en.LRC").write_text("[00:01]some words")
    (track,) = scan.from_folder(tmp_path, tags=False)
    assert (track.track_id, track.lyrics) == (f"{sound}.wav", "some words")
    table = pd.DataFrame(
        {"track_id": ["a"], "audio": [f"{words}.wav"], "lyrics_file": [f"{sound}.en.LRC"]}
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    (track,) = scan.from_table(tmp_path / "t.csv")
    assert track.audio == str(tmp_path / f"{sound}.wav") and track.lyrics == "some words"
    gone = pd.DataFrame({"track_id": ["a"], "audio": [f"/nowhere/{words}.wav"]})
    assert scan.from_table(gone)[0].audio == f"/nowhere/{words}.wav"


def test_a_pipe_in_a_table_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    table = pd.DataFrame(
        {
            "track_id": ["a"],
            "audio": [str(tmp_path / "pipe")],
            "lyrics_file": [str(tmp_path / "pipe")],
        }
    )
    (track,) = found = scan.from_table(table)
    assert found.problems == (f"{tmp_path}/pipe: is no regular file",)
    with pytest.raises(OSError, match="is a named pipe, no file"):
        open_binary(track.audio)


def test_a_placeholder_in_a_table_gives_way_to_a_file(tmp_path):
    (tmp_path / "a.txt").write_text("words")
    path = csv(
        tmp_path / "t.csv",
        "track_id,audio,lyrics,lyrics_file\na,,-99,a.txt\nb,,-99,\nc,,own,a.txt\n",
    )
    assert [track.lyrics for track in scan.from_table(path)] == ["words", "-99", "own"]


def test_links_to_folders_are_followed_once(tmp_path):
    touch(tmp_path, "elsewhere/x.wav", "music/own/a.wav")
    (tmp_path / "music" / "first").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "music" / "second").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "music" / "file.wav").symlink_to(tmp_path / "elsewhere" / "x.wav")
    assert ids(scan.from_folder(tmp_path / "music")) == ["file.wav", "first/x.wav", "own/a.wav"]


def test_loops_of_links_end(tmp_path):
    touch(tmp_path, "a/x.wav", "b/y.wav")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    # Not a/up/b/y.wav, though that comes first.
    assert ids(scan.from_folder(tmp_path)) == ["a/x.wav", "b/y.wav"]


def test_names_of_every_kind(tmp_path):
    names = [
        "a b.wav",
        "two\nlines.wav",
        "café 🎵.wav",
        "Case.wav",
        "case.wav",
        "-x.wav",
        "a,b.wav",
    ]
    touch(tmp_path, *names)
    raw = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    Path(os.fsdecode(raw)).touch()
    found = scan.from_folder(tmp_path)
    assert ids(found) == sorted([*names, "caf\\xe9.wav"])
    (odd,) = [track for track in found if track.track_id == "caf\\xe9.wav"]
    assert os.fsencode(odd.audio) == raw and Path(odd.audio).exists()
    "\n".join(ids(found)).encode("utf-8")


def test_two_names_that_become_one_are_refused(tmp_path):
    touch(tmp_path, "caf\\xe9.wav")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")).touch()
    with pytest.raises(TrackError, match=r"1 track_id occur more than once: .*caf"):
        scan.from_folder(tmp_path)


def test_a_folder_that_goes_away_under_a_scan_is_a_problem(tmp_path, monkeypatch):
    touch(tmp_path, "a.wav", "gone/b.wav", "kept/c.wav")
    walk = os.walk

    def losing(*args, **options):
        for folder, *names in walk(*args, **options):
            if folder.endswith("gone"):
                (tmp_path / "gone").rename(tmp_path / "elsewhere.txt")
            yield folder, *names

    monkeypatch.setattr(os, "walk", losing)
    found = scan.from_folder(tmp_path, tags=False)
    assert ids(found) == ["a.wav", "kept/c.wav"]
    assert found.problems == (f"{tmp_path}/gone: No such file or directory",)


def test_a_folder_without_permission_is_a_problem_not_an_error():
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        touch(root, "open/a.wav", "shut/b.wav")
        (root / "shut").chmod(0)
        printed = as_nobody(
            """
import spdkit.tracks.sidecars
from spdkit.tracks import scan
drop()
found = scan.from_folder(sys.argv[1], tags=False)
print([track.track_id for track in found], found.problems)
""",
            str(root),
        )
        (root / "shut").chmod(0o755)
    assert printed == f"['open/a.wav'] ('{root}/shut: Permission denied',)\n"


# Tables


def csv(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_names_its_tracks(tmp_path):
    path = csv(
        tmp_path / "t.csv",
        "track_id,audio,lyrics,artist,year\n"
        "b,b.wav,,Nobody,1999\n"
        'a,sub/a.mp3,"la la\nla",Somebody,\n',
    )
    a, b = scan.from_table(path)
    assert a == Track("a", str(tmp_path / "sub/a.mp3"), "la la\nla", {"artist": "Somebody"})
    assert b == Track("b", str(tmp_path / "b.wav"), None, {"artist": "Nobody", "year": 1999})


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".pq", ".CSV"])
def test_ids_stay_text_in_either_format(suffix, tmp_path):
    frame = pd.DataFrame({"track_id": ["007", "1e3", "NA", "None"], "audio": ["a.wav"] * 4})
    path = tmp_path / f"t{suffix}"
    (frame.to_csv if suffix.lower() == ".csv" else frame.to_parquet)(path, index=False)
    assert ids(scan.from_table(path)) == ["007", "1e3", "NA", "None"]
    assert scan.from_path(path) == scan.from_table(path)


def test_numbers_as_ids_become_text():
    frame = pd.DataFrame({"track_id": [10, 9], "audio": ["a.wav", "b.wav"]})
    assert ids(scan.from_table(frame)) == ["10", "9"]


def test_words_that_look_missing_are_words(tmp_path):
    path = csv(tmp_path / "t.csv", "track_id,audio,lyrics,artist\nx,NA,null,None\n")
    (track,) = scan.from_table(path)
    assert (track.audio, track.lyrics) == (str(tmp_path / "NA"), "null")
    assert track.metadata == {"artist": "None"}


def test_where_audio_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    rows = {
        "1": ("a.wav", str(tmp_path / "a.wav")),
        "2": ("/music/a.wav", "/music/a.wav"),
        "3": ("~/a.wav", "/home/someone/a.wav"),
        "4": ("s3://bucket/a.wav", "s3://bucket/a.wav"),
        "5": ("", None),
        "6": ("   ", None),
    }
    text = "track_id,audio\n" + "".join(f"{key},{value}\n" for key, (value, _) in rows.items())
    found = scan.from_table(csv(tmp_path / "t.csv", text))
    assert {track.track_id: track.audio for track in found} == {
        key: expected for key, (_, expected) in rows.items()
    }
    frame = pd.DataFrame({"track_id": ["1"], "audio": ["a.wav"]})
    assert scan.from_table(frame)[0].audio == "a.wav"  # from the working directory


def test_every_kind_of_missing_cell_is_absent():
    missing = [None, float("nan"), pd.NA, pd.NaT, "", " \t"]
    frame = pd.DataFrame(
        {
            "track_id": [str(number) for number in range(len(missing))],
            "audio": pd.Series(missing, dtype=object),
            "lyrics": pd.Series(missing, dtype=object),
            "artist": pd.Series(missing, dtype=object),
        }
    )
    for track in scan.from_table(frame):
        assert (track.audio, track.lyrics, dict(track.metadata)) == (None, None, {})


def test_metadata_is_kept_in_pythons_own_types(tmp_path):
    frame = pd.DataFrame(
        {
            "track_id": ["a"],
            "audio": ["a.wav"],
            "year": [1999],
            "tempo": [120.5],
            "explicit": [True],
            "genres": [["pop", "rock"]],
            7: ["a column named by a number"],
        }
    )
    (track,) = scan.from_table(frame)
    expected = {"year": 1999, "tempo": 120.5, "explicit": True, "genres": ["pop", "rock"]}
    assert track.metadata == {**expected, "7": "a column named by a number"}
    frame.columns = frame.columns.astype(str)
    frame.to_parquet(tmp_path / "t.parquet")
    (stored,) = scan.from_table(tmp_path / "t.parquet")
    assert stored.metadata == track.metadata
    for value in stored.metadata.values():
        assert type(value) in (int, float, bool, str, list)


def test_a_table_from_excel_begins_with_a_mark(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("track_id,audio\né,a.wav\n".encode("utf-8-sig"))
    assert ids(scan.from_table(path)) == ["é"]


@pytest.mark.parametrize("missing", ["track_id", "audio"])
def test_a_missing_column_is_named_with_those_there_are(missing, tmp_path):
    header = {"track_id": "audio,name", "audio": "track_id,name"}[missing]
    path = csv(tmp_path / "t.csv", f"{header}\nx,y\n")
    with pytest.raises(TrackError, match=f"no column '{missing}'; the columns are .*name"):
        scan.from_table(path)


def test_an_empty_id_is_refused_by_row(tmp_path):
    path = csv(tmp_path / "t.csv", "track_id,audio\na,a.wav\n,b.wav\n  ,c.wav\n")
    with pytest.raises(TrackError, match=r"no track_id in row 2, 3$"):
        scan.from_table(path)


def test_a_repeated_id_is_refused(tmp_path):
    path = csv(tmp_path / "t.csv", "track_id,audio\na,a.wav\nb,b.wav\na,c.wav\n")
    with pytest.raises(TrackError, match="1 track_id occur more than once: 'a'"):
        scan.from_table(path)
    # As text they are one, though 1 and "1" are two values.
    frame = pd.DataFrame({"track_id": [1, "1"], "audio": ["a.wav", "b.wav"]})
    with pytest.raises(TrackError, match="more than once: '1'"):
        scan.from_table(frame)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b""),
        ("t.csv", b"track_id,audio\n\xff\xfe,a.wav\n"),
        ("t.csv", b"track_id,audio\na,b,c,d\ne,f,g,h,i\n"),
        ("t.parquet", b"this is no Parquet"),
        ("t.parquet", b""),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_name(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TrackError, match=f"{name}: "):
        scan.from_table(tmp_path / name)


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(TrackError, match=r"t\.csv: cannot be read as a table: no such file"):
        scan.from_table(tmp_path / "t.csv")


def test_parquet_without_pyarrow_says_how_to_get_it(tmp_path, monkeypatch):
    pd.DataFrame({"track_id": ["a"], "audio": ["a.wav"]}).to_parquet(tmp_path / "t.parquet")
    for name in ("pyarrow", "fastparquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(TrackError, match=r"Parquet needs pyarrow: pip install 'spdkit\[parquet\]'"):
        scan.from_table(tmp_path / "t.parquet")


def test_a_table_of_no_rows_has_no_tracks(tmp_path):
    assert len(scan.from_table(csv(tmp_path / "t.csv", "track_id,audio\n"))) == 0


# Either


def test_a_path_is_a_folder_or_a_table(tmp_path):
    touch(tmp_path, "music/a.wav", "a.wav")
    path = csv(tmp_path / "t.csv", "track_id,audio\nx,a.wav\n")
    assert ids(scan.from_path(tmp_path / "music")) == ["a.wav"]
    assert ids(scan.from_path(str(path))) == ["x"]
    with pytest.raises(TrackError, match=r"a\.wav: not a folder nor a table \(\.csv, "):
        scan.from_path(tmp_path / "a.wav")
    with pytest.raises(TrackError, match="nothing: no such file or folder"):
        scan.from_path(tmp_path / "nothing")
    (tmp_path / "folder.csv").mkdir()
    assert ids(scan.from_path(tmp_path / "folder.csv")) == []


def test_urls_are_told_from_paths_and_opened(tmp_path):
    assert is_url("s3://bucket/a.wav") and is_url("memory://a.wav")
    assert not is_url("/music/a.wav") and not is_url("a: b.wav")
    (tmp_path / "a.bin").write_bytes(b"here")
    with fsspec.open("memory://test_tracks/a.bin", "wb") as file:
        file.write(b"there")
    for name, content in [
        (str(tmp_path / "a.bin"), b"here"),
        ("memory://test_tracks/a.bin", b"there"),
    ]:
        with open_binary(name) as file:
            assert file.read() == content
            assert file.seek(0) == 0
    with pytest.raises(FileNotFoundError):
        open_binary(str(tmp_path / "nothing"))
