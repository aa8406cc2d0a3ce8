"""From what was tried to the table, on the screen and in docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from faulting.judge import VERDICTS, WRONG

SHOWN = 5  # of what did not hold, per kind
Result = dict[str, Any]
HEAD = """# Reliability

What happens when something is not as it should be: a process that is killed, a file that is damaged, a mask in another
notation, an option that makes no sense, a name, a file in the way, a disk that is full. Attempts are drawn at random
from the whole grid of faults, from a printed seed; {words} repeats
them at the commit named below. This page is written by it.

- **right**: the results are those of an undisturbed run, or the objects that were drawn; where frames are missing, a
  warning says so, and the summary counts them.
- **one line**: exit code 2 (or 130 after Ctrl-C) and one line that says what is wrong.
- **wrongly refused**: one line, where there was nothing wrong.
- **traceback**: also any other exit code or death.
- **silently wrong**: exit code 0, no word, and other results than there should be.
- **lost**: a file of the user's is gone or changed.

"""


def key(result: Result) -> tuple[int, bool]:
    """Names an attempt: its number, and whether it had default options."""
    return int(result["number"]), bool(result["default_options"])


def tries(results: Sequence[Result], which: int) -> list[Result]:
    """The first (0) or the last (-1) try of each attempt, by number."""
    found: dict[tuple[int, bool], list[Result]] = {}
    for result in results:
        found.setdefault(key(result), []).append(result)
    return [found[each][which] for each in sorted(found)]


def table(results: Sequence[Result]) -> str:
    """A Markdown table: a row per kind, and the sum."""
    kinds = list(dict.fromkeys(str(result["kind"]) for result in sorted(results, key=lambda r: str(r["kind"]))))
    rows = [("fault", "tried", *VERDICTS), ("---", *["---:"] * (len(VERDICTS) + 1))]
    for kind in (*kinds, None):
        counts = Counter(str(r["verdict"]) for r in results if kind in (None, r["kind"]))
        rows.append((kind or "**all**", str(sum(counts[v] for v in VERDICTS)), *(str(counts[v]) for v in VERDICTS)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def page(results: Sequence[Result], draws: Sequence[str]) -> str:
    """docs/reliability.md: first tries are counted; of those that did not hold it says what became of them.

    Args:
        results: of all draws.
        draws: the options of each.
    """
    first, last = tries(results, 0), {key(result): result for result in tries(results, -1)}
    default = [result for result in first if result["default_options"]]
    fast = [result for result in first if not result["default_options"]]
    learned = sum(bool(result["learned"]) for result in default)
    parts = [HEAD.format(words=", ".join(f"`python benchmarks/faults.py {words}`" for words in draws))]
    if fast:
        parts += [f"## {len(fast):,} attempts with a small picture and no learning\n\n", table(fast), "\n\n"]
    if default:
        parts += [
            f"## {len(default):,} attempts with default options, {learned:,} of which learned from the reference\n\n"
        ]
        parts += [table(default), "\n\n"]
    wrong = [result for result in first if result["verdict"] in WRONG]
    mended = {key(result): last[key(result)] for result in wrong if last[key(result)]["verdict"] not in WRONG}
    parts.append("## What did not hold\n\n")
    parts.append(f"{len(wrong)} of {len(first):,} did not hold at first" if wrong else "Nothing.\n")
    parts += (
        [f"; {len(mended)} of these held when they were tried again, after vos or the bench was mended.\n\n"]
        if wrong
        else []
    )
    more = Counter(str(result["kind"]) for result in wrong)
    shown = [one for k, one in enumerate(wrong) if [w["kind"] for w in wrong[:k]].count(one["kind"]) < SHOWN]
    for one in shown:
        end = f"; mended, {_at(mended[key(one)])}" if key(one) in mended else ""
        parts.append(f"- {one['kind']}, {_choice(one)}: {one['verdict']} ({one['what']}){end}\n")
    parts += [f"- {kind}: {count - SHOWN} more\n" for kind, count in more.items() if count > SHOWN]
    parts.append(f"\nDrawn {', and '.join(dict.fromkeys(map(_at, first)))}.\n")
    return "".join(parts)


def _at(result: Result) -> str:
    return f"at commit {result['commit']} on {result['machine']}"


def told(result: Result) -> str:
    """One attempt in a line."""
    return f"{result['number']} {result['kind']}: {_choice(result)}: {result['verdict']}: {result['what']}"


def _choice(result: Result) -> str:
    return ", ".join(f"{name} {value}" for name, value in result["choice"].items())
