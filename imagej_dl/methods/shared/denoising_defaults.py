"""Settings of a training that learns to denoise, where none are given."""

from __future__ import annotations

from typing import Any

DEFAULTS: dict[str, Any] = {
    "architecture": "unet_n2v",
    "depth": 2,
    "width": 16,
    "patch": 64,
    "batch": 16,
    "epochs": 100,
    "steps": 100,
    "learning_rate": 1e-3,
    "validation": 0.1,
    "test": 0.0,
}
