"""All outputs in one place to import from. Each is a context manager with ``write(segmented)``."""

from vos.io.writers.base import Writer
from vos.io.writers.masks import MaskWriter
from vos.io.writers.matte import MatteWriter
from vos.io.writers.overlay import OverlayWriter
from vos.io.writers.rle import RleWriter

__all__ = ["MaskWriter", "MatteWriter", "OverlayWriter", "RleWriter", "Writer"]
