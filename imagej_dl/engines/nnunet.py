"""nnU-Net v2: a U-Net that configures itself (Isensee et al., Nature Methods 2021)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings, Ran
from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import load_json

_NETWORK = re.compile(r"dynamic_network_architectures\.architectures\.\w+\.[A-Z]\w+")
_LAYER = re.compile(r"torch\.nn\.(modules\.\w+\.)?[A-Z]\w+")


class NnUNetSettings(EngineSettings):
    """Settings of `nnUNetPredictor`, and what becomes of the classes."""

    use_folds: tuple[int | Literal["all"], ...] | None = Field(
        None, min_length=1, description="Folds whose predictions are averaged; None: all there are."
    )
    checkpoint_name: str = Field(
        "checkpoint_final.pth",
        pattern=r"^[^/\\]+$",
        description="File of the weights in each fold, such as checkpoint_best.pth.",
    )
    tile_step_size: float = Field(
        0.5, gt=0, le=1, description="Step of the sliding window, share of a patch."
    )
    use_gaussian: bool = Field(True, description="Weight the middle of a patch more.")
    use_mirroring: bool = Field(True, description="Average mirrored views, as trained.")
    perform_everything_on_device: bool = Field(
        True, description="Keep the whole image on the GPU, if there is one."
    )
    spacing: tuple[float, float] = Field(
        (1.0, 1.0),
        description="Pixel size along y and x, in the unit of the training data; 1, 1 for PNG and "
        "other natural images.",
    )
    result: Literal["objects", "classes"] = Field(
        "objects",
        description="objects: the connected pixels of a class are objects; classes: the class map "
        "of nnU-Net as it is.",
    )
    label: int | None = Field(
        None, ge=1, description="For objects: the class that they are of; None: each class."
    )
    min_size: int = Field(1, ge=1, description="For objects: the smallest one in px.")
    gpu: bool = Field(True, description="Use a GPU, if there is one.")


class NnUNet(Engine):
    """nnU-Net v2 in 2-D; a model is the folder that a training writes, with dataset.json,
    plans.json and fold_0/checkpoint_final.pth."""

    name = "nnunet"
    label = "nnU-Net"
    module = "nnunetv2"
    homepage = "https://github.com/MIC-DKFZ/nnUNet"
    licence = "Apache-2.0"
    requirements = ("nnunetv2==2.8.1",)
    versions = ">=2.8,<3"
    gigabytes: ClassVar[float | None] = 6.3
    ran: ClassVar[Ran] = "run"
    settings_model: ClassVar[type[EngineSettings]] = NnUNetSettings

    def model(self, named: Path | None) -> str:
        model = super().model(named)
        for name in ("dataset.json", "plans.json"):
            if not Path(model, name).is_file():
                raise UserError(
                    f"is no model of nnU-Net: there is no {name}",
                    path=named,
                    remedy="Name the folder of a trained configuration, such as "
                    "nnUNetTrainer__nnUNetPlans__2d.",
                )
        if not self._checkpoints(model):
            raise UserError(
                "has no weights: there is no fold_0/checkpoint_final.pth",
                path=named,
                remedy="Name a folder whose training was finished.",
            )
        _check_plans(Path(model, "plans.json"))
        return model

    def files(self, model: str) -> list[Path]:
        described = [Path(model, name) for name in ("dataset.json", "plans.json")]
        return described + self._checkpoints(model)

    @staticmethod
    def _checkpoints(model: str) -> list[Path]:
        return sorted(Path(model).glob("fold_*/*.pth"))


def _check_plans(path: Path) -> None:
    """Refuse plans that name anything but networks and layers, since nnU-Net imports and calls what
    they name."""
    plans = load_json(path)
    try:
        configurations = plans["configurations"].values()
        architectures = [one["architecture"] for one in configurations if "architecture" in one]
        networks = [one["network_class_name"] for one in architectures]
        layers = [layer for one in architectures for layer in _layers(one)]
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError("holds no plans of nnU-Net", path=path) from error
    strange = [str(name) for name in networks if not _NETWORK.fullmatch(str(name))]
    strange += [str(name) for name in layers if not _LAYER.fullmatch(str(name))]
    if strange:
        raise UserError(
            f"names {strange[0]}, which is no network or layer that nnU-Net has, and is not opened",
            path=path,
        )


def _layers(architecture: dict[str, Any]) -> list[Any]:
    """Return what an architecture has nnU-Net import."""
    named = [architecture["arch_kwargs"][key] for key in architecture["_kw_requires_import"]]
    return [one for one in named if one is not None]
