"""Tests of a module: which files are run when it is changed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import chain
from pathlib import Path

_MOST_USERS = 8  # of a module whose tests are run, too: those of a common one are all tests


def module_tests(root: Path, module: str) -> list[str]:
    """What to give to pytest for a module, those that notice soonest first.

    Its own tests, `test_NAME.py` and `test_NAME_….py` in the mirrored folder, or `test_NAME.py`
    elsewhere where there is none; the contract of the mirrored folder, and others there or at the
    top that import it; for a module without its own, all of the folder. Its part of the interface.
    And the own tests of the modules that import it, where they are few.
    """
    dotted = ".".join(Path(module).with_suffix("").parts)
    dotted = dotted if dotted.startswith("spdkit.") else f"spdkit.{dotted}"
    interface = "tests/test_interface.py"
    promises = [f"{interface}::test_what_a_module_promises[{dotted}]"]
    if dotted.startswith("spdkit.cli."):
        promises.append(f"{interface}::test_what_the_commands_promise")
    files = _files(root, module)
    users = [test for user in _users(root, module) for test in _own(root, user)]
    files += users
    return [*dict.fromkeys(str(test.relative_to(root)) for test in files), *promises]


def _users(root: Path, module: str) -> list[str]:
    """Modules that import a module, where they are few."""
    name, imports = Path(module).stem, _imports(module)
    users = [user for user, text in _sources(root) if name in text and imports.search(text)]
    return users if len(users) <= _MOST_USERS else []


@cache
def _sources(root: Path) -> list[tuple[str, str]]:
    """Modules and their text."""
    trees = ((root / top).rglob("*.py") for top in ("spdkit", "extractors", "nets"))
    paths = sorted(path for path in chain(*trees) if path.name != "__init__.py")
    return [(str(path.relative_to(root)), _text(path)) for path in paths]


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _imports(module: str) -> re.Pattern[str]:
    dotted = ".".join(Path(module).with_suffix("").parts)
    package, _, name = dotted.rpartition(".")
    return re.compile(rf"\b{re.escape(dotted)} import|{re.escape(package)} import [^\n]*\b{name}\b")


def _folder(root: Path, module: str) -> Path:
    path = Path(module)
    return root / "tests" / path.parent.relative_to("spdkit" if path.parts[0] == "spdkit" else "")


def _own(root: Path, module: str) -> list[Path]:
    name = rf"test_{Path(module).stem}(_.*)?"
    beside = sorted(_folder(root, module).glob("test_*.py"))
    return [test for test in beside if re.fullmatch(name, test.stem)]


def _files(root: Path, module: str) -> list[Path]:
    path, folder, imports = Path(module), _folder(root, module), _imports(module)
    beside = sorted(folder.glob("test_*.py"))
    if not beside or path.parent.name == "descriptors":
        beside = sorted(folder.parent.glob(f"test_{folder.name}*.py"))

    def importing(tests: Iterable[Path]) -> list[Path]:
        named = (test for test in tests if path.stem in _text(test))
        return [test for test in named if imports.search(_text(test))]

    own = [test for test in beside if re.fullmatch(rf"test_{path.stem}(_.*)?", test.stem)]
    own = own or importing(sorted((root / "tests").rglob(f"test_{path.stem}.py")))
    own += [test for test in beside if test.stem == "test_contract"]
    near = importing([*beside, *sorted((root / "tests").glob("test_*.py"))])
    own += [test for test in near if test not in own]
    if any(re.fullmatch(rf"test_{path.stem}(_.*)?", test.stem) for test in own):
        return own
    return [*own, *(test for test in beside if test not in own)]
