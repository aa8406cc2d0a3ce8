"""README's figures are what the commands gave, are measured once, and land where documents have them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import figures
import pytest

ROW = {
    "what": "new",
    "figure": "2",
    "command": "python x",
    "commit": "abc",
    "machine": "m",
    "hour": "h",
    "readme": "yes",
}


def test_figures_are_those_of_the_readme() -> None:
    readme = (figures.ROOT / "README.md").read_text(encoding="utf-8")
    assert [f.what for f in figures.FIGURES if f"| {f.what} | " not in readme] == []
    assert len(figures.FIGURES) == 6


def test_cells_are_read_from_what_commands_give(tmp_path: Path) -> None:
    (tmp_path / "global_results-dev.csv").write_text("J&F-Mean,J-Mean,F-Mean\n0.8604,0.8556,0.8652\n")
    assert figures.jf([tmp_path], [""]) == "J&F 0.860 (J 0.856, F 0.865)"
    text = "DAVIS albums, 270 photos\np2sam  recall 0.944   false alarms 0.028\n   threshold 0.20: recall 1.000"
    assert figures.presence([], [text]) == "94 % / 2.8 % of 270 photos"
    assert figures.memory([], ["   200 frames: peak resident memory   438.1 MiB\n  5000 frames: peak resident "
                               "memory   448.0 MiB\n"]) == "438.1 and 448.0 MiB"  # fmt: skip
    for number, (rate, learned) in enumerate([(28.6, 5.1), (27.2, 4.9), (27.9, 8.0)]):
        (tmp_path / str(number)).mkdir()
        about = {"frames_per_second": rate, "timings_seconds": {"learn": learned}}
        (tmp_path / str(number) / "summary.json").write_text(json.dumps(about))
    folders = [tmp_path / str(number) for number in range(3)]
    assert figures.speed(folders, []) == "27 to 29 frames per second after 5 s of learning"
    assert figures.speed(folders[:1], []) == "29 frames per second after 5 s of learning"
    with pytest.raises(SystemExit, match="nothing like"):
        figures.presence([], ["no albums"])


def test_what_is_finished_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def fake(figure: figures.Figure, data: Path, out: Path) -> str:
        if figure.what == "b" and "b" not in measured:
            measured.append("b")
            raise SystemExit("interrupted")
        measured.append(figure.what)
        return figure.what.upper()

    monkeypatch.setattr(figures, "measure", fake)
    monkeypatch.setattr(figures, "commit", lambda: "abc")
    some = [figures.Figure(name, f"python {name}", figures.jf) for name in "ab"]
    with pytest.raises(SystemExit, match="interrupted"):
        figures.collect(some, tmp_path, tmp_path, again=False)
    rows = figures.collect(some, tmp_path, tmp_path, again=False)
    assert measured == ["a", "b", "b"]
    assert [(row["what"], row["figure"], row["commit"], row["readme"]) for row in rows] == [
        ("a", "A", "abc", "yes"),
        ("b", "B", "abc", "yes"),
    ]
    assert len({row["hour"] for row in rows}) == 1
    monkeypatch.setattr(figures, "commit", lambda: "def")
    figures.collect(some, tmp_path, tmp_path, again=False)
    assert measured[3:] == ["a", "b"]


def test_a_command_is_run_as_it_is_documented(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import pathlib, sys\np = pathlib.Path(sys.argv[2].split('=')[1])\np.mkdir(parents=True)\n"
                      "(p / 'x').write_text(sys.argv[1])\nprint('said')\n")  # fmt: skip

    def read(folders: object, printed: object) -> str:
        assert isinstance(folders, list)
        return f"{(folders[1] / 'x').read_text()} {printed}"

    figure = figures.Figure("A, b", f"python {script} root=DATA/davis", read, times=2)
    assert figures.measure(figure, Path("data"), tmp_path / "out") == "root=data/davis ['said\\n', 'said\\n']"
    with pytest.raises(SystemExit, match="exit status 2"):
        figures.measure(figures.Figure("c", f"python {tmp_path}/no.py", read), Path("data"), tmp_path / "out")


def test_new_rows_replace_those_of_the_readme_and_stand_on_top() -> None:
    old = "what,figure,command,commit,machine,hour,readme\nold,1,c,a,m,h,yes\nkept,3,c,a,m,h,\nnew,1,c,a,m,h,\n"
    rows = list(csv.DictReader(io.StringIO(figures.merged([ROW], old))))
    assert [(row["what"], row["figure"]) for row in rows] == [("new", "2"), ("kept", "3")]
    readme = "# x\n\n| what | figure |\n|---|---|\n| old | 1 |\n| new | 1 |\n\nafter\n"
    assert figures.told([ROW], readme) == "# x\n\n| what | figure |\n|---|---|\n| new | 2 |\n\nafter\n"
    with pytest.raises(SystemExit, match="no table"):
        figures.told([ROW], "# x\n")
