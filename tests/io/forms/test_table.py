"""MOTS, MOT and the table, read by the programs that they are for."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.forms.table import MotsWriter
from vos.structures import LabelMap

from .conftest import COUNT, NAMES, Form, result_of

MISSING = "trackeval reads MOTS: pip install --no-deps trackeval"


def challenge(kind: str, form: Form, folder: Path) -> dict[str, Any]:
    """Lays a file out as both, ground truth and results, and says where."""
    for path in (folder / "gt/clip/gt/gt.txt", folder / "ours/vos/data/clip.txt"):
        path.parent.mkdir(parents=True)
        text = form.path.read_text()
        # In MOT's ground truth a mark, a class and a share of visibility follow the box.
        path.write_text(re.sub(r"[^,]+,-1,-1,-1", "1,1,1", text) if kind == "mot" and path.name == "gt.txt" else text)
    return {
        "GT_FOLDER": str(folder / "gt"),
        "TRACKERS_FOLDER": str(folder / "ours"),
        "SEQ_INFO": {"clip": COUNT},
        "SKIP_SPLIT_FOL": True,
        "PRINT_CONFIG": False,
    }


def test_trackeval_reads_mots_without_overlap(written: Callable[..., Form], tmp_path: Path) -> None:
    trackeval = pytest.importorskip("trackeval", reason=MISSING)
    form = written("mots")
    data = trackeval.datasets.MOTSChallenge(challenge("mots", form, tmp_path))
    raw = data.get_raw_seq_data("vos", "clip")
    from pycocotools import mask as coco_mask

    for t in range(COUNT):
        expected = {2000 + i % 1000: form.masks(i)[t] for i in NAMES if form.masks(i)[t].any()}
        assert raw["tracker_ids"][t].tolist() == list(expected)
        assert set(raw["tracker_classes"][t].tolist()) == {2}
        for run, mask in zip(raw["tracker_dets"][t], expected.values()):
            np.testing.assert_array_equal(coco_mask.decode(run), mask)
    seen = data.get_preprocessed_seq_data(raw, "pedestrian")
    assert trackeval.metrics.HOTA().eval_sequence(seen)["HOTA(0)"] == 1


def test_trackeval_reads_mot_boxes(written: Callable[..., Form], tmp_path: Path) -> None:
    trackeval = pytest.importorskip("trackeval", reason=MISSING)
    form = written("mot")
    assert form.path.read_text().splitlines()[0] == "1,1,6,11,55,40,0.9,-1,-1,-1"  # frames and pixels from 1
    data = trackeval.datasets.MotChallenge2DBox({**challenge("mot", form, tmp_path), "BENCHMARK": "MOT15"})
    raw = data.get_raw_seq_data("vos", "clip")
    assert [len(ids) for ids in raw["tracker_ids"]] == [2 - (t % 3 == 2) for t in range(COUNT)]
    assert raw["tracker_ids"][0].tolist() == list(NAMES)
    np.testing.assert_allclose(raw["tracker_confidences"][0], [0.9, 0.123457])
    seen = data.get_preprocessed_seq_data(raw, "pedestrian")
    assert trackeval.metrics.HOTA().eval_sequence(seen)["HOTA(0)"] == 1


def test_ids_that_the_challenge_would_confuse_are_one_line(written: Callable[..., Form], tmp_path: Path) -> None:
    frame = written("mots").frames[0]
    result = result_of(frame)
    both = dataclasses.replace(result, label_map=LabelMap(result.label_map.labels, (1, 4)))
    with (
        pytest.raises(VosError, match=r"cannot tell the ids \[3, 2003\] apart"),
        MotsWriter(tmp_path / "m.txt", Clip("a", "0" * 32, original_ids={1: 3, 4: 2003})) as writer,
    ):
        writer.write(both)
    assert not (tmp_path / "m.txt").exists()


def test_pandas_reads_the_table(written: Callable[..., Form]) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas reads the table: pip install 'vos[test-forms]'")
    form = written("csv")
    table = pandas.read_csv(form.path, dtype={"frame": str})
    assert len(table) == COUNT * len(NAMES)
    assert table["frame"].tolist() == [f"{t:05d}" for t in range(COUNT) for _ in NAMES]
    np.testing.assert_allclose(table["time"], [t / 10 for t in range(COUNT) for _ in NAMES])
    assert dict(zip(table["id"], table["name"])) == NAMES
    for i in NAMES:
        rows = table[table["id"] == i]
        for (_, row), mask in zip(rows.iterrows(), form.masks(i)):
            assert row["area"] == mask.sum()
            if not mask.any():
                assert row[["x", "y", "width", "height", "centroid_x", "centroid_y"]].isna().all()
                assert (row["presence"], row["score"]) == ("absent", 0)
                continue
            ys, xs = np.nonzero(mask)
            assert row[["x", "y", "width", "height"]].tolist() == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
            np.testing.assert_allclose(row[["centroid_x", "centroid_y"]].tolist(), [xs.mean(), ys.mean()], atol=0.005)
            assert row["presence"] == ("present" if i == 1 else "uncertain")
