"""What the documents say is so: commands are understood, files exist, generated pages are up to date."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import vos
from docs import (
    api_page,
    benchmarks_page,
    clicks_page,
    frames_page,
    mattes_page,
    options_page,
    presence_page,
    scale_page,
    speed_page,
)
from vos.cli.compose import compose
from vos.cli.program import FLAGS

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
USED = [
    README,
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("albums", "benchmarks", "evaluation", "forms", "videos")),
]
SCHEMAS = dict(options_page.PROGRAMS)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(page: Path) -> Iterator[list[str]]:
    """The commands in a page, from its blocks of code and from what stands between backticks, as words."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [
        line for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for line in block.splitlines()
    ]
    lines += re.findall(r"`((?:python|make|vos-\w+) [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in lines:
        if re.match(r"(python|make|vos-\w+) ", line):
            yield shlex.split(line, comments=True)


def options_of(words: list[str]) -> tuple[str, list[str]] | None:
    """The program of vos that a command runs, and its options; None if it runs another one."""
    if words[:2] == ["python", "-m"] and words[2].startswith("vos."):
        return words[2].removeprefix("vos."), words[3:]
    return (words[0].removeprefix("vos-"), words[1:]) if words[0].startswith("vos-") else None


@pytest.mark.parametrize("page", USED, ids=name_of)
def test_commands_are_understood(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Composes the options of every command as its program would."""
    monkeypatch.chdir(tmp_path)
    found = [parsed for words in commands(page) if (parsed := options_of(words))]
    assert found
    for program, options in found:
        if options not in (["--help"], ["--help-all"]):
            assert compose([word for word in options if word not in FLAGS], program, SCHEMAS[program])


def test_a_command_that_is_wrong_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\npython -m vos.run vidoe=clip.mp4  # oh\n```\nor `make nothing` or `vos-run tracker=none`\n")
    assert [words[-1] for words in commands(page)] == ["vidoe=clip.mp4", "nothing", "tracker=none"]
    assert options_of(["vos-run", "tracker=none"]) == ("run", ["tracker=none"])
    with pytest.raises(vos.VosError, match="video"):
        compose(["vidoe=clip.mp4"], "run", SCHEMAS["run"])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_scripts_and_targets_exist(page: Path) -> None:
    targets = re.findall(r"^\.PHONY: (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for words in commands(page):
        if words[0] == "make":
            assert [w for w in words[1:] if "=" not in w and w not in targets] == [], words
        if words[0] == "python" and words[1].endswith(".py"):
            assert (ROOT / words[1]).is_file(), words


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "name", ["Makefile", "setup.cfg", ".github/workflows/test.yml", "README.md", "CONTRIBUTING.md"]
)
def test_files_that_are_named_exist(name: str) -> None:
    named = re.findall(r"\b(?:tools|benchmarks|vos|conf)/[\w/]+\.\w+", (ROOT / name).read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_pages_are_up_to_date() -> None:
    """``make docs`` writes them."""
    assert (ROOT / "docs" / "options.md").read_text(encoding="utf-8") == options_page.page(), "make docs"
    assert (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == benchmarks_page.page(ROOT / "docs"), (
        "make docs"
    )
    assert (ROOT / "docs" / "frames_to_check.md").read_text(encoding="utf-8") == frames_page.page(), "make docs"
    assert (ROOT / "docs" / "presence.md").read_text(encoding="utf-8") == presence_page.page(), "make docs"
    assert (ROOT / "docs" / "api.md").read_text(encoding="utf-8") == api_page.page(), "make docs"
    clicks = (ROOT / "docs" / "clicks.md").read_text(encoding="utf-8")
    assert clicks == clicks_page.page(ROOT / "docs" / "clicks.csv"), "make docs"
    speed = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert speed == speed_page.page(ROOT / "docs" / "speed.csv"), "make docs"


def test_the_page_of_soft_masks_is_the_one_that_make_docs_writes() -> None:
    mattes = (ROOT / "docs" / "mattes.md").read_text(encoding="utf-8")
    assert mattes == mattes_page.page(ROOT / "docs" / "mattes.csv"), "make docs"


def test_figures_of_the_readme_are_those_of_the_table() -> None:
    with (ROOT / "docs" / "benchmarks.csv").open(encoding="utf-8", newline="") as file:
        chosen = [f"| {row['what']} | {row['figure']} |" for row in csv.DictReader(file) if row["readme"]]
    assert len(chosen) == 6
    assert [row for row in chosen if row not in README.read_text(encoding="utf-8")] == []


def test_the_page_of_a_million_hours_is_the_one_that_make_docs_writes() -> None:
    scale = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert scale == scale_page.page(ROOT / "docs" / "scale.csv"), "make docs"
