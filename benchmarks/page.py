"""How soon the page answers a click, and whether a server that works on and on stays as it was.

    python benchmarks/page.py clip.mp4 [--clicks 20] [--cycles 200] [option=value ...]

Starts ``python -m vos.app`` on the clip. Clicks go through a headless Chromium with its driver (``pip install
selenium``): from the button's way up to the frame with its mask on the screen, on frames that are encoded. A cycle
asks the server as the page does: open, click, track, correct, track again, close; what is told are resident memory and
the files that are left. Ends with status 1 if there are any.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

FRAMES = 24  # that a cycle tracks
CLICK = """
const [x, y, done] = arguments, canvas = document.getElementById("canvas");
Promise.all([import("/store.js"), import("/stage.js")]).then(([{ store, on }]) => {
  const box = canvas.getBoundingClientRect(), before = store.version;
  const at = { clientX: box.left + x * box.width, clientY: box.top + y * box.height, pointerId: 1, button: 0 };
  canvas.setPointerCapture = () => {};
  let begin = 0, isDone = false;
  on("shown", () => { if (!isDone && store.version > before) { isDone = true; done(performance.now() - begin); } });
  canvas.dispatchEvent(new PointerEvent("pointerdown", at));
  begin = performance.now();
  canvas.dispatchEvent(new PointerEvent("pointerup", at));
});
"""
SERVED = """
return performance.getEntriesByType("resource").filter(e => e.name.endsWith("/show")).map(e => e.duration);
"""


def main() -> int:
    """Measures, prints, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--clicks", type=int, default=20, help="a multiple of four; 0 = none")
    parser.add_argument("--cycles", type=int, default=200, help="0 = none")
    parser.add_argument("options", nargs="*", metavar="option=value", help="of vos.app, e.g. tracker.adapt.steps=0")
    given = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(shutil.copy(given.clip, Path(folder) / f"clip{given.clip.suffix}"))
        kept = Path(folder) / "kept"
        kept.mkdir()
        with serving(clip, kept, given.options) as server:
            if given.clicks:
                measure_clicks(server, given.clicks)
            if given.cycles:
                measure_cycles(server, given.cycles, kept)
        left = [path for path in Path(folder).rglob("*") if path not in (clip, kept)]
    print(f"{len(left)} files left")
    return 1 if left else 0


@dataclass(frozen=True)
class Server:
    """A server that runs: its process, and where it listens."""

    process: int
    port: int

    def post(self, path: str, body: object = None) -> Any:
        """Posts as the page does."""
        return json.loads(self._asked("POST", path, json.dumps(body or {})))

    def get(self, path: str) -> Any:
        """Asks as the page does."""
        return json.loads(self._asked("GET", path))

    def _asked(self, method: str, path: str, body: str | None = None) -> bytes:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=300)) as connection:
            connection.request(method, path, body, {"X-Vos-Tab": "benchmark"})
            response = connection.getresponse()
            content = response.read()
        if response.status != 200:
            raise SystemExit(f"{path}: {content.decode()}")
        return content

    def resident(self) -> float:
        """Reads the resident memory of the process, MiB."""
        text = Path(f"/proc/{self.process}/status").read_text(encoding="utf-8")
        return int(text.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def serving(clip: Path, kept: Path, options: Sequence[str]) -> Iterator[Server]:
    """Runs the server, with a folder of its own for what it keeps meanwhile."""
    words = [sys.executable, "-m", "vos.app", str(clip), "port=0", "open=false", *options]
    environment = {**os.environ, "TMPDIR": str(kept)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().strip().rstrip("/").rpartition(":")[2])
        try:
            yield Server(server.pid, port)
        finally:
            server.terminate()
            server.wait(30)


def measure_clicks(server: Server, count: int) -> None:
    """Clicks four times in each of several frames, which are encoded before."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"):
        options.add_argument(word)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        browser.set_script_timeout(60)
        browser.get(f"http://127.0.0.1:{server.port}/")
        time.sleep(3)
        browser.find_element("id", "new-object").click()
        times = list[float]()
        for number in range(count):
            frame = number // 4 * 5
            go = "import('/player.js').then(({go}) => { go(arguments[0]); arguments[1](); })"
            browser.execute_async_script(go, frame)
            while str(browser.find_element("id", "canvas").get_attribute("data-frame")) != str(frame):
                time.sleep(0.05)
            time.sleep(2 if number % 4 == 0 else 0.2)  # the page has a frame encoded where somebody rests
            times.append(browser.execute_async_script(CLICK, 0.4 + number % 4 * 0.05, 0.5))
        served = browser.execute_script(SERVED)
    finally:
        browser.quit()
    for nth in range(4):
        here, there = statistics.median(times[nth::4]), statistics.median(served[nth::4])
        print(f"click {nth + 1} in a frame: mask on the screen after {here:.0f} ms, of these the server {there:.0f}")


def measure_cycles(server: Server, count: int, kept: Path) -> None:
    """Opens, tracks, corrects and closes again and again."""
    for number in range(count):
        cycle(server)
        if number in (0, count // 10, count // 4, count // 2, count - 1):
            files = sum(path.is_file() for path in kept.rglob("*"))
            print(f"after {number + 1} cycles: {server.resident():.0f} MiB, {files} files", flush=True)


def cycle(server: Server) -> None:
    """Does once what somebody does at the page."""
    opened = server.post("/api/open", {"path": server.get("/api/hello")["begin"]})
    work, (width, height) = f"/api/clips/{opened['id']}", (opened["clip"]["width"], opened["clip"]["height"])
    server.post(f"{work}/objects")
    for frame in (0, FRAMES // 2):
        server.post(f"{work}/show", {"frame": frame, "object": 1, "point": [width // 2, height // 2, 1]})
        state = server.post(f"{work}/track", {"start": 0, "end": FRAMES, "direction": "both"})
        while state["job"] is not None:
            time.sleep(0.05)
            state = server.get(f"{work}/state")
    server.post(f"/api/close/{opened['id']}")


if __name__ == "__main__":
    sys.exit(main())
