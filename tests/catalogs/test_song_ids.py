"""Song ids: alike in case, form and guests, apart in versions, and the same in every table."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.catalogs.song_ids import UNTITLED, fill_ids, song_id


@pytest.mark.parametrize(
    ("title", "artist"),
    [
        ("CLOSER", "the chainsmokers"),
        ("Closer (feat. Halsey)", "The Chainsmokers"),
        ("Closer [Ft. Halsey]", "The Chainsmokers, Halsey"),
        ("Closer featuring Halsey", "The Chainsmokers feat. Halsey"),
        ("Closer (with Halsey)", "The Chainsmokers; Halsey"),
        ("Closer (w/ Halsey)", "The  Chainsmokers"),
    ],
)
def test_spellings_of_one_song(title, artist):
    assert song_id(title, artist) == "the chainsmokers – closer"


@pytest.mark.parametrize(
    "title",
    [
        "Roses - Imanbek Remix",
        "Roses (Remix)",
        "Roses - Live",
        "Roses - Remastered 2011",
        "Roses, Pt. II",
        "Rosés",
        "Featured Roses",
        "Roses without Thorns",
    ],
)
def test_other_songs_stay_apart(title):
    assert song_id(title, "SAINt JHN") != song_id("Roses", "SAINt JHN")


def test_a_remix_keeps_its_name_and_loses_its_guests():
    expected = "cardi b – i like it - remix"
    assert song_id("I Like It (feat. Bad Bunny) - Remix", "Cardi B") == expected
    assert song_id("I Like It feat. Bad Bunny - Remix", "Cardi B") == expected


@pytest.mark.parametrize(
    "title",
    [
        "Savage (feat. Beyonce Remix)",
        "Savage feat. Beyonce Remix",
        "Savage [with Beyonce - Re-Mix]",
        "Savage (feat. Beyonce) (Live)",
        "Savage (with Beyonce) [Sped Up]",
        "Savage (ft. Beyonce, Acústica)",
        "Savage (Remix feat. Beyonce)",
    ],
)
def test_a_version_that_is_named_beside_the_guest_is_another_song(title):
    assert song_id(title, "Megan") != song_id("Savage", "Megan") == "megan – savage"


def test_a_version_beside_the_guest_is_one_however_the_guest_is_written():
    expected = "megan – savage (feat. beyonce remix)"
    assert song_id("Savage (feat. Beyonce Remix)", "Megan") == expected
    assert song_id("Savage feat. Beyonce Remix", "Megan") == expected


@pytest.mark.parametrize(
    "title", ["A (feat. Little Mix)", "A (feat. Olive)", "A feat. Editors", "A (with Remixxer)"]
)
def test_names_of_guests_that_are_like_versions_make_none(title):
    assert song_id(title, "X") == "x – a"


@pytest.mark.parametrize(
    "title",
    ["A (feat. B (of C))", "A [feat. B (of C) & D]", "A (with B [C] (D))", "A (feat. B)"],
)
def test_guests_end_where_their_bracket_does(title):
    assert song_id(title, "X") == "x – a"


def test_what_follows_guests_with_brackets_stays():
    assert song_id("A (feat. B (of C)) [Remix]", "X") == "x – a [remix]"
    assert song_id("A (Remix feat. B)", "X") == "x – a (remix)"
    deep = "A (feat. B (of (C)))"  # two deep: taken as it is
    assert song_id(deep, "X") == "x – a (feat. b (of (c)))"


def test_a_title_of_nothing_but_guests_keeps_them():
    assert song_id("(feat. Nobody)", "A") == "a – (feat. nobody)"


def test_a_title_of_very_many_characters_is_taken_as_it_is():
    title = "(feat " * 50_000
    assert song_id(title, "A, B") == f"a, b – {title.strip()}"


def test_apostrophes_and_forms_of_unicode():
    assert song_id("Don’t", "Beyoncé") == song_id("Don't", unicodedata.normalize("NFD", "Beyoncé"))
    assert song_id("STRASSE", "A") == song_id("Straße", "A")


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_an_id_is_that_of_what_it_is_made_of(title, artist):
    made = song_id(title, artist)
    assert made == song_id(f" {title} ", unicodedata.normalize("NFD", artist))
    assert " – " in made


def rows(*cells):
    frame = pd.DataFrame(cells, columns=["ds", "track_id", "title", "artist"])
    return frame.assign(region="GB")


def test_own_ids_stay():
    ids, remarks = fill_ids(rows(("d1", "x", "One", "A"), ("d1", "y", "One", "A")))
    assert ids.tolist() == ["x", "y"]
    assert remarks == []


def test_a_row_takes_the_id_of_its_song():
    ids, remarks = fill_ids(rows(("d1", "x", "One", "A"), ("d2", None, "ONE (feat. B)", "a, B")))
    assert ids.tolist() == ["x", "x"]
    assert "1 rows have no id" in remarks[0]
    assert "(1 songs; 1 rows take the id of the same song in other rows)" in remarks[0]


def test_a_song_with_several_ids_gives_none():
    ids, remarks = fill_ids(
        rows(("d1", "x", "One", "A"), ("d2", "y", "One", "A"), ("d3", None, "One", "A"))
    )
    assert ids.tolist() == ["x", "y", "a – one"]
    assert remarks[1] == (
        "1 songs without an id have several in other rows, and take none of these: 'a – one'"
    )


def test_spellings_are_told():
    ids, remarks = fill_ids(
        rows(("d1", None, "One", "A"), ("d2", None, "One (feat. B)", "A"), ("d3", None, "Two", "A"))
    )
    assert ids.tolist() == ["a – one", "a – one", "a – two"]
    assert remarks[1:] == ["1 songs are spelt in several ways: 'One' by A = 'One (feat. B)' by A"]


def test_songs_that_stand_in_one_chart_are_not_one():
    ids, remarks = fill_ids(
        rows(
            ("d1", None, "do re mi", "blackbear"),
            ("d2", None, "do re mi", "blackbear"),
            ("d2", None, "do re mi (feat. Gucci Mane)", "blackbear"),
            ("d3", None, "Do Re Mi ft. Gucci Mane", "blackbear"),
        )
    )
    alone, guest = "blackbear – do re mi", "blackbear – do re mi (feat. gucci mane)"
    assert ids.tolist() == [alone, alone, guest, guest]
    assert remarks[1] == (
        "2 songs differ by a guest alone, stand in one chart and are kept apart: "
        f"{alone!r}, {guest!r}"
    )


@pytest.mark.parametrize("own", ["A", "A (feat. Z)"])
def test_a_version_that_has_an_id_stands_beside_one_that_has_none(own):
    other = "A (feat. Z)" if own == "A" else "A"
    ids, remarks = fill_ids(
        rows(
            *(("d1", "x", own, "X"), ("d1", None, other, "X")),
            *(("d2", "x", own, "X"), ("d2", None, other, "X")),
            *(("d3", None, own, "X"), ("d4", None, other, "X")),
        )
    )
    version = song_id(other, "X", guests=True)
    assert ids.tolist() == ["x", version, "x", version, "x", version]
    assert remarks[1].startswith("2 songs differ by a guest alone, stand in one chart and are kept")


def test_of_versions_that_all_have_ids_none_is_told_apart():
    cells = (("d1", "x", "A", "X"), ("d1", "y", "A (feat. Z)", "X"), ("d1", None, "B", "X"))
    assert len(fill_ids(rows(*cells))[1]) == 1
    ids, _ = fill_ids(rows(*cells, ("d2", None, "A ft. Z", "X"), ("d3", None, "A", "X")))
    assert ids.tolist()[3:] == ["y", "x"]


def test_the_same_song_in_two_regions_is_one():
    frame = rows(("d1", None, "One", "A"), ("d1", None, "One (feat. B)", "A"))
    ids, _ = fill_ids(frame.assign(region=["GB", "US"]))
    assert ids.tolist() == ["a – one", "a – one"]


def test_rows_without_a_title_are_one_song():
    ids, _ = fill_ids(
        rows(("d1", None, None, None), ("d2", None, None, "A"), ("d3", "x", None, None))
    )
    assert ids.tolist() == [UNTITLED, UNTITLED, "x"]


def test_ids_do_not_hang_on_the_other_rows():
    frame = rows(("d1", None, "One", "A"), ("d1", None, "Two (feat. B)", "A"))
    alone = [fill_ids(frame[i : i + 1])[0].tolist() for i in range(2)]
    assert fill_ids(frame)[0].tolist() == [*alone[0], *alone[1]]
    backwards = fill_ids(frame[::-1])[0]
    assert backwards.loc[[0, 1]].tolist() == [*alone[0], *alone[1]]
