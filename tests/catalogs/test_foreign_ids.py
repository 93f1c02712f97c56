"""The mapping archive: foreign ids of songs, from a folder or packed, and what is no answer."""

from __future__ import annotations

import json
import math
import os
import tarfile
import zipfile

import pytest

from spdkit.catalogs import CatalogError, foreign_ids
from spdkit.catalogs.taste_profile import read_mapping


def answer(*tracks, song="SOOTHER", foreign=()):
    """As The Echo Nest gave it, shortened; ids of the artist are not the song's."""
    parts = [
        [{"catalog": source, "foreign_id": name, "id": "TRX"} for source, name in each]
        for each in (tracks, foreign)
    ]
    song = {
        **{"id": song, "title": "T", "artist_id": "AR1", "tracks": parts[0]},
        "artist_foreign_ids": [{"catalog": "discogs", "foreign_id": "discogs:artist:7"}],
        **({"foreign_ids": parts[1]} if foreign else {}),
    }
    return json.dumps({"response": {"status": {"code": 0}, "songs": [song]}})


ONE = ("spotify", "spotify:track:1")
FILES = {
    "AA/SOAAA1.json": answer(ONE, ("7digital-US", "7digital-US:track:9"), ONE),
    "AA/SOAAA2.json": answer(foreign=[("musixmatch-WW", "musixmatch-WW:song:3")]),
    "AA/SOAAA3.json": json.dumps({"response": {"status": {"code": 5}, "songs": []}}),
    "BB/SOBBB1.json": "",
    "BB/SOBBB2.json": answer(ONE)[:-20],
    "BB/SOBBB3.json": json.dumps({"status": 500}),
    "BB/SOBBB4.json": answer(ONE),
    "BB/._SOBBB4.json": "of macOS",
    "README.txt": "read me",
}
ROWS = [
    ("SOAAA1", "spotify", "spotify:track:1"),
    ("SOAAA1", "7digital-US", "7digital-US:track:9"),
    ("SOAAA2", "musixmatch-WW", "musixmatch-WW:song:3"),
    ("SOBBB4", "spotify", "spotify:track:1"),
]


def folder_of(place, files=FILES):
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def archive_of(tmp_path, kind):
    folder = folder_of(tmp_path / "tree")
    if kind == "folder":
        return folder
    path = tmp_path / f"archive.{kind}"
    path.parent.mkdir(exist_ok=True)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as zipped:
            for name in FILES:
                zipped.write(folder / name, name)
    else:
        with tarfile.open(path, f"w:{kind.removeprefix('tar').removeprefix('.')}") as tarred:
            tarred.add(folder, "archive")
    return path


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_ids_of_songs_in_one_pass(tmp_path, kind):
    names = []
    mapping = read_mapping(archive_of(tmp_path, kind), progress=names.append)
    assert sorted(mapping.frame.itertuples(index=False, name=None)) == sorted(ROWS)
    assert (mapping.n_files, mapping.n_mapped) == (7, 3) and len(names) == 7
    assert mapping.share == pytest.approx(3 / 7)
    assert [name[-14:] for name in mapping.empty] == ["BB/SOBBB1.json"]
    assert [name[-14:] for name in sorted(mapping.broken)] == ["BB/SOBBB2.json", "BB/SOBBB3.json"]
    share, empty, broken = mapping.remarks
    assert share == "songs with an id: 3 of 7 (42.9%)"
    assert empty.startswith("empty files: 1 (") and "SOBBB1.json" in empty
    assert broken.startswith("files that are no answer: 2 (") and "SOBBB2.json" in broken


def test_the_share_is_that_of_the_services_asked_for(tmp_path):
    mapping = read_mapping(folder_of(tmp_path), sources=["spotify"])
    assert [*mapping.frame["song_id"]] == ["SOAAA1", "SOBBB4"]
    assert mapping.n_mapped == 2
    nothing = read_mapping(tmp_path, sources=["deezer"])
    assert [*nothing.frame] == ["song_id", "source", "foreign_id"]
    assert nothing.frame.empty and nothing.share == 0


@pytest.mark.parametrize(
    "text",
    [
        *(
            "[]",
            "7",
            "{}",
            '{"response": []}',
            '{"response": {"songs": {}}}',
            "\xff",
            "[" * 100_000,
        ),
        *('{"response": {"songs": [7]}}', '{"response": {"songs": [{"tracks": 7}]}}'),
        '{"response": {"songs": [{"tracks": [{"catalog": "a", "foreign_id": 7}]}]}}',
    ],
)
def test_what_is_no_answer_is_broken(tmp_path, text):
    (tmp_path / "SO1.json").write_bytes(text.encode("latin-1"))
    mapping = read_mapping(tmp_path)
    assert mapping.broken == ("SO1.json",) and mapping.frame.empty


def test_a_song_without_tracks_is_no_broken_file(tmp_path):
    (tmp_path / "SO1.json").write_text('{"response": {"songs": [{"id": "SO1"}]}}')
    mapping = read_mapping(tmp_path)
    assert (mapping.broken, mapping.n_mapped, mapping.n_files) == ((), 0, 1)


def test_frames_are_joined_in_the_order_of_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign_ids, "_ROWS", 2)
    mapping = read_mapping(folder_of(tmp_path))
    assert [*mapping.frame.itertuples(index=False, name=None)] == ROWS


def test_a_file_that_is_too_large_is_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign_ids, "MAX_BYTES", 400)
    path = archive_of(tmp_path, "zip")
    assert len(FILES["AA/SOAAA1.json"]) > 400 > len(FILES["BB/SOBBB4.json"])
    assert "AA/SOAAA1.json" in read_mapping(path).broken


def test_what_is_no_archive_is_named(tmp_path):
    def message(path):
        with pytest.raises(CatalogError) as caught:
            read_mapping(path)
        return str(caught.value)

    assert "no such file or folder" in message(tmp_path / "nowhere")
    assert f"holds no JSON file. The mapping archive is at {foreign_ids.SOURCE}" in message(
        tmp_path
    )
    (tmp_path / "a.tar.gz").write_text("rubbish")
    assert "cannot be read to its end" in message(tmp_path / "a.tar.gz")
    for kind, lost in (("tar.gz", 4), ("tar.gz", 300), ("tar.bz2", 9), ("tar", 10_000)):
        path = archive_of(tmp_path / f"{kind}{lost}", kind)
        path.write_bytes(path.read_bytes()[:-lost])
        assert "cannot be read to its end" in message(path), (kind, lost)
    os.mkfifo(tmp_path / "pipe")
    assert "no file or folder" in message(tmp_path / "pipe")


def test_nothing_has_no_share():
    assert math.isnan(foreign_ids.ForeignIds(None, 0, 0, (), ()).share)
