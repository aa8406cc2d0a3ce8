"""Writes docs/api.md: everything that ``import vos`` hands out, from its docstrings.

    python tools/docs/api_page.py docs/api.md

Change the docstrings, or the examples below, not the page.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import vos

HEAD = """# Python

Written by `make docs` from the docstrings. Pictures are RGB, sizes (H, W), points (x, y), arrays of NumPy. A mistake of
the caller is a `vos.VosError` of one line that says what to do. `import vos` alone loads nothing heavy.

A video, frame by frame:

```python
import vos

for result in vos.track("clip.mp4", "mask.png"):
    one = result[1]  # by object id
    print(result.time, one.name, one.presence.value, one.score, one.box, one.mask.sum(), one.alpha.max())
```

Masks, boxes or clicks of several frames, other options, files of results, and back:

```python
results = vos.track(
    "clip.mp4",
    {0: "mask.png", 8: (16, 16, 16, 16)},  # by frame: a mask file, a box [x, y, width, height]
    end=10,
    options={"tracker.memory.momentum": 0.9},
)
vos.write(results, "out", ["masks", "matte"])
boxes = [result[1].box for result in vos.load("out")]
```

Frames from a program of your own, and the first mask by clicks, the second of them beside the object:

```python
def frames():
    for result in vos.load("out"):
        yield result.frame.rgb  # any uint8 array (H, W, 3)


areas = [result[1].mask.sum() for result in vos.track(frames(), [(16, 24), (60, 70, 0)])]
```

A webcam, whatever is in the box when it begins:

```python
import vos
from PIL import Image

with vos.track("camera:0", (280, 200, 80, 80)) as results:
    for result in results:
        print(f"{result.time:.2f} s: {result[1].presence.value}")
        Image.fromarray(result[1].mask).save(f"mask_{result.name}.png")
```

Push style, where somebody else has the loop. Objects come, are corrected and go; a saved state goes on with the same
masks:

```python
rgb = next(vos.track("clip.mp4", "mask.png")).frame.rgb
tracker = vos.Tracker("mask.png", names={1: "rex"})
tracker.step(rgb)
ball = tracker.add((60, 70, 10, 10), name="ball")
print(tracker.step(rgb)[ball].box)
tracker.correct(1, [(12, 20)])
tracker.step(rgb)
tracker.remove(ball)
tracker.save("rex.tracker")
result = vos.Tracker.load("rex.tracker").step(rgb)
```

Photos:

```python
concept = vos.Concept.from_image("dog.jpg", "dog.png", name="rex")
found = vos.segment("beach.jpg", concept)
for result in vos.track("clip.mp4", concept):
    print(result[1].name, result[1].presence.value)
```

A clip to work on, with undo, corrections and a folder that keeps it all: [sessions](session.md). With pictures: [a
notebook](video.ipynb). An encoder or a checkpoint of your own: [own_model.md](own_model.md).
Names and meanings of options: [options.md](options.md).
"""
ORDER = (
    *("track", "Results", "Result", "ObjectResult", "Tracker", "write", "load", "Session"),
    *("Concept", "segment", "PhotoResult", "register_model", "Segmenter", "VosError"),
)


def main() -> None:
    """Writes the page to the file that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path, help="the file to write, docs/api.md")
    parser.parse_args().page.write_text(page(), encoding="utf-8")


def page() -> str:
    """Puts the page together."""
    return "\n".join([HEAD, *(entry(name, getattr(vos, name)) for name in ORDER)])


def entry(name: str, value: Any) -> str:
    """Describes a function, or a class with its public methods and properties."""
    is_made = name in ("Tracker", "Session") or not inspect.isclass(value)  # by users; other classes are handed to them
    parts = [f"## `vos.{name}`\n", *([signature(value)] if is_made else []), text(value)]
    for member, method in members(value) if inspect.isclass(value) else ():
        shown = method.fget if isinstance(method, property) else getattr(method, "func", method)
        parts += [f"### `{name}.{member}`\n"]
        parts += [] if isinstance(method, property) or hasattr(method, "func") else [signature(getattr(value, member))]
        parts += [text(shown)]
    return "\n".join(parts)


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """Lists what a class and those of vos that it is made of have to offer, in the order of their source."""
    own = [one for one in kind.__mro__ if one.__module__.startswith("vos.")]
    for name, value in (item for one in own for item in vars(one).items()):
        is_described = inspect.isfunction(value) or isinstance(value, (property, classmethod)) or hasattr(value, "func")
        if is_described and not name.startswith("_"):
            yield name, value.__func__ if isinstance(value, classmethod) else value


class _Bare(str):
    """An annotation that is shown without quotes."""

    def __repr__(self) -> str:
        return str(self)


def signature(value: Callable[..., Any]) -> str:
    """Writes a signature, long ones with a line for each parameter."""
    found = inspect.signature(value)
    own = [one.replace(annotation=_Bare(one.annotation)) for one in found.parameters.values() if one.name != "self"]
    returned = "" if inspect.isclass(value) else f" -> {found.return_annotation}"
    name, listed = getattr(value, "__name__", ""), str(inspect.Signature(own))
    short = f"{name}{listed}{returned}"
    if len(short) > 110:
        parts = re.split(r", (?=\w+: |\*, )", listed[1:-1])
        short = "\n".join([f"{name}(", *(f"    {part}," for part in parts), f"){returned}"])
    return f"```\n{short}\n```\n"


def text(value: Any) -> str:
    """Turns a docstring in Google's style into Markdown."""
    lines, is_list = [], False
    for line in inspect.cleandoc(value.__doc__ or "").splitlines():
        marked = re.sub(r":(?:class|meth|func|mod):`~?([\w.]+)`", r"`\1`", line).replace("``", "`")
        if re.fullmatch(r"(Args|Attributes|Returns|Raises|Yields):", marked):
            lines += [f"**{marked[:-1]}**", ""]
            is_list = True
        elif is_list and (found := re.fullmatch(r"    (\w+): (.*)", marked)):
            lines.append(f"- `{found[1]}`: {found[2]}")
        elif is_list:
            lines.append(re.sub(r"^ {8}(?=\S)", "  ", marked).removeprefix("    "))
        else:
            lines.append(marked)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
