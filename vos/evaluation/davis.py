"""Data sets of videos on disk: which sequences a split has, their frames and annotations, and the label maps in them.

A root folder in DAVIS' layout holds ``JPEGImages/<resolution>/<sequence>/*.jpg``, ``Annotations/<resolution>/
<sequence>/*.png`` and ``ImageSets/<year>/<split>.txt``; in that of YouTube-VOS there is no folder of a resolution.
There, and where some frames have no annotation, the rules are those of YouTube-VOS (Xu et al., 2018, arXiv 1809.03327):
all frames are tracked, the annotated ones are scored, objects may enter later.

Light to import, because every scoring process imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.evaluation.jf import frame_measures
from vos.evaluation.split_list import all_sequences, read_split, visible
from vos.io.masks.label_map import read_labels

YEARS = (2016, 2017)
IMAGES = (".jpg", ".jpeg", ".png")
_VOID = 255


@dataclass(frozen=True, slots=True)
class DavisSequence:
    """One sequence of a data set of videos.

    Attributes:
        name: name of its folders.
        year: 2016 (everything non-zero is object 1) or 2017 (palette ids, 255 = void, counted as background).
        image_folder: folder of its JPEG frames.
        annotations: its PNG annotations, in order.
        is_sparse: frames after the first annotated one may have no annotation: the rules of YouTube-VOS hold.
        has_truth: annotations show how objects go on; false where they only show new ones, whose masks are given.
    """

    name: str
    year: int
    image_folder: Path
    annotations: tuple[Path, ...]
    is_sparse: bool = False
    has_truth: bool = True

    @property
    def scored(self) -> tuple[Path, ...]:
        """The annotations that count: all but the first, which is given, and in DAVIS' rules the last."""
        if not self.has_truth:
            return ()
        return self.annotations[1:] if self.is_sparse else self.annotations[1:-1]

    def images(self) -> tuple[Path, ...]:
        """Lists the frames from the first annotated one on.

        Raises:
            VosError: an annotated frame is missing.
        """
        images = _images(self.image_folder, self.annotations[0])
        found = {path.stem for path in images}
        missing = [path.stem for path in self.annotations if path.stem not in found]
        if missing:
            frame = self.image_folder / f"{missing[0]}.jpg"
            raise VosError(f"frame {frame} is missing ({len(missing)} of {len(self.annotations)}); restore it")
        return images

    def given(self) -> list[tuple[int, npt.NDArray[np.uint8]]]:
        """Reads what the tracker is given: at which annotation, and labels of the objects that are shown there first.

        Raises:
            VosError: an annotation cannot be read, or the first shows no object.
        """
        first = self.reference()
        given, known = [(0, first)], set(np.unique(first).tolist())
        for index, path in enumerate(self.annotations[1:] if self.is_sparse else (), start=1):
            labels = read_annotation(path, self.year)
            if fresh := set(np.unique(labels).tolist()) - known:
                given.append((index, np.where(np.isin(labels, list(fresh)), labels, 0).astype(np.uint8)))
                known |= fresh
        return given

    def reference(self) -> npt.NDArray[np.uint8]:
        """Reads the labels of the first annotation, uint8 (H, W), 0 = background, ids from 1.

        Raises:
            VosError: it cannot be read or shows no object.
        """
        labels = read_annotation(self.annotations[0], self.year)
        if not labels.any():
            hint = "masks of 0 and 255 are read by dataset=davis2016"
            void = self.year == 2017 and bool(_read_labels(self.annotations[0], self.year).any())
            raise VosError(
                f"first annotation {self.annotations[0]} shows no object{f' but void (255); {hint}' if void else ''}"
                f"{'' if void else '; DAVIS defines the objects there'}"
            )
        return labels

    def objects(self) -> dict[int, int]:
        """Tells which objects are scored: their ids, and the annotation that is given of each.

        Ids up to the highest of the first annotation, as DAVIS has it; in sparse sequences all that are ever shown.
        """
        if self.is_sparse:
            return {i: index for index, labels in self.given() for i in np.unique(labels).tolist() if i}
        return dict.fromkeys(range(1, int(self.reference().max()) + 1), 0)

    def results(self, folder: Path) -> tuple[Path, ...]:
        """Lists the result files that go with :attr:`scored`.

        Args:
            folder: holds ``<sequence>/<frame>.png``.

        Raises:
            VosError: the sequence or a frame is missing.
        """
        if not (folder / self.name).is_dir():
            raise VosError(f"results have no sequence {self.name}: {folder / self.name} is missing")
        results = tuple(folder / self.name / path.name for path in self.scored)
        missing = [path for path in results if not path.is_file()]
        if missing:
            raise VosError(
                f"frame {missing[0].stem} of sequence {self.name} is missing from the results: {missing[0]} "
                f"({len(missing)} of {len(results)} frames missing)"
            )
        return results


def read_dataset(
    root: Path,
    year: int,
    split: str | None,
    resolution: str | None = "480p",
    only: Sequence[str] | None = None,
) -> list[DavisSequence]:
    """Lists the sequences of a split, in the order of its list file.

    Args:
        root: the data set's folder.
        year: 2016 or 2017.
        split: name of the list file, e.g. "val"; None = all sequences that there are.
        resolution: folder name, "480p" or "Full-Resolution"; None = sequences lie in JPEGImages and Annotations
            themselves, and the rules are those of YouTube-VOS.
        only: names of the sequences to keep, or None for all.

    Raises:
        VosError: a folder, the list file, a sequence or its annotations are missing; the message names them.
    """
    if year not in YEARS:
        raise VosError(f"dataset year {year} is unknown; choose one of {', '.join(map(str, YEARS))}")
    if not root.is_dir():
        raise VosError(f"data set folder {root} does not exist; set dataset.root to the folder that holds JPEGImages")
    _check_layout(root, resolution)
    names = all_sequences(root, resolution) if split is None else read_split(root, year, split)
    unknown = sorted(set(only or ()) - set(names))
    if unknown:
        where = f"split {split}" if split is not None else str(root)
        raise VosError(f"sequence {unknown[0]} is not in {where}; it has {', '.join(names)}")
    return [_read_sequence(root, year, resolution, name) for name in names if only is None or name in only]


def read_annotation(path: Path, year: int) -> npt.NDArray[np.uint8]:
    """Reads an annotation as labels, uint8 (H, W): one object in 2016; in 2017 the ids, with void as background.

    Raises:
        VosError: the file cannot be read or has no labels.
    """
    labels = _read_labels(path, year)
    return np.where(labels == _VOID, 0, labels).astype(np.uint8) if year == 2017 else labels


def measure_frames(
    annotations: Sequence[Path], results: Sequence[Path], year: int, count: int
) -> npt.NDArray[np.float64]:
    """Measures J and F of the objects 1..``count`` in some frames of one sequence.

    Args:
        annotations: PNG files.
        results: as many PNG files with the same sizes and ids.
        year: 2016 or 2017.
        count: number of objects in the sequence.

    Returns:
        float64 (T, count, 2): J and F, in [0, 1].

    Raises:
        VosError: a file cannot be read, has another size, or a surplus id; the message names it.
    """
    measures = np.empty((len(annotations), count, 2))
    for index, (annotation, result) in enumerate(zip(annotations, results, strict=True)):
        gt, pred = read_annotation(annotation, year), _read_labels(result, year)
        if gt.shape != pred.shape:
            raise VosError(f"result {result} is {_size(pred)}, its annotation is {_size(gt)} (width x height)")
        surplus = int(pred.max(initial=0))
        if surplus > count:
            raise VosError(f"result {result} holds surplus id {surplus}; the sequence has objects 1..{count}")
        measures[index] = frame_measures(gt, pred, count)
    return measures


def _check_layout(root: Path, resolution: str | None) -> None:
    """Raises a VosError where the folders are those of another layout."""
    folder = root / "Annotations" / (resolution or "")
    if resolution is None and (folder / "480p").is_dir():
        raise VosError(f"{folder} has folders of resolutions, as DAVIS; give dataset=davis2017 or davis2016")
    if not folder.is_dir():
        found = ", ".join(path.name for path in visible(folder.parent.glob("*"))[:5]) or "nothing"
        other = " (null = sequences lie there, as in dataset=youtubevos)" if resolution else ""
        raise VosError(f"{folder} does not exist, {folder.parent} holds {found}; set dataset.resolution{other}")


def _read_sequence(root: Path, year: int, resolution: str | None, name: str) -> DavisSequence:
    folder, images = (root / kind / (resolution or "") / name for kind in ("Annotations", "JPEGImages"))
    annotations = tuple(visible(folder.glob("*.png")))
    is_sparse = resolution is None or (bool(annotations) and len(_images(images, annotations[0])) > len(annotations))
    if len(annotations) < (1 if resolution is None else 2 if is_sparse else 3):
        raise VosError(
            f"sequence {name} has {len(annotations)} annotations in {folder}; at least 3 are needed, "
            "because the first and the last do not count (2 where frames lie between them)"
        )
    return DavisSequence(name, year, images, annotations, is_sparse, not is_sparse or _has_truth(annotations, year))


def _has_truth(annotations: Sequence[Path], year: int) -> bool:
    """Whether a later annotation shows how objects go on; some data sets only publish masks of those that enter."""
    known: set[int] = set()
    for path in annotations:
        shown = set(np.unique(read_annotation(path, year)).tolist()) - {0}
        if known & shown or (known and not shown):
            return True
        known |= shown
    return False


def _images(folder: Path, first: Path) -> tuple[Path, ...]:
    """The frames in a folder from that of the first annotation on."""
    found = visible(path for path in folder.glob("*") if path.suffix.lower() in IMAGES)
    return tuple(path for path in found if path.stem >= first.stem)


def _read_labels(path: Path, year: int) -> npt.NDArray[np.uint8]:
    labels = read_labels(path)
    return (labels != 0).astype(np.uint8) if year == 2016 else labels


def _size(labels: npt.NDArray[np.uint8]) -> str:
    return f"{labels.shape[1]}x{labels.shape[0]}"
