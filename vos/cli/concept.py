"""From the options of ``python -m vos.concept`` to a concept file, and what is said on the screen meanwhile."""

from __future__ import annotations

import glob
import sys
from collections.abc import Sequence
from pathlib import Path

from vos.cli.compose import Run, do_all
from vos.cli.config import ConceptConfig
from vos.cli.outcome import Outcome
from vos.cli.photo_references import clicked_mask, reference_photos
from vos.concept.concept import Concept
from vos.concept.file import CONCEPT
from vos.errors import VosError
from vos.io.atomic import remove_leftovers
from vos.io.images import read_image
from vos.io.masks.reference import ReferenceMasks, read_references
from vos.sam.device import set_threads
from vos.sam.registry import load_photo_model


def run_all(runs: Sequence[Run[ConceptConfig]]) -> Outcome:
    """Makes each concept file of the command line."""

    def work(one: Run[ConceptConfig]) -> Outcome:
        return Outcome(len(run(one.config).views), (Path(one.config.out or ""),))

    return do_all(runs, work)


def run(config: ConceptConfig) -> Concept:
    """Makes one concept file, prints what is to be mended about its references.

    Raises:
        VosError: an option, a photo, a mask or a weights file is missing or wrong, or the file cannot be written.
    """
    if config.out is None:
        raise VosError("there is no name for the concept file; give out=rex.concept")
    shown = config.ref_mask or config.ref_box or config.ref_point
    for option, names in (("ref_image", config.ref_image), ("ref_mask", shown)):
        if not names:
            raise VosError(f"{option}= is missing; a concept needs ref_image=dog.jpg and its mask, ref_mask=dog.png")
    images, masks, clicked = reference_photos(config)
    set_threads(config.threads, embedded=False)
    out = Path(config.out)
    _keep_strangers(out, [*images, *masks])
    photos = [read_image(path) for path in images]
    given = None if clicked is not None else read_references(masks, photos=images)
    if given is not None:
        print(f"ref_mask: {given.describe()}")
    model = load_photo_model(config.model, config.checkpoint, config.device, config.precision, config.engine)
    if clicked is not None:
        given = clicked_mask(clicked, images[0], photos[0], model)
    assert given is not None
    object_id = _object_id(config.ref_id, given)
    concept = Concept.from_images(
        photos,
        [label_map.labels for label_map in given.label_maps],
        name=config.name or out.stem,
        model=model,
        finetune=config.finetune,
        object_id=object_id,
    )
    concept.save(out)
    for path, view in zip(images, concept.views):
        print(f"{path}: quality {view.check.quality:.2f}")
        for issue in view.check.issues:
            print(f"warning: reference {path}: {issue.kind}: {issue.message}", file=sys.stderr)
    if len(images) > 1:
        print(f"best reference: {images[concept.best_view]}")
    print(f"{out} ({out.stat().st_size / 2**20:.1f} MB, model={model.name})")
    return concept


def _keep_strangers(out: Path, inputs: Sequence[Path]) -> None:
    """Makes sure that only a concept file is replaced, and removes what killed runs left of writing it."""
    if out.resolve() in {path.resolve() for path in inputs}:
        raise VosError(f"out={out} is a reference of the concept; give the concept a name of its own")
    CONCEPT.keep_strangers(out)
    remove_leftovers(out.parent, [glob.escape(out.name)])


def _object_id(wanted: int | None, given: ReferenceMasks) -> int:
    """Finds the one id that the masks are about; they may be called by the number that the files have for them."""
    ids = sorted({i for label_map in given.label_maps for i in label_map.object_ids})
    said = ", ".join(str(given.original_ids.get(i, i)) for i in ids)
    if wanted is None and len(ids) > 1:
        raise VosError(f"the masks hold the ids {said}; choose one with ref_id=")
    called = {i: i for i in ids} | {number: i for i, number in given.original_ids.items()}
    if wanted is not None and wanted not in called:
        raise VosError(f"ref_id={wanted} is not in the masks; they hold {said}")
    return ids[0] if wanted is None else called[wanted]
