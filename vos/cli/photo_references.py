"""Reference photos on the command line: with a mask each, or one photo in which clicks or a box show the object."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vos.cli.config import AlbumConfig, ConceptConfig
from vos.cli.options import paths
from vos.errors import VosError
from vos.io.masks.reference import ReferenceMasks
from vos.sam.segmenter import Segmenter
from vos.structures import Frame
from vos.video.first_masks import answer
from vos.video.reference import Clicked


def reference_photos(config: ConceptConfig | AlbumConfig) -> tuple[list[Path], list[Path], Clicked | None]:
    """Reads ``ref_image=`` with ``ref_mask=``, or with clicks or a box; then there are no masks.

    Raises:
        VosError: there are more photos than masks or the reverse, or clicks that do not go with them.
    """
    photos, masks = paths(config.ref_image), paths(config.ref_mask)
    clicked = Clicked(config.ref_point, config.ref_point_label, config.ref_box, config.ref_candidate)
    if not clicked.options:
        if len(photos) != len(masks):
            said = f"{len(photos)} photos in ref_image= but {len(masks)} masks in ref_mask="
            raise VosError(f"{said}; give one per photo")
        clicked.check()
        return photos, masks, None
    if len(photos) != 1 or masks:
        given = " and ".join(["ref_mask"] * bool(masks) + clicked.options)
        raise VosError(f"clicks or a box show one photo's object instead of a mask; {given} given for {len(photos)}")
    clicked.check()
    return photos, [], clicked


def clicked_mask(clicked: Clicked, photo: Path, rgb: npt.NDArray[np.uint8], model: Segmenter) -> ReferenceMasks:
    """Makes the mask of object 1, and says what is doubtful about it.

    Args:
        clicked: shows the object.
        photo: where it is.
        rgb: the photo, uint8 (H, W, 3).
        model: answers.

    Raises:
        VosError: not inside the photo, or the model finds nothing there.
    """
    prompt = clicked.prompt((rgb.shape[0], rgb.shape[1]))
    (embedding,) = model.encode([rgb])
    found = answer((prompt,), Frame(0, photo.stem, 0.0, rgb), embedding, model)
    (shown,) = found.objects
    print(f"{' and '.join(clicked.options)}: {found.area(shown):,} px, predicted IoU {shown.first.quality:.2f}")
    for issue in shown.issues:
        print(f"warning: reference {photo}: {issue.message}", file=sys.stderr)
    return ReferenceMasks((found.label_map,), {}, {})
