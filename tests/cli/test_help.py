"""What ``--help`` and ``--help-all`` say."""

from __future__ import annotations

import re
from dataclasses import is_dataclass

import pytest

from vos.cli.config import AlbumConfig, AppConfig, BatchConfig, ConceptConfig, FindConfig, RunConfig
from vos.cli.help import describe, help_text
from vos.cli.options import choices
from vos.evaluation.config import EvaluateConfig
from vos.limits import ProgramConfig
from vos.option_names import options

PROGRAMS = (RunConfig, BatchConfig, EvaluateConfig, AlbumConfig, ConceptConfig, FindConfig, AppConfig)


def names_in(text: str) -> list[str]:
    return re.findall(r"^  ([\w.]+)=", text, re.MULTILINE)


@pytest.mark.parametrize("schema", PROGRAMS)
def test_help_shows_the_twenty_options_that_matter_and_counts_the_rest(schema: type[ProgramConfig]) -> None:
    shown, every = (names_in(help_text(schema, "usage", everything)) for everything in (False, True))
    assert shown == schema.MAIN.split()
    assert 10 <= len(shown) <= 20
    assert len(set(shown)) == len(shown)
    assert set(shown) < set(every)
    assert f"\n  and {len(every) - len(shown)} more: --help-all\n" in help_text(schema, "usage", everything=False)
    assert "more: --help-all" not in help_text(schema, "usage")


@pytest.mark.parametrize("schema", PROGRAMS)
def test_help_says_flags_and_exit_codes(schema: type[ProgramConfig]) -> None:
    text = help_text(schema, "usage", everything=False)
    for flag in ("-m", "--json", "--quiet", "--version"):
        assert re.search(rf"^  {flag} +\w+", text, re.MULTILINE)
    assert re.search(r"^Exit codes: 0 .*, 2 .*, 3 .*, 130 ", text, re.MULTILINE)


def test_help_explains_every_option() -> None:
    text = help_text(RunConfig, "usage")
    for name, hint in options(RunConfig):
        assert f"  {name.removesuffix('.name')}=" in text or is_dataclass(hint)
    assert choices("tracker")
    assert "\n  tracker=persam" in text
    assert "output=[masks,overlay]" in text
    assert [name for name, _, comment in describe(RunConfig) if not comment] == []


def test_help_says_what_more_of_every_number_of_the_tracker_does() -> None:
    numbers = [(n, comment) for n, value, comment in describe(RunConfig) if type(value) in (int, float)]
    silent = [
        n for n, comment in numbers if n.startswith("tracker.") and "; more = " not in comment.replace(", ", "; ")
    ]
    assert silent == ["tracker.adapt.seed"]


def test_help_says_the_terms() -> None:
    last = help_text(RunConfig, "usage").splitlines()[-1]
    assert "Apache-2.0" in last
    assert "model=nano: not for commercial products, see NOTICE" in last
