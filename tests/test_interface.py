"""The interface: what parameters are when nobody sets them, and what they may be.

A default is a promise: scores and features change with it, and no other test would tell. What is
promised is in interface.txt, one line a callable; where it changes on purpose, `make docs` writes
the line anew.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

import spdkit
import spdkit.extractors
import spdkit.nets
from spdkit.cli.app import app

WRITTEN = Path(__file__).with_name("interface.txt")
# extractors/ and nets/ lie beside spdkit/, where a walk through that does not come.
PACKAGES = (spdkit, spdkit.extractors, spdkit.nets)
MODULES = sorted(
    {
        module.name
        for package in PACKAGES
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    }
)


def text(value):
    """A default as it is written; what has no name of its own by the name of its class."""
    if callable(value) or " at 0x" in repr(value):
        return getattr(value, "__name__", f"a {type(value).__name__}")
    return repr(value)


def defaults(function):
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is not parameter.empty:
            yield f"{parameter.name}={text(parameter.default)}"


def public(holder, module):
    for name, value in vars(holder).items():
        value = getattr(value, "__func__", value)
        if not name.startswith("_") and getattr(value, "__module__", None) == module:
            yield name, value


def promises(module):
    """Lines of a module: defaults of functions, classes and methods; what parameters may be."""
    imported = importlib.import_module(module)
    for name, value in sorted(public(imported, module)):
        callables = [(f"{module}.{name}", value)]
        if inspect.isclass(value):
            callables += [(f"{module}.{name}.{each}", one) for each, one in public(value, module)]
            for key, allowed in sorted(vars(value).get("_parameter_constraints", {}).items()):
                choices = allowed if isinstance(allowed, tuple) else (allowed,)
                yield f"{module}.{name} {key} must be {' or '.join(map(str, choices))}"
        for place, one in callables:
            plain = inspect.isfunction(one) or (inspect.isclass(one) and has_own_init(one))
            if plain and (values := list(defaults(one))):
                yield f"{place}({', '.join(values)})"


def has_own_init(kind):
    return "__init__" in vars(kind) or dataclasses.is_dataclass(kind)


def commands(command, words=("spdkit",)):
    """Lines of a command: its options, their defaults, and the ends of their ranges."""
    for option in command.params:
        if option.name.endswith("_completion"):
            continue  # typer's own
        bounded = (option.min, option.max) != (None, None)
        ranged = f" from {option.min} to {option.max}" if bounded else ""
        yield f"{' '.join(words)} {'/'.join(option.opts)}={text(option.default)}{ranged}"
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*words, name))


def every_line():
    yield from (line for module in MODULES for line in promises(module))
    yield from commands(get_command(app))


@cache
def written():
    """What is promised, by module; that of the commands by the empty name."""
    lines = {name: [] for name in (*MODULES, "")}
    for line in WRITTEN.read_text("utf-8").splitlines():
        inside = [name for name in MODULES if line.startswith(f"{name}.")]
        lines[max(inside, key=len, default="")].append(line)
    return lines


@pytest.mark.parametrize("module", MODULES)
def test_what_a_module_promises(module):
    assert list(promises(module)) == written()[module], "if this is on purpose, run `make docs`"


def test_what_the_commands_promise():
    assert list(commands(get_command(app))) == written()[""], "if on purpose, run `make docs`"


if __name__ == "__main__":
    WRITTEN.write_text("\n".join([*every_line(), ""]), "utf-8")
