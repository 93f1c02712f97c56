"""The clip store: what is written is what is read; what is damaged or strange is refused."""

from __future__ import annotations

import errno
import io
import pickle
import time

import h5py
import numpy as np
import pytest
from clip_tables import COUNTS, clip_table, clips_of_songs, write_songs
from damage import damaged
from store_tables import table

from spdkit.store import clip_store, seal, vetting
from spdkit.store.clip_store import ClipStore, write_clips
from spdkit.store.errors import Damage, DamagedStoreError, StoreError
from spdkit.store.feature_store import FeatureStore, write_store
from spdkit.store.forms import CLIPS
from spdkit.store.repair import whole_rows


@pytest.fixture
def songs():
    return clips_of_songs()


@pytest.fixture
def path(songs, tmp_path):
    write_songs(tmp_path / "c.h5", songs)
    return tmp_path / "c.h5"


def test_round_trip(path, songs):
    store = ClipStore.open(path)
    assert store.track_ids == ["song 0", "song 2", "song 3"]
    assert store.failures == {"song 1": "it is bad"}
    assert (store.kind, store.clip_seconds, store.sample_rate, store.names) == ("audio", 0.5, 8, [])
    assert list(store.obs.index) == list(songs)
    read = store.songs()
    assert [(song.id, song.first, len(song), song.shape) for song in read] == [
        ("song 0", 0, 3, (3, 4)),
        ("song 2", 3, 1, (1, 4)),
        ("song 3", 4, 40, (40, 4)),
    ]
    for song in read:
        assert song.read().dtype == np.float32
        assert song.read().tobytes() == np.asarray(song).tobytes() == songs[song.id].tobytes()
    assert np.asarray(read[0], dtype=np.float64).dtype == np.float64


def test_any_part_of_a_song_is_read(path, songs):
    song = ClipStore.open(path).songs(["song 3"])[0]
    assert np.array_equal(song.read(38), songs["song 3"][38:])
    for start, stop in ((0, 0), (0, 1), (7, 31), (39, 40), (40, 40)):
        assert np.array_equal(song.read(start, stop), songs["song 3"][start:stop])
        assert song.read(start, stop).shape == (stop - start, 4)
    for start, stop in ((-1, 2), (3, 2), (0, 41), (41, None)):
        with pytest.raises(IndexError, match="'song 3', which has 40"):
            song.read(start, stop)
    with pytest.raises(ValueError, match="have to be read"):
        np.asarray(song, copy=False) if np.lib.NumpyVersion(
            np.__version__
        ) >= "2.0.0" else song.__array__(copy=False)


def test_songs_by_name(path):
    store = ClipStore.open(path)
    assert [song.id for song in store.songs(["song 3", "song 0"])] == ["song 3", "song 0"]
    with pytest.raises(StoreError, match=r"'song 1' \(it is bad\), 'song 9' \(not in it\)"):
        store.songs(["song 0", "song 1", "song 9"])


def test_names_of_features(tmp_path):
    songs = clips_of_songs()
    write_songs(tmp_path / "c.h5", songs, kind="features", names=["a", "b", "c", "d"])
    assert ClipStore.open(tmp_path / "c.h5").names == ["a", "b", "c", "d"]


def test_a_store_without_any_clips(tmp_path):
    write_songs(tmp_path / "c.h5", clips_of_songs((0, 0)))
    store = ClipStore.open(tmp_path / "c.h5")
    assert store.songs() == [] and len(store.failures) == 2 and store.n_values == 4


def test_songs_can_be_pickled_and_hold_no_file_open(path, songs):
    song = ClipStore.open(path).songs()[2]
    assert len(pickle.dumps(song)) < 1000
    song.read()
    copy = pickle.loads(pickle.dumps((ClipStore.open(path), song)))[1]
    assert copy == song
    assert np.array_equal(copy.read(), songs["song 3"])
    path.rename(path.with_name("moved.h5"))
    with pytest.raises(StoreError, match="no such file"):
        copy.read()


def test_songs_are_of_one_file(path):
    song = ClipStore.open(path).songs()[0]
    write_songs(path, clips_of_songs(seed=1))
    with pytest.raises(StoreError, match="another file has taken its place"):
        song.read()


def test_a_song_is_read_without_hdf5_once_the_file_is_vetted(path, monkeypatch):
    time.sleep(0.06)
    song = ClipStore.open(path).songs()[0]
    monkeypatch.setattr(h5py, "File", None)
    song.read()


def test_equal_songs_give_equal_bytes(path, songs):
    before = path.read_bytes()
    write_songs(path, songs)
    assert path.read_bytes() == before


def test_layout_is_as_the_specification_says(path, songs):
    whole = np.concatenate(list(songs.values()))
    with h5py.File(path) as file:
        assert file.attrs["encoding-type"] == "spdkit-clip-store"
        assert file["clips"].attrs["encoding-type"] == "array"
        assert np.array_equal(file["clips"][()], whole)
        assert file["X"][:, 0].tolist()[2:] == [1, 40]
        place = file["clips"].id.get_offset()
        image = file.id.get_file_image()
    content = path.read_bytes()
    assert content[place : place + whole.nbytes] == whole.astype("<f4").tobytes()
    assert content == seal.sealed(image)


def test_clips_that_are_not_those_of_the_table_are_not_written(songs, tmp_path):
    spoilt = {**songs, "song 2": songs["song 2"] + 1}
    for parts in ([spoilt["song 2"]], [], [songs["song 2"]] * 2):
        of = {**{name: [clips] for name, clips in songs.items()}, "song 2": parts}
        with pytest.raises(StoreError, match="clips of 'song 2' are not those"):
            write_clips(tmp_path / "c.h5", clip_table(songs), 4, of.__getitem__)
    with pytest.raises(StoreError, match=r"this table cannot be written: .* the names must be dis"):
        write_songs(tmp_path / "c.h5", songs, kind="features", names=["a"])
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file(path, songs):
    before = path.read_bytes()

    def full(name):
        yield songs[name][:1]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreError, match=r"c\.h5: cannot be written: No space left .* make room"):
        write_clips(path, clip_table(songs), 4, full)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["c.h5"]


def test_hdf5_never_writes_to_the_disk(path, songs, monkeypatch):
    """It would end the process on a full disk."""
    opened, real = [], h5py.File
    monkeypatch.setattr(h5py, "File", lambda f, *a, **o: opened.append((f, o)) or real(f, *a, **o))
    write_songs(path, songs)
    assert all(isinstance(f, io.BytesIO) or o["driver"] == "core" for f, o in opened)


# --- the other kind of file


def test_each_kind_is_refused_for_the_other(path, tmp_path):
    write_store(tmp_path / "f.h5", table())
    with pytest.raises(StoreError, match=r"f\.h5: a feature file, not a clip store$"):
        ClipStore.open(tmp_path / "f.h5")
    with pytest.raises(StoreError, match=r"c\.h5: a clip store, not a feature file$"):
        FeatureStore.open(path)
    time.sleep(0.06)
    ClipStore.open(path)  # and remembered as sound
    with pytest.raises(StoreError, match="not a feature file"):
        FeatureStore.open(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"plain text", "It was no clip store: give another"),
        (b"", "`spdkit plays clips --overwrite`, or"),
        (None, "no such file"),
    ],
)
def test_what_is_no_store_is_refused(content, reason, tmp_path):
    if content is not None:
        (tmp_path / "c.h5").write_bytes(content)
    with pytest.raises(StoreError, match=reason):
        ClipStore.open(tmp_path / "c.h5")


# --- damage


def spoil(path, row):
    with h5py.File(path) as file:
        place = file["clips"].id.get_offset() + row * 16
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("row", "lost", "number"), [(2, "song 0", 0), (3, "song 2", 2), (43, "song 3", 3)]
)
def test_a_damaged_song_is_named_and_no_other(row, lost, number, path, songs):
    song = ClipStore.open(path).songs()[0]
    spoil(path, row)
    with pytest.raises(DamagedStoreError, match="`spdkit plays clips` to this file") as caught:
        ClipStore.open(path)
    assert f"1 of 4 rows are lost: '{lost}'" in str(caught.value)
    assert caught.value.damage.lost_rows == (number,)
    with pytest.raises(DamagedStoreError):
        song.read()
    kept = whole_rows(path, caught.value.damage)
    assert list(kept.obs.index) == [name for name in songs if name != lost]
    check = vetting.verify(path, CLIPS)
    assert (check.seal, check.sound, check.damage.lost) == ("broken", False, (lost,))


def test_a_damaged_index_loses_everything(path):
    data = path.read_bytes()
    assert data.count(b"song 2") == 1
    path.write_bytes(data.replace(b"song 2", b"song x"))
    with pytest.raises(DamagedStoreError, match="in /X or /obs: every row is lost"):
        ClipStore.open(path)


def test_without_its_seal_a_store_is_compared_with_its_checksums(path, songs):
    path.write_bytes(path.read_bytes()[:-48])
    store = ClipStore.open(path)
    assert np.array_equal(store.songs()[2].read(), songs["song 3"])
    assert vetting.verify(path, CLIPS).compared == "every value"
    spoil(path, 4)
    with pytest.raises(DamagedStoreError, match="lost: 'song 3'"):
        ClipStore.open(path)


def test_random_damage_changes_no_number(path, songs):
    content, folder = path.read_bytes(), path.parent / "damaged"
    folder.mkdir()
    paths = [folder / f"{seed}.h5" for seed in range(25)]
    for seed, other in enumerate(paths):
        other.write_bytes(damaged(content, seed))
    time.sleep(0.06)
    errors = vetting.vet(paths)
    for other in paths:
        error = errors.get(other)
        if error is not None:
            rows = whole_rows(other, getattr(error, "damage", Damage("")))
            assert rows is None or set(rows.obs.index) <= set(songs)
            continue
        for song in ClipStore.open(other).songs():
            assert song.read().tobytes() == songs[song.id].tobytes(), other.name


# --- strangers


def put(file, data, **options):
    attributes = dict(file["clips"].attrs)
    del file["clips"]
    file.create_dataset("clips", data=data, **options).attrs.update(attributes)


def linked(file):
    del file["clips"]
    file["clips"] = h5py.ExternalLink("other.h5", "clips")


def soft(file):
    del file["clips"]
    file["clips"] = h5py.SoftLink("/X")


def outside(file):
    attributes = dict(file["clips"].attrs)
    del file["clips"]
    place = [("/etc/passwd", 0, 16)]
    file.create_dataset("clips", (1, 4), "f4", external=place).attrs.update(attributes)


def virtual(file):
    attributes = dict(file["clips"].attrs)
    del file["clips"]
    layout = h5py.VirtualLayout((44, 4), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "clips", (44, 4))
    file.create_virtual_dataset("clips", layout)
    file["clips"].attrs.update(attributes)


def unwritten(file):
    attributes = dict(file["clips"].attrs)
    del file["clips"]
    file.create_dataset("clips", (44, 4), "f4").attrs.update(attributes)


def counted(file, *counts):
    file["X"][:, 0] = counts


def reason(**parameters):
    def change(file):
        import json

        content = json.loads(file["provenance"][()])
        content["extractors"]["clips"]["parameters"] |= parameters
        file["provenance"][()] = json.dumps(content)

    return change


WHOLE = np.zeros((sum(COUNTS), 4), "f4")
STRANGE = {
    "nothing": (lambda f: f.__delitem__("clips"), "there is no /clips"),
    "a link": (linked, "'/clips' is a link into another file"),
    "a soft link": (soft, "'/clips' is a soft link"),
    "outside": (outside, "'/clips': its values must lie in the file itself"),
    "virtual": (virtual, "'/clips': its values must lie in the file itself"),
    "doubles": (lambda f: put(f, WHOLE.astype("f8")), "/clips must be little-endian float32"),
    "big-endian": (lambda f: put(f, WHOLE.astype(">f4")), "must be little-endian float32"),
    "integers": (lambda f: put(f, WHOLE.astype("i4")), "'/clips' must be floats"),
    "in chunks": (lambda f: put(f, WHOLE, chunks=(2, 2)), "/clips must be contiguous"),
    "packed": (lambda f: put(f, WHOLE, compression="gzip"), "/clips must be contiguous"),
    "unwritten": (unwritten, "/clips must be contiguous, and written whole"),
    "one axis": (lambda f: put(f, WHOLE[:, 0]), "must have an axis of clips"),
    "no values": (lambda f: put(f, WHOLE[:, :0]), "must have an axis of clips"),
    "fewer": (lambda f: put(f, WHOLE[1:]), "/X must be whole numbers, 43 in all"),
    "wider": (lambda f: put(f, np.zeros((44, 5), "f4")), r"must be 0\.5 s at 8 Hz"),
    "no kind": (
        lambda f: f["clips"].attrs.__delitem__("encoding-type"),
        "its attribute encoding-type is missing",
    ),
    "negative": (lambda f: counted(f, -1, np.nan, 5, 40), "/X must have a number of clips"),
    "halves": (lambda f: counted(f, 1.5, np.nan, 1.5, 41), "/X must be whole numbers"),
    "infinite": (lambda f: counted(f, np.inf, np.nan, 1, 40), "/X must be whole numbers"),
    "clips of a failure": (lambda f: counted(f, 2, 1, 1, 40), "where the status is ok, else NaN"),
    "none of a song": (lambda f: counted(f, 4, np.nan, np.nan, 40), "where the status is ok"),
    "kind": (reason(kind="video"), "the kind must be audio, features, codes, not 'video'"),
    "seconds": (reason(clip_seconds="5"), "clip_seconds and sample_rate must be positive"),
    "rate": (reason(sample_rate=-8), "clip_seconds and sample_rate must be positive"),
    "names": (reason(names=3), "the names must be a list of texts"),
    "names twice": (reason(kind="codes", names=["a"] * 4), "the names must be distinct"),
    "huge": (reason(clip_seconds=1e308, sample_rate=10**300), "must be positive|must be 1e"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_store_of_a_stranger_is_refused(name, path):
    function, message = STRANGE[name]
    path.write_bytes(path.read_bytes()[:-48])
    with h5py.File(path, "r+") as file:
        function(file)
    path.write_bytes(seal.sealed(path.read_bytes()))
    with pytest.raises(StoreError, match=message) as refusal:
        ClipStore.open(path)
    assert str(refusal.value).isprintable()


def test_a_store_of_a_stranger_without_a_seal_is_refused(path):
    content = path.read_bytes()[:-48]
    paths = {name: path.with_name(f"{n}.h5") for n, name in enumerate(STRANGE)}
    for name, other in paths.items():
        other.write_bytes(content)
        with h5py.File(other, "r+") as file:
            STRANGE[name][0](file)
    errors = vetting.vet(list(paths.values()))
    assert set(errors) == set(paths.values())


def test_reading_stops_at_the_end_of_a_file(tmp_path):
    (tmp_path / "part").write_bytes(bytes(60))
    rows = clip_store.read_unvetted(tmp_path / "part", 0, range(4), 4)
    with pytest.raises(StoreError, match="part: cannot be read: it ends before the last"):
        list(rows)
