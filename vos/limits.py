"""What all options have in common: numbers and groups are checked as soon as they are given. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from vos.errors import VosError

Limits = Mapping[tuple[float, float], str]
"""Least and greatest value: the names of the options that have these limits, separated by blanks."""


@dataclass
class Checked:
    """Options whose numbers and groups are checked where they are made, by the command line and in Python alike."""

    GROUP: ClassVar[str] = ""  # what stands before their names on the command line, e.g. "tracker.memory."
    LIMITS: ClassVar[Limits] = {}  # of every numeric option; a subclass adds those of its own

    def __post_init__(self) -> None:
        for item in fields(self):
            value, limits, group = getattr(self, item.name), self.limits_of(item.name), item.default_factory
            if isinstance(group, type) and issubclass(group, Checked) and not isinstance(value, group):
                example = f"{self.GROUP}{item.name}.{fields(group)[0].name}"
                raise VosError(
                    f"{self.GROUP}{item.name}={value}: this is a group of options; give them as {example}=..."
                )
            if limits is None or (value is None and item.default is None):
                continue
            least, most = limits
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
                default = "null" if item.default is None else item.default
                raise VosError(
                    f"{self.GROUP}{item.name}={value} is outside of {least:.15g}..{most:.15g}; the default is {default}"
                )

    @classmethod
    def limits_of(cls, name: str) -> tuple[float, float] | None:
        """Returns an option's least and greatest value, None for one that is no number."""
        for part in cls.__mro__:
            own: Limits = vars(part).get("LIMITS", {})
            for limits, names in own.items():
                if name in names.split():
                    return limits
        return None


@dataclass
class ProgramConfig(Checked):
    """What every program's options have."""

    MAIN: ClassVar[str] = ""  # the options that ``--help`` shows, at most twenty; ``--help-all`` shows all
    BARE: ClassVar[str] = ""  # the option, a list, whose values may stand on the command line without its name

    log_file: str | None = None  # what is said is also added to this file, with the time; None = no log
