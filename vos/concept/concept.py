"""A concept: one personal object, as one or several reference photos have shown it to one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.concept.mask_weights import image_weights
from vos.concept.reference_check import Audit, audit, best_reference
from vos.errors import VosError
from vos.io.images import read_image
from vos.io.masks.label_map import read_reference
from vos.persam.target_feature import Pooling, observed_moments, published_coverage, target_feature
from vos.sam.registry import cached_model
from vos.sam.segmenter import Segmenter
from vos.structures import Geometry, ImageEmbedding, TargetFeature
from vos.tracking.config import FinetuneConfig

Photo = str | Path | npt.NDArray[np.uint8]
Mask = str | Path | npt.NDArray[np.bool_] | npt.NDArray[np.uint8]
THUMBNAIL_SIDE = 192  # longer side, pixels
PUBLISHED_MASK_VALUE = 128  # red in PerSeg's palette; the published code's features depend on it


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceView:
    """One reference photo of a concept.

    Attributes:
        features: float32 (C, h, w), the photo's embedding, on the CPU.
        coverage: float32 (h, w) in [0, 1], the share of each cell that the object covers.
        moments: per scale float32 (C' + 1, C' + 2), see :class:`vos.structures.TargetFeature`.
        published_cells: bool (h, w), the cells that the published code would pool (``method=persam_reference``).
        geometry: of the photo.
        area: of the mask, original pixels.
        audit: what is wrong with it.
        thumbnail: uint8 (H', W', 4) RGBA, the photo in small with the mask as alpha, for people.
    """

    features: torch.Tensor
    coverage: torch.Tensor
    moments: tuple[torch.Tensor, ...]
    published_cells: torch.Tensor
    geometry: Geometry
    area: float
    audit: Audit
    thumbnail: npt.NDArray[np.uint8]

    def target(self, pooling: Pooling = "max_mean") -> TargetFeature:
        """What the object looks like in this photo."""
        return replace(target_feature(self.features, self.coverage, pooling), moments=self.moments)


@dataclass(frozen=True, slots=True, eq=False)
class Concept:
    """What an album, a video or a camera is searched for. Belongs to the model that made it.

    Attributes:
        name: what the object is called.
        model_name: registry name of the model.
        checkpoint_sha256: hash of its weights.
        views: one per reference photo, at least one.
        weights: float32 (3,), PerSAM-F's mask weights, or None if they were not tuned.
    """

    name: str
    model_name: str
    checkpoint_sha256: str
    views: tuple[ReferenceView, ...]
    weights: torch.Tensor | None = None

    @classmethod
    def from_image(
        cls,
        image: Photo,
        mask: Mask,
        *,
        name: str = "object",
        model: Segmenter | None = None,
        finetune: bool | FinetuneConfig = False,
        object_id: int | None = None,
    ) -> Concept:
        """Makes a concept from one photo and its mask.

        Args:
            image: a file, or uint8 (H, W, 3) RGB.
            mask: a file, or (H, W) where non-zero is the object.
            name: what the object is called.
            model: that will search for it; None = the default model.
            finetune: also tune PerSAM-F's mask weights, for ``method="persam_f"``.
            object_id: which id of the mask is the object; None = everything that is not background.

        Raises:
            VosError: a file is missing or damaged, the sizes differ, or the mask is empty.
        """
        return cls.from_images([image], [mask], name=name, model=model, finetune=finetune, object_id=object_id)

    @classmethod
    def from_images(
        cls,
        images: Sequence[Photo],
        masks: Sequence[Mask],
        *,
        name: str = "object",
        model: Segmenter | None = None,
        finetune: bool | FinetuneConfig = False,
        object_id: int | None = None,
    ) -> Concept:
        """As :meth:`from_image`, from several photos of the same object."""
        if len(images) != len(masks) or not images:
            raise VosError(f"{len(images)} reference photos and {len(masks)} masks; give one mask per photo")
        model = cached_model() if model is None else model
        views, embeddings, pixels = [], [], []
        for image, mask in zip(images, masks):
            rgb = as_rgb(image)
            filled = as_mask(mask, (rgb.shape[0], rgb.shape[1]), object_id)
            embedding = model.encode([rgb])[0]
            views.append(reference_view(rgb, filled, embedding))
            embeddings.append(embedding)
            pixels.append(filled)
        concept = cls(name, model.name, model.checkpoint_sha256, tuple(views))
        if not finetune:
            return concept
        best = concept.best_view
        options = FinetuneConfig.image(finetune)
        weights = image_weights(model, embeddings[best], views[best], pixels[best], options)
        return cls(name, model.name, model.checkpoint_sha256, tuple(views), weights.cpu())

    @property
    def best_view(self) -> int:
        """The number of the best reference, as :func:`vos.concept.reference_check.best_reference` judges."""
        return best_reference([view.audit for view in self.views])

    def target(self, pooling: Pooling = "max_mean") -> TargetFeature:
        """All references as one target feature: mean of the pooled vectors, every cell of all of them."""
        targets = [view.target(pooling) for view in self.views]
        embedding = torch.stack([target.embedding for target in targets]).mean(dim=0)
        direction = torch.stack([target.direction for target in targets]).mean(dim=0)
        background = torch.stack([target.background_direction for target in targets]).mean(dim=0)
        return TargetFeature(
            embedding=embedding,
            direction=F.normalize(direction, dim=0),
            foreground=torch.cat([target.foreground for target in targets]),
            background=torch.cat([target.background for target in targets]),
            background_direction=F.normalize(background, dim=0),
            moments=tuple(torch.stack(scale).mean(dim=0) for scale in zip(*(target.moments for target in targets))),
        )

    def check_model(self, model: Segmenter) -> None:
        """Refuses a model that this concept was not made with: its features would mean nothing there.

        Raises:
            VosError: another model, or other weights.
        """
        if model.name != self.model_name:
            raise VosError(
                f"the concept {self.name} was made with model={self.model_name}, not {model.name}; "
                f"use model={self.model_name}, or make the concept again"
            )
        if model.checkpoint_sha256 != self.checkpoint_sha256:
            raise VosError(
                f"the concept {self.name} was made with other weights of {model.name} (SHA-256 "
                f"{self.checkpoint_sha256[:12]}, now {model.checkpoint_sha256[:12]}); make the concept again"
            )

    def save(self, path: str | Path) -> None:
        """Writes a concept file; see :mod:`vos.concept.file`."""
        from vos.concept.file import write_concept

        write_concept(path, self)

    @classmethod
    def load(cls, path: str | Path) -> Concept:
        """Reads a concept file; see :mod:`vos.concept.file`."""
        from vos.concept.file import read_concept

        return read_concept(path)


def as_rgb(image: Photo) -> npt.NDArray[np.uint8]:
    """A photo as uint8 (H, W, 3) RGB, from a file or an array.

    Raises:
        VosError: a file that cannot be read, or an array of another kind.
    """
    if isinstance(image, (str, Path)):
        return read_image(image)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        kind = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise VosError(f"the image is {kind}; give a file or a uint8 array (H, W, 3), RGB")
    if min(image.shape) < 1:
        raise VosError(f"the image is empty: {image.shape}")
    return image


def as_mask(mask: Mask, size: tuple[int, int], object_id: int | None = None) -> npt.NDArray[np.bool_]:
    """A reference mask as bool (H, W), from a file or an array.

    Args:
        mask: a file, or an array (H, W).
        size: (H, W) of its photo.
        object_id: the id to take; None = everything that is not background.

    Raises:
        VosError: another size, no such object, or nothing in it.
    """
    labels = read_reference(mask, size).labels if isinstance(mask, (str, Path)) else np.asarray(mask)
    if labels.shape != size:
        raise VosError(f"the mask is {labels.shape}, its photo {size} (height x width); draw it at the photo's size")
    filled = labels != 0 if object_id is None else labels == object_id
    if not filled.any():
        ids = ", ".join(str(i) for i in np.unique(labels) if i) or "none"
        raise VosError(f"the mask holds no object {'' if object_id is None else object_id} (ids in it: {ids})")
    return np.asarray(filled, dtype=np.bool_)


def reference_view(rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], embedding: ImageEmbedding) -> ReferenceView:
    """Keeps of a reference photo what the methods need.

    Args:
        rgb: uint8 (H, W, 3).
        mask: bool (H, W), not empty.
        embedding: of the photo.
    """
    geometry = embedding.geometry
    features = embedding.features.detach().float().cpu().clone()
    coverage = geometry.mask_to_grid(torch.from_numpy(mask)[None])[0]
    low_res = geometry.mask_to_low_res(torch.from_numpy(mask)[None])[0]
    published = published_coverage(mask, geometry, PUBLISHED_MASK_VALUE)
    return ReferenceView(
        features=features,
        coverage=coverage,
        moments=tuple(each[0].cpu() for each in observed_moments(embedding, low_res[None].to(embedding.features))),
        published_cells=published > min(0.5, 0.8 * float(published.max())),
        geometry=geometry,
        area=float(mask.sum()),
        audit=audit(mask, features, coverage, target_feature(features, coverage), geometry),
        thumbnail=_thumbnail(rgb, mask),
    )


def _thumbnail(rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    scale = min(1.0, THUMBNAIL_SIDE / max(mask.shape))
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    rgba = np.dstack([rgb, mask.astype(np.uint8) * 255])
    return np.asarray(cv2.resize(rgba, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
