"""Single changes to our modules, and the seeded sample of them."""

from __future__ import annotations

import difflib
import hashlib
import math
import tomllib
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import parso
from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import mutate_code
from operators import KINDS, OPERATORS
from parso.tree import NodeOrLeaf

ANSWERED = Path(__file__).with_name("answered.toml")
# zip's guard against our own mistakes, the line that a warning points at, the width of numbers.
_UNREAD_KEYWORDS = ("strict", "stacklevel", "dtype")


@dataclass(frozen=True)
class Change:
    """One operator at one place of one module."""

    module: str
    line: int
    column: int
    operator: str
    occurrence: int
    before: str = ""  # the lines that it changes, as they are and as they would be
    after: str = ""

    @property
    def room(self) -> str:
        """The folder that the table sums up: `spdkit/store`, `extractors/audio`, `nets`."""
        return "/".join(Path(self.module).parts[:-1][:2])

    @property
    def place(self) -> tuple[str, int, int]:
        """What is changed, whatever it is changed to."""
        return self.module, self.line, self.column

    def fits(self, row: dict[str, Any]) -> bool:
        """Whether a row of answered.toml is about it."""
        return (
            any(Path(self.module).match(pattern) for pattern in row["modules"])
            and KINDS[self.operator] in row.get("kinds", KINDS.values())
            and self.after in row.get("after", (self.after,))
        )

    def apply(self, source: str) -> str:
        """The module's text with the change."""
        changed = mutate_code(source, OPERATORS[self.operator], self.occurrence)
        assert changed is not None, self
        return changed


def changed_lines(source: str, changed: str) -> tuple[str, str]:
    """What is lost and what stands there instead, without indentation."""
    lines = list(difflib.ndiff(source.splitlines(), changed.splitlines()))
    before, after = (
        " ".join(line[2:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )
    return before, after


def changes(root: Path, paths: Iterable[str]) -> Iterator[Change]:
    """Every change that could be drawn under the paths, as `spdkit/store`."""
    modules = (p for path in paths for p in sorted([root / path, *(root / path).rglob("*.py")]))
    for path in modules:
        if path.suffix == ".py" and path.name != "__init__.py":
            module, source = str(path.relative_to(root)), path.read_text("utf-8")
            yield from _changes_in(module, source)


def _changes_in(module: str, source: str) -> Iterator[Change]:
    tree = parso.parse(source)
    unread = set(_unread(tree))
    count: Counter[str] = Counter()
    for node in ast_nodes(tree):
        for name, operator in OPERATORS.items():
            for position in operator.mutation_positions(node):
                if not any(id(parent) in unread for parent in _with_parents(node)):
                    yield Change(module, *position[0], name, count[name])
                count[name] += 1


def _with_parents(node: NodeOrLeaf | None) -> Iterator[NodeOrLeaf]:
    while node is not None:
        yield node
        node = node.parent


def _unread(tree: NodeOrLeaf) -> Iterator[int]:
    """Nodes with nothing for a test: annotations, decorators, imports, how an object prints."""
    for node in ast_nodes(tree):
        if node.type == "argument" and node.children[0].get_code().strip() in _UNREAD_KEYWORDS:
            yield id(node)
        if node.type == "atom_expr" and node.children[0].get_code().strip() == "isinstance":
            yield id(node.children[1])  # of types, `&` fails wherever it runs
        if node.type == "expr_stmt" and node.children[1] == "=" and "|" in _operators(node):
            yield id(node)  # a type's other name
        if node.type in ("decorator", "import_from", "import_name"):
            yield id(node)
        elif node.type in ("param", "funcdef") and node.annotation is not None:
            yield id(node.annotation)
        elif node.type == "annassign":
            yield id(node.children[1])
        elif node.type == "operator" and node.parent.type == "parameters":
            yield id(node)  # the bare * and / of a signature
        elif node.type == "if_stmt" and node.children[1].get_code().strip() == "TYPE_CHECKING":
            yield id(node)
        if node.type == "funcdef" and node.name.value in ("__repr__", "_repr_html_"):
            yield id(node)


def _operators(statement: NodeOrLeaf) -> list[str]:
    """Between the names on the right, where there is nothing but names."""
    leaves = [node for node in ast_nodes(statement.children[2]) if not hasattr(node, "children")]
    names = all(leaf.type in ("name", "operator") for leaf in leaves)
    return [leaf.value for leaf in leaves if leaf.type == "operator"] if names else []


def sample(root: Path, paths: Iterable[str], number: int, seed: int) -> list[Change]:
    """Changes drawn by room, each room by the root of its size, its kinds in turn.

    No place is drawn twice. The order of places is that of a hash of their text: a change
    elsewhere in the module, or one more answered change, leaves most others drawn as they were.
    """
    answered = tomllib.loads(ANSWERED.read_text("utf-8"))["change"]
    sources: dict[str, str] = {}
    places: dict[str, dict[tuple[str, int, int], list[Change]]] = defaultdict(dict)
    for change in changes(root, paths):
        places[change.room].setdefault(change.place, []).append(change)
        sources.setdefault(change.module, (root / change.module).read_text("utf-8"))

    def order(change: Change) -> str:
        text = sources[change.module].splitlines()[change.line - 1].strip()
        key = f"{seed} {change.module} {text} {change.column} {change.operator} {change.occurrence}"
        return hashlib.sha256(key.encode()).hexdigest()

    def shown(change: Change) -> Change | None:
        source = sources[change.module]
        changed = change.apply(source)
        before, after = changed_lines(source, changed)
        change = replace(change, before=before, after=after)
        worth = not any(change.fits(row) for row in answered) and _compiles(changed)
        return change if worth else None

    drawn: list[Change] = []
    for room, quota in _quotas({room: len(of_room) for room, of_room in places.items()}, number):
        kinds: dict[str, list[Change]] = defaultdict(list)
        for change in sorted((min(group, key=order) for group in places[room].values()), key=order):
            kinds[KINDS[change.operator]].append(change)
        turns = zip_longest(*sorted(kinds.values(), key=lambda of_kind: order(of_kind[0])))
        worth = filter(None, (shown(change) for turn in turns for change in turn if change))
        drawn += islice(worth, quota)
    return drawn


def _compiles(source: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(source, "changed", "exec")
    except SyntaxError:
        return False
    return True


def _quotas(sizes: dict[str, int], number: int) -> list[tuple[str, int]]:
    """`number` shared out by the roots of the sizes; the largest remainders round up."""
    total = sum(map(math.sqrt, sizes.values()))
    exact = {room: number * math.sqrt(size) / total for room, size in sizes.items()}
    rest = number - sum(map(int, exact.values()))
    up = sorted(exact, key=lambda room: int(exact[room]) - exact[room])[:rest]
    return [(room, int(exact[room]) + (room in up)) for room in sorted(sizes)]
