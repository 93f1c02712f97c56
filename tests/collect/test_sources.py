"""Sources as people write them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from spdkit.collect.errors import CollectError
from spdkit.collect.sources import Sources, spotify_id

ID = "4uLU6hMCjMI75M1A2tKUQC"
OTHER = "0000000000000000000001"


@pytest.mark.parametrize(
    "text",
    [
        ID,
        f" {ID} ",
        f"spotify:playlist:{ID}",
        f"spotify:user:some.one:playlist:{ID}",
        f"https://open.spotify.com/playlist/{ID}",
        f"https://open.spotify.com/playlist/{ID}?si=0123456789abcdef",
        f"open.spotify.com/intl-de/playlist/{ID}",
        f"https://open.spotify.com/user/someone/playlist/{ID}",
    ],
)
def test_an_id_in_every_form(text):
    assert spotify_id("playlist", text) == ID


@pytest.mark.parametrize("text", ["", "abc", f"{ID}x", f"https://example.org/playlist/{ID}"])
def test_what_is_no_id_is_named(text):
    with pytest.raises(CollectError, match="is no Spotify album id, URI or link"):
        spotify_id("album", text)


def test_the_link_of_something_else_is_refused():
    with pytest.raises(CollectError, match="leads to a Spotify track: playlist is needed"):
        spotify_id("playlist", f"spotify:track:{ID}")


def test_a_file_of_ids_and_isrcs(tmp_path):
    path = tmp_path / "ids.txt"
    lines = [f"﻿{ID}", "", "# a comment", f"spotify:track:{OTHER}", "us-abc-12-34567", ID]
    path.write_text("\n".join(lines), "utf-8")
    sources = Sources.parse(ids=path)
    assert sources.tracks == (ID, OTHER)
    assert sources.isrcs == ("USABC1234567",)
    for line, alone in (
        (ID, Sources(tracks=(ID,))),
        ("USABC1234567", Sources(isrcs=("USABC1234567",))),
    ):
        path.write_text(line)
        assert Sources.parse(ids=path) == alone


def test_each_kind_of_source_is_read():
    sources = Sources.parse(playlists=[ID, ID], albums=[OTHER], artists=[f"spotify:artist:{ID}"])
    assert sources == Sources((ID,), (OTHER,), (ID,), playlists_per_category=20)


def test_bad_lines_of_a_file_are_named(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text(f"{ID}\nnonsense\nspotify:album:{ID}\n")
    with pytest.raises(CollectError, match=r"2 lines hold neither.*line 2: 'nonsense'; line 3:"):
        Sources.parse(ids=path)
    path.write_text("no\n" * 6)
    with pytest.raises(CollectError, match=r"6 lines hold .*line 5: 'no'$"):
        Sources.parse(ids=path)


@pytest.mark.parametrize("content", [b"", b"# nothing\n"])
def test_a_file_without_ids_is_refused(tmp_path, content):
    (tmp_path / "ids.txt").write_bytes(content)
    with pytest.raises(CollectError, match="holds no id"):
        Sources.parse(ids=tmp_path / "ids.txt")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_said(tmp_path, content):
    if content is not None:
        (tmp_path / "ids.txt").write_bytes(content)
    with pytest.raises(CollectError, match=r"ids\.txt: cannot be read as a list of ids"):
        Sources.parse(ids=tmp_path / "ids.txt")


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=60))
def test_any_file_gives_ids_or_an_error_of_ours(tmp_path, content):
    (tmp_path / "ids.txt").write_bytes(content)
    try:
        sources = Sources.parse(ids=tmp_path / "ids.txt")
    except CollectError:
        return
    assert all(len(one) == 22 for one in sources.tracks)


def test_countries_are_codes():
    assert Sources.parse(countries=["de", " US", "DE"]).countries == ("DE", "US")
    with pytest.raises(CollectError, match="'GERMANY' is no country code"):
        Sources.parse(countries=["Germany"])


def test_nothing_to_collect_is_said():
    with pytest.raises(CollectError, match="nothing to collect"):
        Sources()


@pytest.mark.parametrize("number", [0, 51])
def test_playlists_per_category_have_limits(number):
    Sources.parse(countries=["DE"], playlists_per_category=min(max(number, 1), 50))
    with pytest.raises(CollectError, match=f"must be 1 to 50, got {number}"):
        Sources.parse(countries=["DE"], playlists_per_category=number)
