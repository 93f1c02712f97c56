"""Saved form: what stands in a folder when writing fails, and where errors come from."""

from pathlib import Path

import pandas as pd
import pytest

from spdkit.common.serialization import replace_folder
from spdkit.forecast import SMA, ForecastError, load_forecaster


@pytest.fixture
def plays():
    return pd.DataFrame(
        {"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=9), "y": range(1, 10)}
    )


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_was_there_is_there_when_the_new_folder_cannot_be_put_in_place(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    replace_folder(folder, {"a": b"old"})
    (folder / "note.txt").write_text("mine")
    rename = Path.rename

    def refuse(self, target):
        if self.name == "model" and self != folder:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="No space"):
        replace_folder(folder, {"a": b"new"}, {"a"})
    assert contents(folder) == {"a": b"old", "note.txt": b"mine"}
    assert list(tmp_path.iterdir()) == [folder]


def test_files_of_others_stay_and_a_link_stays_one(tmp_path):
    folder, link = tmp_path / "model", tmp_path / "link"
    replace_folder(folder, {"a": b"old", "b": b"old"})
    (folder / "note.txt").write_text("mine")
    link.symlink_to(folder)
    replace_folder(link, {"a": b"new"}, {"a", "b"})
    assert link.is_symlink()
    assert contents(folder) == {"a": b"new", "note.txt": b"mine"}


def test_what_is_damaged_and_alone_is_written_anew(tmp_path, plays):
    for damage in (b'{"format', b"[1]", None):
        SMA(3).fit(plays).save(tmp_path / "f")
        described = tmp_path / "f" / "forecaster.json"
        described.unlink() if damage is None else described.write_bytes(damage)
        SMA(4).fit(plays).save(tmp_path / "f")
        assert load_forecaster(tmp_path / "f").k == 4


def test_an_error_says_once_what_is_wrong(tmp_path):
    with pytest.raises(ForecastError) as caught:
        load_forecaster(tmp_path / "none")
    assert str(caught.value).count("none: ") == 1
    assert "damaged" not in str(caught.value)
