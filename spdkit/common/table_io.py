"""Tables: the one reader of CSV, TSV and Parquet, and writers that put a table in place whole.

Conventions
-----------
The ending of its name says what a table is: ``.csv`` or ``.tsv``, compressed where ``.gz``,
``.bz2``, ``.xz`` or ``.zst`` follows, ``.parquet`` or ``.pq``. Text is UTF-8 and begins with the
header. Every row has as many cells as the header, and a name stands once in it. Lines with nothing
on them are no rows, an empty cell is a missing one, and "NA" is a word. A column of numbers alone
is read as numbers, unless it is asked for as text. What unpacks to very much more than it is, or
has lines without an end, is refused before it fills the memory (``MAX_…`` below).
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from spdkit.common.errors import SpdkitError
from spdkit.common.files import absence, replacing, user_path
from spdkit.common.messages import COLUMNS_SHOWN, listing, needs_extra

if TYPE_CHECKING:
    import pandas as pd

_PARQUET = (".parquet", ".pq")
_COMPRESSED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_PACKED = (*_COMPRESSED, ".zst")
ENDINGS = (*(kind + end for end in ("", *_PACKED) for kind in (".csv", ".tsv")), *_PARQUET)
_BLOCK = 1 << 20
MAX_LINE = 1 << 26  # bytes of a line, and of a cell with line breaks
MAX_COLUMNS = 100_000
# A packed table may unpack to so many bytes, or to so many times its own: a table of numbers packs
# to a tenth of itself, and bombs to a thousandth.
MAX_UNPACKED, MAX_RATIO = 1 << 28, 200
_OTHER_SEPARATOR = re.compile("[;\t|,]")  # the first that stands in a header of one cell
# Encodings of Parquet in which a text, or its beginning, is written once for many cells.
_SHARING = {"PLAIN_DICTIONARY", "RLE_DICTIONARY", "DELTA_BYTE_ARRAY"}


# What readers of damaged files raise; some of pyarrow's errors are these of Python's.
_REFUSALS = (
    *(OSError, ValueError, EOFError, csv.Error, zlib.error, lzma.LZMAError),
    *(MemoryError, OverflowError, NotImplementedError, LookupError, TypeError),
)


class TableError(SpdkitError):
    """A file that is no table, or not the table that is needed."""


def read_table(
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    *,
    required: Sequence[str] = (),
    text: Sequence[str] | Literal[True] = (),
    error: type[SpdkitError] = TableError,
) -> pd.DataFrame:
    """Read a table whose rows are all of one length.

    Parameters
    ----------
    path : path
        CSV or TSV (UTF-8, header row; also .gz, .bz2, .xz, .zst) or Parquet, by its ending.
    columns : sequence of str, optional
        The columns to read, all of which must be there, in that order; by default all.
    required : sequence of str
        Columns that must be there among all.
    text : sequence of str, or True
        Columns whose cells stay text, such as ids: 007 is no 7. True for all of them. Columns of
        Parquet have types of their own, and keep them.
    error : type of SpdkitError
        What to raise.

    Returns
    -------
    DataFrame
        Rows numbered from 0. What Parquet holds as a named index is a column like others.

    Raises
    ------
    SpdkitError
        Naming the file, the line or column at fault, and what to do.

    Examples
    --------
    >>> labels = read_table("labels.csv", required=["track_id"], text=["track_id"])
    ... # doctest: +SKIP
    """
    import pandas as pd

    file = user_path(path, error)
    ending = require_ending(file, error)
    names = None if columns is None else list(columns)
    needed = [*(names or ()), *required]
    with _reading(file, ending, error):
        if ending in _PARQUET:
            require_columns(_parquet_names(file, error), needed, file, error)
            _require_parquet_fits(file, error)
            frame: pd.DataFrame = pd.read_parquet(file, columns=names, engine="pyarrow")
            index = [name for name in frame.index.names if name is not None]
            frame = frame.reset_index(index).reset_index(drop=True)
        else:
            separator = _separator(ending)
            with _opened(file, ending, error) as stream:
                if ending.endswith(tuple(_COMPRESSED)):  # unpacked once, read twice
                    stream = _unpacked(stream, file, error)
                header = _header(stream, separator, file, error)
                require_columns(header, needed, file, error)
                _require_even_rows(stream, separator, len(header), file, error)
                frame = pd.read_csv(
                    stream,
                    sep=separator,
                    usecols=names,
                    dtype=str if text is True else dict.fromkeys(text, str),
                    index_col=False,
                    keep_default_na=False,
                    na_values=[""],
                    encoding="utf-8-sig",
                    low_memory=False,
                )
    return frame if names is None or list(frame.columns) == names else frame[names]


def column_names(path: str | os.PathLike[str], error: type[SpdkitError] = TableError) -> list[str]:
    """Read the names of a table's columns alone; one without a name is ``""``.

    Raises
    ------
    SpdkitError
        When there is no table, it is empty, or a name stands twice.
    """
    file = user_path(path, error)
    ending = require_ending(file, error)
    with _reading(file, ending, error):
        if ending in _PARQUET:
            return _parquet_names(file, error)
        with _opened(file, ending, error) as stream:
            return _header(stream, _separator(ending), file, error)


def require_columns(
    names: Collection[object],
    required: Sequence[str],
    where: object,
    error: type[SpdkitError] = TableError,
) -> None:
    """Refuse a table, called `where`, that lacks a column."""
    lacking = [name for name in required if name not in names]
    if lacking:
        lacked = listing(lacking, COLUMNS_SHOWN, quote=True)
        raise error(f"{where}: no column {lacked}; {columns_there(names)}")


def require_unique(
    names: list[str], file: Path, error: type[SpdkitError] = TableError
) -> list[str]:
    """Return the names of a table's columns; refuse none, very many, and one that stands twice."""
    if len(names) > MAX_COLUMNS:
        raise error(f"{file}: {len(names)} columns, and a table may have {MAX_COLUMNS}")
    if not names:
        raise error(f"{file}: cannot be read as a table: the file is empty, without a header")
    twice = [name for name, n in Counter(names).items() if n > 1 and name]
    if twice:
        doubles = listing(twice, quote=True)
        raise error(f"{file}: more than one column {doubles}: rename or delete one")
    return names


def columns_there(names: Collection[object]) -> str:
    """Say which columns there are, and that they are one where another sign separates cells."""
    there = f"the columns are {listing([*names], COLUMNS_SHOWN)}"
    sign = _OTHER_SEPARATOR.search(str(next(iter(names)))) if len(names) == 1 else None
    if sign is None:
        return there
    what = "by tabs" if sign[0] == "\t" else f"by {sign[0]!r}"
    return (
        f"{there}: all in one, as its cells seem to be separated {what}. A .csv has commas, a .tsv "
        "tabs: save it as one of them"
    )


def require_ids(ids: Sequence[str], where: object, error: type[SpdkitError] = TableError) -> None:
    """Refuse a table, called `where`, of which a ``track_id`` is empty or stands twice."""
    empty = [number for number, name in enumerate(ids, 1) if not name.strip()]
    if empty:
        raise error(f"{where}: no track_id in row {listing(empty)}")
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    if repeated:
        names = listing(repeated, quote=True)
        raise error(f"{where}: {len(repeated)} track_id occur more than once: {names}")


def require_ending(path: Path, error: type[SpdkitError] = TableError) -> str:
    """Return the ending of a table's name; refuse one that says no format of ours."""
    name = path.name.lower()
    for ending in ENDINGS:
        if name.endswith(ending):
            return ending
    raise error(
        f"{path}: tables are .csv or .tsv (also with {', '.join(_PACKED)} behind it) or .parquet, "
        "by the ending of their name"
    )


def place_of_row(path: str | os.PathLike[str], row: int) -> str:
    """Where a row, counted from 0, is in a file: "line 3", as an editor counts, or "row 2"."""
    file = user_path(path, TableError)
    ending = require_ending(file)
    if ending in _PARQUET:
        return f"row {row + 1}"
    with _opened(file, ending, TableError) as stream:
        line, _ = next(islice(_rows(stream, _separator(ending)), row + 1, None))
    return f"line {line}"


@contextmanager
def _reading(file: Path, ending: str, error: type[SpdkitError]) -> Iterator[None]:
    """Turn whatever a reader says of a file into an error of ours."""
    try:
        if not file.is_file():
            raise FileNotFoundError("it is a folder" if file.is_dir() else absence(file))
        yield
    except SpdkitError:  # the caller's kind of error may be a ValueError
        raise
    except _REFUSALS as reason:
        what = "there is not enough memory" if isinstance(reason, MemoryError) else str(reason)
        if isinstance(reason, UnicodeDecodeError) and ending not in _PARQUET:
            with _opened(file, ending, error) as stream:
                lines = iter(partial(stream.readline, MAX_LINE), b"")
                wrongs = (line.decode(errors="ignore").encode() != line for line in lines)
                number = next((n for n, wrong in enumerate(wrongs, 1) if wrong), 1)
            what = f"line {number} is not UTF-8: save it as that (in Excel: CSV UTF-8)"
        raise error(f"{file}: cannot be read as a table: {what}") from reason


def _separator(ending: str) -> str:
    return "\t" if ending.startswith(".tsv") else ","


def _opened(
    file: Path, ending: str, error: type[SpdkitError], mode: Literal["rb", "wb"] = "rb"
) -> IO[bytes]:
    """The bytes of a text table, unpacked."""
    packed = ending[len(".csv") :]
    if packed == ".zst":
        with needs_extra(f"{file}: zst", "parquet", error):
            import pyarrow
        if mode == "wb":
            return cast(IO[bytes], pyarrow.output_stream(str(file), compression="zstd"))
        with pyarrow.input_stream(str(file), compression="zstd") as stream:
            return _unpacked(stream, file, error)
    opened: IO[bytes] = _COMPRESSED.get(packed, open)(file, mode)
    return opened


def _unpacked(stream: IO[bytes], file: Path, error: type[SpdkitError]) -> IO[bytes]:
    """All of a packed table, in memory."""
    limit = max(MAX_UNPACKED, MAX_RATIO * file.stat().st_size)
    content = io.BytesIO()
    while block := stream.read(_BLOCK):
        content.write(block)
        if content.tell() > limit:
            raise error(
                f"{file}: {file.stat().st_size} bytes unpack to more than {limit}, which is like "
                "no table. If it is one, unpack it first and read that"
            )
    return content


def _require_parquet_fits(file: Path, error: type[SpdkitError]) -> None:
    """Refuse Parquet that states, or of which the text unpacks to, much more than its bytes."""
    import pyarrow.parquet

    head = pyarrow.parquet.read_metadata(file)
    size, groups = file.stat().st_size, [*map(head.row_group, range(head.num_row_groups))]
    limit = max(MAX_UNPACKED, MAX_RATIO * size)
    chunks = [group.column(i) for group in groups for i in range(head.num_columns)]
    # A cell of bytes of one length is stated, and of lists each item.
    widths = [max(head.schema.column(i).length, 4) for i in range(head.num_columns)] * len(groups)
    cells = sum(chunk.num_values * width for chunk, width in zip(chunks, widths, strict=True))
    if max(sum(group.total_byte_size for group in groups), cells) > limit:
        raise error(
            f"{file}: states {head.num_rows} rows of {head.num_columns} columns in {size} bytes, "
            "which is like no table. If it is one, write it as several files"
        )
    n_bytes = 0
    for more in _bytes_of_texts(file, head, limit):
        n_bytes += more
        if n_bytes > limit:
            raise error(
                f"{file}: {size} bytes unpack to more than {limit}, which is like no table. If it "
                "is one, write it as several files"
            )


def _bytes_of_texts(file: Path, head: Any, limit: int) -> Iterator[int]:
    """Bytes of the texts of Parquet, piece by piece, where they may be more than `limit`.

    A text that is written once and stands in many cells is stated once. Read as a dictionary, it
    is counted without being laid out; where Arrow has none to give, few rows are laid out at once.
    """
    from pyarrow.parquet import ParquetFile

    groups = range(head.num_row_groups)
    leaves = (head.row_group(i).column(j) for i in groups for j in range(head.num_columns))
    shared = [c for c in leaves if c.physical_type == "BYTE_ARRAY" and _SHARING & {*c.encodings}]
    if sum(chunk.num_values * chunk.total_uncompressed_size for chunk in shared) <= limit:
        return
    few = limit // (4 * max(chunk.total_uncompressed_size for chunk in shared)) or 1
    for path in {chunk.path_in_schema: None for chunk in shared}:
        named, plain = (ParquetFile(file, metadata=head, read_dictionary=d) for d in ([path], None))
        for i in groups:
            try:
                batches = named.iter_batches(_BLOCK, row_groups=[i], columns=[path])
                yield sum(_text_bytes(column) for batch in batches for column in batch.columns)
            except (NotImplementedError, OSError):
                for batch in plain.iter_batches(min(few, _BLOCK), row_groups=[i], columns=[path]):
                    yield sum(map(_text_bytes, batch.columns))


def _text_bytes(column: Any) -> int:
    """Bytes of the texts in a column of Arrow, each as often as it stands there."""
    from pyarrow import compute, types

    column = getattr(column, "storage", column)  # of an extension of Arrow
    kind = column.type
    if types.is_map(kind):  # which has no flatten()
        start, stop = column.offsets[0].as_py(), column.offsets[-1].as_py()
        return sum(_text_bytes(half[start:stop]) for half in (column.keys, column.items))
    if types.is_struct(kind):
        return sum(map(_text_bytes, column.flatten()))
    if types.is_nested(kind):
        return _text_bytes(column.flatten())
    texts = column.dictionary if types.is_dictionary(kind) else column
    if str(texts.type).removeprefix("large_") not in ("string", "binary"):
        return int(column.nbytes)
    lengths = compute.binary_length(texts)
    if types.is_dictionary(kind):
        lengths = lengths.take(column.indices)
    return compute.sum(lengths).as_py() or 0


def _parquet_names(file: Path, error: type[SpdkitError]) -> list[str]:
    with needs_extra(f"{file}: Parquet", "parquet", error):
        import pyarrow.parquet
    names = map(str, pyarrow.parquet.read_schema(file).names)
    # pandas calls an index without a name __index_level_0__.
    named = [name for name in names if not re.fullmatch(r"__index_level_\d+__", name)]
    return require_unique(named, file, error)


def _header(stream: IO[bytes], separator: str, file: Path, error: type[SpdkitError]) -> list[str]:
    _, names = next(_rows(stream, separator), (1, []))
    return require_unique(names, file, error)


def _rows(stream: IO[bytes], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of text with the line on which each begins, counted from 1, from the start of a file."""
    stream.seek(0)
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    reader = csv.reader(_lines(text), delimiter=separator, strict=True)
    limit, line = csv.field_size_limit(MAX_LINE), 1
    try:
        for cells in reader:
            if len(cells) > 1 or "".join(cells).strip():
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        hint = ": is a quote not closed?" if "field larger" in str(error) else ""
        where = f" (in the row that begins on line {line})"
        raise csv.Error(f"{error}{hint}{where}") from error
    finally:
        csv.field_size_limit(limit)
        text.detach()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise csv.Error(f"more than {MAX_LINE} characters without a line break")
        yield line


def _require_even_rows(
    stream: IO[bytes], separator: str, n_columns: int, file: Path, error: type[SpdkitError]
) -> None:
    """Refuse rows of another length than the header's: pandas pads or cuts them without a word."""
    if not _plainly_even(stream, separator, n_columns):
        rows = ((line, len(cells)) for line, cells in _rows(stream, separator))
        uneven = [(line, n) for line, n in rows if n != n_columns]
        if uneven:
            line, n = uneven[0]
            raise error(
                f"{file}: line {line} has {n} cells and the header {n_columns} ({len(uneven)} such "
                "rows); a cell that holds a separator or a line break needs quotes"
            )
    stream.seek(0)


def _plainly_even(stream: IO[bytes], separator: str, n_columns: int) -> bool:
    """Whether rows are seen to be of one length without parsing them, which is 15 times slower.

    What is left of a row without its text are its separators. A cell with an even number of quotes
    and no separator or line break between them ends where it seems to end.
    """
    row = separator.encode() * (n_columns - 1) + b"\n"
    others = bytes(set(range(256)) - set(f'{separator}"\n'.encode()))
    stream.seek(0)
    while block := stream.read(_BLOCK):
        block += stream.readline(MAX_LINE)
        if len(block) > MAX_LINE:
            return False  # a line that is read with care
        if not block.endswith(b"\n"):
            block += b"\n"
        marks = block.translate(None, others).replace(b'""', b"")
        if marks != row * (len(marks) // len(row)):
            return False
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):  # ends a row, too
            return False
    return True


def write_table(
    frame: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    float_format: str | None = None,
    error: type[SpdkitError] = TableError,
) -> None:
    """Write a table without its index as CSV, TSV or Parquet, by the ending, whole or not at all.

    Raises
    ------
    SpdkitError
        When the ending is another one, or the file cannot be written.
    """
    file = user_path(path, error)
    ending = require_ending(file, error)
    if ending in _PARQUET:
        with needs_extra(f"{file}: Parquet", "parquet", error):
            import pyarrow  # noqa: F401
        with replacing(file, error) as temporary:
            frame.to_parquet(temporary, index=False, engine="pyarrow")
        return
    with replacing(file, error) as temporary, _opened(temporary, ending, error, "wb") as stream:
        separator = _separator(ending)
        frame.to_csv(stream, sep=separator, index=False, float_format=float_format, mode="wb")


@contextmanager
def table_writer(
    path: Path,
    columns: Sequence[str],
    *,
    numbered: bool = False,
    error: type[SpdkitError] = TableError,
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Write a CSV table (UTF-8, header row) that replaces `path` when the context ends well.

    None becomes an empty cell; lists and mappings become Python literals, as SpotGenTrack has them;
    line breaks within a cell become newlines.

    Parameters
    ----------
    path : Path
        The table.
    columns : sequence of str
        Its header; a key of a row that is not among them is an error.
    numbered : bool
        Whether an unnamed first column counts the rows from 0, as pandas writes its index.
    error : type of SpdkitError
        What to raise when it cannot be written.

    Yields
    ------
    callable
        To call with each row, a mapping from column to value.
    """
    with (
        replacing(path, error) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["", *columns] if numbered else columns)
        n_rows = 0

        def write(row: Mapping[str, Any]) -> None:
            nonlocal n_rows
            if unknown := row.keys() - set(columns):
                raise KeyError(f"{path.name} has no columns {sorted(unknown)}")
            cells = [_cell(row.get(column)) for column in columns]
            writer.writerow([n_rows, *cells] if numbered else cells)
            n_rows += 1

        yield write


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return repr(value)
    # A lone carriage return would end the row for some readers, quoted or not.
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value
