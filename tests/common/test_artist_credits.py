"""Artist credits: who a cell names first is one artist throughout, and bands keep their names."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from spdkit.common.artist_credits import cell_text, names_several, read_credits


@pytest.mark.parametrize(
    "cell",
    [
        *("A; B", "A;B", "A|B", "A feat. B", "A (feat. B)", "A ft. B", "A [Featuring B]", "A\\\\B"),
        *("['A', 'B']", '["A", "B"]', "('A', 'B')", "['A' 'B']", '[{"id": "A"}, {"id": "B"}]'),
        *("{'A': 'name', 'B': 'name'}", ["A", "B"], ("A", "B"), np.array(["A", "B"])),
        *("A;;B", "A;B;A", ["A; B"], ["A feat. B"], '["A (feat. B)"]'),
        *("A ft.B", "A Feat.B", "A (ft.B)", "A（feat. B）", "A w/ B", "A w/B", "A (with B)"),
        *(
            "A、B",
            "A，B",
            "A；B",
            "A｜B",
            "A＆B",
            "A／B",
            "A＋B",
            "A×B",
            "A ､ B",
            "[A, B]",
            "(A,B)",
            "{A, B}",
        ),
        *("['A', None, 'B']", "A, B", "A & B", "A and B", "A x B", "A × B", "A vs. B", "A/B"),
    ],
)
def test_two_artists(cell):
    # Beside a song of A alone, which tells that A is a name.
    assert read_credits(["A", cell]) == [("A",), ("A", "B")]


@pytest.mark.parametrize(
    "name",
    [
        *("Earth, Wind & Fire", "Tyler, The Creator", "AC/DC", "Simon & Garfunkel", "M.I.A."),
        *("Florence + The Machine", "(Sandy) Alex G", "[unknown]", "Iron and Wine"),
        *("Guns N' Roses", "007", "NA", "A$AP Rocky", "6eUKZXaKkcviH0Ku9w2n3V"),
    ],
)
def test_a_name_stays_whole(name):
    assert read_credits([name, "Other", name]) == [(name,), ("Other",), (name,)]
    # So it does with a guest, in a list, and as a guest.
    cells = [name, json.dumps([name, "B"]), f"{name}; B", f"Other; {name}"]
    together = read_credits(cells)
    assert together[:3] == [(name,), (name, "B"), (name, "B")]
    assert together[3] == ("Other", name)


@pytest.mark.parametrize("cell", ["", " ", None, float("nan"), pd.NA, [], "[]", "{}", ";", [None]])
def test_nobody(cell):
    assert read_credits([cell]) == [()]


def test_who_begin_alike_are_one():
    cells = [
        "Tyler, The Creator",
        "Tyler, The Creator, Kali Uchis",
        "Tyler, The Creator & B feat. C",
    ]
    assert [names[0] for names in read_credits(cells)] == ["Tyler, The Creator"] * 3
    assert read_credits(cells)[2] == ("Tyler, The Creator", "B", "C")
    assert read_credits(["A, B", "A, C"]) == [("A", "B"), ("A", "C")]
    assert read_credits(["A, B, C", "A, B & D"]) == [("A, B", "C"), ("A, B", "D")]
    assert read_credits(["Earth, Wind and Fire", "Earth, Wind & Fire"])[0][0].startswith(
        "Earth, Wind"
    )
    # That the price is: another of the same first name takes the band\'s with it.
    assert read_credits(["Earth", "Earth, Wind & Fire"])[1][0] == "Earth"
    # But not in a list, which says where names end.
    assert read_credits([["Earth"], ["Earth, Wind & Fire"]])[1] == ("Earth, Wind & Fire",)


def test_a_mark_of_guests_may_be_part_of_a_name():
    cells = ["Little Feat & B", "Little Feat feat. X", "Little Feat and B", "Little Feat Choir"]
    whole = read_credits([*cells, "B feat. Little Feat", "Little Feat, B"])
    assert [names[0] for names in whole] == [
        *["Little Feat"] * 3,
        "Little Feat Choir",
        "B",
        "Little Feat",
    ]
    assert whole[1] == ("Little Feat", "X") and whole[4] == ("B", "Little Feat")
    assert not any(map(names_several, cells[::2]))
    # But of one who is there without it, it is no part.
    cut = read_credits(["Drake", "Drake ft Future", "Drake ft", "A feat. X Ambassadors"])
    assert cut[1] == ("Drake", "Future") and cut[3] == ("A", "X Ambassadors")
    assert read_credits(["A feat And One"]) == [("A", "And One")]


def test_brackets_of_lists_without_quotes_go_from_the_whole_column():
    assert read_credits(["[A, B]", "[A]", "A", "[]", "[nan]"]) == [
        ("A", "B"),
        ("A",),
        ("A",),
        (),
        (),
    ]
    assert read_credits(["[A]", "A"]) == [("[A]",), ("A",)]


def test_one_name_in_two_unicode_forms_or_types():
    assert len(set(read_credits(["Beyonc\xe9", "Beyonce\u0301"]))) == 1
    assert set(read_credits([123, 123.0, np.float64(123), "123", [123.0]])) == {("123",)}
    assert read_credits([1.5, 1e300]) == [("1.5",), ("1e+300",)]


NAMES = st.sampled_from(["A", "B", "C", "D E", "F"])
JOINTS = st.sampled_from([", ", " & ", "; ", " feat. ", " x ", "/", "|", " and "])


@given(st.lists(st.tuples(NAMES, JOINTS, NAMES) | st.tuples(NAMES), min_size=1, max_size=12))
def test_the_same_first_name_is_always_the_same_artist(songs):
    credits = read_credits("".join(song) for song in songs)
    artist = {}
    for song, names in zip(songs, credits, strict=True):
        assert artist.setdefault(song[0], names[0]) == names[0]
        assert names[0].startswith(song[0])


@given(st.lists(st.text() | st.lists(st.text()) | st.none() | st.floats() | st.integers()))
def test_any_cell_has_credits_without_blanks(cells):
    credits = read_credits(cells)
    assert len(credits) == len(cells)
    for names in credits:
        assert len(set(names)) == len(names) and all(name.strip() for name in names)


def test_a_cell_alone_may_be_sure_to_name_several():
    several = ["A; B", ["A", "B"], "['A', 'B']", "A feat. B", np.array(["A", "B"])]
    assert all(map(names_several, several))
    assert not any(map(names_several, ["A", "Earth, Wind & Fire", "AC/DC", ["A"], "", None, 7]))


def test_blanks_are_one_blank_and_take_no_time():
    assert read_credits(["A   B", "A B"]) == [("A B",), ("A B",)]
    assert read_credits(["A" + " " * 10**6 + "; B"]) == [("A", "B")]
    long = ", ".join("A" * 40_000)
    assert read_credits([long, "A"]) == [(long,), ("A",)]


def test_lists_become_text_that_can_be_compared():
    assert cell_text(np.array(["A", "B"], dtype=object)) == cell_text(["A", "B"]) == '["A", "B"]'
    assert cell_text({"é": 1}) == '{"é": 1}' and cell_text({"A"}) == '["A"]'
    # Beyond 2^53 not every whole number is a float.
    assert [cell_text(2.0**53 - 1), cell_text(2.0**53)] == [str(2**53 - 1), str(2.0**53)]
    assert cell_text(" 007 ") == "007" and cell_text(7) == "7" and cell_text(pd.NA) == ""
