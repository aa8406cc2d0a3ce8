"""Models that users bring: a name, and a function that loads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import torch

from vos.errors import VosError
from vos.sam.official.network import SAM_NAMES
from vos.sam.segmenter import Segmenter

Loader = Callable[[torch.device], Segmenter]
_loaders: dict[str, Loader] = {}


def register_model(name: str, loader: Loader) -> None:
    """Makes a model known under a name, for ``model=`` in Python and for concepts that it makes.

    Args:
        name: letters, digits and underscores; none of the models that vos brings. An earlier loader of this name goes.
        loader: gets the device and returns the model with its weights on it; called when it is needed and not kept
            from the last time. What it returns has this very ``name``.

    Raises:
        VosError: the name cannot be used, or the loader is none.
    """
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name) or name == "nano" or name in SAM_NAMES:
        raise VosError(f"model={name} is no name for a model of your own; use letters, digits and _, and a new one")
    if not callable(loader):
        raise VosError(f"the loader of model={name} is {loader!r}; give a function of a device that returns the model")
    _loaders[name] = loader
    _load.cache_clear()


def own_models() -> tuple[str, ...]:
    """Lists the names that were given to :func:`register_model`."""
    return tuple(_loaders)


def load_own_model(name: str, device: torch.device) -> Segmenter:
    """Loads a model of :func:`register_model`; the latest is kept.

    Raises:
        VosError: its loader gave something else.
    """
    return _load(name, device)


@lru_cache(maxsize=1)
def _load(name: str, device: torch.device) -> Segmenter:
    model = _loaders[name](device)
    if not isinstance(model, Segmenter) or model.name != name:
        said = f"one of name={model.name}" if isinstance(model, Segmenter) else f"a {type(model).__name__}"
        raise VosError(f"the loader of model={name} gave {said}; return a vos.Segmenter whose name is {name}")
    return model
