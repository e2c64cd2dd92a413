"""Engines that are installed, for tests that need the real one."""

from __future__ import annotations

import pytest

from imagej_dl.engines import registry
from imagej_dl.engines.base import Engine


def needed(name: str) -> Engine:
    """Return an engine that was loaded; the test skips where there is none."""
    engine = registry.of(name)
    found, words = engine.diagnose()
    if not found:
        pytest.skip(f"needs {engine.label}: {words}")
    return engine
