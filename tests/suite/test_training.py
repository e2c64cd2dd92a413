"""The suite's networks in the whole chain: training, the model's folder, prediction."""

import json

import numpy as np
import pytest
import tifffile
from suite_command import run
from suite_movie import movie, write_pair

from imagej_dl import ctc, images, models
from imagej_dl.errors import DataWarning
from imagej_dl.models.networks import mobilenet_unets, suite_unets
from imagej_dl.models.networks.registry import NETWORKS, takes
from imagej_dl.models.pretrained import load_weights
from imagej_dl.prediction import predict
from imagej_dl.suite import write_frames
from imagej_dl.suite.videos import write_relation
from imagej_dl.training import train

pytestmark = [pytest.mark.tf, pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")]

MODULES = (mobilenet_unets.__name__, suite_unets.__name__)
SUITE = [name for name, network in NETWORKS.items() if network.__module__ in MODULES]


def losses(folder):
    lines = (folder / "log.csv").read_text().splitlines()
    at = lines[0].split(",").index("loss")
    return [float(line.split(",")[at]) for line in lines[1:]]


@pytest.mark.thorough(except_for=["unet_suite", "mobilenet_mobileunet"])
@pytest.mark.parametrize("name", SUITE)
def test_each_network_learns_real_nuclei(name, shared_data, tmp_path):
    """Of frames of a movie of nuclei, which networks for single planes take one by one."""
    movie = images.read(shared_data / "movie" / "movie.tif")
    part = {"Y": slice(40, 200), "X": slice(40, 200), "T": slice(0, 8)}
    files = sorted((shared_data / "movie" / "truth").glob("man_track*.tif"))[:8]
    truth = np.stack([tifffile.imread(file) for file in files]).astype(np.uint16)
    pair = (movie.isel(part), images.make(truth, "TYX").isel(part))
    out = tmp_path / "M"
    bundle = train(
        [pair],
        out,
        kind="foreground",
        architecture=name,
        loss="sparse_cce",
        weight_map="none",
        epochs=2,
        steps=12,
        batch=4,
        patch=64,
        width=4,
        depth=2,
        frames=3,
        dropout=0.01,
        learning_rate=0.01,
        network={"dilation_rate": 1} if "dilation_rate" in takes(name) else {},
        normalisation={"scope": "video", "clip": True},
    )
    first, last = losses(out)
    assert last < 0.9 * first
    again = models.load(out, verify=True)
    assert again.config.architecture.name == name
    assert again.config.frames == (3 if "lstm" in name else 1)
    video = pair[0].isel(T=slice(0, 4))
    found = predict(again, video, probabilities=True)
    assert found.labels.shape == (4, 160, 160)
    # Tiles give what the whole frame gives, a window with its front padded the first frame.
    tile = 2 * (-(-bundle.config.halo // 16) + 1) * 16
    if tile < 160:
        tiled = predict(again, video, probabilities=True, tile=tile).probabilities
        np.testing.assert_allclose(tiled, found.probabilities, atol=1e-4)
    if bundle.config.frames > 1:
        window = np.stack([video.data[0]] * 3)
        levels = bundle.config.normalisation.levels(video.data)
        ready = np.concatenate([bundle.prepare(plane, levels) for plane in window], axis=-1)
        expected = bundle.network_output(ready)
        np.testing.assert_allclose(found.probabilities[0], np.moveaxis(expected, -1, 0), atol=1e-4)


SMALL = {
    "model_n_filters": 2,
    "model_pools": 1,
    "model_time_windows": 2,
    "model_dilation_rate": 1,
    "model_lr": 0.01,
    "datagen_dim_size": [32, 32],
    "train_max_epochs": 1,
    "callbacks_save_freq": 1,
    "newinfer_padding": [16, 16],
    "newinfer_output_folder_name": "found",
}


@pytest.fixture
def folders(tmp_path):
    """Videos to train on and to validate with, single frames for the test."""
    for seed, part in enumerate(("train", "val")):
        write_pair(tmp_path / part, *movie(seed=seed))
    videos, truth = zip(*(movie(frames=3, seed=seed) for seed in (2, 3)), strict=True)
    names = ("b_1-3", "c_1-3")
    several, labels = (dict(zip(names, found, strict=True)) for found in (videos, truth))
    write_frames(several, labels, tmp_path / "test")
    return tmp_path


@pytest.mark.thorough(except_for=["categorical_unet_transpose"])
@pytest.mark.parametrize("name", ["unet_lstm", "categorical_unet_transpose"])
def test_a_configuration_trains_and_predicts_by_one_command_each(name, folders, write_config):
    table = folders / "test" / "videos2im_relation.csv"
    # A table of the training's frames says nothing of the test's, which have their own.
    write_relation(folders / "train.csv", {"a_1-2": ["raw_101.tif", "raw_102.tif"]})
    path = write_config(**SMALL, cnn_name=name, PATH2VIDEOS=str(folders / "train.csv"))
    run("train", path, "--settings", '{"steps": 2}')
    out = folders / "out"
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["epochs"] == 1
    assert json.loads((out / "split.json").read_text())["by"] == "folders"
    assert "ap_0.5" in metrics["test"]
    assert (out / "checkpoints" / "00001.weights.h5").is_file()
    config = models.load(out, verify=True).config
    assert (config.kind, config.normalisation.lower) == ("foreground", 0.1)
    # What the suite does after a training.
    rebuilt = out / "test_output" / "reconstructed_videos"
    assert sorted(p.name for p in rebuilt.iterdir()) == ["b_1-3.tif", "c_1-3.tif"]
    assert images.read(rebuilt / "c_1-3.tif").sizes["T"] == 3
    weights = out / "checkpoints" / "last.weights.h5"
    path = write_config(
        **SMALL, cnn_name=name, PATH2VIDEOS=str(table), newinfer_epoch_process_test=str(weights)
    )
    run("predict", path)
    masks = out / "found" / "CTC_evaluation" / "02_RES"
    found = ctc.read(masks)  # with the tracks of its objects
    assert found.masks.shape[0] == 3
    assert set(found.tracks[:, 0]) == set(np.unique(found.masks)) - {0}
    if "lstm" in name:  # of several videos none sees the frames of the one before
        bundle = models.load(out)
        load_weights(bundle.model, weights)
        alone = predict(bundle, movie(frames=3, seed=3)[0], halo=16).labels
        both = images.read(out / "found" / "c_1-3.tif")
        np.testing.assert_array_equal(both.data, alone.data)


def test_a_configuration_is_converted_for_from_json(folders, write_config):
    path = write_config(**SMALL, cnn_name="categorical_unet_fc")
    ours = folders / "ours.json"
    run("config", "convert", path, "--out", ours)
    # The steps of the post-processing that are given stay as they are.
    treated = {"closing": 3, "fill_holes": False, "minimum_area": 33, "drop_edge": True}
    settings = json.dumps({"steps": 1, **treated})
    run("train", "--from-json", ours, "--settings", settings, "--out", folders / "M")
    config = models.load_config(folders / "M")
    assert treated.items() <= config.instances.model_dump().items()
    assert config.architecture.name == "categorical_unet_fc"
    said = json.loads(run("config", "convert", path, "--command", "predict"))
    assert said["halo"] == 16


def test_weights_that_cannot_be_had_are_said_and_it_begins_at_random(monkeypatch, tmp_path):
    from imagej_dl.models import backend
    from imagej_dl.models.networks.registry import network
    from imagej_dl.models.pretrained import initialise

    asked = []

    def offline(**options):
        asked.append(options)
        raise Exception("URL fetch failure")

    made = network("mobilenet_mobileunet", {"width": 2, "depth": 1})
    model = made.build()
    monkeypatch.setattr(backend.keras().applications, "MobileNetV2", offline)
    with pytest.warns(DataWarning, match=r"URL fetch failure.*initialised at random"):
        initialise(model, made, "imagenet")
    assert asked[0]["weights"] == "imagenet"
    other = network("categorical_unet", {"width": 2})
    with pytest.warns(DataWarning, match="no ImageNet weights for this network"):
        initialise(other.build(), other, "imagenet")
    coloured = network("mobilenet_mobileunet", {"width": 2, "depth": 1, "channels": 2})
    with pytest.warns(DataWarning, match="for 1 or 3 channels"):
        initialise(model, coloured, "imagenet")


@pytest.mark.parametrize("name", ["mobilenet_mobileunet", "mobilenet_mobileunet_lstm"])
def test_imagenet_weights_come_into_the_encoder(name, monkeypatch):
    from imagej_dl.models import backend
    from imagej_dl.models.networks.registry import network
    from imagej_dl.models.pretrained import initialise

    keras = backend.keras()
    made = network(name, {"width": 2, "depth": 1, "classes": 2})
    model = made.build()
    real = keras.applications.MobileNetV2
    theirs = real(include_top=False, alpha=0.35, weights=None, input_shape=(32, 32, 3))
    rng = np.random.default_rng(0)
    theirs.set_weights([rng.random(w.shape) for w in theirs.get_weights()])
    monkeypatch.setattr(keras.applications, "MobileNetV2", lambda **_: theirs)
    initialise(model, made, "imagenet")
    inner = model.get_layer("each_frame").layer if made.window > 1 else model
    for layer in ("Conv1", "block_1_expand_BN"):
        for ours, wanted in zip(
            inner.get_layer(layer).get_weights(), theirs.get_layer(layer).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, wanted)


@pytest.mark.parametrize("name", ["categorical_unet_transpose", "mobilenet_mobileunet_lstm"])
def test_local_weights_are_read_and_foreign_ones_refused(name, tmp_path):
    from imagej_dl.errors import UserError
    from imagej_dl.models.networks.registry import network

    def build(**more):
        return network(name, {"width": 2, "depth": 1} | more).build()

    model, other = build(), build(width=3)
    for file in ("a.weights.h5", "a.keras"):
        (model.save_weights if file.endswith("h5") else model.save)(tmp_path / file)
        same = build()
        load_weights(same, tmp_path / file)
        for one, two in zip(model.get_weights(), same.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
    with pytest.raises(UserError, match="cannot be loaded into this network"):
        load_weights(other, tmp_path / "a.weights.h5")
    (tmp_path / "bad.h5").write_bytes(b"no")
    with pytest.raises(
        UserError, match=r"bad\.h5: is not a weights file in HDF5 format, or is damaged"
    ):
        load_weights(model, tmp_path / "bad.h5")
    with pytest.raises(UserError, match="no such weights file"):
        load_weights(model, tmp_path / "none.h5")


@pytest.mark.thorough
def test_single_frames_go_on_after_a_stop(folders, write_config):
    """What videos they are of is known again, by the network of the stopped training."""
    frames = folders / "test"
    path = write_config(
        **SMALL, cnn_name="unet_lstm", TRAINPATH=str(frames), VALPATH=str(frames), TESTPATH="None"
    )
    run("train", path, "--settings", '{"steps": 1}', "--minutes", "0.00001", "--epochs", "3")
    out = folders / "out"
    assert json.loads((out / "metrics.json").read_text())["ended"] == "time limit"
    assert (out / "split.json").read_text().count("T=3") == 4  # of two videos, twice
    run("train", path, "--resume", "--minutes", "5", "--epochs", "2")
    assert json.loads((out / "metrics.json").read_text())["epochs"] == 2


@pytest.mark.thorough(except_for=["categorical_unet_transpose-multiple_output-more1-2"])
@pytest.mark.parametrize(
    ("name", "loss", "more", "classes"),
    [
        ("unet", "weighted_bce", {"datagen_dim_size": [64, 64]}, 1),
        ("categorical_unet_transpose", "multiple_output", {}, 2),
        ("categorical_unet_transpose", "weighted_bce_dice", {}, 2),
        ("categorical_unet_transpose", "categorical_cce", {"datagen_type": "contours"}, 3),
    ],
)
def test_losses_maps_and_contours_by_the_configuration(
    name, loss, more, classes, folders, write_config
):
    labels = images.read(folders / "train" / "labels" / "a_1-6.tif")
    ones = labels.copy(data=np.ones(labels.shape, np.float32))
    images.write(ones, folders / "train" / "weights" / "a_1-6_weight.tif")
    images.write((labels > 1).astype(np.uint8), folders / "train" / "contours" / "a_1-6.tif")
    for method in ("MEDIAN", "HE")[: 2 if classes == 1 else 1]:
        given = {"model_last_activation": "sigmoid", "TESTPATH": "None", "normalization": method}
        path = write_config(**SMALL | given | more | {"cnn_name": name, "model_lossfunction": loss})
        run("train", path, "--settings", '{"steps": 1}', "--overwrite")
        bundle = models.load(folders / "out", verify=True)
        assert len(bundle.config.classes) == classes
        method = {"MEDIAN": "median", "HE": "equalise"}[method]
        assert bundle.config.normalisation.method == method
