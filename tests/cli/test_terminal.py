"""Terminal: each remark is one line, once, whichever way it comes."""

from __future__ import annotations

import json
import logging
import math
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

import spdkit.cli.terminal
from spdkit.catalogs.errors import CatalogError
from spdkit.cli import popularity
from spdkit.cli.printing import print_failures, print_table
from spdkit.cli.terminal import (
    command_line,
    echo,
    echo_json,
    errors_as_lines,
    print_remarks,
    to_json,
)
from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.common.interrupts import Terminated


def test_json_is_valid_whatever_the_numbers(monkeypatch):
    numbers = {"a": [math.inf, -math.inf, math.nan, 1.5]}
    assert json.loads(to_json(numbers), parse_constant=pytest.fail) == {"a": [None] * 3 + [1.5]}
    assert to_json({"path": Path("ä"), "b": (1,)}) == '{\n "path": "ä",\n "b": [\n  1\n ]\n}'
    monkeypatch.setattr("sys.argv", ["/usr/bin/spdkit", "inspect", "a b.h5"])
    assert command_line() == "spdkit inspect 'a b.h5'"


def test_a_remark_is_printed_once_however_often_it_is_told(capsys, recwarn):
    logger = logging.getLogger("spdkit.store.dataset")
    with errors_as_lines():
        for fold in range(3):
            warnings.warn("ten songs have none", SpdkitWarning, stacklevel=fold + 1)
            logger.warning("five have two")
            print_remarks(Path("f.h5"), ["120 rows"])
            warnings.warn("did not converge", RuntimeWarning, stacklevel=1)
        logger.info("nothing to see")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["spdkit: ten songs have none", "spdkit: five have two", "f.h5: 120 rows"]
    # Those of libraries go where they always go.
    assert [str(each.message) for each in recwarn] == ["did not converge"]
    # The next command begins anew, and nothing of this one stays behind.
    with errors_as_lines():
        warnings.warn("ten songs have none", SpdkitWarning, stacklevel=1)
    assert capsys.readouterr().err == "spdkit: ten songs have none\n"
    assert not logging.getLogger("spdkit").handlers


@pytest.mark.parametrize(("n", "more"), [(0, None), (20, None), (21, 1), (30, 10)])
def test_what_is_not_shown_is_counted(n, more, capsys):
    frame = pd.DataFrame({"popularity": np.arange(float(n))}, index=[f"t{i}" for i in range(n)])
    print_failures([[f"{i}.wav", "audio", "empty"] for i in range(n)], "spdkit inspect f.h5")
    popularity._print_predictions(frame, Path("out.csv"))
    shown = capsys.readouterr().out
    assert shown.count("empty") == min(n, 20) and shown.count("│ t") == min(n, 20)
    told = re.findall(r"… and (\d+) more: spdkit inspect f.h5 --failures$", shown, re.MULTILINE)
    told += re.findall(r"… and (\d+) more in out.csv$", shown, re.MULTILINE)
    assert told == [str(more)] * 2 * (more is not None)
    assert ("more" in shown) == (more is not None)


@pytest.mark.parametrize(("most", "more"), [(None, ""), (3, ""), (2, "… and 1 more (--json ")])
def test_remarks_that_are_not_shown_are_counted(most, more, capsys):
    with errors_as_lines():
        print_remarks(Path("f.h5"), ["one", "two", "three"], most)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["f.h5: one", "f.h5: two"] and len(lines) == 3
    assert lines[2].startswith(f"f.h5: {more or 'three'}")


def test_a_file_that_nobody_can_read_is_one_line(capsys):
    failures = [[f"{i}.wav", name, "empty"] for i in range(25) for name in ("audio", "descriptors")]
    failures.append(["0.wav", "lyrics", "too long"])
    print_failures(failures, "spdkit inspect f.h5")
    shown = capsys.readouterr().out
    assert shown.count("audio, descriptors") == 20 and "… and 6 more" in shown
    print_failures(failures, "spdkit inspect f.h5", every=True)
    shown = capsys.readouterr().out
    assert shown.count("audio, descriptors") == 25 and shown.count("too long") == 1


EVIL = "\x1b[2J\nspdkit: all good\x9b\u202e"
SAFE = r"\x1b[2J\nspdkit: all good\x9b\u202e"


def test_nothing_that_is_printed_steers_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    with errors_as_lines():
        warnings.warn(f"1 {EVIL}", SpdkitWarning, stacklevel=1)
        logging.getLogger("spdkit.catalogs").warning("2 %s", EVIL)
        print_remarks(Path("f.h5"), [f"3 {EVIL}"])
        echo(f"4 {EVIL}", err=True)
    with pytest.raises(typer.Exit), errors_as_lines():
        raise SpdkitError(f"5 {EVIL}")
    with pytest.raises(typer.Exit), errors_as_lines():
        raise CatalogError("6", (EVIL, "an other"))
    assert capsys.readouterr().err.split("\n") == [
        f"spdkit: 1 {SAFE}",
        f"spdkit: 2 {SAFE}",
        f"f.h5: 3 {SAFE}",
        f"4 {SAFE}",
        f"spdkit: 5 {SAFE}",
        "spdkit: 6",
        f"- {SAFE}",
        "- an other",
        "",
    ]
    print_table(EVIL, [EVIL], [[f"[red]{EVIL}"]])
    print_failures([[EVIL, "audio", EVIL]], f"spdkit inspect {EVIL}")
    shown = capsys.readouterr().out
    assert shown.count(SAFE) == 5 and f"[red]{SAFE}" in shown
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown) and "\nspdkit" not in shown
    echo_json({EVIL: EVIL})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {EVIL: EVIL} and not {"\x1b", "\x9b", "\u202e"} & set(shown)


def test_warnings_of_libraries_keep_their_lines_and_steer_nothing():
    with pytest.warns(RuntimeWarning, match=r"two\nlines \\x1b\[2J"), errors_as_lines():
        warnings.warn("two\nlines \x1b[2J", RuntimeWarning, stacklevel=1)


def test_commands_print_only_by_what_escapes():
    folder = Path(spdkit.cli.terminal.__file__).parent
    others = [path for path in folder.glob("*.py") if path.name not in ("terminal.py", "demo.py")]
    direct = [path.name for path in others if "typer.echo(" in path.read_text("utf-8")]
    assert direct == ["app.py"]  # the version
    assert not [
        path.name
        for path in others
        if "rich.markup" in path.read_text("utf-8") and path.name != "printing.py"
    ]


@pytest.mark.parametrize(
    ("stop", "code", "how"),
    [(KeyboardInterrupt, 130, "interrupted"), (Terminated, 143, "terminated")],
)
def test_an_interrupt_says_what_is_safe_and_only_that(stop, code, how, tmp_path, capsys):
    target = tmp_path / "f.h5"
    for shards in (0, 1):
        with pytest.raises(typer.Exit) as ended, errors_as_lines(target):
            raise stop
        assert ended.value.exit_code == code
        safe = f": finished tracks are safe beside {target}; run again to resume" if shards else ""
        assert capsys.readouterr().err == f"spdkit: {how}{safe}\n"
        (tmp_path / "f.h5.journal").mkdir(exist_ok=True)
        (tmp_path / "f.h5.journal" / "00000001.h5").touch()


def test_names_that_look_like_emoji_codes_stay(capsys):
    print_table("t", ["track"], [[":smile:.wav"]])
    assert ":smile:.wav" in capsys.readouterr().out
