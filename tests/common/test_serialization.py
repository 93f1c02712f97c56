"""Saved form: what is written anew, and where errors come from."""

import json

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.preprocessing import StandardScaler

from spdkit.forecast import SMA, ForecastError, load_forecaster
from spdkit.forecast.models.serialization import FORM


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


PLAIN = st.none() | st.booleans() | st.integers() | st.text() | st.floats()
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(NESTED)
def test_parameters_come_back_from_json(value):
    text = json.dumps(FORM.to_json(value), allow_nan=False)
    assert repr(FORM.from_json(json.loads(text))) == repr(value)


@pytest.mark.parametrize("wrapped", [lambda x: x, lambda x: [x], lambda x: (x,), lambda x: {1: x}])
def test_what_is_of_others_is_named_where_that_is_allowed(wrapped):
    others = StandardScaler(with_mean=False)
    with pytest.raises(ForecastError, match=r"^StandardScaler=.* cannot be written: give numbers"):
        FORM.to_json(wrapped(others))
    with pytest.raises(ForecastError, match=r"^scaler=.* or forecasters of spdkit$"):
        FORM.to_json(wrapped(others), "scaler")
    written = json.dumps(FORM.to_json(wrapped(others), foreign=True))
    assert '"sklearn.preprocessing._data.StandardScaler"' in written
    assert '"with_mean": false' in written
    with pytest.raises(ValueError, match="which is none of"):
        FORM.from_json(json.loads(written))
