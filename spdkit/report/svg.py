"""SVG: a figure that belongs to the page it stands in; colours, names and legends of all figures.

Conventions: texts stay texts, in the page's font; what has the colour of text gets that of the
page, so that one picture serves light and dark; sizes are relative to the figure's box. The same
figure gives the same bytes. Ids carry the figure's name, so that several can stand in one page.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from spdkit.common.messages import needs_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

# Text, axes and lines of reference: the page replaces it by the colour of its text.
TEXT = "#1b1d21"
# Seen on white and on black.
MODEL, OTHER = "#0e8f7e", "#7f868f"
WIDTH = 4.2  # inches; the width at which a telephone shows it, so that 9 points stay 9 points
_STYLE: dict[str, Any] = {
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": TEXT,
    "grid.alpha": 0.12,
    "grid.linewidth": 0.7,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "text.color": TEXT,
    # A dollar sign in a name is no formula.
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "spdkit",
}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def require_matplotlib() -> None:
    """Check that figures can be drawn.

    Raises
    ------
    SpdkitError
        When matplotlib is not installed, with the command that installs it.
    """
    with needs_extra("drawing", "plots"):
        import matplotlib  # noqa: F401


def shortened(name: str, length: int) -> str:
    """A name of at most so many letters, without its middle."""
    name = " ".join(name.split())
    half = length // 2 - 1
    return name if len(name) <= length else f"{name[:half]}…{name[-half:]}"


def legend(ax: Axes, ncols: int, handlelength: float = 1.4) -> Legend:
    """Draw the legend above the axes, where it hides nothing."""
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0)}
    space = {"borderaxespad": 0.2, "columnspacing": 1.0, "handletextpad": 0.4}
    return ax.legend(ncols=ncols, frameon=False, handlelength=handlelength, **place, **space)


def draw(name: str, description: str, height: float, draw_panel: Callable[[Axes], Axes]) -> str:
    """Draw one panel and give it as an ``<svg>`` element.

    Parameters
    ----------
    name : str
        Of letters and hyphens, one in the page.
    description : str
        What a screen reader says.
    height : float
        In inches; the width is `WIDTH`.
    draw_panel : callable
        Gets the ax to draw on.

    Returns
    -------
    str
        HTML: names in the figure are escaped.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    document = io.StringIO()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # The browser has its own fonts: a letter that matplotlib's lacks costs some layout.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(WIDTH, height), dpi=200, layout="constrained")
        FigureCanvasSVG(figure)
        draw_panel(figure.subplots())
        figure.savefig(document, format="svg", metadata=_NO_METADATA)
    return _for_page(document.getvalue(), name, description)


def _for_page(document: str, name: str, description: str) -> str:
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = svg.replace(TEXT, "currentColor")
    # Of the two sizes the box decides, and the view box keeps the shape.
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", svg, count=1)
    label = escape(description, quote=True)
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1).strip()
