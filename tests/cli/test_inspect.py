"""``spdkit inspect`` as a user types it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from command_line import invoke
from store_tables import table

from spdkit import AudioExtractor
from spdkit.extraction import batch
from spdkit.store.feature_store import write_store
from spdkit.tracks import scan


def test_inspect_refuses_what_is_no_store(tmp_path):
    (tmp_path / "f.h5").write_text("no")
    done = invoke("inspect", tmp_path / "f.h5")
    assert done.exit_code == 1
    assert "not an HDF5 file" in done.stderr


def test_inspect_lists_at_most_twenty_failures_unless_asked(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(25):
        (folder / f"{number:02d}.wav").write_bytes(b"")
    with ThreadPoolExecutor(1) as executor:
        batch.extract(
            scan.from_folder(folder), tmp_path / "f.h5", [AudioExtractor()], executor=executor
        )
    short = invoke("inspect", tmp_path / "f.h5").stdout
    assert short.count("empty file (0 bytes)") == 20
    assert "… and 5 more" in short
    assert invoke("inspect", tmp_path / "f.h5", "--failures").stdout.count("empty file") == 25
    assert "nan" not in invoke("inspect", tmp_path / "f.h5", "--stats").stdout


def test_inspect_verifies_every_byte(tmp_path):
    write_store(tmp_path / "f.h5", table(300))
    done = invoke("inspect", tmp_path / "f.h5", "--verify")
    assert (done.exit_code, "whole" in done.stdout, "yes" in done.stdout) == (0, True, True)
    data = (tmp_path / "f.h5").read_bytes()
    (tmp_path / "f.h5").write_bytes(data.replace(b"/music/299 ", b"/music/2~9 "))
    done = invoke("inspect", tmp_path / "f.h5", "--verify")
    assert (done.exit_code, "44 of 300" in done.stdout) == (1, True)
    assert "44 of 300 rows are lost: 'track 256'" in done.stderr
    done = invoke("inspect", tmp_path / "f.h5", "--verify", "--json")
    check = json.loads(done.stdout)
    assert (done.exit_code, check["sound"], check["seal"]) == (1, False, "broken")
    assert check["damage"]["lost"] == [f"track {n}" for n in range(256, 300)]
    (tmp_path / "f.h5").write_bytes(data[:-48])
    check = json.loads(invoke("inspect", tmp_path / "f.h5", "--verify", "--json").stdout)
    assert (check["sound"], check["seal"], check["damage"]) == (True, "missing", None)
    assert check["compared"] == "every value"


def test_inspect_says_where_there_was_nothing_to_verify_by(tmp_path):
    write_store(tmp_path / "f.h5", table())
    with h5py.File(tmp_path / "f.h5", "r+") as file:
        del file["checksums"]
        file.attrs["encoding-version"] = "1.1"
    done = invoke("inspect", tmp_path / "f.h5", "--verify")
    assert done.exit_code == 0 and "yes" not in done.stdout
    assert "neither seal nor checksums" in done.stdout and "as far as its form" in done.stdout


@pytest.mark.parametrize("command", [("inspect",), ("inspect", "--verify"), ("evaluate",)])
def test_a_store_whose_extraction_was_interrupted_is_told_as_such(tmp_path, command):
    journal = tmp_path / "f.h5.journal"
    journal.mkdir()
    assert "f.h5: no such file" in invoke(*command, tmp_path / "f.h5").stderr
    write_store(journal / "00000001.h5", table())
    done = invoke(*command, tmp_path / "f.h5")
    assert done.exit_code == 1
    assert f"safe in {journal}" in done.stderr and f"extract … -o {tmp_path}/f.h5" in done.stderr


def test_inspect_tells_of_constant_features(tmp_path):
    content = table(300)
    content.X[:, 1] = 3
    content.X[7, 1] = np.nan
    content.X[:, 2] = np.nan
    content.X[:256, 0] = 5  # and others behind the first block
    write_store(tmp_path / "f.h5", content)
    assert "1 of 3 features are one number in all" in invoke("inspect", tmp_path / "f.h5").stdout
    assert json.loads(invoke("inspect", tmp_path / "f.h5", "--json").stdout)["constant"] == ["a_2"]
