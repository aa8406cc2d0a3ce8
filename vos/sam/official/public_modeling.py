"""The module classes of the `segment-anything` package, without the rest of that package."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from vos.errors import VosError

_ALIAS = "vos.sam._segment_anything_modeling"


@cache
def public_modeling() -> ModuleType:
    """Loads ``segment_anything.modeling`` (Kirillov et al., 2023) under a private name.

    Importing ``segment_anything`` itself would pull in torchvision, which only its predictor and mask generator need.
    The subpackage imports torch alone, so it is loaded from its files; ``segment_anything`` stays out of
    ``sys.modules`` and a later ordinary import of it works as ever.

    Raises:
        VosError: the package is not installed.
    """
    package = importlib.util.find_spec("segment_anything")
    if package is None or not package.submodule_search_locations:
        raise VosError("the package segment-anything is not installed; run: pip install segment-anything")
    folder = Path(package.submodule_search_locations[0]) / "modeling"
    spec = importlib.util.spec_from_file_location(
        _ALIAS, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise VosError(f"segment-anything at {folder.parent} has no modeling subpackage; reinstall segment-anything")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_ALIAS] = module  # its own relative imports look here
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for name in [name for name in sys.modules if name == _ALIAS or name.startswith(_ALIAS + ".")]:
            del sys.modules[name]
        raise
    return module
