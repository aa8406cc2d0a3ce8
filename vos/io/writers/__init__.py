"""Outputs of a run: context managers with ``write(segmented)``.

May import the ground, the readers, rendering and the files beside it.
"""

from vos.io.writers.base import Writer
from vos.io.writers.masks import MaskWriter, RleWriter
from vos.io.writers.summary import SummaryWriter
from vos.io.writers.video import CompositeWriter, MatteWriter, OverlayWriter

__all__ = ["CompositeWriter", "MaskWriter", "MatteWriter", "OverlayWriter", "RleWriter", "SummaryWriter", "Writer"]
