"""Saved form: what is written anew, and where errors come from."""

import json

import pandas as pd
import pytest

from spdkit.forecast import SMA, ForecastError, load_forecaster


@pytest.fixture
def plays():
    return pd.DataFrame(
        {"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=9), "y": range(1, 10)}
    )


def test_what_is_ours_and_damaged_is_written_anew(tmp_path, plays):
    SMA(3).fit(plays).save(tmp_path / "f")
    described = tmp_path / "f" / "forecaster.json"
    described.write_bytes(described.read_bytes()[:-50])
    (tmp_path / "f" / "thesis.txt").write_text("years of work")
    SMA(4).fit(plays).save(tmp_path / "f")
    assert load_forecaster(tmp_path / "f").k == 4
    assert (tmp_path / "f" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("content", [b'{"format', b"[1]", b'{"learner": {}}', b"", None])
def test_what_may_be_of_another_tool_stays(tmp_path, plays, content):
    folder = tmp_path / "f"
    SMA(3).fit(plays).save(folder)
    described = folder / "forecaster.json"
    described.unlink() if content is None else described.write_bytes(content)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ForecastError, match=r"f: "):
        SMA(4).fit(plays).save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_error_says_once_what_is_wrong(tmp_path):
    with pytest.raises(ForecastError) as caught:
        load_forecaster(tmp_path / "none")
    assert str(caught.value).count("none: ") == 1
    assert "damaged" not in str(caught.value)


def test_what_is_saved_has_the_same_form_as_ever(tmp_path, plays):
    SMA(3).fit(plays).save(tmp_path / "f")
    assert {path.name for path in (tmp_path / "f").iterdir()} == {
        "forecaster.json",
        "arrays.safetensors",
    }
    described = json.loads((tmp_path / "f" / "forecaster.json").read_text())
    assert described["format"] == "spdkit-forecaster" and described["version"] == "2.0"
