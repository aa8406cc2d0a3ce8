"""The threads at both ends of a pipeline: whatever happens, they end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import vos.stages
from vos.stages import HandOut, LeftError, Prefetch, WriteBehind, available_cores, interrupt_later


def test_an_item_whose_wake_up_call_was_lost_is_consumed_all_the_same() -> None:
    # Ctrl-C in the middle of Queue.put leaves such an item, and once left the consumer waiting for ever.
    consumed, done = list[int](), threading.Event()

    def consume(item: int) -> None:
        consumed.append(item)
        done.set()

    with WriteBehind(consume, 2, "test") as behind:
        threading.Event().wait(0.05)  # the consumer waits by now
        with behind._queue.mutex:
            behind._queue.queue.append(7)
        assert done.wait(5)
    assert consumed == [7]


@pytest.mark.skipif(sys.platform != "linux", reason="no other system binds a process to cores")
def test_only_cores_that_the_process_may_use_are_counted() -> None:
    code = """
import os
from vos.stages import available_cores
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
assert available_cores() == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert available_cores() >= 1


def test_a_thread_that_finds_no_memory_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends before it says that it has begun, and Python's own threads are then waited for without end."""
    monkeypatch.setattr(vos.stages, "_BIRTH", 0.05)
    monkeypatch.setattr(threading, "_start_new_thread", lambda *_, **__: 0)
    monkeypatch.setattr(threading, "_start_joinable_thread", lambda *_, **__: 0, raising=False)
    with pytest.raises(MemoryError):
        Prefetch([1], 1, "read")
    with pytest.raises(MemoryError):
        WriteBehind(print, 1, "write")


def test_a_second_ctrl_c_does_not_wait() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupt_later():
        signal.raise_signal(signal.SIGINT)
        done.append("after the first")
        signal.raise_signal(signal.SIGINT)
        done.append("after the second")
    assert done == ["after the first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("wanted", [True, False])
def test_ctrl_c_waits_where_that_is_wanted(wanted: bool) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupt_later(wanted):
        signal.raise_signal(signal.SIGINT)
        done.append("the rest")
    assert bool(done) is wanted


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to a thread")
def test_ctrl_c_on_leaving_waits_for_what_is_being_written() -> None:
    written = []

    def write(item: int) -> None:
        signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.3)
        written.append(item)

    main = threading.get_ident()
    with pytest.raises(KeyboardInterrupt), interrupt_later(), WriteBehind(write, 2, "write") as results:
        results.put(1)
    assert written == [1]
    written.clear()
    with pytest.raises(KeyboardInterrupt), WriteBehind(write, 2, "write") as results:
        results.put(2)
        time.sleep(0)
    assert written == [2]


def test_what_a_function_hands_out_is_iterated_in_order_and_its_error_comes_last() -> None:
    def work(hand_out: Callable[[int], None]) -> None:
        for number in range(5):
            hand_out(number)
        raise ValueError("at the end")

    seen = []
    with HandOut(work, 1, "work") as numbers, pytest.raises(ValueError, match="at the end"):
        for number in numbers:
            seen.append(number)
    assert seen == [0, 1, 2, 3, 4]


def test_whoever_hands_out_is_told_when_nobody_wants_more() -> None:
    told = []

    def work(hand_out: Callable[[int], None]) -> None:
        try:
            for number in range(1000):
                hand_out(number)
        except LeftError:
            told.append(True)
            raise

    with HandOut(work, 1, "work") as numbers:
        assert next(iter(numbers)) == 0
    assert told == [True]
    assert "work" not in {thread.name for thread in threading.enumerate()}


def test_an_iterable_that_cannot_even_begin_is_an_error_and_nobody_waits() -> None:
    class Broken:
        def __iter__(self) -> Iterator[int]:
            raise ValueError("no beginning")

    with Prefetch(Broken(), 1, "read") as numbers, pytest.raises(ValueError, match="no beginning"):
        next(iter(numbers))
