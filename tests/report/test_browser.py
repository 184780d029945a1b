"""The page in a real browser: nothing overlaps, nothing is clipped, nothing is fetched, in light, dark and on paper."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tenfold.report.palette import contrast

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.browser

OVERLAPS = """() => [...document.querySelectorAll('.plot')].flatMap(plot => {
  const frame = plot.getBoundingClientRect(), found = [];
  const texts = [...plot.querySelectorAll('text')].filter(e => e.textContent.trim()).map(e => {
    const r = e.getBoundingClientRect();
    return {name: plot.id + ': ' + e.textContent, l: r.left, r: r.right, t: r.top, b: r.bottom};
  });
  texts.forEach((a, i) => {
    if (a.l < frame.left - 1 || a.r > frame.right + 1 || a.t < frame.top - 1 || a.b > frame.bottom + 1)
      found.push('clipped ' + a.name);
    texts.slice(i + 1).forEach(b => {
      const wide = Math.min(a.r, b.r) - Math.max(a.l, b.l), high = Math.min(a.b, b.b) - Math.max(a.t, b.t);
      if (wide > 1 && high > 2) found.push(a.name + ' overlaps ' + b.name);
    });
  });
  return found;
})"""

COLOURS = """() => [...document.querySelectorAll('.plot text, main p, main dd, main dt, main li, main td, main th')]
  .filter(e => e.textContent.trim())
  .map(e => [e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color, e.textContent])"""


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is missing: apt-get install -y chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    flags = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")
    flags += ("--disable-background-networking", "--disable-component-update")
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(CHROMIUM), args=list(flags))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(page, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "study.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


def visit(browser, address: str, *, width: int, scheme: str = "light"):
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    seen: list[str] = []
    tab.on("console", lambda message: seen.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: seen.append(f"error: {error}"))
    tab.on("request", lambda request: seen.append(request.url) if request.url != address else None)
    tab.goto(address)
    tab.wait_for_selector("html[data-drawn='6']")
    tab.evaluate("document.fonts.ready")
    return tab, seen


def test_nothing_overlaps_is_clipped_or_fetched(browser, address):
    tab, seen = visit(browser, address, width=1280)
    try:
        for width in (1280, 640, 390):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.wait_for_function(f"document.documentElement.dataset.width == '{width}'")
            assert tab.evaluate("document.querySelectorAll('.plot svg.main-svg').length") >= 6
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert (width, tab.evaluate(OVERLAPS)) == (width, [])
        assert tab.evaluate("document.querySelectorAll('.modebar').length") == 0
        assert [entry for entry in seen if not entry.startswith(("data:", "blob:"))] == []
    finally:
        tab.close()


def test_a_phone_gets_its_own_layout_from_the_start(browser, address):
    tab, seen = visit(browser, address, width=390, scheme="dark")
    try:
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        assert tab.evaluate(OVERLAPS) == []
        assert seen == []
    finally:
        tab.close()


def test_every_text_can_be_read(browser, address):
    tab, _ = visit(browser, address, width=1280, scheme="light")
    try:
        for scheme, ground in (("light", "#ffffff"), ("dark", "#0f1318")):
            tab.emulate_media(color_scheme=scheme)
            tab.wait_for_timeout(200)
            colours = tab.evaluate(COLOURS)
            assert len(colours) > 100
            for colour, text in colours:
                parts = [int(float(part)) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
                assert contrast("#{:02x}{:02x}{:02x}".format(*parts), ground) >= 4.5, (scheme, text, colour)
    finally:
        tab.close()


def test_paper_is_light_and_figures_fit(browser, address):
    tab, _ = visit(browser, address, width=1280, scheme="dark")
    try:
        tab.emulate_media(media="print")
        tab.wait_for_timeout(200)
        widths = tab.evaluate("[...document.querySelectorAll('.plot svg.main-svg')].map(e => e.clientWidth)")
        assert max(widths) <= 688  # A4 less its margins
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab.evaluate(OVERLAPS) == []
        tab.emulate_media(media="screen")
        assert len(tab.pdf(prefer_css_page_size=True)) > 50_000
    finally:
        tab.close()


def test_the_page_of_an_arena_fits_too(browser, tmp_path):
    from test_arena_report import saved

    from tenfold.report.html import report_html

    names = ["auto", "paper", "chinchilla", "power_offset", "m3", "m4", "bnsl1", "power", "last value", "nearest size"]
    tables = [f"table_of_a_long_name_{k}" for k in range(16)]
    errors = {
        name: {table: 0.4 * 0.5 ** ((7 * k + 3 * j) % 8) for j, table in enumerate(tables)}
        for k, name in enumerate(names)
    }
    path = tmp_path / "arena.html"
    path.write_bytes(report_html(saved(errors, dict.fromkeys(names[:8], 0.3), laws=names[:8], tables=16, tasks=16)))
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    seen: list[str] = []
    tab.on("request", lambda request: seen.append(request.url) if request.url != path.as_uri() else None)
    tab.on("pageerror", lambda error: seen.append(f"error: {error}"))
    try:
        tab.goto(path.as_uri())
        tab.wait_for_selector("html[data-drawn='3']")
        for width in (1280, 390):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.wait_for_function(f"document.documentElement.dataset.width == '{width}'")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert (width, tab.evaluate(OVERLAPS)) == (width, [])
            ends = tab.evaluate(
                "[...document.querySelectorAll('caption span')].map(s => s.getBoundingClientRect().right)"
            )
            assert ends  # words under a table do not scroll away with it
            assert max(ends) <= width
        assert seen == []
    finally:
        tab.close()


def test_text_reads_without_scripts(browser, address):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    try:
        tab.goto(address)
        assert tab.locator("h1").inner_text() == "How large should the next model be?"
        assert tab.locator("figcaption").count() == 6
        assert "figures are drawn by a script" in tab.locator("noscript").inner_text()
    finally:
        context.close()
