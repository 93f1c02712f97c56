"""Tables of rows: however a history was cut into shards, the joined table is the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.extraction.feature_table import merge, tabulate
from spdkit.extraction.track_results import ExtractorResult, TrackResult
from spdkit.extractors import Extractor, FeatureSpec
from spdkit.store.feature_store import FeatureTable, store_image
from spdkit.store.provenance import provenance
from spdkit.tracks.fingerprint import Stamp
from spdkit.tracks.track import Track


class Numbers(Extractor):
    modality, version = "lyrics", "1"
    obs_fields = {"note": str, "loud": float}  # noqa: RUF012

    def __init__(self, n=2):
        self.n = n

    @property
    def feature_specs(self):
        return tuple(
            FeatureSpec(f"{self.name}_{i}", "1", 0, 1, "number", "test") for i in range(self.n)
        )

    def extract(self, track):
        raise AssertionError("rows are made by hand here")


class First(Numbers):
    name = "first"


class Second(Numbers):
    name = "second"


BOTH = (First(), Second(3))


def row(name, value, *names, status="ok"):
    results = {
        extractor.name: ExtractorResult(
            status,
            fingerprint=f"content {value}",
            values=np.full(extractor.n, value, dtype=np.float32),
            obs={"note": f"note {value}", "loud": float(value)},
        )
        for extractor in BOTH
        if extractor.name in names
    }
    return TrackResult(
        Track(name, metadata={"v": value}), Stamp(int(value), "then"), f"c{value}", results
    )


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(st.text("abcxyz", min_size=1, max_size=3), min_size=1, max_size=8, unique=True),
    cuts=st.lists(st.integers(0, 8), max_size=3),
    order=st.randoms(use_true_random=False),
)
def test_any_cut_into_shards_gives_the_same_bytes(names, cuts, order):
    rows = [row(name, n, "first", "second") for n, name in enumerate(names)]
    whole = store_image(merge([tabulate(rows, BOTH)]))
    shuffled = order.sample(rows, len(rows))
    edges = [0, *sorted(cuts), len(rows)]
    shards = [shuffled[a:b] for a, b in pairwise(edges)]
    tables = [tabulate(shard, BOTH[::-1]) for shard in shards if shard]
    assert store_image(merge(tables)) == whole


def test_a_later_row_replaces_only_the_extractors_that_it_ran():
    old = tabulate([row("a", 1, "first", "second"), row("b", 2, "first", "second")], BOTH)
    new = tabulate([row("a", 7, "second")], BOTH)
    table = merge([old, new])
    assert table.X.tolist() == [[1, 1, 7, 7, 7], [2, 2, 2, 2, 2]]
    assert list(table.obs.loc["a", ["first_content", "second_content"]]) == [
        "content 1",
        "content 7",
    ]
    assert list(table.obs.loc["a", ["first_loud", "second_loud"]]) == [1.0, 7.0]
    assert table.obs.loc["a", "size"] == 7
    assert table.obs.loc["a", "metadata"] == '{"v": 7}'


def test_a_failure_replaces_earlier_numbers():
    failed = TrackResult(Track("a"), Stamp(), "", {"first": ExtractorResult("failed", "a reason")})
    table = merge([tabulate([row("a", 1, "first")], BOTH[:1]), tabulate([failed], BOTH[:1])])
    assert np.isnan(table.X).all()
    assert list(table.obs.loc["a", ["first_status", "first_error"]]) == ["failed", "a reason"]


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(), min_size=1))
def test_any_text_reaches_the_store(text):
    """Reasons and names come from anywhere: lone surrogates and NUL must not stop a batch."""
    track = Track("a", audio=f"/{text}".replace("\0", "?"), metadata={"title": text})
    results = {"first": ExtractorResult("failed", text, obs={"note": text})}
    table = tabulate([TrackResult(track, Stamp(), "", results)], BOTH[:1])
    store_image(merge([table]))
    escaped = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    assert table.obs.loc["a", "first_error"] == escaped
    assert table.obs.loc["a", "first_note"] == escaped


def test_what_an_extractor_was_never_asked_is_pending():
    table = merge(
        [tabulate([row("a", 1, "first")], BOTH[:1]), tabulate([row("b", 2, "second")], BOTH[1:])]
    )
    assert list(table.var["extractor"]) == ["first"] * 2 + ["second"] * 3
    assert list(table.obs["first_status"]) == ["ok", "pending"]
    assert list(table.obs["second_status"]) == ["pending", "ok"]
    assert np.isnan(table.X[0, 2:]).all()
    assert np.isnan(table.X[1, :2]).all()
    assert np.isnan(table.obs.loc["a", "second_loud"])
    assert table.obs.loc["a", "second_note"] == ""


def test_every_version_that_wrote_rows_is_listed():
    table = tabulate([row("a", 1, "first")], BOTH[:1])
    older = {**table.provenance, "packages": {"librosa": ["0.10.0"], "gone": ["1"]}}
    merged = merge([FeatureTable(table.X, table.obs, table.var, older), table])
    versions = merged.provenance["packages"]
    assert versions["librosa"] == sorted({"0.10.0", *table.provenance["packages"]["librosa"]})
    assert versions["gone"] == ["1"]


@pytest.mark.parametrize(("value", "written"), [((1, "a"), [1, "a"]), ({"k": None}, {"k": None})])
def test_provenance_holds_what_json_gives_back(value, written):
    described = provenance([First(n=value)])
    assert described["extractors"]["first"]["parameters"] == {"n": written}


def test_a_column_has_the_family_that_its_extractor_states_or_its_first_word():
    class Stating(Numbers):
        name = "stating"
        feature_specs = (
            FeatureSpec("loud_1", "1", 0, 1, "number", "test", family="how loud"),
            FeatureSpec("loud_2", "1", 0, 1, "number", "test"),
            FeatureSpec("3", "1", 0, 1, "number", "test"),
        )

    table = tabulate([row("a", 1)], [Stating()])
    assert table.var["family"].to_list() == ["how loud", "loud", "stating"]
