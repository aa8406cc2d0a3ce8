"""Averages weights that one run of tools/train/train.py saved at different steps.

    python tools/train/average.py nano.safetensors run/step-2000.safetensors run/step-2250.safetensors ...

Checkpoints of one run lie in one basin; their mean is often better than the last of them, above all on pictures of
another kind than those trained on (model soups, Wortsman et al., ICML 2022, arXiv 2203.05482).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def average(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of weights with equal names and shapes, taken in float32, as float16."""
    names = states[0].keys()
    if any(state.keys() != names for state in states):
        raise SystemExit("error: the files do not hold weights of one network")
    return {name: torch.stack([state[name].float() for state in states]).mean(dim=0).half() for name in names}


def main() -> None:
    """Reads the files, writes their mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("weights", type=Path, nargs="+")
    options = parser.parse_args()
    save_file(average([load_file(path) for path in options.weights]), options.out, {"format": "vos-nano-2"})


if __name__ == "__main__":
    main()
