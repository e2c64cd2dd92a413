"""What is wrong with folders and files is one error that names them."""

import numpy as np
import pytest
from suite_command import run
from suite_movie import movie, write_pair

from imagej_dl import images
from imagej_dl.errors import UserError

pytestmark = pytest.mark.tf

SMALL = {"model_pools": 1, "model_n_filters": 2, "datagen_dim_size": [32, 32]}


@pytest.fixture
def whole(tmp_path):
    for part in ("train", "val", "test"):
        write_pair(tmp_path / part, *movie())
    return tmp_path


def test_labels_that_are_no_integers(whole, write_config):
    labels = movie()[1]
    path = whole / "val" / "labels" / "a_1-6.tif"
    images.write(images.make(labels.data * np.float32(0.3), "TYX"), path, overwrite=True)
    with pytest.raises(UserError, match=r"val.labels.a_1-6\.tif"):
        run("train", write_config(**SMALL))


def test_videos_of_unequal_length(whole, write_config):
    path = whole / "train" / "labels" / "a_1-6.tif"
    images.write(movie()[1].isel(T=slice(5)), path, overwrite=True)
    with pytest.raises(UserError, match=r"a_1-6.tif.*\(5, 64, 80\).*\(6, 64, 80\)"):
        run("train", write_config(**SMALL))


def test_an_input_without_labels_in_any_folder(whole, write_config):
    images.write(movie()[0], whole / "test" / "inputs" / "extra.tif")
    with pytest.raises(UserError, match=r"extra.tif has no label map"):
        run("train", write_config(**SMALL))


@pytest.mark.parametrize("key", ["TRAINPATH", "VALPATH", "TESTPATH", "PATH2VIDEOS"])
def test_a_folder_or_table_that_is_not_there_is_said_before_the_training(key, whole, write_config):
    with pytest.raises(UserError, match=rf"nowhere: {key}: there is no such.*Correct"):
        run("train", write_config(**SMALL | {key: str(whole / "nowhere")}))
    assert not (whole / "out").exists()


def test_what_is_to_be_predicted_is_not_there(whole, write_config):
    with pytest.raises(UserError, match=r"nowhere: newinfer_data: there is no such folder"):
        run("predict", write_config(**SMALL, newinfer_data=str(whole / "nowhere")))


def test_contours_of_another_size(whole, write_config):
    small = images.make(np.zeros((6, 64, 40), np.uint8), "TYX")
    images.write(small, whole / "train" / "contours" / "a_1-6.tif")
    with pytest.raises(UserError, match=r"contours.a_1-6.tif"):
        run("train", write_config(**SMALL, datagen_type="contours"))


def test_a_file_that_is_no_configuration(whole, write_config):
    path = write_config()
    path.write_text("{")
    for command in ("train", "predict"):
        with pytest.raises(UserError, match=r"config.json: is not JSON.*copy it again"):
            run(command, path)
    with pytest.raises(UserError, match=r"config.json: is not JSON"):
        run("config", "convert", path)


def test_settings_that_are_no_json(whole):
    for words, match in (("{loss", "is not JSON"), ("[1]", "one JSON object")):
        with pytest.raises(UserError, match=match):
            run("train", whole / "train", "--out", whole / "M", "--settings", words)
    with pytest.raises(UserError, match="out: a folder for the model"):
        run("train", whole / "train")


def test_a_model_that_was_never_trained(whole, write_config):
    with pytest.raises(UserError, match="no such model folder"):
        run("predict", write_config(**SMALL))
