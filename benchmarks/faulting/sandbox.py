"""Runs a command of vos in a forked child of a process that has loaded everything, with faults planted in it.

A fork takes milliseconds where a new process takes seconds. The parent has one thread when it forks.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import mmap
import os
import resource
import signal
import stat
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from faulting import watch
from faulting.fault import NO_FAULT, Fault, Outcome

COMMANDS = {
    "run": "vos.run",
    "batch": "vos.batch.__main__",
    "convert": "vos.convert",
    "evaluate": "vos.evaluate",
    "album": "vos.album.__main__",
    "concept": "vos.concept.__main__",
}


class Program:
    """The commands of vos, imported once, with the models that were loaded by :meth:`warm` kept."""

    def __init__(self) -> None:
        import torch
        import tqdm

        torch.set_num_threads(1)  # pools of threads do not survive a fork
        tqdm.tqdm.monitor_interval = 0  # nor does its thread
        tqdm.tqdm.set_lock(
            threading.RLock()
        )  # its own is shared by processes: one killed with it would stop all others
        self._main: dict[str, Callable[[], int]] = {
            name: importlib.import_module(module).main for name, module in COMMANDS.items()
        }
        workers: Any = importlib.import_module("vos.batch.workers")
        workers.START, workers._live = "fork", partial(_alone, workers._live)
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
        main = self._main[command]  # before the fork: the child must not go on as its parent
        if threading.active_count() > 1:
            raise RuntimeError(f"a fork with threads is not safe: {threading.enumerate()}")
        sys.stdout.flush()
        sys.stderr.flush()
        # Pipes and shared memory: a limit on the size of files is for the run, not for what is written about it.
        pipes, counter = (_pipe(), _pipe()), mmap.mmap(-1, watch.COUNTER.size)
        gc.freeze()  # what the child never looks at stays shared memory
        begin = time.monotonic()
        child = os.fork()
        if child == 0:
            _child(main, ["vos", *words], folder, fault, pipes, counter)
        status, hung, peak = _wait(child, fault, timeout)
        seconds = time.monotonic() - begin
        out, err = (_drained(pipe) for pipe in pipes)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        events, learned = watch.COUNTER.unpack(counter[:])
        return Outcome(code, number, hung, out, err, seconds, events, peak, learned)

    def _keep_models(self) -> None:
        """Loads the same embedded model once: children get what the parent has loaded, each its own copy by fork."""
        segmenter: Any = importlib.import_module("vos.sam.nano.segmenter").NanoSegmenter
        load, kept = segmenter.load, {}

        def loaded(path: Path | None = None, **options: Any) -> Any:
            key = repr(sorted(options.items()))
            if path is not None:
                return load(path, **options)
            if key not in kept:
                kept[key] = load(path, **options)
            return kept[key]

        segmenter.load = staticmethod(loaded)


def _pipe() -> tuple[int, int]:
    """A pipe that takes all that a run says, so that it may be read afterwards."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
    os.set_blocking(reader, False)
    return reader, writer


def _drained(pipe: tuple[int, int]) -> str:
    os.close(pipe[1])
    parts = []
    try:
        while part := os.read(pipe[0], 1 << 20):
            parts.append(part)
    except BlockingIOError:  # a grandchild still holds it
        pass
    os.close(pipe[0])
    return b"".join(parts).decode(errors="replace")


def _wait(child: int, fault: Fault, timeout: float) -> tuple[int, bool, float]:
    """Waits for a child, sends the signal of the fault; returns its status, whether it had to be killed, its MiB."""
    begin, sent = time.monotonic(), fault.after is None
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return status, False, _mebibytes(usage)
        passed = time.monotonic() - begin
        if not sent and fault.after is not None and passed >= fault.after:
            for one in _children(child)[:1] if fault.of_process else [child]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, fault.signal)
            sent = True
        if passed > timeout:
            os.kill(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            return status, True, _mebibytes(usage)
        time.sleep(0.003)


def _alone(live: Callable[..., None], pipe: Any, life: Any, *rest: Any) -> None:
    """Is a forked process of a batch, without the ends of pipes that a new one would not have."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            mode = os.fstat(int(name)).st_mode
            is_pipe = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
            if is_pipe and int(name) not in (0, 1, 2, pipe.fileno(), life.fileno()):
                os.close(int(name))
    live(pipe, life, *rest)


def _children(parent: int) -> list[int]:
    """The processes that a process has begun, as Linux tells."""
    try:
        return [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def _mebibytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _child(
    main: Callable[[], int],
    argv: list[str],
    folder: Path,
    fault: Fault,
    pipes: Sequence[tuple[int, int]],
    counter: mmap.mmap,
) -> None:
    """Becomes the run; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        threading.excepthook = threading.__excepthook__  # a test runner has one of its own
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        sys.dont_write_bytecode = True
        surroundings = {"COLUMNS": None, "LINES": None, "MPLCONFIGDIR": str(folder.parent / "matplotlib")}
        for name, value in {**surroundings, **fault.environ}.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
        _streams(fault, pipes[0][1], pipes[1][1])
        watch.plant(fault, folder, counter)
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


def _streams(fault: Fault, out: int, err: int) -> None:
    """Puts pipes, or something worse, where stdout and stderr are."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    if fault.stdin_closed:
        os.close(0)
    target = os.open("/dev/full", os.O_WRONLY) if fault.stdout == "full" else out
    if fault.stdout == "left":
        reader, target = os.pipe()
        os.close(reader)
    os.dup2(target, 1)
    os.dup2(err, 2)
    sys.stdout = open(1, "w", encoding=fault.encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=fault.encoding, errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
    if fault.stdout == "closed":
        os.close(1)
        sys.stdout = None  # as Python has it when it starts so
