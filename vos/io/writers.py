"""All outputs in one place to import from. Each is a context manager with ``write(segmented)``."""

from vos.io.mask_writer import MaskWriter
from vos.io.matte_writer import MatteWriter
from vos.io.rle_writer import RleWriter
from vos.io.video_writer import OverlayWriter
from vos.io.writer import Writer

__all__ = ["MaskWriter", "MatteWriter", "OverlayWriter", "RleWriter", "Writer"]
