"""The pipeline of an album: read -> encode -> search -> write. The first two run ahead, the last behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from vos.album.listing import AlbumPhoto
from vos.album.outputs import PhotoOutputs, describe
from vos.album.records import PhotoRecord, Records
from vos.concept.concept import Concept
from vos.errors import VosError
from vos.io.images import read_image
from vos.photos.result import PhotoResult
from vos.photos.segmenter import PhotoSegmenter
from vos.stages import Prefetch, StageTimes, WriteBehind
from vos.structures import ImageEmbedding

PENDING = 2  # photos that wait between two stages; a dozen megapixels each

Rgb = npt.NDArray[np.uint8]


@dataclass
class AlbumPipeline:
    """What stays the same from photo to photo.

    Attributes:
        segmenter: model, method and threshold.
        concepts: what is looked for, by object id.
        fingerprint: of everything that the segmentation depends on.
        outputs: what is written for each photo.
        root: absolute folder of the album.
        on_photo: called after each photo that was searched.
        on_broken: called with each photo that could not be, and why.
    """

    segmenter: PhotoSegmenter
    concepts: dict[int, Concept]
    fingerprint: str
    outputs: PhotoOutputs
    root: str = ""
    on_photo: Callable[[AlbumPhoto], None] = lambda photo: None
    on_broken: Callable[[AlbumPhoto, VosError], None] = lambda photo, error: None
    timings: StageTimes = field(default_factory=StageTimes)


@dataclass(frozen=True)
class _Searched:
    """What travels from the search to the writers."""

    photo: AlbumPhoto
    identity: list[int]
    rgb: Rgb
    results: list[PhotoResult]
    outputs: list[str]


def segment_album(photos: Sequence[AlbumPhoto], records: Records, pipeline: AlbumPipeline) -> StageTimes:
    """Searches the photos and writes what is not there yet.

    Args:
        photos: of the album.
        records: of what is finished; it grows photo by photo.
        pipeline: what to look for, and what to write.

    Returns:
        Seconds of work per stage.

    Raises:
        VosError: the results cannot be written. A photo that cannot be read is reported and left out.
        KeyboardInterrupt: Ctrl-C, after the photos that were searched are written.
    """
    wanted = pipeline.outputs.wanted()
    missing = {photo.key: records.missing(photo, pipeline.fingerprint, wanted) for photo in photos}
    to_do = [photo for photo in photos if missing[photo.key]]
    concepts = list(pipeline.concepts.values())

    def finish(item: _Searched) -> None:
        with pipeline.timings.measure("write"):
            results = dict(zip(pipeline.concepts, item.results))
            files, crops = pipeline.outputs.write(item.photo.name, item.rgb, results, item.outputs)
            objects = [describe(object_id, result) for object_id, result in results.items()]
            size = (item.rgb.shape[0], item.rgb.shape[1])
            key, identity = item.photo.key, item.identity
            records.add(
                item.photo, PhotoRecord(key, identity, pipeline.fingerprint, files, size, objects, crops, pipeline.root)
            )

    with (
        WriteBehind(finish, PENDING, "write") as behind,
        Prefetch(_encode(to_do, pipeline), PENDING, "encode") as encoded,
    ):
        for photo, identity, rgb, embedding in encoded:
            if isinstance(embedding, VosError):
                pipeline.on_broken(photo, embedding)
                continue
            with pipeline.timings.measure("search"):
                results = pipeline.segmenter.segment_embedding(embedding, concepts, rgb)
            behind.put(_Searched(photo, identity, rgb, results, missing[photo.key]))
            pipeline.on_photo(photo)
    return pipeline.timings


def _encode(photos: Iterable[AlbumPhoto], pipeline: AlbumPipeline) -> Iterator[tuple[AlbumPhoto, list[int], Rgb, Any]]:
    """Photos with pixels and embedding, or with what is wrong with them; reading runs ahead on a further thread."""
    with Prefetch(pipeline.timings.each("read", _read(photos)), PENDING, "read") as ahead:
        for photo, identity, rgb in ahead:
            if isinstance(rgb, VosError):
                yield photo, identity, np.zeros((0, 0, 3), np.uint8), rgb
                continue
            with pipeline.timings.measure("encode"):
                embedding: ImageEmbedding = pipeline.segmenter.model.encode([rgb])[0]
            yield photo, identity, rgb, embedding


def _read(photos: Iterable[AlbumPhoto]) -> Iterator[tuple[AlbumPhoto, list[int], Rgb | VosError]]:
    for photo in photos:
        identity: list[int] = []
        try:
            identity = photo.identity()
            yield photo, identity, read_image(photo.path)
        except OSError as error:
            yield photo, identity, VosError(f"{photo.path} cannot be read ({error.strerror or error})")
        except VosError as error:
            yield photo, identity, error
