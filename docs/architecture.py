"""The picture of the floors, and the imports that wait, from the code itself: `make docs`.

``python docs/architecture.py TREE`` reads a tree in which `spdkit.extractors` and `spdkit.nets` lie
inside `spdkit` (the Makefile makes one), writes ``floors.svg``, and writes the list of imports
inside functions into ``ARCHITECTURE.md``. Which room lies on which floor is said once, in
``pyproject.toml``, where import-linter reads it.
"""

from __future__ import annotations

import ast
import sys
import textwrap
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from pathlib import Path

import grimp

HERE = Path(__file__).parent
BEGIN, END = "<!-- imports inside functions: `make docs` -->\n", "<!-- end -->"
SOURCES = ("spdkit", "extractors", "nets")
WIDTH, GAP, LINE, PAD = 1280, 26, 15, 10  # pixels
CHARACTER = 6.3  # pixels, of 11 pixel type
COLOURS = ("#e8f1ee", "#e9eef6", "#f4efe6", "#f3e9ec", "#ececf4", "#eeeeee")

Graph = dict[str, set[str]]


def floors() -> list[list[str]]:
    """Rooms of each floor, the highest first, as import-linter has them."""
    settings = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["name"] == "floors")
    return [["benchmarks"], *([name.strip() for name in layer.split("|")] for layer in layers)]


def room_of(module: str) -> str:
    """Name the folder on a floor that a module lies in."""
    first, _, rest = module.partition(".")
    return rest.split(".")[0] if first == "spdkit" else first


def arrows(graph: grimp.ImportGraph) -> Graph:
    """Rooms that each room imports from, but for those that every room may: `common`."""
    result: Graph = defaultdict(set)
    for module in graph.modules:
        for target in graph.find_modules_directly_imported_by(module):
            pair = room_of(module), room_of(target)
            if "spdkit" not in (module, target) and pair[0] != pair[1] and pair[1] != "common":
                result[pair[0]].add(pair[1])
    return result


def contents(graph: grimp.ImportGraph, room: str) -> list[str]:
    """Lines of a room: its files, then each folder in it with its files."""
    root = room if room == "benchmarks" else f"spdkit.{room}"
    folders: dict[str, list[str]] = defaultdict(list)
    for module in sorted(graph.find_descendants(root)):
        if not graph.find_children(module):
            folder, _, file = module.removeprefix(f"{root}.").rpartition(".")
            folders[folder].append(file)
    return [
        f"{folder.replace('.', '/')}/ {' '.join(files)}" if folder else " ".join(files)
        for folder, files in sorted(folders.items())
    ]


class Box:
    """A room in the picture: where it stands, and its lines of text."""

    def __init__(self, room: str, texts: list[str], width: float) -> None:
        self.room, self.width = room, width
        columns = int((width - 2 * PAD) / CHARACTER)
        self.lines = [line for text in texts for line in textwrap.wrap(text, columns)]
        self.height = PAD * 2 + LINE * (len(self.lines) + 1.4)
        self.x = self.y = 0.0

    def svg(self, colour: str) -> str:
        """Draw it."""
        name = {"extractors": "extractors/", "nets": "nets/", "benchmarks": "benchmarks/"}
        title = escape(name.get(self.room, f"spdkit/{self.room}/"))
        x, y = self.x + PAD, self.y + PAD + LINE
        lines = "".join(
            f'<text x="{x:g}" y="{y + LINE * (i + 1.4):g}">{escape(line)}</text>'
            for i, line in enumerate(self.lines)
        )
        return (
            f'<rect x="{self.x:g}" y="{self.y:g}" width="{self.width:g}" height="{self.height:g}" '
            f'rx="6" fill="{colour}" stroke="#8a8f98"/>'
            f'<text x="{x:g}" y="{y:g}" font-weight="bold" font-size="13">{title}</text>{lines}\n'
        )


def picture(graph: grimp.ImportGraph) -> str:
    """Draw the floors as SVG: a band a floor, a box a room, a curve an arrow."""
    bands, y = [], float(GAP)
    for rooms in floors():
        width = (WIDTH - GAP * (len(rooms) + 1)) / len(rooms)
        band = [Box(room, contents(graph, room), width) for room in rooms]
        for i, box in enumerate(band):
            box.x, box.y = GAP + i * (width + GAP), y
        y += max(box.height for box in band) + 2.2 * GAP
        bands.append(band)
    boxes = {box.room: box for band in bands for box in band}
    curves = []
    for room, targets in sorted(arrows(graph).items()):
        start = boxes[room]
        if room == "benchmarks":  # they measure everything
            continue
        ends = sorted((boxes[target] for target in targets), key=lambda box: (box.x, box.y))
        for i, end in enumerate(ends, start=1):
            x0, y0 = start.x + start.width * i / (len(targets) + 1), start.y + start.height
            x1, y1 = end.x + end.width / 2, end.y
            middle = (y0 + y1) / 2
            curves.append(
                f'<path d="M{x0:.0f} {y0:.0f} C{x0:.0f} {middle:.0f} {x1:.0f} {middle:.0f} '
                f'{x1:.0f} {y1:.0f}"/>\n'
            )
    drawn = "".join(
        box.svg(COLOURS[i % len(COLOURS)]) for i, band in enumerate(bands) for box in band
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" '
        'font-family="DejaVu Sans, Verdana, sans-serif" font-size="11" fill="#1b1d21">\n'
        f'<rect width="{WIDTH}" height="{y:.0f}" fill="#ffffff"/>\n'
        '<g fill="none" stroke="#5b6470" stroke-opacity="0.55" stroke-width="1.2">\n'
        f"{''.join(curves)}</g>\n{drawn}</svg>\n"
    )


def deferred() -> Iterator[tuple[str, str]]:
    """Imports inside functions: the file, and what it imports there."""
    root = HERE.parent
    for path in sorted(p for folder in SOURCES for p in (root / folder).rglob("*.py")):
        seen = set()
        syntax = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(syntax):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    seen.update(alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    seen.add(str(node.module))
        for name in sorted(seen):
            yield path.relative_to(root).as_posix(), name


def table() -> str:
    """List them, one row a package or module of ours."""
    files: dict[str, list[str]] = defaultdict(list)
    for path, name in deferred():
        key = name if name.startswith("spdkit") else name.split(".")[0]
        if not files[key] or files[key][-1] != path:
            files[key].append(path)
    rows = [
        f"| `{name}` | {', '.join(f'`{path}`' for path in files[name])} |" for name in sorted(files)
    ]
    return "\n".join(["| imported inside a function | by |", "| --- | --- |", *rows]) + "\n"


def main(tree: Path) -> None:
    """Write the picture and the list."""
    sys.path.insert(0, str(tree))
    graph = grimp.build_graph("spdkit", "benchmarks", cache_dir=None)
    (HERE / "floors.svg").write_text(picture(graph), encoding="utf-8")
    page = HERE / "ARCHITECTURE.md"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END, maxsplit=1)[1]
    page.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
