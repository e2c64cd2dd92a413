import json

import numpy as np
import pytest
from click.testing import CliRunner

from imagej_dl import cli, images, models
from imagej_dl.commands.train import Train
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.methods.border import Border
from imagej_dl.training import Settings
from imagej_dl.training.reporting import left, summary

pytestmark = pytest.mark.tf

TINY = ["--epochs", "1", "--patch", "32", "--batch", "2", "--depth", "1", "--width", "2"]


@pytest.fixture
def data(tmp_path, monkeypatch):
    # An epoch of 50 batches is long for a test of the command line.
    of = Settings.of
    monkeypatch.setattr(Settings, "of", lambda values: of({"steps": 3} | values))
    rng = np.random.default_rng(0)
    for i in range(5):
        labels = np.zeros((40, 40), np.uint16)
        labels[5:20, 5:20] = 1
        image = (rng.normal(20, 2, labels.shape) + 50 * labels).astype(np.uint8)
        images.write(images.make(image), tmp_path / "data" / f"n{i}" / "image.tif")
        images.write(images.make(labels), tmp_path / "data" / f"n{i}" / "labels.tif")
    return tmp_path / "data"


def test_trains_and_says_what_came_of_it(data, tmp_path):
    out = tmp_path / "M"
    run = CliRunner().invoke(cli.cli, ["train", str(data), "--out", str(out), "--seed", "4", *TINY])
    assert run.exit_code == 0, run.output
    assert "epoch 1 of 1 kept" in run.output
    assert "average precision" in run.output
    bundle = models.load(out, verify=True)
    assert bundle.config.training["seed"] == 4
    assert bundle.config.architecture.arguments["depth"] == 1


def test_a_table_of_videos_without_inputs_is_said_to_be_of_no_use(data, tmp_path):
    (tmp_path / "t.csv").write_text("Video; Frame\na;raw_001.tif\n")
    command = Train(project=data, out=tmp_path / "M", videos=tmp_path / "t.csv")
    with pytest.warns(DataWarning, match=r"t\.csv: cannot be used, since .*data has no folder"):
        assert command.source({}) == data


def test_an_existing_model_is_refused_until_overwrite(data, tmp_path):
    out = tmp_path / "M"
    arguments = ["train", str(data), "--out", str(out), *TINY]
    assert CliRunner().invoke(cli.cli, arguments).exit_code == 0
    refused = CliRunner().invoke(cli.cli, arguments)
    assert isinstance(refused.exception, UserError)
    assert CliRunner().invoke(cli.cli, [*arguments, "--overwrite"]).exit_code == 0


def test_resume_needs_only_folder_and_out(data, tmp_path):
    out = tmp_path / "M"
    arguments = ["train", str(data), "--out", str(out)]
    limited = [*arguments, *TINY[2:], "--epochs", "4000", "--minutes", "0.02"]
    run = CliRunner().invoke(cli.cli, limited)
    assert "Pass --resume to continue" in run.output, run.output
    reached = json.loads((out / "metrics.json").read_text())["epochs"]
    more = [*arguments, "--resume", "--minutes", "60", "--epochs", str(reached + 1)]
    run = CliRunner().invoke(cli.cli, more)
    assert run.exit_code == 0, run.output
    metrics = json.loads((out / "metrics.json").read_text())
    # A time limit may cut an epoch short; the batches are made up for in one more.
    assert metrics["epochs"] > reached
    assert metrics["ended"] == "all epochs"


@pytest.mark.thorough
def test_a_resumed_training_keeps_the_checkpoints_that_one_without_a_stop_keeps(data, tmp_path):
    out = tmp_path / "M"
    arguments = ["train", str(data), "--out", str(out), "--checkpoints", "6"]
    limited = [*arguments, *TINY[2:], "--epochs", "4000", "--minutes", "0.02"]
    CliRunner().invoke(cli.cli, [*limited, "--settings", '{"steps": 2}'])
    reached = json.loads((out / "metrics.json").read_text())["epochs"]
    more = ["--resume", "--minutes", "60", "--epochs", str(reached + 4)]
    run = CliRunner().invoke(cli.cli, [*arguments, *more])
    assert run.exit_code == 0, run.output
    last = json.loads((out / "metrics.json").read_text())["epochs"]
    kept = sorted(p.name for p in (out / "checkpoints").glob("0*"))
    assert kept == [f"{epoch:05}.weights.h5" for epoch in range(3, last + 1, 3)]


def test_the_defaults_are_those_of_the_recipe():
    shared = set(Train.model_fields) & set(Settings.model_fields)
    assert {"kind", "epochs", "minutes", "patch", "learning_rate", "validation"} <= shared
    # Which rate it is depends on whether there is a model to start from.
    assert Train.model_fields["learning_rate"].default is None
    for name in shared - {"learning_rate"}:
        assert Train.model_fields[name].default == Settings.model_fields[name].default
        assert Train.model_fields[name].description == Settings.model_fields[name].description


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"project": "a"}, "out"),
        ({"project": "a", "out": "b", "batch": 0}, "batch"),
        ({"project": "a", "out": "b", "kind": "star"}, "kind"),
    ],
)
def test_wrong_values_are_named(values, words):
    with pytest.raises(UserError, match=words):
        Train.declare(values)


def test_settings_of_an_engine_need_one(tmp_path):
    with pytest.raises(UserError, match=r"engine_settings: .* none is named"):
        Train(project=tmp_path, out=tmp_path / "M", engine_settings={"train_epochs": 5}).check()


def test_resume_and_overwrite_exclude_each_other(tmp_path):
    command = Train(project=tmp_path, out=tmp_path / "M", resume=True, overwrite=True)
    with pytest.raises(UserError, match="exclude"):
        command.run(lambda *_: None)


def test_summary_names_the_way_on(tmp_path):
    found = {"val_dice": 0.9, "ap_0.5": 0.8, "ap_0.7": 0.7}
    metrics = {"best_epoch": 3, "epochs": 5, "seconds": 90, "ended": "cancelled"}
    text = summary(tmp_path, metrics | {"validation": found, "test": found}, Border())
    assert "epoch 3 of 5" in text
    assert "1.5 min" in text
    assert text.endswith("Pass --resume to continue from here.")


def test_a_score_of_few_objects_is_called_chance(tmp_path):
    found = {"val_dice": 0.9, "ap_0.5": 1.0, "ap_0.7": 1.0}
    metrics = {"best_epoch": 3, "epochs": 5, "seconds": 90, "ended": "patience"}
    text = summary(tmp_path, metrics | {"validation": found | {"objects": 1}}, Border())
    assert "1.000 at .7 (of 1 object(s): too few to be reliable)" in text
    many = metrics | {"validation": found | {"objects": 80}}
    assert "chance" not in summary(tmp_path, many, Border())


@pytest.mark.thorough
def test_says_each_epoch_and_starts_from_a_model(data, tmp_path, capfd):
    arguments = ["train", str(data), *TINY, "--out"]
    assert CliRunner().invoke(cli.cli, [*arguments, str(tmp_path / "A")]).exit_code == 0
    start = ["--start", str(tmp_path / "A"), "--epochs", "2", "--out", str(tmp_path / "B")]
    run = CliRunner().invoke(cli.cli, ["train", str(data), *start])
    assert run.exit_code == 0, run.output
    assert "epoch 1/2 loss" in run.stderr
    assert "0 s left" in run.stderr
    assert "that of A, which it started from" in run.stdout
    # What is not given is the model's own, not the default.
    assert models.load_config(tmp_path / "B").patch == 32
    refused = CliRunner().invoke(cli.cli, ["train", str(data), *start[:-1], "C", "--depth", "3"])
    assert isinstance(refused.exception, UserError)
    assert "depth is 1 in the model" in str(refused.exception)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (99.4, "99 s"), (99.6, "2 min"), (3600, "60 min"), (7500, "2 h 5 min")],
)
def test_times_as_people_say_them(seconds, words):
    assert left(seconds) == words
