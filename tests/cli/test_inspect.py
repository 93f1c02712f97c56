"""``spdkit inspect`` as a user types it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from command_line import invoke

from spdkit import AudioExtractor
from spdkit.extraction import batch
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
