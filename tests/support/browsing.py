"""A headless Chromium for tests of pages, and questions about what it shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

WIDTHS = {"desktop": 1280, "phone": 380}

CONTRAST = 4.5  # of text, WCAG AA
# Of every element that holds text itself: the contrast of its colour with what is painted behind it.
CONTRASTS = """
const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
  if (c !== 'rgba(0, 0, 0, 0)') return c; } return 'rgb(255, 255, 255)'; };
const hasText = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
const contrast = e => { const a = light(getComputedStyle(e).color), b = light(behind(e));
  return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.tagName, e.textContent.slice(0, 40)]; };
return [...document.querySelectorAll('main *')].filter(hasText).filter(e => e.getClientRects().length).map(contrast);
"""
# Everything that sticks out of the page, unless it lies in something that scrolls.
TOO_WIDE = """
return [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') || e.matches('.scroll'))
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.tagName + ' ' + e.className + ' ' + e.textContent.slice(0, 40));
"""


def no_browser() -> str | None:
    """Says why there is no browser; None = there is one."""
    if find_spec("selenium") is None:
        return "selenium is not installed"
    return None if _browser() and shutil.which("chromedriver") else "there is no Chromium with its driver"


def _browser() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browsing() -> Iterator[Any]:
    """Opens a browser, headless, which keeps what pages log."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = _browser() or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_page_load_timeout(30)
    yield driver
    driver.quit()


def look_as(browser: Any, width: int, scheme: str) -> None:
    """Has the size of a window, the touch of a phone where it is narrow, and a colour scheme."""
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
