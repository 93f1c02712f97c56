"""The house: packages listed, imports one way, documents true."""

from __future__ import annotations

import ast
import configparser
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


def imported(path, name):
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import in {package}"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(("name", "path"), [pytest.param(n, p, id=n) for n, p in modules()])
def test_imports_run_one_way(name, path):
    ours = {module for module in imported(path, name) if module.split(".")[0] == "spdkit"}
    allowed_below = ("spdkit.extractors", "spdkit.tracks.scan", "spdkit.common.errors")
    if name.startswith("spdkit.extractors"):
        assert all(module.startswith(allowed_below) or module == "spdkit" for module in ours), ours
    if name.startswith("spdkit.nets"):
        assert all(module.startswith("spdkit.nets") for module in ours), ours
    forbidden = {
        "spdkit.tracks.scan": (
            "spdkit.store.feature_store",
            "spdkit.extractors",
            "spdkit.extraction.batch",
        ),
        "spdkit.store.feature_store": (
            "spdkit.extractors",
            "spdkit.extraction.batch",
            "spdkit.tracks.scan",
        ),
        "spdkit.extraction.executors": (
            "spdkit.store.feature_store",
            "spdkit.extraction.batch",
            "spdkit.extractors",
        ),
        "spdkit.extraction.batch": ("spdkit.cli.app", "spdkit.cli.demo"),
    }
    for prefix in forbidden.get(name, ()):
        assert not any(module.startswith(prefix) for module in ours), f"{name} imports {prefix}"


@pytest.mark.parametrize(("name", "path"), [pytest.param(n, p, id=n) for n, p in modules()])
def test_files_and_functions_stay_short(name, path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            docstring = ast.get_docstring(node) or ""
            length = node.end_lineno - node.lineno + 1 - len(docstring.splitlines())
            signature = node.body[0].lineno - node.lineno
            assert length - signature <= 60, f"{node.name} has {length} lines"


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
        if not path.is_file() or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for needle in (f"{ROOT}/", f"{Path.home()}/", "index-url", "find-links"):
            assert needle not in text, f"{name} holds {needle!r}"
