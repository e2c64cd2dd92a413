import json
import shutil

import numpy as np
import pytest
from bright_discs import discs

from imagej_dl import images, models
from imagej_dl.errors import Cancelled, DataWarning, UserError
from imagej_dl.images import Normalisation
from imagej_dl.training import fine_tuning, train
from imagej_dl.training.augmentation import Augmentation

pytestmark = pytest.mark.tf

SMALL = {"depth": 2, "width": 8, "last_width": 8, "patch": 32, "batch": 4, "steps": 20}


def dark(seed):
    """As the images of the model, but objects are darker than the background."""
    image, labels = discs(seed)
    return images.make(255 - image, title=f"dark{seed}.tif"), images.make(labels)


def metrics(out):
    return json.loads((out / "metrics.json").read_text())


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model of bright discs, with settings that are not the defaults."""
    out = tmp_path_factory.mktemp("base") / "bright"
    made = [discs(seed) for seed in range(8)]
    pairs = [
        (images.make(image, title=f"disc{i}.tif", pixel_width=0.5, pixel_height=0.5, unit="µm"), m)
        for i, (image, m) in enumerate((image, images.make(labels)) for image, labels in made)
    ]
    normalisation = Normalisation(lower=2)
    train(pairs, out, epochs=4, border_size=1, normalisation=normalisation, **SMALL)
    return out


@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
def test_learns_the_new_from_the_model(tmp_path, base):
    out = tmp_path / "dark"
    bundle = train([dark(seed) for seed in range(20, 28)], out, start=base, epochs=4, steps=20)
    found = metrics(out)
    begun = found["started_from"]
    assert begun["model"] == "bright"
    assert len(begun["sha256"]) == 64
    assert found["validation"]["val_loss"] < 0.8 * begun["val_loss"]
    assert found["validation"]["val_dice"] > begun["val_dice"]
    before, after = (models.load(folder).model.get_weights() for folder in (base, out))
    assert all(a.shape == b.shape for a, b in zip(before, after, strict=True))
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(before, after, strict=True))
    config, old = bundle.config, models.load_config(base)
    for name in ("kind", "architecture", "normalisation", "border_size", "patch", "halo"):
        assert getattr(config, name) == getattr(old, name)
    # The images said no size of their pixels; the model knew it.
    assert (config.pixel_width, config.unit) == (0.5, "µm")


@pytest.mark.thorough
def test_begins_with_the_weights_and_a_lower_rate(tmp_path, base):
    with pytest.warns(DataWarning, match="pixels of 1 pixel, those of the model to start from"):
        train([dark(seed) for seed in range(3)], tmp_path / "M", start=base, epochs=1, steps=1)
    kept = models.load(tmp_path / "M")
    for old, new in zip(
        models.load(base).model.trainable_weights, kept.model.trainable_weights, strict=True
    ):
        np.testing.assert_allclose(old, new, atol=1e-3)
    assert kept.config.training["learning_rate"] < 3e-3


@pytest.mark.thorough(except_for=["1"])
@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_images_will_do(tmp_path, base, count):
    pairs = [dark(seed) for seed in range(30, 30 + count)]
    train(pairs, tmp_path / "M", start=base, epochs=1, steps=2)
    split = json.loads((tmp_path / "M" / "split.json").read_text())
    assert split["by"] == ("files" if count == 3 else "regions")
    assert split["train"]
    assert split["validation"]


@pytest.mark.thorough
def test_what_the_model_was_trained_on_does_not_validate(tmp_path, base):
    old = json.loads((base / "split.json").read_text())
    pairs = [
        (images.make(image, title=f"renamed{i}.tif", pixel_width=0.5, unit="µm"), m)
        for i, (image, m) in enumerate((a, images.make(b)) for a, b in map(discs, range(8)))
    ]
    pairs.insert(3, dark(50))
    with pytest.warns(DataWarning, match="pixels of 1 pixel"):
        train(pairs, tmp_path / "M", start=base, epochs=1, steps=2, seed=11)
    new = json.loads((tmp_path / "M" / "split.json").read_text())
    for part in ("validation", "test"):
        assert {name.replace("renamed", "disc") for name in new[part]} == set(old[part])
    assert "dark50.tif" in new["train"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"depth": 3}, "depth is 2 in the model to start from, and cannot be 3"),
        ({"kind": "binary"}, "kind is distance in the model"),
        ({"patch": 64}, "patch is 32"),
        ({"border_size": 2}, "border_size is 1"),
        ({"normalisation": {"method": "range"}}, "normalisation is"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_what_contradicts_the_model_is_refused(tmp_path, base, given, words):
    with pytest.raises(UserError, match=words):
        train([dark(1)], tmp_path / "M", start=base, **given)
    assert not (tmp_path / "M").exists()


@pytest.mark.parametrize(
    ("given", "share", "zoom"),
    [
        ({}, 0.2, 1.5),
        ({"augmentation": {"zoom": 3}}, 0.2, 3),
        ({"augmentation": Augmentation(zoom=3)}, 0.2, 3),
        ({"augmentation": {"empty": 0}}, 0, 1.5),
        ({"augmentation": Augmentation(empty=0.1)}, 0.1, 1.5),
    ],
)
def test_the_share_of_empty_patches_is_that_of_the_model_unless_another_is_given(
    base, given, share, zoom
):
    config = models.load_config(base)
    assert fine_tuning.settings({}, config).augmentation == Augmentation()
    trained = config.training | {"augmentation": Augmentation(empty=0.2).model_dump()}
    config = config.model_copy(update={"training": trained})
    augmentation = fine_tuning.settings(given, config).augmentation
    assert (augmentation.empty, augmentation.zoom) == (share, zoom)


def test_other_channels_are_refused(tmp_path, base):
    image, labels = dark(1)
    two = images.make(np.stack([image.data, image.data]), "CYX", title="two.tif")
    with pytest.raises(UserError, match=r"two\.tif.*2 channel.*the model to start from has 1"):
        train([(two, labels)], tmp_path / "M", start=base)


def test_what_is_no_model_is_refused(tmp_path, base):
    with pytest.raises(UserError, match="no such model"):
        train([dark(1)], tmp_path / "M", start=tmp_path / "none")
    other = tmp_path / "other"
    shutil.copytree(base, other)
    config = json.loads((other / "config.json").read_text())
    config["architecture"] = {"name": "mine", "arguments": {}}
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="cannot be fine-tuned"):
        train([dark(1)], tmp_path / "M", start=other)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
def test_goes_on_after_a_stop_as_it_would_have_without(tmp_path, base):
    def watch(epoch):
        if epoch.epoch == 1:
            raise Cancelled

    pairs = [dark(seed) for seed in range(4)]
    train(pairs, tmp_path / "whole", start=base, epochs=2, steps=4)
    gone = tmp_path / "gone"
    shutil.copytree(base, gone)
    train(pairs, tmp_path / "M", start=gone, epochs=2, steps=4, watch=watch)
    with pytest.raises(UserError, match="did not start from this model"):
        train(pairs, tmp_path / "M", resume=True, start=tmp_path / "whole")
    train(pairs, tmp_path / "M", resume=True, start=base)
    for one, other in zip(
        models.load(tmp_path / "whole").model.get_weights(),
        models.load(tmp_path / "M").model.get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert metrics(tmp_path / "M")["started_from"]["sha256"]


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
def test_a_model_can_be_replaced_by_its_own_fine_tuning(tmp_path, base):
    own = tmp_path / "own"
    shutil.copytree(base, own)
    train([dark(1), dark(2)], own, start=own, overwrite=True, epochs=1, steps=2)
    assert metrics(own)["started_from"]["model"] == "own"
    models.load(own, verify=True)


@pytest.mark.thorough
def test_a_model_that_became_worse_is_said(tmp_path, base, monkeypatch):
    losses = iter([0.1, 0.3])
    found = {"jaccard": 0.5, "dice": 0.6}
    monkeypatch.setattr(
        "imagej_dl.training.objective.Validator.__call__",
        lambda *_: {"loss": next(losses), **found},
    )
    with pytest.warns(DataWarning, match=r"worse.*bright.*0\.3, 0\.1 before"):
        train([dark(s) for s in range(3)], tmp_path / "M", start=base, epochs=1, steps=1)
