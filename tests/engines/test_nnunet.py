"""The engine nnU-Net: what it refuses; where it is installed, the results are its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_engines import needed

from imagej_dl import images
from imagej_dl.commands import load
from imagej_dl.engines import registry
from imagej_dl.errors import UserError
from imagej_dl.foreign.session import Session
from imagej_dl.images import make
from imagej_dl.progress import silent

ARCHITECTURE = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {
        "n_stages": 2,
        "features_per_stage": [4, 8],
        "conv_op": "torch.nn.modules.conv.Conv2d",
        "kernel_sizes": [[3, 3], [3, 3]],
        "strides": [[1, 1], [2, 2]],
        "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    },
    "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
}
RESAMPLING = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
PLANS = {
    "dataset_name": "Dataset001_Discs",
    "plans_name": "nnUNetPlans",
    "transpose_forward": [0, 1, 2],
    "transpose_backward": [0, 1, 2],
    "image_reader_writer": "NaturalImage2DIO",
    "label_manager": "LabelManager",
    "foreground_intensity_properties_per_channel": {"0": {}},
    "configurations": {
        "2d": {
            "data_identifier": "nnUNetPlans_2d",
            "preprocessor_name": "DefaultPreprocessor",
            "batch_size": 2,
            "patch_size": [32, 32],
            "spacing": [1.0, 1.0],
            "normalization_schemes": ["ZScoreNormalization"],
            "use_mask_for_norm": [False],
            "resampling_fn_data": "resample_data_or_seg_to_shape",
            "resampling_fn_seg": "resample_data_or_seg_to_shape",
            "resampling_fn_data_kwargs": RESAMPLING,
            "resampling_fn_seg_kwargs": RESAMPLING | {"is_seg": True},
            "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
            "resampling_fn_probabilities_kwargs": RESAMPLING,
            "architecture": ARCHITECTURE,
        }
    },
}
DATASET = {
    "channel_names": {"0": "grey"},
    "labels": {"background": 0, "disc": 1, "edge": 2},
    "numTraining": 1,
    "file_ending": ".tif",
}

_OWN = f"""
import numpy as np, torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
architecture = {ARCHITECTURE}
torch.manual_seed(0)
network = get_network_from_plans(architecture["network_class_name"], architecture["arch_kwargs"],
    architecture["_kw_requires_import"], 1, 3, deep_supervision=False)
kept = dict(network_weights=network.state_dict(), trainer_name="nnUNetTrainer",
    init_args=dict(configuration="2d", fold=0), inference_allowed_mirroring_axes=(0, 1),
    logging=dict(train_losses=[np.float64(0.5), np.float32(1)]))
torch.save(kept, "model/fold_0/checkpoint_final.pth")
torch.save(kept | dict(logging=nnUNetPredictor), "model/fold_0/checkpoint_best.pth")
predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
predictor.initialize_from_trained_model_folder("model", (0,), "checkpoint_final.pth")
image = np.load("image.npy")[None, None].astype(np.float32)
found = predictor.predict_single_npy_array(image, dict(spacing=[999, 1, 1]), None, None, False)
np.save("classes.npy", found[0])
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder as nnU-Net's training writes it; its weights are an empty file."""
    home = tmp_path / "model"
    (home / "fold_0").mkdir(parents=True)
    (home / "plans.json").write_text(json.dumps(PLANS))
    (home / "dataset.json").write_text(json.dumps(DATASET))
    (home / "fold_0" / "checkpoint_final.pth").write_bytes(b"")
    return home


def test_what_is_no_model_of_nnunet(model: Path) -> None:
    engine = registry.of("nnunet")
    assert engine.model(model) == str(model)
    assert [path.name for path in engine.files(str(model))] == [
        "dataset.json",
        "plans.json",
        "checkpoint_final.pth",
    ]
    (model / "fold_0" / "checkpoint_final.pth").unlink()
    with pytest.raises(UserError, match="has no weights"):
        engine.model(model)
    (model / "dataset.json").unlink()
    with pytest.raises(UserError, match=r"no dataset\.json"):
        engine.model(model)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("network_class_name", "subprocess.Popen"),
        ("network_class_name", "dynamic_network_architectures.architectures.unet.np.load"),
        ("conv_op", "os.system"),
        ("nonlin", "torch.nn.functional.torch.hub.load"),
    ],
)
def test_plans_that_name_other_things_are_refused(model: Path, key: str, name: str) -> None:
    """nnU-Net imports and calls what its plans name."""
    plans: dict[str, Any] = json.loads(json.dumps(PLANS))
    architecture = plans["configurations"]["2d"]["architecture"]
    (architecture if key in architecture else architecture["arch_kwargs"])[key] = name
    (model / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(UserError, match=rf"names {name}, which is no network or layer"):
        registry.of("nnunet").model(model)
    (model / "plans.json").write_text("[]")
    with pytest.raises(UserError, match="holds no plans of nnU-Net"):
        registry.of("nnunet").model(model)


def test_settings_of_nnunet() -> None:
    engine = registry.of("nnunet")
    assert engine.settings({"use_folds": [0, "all"]}).model_dump()["use_folds"] == (0, "all")
    with pytest.raises(UserError, match="checkpoint_name"):
        engine.settings({"checkpoint_name": "../checkpoint.pth"})


def test_results_are_those_of_nnunet(model: Path, tmp_path: Path) -> None:
    engine = needed("nnunet")
    image = np.random.default_rng(0).integers(0, 255, (40, 56)).astype(np.uint8)
    np.save(tmp_path / "image.npy", image)
    images.write(make(image, "YX"), tmp_path / "image.tif")
    python = engine.program.find()
    subprocess.run([python, "-c", _OWN], cwd=tmp_path, check=True, capture_output=True)
    classes = np.load(tmp_path / "classes.npy")
    assert len(np.unique(classes)) > 1
    given = {"model": model, "images": [tmp_path / "image.tif"], "engine": "nnunet"}
    load("predict").declare(given | {"out": tmp_path / "out"}).run(silent)
    objects = np.asarray(images.read_labels(next((tmp_path / "out").glob("*.tif"))))
    assert np.array_equal(objects > 0, classes > 0)
    assert all(len(np.unique(classes[objects == one])) == 1 for one in np.unique(objects))
    values = {"model": str(model), "settings": engine.settings({}).model_dump()}
    whole = values["settings"] | {"result": "classes"}
    best = values["settings"] | {"checkpoint_name": "checkpoint_best.pth"}
    third = values["settings"] | {"use_folds": [3]}
    with Session(engine.program) as session:
        arrays, _ = session.ask("segment", {"image": image}, values | {"settings": whole})
        assert np.array_equal(arrays["labels"], classes)
        with pytest.raises(UserError, match=r"more than tensors and numbers .*nnUNetPredictor"):
            session.ask("load", {}, values | {"settings": best})
        with pytest.raises(UserError, match=r"has no fold_3/checkpoint_final\.pth"):
            session.ask("load", {}, values | {"settings": third})
