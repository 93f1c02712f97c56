"""`docs/FEATURES.md` from the feature specs: ``python -m spdkit.extractors.documentation``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import groupby

from sklearn.base import clone

from spdkit.extractors.base import Extractor, FeatureSpec
from spdkit.extractors.registry import available

_PROFILES = ("paper", "spotgentrack")
_INTRODUCTION = """# Features

Generated from the feature specs by `make docs`; a test holds it true. Numbered columns are shown as
one row. Ranges hold for any input; statistics are over the frames of the window.
"""


def features_markdown() -> str:
    """Return every built-in extractor's columns, in each of its profiles, as Markdown."""
    parts = [_INTRODUCTION]
    for name, cls in available().items():
        if not cls.__module__.startswith("spdkit."):
            continue
        variants = _PROFILES if "profile" in cls().get_params() else (None,)
        for profile in variants:
            extractor = cls() if profile is None else cls(profile=profile)
            parts.append(_section(name, profile, extractor))
    return "\n".join(parts)


def _section(name: str, profile: str | None, extractor: Extractor) -> str:
    specs = extractor.feature_specs
    title = f"## {name}" + (f", profile “{profile}”" if profile else "")
    lines = [title, "", f"{len(specs)} columns, version {extractor.version}.", "", *_table(specs)]
    if "extra" in extractor.get_params():
        wider = clone(extractor).set_params(extra=True).feature_specs
        more = [spec for spec in wider if spec not in specs]
        lines += ["", f"With `extra=True`, {len(more)} more:", "", *_table(more)]
    return "\n".join([*lines, ""])


def _table(specs: Sequence[FeatureSpec]) -> list[str]:
    lines = [
        "| column | family | unit | range | what it is | reference |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for _, group in groupby(specs, key=_numbered_alike):
        members = list(group)
        first, last = members[0], members[-1]
        column = f"`{first.name}`"
        description = first.description
        if len(members) > 1:
            column += f" … `{last.name}`"
            description = _numberless(first, members[1])
        lines.append(
            f"| {column} | {first.family} | {first.unit} | {_range(first)} | {_cell(description)} "
            f"| {_cell(first.reference)} |"
        )
    return lines


def _numbered_alike(spec: FeatureSpec) -> tuple[str, str, float, float]:
    return re.sub(r"_\d+", "_#", spec.name), spec.unit, spec.low, spec.high


def _numberless(first: FeatureSpec, second: FeatureSpec) -> str:
    # The words in which two neighbours differ are their numbers.
    pairs = zip(first.description.split(" "), second.description.split(" "), strict=True)
    return " ".join(a if a == b else re.sub(r"\d+", "i", a) for a, b in pairs)


def _range(spec: FeatureSpec) -> str:
    low = "−∞" if math.isinf(spec.low) else f"{spec.low:g}"
    high = "∞" if math.isinf(spec.high) else f"{spec.high:g}"
    return f"{low} … {high}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(features_markdown(), end="")
