"""``python -m vos.concept``: makes a concept file from reference photos, and says what is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from vos.cli.compose import compose
from vos.cli.config import ConceptConfig
from vos.cli.exit_code import exit_code
from vos.cli.options import help_text
from vos.concept.concept import Concept
from vos.errors import VosError
from vos.io.images import read_image
from vos.io.masks.reference import read_references
from vos.sam.registry import load_photo_model
from vos.structures import LabelMap

USAGE = """
python -m vos.concept ref_image=dog.jpg ref_mask=dog.png out=rex.concept
python -m vos.concept ref_image=[a.jpg,b.jpg] ref_mask=[a.png,b.png] out=rex.concept     two views of one object
python -m vos.concept ref_image=pets.jpg ref_mask=pets.png ref_id=2 out=tom.concept      one of several in a mask
python -m vos.album images=photos/ concept=rex.concept                                   what it is good for
"""


def main() -> int:
    """The command line; returns the exit code: 0, 2 after a user's error, 130 after Ctrl-C."""
    words = sys.argv[1:]
    if not words or any(word in ("-h", "--help") for word in words):
        print(help_text(ConceptConfig, USAGE))
        return 0

    def make() -> None:
        for one in compose(words, "concept", ConceptConfig):
            run(one.config)

    return exit_code(make)


def run(config: ConceptConfig) -> Concept:
    """Makes one concept file, prints the audit of its references.

    Raises:
        VosError: an option, a photo, a mask or a weights file is missing or wrong, or the file cannot be written.
    """
    if config.out is None:
        raise VosError("there is no name for the concept file; give out=rex.concept")
    images, masks = _paths("ref_image", config.ref_image), _paths("ref_mask", config.ref_mask)
    if len(images) != len(masks):
        raise VosError(f"{len(images)} photos in ref_image= but {len(masks)} masks in ref_mask=; give one per photo")
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    out = Path(config.out).expanduser()
    photos = [read_image(path) for path in images]
    labels = read_references(masks, photos=images)
    object_id = _object_id(config.ref_id, labels)
    model = load_photo_model(config.model, config.checkpoint, config.device, config.precision)
    concept = Concept.from_images(
        photos,
        [label_map.labels for label_map in labels],
        name=config.name or out.stem,
        model=model,
        finetune=config.finetune,
        object_id=object_id,
    )
    concept.save(out)
    for path, view in zip(images, concept.views):
        print(f"{path}: quality {view.audit.quality:.2f}")
        for finding in view.audit.findings:
            print(f"  warning: {finding.kind}: {finding.message}")
    if len(images) > 1:
        print(f"best reference: {images[concept.best_view]}")
    print(f"{out} ({out.stat().st_size / 2**20:.1f} MB, model={model.name})")
    return concept


def _paths(option: str, value: Any) -> list[Path]:
    if value is None:
        raise VosError(f"{option}= is missing; a concept needs ref_image=dog.jpg and its mask, ref_mask=dog.png")
    return [Path(str(item)).expanduser() for item in (value if isinstance(value, (list, tuple)) else [value])]


def _object_id(wanted: int | None, labels: list[LabelMap]) -> int:
    """The one id that the masks are about."""
    ids = sorted({i for label_map in labels for i in label_map.object_ids})
    if wanted is None and len(ids) > 1:
        raise VosError(f"the masks hold the ids {', '.join(map(str, ids))}; choose one with ref_id=")
    if wanted is not None and wanted not in ids:
        raise VosError(f"ref_id={wanted} is not in the masks; they hold {', '.join(map(str, ids))}")
    return ids[0] if wanted is None else wanted


if __name__ == "__main__":
    sys.exit(main())
