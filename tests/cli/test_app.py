"""The program as a whole: its version, its public names, and that its help loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from command_line import invoke

HEAVY = "numpy scipy pandas sklearn h5py librosa numba soundfile torch matplotlib rich.progress "
HEAVY += "mutagen chardet py3langid"


@pytest.mark.parametrize("code", ["import spdkit", "spdkit.cli.app.app(['--help'])"])
def test_import_and_help_load_nothing_heavy(code, tmp_path):
    script = (
        "import contextlib, io, sys, spdkit, spdkit.cli.app\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        f"    {code}\n"
        f"print([m for m in {HEAVY.split()!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.strip() == "[]"


def test_public_names_load_lazily():
    import spdkit

    assert spdkit.Track("a").track_id == "a"
    assert spdkit.AudioExtractor().name == "audio"
    assert set(spdkit.__all__) <= set(dir(spdkit))
    for name in spdkit.__all__:
        assert getattr(spdkit, name) is not None


def test_version():
    assert invoke("--version").stdout.strip() == f"spdkit {version('spdkit')}"
