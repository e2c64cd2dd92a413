"""A training by torch-em: a U-Net of foreground and distances to centres and boundaries."""

from __future__ import annotations

import os
import shutil
from typing import Any

import checkpoints
import numpy as np
import torch
from serve import Arrays, Refused, Teller, Values, examples
from torch_em import default_segmentation_trainer, get_data_loader
from torch_em.data.tensor_dataset import TensorDataset
from torch_em.loss import DiceBasedDistanceLoss
from torch_em.transform.augmentation import get_augmentations
from torch_em.transform.label import PerObjectDistanceTransform
from torch_em.transform.raw import standardize

OUTPUTS = 3
_NAME = "best.pt"


def fit(model: Any, arrays: Arrays, values: Values, tell: Teller) -> tuple[Arrays, Values]:
    """Train a model on label maps; return its file and its least validation loss."""
    settings, out = values["settings"], values["out"]
    if model.out_channels != OUTPUTS:
        raise Refused(
            f"the network has {model.out_channels} outputs, and those that are trained have "
            f"{OUTPUTS}"
        )
    loaders = [loader_of(arrays, values, part) for part in ("", "validation_")]
    trainer = default_segmentation_trainer(
        "model",
        model,
        *loaders,
        loss=DiceBasedDistanceLoss(mask_distances_in_bg=True),
        metric=DiceBasedDistanceLoss(mask_distances_in_bg=True),
        learning_rate=settings["learning_rate"],
        device=next(model.parameters()).device,
        logger=None,
        save_root=out,
        compile_model=False,
    )
    trainer.fit(settings["n_iterations"], progress=Iterations(tell))
    folder = trainer.checkpoint_folder
    if not os.path.isfile(os.path.join(folder, _NAME)):
        raise Refused("the loss became infinite", "Set a smaller learning_rate.")
    path = shutil.move(os.path.join(folder, _NAME), os.path.join(out, _NAME))
    shutil.rmtree(os.path.join(out, "checkpoints"))
    loss = checkpoints.opened(path, inert=True)["best_metric"]
    return {}, {"model": _NAME, "validation loss": float(loss)}


def loader_of(arrays: Arrays, values: Values, part: str) -> Any:
    """Return the patches of the training, or of the validation."""
    settings = values["settings"]
    images, labels = examples(arrays, values, part)
    several = images[0].ndim == 3
    planes = [np.moveaxis(image, 2, 0) if several else image for image in images]
    patches = TensorDataset(
        [plane.astype(np.float32) for plane in planes],
        [truth.astype(np.uint32) for truth in labels],
        tuple(settings["patch_shape"]),
        raw_transform=standardize,
        label_transform=PerObjectDistanceTransform(),
        transform=None if part else get_augmentations(2),
        with_channels=several,
    )
    return get_data_loader(
        patches, batch_size=settings["batch_size"], shuffle=not part, num_workers=0
    )


def seeded(seed: int) -> None:
    """Make the weights and patches of a training those of its seed."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - torch-em draws its patches with it


class Iterations:
    """The progress bar that torch-em moves, told to imagej-dl."""

    def __init__(self, tell: Teller) -> None:
        self.tell, self.total, self.done = tell, 0, 0

    def update(self, count: int = 1) -> None:
        self.done += count
        self.tell.progress("train", min(self.done, self.total), self.total)

    def set_description(self, text: str, refresh: bool = True) -> None:
        self.tell.note(text)
