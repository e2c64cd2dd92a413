"""A model sees grey pictures with the channels that it was trained on."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import threshold

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.prediction import predict

SAME = "red, green and blue are the same"


def test_prediction_follows_the_models_channels() -> None:
    picture = np.zeros((24, 30), np.uint8)
    picture[4:12, 4:12] = 200
    in_colours = images.make(np.stack([picture] * 3, -1), "YXC", title="a.png")
    plain = images.make(picture, title="a.png")
    expected = predict(threshold(), plain).labels
    assert expected.max() == 1
    with pytest.warns(DataWarning, match=SAME):
        found = predict(threshold(), in_colours).labels
    np.testing.assert_array_equal(found, expected)
    with pytest.warns(DataWarning, match="used for red, green and blue"):
        found = predict(threshold(channels=3), plain).labels
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(UserError, match="RGB Color"):
        predict(threshold(channels=3), images.make(picture, title="a.tif"))
