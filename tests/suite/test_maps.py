import numpy as np
from suite_command import run
from suite_movie import movie, write_pair

from imagej_dl import images
from imagej_dl.methods.contour import CONTOUR, contour_target
from imagej_dl.methods.shared.pixel_weights import unet_map
from imagej_dl.suite import items


def test_contours_and_weights_as_files_are_those_that_training_makes(tmp_path):
    video, labels = movie(frames=2)
    write_pair(tmp_path / "V", video, labels, "a_1-2")
    run("frames", "split", tmp_path / "V", "--out", tmp_path / "F", "--maps")
    run("frames", "join", tmp_path / "F", "--out", tmp_path / "J", "--maps")
    (joined,) = items(tmp_path / "J")
    for t, item in enumerate(items(tmp_path / "F")):
        plane = labels.data[t]
        lines, weights = images.read(item.contours).data, images.read(item.weights).data
        np.testing.assert_array_equal(lines > 0, contour_target(plane) == CONTOUR)
        np.testing.assert_array_equal(weights, unet_map(plane, 10, 5))
        np.testing.assert_array_equal(images.read(joined.contours).data[t], lines)
        np.testing.assert_array_equal(images.read(joined.weights).data[t], weights)
    run("frames", "split", tmp_path / "V", "--out", tmp_path / "plain")
    assert sorted(p.name for p in (tmp_path / "plain").iterdir()) == [
        "inputs",
        "labels",
        "videos2im_relation.csv",
    ]
