"""The threads at both ends of a pipeline: whatever happens, they end."""

from __future__ import annotations

import threading

from vos.stages import WriteBehind


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
