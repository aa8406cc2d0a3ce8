"""The table of distances from float32."""

from __future__ import annotations

from pathlib import Path

import check_precision
import numpy as np
import pytest
import torch
from fakes import ColourSegmenter

from vos.errors import VosError
from vos.io.images import write_image
from vos.sam.prompting import MaskCandidates
from vos.structures import ImageEmbedding


class Scaled(ColourSegmenter):
    """Gives features of ones and logits of ones, both scaled."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def encode(self, images):  # type: ignore[no-untyped-def]
        return [
            ImageEmbedding(torch.full_like(one.features, self.scale), one.geometry) for one in super().encode(images)
        ]

    def decode(self, embedding, prompts, guidance=None, multimask=True):  # type: ignore[no-untyped-def]
        return MaskCandidates(torch.full((len(prompts), 3, 8, 8), self.scale - 1.05), torch.ones(len(prompts), 3))


def test_distances_of_every_engine_and_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(tmp_path / "a.png", np.zeros((20, 30, 3), np.uint8))

    def model(name: str, checkpoint: Path, engine: str, precision: str) -> Scaled:
        if (engine, precision) == ("openvino", "float32"):
            raise VosError("OpenVINO is not installed")
        return Scaled({"float32": 1.0, "bfloat16": 1.1}[precision])

    monkeypatch.setattr(check_precision, "_model", model)
    check_precision.report(Path("weights.pth"), tmp_path, "vit_t", 2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["torch", "float32"], ["torch", "bfloat16"], ["openvino", "float32"], ["openvino", "bfloat16"]
    ]  # fmt: skip
    assert lines[2].split()[2:5] == ["1.00e-01", "2.00e+00", "100.000%"]
    assert lines[3].endswith("OpenVINO is not installed")


@pytest.mark.slow
def test_seeded_weights_and_noise_need_no_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.hub, "set_dir", lambda folder: None)  # global; PyTorch alone keeps nothing there
    monkeypatch.setattr(check_precision, "CANDIDATES", (("torch", "bfloat16"),))
    assert check_precision.main(["--model", "vit_t", "--points", "1"]) == 0
    rough = capsys.readouterr().out.splitlines()[-1].split()
    assert rough[:2] == ["torch", "bfloat16"]
    assert 1e-4 < float(rough[2]) < 0.03
    assert 1e-4 < float(rough[3]) < 0.03


def test_a_folder_without_pictures_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(VosError, match="is no folder of pictures"):
        check_precision.report(Path("weights.pth"), tmp_path, "vit_t", 1)
