"""Terminal: each remark is one line, once, whichever way it comes."""

from __future__ import annotations

import json
import logging
import math
import warnings
from pathlib import Path

import pytest

from spdkit.cli.printing import print_failures
from spdkit.cli.terminal import errors_as_lines, print_remarks, to_json
from spdkit.common.errors import SpdkitWarning


def test_json_is_valid_whatever_the_numbers():
    numbers = {"a": [math.inf, -math.inf, math.nan, 1.5]}
    assert json.loads(to_json(numbers), parse_constant=pytest.fail) == {"a": [None] * 3 + [1.5]}


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


def test_a_file_that_nobody_can_read_is_one_line(capsys):
    failures = [[f"{i}.wav", name, "empty"] for i in range(25) for name in ("audio", "descriptors")]
    failures.append(["0.wav", "lyrics", "too long"])
    print_failures(failures, "spdkit inspect f.h5")
    shown = capsys.readouterr().out
    assert shown.count("audio, descriptors") == 20 and "… and 6 more" in shown
    print_failures(failures, "spdkit inspect f.h5", every=True)
    shown = capsys.readouterr().out
    assert shown.count("audio, descriptors") == 25 and shown.count("too long") == 1
