"""Text of triplets: parts of whole lines with their numbers, from any place on."""

from __future__ import annotations

import gzip
import zipfile

import pytest
from hypothesis import given, settings, strategies as st

from spdkit.catalogs.errors import CatalogError
from spdkit.catalogs.triplet_text import MAX_LINE, BadLine, Part, read_parts, sift

TEXTS = st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b""))).map(b"\n".join)


def written(folder, text, ending):
    path = folder / f"t{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("t.txt", text)
    else:
        path.write_bytes(gzip.compress(text) if ending == ".gz" else text)
    return path


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 30), st.sampled_from([".txt", ".gz", ".zip"]), st.booleans())
def test_parts_are_the_text_in_whole_lines(tmp_path_factory, text, n_bytes, ending, marked):
    mark = b"\xef\xbb\xbf"
    text = text.removeprefix(mark)
    path = written(tmp_path_factory.mktemp("t"), mark * marked + text, ending)
    parts = list(read_parts(path, n_bytes))
    whole = text if text.endswith(b"\n") or not text else text + b"\n"
    assert b"".join(part.text for part in parts) == whole
    end, n_lines = 3 * marked, 0
    for number, part in enumerate(parts):
        assert part.text.endswith(b"\n") and part.n_lines == part.text.count(b"\n")
        assert part.first_line == n_lines + 1
        end, n_lines = end + len(part.text), n_lines + part.n_lines
        assert part.end == end
        rest = [
            (each.text, each.first_line)
            for each in read_parts(path, n_bytes, start=end, n_lines=n_lines)
        ]
        later = b"".join(each.text for each in parts[number + 1 :])
        assert b"".join(text for text, _ in rest) == later
        assert not rest or rest[0][1] == n_lines + 1
    assert not parts or parts[-1].n_read == path.stat().st_size or ending == ".zip"


def test_a_line_without_end_is_refused(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(b"a\n" + b"x" * MAX_LINE + b"\n")
    assert [part.n_lines for part in read_parts(path, 1 << 14)] == [2]
    path.write_bytes(b"a\n" + b"x" * 2 * MAX_LINE + b"\n")
    with pytest.raises(
        CatalogError, match="more than 65536 bytes without a line end, after line 1: this"
    ):
        list(read_parts(path, 1 << 14))


def test_triplets_are_sifted_from_other_lines():
    text = b"u\ts\t1\r\nrubbish\n\nu\ts\t999999999\nu\ts\t1000000000\n"
    triplets, bad = sift(Part(text, 11, 5, 0, 0))
    assert triplets == b"u\ts\t1\nu\ts\t999999999\n"
    assert bad == [
        BadLine(12, "columns", "rubbish"),
        BadLine(13, "columns", None),
        BadLine(15, "plays", "u\ts\t1000000000"),
    ]


def test_what_is_shown_of_a_line_is_short():
    _, bad = sift(Part(b"\xff" + b"x" * 5000 + b"\n", 1, 1, 0, 0))
    assert bad[0].fault == "text" and len(bad[0].value) < 200
