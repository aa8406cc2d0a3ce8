"""The page in a real browser, at the width of a desk and of a phone. Skipped where there is none.

A folder named by VOS_SCREENSHOTS gets a picture of each.
"""

from __future__ import annotations

import json
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from browsing import CONTRAST, CONTRASTS, TOO_WIDE, WIDTHS, browsing, look_as, no_browser
from fakes import SIZE, Program, square_clip, square_mask

pytest.importorskip("starlette", reason="the extra vos[app] is not installed")
pytest.importorskip("uvicorn", reason="the extra vos[app] is not installed")
from served_page import Served, serving

if (reason := no_browser()) is not None:
    pytest.skip(reason, allow_module_level=True)
from selenium.webdriver import ActionChains

FRAMES = 36
PATIENCE = 20.0  # seconds


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as driver:
        yield driver


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """The red square, for long enough to be corrected on the way."""
    path = tmp_path / "square.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for image in square_clip(FRAMES, SIZE):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


class User:
    """Somebody at the page: looks, clicks, waits, and complains when nothing happens."""

    def __init__(self, browser: Any, served: Served, width: int, scheme: str = "light") -> None:
        self.browser = browser
        browser.get("about:blank")
        look_as(browser, width, scheme)
        browser.get(served.url)
        self.wait("!document.getElementById('work').hidden")
        self.wait("document.getElementById('canvas').width === 128")

    def ask(self, script: str) -> Any:
        """Evaluates an expression; ``store`` in it is what the page knows."""
        return self.browser.execute_async_script(
            f"const done = arguments[0]; import('/store.js').then(({{store}}) => done({script}));"
        )

    def wait(self, script: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.ask(script):
            said = self.ask("document.getElementById('message').textContent")
            assert time.monotonic() < end, (script, said, self.browser.get_log("browser"))
            time.sleep(0.03)

    def find(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def press(self, selector: str) -> None:
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.find(selector))
        self.find(selector).click()

    def key(self, keys: str) -> None:
        self.find("body").send_keys(keys)

    def point(self, x: int, y: int, then: tuple[int, int] | None = None, shift: bool = False) -> None:
        """Clicks on a pixel of the frame, or drags from there."""
        self.browser.execute_script("document.getElementById('canvas').scrollIntoView({block: 'center'})")
        place = self.ask("(b => [b.left, b.top, b.width])(document.getElementById('canvas').getBoundingClientRect())")
        scale, actions = place[2] / SIZE[1], ActionChains(self.browser, duration=20)
        at = [
            (round(place[0] + (px + 0.5) * scale), round(place[1] + (py + 0.5) * scale))
            for px, py in [(x, y), then or (x, y)]
        ]
        mouse = actions.w3c_actions.pointer_action
        if shift:
            actions.w3c_actions.key_action.key_down("\ue008")
            mouse.pause()
        mouse.move_to_location(*at[0])
        mouse.pointer_down()
        mouse.move_to_location(*at[1])
        mouse.pointer_up()
        actions.perform()
        ActionChains(self.browser).key_up("\ue008").perform()

    def go(self, frame: int) -> None:
        """Goes to a frame by its number."""
        self.browser.execute_script(
            "const n = document.getElementById('number'); n.value = arguments[0]; n.dispatchEvent(new Event('change'))",
            frame,
        )
        self.wait(f"document.getElementById('canvas').dataset.frame === '{frame}'")

    def colours(self, x: int, y: int) -> list[int]:
        """What is on the screen at a pixel of the frame, RGB."""
        found: list[int] = self.ask(_pixel(x, y))
        return found

    def track(self) -> None:
        self.press("#track")
        self.wait("document.getElementById('progress-text').textContent === 'All frames are tracked.'")

    def picture(self, name: str) -> None:
        if folder := os.environ.get("VOS_SCREENSHOTS"):
            self.browser.save_screenshot(str(Path(folder, f"app-{name}.png")))


@pytest.mark.parametrize("width", WIDTHS)
def test_open_click_track_correct_export(
    browser: Any, clip: Path, program: Program, tmp_path: Path, width: str
) -> None:
    """What the page exports are the bytes of the command line with what the page saved."""
    with serving(clip) as served:
        user = User(browser, served, WIDTHS[width])
        assert user.ask("window.innerWidth") == WIDTHS[width]
        before = user.colours(10, 18)
        user.point(15, 23)
        user.wait("document.querySelectorAll('#objects li').length === 1")
        user.wait(f"String({_pixel(10, 18)}) !== '{','.join(map(str, before))}'")  # the mask appears
        user.track()
        assert user.ask(ROW) == ["p" * FRAMES, "1" * FRAMES]
        user.go(30)
        user.point(*square_centre(30))
        user.point(100, 70, shift=True)
        user.wait("Object.keys(store.prompts).length === 2 && document.getElementById('canvas').dataset.frame === '30'")
        user.track()
        user.picture(f"tracked-{width}")
        saved = export(user, tmp_path / "download")
        assert browser.execute_script(TOO_WIDE) == []
        assert errors(browser) == []
    known = json.loads((saved / "prompts.json").read_text())["frames"]
    assert [each["frame"] for each in known] == [0, 30]
    assert known[1]["objects"][0]["mask"].startswith("drawn/")  # the corrected one
    options = [f"video={clip}", f"prompts={saved / 'prompts.json'}", "output=masks", f"output_dir={tmp_path / 'cli'}"]
    assert program(*options) == 0
    masks = sorted((tmp_path / "cli" / "masks").iterdir())
    assert len(masks) == FRAMES
    for path in masks:
        assert (saved / "masks" / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(browser: Any, clip: Path, scheme: str) -> None:
    with serving(clip) as served:
        user = User(browser, served, WIDTHS["desktop"], scheme)
        user.point(15, 23)
        user.wait("Object.keys(store.prompts).length === 1")
        user.track()
        for name, width in WIDTHS.items():
            look_as(browser, width, scheme)
            user.picture(f"{name}-{scheme}")
            assert browser.execute_script(TOO_WIDE) == []
            contrasts = browser.execute_script(CONTRASTS)
            assert len(contrasts) > 20
            assert [each for each in contrasts if each[0] < CONTRAST] == []
        assert set(user.ask("performance.getEntriesByType('resource').map(e => new URL(e.name).host)")) == {
            f"127.0.0.1:{served.port}"
        }
        user.press("#close")
        user.wait("!document.getElementById('open').hidden && document.querySelectorAll('#files li').length")
        user.picture(f"start-phone-{scheme}")
        assert browser.execute_script(TOO_WIDE) == []
        assert [each for each in browser.execute_script(CONTRASTS) if each[0] < CONTRAST] == []


def test_the_keyboard_goes_to_the_very_frame(browser: Any, clip: Path) -> None:
    with serving(clip) as served:
        user = User(browser, served, WIDTHS["desktop"])
        keys = [
            ("\ue014", 1),
            ("\ue014", 2),
            (".", 3),
            ("\ue012", 2),
            ("\ue010", FRAMES - 1),
            (",", FRAMES - 2),
            ("\ue011", 0),
        ]
        for key, frame in keys:
            user.key(key)
            user.wait(f"document.getElementById('canvas').dataset.frame === '{frame}'")
            left = 8 + frame  # of the red square
            assert user.colours(left + 2, 24)[0] > 150 > user.colours(left - 3, 24)[0]
            assert user.colours(left + 13, 24)[0] > 150 > user.colours(left + 18, 24)[0]
        user.go(10)
        user.key("i")
        user.go(20)
        user.key("o")
        assert user.ask("[store.from, store.until]") == [10, 20]
        user.key(" ")
        user.wait("store.frame > 22")
        user.key("k")
        user.key("3v")
        assert user.ask("[store.tool, store.view]") == ["box", "mask"]
        user.go(10)
        user.point(6, 12, then=(40, 40))
        user.wait("store.prompts[10] && store.prompts[10][1].box.length === 4")
        assert user.ask("store.prompts[10][1].box") == pytest.approx([6, 12, 35, 29], abs=1)
        user.key("\ue009z\ue000")
        user.wait("Object.keys(store.prompts).length === 0")


def test_a_second_tab_asks_before_it_takes_over(browser: Any, clip: Path) -> None:
    with serving(clip) as served:
        user = User(browser, served, WIDTHS["desktop"])
        first, address = browser.current_window_handle, browser.current_url
        browser.switch_to.new_window("tab")
        browser.get(address)
        user.wait("document.getElementById('taken-dialog').open")
        user.press("#taken-dialog button[value=take]")
        user.wait("document.getElementById('canvas').width === 128")
        second = browser.current_window_handle
        browser.switch_to.window(first)
        user.press("#new-object")
        user.wait("document.getElementById('message').textContent.includes('another tab')")
        browser.switch_to.window(second)
        browser.refresh()  # the same tab goes on without a question
        user.wait("document.getElementById('canvas').width === 128")
        browser.close()
        browser.switch_to.window(first)
        browser.get_log("browser")


def test_a_broken_clip_is_a_message_and_a_good_one_is_opened(browser: Any, clip: Path, tmp_path: Path) -> None:
    with serving(clip) as served:
        user = User(browser, served, WIDTHS["phone"])
        user.press("#close")
        user.wait("!document.getElementById('open').hidden")
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 99)
        user.find("#file").send_keys(str(broken))
        user.wait("document.getElementById('message').textContent.includes('broken.mp4')")
        assert "Traceback" not in user.ask("document.body.textContent")
        user.find("#file").send_keys(str(clip))
        user.wait("document.getElementById('canvas').width === 128 && store.clip")
        assert user.ask("document.getElementById('message').hidden")
        browser.get_log("browser")


def _pixel(x: int, y: int) -> str:
    return f"[...document.getElementById('canvas').getContext('2d').getImageData({x}, {y}, 1, 1).data].slice(0, 3)"


ROW = "(row => [row.presence, row.current])(store.rows[1])"


def square_centre(frame: int) -> tuple[int, int]:
    rows, columns = np.nonzero(square_mask(frame, SIZE).labels)
    return int(columns.mean()), int(rows.mean())


def export(user: User, folder: Path) -> Path:
    """Downloads masks and prompts; returns the unpacked folder."""
    folder.mkdir()
    behaviour = {"behavior": "allow", "downloadPath": str(folder)}
    user.browser.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    user.press("#export")
    user.wait("document.querySelectorAll('#outputs input').length > 10")
    for name, wanted in (("overlay", False), ("masks", True), ("prompts", True)):
        box = user.find(f"#outputs input[value={name}]")
        if box.is_selected() != wanted:
            user.press(f"#outputs input[value={name}]")
    user.press("#export-go")
    end = time.monotonic() + PATIENCE
    while not (found := list(folder.glob("*.zip"))):
        said = user.find("#export-problem").text
        assert time.monotonic() < end, said
        assert not said, said
        time.sleep(0.05)
    assert found[0].name == "square.zip"
    with zipfile.ZipFile(found[0]) as file:
        file.extractall(folder / "results")
    return folder / "results"


def errors(browser: Any) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
