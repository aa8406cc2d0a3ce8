"""What counts as an equal result, and which words a checkout is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from parity import golden
from parity.cases import CASES, DATA, INPUTS, known_word, words
from parity.compare import compare_folders, stable
from PIL import Image
from safetensors.torch import save_file

FRAME = {"frame": "00000", "objects": {"1": {"area": 5, "predicted_iou": 0.5}}}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of equal results."""
    folders = tmp_path / "old", tmp_path / "new"
    for folder in folders:
        write_results(folder, seconds=1.0 if folder.name == "old" else 2.0)
    return folders


def write_results(folder: Path, seconds: float) -> None:
    """A bit of everything; times, options and folders differ from one writing to the next."""
    (folder / "masks").mkdir(parents=True)
    (folder / "masks" / "00000.png").write_bytes(b"picture")
    (folder / ".album").mkdir()
    (folder / ".album" / "notes").write_text(str(seconds))
    summary = {"config": {"x": seconds}, "fingerprint": str(seconds), "frames_per_second": 1 / seconds}
    summary |= {"video": {"path": f"/{seconds}/clip.mp4"}, "frames": [FRAME]}
    (folder / "summary.json").write_text(json.dumps(summary, indent=int(seconds)))
    (folder / "metadata.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    (folder / "comparison.csv").write_text(f"J,ms/frame,Folder\n0.5,{seconds},masks\n")
    (folder / "perseg.csv").write_text("object,mIoU\ncat,0.5\n")
    write_concept(folder / "a.concept", torch.arange(4.0), seconds)


def write_concept(path: Path, values: torch.Tensor, number: float, name: str = "features") -> None:
    about = json.dumps({"format": number, "name": "a"})
    save_file({name: values, "cells": torch.ones(2, dtype=torch.bfloat16)}, path, {"vos.concept": about})


def test_results_of_two_equal_runs_are_equal(pair: tuple[Path, Path]) -> None:
    result = compare_folders(*pair)
    assert result.different == ()
    assert result.files == 6  # hidden files are no results


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("masks/00000.png", "pictures"),
        ("metadata.jsonl", '{"text": "a"}\n{"text": "c"}\n'),
        ("perseg.csv", "object,mIoU\ncat,0.500001\n"),
        ("comparison.csv", "J,ms/frame,Folder\n0.51,2.0,masks\n"),
        ("summary.json", json.dumps({"video": {"path": "clip.mp4"}, "frames": [FRAME, FRAME]})),
        ("summary.json", json.dumps({"video": {"path": "other.mp4"}, "frames": [FRAME]})),
    ],
)
def test_any_other_content_is_a_difference(pair: tuple[Path, Path], name: str, content: str) -> None:
    (pair[1] / name).write_text(content)
    assert compare_folders(*pair).different == (f"{name}: differs",)


def test_one_bit_of_a_tensor_is_a_difference(pair: tuple[Path, Path]) -> None:
    write_concept(pair[1] / "a.concept", torch.nextafter(torch.arange(4.0), torch.tensor(9.0)), 1.0)
    assert compare_folders(*pair).different == ("a.concept: differs",)


@pytest.mark.parametrize(("by", "different"), [(1e-5, ()), (2e-3, ("a.concept: differs",))])
def test_tuned_weights_may_differ_in_their_last_digits(
    pair: tuple[Path, Path], by: float, different: tuple[str, ...]
) -> None:
    for folder, more in zip(pair, (0, by)):
        write_concept(folder / "a.concept", torch.tensor([0.2, 0.3, 0.5 + more]), 1.0, name="weights")
    assert compare_folders(*pair).different == different


def test_a_missing_file_and_a_new_one_are_differences(pair: tuple[Path, Path]) -> None:
    (pair[1] / "masks" / "00000.png").rename(pair[1] / "masks" / "00001.png")
    assert compare_folders(*pair).different == (
        "masks/00000.png: only the old code writes it",
        "masks/00001.png: only the new code writes it",
    )


def test_numbers_and_names_in_json_are_kept() -> None:
    assert stable({"area": 1, "list": [{"seconds": 1, "name": "a/b"}]}) == {"area": 1, "list": [{"name": "a/b"}]}


def test_a_checkout_is_given_the_words_that_it_knows(tmp_path: Path) -> None:
    assert known_word("tracker=published", tmp_path) == "tracker=reference"
    (tmp_path / "vos/conf/tracker").mkdir(parents=True)
    (tmp_path / "vos/conf/tracker/published.yaml").touch()
    assert known_word("tracker=published", tmp_path) == "tracker=published"
    assert known_word("method=persam_published", tmp_path) == "method=persam_reference"
    assert known_word("method=p2sam", tmp_path) == "method=p2sam"


def test_every_command_has_its_inputs_and_a_folder_of_its_own(tmp_path: Path) -> None:
    assert set(DATA) <= set(INPUTS)
    for case in CASES:
        places = {name: name for name in (*case.inputs, "out")}  # a KeyError below names an input that is missing
        targets = [option for command in words(case, tmp_path, places) for option in command if "=out/" in option]
        assert len(set(targets)) >= len(case.commands)


@pytest.mark.parametrize(
    ("case", "file", "written", "status", "said"),
    [
        ("demo", "mask.png", "same", 0, "equal"),
        ("demo", "mask.png", "other", 1, "first mask.png: differs"),
        ("demo", "mask.png", "nothing", 1, "NO FILES"),
        ("box", "0/rle.json", "[1]", 0, "equal        1.0    1.0   but for 0/rle.json"),
        ("concept", "mask.png", "other", 1, "first mask.png: differs"),
    ],
)
def test_the_exit_status_says_whether_anything_differs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: str,
    file: str,
    written: str,
    status: int,
    said: str,
) -> None:
    def run_case(case: object, checkout: Path, inputs: object, out: Path, threads: int) -> float:
        (out / file).parent.mkdir(parents=True)
        if written != "nothing":
            old = "[0]" if file.endswith("json") else "same"
            (out / file).write_text(written if checkout == golden.ROOT else old)
        return 1.0

    def check_out(revision: str, folder: Path) -> Path:
        return tmp_path

    monkeypatch.setattr(golden, "resolve", lambda revision: "0" * 40)
    monkeypatch.setattr(golden, "check_out", check_out)
    monkeypatch.setattr(golden, "make_input", lambda *_: tmp_path / "nothing")
    monkeypatch.setattr(golden, "run_case", run_case)
    assert golden.main(["--against", "HEAD", "--cases", case, "--keep", str(tmp_path / "keep")]) == status
    assert said in capsys.readouterr().out


def test_cases_without_their_data_are_skipped(tmp_path: Path) -> None:
    with pytest.raises(golden.CaseError, match="skipped: there is no folder multi in --data"):
        golden.make_input("girls", tmp_path, tmp_path, tmp_path)


@pytest.mark.parametrize(("value", "same"), [(1, True), (2, False)])
def test_pngs_are_compared_by_what_they_show(value: int, same: bool, tmp_path: Path) -> None:
    for name, level, pixel in (("old", 9, 1), ("new", 1, value)):
        (tmp_path / name).mkdir()
        Image.new("L", (64, 64), pixel).save(tmp_path / name / "m.png", compress_level=level)
    assert (tmp_path / "old" / "m.png").read_bytes() != (tmp_path / "new" / "m.png").read_bytes()
    assert (compare_folders(tmp_path / "old", tmp_path / "new").different == ()) is same
