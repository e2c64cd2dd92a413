"""Settings that no machine can follow, or that would take years, are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imagej_dl import UserError, commands
from imagej_dl.models import CLASSES
from imagej_dl.models.folder import load_config
from imagej_dl.training.settings import Settings

ABSURD: list[dict[str, Any]] = [
    {"epochs": 10**20},
    {"epochs": 10**6, "steps": 10**6},
    {"steps": 10**9},
    {"batch": 10**6},
    {"batch": 1024, "patch": 4096},
    {"patch": 10**6},
    {"patience": 10**30},
    {"per_image": 10**9},
    {"minutes": float("inf")},
    {"contact_weight": float("nan")},
    {"sampling_pdf": float("inf")},
    {"minimum_area": 10**30},
    {"network": {"momentum": 2}},
    {"normalisation": {"illumination": 1e9}},
    {"architecture": "mobilenet_mobileunet", "network": {"kernel_size": [10**6, 3]}},
    {"architecture": "categorical_unet", "width": 10**9},
]


@pytest.mark.parametrize("given", ABSURD, ids=str)
def test_training(given: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        Settings.of(given)


def test_usual_ones_pass() -> None:
    Settings.of({"epochs": 10_000, "steps": 1000, "batch": 64, "patch": 1024})


@pytest.mark.parametrize(
    "more",
    [
        {"instances": {"smoothing": 1e6}},
        {"instances": {"smoothing": float("inf")}},
        {"instances": {"marker_height": float("nan")}},
        {"instances": {"object_weight": 1e300}},
        {"instances": {"minimum_area": 10**30}},
        {"halo": 10**9},
        {"multiple_of": 10**9},
        {"patch": 10**9},
        {"channels": 10**9},
        {"pixel_width": float("inf")},
        {"normalisation": {"illumination": 1e9}},
    ],
    ids=str,
)
def test_model(tmp_path: Path, more: dict[str, Any]) -> None:
    config = {
        "format_version": 1,
        "kind": "binary",
        "classes": CLASSES["binary"],
        "architecture": {"name": "unet", "arguments": {}},
        "normalisation": {},
        "patch": 64,
        "halo": 8,
        "multiple_of": 4,
        "imagej_dl_version": "0",
        "keras_version": "3",
        "tensorflow_version": "2",
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    load_config(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config | more))
    with pytest.raises(UserError, match=r"config\.json: "):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("predict", {"tile": 10**30}),
        ("predict", {"batch": 10**30}),
        ("predict", {"halo": 10**30}),
        ("predict", {"minimum_area": 10**30}),
        ("search", {"trials": 10**30}),
        ("fill-gaps", {"sigma": 1e9}),
        ("correct", {"epochs": 10**30}),
        ("tune-tracking", {"seed": 10**30}),
    ],
)
def test_commands(name: str, values: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(values))):
        commands.load(name).declare(values)
