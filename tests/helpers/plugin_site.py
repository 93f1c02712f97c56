"""An installed third-party plugin for tests: extractors that misbehave, and a hand that kills.

`install` writes a real distribution (module and entry points) into a folder for PYTHONPATH, so that
a real ``spdkit extract`` and its spawned workers find it the way users' plugins are found.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

MODULE = '''
"""Test plugin: see tests/plugin_site.py."""
import multiprocessing, os, signal, time
import numpy as np
from spdkit.extractors.base import ExtractionError, Extractor, FeatureSpec

def note(line):
    log = os.environ.get("SPDKIT_TEST_LOG")
    if log:
        with open(log, "a") as file:
            file.write(line + "\\n")

class Tally(Extractor):
    """Numbers from the bytes of a file; misbehaves as the file's name says."""
    name, modality, version = "tally", "audio", "1"
    obs_fields = {"kind": str, "bytes": float}
    def __init__(self, scale=1.0):
        self.scale = scale
    @property
    def feature_specs(self):
        return tuple(
            FeatureSpec(f"tally_{i}", "1", -np.inf, np.inf, f"byte statistic {i}", "test")
            for i in range(3)
        )
    def extract(self, track):
        return self.extract_with_obs(track)[0]
    def extract_with_obs(self, track):
        if not track.audio:
            return self.absent_row(), {}
        note("extract " + track.track_id)
        name = os.path.basename(track.audio)
        if "die" in name:
            os._exit(3)
        if "segv" in name:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "hang" in name:
            time.sleep(1000)
        if "boom" in name:
            raise KeyError("no such thing")
        if "bad" in name:
            raise ExtractionError(track.audio, "a reason")
        row = np.array([1, 2, 3], dtype=np.float32)
        if "nan" in name:
            row[1] = np.nan
        if "short" in name:
            row = row[:2]
        if "list" in name:
            return [1, 2, 3], {}
        if len(row) == 3 and "nan" not in name:
            with open(track.audio, "rb") as file:
                data = np.frombuffer(file.read(), dtype=np.uint8).astype(np.float32)
            row = (self.scale * np.array([data.mean(), data.std(), data.sum()])).astype(np.float32)
        return row, {"kind": "file", "bytes": float(os.path.getsize(track.audio))}

class Words(Extractor):
    """How many words the lyrics have."""
    name, modality, version = "words", "lyrics", "1"
    feature_specs = (FeatureSpec("n_words", "1", 0, np.inf, "number of words", "test"),)
    def extract(self, track):
        if not track.lyrics:
            return self.absent_row()
        note("words " + track.track_id)
        return np.array([len(track.lyrics.split())], dtype=np.float32)

def watch():
    """Count what the main process does to files, and end it at the moment that is asked for."""
    import hashlib
    from pathlib import Path
    targets = {
        hashlib.sha256(name.encode()).hexdigest()[:8]: name
        for name in ("out.h5", "manifest.json", *(f"{i:08d}.h5" for i in range(1, 99)))
    }
    def shown(name):
        """A temporary file by what it is of."""
        return f".-{targets[name[8:16]]}" if name.startswith(".spdkit-") else name
    moment, seen = int(os.environ["SPDKIT_TEST_MOMENT"]), [0]
    def event(name, path):
        if "out.h5" not in os.fspath(path):
            return  # some library's own file
        seen[0] += 1
        note(f"event {seen[0]} {name} {shown(os.path.basename(os.fspath(path)))}")
        if seen[0] == moment:
            os.kill(os.getpid(), signal.SIGKILL)
    def watched(name, function):
        def call(path, *args, **kwargs):
            event("before-" + name, path)
            result = function(path, *args, **kwargs)
            event("after-" + name, path)
            return result
        return call
    for name in ("replace", "unlink", "rmdir", "mkdir"):
        setattr(os, name, watched(name, getattr(os, name)))
    whole = Path.write_bytes
    def write_bytes(path, data):
        whole(path, data[: len(data) // 2])
        event("half-written", path)
        whole(path, data)
        event("written", path)
    Path.write_bytes = write_bytes

if "SPDKIT_TEST_MOMENT" in os.environ and multiprocessing.parent_process() is None:
    watch()
'''


def install(
    folder: Path,
    name: str = "misbehaving",
    source: str = MODULE,
    extractors: Mapping[str, str] = MappingProxyType({"tally": "Tally", "words": "Words"}),
) -> Path:
    """Write a plugin as an installed distribution; the folder is for PYTHONPATH."""
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / f"{name}.py").write_text(source)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    lines = [f"{extractor} = {name}:{cls}" for extractor, cls in extractors.items()]
    (information / "entry_points.txt").write_text("\n".join(["[spdkit.extractors]", *lines, ""]))
    return folder


def command(*arguments: object) -> list[str]:
    """Return the command line of the installed ``spdkit``."""
    return [str(Path(sys.executable).with_name("spdkit")), *map(str, arguments)]


def environment(site: Path, **variables: object) -> dict[str, str]:
    """Environment in which the plugin is installed."""
    extra = {key: str(value) for key, value in variables.items()}
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **extra}


def spdkit(site: Path, *arguments: object, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run a real ``spdkit`` in a process of its own."""
    return subprocess.run(
        command(*arguments),
        env=environment(site, **variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
