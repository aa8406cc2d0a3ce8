"""A concept: one personal object, as one or several reference photos have shown it to one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from vos.concept.file import ConceptFile, read_concept, write_concept
from vos.concept.mask_weights import image_weights
from vos.concept.reference_check import best_reference
from vos.concept.reference_view import Mask, Photo, ReferenceView, as_mask, as_rgb, reference_view
from vos.errors import VosError
from vos.io.render import preview, thumbnail_row
from vos.persam.persam_f import FinetuneConfig
from vos.persam.target_feature import Pooling
from vos.sam.registry import cached_model
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, TargetFeature


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
    views: tuple[ReferenceView, ...] = field(repr=False)
    weights: torch.Tensor | None = field(default=None, repr=False)

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
            mask: a file, or (H, W) where non-zero is the object; floating point is cut at half.
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
        """Makes a concept from several photos of the same object; see :meth:`from_image`."""
        if len(images) != len(masks) or not images:
            raise VosError(f"{len(images)} reference photos and {len(masks)} masks; give one mask per photo")
        model = cached_model() if model is None else model
        views, embeddings, pixels = [], [], []
        for image, mask in zip(images, masks):
            rgb = as_rgb(image)
            filled = as_mask(mask, (rgb.shape[0], rgb.shape[1]), object_id, image)
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
        """Finds the number of the best reference, as :func:`vos.concept.reference_check.best_reference` judges."""
        return best_reference([view.check for view in self.views])

    def target(self, pooling: Pooling = "max_mean") -> TargetFeature:
        """Joins all references to one target feature: mean of the pooled vectors, every cell of all of them."""
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

    def _repr_png_(self) -> bytes:
        """Shows itself in a notebook: its reference photos in small, what is not the object faded."""
        return preview(thumbnail_row([view.thumbnail for view in self.views]), ".png")

    def fitted(self, model: Segmenter) -> Concept:
        """Returns this concept for a model: itself where that made it, else its pictures as that model sees them.

        Raises:
            VosError: another model, or other weights, and a file of before 0.4.0, which holds no pictures.
        """
        pictures = [view.picture for view in self.views if view.picture is not None]
        if (model.name, model.checkpoint_sha256) == (self.model_name, self.checkpoint_sha256) or not pictures:
            self.check_model(model)
            return self
        return Concept.from_images(
            [np.ascontiguousarray(picture[..., :3]) for picture in pictures],
            [picture[..., 3] > 0 for picture in pictures],
            name=self.name,
            model=model,
            finetune=self.weights is not None,
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

    def check_features(self, embedding: ImageEmbedding) -> None:
        """Refuses an embedding, of any image by this concept's model, that has other channels than the concept.

        Raises:
            VosError: the file says that it is of this model, and is not.
        """
        own = [len(self.views[0].features), *(len(moments) - 1 for moments in self.views[0].moments)]
        levels = (embedding.features, *embedding.levels[1:]) if embedding.levels else ()  # of the target models
        if own != [len(each) for each in (embedding.features, *levels)]:
            raise VosError(f"the concept {self.name} is damaged: its features are not those of {self.model_name}")

    def save(self, path: str | Path) -> None:
        """Writes a concept file; see :func:`vos.concept.file.write_concept`.

        Raises:
            VosError: the place cannot be written, or holds something that is no concept file.
        """
        contents = ConceptFile(self.name, self.model_name, self.checkpoint_sha256, self.views, self.weights)
        write_concept(path, contents)

    @classmethod
    def load(cls, path: str | Path) -> Concept:
        """Reads a concept file; see :mod:`vos.concept.file`."""
        return cls(*read_concept(path))
