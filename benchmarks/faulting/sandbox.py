"""Runs a command of vos in a forked child of a process that has loaded everything, with faults planted in it.

A fork takes milliseconds where a new process takes seconds. The parent has one thread when it forks.
"""

from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink", "shutil.rmtree"}


@dataclass(frozen=True)
class Fault:
    """What happens to a run.

    Attributes:
        at_event: the signal comes at the n-th time that Python opens a file to write, renames or deletes.
        after: or after so many seconds.
        signal: which.
        state_every_frame: the state of the tracker is saved after each frame, not after seconds.
        limits: of the system, e.g. {"FSIZE": 1000}, see the module resource.
        stdout: "file", or "closed", "full" (a full device), "left" (a pipe whose reader has gone).
        encoding: of stdout and stderr.
        environ: environment variables that are set, or unset where None.
        stdin_closed: there is no standard input.
    """

    at_event: int | None = None
    after: float | None = None
    signal: int = signal.SIGKILL
    state_every_frame: bool = False
    limits: dict[str, int] = field(default_factory=dict)
    stdout: str = "file"
    encoding: str = "utf-8"
    environ: dict[str, str | None] = field(default_factory=dict)
    stdin_closed: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a run ended: exit code or signal (None: the other), whether it hung, what it said, how long it took."""

    code: int | None
    signal: int | None
    hung: bool
    out: str
    err: str
    seconds: float
    events: int = 0


NO_FAULT = Fault()
COMMANDS = {  # in which module each is; 0.3.0 has others
    "run": ("vos.run",),
    "evaluate": ("vos.evaluate",),
    "album": ("vos.album.__main__", "vos.album"),
    "concept": ("vos.concept.__main__", "vos.concept"),
}


class Program:
    """The commands of vos, imported once, with the models that were loaded by :meth:`warm` kept.

    Args:
        log: folder for what the children say.
    """

    def __init__(self, log: Path) -> None:
        import torch
        import tqdm

        torch.set_num_threads(1)  # pools of threads do not survive a fork
        tqdm.tqdm.monitor_interval = 0  # nor does its thread
        self._log = log
        self._main: dict[str, Callable[[], int]] = {}
        for name, modules in COMMANDS.items():
            self._main[name] = _main(modules)
        self._keep_models()

    def warm(self, command: str, words: Sequence[str], folder: Path) -> None:
        """Runs a command in this process, so that its models and traces are there for all children.

        Raises:
            RuntimeError: it failed.
        """
        before, argv = Path.cwd(), sys.argv
        os.chdir(folder)
        try:
            sys.argv = ["vos", *words]
            if code := self._main[command]():
                raise RuntimeError(f"warming up failed with exit code {code}: {command} {' '.join(words)}")
        finally:
            os.chdir(before)
            sys.argv = argv

    def run(
        self, command: str, words: Sequence[str], folder: Path, fault: Fault = NO_FAULT, timeout: float = 30.0
    ) -> Outcome:
        """Runs ``python -m vos.<command> words`` in ``folder``."""
        if threading.active_count() > 1:
            raise RuntimeError(f"a fork with threads is not safe: {threading.enumerate()}")
        files = [self._log / name for name in ("stdout", "stderr", "events")]
        for file in files:
            file.write_bytes(b"")
        sys.stdout.flush()
        sys.stderr.flush()
        begin = time.monotonic()
        child = os.fork()
        if child == 0:
            _child(self._main[command], ["vos", *words], folder, fault, files)
        status, hung = _wait(child, fault, timeout)
        seconds = time.monotonic() - begin
        out, err, events = (file.read_text(encoding="utf-8", errors="replace") for file in files)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        return Outcome(code, number, hung, out, err, seconds, int(events or 0))

    def _keep_models(self) -> None:
        """Loads the same embedded model once: children get what the parent has loaded, each its own copy by fork."""
        segmenter: Any = importlib.import_module(
            "vos.sam.nano.segmenter" if importlib.util.find_spec("vos.sam.nano.segmenter") else "vos.nano.segmenter"
        ).NanoSegmenter
        load, kept = segmenter.load, {}

        def loaded(path: Path | None = None, **options: Any) -> Any:
            key = repr(sorted(options.items()))
            if path is not None:
                return load(path, **options)
            if key not in kept:
                kept[key] = load(path, **options)
            return kept[key]

        segmenter.load = staticmethod(loaded)


def _main(modules: Sequence[str]) -> Callable[[], int]:
    for name in modules:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        if hasattr(module, "main"):
            return cast(Callable[[], int], module.main)
    raise RuntimeError(f"no command in {', '.join(modules)}")


def _wait(child: int, fault: Fault, timeout: float) -> tuple[int, bool]:
    """Waits for a child, sends the signal of the fault; returns its status and whether it had to be killed."""
    begin, sent = time.monotonic(), fault.after is None
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status, False
        passed = time.monotonic() - begin
        if not sent and fault.after is not None and passed >= fault.after:
            os.kill(child, fault.signal)
            sent = True
        if passed > timeout:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1], True
        time.sleep(0.003)


def _child(main: Callable[[], int], argv: list[str], folder: Path, fault: Fault, files: Sequence[Path]) -> None:
    """Becomes the run; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        threading.excepthook = threading.__excepthook__  # a test runner has one of its own
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        for name, value in {**dict.fromkeys(("COLUMNS", "LINES")), **fault.environ}.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
        _streams(fault, files)
        _plant(fault, folder, files[2])
        sys.argv = argv
        code = main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # as the interpreter does: waits for threads
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None:
                    stream.flush()
            except (OSError, ValueError):
                code = 120  # what the interpreter exits with
        os._exit(code if isinstance(code, int) else 1)


def _streams(fault: Fault, files: Sequence[Path]) -> None:
    """Puts files, or something worse, where stdout and stderr are."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    if fault.stdin_closed:
        os.close(0)
    target = os.open("/dev/full" if fault.stdout == "full" else files[0], os.O_WRONLY | os.O_APPEND)
    if fault.stdout == "left":
        reader, target = os.pipe()
        os.close(reader)
    os.dup2(target, 1)
    os.dup2(os.open(files[1], os.O_WRONLY | os.O_APPEND), 2)
    sys.stdout = open(1, "w", encoding=fault.encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=fault.encoding, errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
    if fault.stdout == "closed":
        os.close(1)


def _plant(fault: Fault, folder: Path, counter: Path) -> None:
    """Sets limits, and counts what is written until the signal is due."""
    if fault.state_every_frame:
        import vos.video.direction as direction

        direction.STATE_INTERVAL = 0.0
    descriptor = os.open(counter, os.O_WRONLY)
    below, seen = str(folder), 0

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event == "open":
            path, _, flags = arguments
            if not isinstance(path, (str, bytes)) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
        elif event not in WRITES:
            return
        path = os.path.abspath(os.fsdecode(arguments[0])) if not isinstance(arguments[0], int) else ""  # noqa: PTH100
        if not path.startswith(below):
            return
        if seen == fault.at_event:
            os.kill(os.getpid(), fault.signal)
        seen += 1
        os.pwrite(descriptor, str(seen).encode(), 0)

    sys.addaudithook(on_event)
    for name, limit in fault.limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
