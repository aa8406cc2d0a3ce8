"""What is found of an object in each photo of its album, and kept: searching takes a while, fitting none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibrating.album_photos import AlbumPhoto, Wanted
from vos.concept.concept import Concept
from vos.io.atomic import atomic_path
from vos.photos.config import MethodConfig
from vos.photos.fine_search import FineSearch
from vos.photos.methods.base import Detection
from vos.photos.methods.registry import make_method
from vos.photos.presence import PresenceScorer
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

FINE_KINDS = ("own", "shrunk")  # of photos that are searched finely; of the others, every second one
Values = tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """One photo.

    Attributes:
        kind: of :class:`calibrating.album_photos.AlbumPhoto`.
        source: likewise.
        score: as it is without a calibration.
        whole: values of ``WholeEvidence``; empty where nothing was found.
        iou: of the mask with the truth.
        fine: values of ``FineEvidence`` of each mask that the fine search finds; None where there was none.
        fine_iou: of these masks with the truth.
    """

    kind: str
    source: str
    score: float
    whole: Values
    iou: float
    fine: tuple[Values, ...] | None
    fine_iou: Values


class Searcher:
    """Looks for one object in photos, in both ways and whatever the first one says."""

    def __init__(self, wanted: Wanted, model: Segmenter) -> None:
        concept = Concept.from_image(wanted.rgb, wanted.mask, model=model)
        self.model, self.scorer = model, PresenceScorer(concept, model)
        self.method = make_method(model, concept, MethodConfig())
        self.fine = FineSearch(model, concept, self.scorer.pictures)

    def row(self, photo: AlbumPhoto, is_fine: bool) -> Row:
        """Searches a photo, also finely or not."""
        embedding = self.model.encode([photo.rgb])[0]
        found = self.method.detect(embedding)
        is_empty = not bool((found.logits > 0).any())
        fine_embedding, fine = self.fine.detect(photo.rgb) if is_fine else (embedding, [])
        return Row(
            photo.kind,
            photo.source,
            self.scorer.score(embedding, found).value,
            () if is_empty else astuple(self.scorer.evidence(embedding, found, photo.rgb)),
            _iou(photo, embedding, found),
            tuple(astuple(self.scorer.fine_evidence(fine_embedding, each, photo.rgb)) for each in fine)
            if is_fine
            else None,
            tuple(_iou(photo, fine_embedding, each) for each in fine),
        )


def _iou(photo: AlbumPhoto, embedding: ImageEmbedding, found: Detection) -> float:
    if photo.truth is None:
        return 0.0
    mask = embedding.geometry.logits_to_original(found.logits[None, None])[0, 0].cpu().numpy() > 0
    union: npt.NDArray[np.bool_] = mask | photo.truth
    return float((mask & photo.truth).sum() / max(1, union.sum()))


def rows_of(wanted: Wanted, album: Callable[[], Iterable[AlbumPhoto]], model: Segmenter, kept: Path) -> list[Row]:
    """Searches an object's album, or reads what was found in it before."""
    if not kept.exists():
        searcher = Searcher(wanted, model)
        lines = [
            json.dumps(asdict(searcher.row(photo, photo.kind in FINE_KINDS or number % 2 == 0))) + "\n"
            for number, photo in enumerate(album())
        ]
        with atomic_path(kept) as path:
            path.write_text("".join(lines), encoding="ascii")
    return [_row(line) for line in kept.read_text(encoding="ascii").splitlines()]


def _row(line: str) -> Row:
    told = json.loads(line)
    told["whole"], told["fine_iou"] = tuple(told["whole"]), tuple(told["fine_iou"])
    fine = None if told["fine"] is None else tuple(tuple(each) for each in told["fine"])
    return Row(**{**told, "fine": fine})
