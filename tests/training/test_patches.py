import gc
import weakref

import numpy as np
import pytest

from imagej_dl.methods.border import border_target
from imagej_dl.methods.registry import method
from imagej_dl.training import augmentation as augment
from imagej_dl.training.augmentation import NONE, Augmentation
from imagej_dl.training.patches import Example, Patches, Sampling, stream
from imagej_dl.training.validation_patches import validation

RNG = np.random.default_rng(0)


def example(shape=(50, 70), channels=1, name="a"):
    labels = np.zeros(shape, np.uint16)
    labels[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 3
    image = RNG.random((*shape, channels)).astype(np.float32)
    return Example(name, image, labels)


def sampling(**more):
    kind, size = more.pop("kind", "border"), more.pop("border_size", 2)
    given = {"method": method(kind, {"border_size": size}), "contact_reach": size}
    return Sampling(**{**given, "patch": 32, "batch": 3, "seed": 0, **more})


def cut(image, labels, centre, side, margin, rng, settings):
    """A patch of an image, and its labels with a margin."""
    place = augment.draw(labels.shape, centre, side, rng, settings)
    planes = [image[..., i] for i in range(image.shape[2])]
    return augment.taken(planes, place, side), augment.nearest(labels, place, side + 2 * margin)


def test_an_unvaried_patch_is_the_image_itself():
    e = example()
    image, labels = cut(e.image, e.labels, np.array([20.5, 30.5]), 16, 2, RNG, NONE)
    np.testing.assert_allclose(image, e.image[13:29, 23:39], atol=1e-6)
    np.testing.assert_array_equal(labels, e.labels[11:31, 21:41])


def test_patches_at_the_edge_are_moved_inside():
    e = example()
    image, _ = cut(e.image, e.labels, np.array([0.0, 69.0]), 16, 0, RNG, NONE)
    np.testing.assert_allclose(image, e.image[0:16, 54:70], atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 7), (1, 9), (40, 6)])
def test_images_smaller_than_the_patch_are_mirrored(shape):
    e = example(shape)
    image, labels = cut(e.image, e.labels, np.array([0.0, 0.0]), 32, 2, RNG, NONE)
    assert image.shape == (32, 32, 1)
    assert labels.shape == (36, 36)
    assert np.isin(image.round(5), e.image.round(5)).all()


def test_turned_patches_are_the_eight_orientations_of_the_same_pixels():
    e = example((32, 32))
    settings = NONE.model_copy(update={"turn": True})
    eight = [np.rot90(m, k) for m in (e.image, e.image[::-1]) for k in range(4)]
    seen = set()
    for _ in range(100):
        image, labels = cut(e.image, e.labels, np.zeros(2), 32, 0, RNG, settings)
        match = [i for i, one in enumerate(eight) if np.allclose(one, image, atol=1e-6)]
        assert len(match) == 1
        turned = [np.rot90(m, k) for m in (e.labels, e.labels[::-1]) for k in range(4)]
        np.testing.assert_array_equal(labels, turned[match[0]])
        seen.update(match)
    assert seen == set(range(8))


def test_zoom_keeps_image_and_labels_together():
    labels = np.zeros((90, 90), np.uint32)
    labels[30:60, 30:60] = 70_000
    image = (labels > 0).astype(np.float32)[..., None]
    settings = NONE.model_copy(update={"zoom": 2.0})
    areas = []
    for _ in range(30):
        patch, varied = cut(image, labels, np.array([45, 45]), 64, 0, RNG, settings)
        assert set(np.unique(varied)) <= {0, 70_000}
        assert ((patch[..., 0] > 0.5) != (varied > 0)).mean() < 0.02
        areas.append((varied > 0).sum())
    assert min(areas) < 600 < 1800 < max(areas)


def test_light_changes_intensities_within_bounds_and_noise_by_its_sigma():
    flat = np.full((64, 64, 2), 0.5, np.float32)
    settings = Augmentation(gamma=1, contrast=0.3, brightness=0.1, noise=0)
    values = [augment.light(flat, RNG, settings) for _ in range(200)]
    assert all(v.dtype == np.float32 and np.ptp(v) == 0 for v in values)
    means = np.array([v.mean() for v in values])
    assert 0.25 <= means.min() < 0.3
    assert 0.7 < means.max() <= 0.75
    noisy = augment.light(flat, RNG, NONE.model_copy(update={"noise": 0.05}))
    assert 0 < noisy.std() < 0.055


def test_a_batch_is_a_function_of_seed_and_number():
    examples = [example(name="a"), example((33, 90), name="b")]
    varied = sampling(augmentation=Augmentation())
    one = Patches(examples, varied).batch(7)
    for other, equal in (
        (Patches(examples, varied).batch(7), True),
        (Patches(examples, varied).batch(8), False),
        (Patches(examples, sampling(augmentation=Augmentation(), seed=1)).batch(7), False),
    ):
        assert np.array_equal(one[0], other[0]) is equal


def test_targets_of_patches_are_those_of_the_whole_image():
    labels = np.kron(RNG.integers(0, 4, (12, 15)), np.ones((7, 7))).astype(np.uint16)
    whole = border_target(labels, edge="mirror")
    # The image is the target: so a patch's own target must equal its image.
    e = Example("a", whole[..., None].astype(np.float32), labels)
    images, classes, _ = Patches([e], sampling(batch=20)).batch(0)
    np.testing.assert_array_equal(images[..., 0].round(), classes)


def test_patches_are_drawn_near_objects():
    labels = np.zeros((400, 400), np.uint16)
    labels[20:30, 350:360] = 1
    e = Example("a", np.zeros((400, 400, 1), np.float32), labels)
    for share, low, high in ((1.0, 0.95, 1.0), (0.0, 0.0, 0.15)):
        patches = Patches([e], sampling(batch=100, foreground=share))
        hits = (patches.batch(0)[1] > 0).any((1, 2)).mean()
        assert low <= hits <= high


def test_images_without_objects_are_drawn_too():
    empty = Example("empty", np.ones((40, 40, 1), np.float32), np.zeros((40, 40), np.uint16))
    images, classes, weights = Patches([empty], sampling(contact_weight=4)).batch(0)
    assert images.shape == (3, 32, 32, 1)
    assert not classes.any()
    assert (weights == 1).all()


@pytest.mark.tf
@pytest.mark.parametrize(("kind", "classes"), [("border", 3), ("binary", 1)])
def test_the_stream_is_the_batches_in_order_from_any_start(kind, classes):
    patches = Patches([example(channels=2)], sampling(kind=kind, augmentation=Augmentation()))
    batches = stream(patches, 4, 9)
    for number, (images, targets, weights) in zip(range(4, 9), batches, strict=True):
        raw, hot, same = patches.batch(number)
        np.testing.assert_array_equal(images, raw)
        assert targets.shape == (3, 32, 32, classes)
        decoded = targets.numpy().argmax(-1) if classes > 1 else targets.numpy()[..., 0]
        np.testing.assert_array_equal(decoded, hot)
        np.testing.assert_array_equal(weights, same)


@pytest.mark.tf
def test_nothing_tunes_the_stream_which_would_delay_its_end():
    patches = Patches([example(channels=2)], sampling(augmentation=Augmentation()))
    assert stream(patches, 0, 2).options().autotune.enabled is False


@pytest.mark.tf
def test_images_are_let_go_after_the_training():
    patches = Patches([example()], sampling())
    alive = weakref.ref(patches)
    batches = iter(stream(patches, 0, 2))
    del patches
    assert len(list(batches)) == 2  # until then the stream itself holds them
    del batches
    gc.collect()
    assert alive() is None


def test_validation_covers_every_pixel_once_at_least():
    labels = np.zeros((50, 70), np.uint16)
    image = np.arange(3500, dtype=np.float32).reshape(50, 70, 1)
    batches = validation([Example("a", image, labels)], sampling(), limit=100)
    seen = np.concatenate([images.ravel() for images, _, _ in batches]).round().astype(int)
    assert set(seen) == set(range(3500))
    assert [len(images) for images, _, _ in batches] == [3, 3]


def test_validation_is_limited():
    batches = validation([example((320, 320))] * 3, sampling(batch=4), limit=10)
    assert sum(len(images) for images, _, _ in batches) == 10
    for _, targets, _ in batches:
        assert (targets.sum(-1) == 1).all()


@pytest.mark.slow
def test_centres_follow_the_pdf():
    """Chi-squared of where 20,000 centres fall, beside the weights of all pixels."""
    labels = np.zeros((12, 15), np.uint16)
    labels[2:5, 3:9], labels[8:, 10:] = 1, 2
    e = Example("a", np.zeros((12, 15, 1), np.float32), labels)
    for pdf in (1.0, 7.5, 0.2):
        patches = Patches([e], sampling(pdf=pdf))
        rng = np.random.default_rng(0)
        number = 20_000
        counts = np.zeros(labels.shape)
        for _ in range(number):
            y, x = patches.centre(0, rng)
            counts[int(y), int(x)] += 1
        weights = np.where(labels > 0, pdf, 1.0)
        expected = number * weights / weights.sum()
        chi = ((counts - expected) ** 2 / expected).sum()
        assert 110 < chi < 260  # 179 degrees of freedom: 1e-4 on either side


@pytest.mark.parametrize("fill", [0, 1])
def test_a_pdf_needs_neither_background_nor_objects(fill):
    e = Example("a", np.zeros((8, 9, 1), np.float32), np.full((8, 9), fill, np.uint16))
    patches = Patches([e], sampling(pdf=500_000.0))
    rng = np.random.default_rng(0)
    seen = {tuple(patches.centre(0, rng)) for _ in range(2000)}
    assert len(seen) == 72


def test_patches_of_one_image_follow_each_other():
    marked = [example((40, 40), name=str(i)) for i in range(5)]
    marked = [Example(e.name, np.full_like(e.image, i), e.labels) for i, e in enumerate(marked)]
    images, *_ = Patches(marked, sampling(batch=9, per_image=3)).batch(2)
    which = images[:, 0, 0, 0].reshape(3, 3)
    assert (which == which[:, :1]).all()
    assert len(np.unique(which)) > 1


def test_windows_weights_and_contours_are_turned_with_the_picture():
    e = example((32, 32))
    frames = [RNG.random((32, 32, 1)).astype(np.float32) for _ in range(2)]
    weights = RNG.random((32, 32)).astype(np.float32)
    lines = (RNG.random((32, 32)) < 0.3).astype(np.uint8)
    full = Example("a", e.image, e.labels, others=tuple(frames), weights=weights, contours=lines)
    varied = sampling(kind="contour", augmentation=NONE.model_copy(update={"turn": True}))
    images, classes, w = Patches([full], varied).batch(0)
    assert images.shape == (3, 32, 32, 3)
    target = np.where(lines > 0, 2, e.labels > 0)
    for i in range(3):
        stacks = [np.dstack([*frames, e.image, weights, target])]
        stacks += [stacks[0][::-1]]
        found = np.dstack([images[i], w[i], classes[i]])
        assert any(
            np.allclose(np.rot90(one, k), found, atol=1e-5) for one in stacks for k in range(4)
        )
    part = full.part((slice(4, 10), slice(0, 20)))
    assert {plane.shape for plane in part.planes} == {(6, 20)}
    assert part.weights.shape == part.contours.shape == part.labels.shape == (6, 20)


def test_blur_is_drawn_for_half_of_the_patches_and_left_out_where_there_is_none() -> None:
    patch = np.random.default_rng(0).random((32, 32, 2), dtype=np.float32)
    plain = NONE.model_copy(update={"blur": 3.0})
    lit = [augment.light(patch.copy(), np.random.default_rng(seed), plain) for seed in range(20)]
    same = [np.array_equal(one, patch) for one in lit]
    assert 4 < sum(same) < 16
    softer = [one for one, equal in zip(lit, same, strict=True) if not equal]
    assert all(one.dtype == np.float32 and one.std() < patch.std() for one in softer)
    # What was saved before there was a blur is read and written as it was.
    assert "blur" not in Augmentation().model_dump()
    assert Augmentation(blur=2).model_dump()["blur"] == 2


def test_a_share_of_the_patches_shows_background_alone() -> None:
    e = example((64, 64), channels=2)
    full = e.image + 5  # no background is so bright
    frames = [Example("a", full, e.labels, others=(full,))]
    some = sampling(batch=40, augmentation=NONE.model_copy(update={"empty": 0.3}))
    images, classes, weights = Patches(frames, some).batch(0)
    bare = images.max(axis=(1, 2, 3)) < 5
    assert 4 < bare.sum() < 20
    assert images.shape == (40, 32, 32, 4)
    assert not classes[bare].any()
    assert classes[~bare].any()
    assert (weights == 1).all()


def test_an_image_that_is_learnt_is_never_replaced_by_background() -> None:
    e = example((32, 32))
    learnt = Example("a", e.image + 5, np.ones((32, 32), np.uint16), target=e.image)
    rule = NONE.model_copy(update={"empty": 0.5})
    given = Sampling(method("border", {}), 32, 20, 0, augmentation=rule)
    images, *_ = Patches([learnt], given).batch(0)
    assert images.min() >= 5


def test_the_share_of_empty_patches_is_left_out_where_there_is_none() -> None:
    assert "empty" not in Augmentation().model_dump()
    assert Augmentation(empty=0.2).model_dump()["empty"] == 0.2
