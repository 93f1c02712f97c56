"""The house: packages listed, imports one way, documents true."""

from __future__ import annotations

import configparser
import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = {"spdkit": "spdkit", "extractors": "spdkit.extractors", "nets": "spdkit.nets"}


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def modules():
    """Every module of ours: its dotted name and path."""
    for folder, package in SOURCES.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join([package, *parts]).removesuffix(".__init__")
            yield name, path


def lines(option):
    stripped = (line.strip() for line in option.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def test_every_package_is_listed(setup):
    there = {
        ".".join([package, *path.parent.relative_to(ROOT / folder).parts])
        for folder, package in SOURCES.items()
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(lines(setup["options"]["packages"])) == there


def test_every_dependency_says_why(setup):
    explained = set()
    raw = (
        (ROOT / "setup.cfg").read_text().split("install_requires =")[1].split("[options.extras")[0]
    )
    previous = ""
    for line in map(str.strip, raw.splitlines()):
        if line and not line.startswith("#"):
            assert previous.startswith("# "), f"{line} has no line on why"
            explained.add(line)
        previous = line
    assert explained == set(lines(setup["options"]["install_requires"]))


def loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_module_has_tests_to_be_run_when_it_is_changed():
    module_tests = loaded(ROOT / "tests/mutants/module_tests.py").module_tests
    for _, path in modules():
        tests = module_tests(ROOT, str(path.relative_to(ROOT)))
        files = [test for test in tests if "::" not in test]
        assert files, path
        assert all((ROOT / name).is_file() for name in files), path


def test_own_modules_are_imported_inside_functions_only_where_an_extra_is_behind_them():
    architecture = loaded(ROOT / "docs/architecture.py")
    own = {name for _, name in architecture.deferred() if name.startswith("spdkit")}
    assert own, "what is looked at is there"
    behind_torch = {name for name in own if name.startswith("spdkit.nets")}
    # What takes long enough to load for a Ctrl-C to come meanwhile.
    assert own - behind_torch == {"spdkit.cli.app"}


def test_scripts_of_the_benchmarks_run_as_scripts():
    scripts = [
        text
        for path in sorted((ROOT / "benchmarks").rglob("*.py"))
        if '__name__ == "__main__"' in (text := path.read_text(encoding="utf-8"))
    ]
    assert len(scripts) > 10
    for text in scripts:
        if "from benchmarks" in text:
            path_line, first = text.index("if not __package__"), text.index("\nfrom benchmarks")
            assert path_line < first, text[:100]


def test_features_are_documented_as_they_are():
    from spdkit.extractors.documentation import features_markdown

    written = (ROOT / "docs" / "FEATURES.md").read_text(encoding="utf-8")
    assert written == features_markdown(), "run `make docs`"


def test_the_readme_names_only_commands_and_options_that_exist():
    from typer.main import get_command

    from spdkit.cli.app import app

    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("$ spdkit "):
            continue
        words = line.split("#")[0].split()[2:]
        command = get_command(app).commands[words[0]]
        if hasattr(command, "commands"):  # a group, such as collect
            command = command.commands[words[1]]
        options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
        assert {word for word in words if word.startswith("-")} <= options, line


def test_no_path_of_a_machine_and_no_index_is_committed():
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    names = [name for name in tracked if name] or [str(p.relative_to(ROOT)) for _, p in modules()]
    for name in names:
        path = ROOT / name
        assert not path.is_symlink(), f"{name} is a link to {path.readlink()}"
        if not path.is_file() or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for needle in (f"{ROOT}/", f"{Path.home()}/", "index-url", "find-links"):
            assert needle not in text, f"{name} holds {needle!r}"
