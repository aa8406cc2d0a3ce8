"""Makes docs/video.ipynb: a notebook whose cells were executed on the demo clip, with the embedded model.

    python tools/render/demo_clip.py outputs/demo
    python tools/docs/notebook.py outputs/demo docs/video.ipynb

Change the cells here, not the notebook. It takes half a minute.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

CELLS: tuple[tuple[str, str], ...] = (
    (
        "markdown",
        "# A video in Python\n\nA clip, and the mask of its first frame. Made by tools/docs/notebook.py.",
    ),
    ("code", 'import vos\n\nresults = list(vos.track("clip.mp4", "mask.png", end=24, names={1: "duck"}))\nresults[0]'),
    ("markdown", "Results show themselves. Each is a mapping from object id to what was found:"),
    ("code", "results[-1]"),
    ("code", "for result in results[::6]:\n    print(result)"),
    ("code", "one = results[-1][1]\none.box, one.mask.sum(), one.alpha.max()"),
    ("markdown", "One frame makes a concept, which is then looked for in photos and in other videos:"),
    ("code", 'concept = vos.Concept.from_image(results[0].frame.rgb, results[0][1].mask, name="duck")\nconcept'),
    ("code", "found = vos.segment(results[-1].frame.rgb, concept)\nprint(found.presence.value, found.score)\nfound"),
    ("markdown", "Files as the command line writes them, and back:"),
    ("code", 'vos.write(results, "out", ["masks", "overlay"])\nnext(vos.load("out"))[1]'),
)


def main() -> None:
    """Writes the notebook to the file that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("demo", type=Path, help="the folder of the demo clip")
    parser.add_argument("notebook", type=Path, help="the file to write, docs/video.ipynb")
    arguments = parser.parse_args()
    path = arguments.notebook.resolve()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(arguments.demo / "clip.mp4", folder)
        shutil.copy(arguments.demo / "masks" / "00000.png", Path(folder, "mask.png"))
        os.chdir(folder)
        text = json.dumps(notebook(), indent=1) + "\n"
        os.chdir(path.parent)
    path.write_text(text, encoding="utf-8")


def notebook() -> dict[str, Any]:
    """Executes the cells one after the other; gives a notebook in Jupyter's format 4.5."""
    namespace: dict[str, Any] = {}
    cells, count = [], 0
    for number, (kind, source) in enumerate(CELLS):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell{number}", "metadata": {}}
        if kind == "code":
            count += 1
            outputs = execute(source, namespace)
            for output in outputs:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = count
            cell |= {"execution_count": count, "outputs": outputs}
        cells.append(cell | {"source": source.splitlines(keepends=True)})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def execute(source: str, namespace: dict[str, Any]) -> list[dict[str, Any]]:
    """Runs a cell; returns what it prints, and its last expression as a notebook shows it."""
    body = ast.parse(source).body
    last = ast.Expression(body.pop().value) if isinstance(body[-1], ast.Expr) else None  # type: ignore[attr-defined]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "cell", "exec"), namespace)
        value = None if last is None else eval(compile(last, "cell", "eval"), namespace)
    outputs: list[dict[str, Any]] = []
    if text := printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)})
    if value is not None:
        data: dict[str, Any] = {"text/plain": repr(value).splitlines(keepends=True)}
        for kind, method in (("image/png", "_repr_png_"), ("image/jpeg", "_repr_jpeg_")):
            if hasattr(value, method):
                data[kind] = base64.b64encode(getattr(value, method)()).decode("ascii")
        outputs.append({"output_type": "execute_result", "data": data, "metadata": {}})
    return outputs


if __name__ == "__main__":
    main()
