"""Tests of a module: which files are run when it is changed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def module_tests(root: Path, module: str) -> list[str]:
    """What to give to pytest for a module, those that notice soonest first.

    Its own tests, `test_NAME.py` and `test_NAME_….py` in the mirrored folder, or `test_NAME.py`
    elsewhere where there is none; the contract of the mirrored folder, and others there or at the
    top that import it; for a module without its own, all of the folder. And its part of the
    interface.
    """
    dotted = ".".join(Path(module).with_suffix("").parts)
    dotted = dotted if dotted.startswith("spdkit.") else f"spdkit.{dotted}"
    interface = "tests/test_interface.py"
    promises = [f"{interface}::test_what_a_module_promises[{dotted}]"]
    if dotted.startswith("spdkit.cli."):
        promises.append(f"{interface}::test_what_the_commands_promise")
    return [*(str(test.relative_to(root)) for test in _files(root, module)), *promises]


def _files(root: Path, module: str) -> list[Path]:
    path = Path(module)
    folder = root / "tests" / path.parent.relative_to("spdkit" if path.parts[0] == "spdkit" else "")
    beside = sorted(folder.glob("test_*.py"))
    if not beside or path.parent.name == "descriptors":
        beside = sorted(folder.parent.glob(f"test_{folder.name}*.py"))
    dotted = ".".join(path.with_suffix("").parts)
    package, _, name = dotted.rpartition(".")
    imports = re.compile(
        rf"\b{re.escape(dotted)} import|{re.escape(package)} import [^\n]*\b{name}\b"
    )

    def importing(tests: Iterable[Path]) -> list[Path]:
        return [test for test in tests if imports.search(test.read_text("utf-8"))]

    own = [test for test in beside if re.fullmatch(rf"test_{path.stem}(_.*)?", test.stem)]
    own = own or importing(sorted((root / "tests").rglob(f"test_{path.stem}.py")))
    own += [test for test in beside if test.stem == "test_contract"]
    near = importing([*beside, *sorted((root / "tests").glob("test_*.py"))])
    own += [test for test in near if test not in own]
    if any(re.fullmatch(rf"test_{path.stem}(_.*)?", test.stem) for test in own):
        return own
    return [*own, *(test for test in beside if test not in own)]
