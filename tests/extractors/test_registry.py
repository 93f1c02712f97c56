"""Plugins: found by entry point, and left out with a warning when they are broken."""

from __future__ import annotations

import importlib
import sys

import pytest

from spdkit.extractors import AudioExtractor, available, make
from spdkit.extractors.registry import UnknownExtractorError

PLUGIN = """
import numpy as np
from spdkit.extractors import Extractor, FeatureSpec

class Letters(Extractor):
    name = "letters"
    modality = "lyrics"
    version = "1"

    def __init__(self, scale=1.0):
        self.scale = scale

    @property
    def feature_specs(self):
        return (FeatureSpec("letters", "1", 0, np.inf, "Letters", "none"),)

    def extract(self, track):
        return self.absent_row()

class Usurper(Letters):
    name = "audio"

class Nameless(Letters):
    name = None

class Smell(Letters):
    name = "smell"
    modality = "smell"

class NoExtractor:
    name = modality = version = "x"
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution of entry points for the length of a test."""

    def add(distribution, **entries):
        folder = tmp_path / distribution
        info = folder / f"{distribution}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{distribution}_code.py").write_text(PLUGIN)
        (folder / f"{distribution}_broken.py").write_text("import no_such_module\n")
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        lines = [f"{name} = {distribution}_{where}" for name, where in entries.items()]
        (info / "entry_points.txt").write_text("[spdkit.extractors]\n" + "\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()

    before = set(sys.modules)
    yield add
    for name in set(sys.modules) - before:
        if name.endswith(("_code", "_broken")):
            del sys.modules[name]


def test_our_own_extractors_are_found_without_a_warning():
    classes = available()
    assert classes["audio"] is AudioExtractor
    assert list(classes) == sorted(classes)
    for name, cls in classes.items():
        assert cls.name == name


def test_a_plugin_joins_them(install):
    install("goodplug", letters="code:Letters")
    assert available()["letters"].__module__ == "goodplug_code"
    made = make("letters", scale=2.0)
    assert made.scale == 2.0


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("broken:Letters", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("code:Nothing", "AttributeError: .*Nothing"),
        ("code:NoExtractor", r"not a subclass of spdkit\.extractors\.Extractor"),
        ("code:PLUGIN", "AttributeError"),
        ("code:np", r"not a subclass of spdkit\.extractors\.Extractor"),
        ("code:Nameless", "class attribute 'name' is not set"),
        ("code:Smell", "modality 'smell' is not one of audio, lyrics, metadata"),
        ("code:Usurper", r"the name 'audio' is taken by spdkit\.extractors\.audio"),
    ],
)
def test_a_bad_plugin_warns_and_is_left_out(install, where, problem):
    install("badplug", bad=where)
    with pytest.warns(UserWarning, match=rf"^extractor 'bad' \(badplug_{where}\) .*: {problem}"):
        classes = available()
    assert classes["audio"] is AudioExtractor
    assert not [cls for cls in classes.values() if cls.__module__.startswith("badplug")]


def test_ours_win_whatever_the_other_distribution_is_called(install):
    install("aaaplug", audio="code:Usurper")
    with pytest.warns(UserWarning, match="taken by"):
        assert make("audio").__class__ is AudioExtractor


def test_of_two_plugins_the_first_distribution_wins(install):
    install("zzzplug", letters="code:Letters")
    install("bbbplug", letters="code:Letters")
    with pytest.warns(UserWarning, match=r"zzzplug_code:Letters.*taken by bbbplug_code"):
        classes = available()
    assert classes["letters"].__module__ == "bbbplug_code"


def test_an_unknown_name_is_refused_with_what_there_is():
    with pytest.raises(UnknownExtractorError, match="no extractor 'smell'; installed are: audio"):
        make("smell")
    with pytest.raises(TypeError, match="n_mels_typo"):
        make("audio", n_mels_typo=3)
