import json
import re

import pytest

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.suite import SuiteConfig, predict_values, read, train_values
from imagej_dl.training.settings import Settings


def converted(path):
    values = train_values(read(path), elsewhere=True)
    names = {"project", "validation_folder", "test_folder", "videos", "out", "checkpoints"}
    names |= {"settings", "tensorboard"}
    own = {key: value for key, value in values.items() if key not in names}
    return values, Settings.of(own | values["settings"])


@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
def test_the_real_files_are_read_and_say_settings(shared_data):
    files = sorted((shared_data / "configs").glob("*.json"))
    assert len(files) == 6
    for file in files:
        given = json.loads(file.read_text())
        values, settings = converted(file)
        assert settings.architecture == "mobilenet_mobileunet_lstm"
        assert settings.kind == "foreground"
        assert (settings.loss, settings.frames) == ("sparse_cce", given["model_time_windows"])
        assert settings.width == given["model_n_filters"]
        assert settings.depth == given["model_pools"]
        assert settings.built(1).dilation_rate == given["model_dilation_rate"]
        assert settings.batch == given["datagen_batch_size"] * given["datagen_patch_batch"]
        assert settings.patch == given["datagen_dim_size"][0]
        assert settings.sampling_pdf == given["datagen_sampling_pdf"]
        assert settings.learning_rate == given["model_lr"]
        assert settings.normalisation.model_dump() == {
            "method": "percentile",
            "lower": 0.1,
            "upper": 99.1,
            "clip": True,
            "scope": "video",
            "illumination": 0.0,
            "largest": None,
        }
        assert values["project"] == given["TRAINPATH"]
        assert predict_values(read(file), elsewhere=True)["halo"] == 115


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("mobilenet_mobileunet_lstm_", "mobilenet_mobileunet_lstm"),
        ("my_mobilenet_mobileunet_2", "mobilenet_mobileunet"),
        ("categorical_unet_transpose", "categorical_unet_transpose"),
        ("categorical_unet_fc_dil_x", "categorical_unet_fc_dil"),
        ("categorical_unet_fc", "categorical_unet_fc"),
        ("categorical_unet", "categorical_unet"),
        ("unet_lstm", "unet_lstm"),
        ("unet", "unet_suite"),
    ],
)
def test_all_eight_networks_are_found_by_their_name(write_config, name, architecture):
    assert read(write_config(cnn_name=name)).architecture == architecture


def test_unknown_keys_are_refused_with_the_nearest(write_config):
    path = write_config(model_n_filter=16, datagen_dimsize=[64, 64], qqq=1)
    with pytest.raises(UserError) as error:
        read(path)
    words = str(error.value)
    assert "model_n_filter: unknown key, perhaps model_n_filters" in words
    assert "datagen_dimsize: unknown key, perhaps datagen_dim_size" in words
    assert words.count("qqq: unknown key") == 1
    assert str(path) in words


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_pools", "three"),
        ("model_kernel_size", 3),
        ("datagen_dim_size", [512]),
        ("train_max_epochs", 0),
        ("model_train_decoder_only", "maybe"),
        ("newinfer_padding", "wide"),
        ("model_lr", None),
    ],
)
def test_values_of_a_wrong_type_are_named(write_config, key, value):
    template = json.dumps(SuiteConfig.model_fields[key].default)
    words = rf"config\.json: {key}.*Known keys are {key} {re.escape(template)}\."
    with pytest.raises(UserError, match=words if key != "newinfer_padding" else key):
        read(write_config(**{key: value}))


def test_what_is_no_json(tmp_path, write_config):
    path = write_config()
    path.write_text(path.read_text()[:60])
    with pytest.raises(UserError, match="is not JSON"):
        read(path)
    path.write_text("[1]")
    with pytest.raises(UserError, match="one JSON object"):
        read(path)
    path.write_text('{"epochs": 3}')
    with pytest.raises(UserError, match="no cnn_name"):
        read(path)
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "none.json")


def test_none_and_flags_as_people_write_them(write_config):
    path = write_config(
        model_seed_initializer="None",
        train_seed_initializer=17,
        train_pretrained_weights="None",
        model_train_decoder_only=1,
        callbacks_save_best_only="True",
        newinfer_uneven_illumination="False",
    )
    values, settings = converted(path)
    assert settings.seed_weights is None
    assert settings.seed == 17
    assert settings.pretrained == "imagenet"
    assert settings.built(1).frozen is True
    assert "checkpoints" not in values
    assert settings.normalisation.illumination == 0
    _, even = converted(write_config(newinfer_uneven_illumination="True"))
    assert even.normalisation.illumination == 75.5


@pytest.mark.parametrize(
    ("name", "loss", "kind", "output"),
    [
        ("unet", "weighted_bce", "binary", None),
        ("unet", "binary_cce", "binary", None),
        ("unet", "weighted_bce_dice", "binary", "sigmoid"),
        ("categorical_unet", "weighted_bce_dice", "foreground", "sigmoid"),
        ("categorical_unet_fc", "multiple_output", "foreground", "sigmoid"),
        ("mobilenet_mobileunet", "categorical_cce", "foreground", None),
    ],
)
def test_losses_and_what_the_network_gives(write_config, name, loss, kind, output):
    path = write_config(cnn_name=name, model_lossfunction=loss, model_last_activation="sigmoid")
    _, settings = converted(path)
    assert (settings.loss, settings.kind) == (loss, kind)
    assert settings.built(1).output == output
    assert settings.weight_map == ("unet" if loss == "weighted_bce" else "none")
    weighted = loss in ("multiple_output", "categorical_cce")
    assert settings.class_weights == ((1, 10) if weighted else None)


def test_contours_are_a_class_of_their_own(write_config):
    path = write_config(datagen_type="contours", model_lossfunction="categorical_cce")
    with pytest.warns(DataWarning, match="contours get the class weight"):
        _, settings = converted(path)
    assert (settings.kind, settings.class_weights) == ("contour", (1, 10, 10))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"model_lossfunction": "hinge"}, "hinge is not available for"),
        ({"model_lossfunction": "weighted_bce_dice"}, "tanh does not give probabilities"),
        ({"train_pretrained_weights": "/nowhere/w.hdf5"}, "w.hdf5 is not there"),
        ({"normalization": "MEDIAN", "newinfer_normalization": "MEAN"}, "MEDIAN is used"),
        ({"model_time_windows": 1}, "2 are used"),
        ({"datagen_dim_size": [256, 512]}, "512 px are used"),
        ({"model_metrics": ["accuracy", "mse"]}, "mse is not measured"),
    ],
)
def test_what_cannot_be_followed_is_said(write_config, more, words):
    with pytest.warns(DataWarning, match=words):
        converted(write_config(**more))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"datagen_type": "tips"}, "datagen_type"),
        ({"model_padding": "valid"}, "model_padding"),
        ({"normalization": "ZSCORE"}, "normalization"),
        ({"datagen_dim_size": [100, 100]}, "multiple of"),
        ({"TRAINPATH": "None"}, "TRAINPATH"),
    ],
)
def test_what_is_refused(write_config, more, words):
    with pytest.raises(UserError, match=words):
        converted(write_config(**more))


def test_keys_of_tips_change_nothing(write_config):
    """The suite's generators read none of them, whatever its files say."""
    plain, _ = converted(write_config())
    more = {"model_loss_tips": "mse", "datagen_tips_factor": 3, "datagen_sigma": 2}
    assert converted(write_config(**more))[0] == plain


def test_weights_of_a_checkpoint_are_found_by_name(write_config, tmp_path):
    kept = tmp_path / "out" / "checkpoints" / "00007.weights.h5"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"")
    path = write_config(
        train_pretrained_weights="00007.weights.h5", newinfer_epoch_process_test=str(kept)
    )
    assert converted(path)[1].pretrained == str(kept)
    assert predict_values(read(path), elsewhere=True)["weights"] == str(kept)


def test_weights_are_found_from_where_the_command_is_started(write_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.weights.h5").write_bytes(b"")
    path = write_config(train_pretrained_weights="mine.weights.h5")
    assert converted(path)[1].pretrained == "mine.weights.h5"


def test_the_manuals_name_of_the_normalisation_counts_alone(write_config, recwarn):
    for name, method in (("MEAN", "mean"), ("None", "percentile")):
        found = converted(write_config(newinfer_normalization=name))[1].normalisation
        assert found.method == method
    assert not recwarn.list
