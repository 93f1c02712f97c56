"""A real browser for tests: how to find Chromium, and what may not be wrong with a page in it."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Error, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
READABLE = 4.5  # contrast of text, WCAG 2.2, level AA
# Data are drawn in colours, axes and words are not: share of an empty figure's pixels, and fewer.
_FEWEST_COLOURED = 3e-4
_COLOURED = 15  # of 255, between the strongest and the weakest of red, green, blue

# Everything about the page that only the browser knows, in one call.
_MEASURE = """() => {
  const all = open => document.querySelectorAll('details').forEach(e => { e.open = open; });
  all(true);
  const root = document.documentElement;
  const box = element => {
    const b = element.getBoundingClientRect();
    return [b.left + scrollX, b.top + scrollY, b.width, b.height];
  };
  const colour = value => value.match(/[\\d.]+/g).map(Number);
  const background = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || !element.checkVisibility() || element.closest('script, style')) continue;
    const style = getComputedStyle(element);
    const ink = element.closest('svg') ? style.fill : style.color;
    texts.push([words.slice(0, 40), colour(ink), background(element)]);
  }
  const label = (svg, axis) =>
    [...svg.querySelectorAll(`g[id$="matplotlib.axis_${axis}"] > g[id*="text_"] > text`)]
      .map(text => text.textContent).join(' ');
  const wide = [root.scrollWidth, root.clientWidth];
  const tables = [...document.querySelectorAll('table')].map(table => [
    table.id, table.parentElement.scrollWidth, table.parentElement.clientWidth]);
  all(false);
  return {
    wide, tables, texts,
    figures: [...document.querySelectorAll('figure')].map(figure => {
      const svg = figure.querySelector('svg');
      return {
        id: figure.id,
        box: svg ? box(svg) : [0, 0, 0, 0],
        name: svg && svg.getAttribute('role') === 'img' ? svg.getAttribute('aria-label') : '',
        caption: (figure.querySelector('figcaption') || {textContent: ''}).textContent.trim(),
        x: svg ? label(svg, 1) : '', y: svg ? label(svg, 2) : '',
        texts: svg ? [...svg.querySelectorAll('text')].map(t => [t.textContent, box(t)]) : [],
      };
    }),
  };
}"""


@dataclass(frozen=True)
class Screen:
    """How the page is looked at."""

    width: int
    height: int
    scheme: str

    def __str__(self) -> str:
        return f"{self.width}x{self.height}-{self.scheme}"


def executable() -> str | None:
    """Path of a browser that this machine has."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it without a window; without one the test skips, which CI does not allow."""
    path = executable()
    if path is None:
        why = f"no browser: none of {', '.join(NAMES)} is on the path (apt-get install chromium)"
        # The house fails skipped tests in CI; this one says it once more, whatever the house does.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path)
        yield browser
        browser.close()


def problems(browser: Browser, path: Path, screen: Screen) -> list[str]:
    """Open a page and list what is wrong with it; empty when nothing is."""
    context = browser.new_context(
        viewport={"width": screen.width, "height": screen.height},
        color_scheme=screen.scheme,  # type: ignore[arg-type]
        offline=True,
    )
    page = context.new_page()
    found: list[str] = []
    page.on("console", lambda m: found.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: found.append(f"script error: {error}"))
    address = path.as_uri()
    page.on("request", lambda r: found.append(f"asks for {r.url}") if _asks(r.url, address) else 0)
    try:
        page.goto(address)
        measured = page.evaluate(_MEASURE)
        picture = _picture(page)
    except Error as error:
        return [*found, f"browser: {error}"]
    finally:
        context.close()
    found += _too_wide(measured)
    found += _unreadable(measured["texts"])
    for figure in measured["figures"]:
        found += [f"{figure['id']}: {what}" for what in _wrong_figure(figure, picture)]
    return found


def _asks(url: str, address: str) -> bool:
    return url != address and not url.startswith("data:")


def _picture(page: Page) -> Any:
    image = Image.open(io.BytesIO(page.screenshot(full_page=True, animations="disabled")))
    return np.asarray(image.convert("RGB"), dtype=np.int16)


def _too_wide(measured: dict[str, Any]) -> Iterator[str]:
    inner, outer = measured["wide"]
    if inner > outer:
        yield f"the page is {inner} px wide on a screen of {outer} px"
    for name, inner, outer in measured["tables"]:
        if inner > outer:
            yield f"{name}: the table is {inner} px wide in a box of {outer} px"


def _unreadable(texts: list[Any]) -> Iterator[str]:
    for words, ink, paper in texts:
        ratio = contrast(ink, paper)
        if ratio < READABLE:
            yield f"{words!r} has a contrast of {ratio:.1f}"


def contrast(ink: Any, paper: Any) -> float:
    """Ratio of luminances of two colours of 0 … 255, as WCAG 2.2 defines it."""
    light, dark = sorted(map(_luminance, (ink, paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Any) -> float:
    unit = np.asarray(colour[:3], dtype=np.float64) / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _wrong_figure(figure: dict[str, Any], picture: Any) -> Iterator[str]:
    left, top, width, height = figure["box"]
    if len(figure["caption"]) < 20:
        yield "no caption"
    if not figure["name"]:
        yield "no accessible name"
    if width < 100 or height < 50:
        yield f"no picture: {width:.0f} x {height:.0f} px"
        return
    part = picture[round(top) : round(top + height), round(left) : round(left + width)]
    coloured = (np.ptp(part, axis=2) > _COLOURED).mean()
    if coloured < _FEWEST_COLOURED:
        yield f"nothing is drawn: {coloured:.2%} of the pixels are coloured"
    if len(np.unique(part @ (1, 256, 65536))) < 10:
        yield "fewer than 10 colours"
    for axis in "xy":
        if not figure[axis].strip():
            yield f"no label of the {axis} axis"
    yield from _wrong_texts(figure)


def _wrong_texts(figure: dict[str, Any]) -> Iterator[str]:
    left, top, width, height = figure["box"]
    texts = figure["texts"]
    for words, (x, y, w, h) in texts:
        over = max(left - x, top - y, x + w - left - width, y + h - top - height)
        if over > 3:
            yield f"{words!r} stands {over:.0f} px out of the figure"
    for i, (words, a) in enumerate(texts):
        for others, b in texts[i + 1 :]:
            across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
            down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
            # Boxes of lines are higher than their letters.
            if across > 1 and down > 0.35 * min(a[3], b[3]):
                yield f"{words!r} and {others!r} lie on each other"
