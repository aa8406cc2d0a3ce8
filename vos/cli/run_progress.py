"""How far a run of ``python -m vos.run`` has come, and how fast it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vos.progress import Progress
from vos.stages import StageTimes


@dataclass
class RunProgress:
    """How many frames of a run are tracked, and how fast; shown by a bar, once there is one."""

    name: str
    times: StageTimes
    bar: Progress | None = None
    tracked: int = 0
    seconds: float = 0.0  # from the beginning to the last result

    @property
    def learning(self) -> float:
        """Seconds of learning the references."""
        return self.times.seconds.get("learn", 0.0)

    @property
    def speed(self) -> float:
        """Frames per second, learning left out."""
        return self.tracked / max(self.seconds - self.learning, 1e-9)

    def on_frame(self, index: int) -> None:
        """Counts a frame."""
        self.tracked += 1
        if self.bar is not None:
            self.bar.update()

    def on_learning(self, begins: bool) -> None:
        """Says that it learns; what is left is estimated by the frames, not by the learning before them."""
        if self.bar is not None:
            self.bar.rename("learning" if begins else self.name)
            if not begins:
                self.bar.unpause()

    def describe(self, frames: int) -> str:
        """Says behind how many ``frames`` have results how many were tracked for them, if not as many, and how fast."""
        if not self.tracked:
            return ", none of them tracked again"
        tracked = "" if self.tracked == frames else f" ({self.tracked} tracked in this run)"
        speed, learning = f"{self.speed:.1f} frames per second", f"{self.learning:.1f} s of learning"
        return f"{tracked} at {speed}, after {learning} the reference"

    def summary(self) -> dict[str, Any]:
        """Says what the run took."""
        seconds = {stage: round(value, 3) for stage, value in self.times.seconds.items()}
        return {"frames_per_second": round(self.speed, 3), "timings_seconds": seconds}
