import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage as ndi

from imagej_dl.methods.border import border_target


def fluffy(labels, border_size):
    """The rule as Fluffy states it: a loop over the ids."""
    borders = np.zeros(labels.shape, bool)
    for label in np.unique(labels[labels > 0]):
        mask = labels == label
        wide = ndi.binary_dilation(mask, iterations=border_size)
        narrow = ndi.binary_erosion(mask, iterations=border_size)
        borders |= wide ^ narrow
    return np.where(borders, 2, labels > 0).astype(np.uint8)


def test_equals_the_target_that_fluffy_made(shared_data):
    folder = shared_data / "fluffy-border-class"
    labels = np.loadtxt(folder / "labels.csv", delimiter=",", dtype=np.uint16)
    expected = np.loadtxt(folder / "target.csv", delimiter=",", dtype=np.uint8)
    np.testing.assert_array_equal(border_target(labels), expected)


@settings(max_examples=80, deadline=None)
@given(
    blocks=arrays(
        np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 3)
    ),
    zoom=st.integers(1, 5),
    size=st.integers(1, 4),
)
def test_equals_the_loop_over_ids(blocks, zoom, size):
    labels = np.kron(blocks, np.ones((zoom, zoom), np.uint8)).astype(np.uint16)
    np.testing.assert_array_equal(border_target(labels, size), fluffy(labels, size))


def test_real_nuclei_equal_the_loop_over_ids(shared_data):
    import tifffile

    path = next(iter(sorted((shared_data / "nuclei" / "test").glob("*/labels.tif"))))
    labels = tifffile.imread(path)
    np.testing.assert_array_equal(border_target(labels), fluffy(labels, 2))


def test_ids_above_65535_are_kept_apart():
    labels = np.zeros((9, 20), np.uint32)
    labels[:, :10], labels[:, 10:] = 70_000, 70_000 + 65_536
    assert set(border_target(labels, edge="mirror")[4, 8:12]) == {2}


def test_mirrored_edges_make_no_border():
    labels = np.ones((12, 12), np.uint16)
    assert (border_target(labels, edge="mirror") == 1).all()
    assert (border_target(labels)[0] == 2).all()


def test_empty_label_map_is_background_only():
    assert not border_target(np.zeros((7, 3), np.uint16)).any()
