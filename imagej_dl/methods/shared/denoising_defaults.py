"""Settings of a training that learns to denoise, where none are given."""

from __future__ import annotations

from typing import Any

DEFAULTS: dict[str, Any] = {
    "architecture": "unet_n2v",
    "depth": 2,
    "width": 16,
    "patch": 64,
    "batch": 8,
    "epochs": 100,
    "steps": 100,
    "averaging": 0.99,
    "validation": 0.1,
    "test": 0.0,
}
"""For a good result within minutes on a CPU; docs/figures.md has what was measured.

A step takes a third of the time at half the published width, and the network has no batch
normalisation, with which it was worse than any Gaussian after a minute. The average of the weights
makes good previews, and a good model of a training that is ended early.
"""

VOLUMES: dict[str, Any] = {"patch": 32, "batch": 4}
"""Other ones for patches that are volumes, with which a batch of 8 slices has as many voxels."""
