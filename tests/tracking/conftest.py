"""Lets the tests of this folder import `parity_clip`, which the recording tool shares."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
