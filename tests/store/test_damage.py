"""Damage: never another number, a hang or an error of Python's; what is lost is named."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import stat
import time

import h5py
import numpy as np
import pytest
from damage import damaged
from store_tables import table

from spdkit.store import seal, vetting
from spdkit.store.errors import Damage, DamagedStoreError, StoreError
from spdkit.store.feature_store import FeatureStore, write_store
from spdkit.store.repair import keep_beside, set_aside, whole_rows

N_TRACKS, BLOCK = 600, 256


@pytest.fixture(scope="module")
def written():
    return table(N_TRACKS)


@pytest.fixture
def path(written, tmp_path):
    write_store(tmp_path / "f.h5", written)
    return tmp_path / "f.h5"


def same(a, b):
    """Whether two tables have the same numbers, names and provenance."""
    return (
        a.X.tobytes() == b.X.tobytes()
        and a.obs.equals(b.obs)
        and a.var.equals(b.var)
        and a.provenance == b.provenance
    )


def spoil_block(path, block):
    """Flip a bit of X in a block of rows."""
    with h5py.File(path) as file:
        place = file["X"].id.get_chunk_info(block).byte_offset
    data = bytearray(path.read_bytes())
    data[place + 100] ^= 4
    path.write_bytes(data)


def refusal(path):
    with pytest.raises(DamagedStoreError) as caught:
        FeatureStore.open(path)
    return caught.value


# --- the seal


def test_a_seal_is_as_the_specification_says(path):
    content = path.read_bytes()
    with h5py.File(path) as file:
        image = file.id.get_file_image()
    assert content[: len(image)] == image
    magic, length, digest = content[-48:-40], content[-40:-32], content[-32:]
    assert magic == b"\x89SPDseal"
    assert int.from_bytes(length, "little") == len(image)
    import hashlib

    assert digest == hashlib.sha256(image).digest()


def test_whatever_becomes_of_the_seal_the_numbers_are_right(path, written):
    """What lies behind the HDF5 image is no part of it: the checksums inside vouch for it then."""
    content = path.read_bytes()
    others = {
        "none": content[:-48],
        "cut": content[:-20],
        "zeros": content[:-48] + bytes(48),
        "other digest": content[:-1] + bytes([content[-1] ^ 1]),
        "longer": content + b"\0" * 100,
    }
    for name, other in others.items():
        path.with_name(f"{name}.h5").write_bytes(other)
    paths = [path.with_name(f"{name}.h5") for name in others]
    time.sleep(0.06)  # the disk's clock goes on, so that what was vetted is remembered
    assert vetting.vet(paths) == {}
    assert all(same(FeatureStore(other).read(), written) for other in paths)


@pytest.mark.parametrize("tail", ["store", "text", "line", "half"])
@pytest.mark.parametrize("seal_of_it", [48, 38])
def test_bytes_behind_the_seal_are_told_and_the_rows_kept(tail, seal_of_it, path, written):
    """As of two stores that were joined: what lies behind is in no row."""
    content = path.read_bytes()
    behind = {"store": content, "text": b"x" * 100, "line": b"\n", "half": content[:1000]}[tail]
    cut = content[: len(content) - 48 + seal_of_it]
    path.write_bytes(cut + behind)
    excess = len(cut) + len(behind) - len(content)
    if excess <= 0:
        assert same(FeatureStore.open(path).read(), written)
        return
    error = refusal(path)
    assert f"{excess} bytes lie behind its seal" in str(error)
    assert f"its {N_TRACKS} rows are whole" in str(error)
    check = vetting.verify(path)
    assert (check.seal, check.sound, check.damage) == ("broken", False, error.damage)
    assert same(whole_rows(path, error.damage), written)


def test_a_store_is_vetted_once_and_again_when_it_has_changed(path, monkeypatch):
    calls = []
    monkeypatch.setattr(vetting, "examine", lambda file: calls.append(file) or seal.examine(file))
    time.sleep(0.06)
    store = FeatureStore.open(path)
    assert len(store.obs) == len(store.X) == N_TRACKS
    assert len(calls) == 1
    spoil_block(path, 0)
    os.utime(path)
    with pytest.raises(StoreError):
        FeatureStore.open(path)
    assert len(calls) == 2


def test_a_file_that_has_just_changed_is_not_believed_for_its_date(path):
    """Within a tick of the disk's clock bytes can change and the times stay."""
    FeatureStore.open(path)
    spoil_block(path, 0)
    assert refusal(path).damage.lost_rows == tuple(range(BLOCK))


# --- which rows are lost


@pytest.mark.parametrize(("block", "rows"), [(0, (0, 256)), (1, (256, 512)), (2, (512, 600))])
def test_a_damaged_block_of_numbers_loses_its_rows_and_no_other(block, rows, path, written):
    spoil_block(path, block)
    error = refusal(path)
    assert error.damage.n_tracks == N_TRACKS
    assert error.damage.lost_rows == tuple(range(*rows))
    assert error.damage.lost == tuple(f"track {n}" for n in range(*rows))
    n_lost = rows[1] - rows[0]
    assert f"{n_lost} of {N_TRACKS} rows are lost: 'track {rows[0]}', 'track" in str(error)
    assert "spdkit extract" in str(error)
    whole = whole_rows(path, error.damage)
    kept = np.r_[0 : rows[0], rows[1] : N_TRACKS]
    assert whole.X.tobytes() == written.X[kept].tobytes()
    assert whole.obs.equals(written.obs.iloc[kept])
    assert pickle.loads(pickle.dumps(error)).damage == error.damage


def test_damaged_names_are_counted(path):
    data = path.read_bytes()
    assert data.count(b"track 300") == 1
    path.write_bytes(data.replace(b"track 300", b"track 3x0"))
    error = refusal(path)
    assert (len(error.damage.lost_rows), error.damage.lost) == (BLOCK, ())
    assert f"{BLOCK} of {N_TRACKS} rows are lost: {BLOCK} whose track_id is lost, too" in str(error)


@pytest.mark.parametrize("text", [b'"obs_fields": {', b"numbers"])
def test_without_provenance_or_features_every_row_is_lost(text, path):
    data = path.read_bytes()
    assert text in data
    path.write_bytes(data.replace(text, text[:-1] + b"~"))
    error = refusal(path)
    assert error.damage.n_tracks is None
    assert "every row is lost" in str(error)
    assert "it does every track again, and keeps the damaged file beside" in str(error)
    assert whole_rows(path, error.damage) is None


def test_what_is_damaged_further_is_not_taken_for_whole(path):
    spoil_block(path, 0)
    damage = refusal(path).damage
    spoil_block(path, 1)
    with pytest.raises(DamagedStoreError):
        whole_rows(path, damage)


def test_a_damaged_file_is_kept_beside_under_a_free_name(path):
    (path.parent / "f.h5.damaged").write_text("of the user")
    content = path.read_bytes()
    assert keep_beside(path).name == keep_beside(path).name == "f.h5.damaged-2"
    assert set_aside(path).name == "f.h5.damaged-3"
    names = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    assert names == {
        "f.h5.damaged": b"of the user",
        "f.h5.damaged-2": content,
        "f.h5.damaged-3": content,
    }


def test_a_disk_without_hard_links_gets_a_copy(path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path.chmod(0o600)
    (path.parent / "f.h5.damaged").write_text("of the user")
    copy = keep_beside(path)
    assert copy.read_bytes() == path.read_bytes()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600

    def fill(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fill)
    with pytest.raises(StoreError, match="No space left"):
        keep_beside(path)
    assert {p.name for p in path.parent.iterdir()} == {"f.h5", "f.h5.damaged", copy.name}


def test_behind_a_link_the_damaged_file_is_kept_where_it_lies(path, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "l.h5"
    link.symlink_to(path)
    assert keep_beside(link).samefile(path)
    assert {p.name for p in path.parent.iterdir()} == {"f.h5", "f.h5.damaged"}
    assert list(link.parent.iterdir()) == [link]


# --- changed by hand


def test_a_file_changed_by_hand_is_refused_until_its_checksums_are_taken_away(path):
    with h5py.File(path, "r+") as file:
        file["obs/audio"][3] = "elsewhere.wav"
    error = refusal(path)
    assert "or changed without its checksums" in str(error)
    assert error.damage.lost_rows == tuple(range(BLOCK))
    with h5py.File(path, "r+") as file:
        del file["checksums"]
    with pytest.raises(StoreError, match="there is no /checksums"):
        FeatureStore.open(path)
    with h5py.File(path, "r+") as file:
        file.attrs["encoding-version"] = "1.1"
    store = FeatureStore.open(path)
    assert store.obs["audio"].iloc[3] == "elsewhere.wav"
    check = vetting.verify(path)
    assert check.sound and (check.seal, check.compared) == ("missing", "nothing")
    write_store(path, store.read())
    assert vetting.verify(path) == vetting.StoreCheck(str(path), "whole", "", None, "every byte")


def test_opening_without_changing_changes_nothing(path, written):
    with h5py.File(path, "r+"):
        pass
    assert same(FeatureStore.open(path).read(), written)


# --- at random


def check_random_damage(path, written, seeds):
    """Of each: the same numbers, or a StoreError. Whole rows are what was written."""
    content, folder = path.read_bytes(), path.parent / "damaged"
    folder.mkdir()
    paths = [folder / f"{seed}.h5" for seed in seeds]
    for other, seed in zip(paths, seeds, strict=True):
        other.write_bytes(damaged(content, seed))
    time.sleep(0.06)
    errors = vetting.vet(paths)
    outcomes = {"the same": 0, "some rows": 0, "refused": 0}
    for other in paths:
        error = errors.get(other)
        if error is None:
            assert same(FeatureStore(other).read(), written), other.name
            outcomes["the same"] += 1
            continue
        assert "extract" in str(error), error
        damage = getattr(error, "damage", Damage(""))
        rows = whole_rows(other, damage)
        outcomes["refused" if rows is None else "some rows"] += 1
        if rows is not None:
            places = written.obs.index.get_indexer(rows.obs.index)
            assert rows.X.tobytes() == written.X[places].tobytes(), other.name
            assert rows.obs.equals(written.obs.iloc[places]), other.name
    return outcomes


def test_random_damage_changes_no_number(path, written):
    assert sum(check_random_damage(path, written, range(30)).values()) == 30


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_much_random_damage_changes_no_number(path, written):
    outcomes = check_random_damage(path, written, range(1000, 2000))
    print(outcomes)
    assert min(outcomes.values()) > 10
