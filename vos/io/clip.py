"""What results say of the clip that they are of: its name, what tells its content from others', and its own ids."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typing_extensions import Self

from vos.io.images import is_image
from vos.io.readers.base import FrameSource

PART = 65536  # bytes; the digest of a longer file is made of such parts, spread evenly over it ...
VIDEO_PARTS, IMAGE_PARTS = 128, 2  # ... so many, so that a run begins at once however long the clip is
VIDEO_FRAMES = ".jpg"  # what the frames of a video are usually exported as


@dataclass(frozen=True)
class Clip:
    """A clip as results name it.

    Attributes:
        name: of its file or folder, without a suffix; the frames' folder in formats that have one.
        digest: 32 hex digits, made of the content and nothing else; of live input at random.
        suffix: of the frames as single images, with the dot.
        other_suffixes: by frame name, where a folder mixes kinds of images.
        original_ids: by object id, where the reference's ids were renumbered.
    """

    name: str
    digest: str
    suffix: str = VIDEO_FRAMES
    original_ids: Mapping[int, int] = field(default_factory=dict)
    other_suffixes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, source: FrameSource, original_ids: Mapping[int, int] | None = None) -> Self:
        """Describes the clip of an open source."""
        path, first = Path(source.path), next(iter(source.files), None)
        if first is None:
            digest = uuid.uuid4().hex if source.is_live else hashlib.blake2b(b"", digest_size=16).hexdigest()
            return cls("frames", digest, original_ids=original_ids or {})
        is_picture = is_image(first)
        name = first.absolute().parent.name if is_picture and not path.is_file() else first.stem
        suffix = first.suffix if is_picture else VIDEO_FRAMES
        others = {each.stem: each.suffix for each in source.files if is_picture and each.suffix != suffix}
        return cls(name or "frames", _digest(source), suffix, original_ids or {}, others)

    @classmethod
    def read(cls, summary: Mapping[str, Any]) -> Self:
        """Reads what :meth:`described` has left in ``summary.json``; a KeyError where there is nothing."""
        told, ids = summary["clip"], summary.get("original_ids") or {}
        return cls(
            str(told["name"]),
            str(told["digest"]),
            str(told["frame_suffix"]),
            {int(own): int(original) for own, original in ids.items()},
            {str(name): str(suffix) for name, suffix in told.get("other_suffixes", {}).items()},
        )

    def described(self) -> dict[str, Any]:
        """Describes itself for ``summary.json``, which has the original ids beside it."""
        others = {"other_suffixes": dict(self.other_suffixes)} if self.other_suffixes else {}
        return {"clip": {"name": self.name, "digest": self.digest, "frame_suffix": self.suffix, **others}}

    def file_name(self, frame: str) -> str:
        """Names the file of a frame as a single image."""
        return f"{frame}{self.other_suffixes.get(frame, self.suffix)}"

    def original_id(self, object_id: int) -> int:
        """Returns the id that an object has in the reference mask."""
        return self.original_ids.get(object_id, object_id)

    @property
    def number(self) -> int:
        """The clip's own number, below 2**28."""
        return int(self.digest[:7], 16)

    def numbered(self, index: int) -> int:
        """Numbers something of the clip, below 2**24, as nothing of another clip is; the number is below 2**52."""
        return (self.number << 24) + index


def _digest(source: FrameSource) -> str:
    """Hashes the sizes of a source's files and what is in them, wherever they lie."""
    found = hashlib.blake2b(digest_size=16)
    parts = VIDEO_PARTS if len(source.files) == 1 else IMAGE_PARTS
    for path in source.files:
        size = path.stat().st_size
        found.update(size.to_bytes(8, "little"))
        with path.open("rb") as file:
            if size <= parts * PART:
                found.update(file.read())
                continue
            for part in range(parts):
                file.seek((size - PART) * part // (parts - 1))
                found.update(file.read(PART))
    return found.hexdigest()
