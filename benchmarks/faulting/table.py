"""From what was tried to the table, on the screen and in docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from faulting.judge import VERDICTS, WRONG

SHOWN = 5  # of what did not hold, per kind
HEAD = """# Reliability

What happens when something is not as it should be: a process that is killed, a file that is damaged, a mask in another
notation, an option that makes no sense, a name, a file in the way, a disk that is full. Attempts are drawn at random
from the whole grid of faults, from a printed seed; `python benchmarks/faults.py {words}` repeats
them. This page is written by it.

- **right**: the results are those of an undisturbed run, or the objects that were drawn; where frames are missing, a
  warning says so, and the summary counts them.
- **one line**: exit code 2 (or 130 after Ctrl-C) and one line that says what is wrong.
- **wrongly refused**: one line, where there was nothing wrong.
- **traceback**: also any other exit code or death.
- **silently wrong**: exit code 0, no word, and other results than there should be.
- **lost**: a file of the user's is gone or changed.

"""


def table(results: Sequence[dict[str, Any]]) -> str:
    """A Markdown table: a row per kind, and the sum."""
    kinds = list(dict.fromkeys(str(result["kind"]) for result in sorted(results, key=lambda r: str(r["kind"]))))
    rows = [("fault", "tried", *VERDICTS), ("---", *["---:"] * (len(VERDICTS) + 1))]
    for kind in (*kinds, None):
        counts = Counter(str(r["verdict"]) for r in results if kind in (None, r["kind"]))
        rows.append((kind or "**all**", str(sum(counts[v] for v in VERDICTS)), *(str(counts[v]) for v in VERDICTS)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def page(results: Sequence[dict[str, Any]], words: str) -> str:
    """docs/reliability.md."""
    default = [result for result in results if result["default_options"]]
    fast = [result for result in results if not result["default_options"]]
    parts = [HEAD.format(words=words)]
    if fast:
        parts += [f"## {len(fast):,} attempts with a small picture and no learning\n\n", table(fast), "\n\n"]
    if default:
        parts += [f"## {len(default):,} attempts with default options\n\n", table(default), "\n\n"]
    wrong = [result for result in results if result["verdict"] in WRONG]
    more = Counter(str(result["kind"]) for result in wrong)
    wrong = [one for k, one in enumerate(wrong) if [w["kind"] for w in wrong[:k]].count(one["kind"]) < SHOWN]
    parts.append("## What did not hold\n\n" if wrong else "## What did not hold\n\nNothing.\n")
    parts += [f"- {one['kind']}, {_choice(one)}: {one['verdict']} ({one['what']})\n" for one in wrong]
    parts += [f"- {kind}: {count - SHOWN} more\n" for kind, count in more.items() if count > SHOWN]
    return "".join(parts)


def told(result: dict[str, Any]) -> str:
    """One attempt in a line."""
    return f"{result['number']} {result['kind']}: {_choice(result)}: {result['verdict']}: {result['what']}"


def _choice(result: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in result["choice"].items())
