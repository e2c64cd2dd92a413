"""Fluffy's masks, one a file: `labels` and `train` take them as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagej_dl import images, progress, project, rois, training
from imagej_dl.commands.labels import Labels
from imagej_dl.errors import DataWarning, UserError

SHAPE = (20, 30)


def write(path: Path, mask: np.ndarray, value: int = 255) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * np.uint8(value)).save(path)


@pytest.fixture
def masks() -> list[np.ndarray]:
    """Twelve random blots that overlap: in several pieces, with holes, at the border."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(12):
        mask = np.zeros(SHAPE, bool)
        y, x = rng.integers(0, (12, 20))
        mask[y : y + 8, x : x + 10] = rng.random((8, 10)) < 0.6
        found.append(mask)
    return found


@pytest.fixture
def tree(tmp_path: Path, masks: list[np.ndarray]) -> Path:
    """A Fluffy project whose masks are made, written in an order that is not theirs."""
    home = tmp_path / "fluffy"
    project.create(home)
    folder = home / "Labeling" / "cell"
    pixels = np.random.default_rng(1).integers(0, 4096, SHAPE).astype(np.uint16)
    images.write(images.make(pixels), folder / "images" / "cell.tif")
    for number in np.random.default_rng(2).permutation(12).tolist():
        write(folder / "masks" / f"mask_{number}.png", masks[number])
    return home


def painted(masks: list[np.ndarray], order: list[int]) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint16)
    for number in order:
        labels[masks[number]] = number + 1
    return labels


def run(**values: object) -> None:
    Labels.declare(values).run(progress.silent)


@pytest.mark.parametrize("overlap", ["last", "first", "smallest"])
def test_labels_of_a_fluffy_tree(tree: Path, masks: list[np.ndarray], overlap: str) -> None:
    run(source=tree, overlap=overlap)
    order = list(range(12))
    if overlap == "first":
        order = order[::-1]
    elif overlap == "smallest":
        order.sort(key=lambda number: -masks[number].sum())
    [pair] = project.pairs(tree)
    np.testing.assert_array_equal(images.read(pair.labels), painted(masks, order))
    assert images.read(pair.image).dtype == np.uint16
    assert rois.read_names(pair.labels.with_suffix(".csv"))[11] == "mask_10"
    assert not (tree / "Labeling" / "cell" / "RoiSet.zip").exists()


def test_a_roiset_comes_before_masks(tree: Path) -> None:
    square = [rois.Roi("rectangle", "square", box=(1, 1, 3, 3))]
    rois.write(square, tree / "Labeling" / "cell" / "RoiSet.zip")
    run(source=tree)
    [pair] = project.pairs(tree)
    assert images.read(pair.labels).values.max() == 1


def test_training_reads_them_when_nothing_is_processed(tree: Path, masks: list[np.ndarray]) -> None:
    from imagej_dl.training.examples import Examples

    examples = Examples(training.find_pairs(tree), training.Settings().normalisation)
    [[example]] = examples.sources
    np.testing.assert_array_equal(example.labels, painted(masks, list(range(12))))


def test_an_image_with_masks_is_not_offered_to_draw_on(tree: Path) -> None:
    assert project.next_to_draw(tree) is None
    images.write(images.make(np.zeros(SHAPE, np.uint8)), tree / "Raw" / "new.tif")
    found = project.next_to_draw(tree)
    assert found is not None
    assert (found.name, found.done, found.total) == ("new", 1, 2)


def test_gaps_in_the_numbers_and_empty_masks(tree: Path, masks: list[np.ndarray]) -> None:
    folder = tree / "Labeling" / "cell" / "masks"
    (folder / "mask_3.png").unlink()
    write(folder / "mask_5.png", np.zeros(SHAPE, bool))
    write(folder / "mask_2.png", masks[2], 1)  # 0 and 1 is binary too
    (folder / "notes.txt").write_text("x")
    with pytest.warns(DataWarning) as caught:
        found = rois.read(folder)
    said = " ".join(str(w.message) for w in caught)
    assert "they are empty: mask_5.png" in said
    assert "since they are not masks: notes.txt" in said
    labels, _ = rois.label_map(found, SHAPE)
    order = [n for n in range(12) if n not in (3, 5)]
    np.testing.assert_array_equal(labels, painted(masks, order))


def test_overlap_may_be_an_error(tree: Path) -> None:
    with pytest.raises(UserError, match=r"masks: the ROIs 'mask_\d+' and 'mask_\d+' overlap"):
        run(source=tree, overlap="error")
    assert not list((tree / "Processed").rglob("*.tif"))


def test_masks_of_other_sizes(tree: Path) -> None:
    folder = tree / "Labeling" / "cell" / "masks"
    write(folder / "mask_4.png", np.ones((20, 31), bool))
    with pytest.raises(
        UserError, match=r"mask_4\.png: has 31 × 20 pixels, mask_0\.png has 30 × 20"
    ):
        run(source=tree)
    for path in folder.iterdir():
        write(path, np.ones((10, 10), bool))
    with pytest.raises(UserError, match="is a mask of 10 x 10 pixels, the image has 30 x 20"):
        run(source=tree)


def test_masks_that_are_not_binary(tree: Path) -> None:
    path = tree / "Labeling" / "cell" / "masks" / "mask_7.png"
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(SHAPE).astype(np.uint8)).save(path)
    with pytest.raises(UserError, match=r"mask_7\.png: is not binary: .* from 1 to 255"):
        run(source=tree)
    Image.new("RGB", SHAPE[::-1], "red").save(path)
    with pytest.raises(UserError, match=r"mask_7\.png: is a colour image"):
        run(source=tree)
    path.write_bytes(b"no png")
    with pytest.raises(UserError, match=r"mask_7\.png: is not a readable picture"):
        run(source=tree)


def test_two_masks_of_one_number(tree: Path, masks: list[np.ndarray]) -> None:
    write(tree / "Labeling" / "cell" / "masks" / "mask_07.png", masks[0])
    with pytest.raises(UserError, match=r"has the number of mask_07\.png"):
        run(source=tree)


def test_masks_in_grey_colours_and_palettes_are_read(tmp_path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[3:9, 4:12] = 255
    Image.fromarray(np.stack([mask] * 4, -1)).save(tmp_path / "mask_0.png")
    Image.fromarray(mask > 0).save(tmp_path / "mask_1.png")
    picture = Image.fromarray(mask, "P")
    picture.putpalette(list(range(255, -1, -1)) * 3)  # 255 is shown black
    picture.save(tmp_path / "mask_2.png")
    for roi in rois.read(tmp_path):
        found, x, y = rois.mask(roi)
        assert (x, y, found.shape, found.all()) == (4, 3, (6, 8), True)


def test_a_lossy_mask_is_refused_under_any_name(tmp_path: Path) -> None:
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(tmp_path / "mask_0.jpg")
    (tmp_path / "mask_0.jpg").rename(tmp_path / "mask_0.png")
    with pytest.raises(UserError, match=r"mask_0\.png: .*JPEG compression is lossy"):
        rois.read(tmp_path)
