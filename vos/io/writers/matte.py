"""The matte: the frames with the objects' soft alpha, for compositing in an editor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.io.readers.base import FrameSource
from vos.io.render import cutout, union_alpha
from vos.io.writers.base import Writer
from vos.io.writers.encoder import Clock, Encoding, VideoEncoder
from vos.structures import SegmentedFrame

ENCODINGS = {
    # Alternate reference frames do not work with alpha in libvpx.
    ".webm": Encoding(
        "libvpx-vp9",
        "yuva420p",
        {"crf": "20", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1", "auto-alt-ref": "0"},
        metadata={"alpha_mode": "1"},
    ),
    ".mov": Encoding("prores_ks", "yuva444p10le", {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"}),
}


class MatteWriter(Writer):
    """Writes RGB and straight alpha: VP9 with alpha (``.webm``) or ProRes 4444 (``.mov``), by suffix.

    The colours are the frame's own everywhere (straight alpha: not multiplied, nothing blacked out). Alpha is the
    union of all objects, or, with ``per_object``, one file per object: ``matte_1.webm``, ``matte_2.webm``...
    Frame times are the source's own, in WebM to the millisecond. There is no sound.

    Args:
        path: ``.webm`` or ``.mov``.
        source: where the frames come from.
        per_object: one file per object id of the reference.

    Raises:
        VosError: another suffix.
    """

    def __init__(self, path: str | Path, source: FrameSource, per_object: bool = False) -> None:
        super().__init__(path)
        if self.path.suffix.lower() not in ENCODINGS:
            raise VosError(f"matte {self.path} must end in .webm (VP9 with alpha) or .mov (ProRes 4444)")
        self.per_object = per_object
        self._clock = Clock.of(source)
        self._encoders: dict[int, VideoEncoder] = {}  # by object id; 0 = the union

    def _write(self, segmented: SegmentedFrame) -> None:
        for key, alpha in self._alphas(segmented).items():
            if key not in self._encoders:
                name = self.path.with_name(f"{self.path.stem}_{key}{self.path.suffix}") if key else self.path
                encoding = ENCODINGS[self.path.suffix.lower()]
                encoder = VideoEncoder(self._temporary(name), encoding, self._clock, segmented.frame.size)
                self._encoders[key] = self._stack.enter_context(encoder)
            self._encoders[key].write(cutout(segmented.frame.rgb, alpha), segmented.frame.time)

    def _alphas(self, segmented: SegmentedFrame) -> dict[int, npt.NDArray[np.uint8]]:
        """Gives the alpha uint8 (H, W) of each file, by object id."""
        if self.per_object:
            return dict(zip(segmented.label_map.object_ids, object_alphas(segmented)))
        return {0: union_alpha(segmented)}

    def _finish(self) -> None:
        for encoder in self._encoders.values():
            encoder.finish()


def object_alphas(segmented: SegmentedFrame) -> npt.NDArray[np.uint8]:
    """Gives the soft alpha uint8 (N, H, W) of each object; from the hard masks where the frame carries none."""
    if segmented.alpha is not None:
        return segmented.alpha
    return np.asarray(segmented.label_map.masks() * np.uint8(255), dtype=np.uint8)
