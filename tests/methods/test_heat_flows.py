import flow_fields
import numpy as np
import pytest

from imagej_dl.methods.shared.heat_flows import label_flows


def by_the_description(labels):
    """Diffuse each object for itself, pixel by pixel, as Cellpose's paper and code describe it."""
    flows = np.zeros((2, *labels.shape))
    for label in np.unique(labels[labels > 0]):
        y, x = np.nonzero(labels == label)
        source = np.argmin((y - y.mean()) ** 2 + (x - x.mean()) ** 2)
        rounds = 2 * (int(np.ptp(y)) + 3 + int(np.ptp(x)) + 3)
        heat = np.zeros((labels.shape[0] + 2, labels.shape[1] + 2))
        y, x = y + 1, x + 1
        for _ in range(rounds):
            heat[y[source], x[source]] += 1
            near = [heat[y + i, x + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
            heat[y, x] = np.mean(near, axis=0)
        found = np.stack((heat[y + 1, x] - heat[y - 1, x], heat[y, x + 1] - heat[y, x - 1]))
        length = np.hypot(*found)
        # Of a gradient that is nothing but rounding, the direction says nothing.
        found = np.where(length > 1e-10 * heat[y, x], found / np.maximum(length, 1e-300), 0)
        flows[:, y - 1, x - 1] = found
    return flows


@pytest.mark.parametrize("name", ["crowd", "odd"])
def test_flows_are_those_of_heat_from_the_centre(name):
    labels = getattr(flow_fields, name)()
    flows = label_flows(labels)
    assert flows.dtype == np.float32
    np.testing.assert_allclose(flows, by_the_description(labels), atol=1e-5)


def test_flows_have_the_length_1_or_0():
    labels = flow_fields.odd()
    length = np.hypot(*label_flows(labels))
    assert not length[labels == 0].any()
    assert not length[labels == 6].any()  # one pixel
    np.testing.assert_allclose(length[labels == 7], 1, atol=1e-6)
    assert np.mean(length[labels > 0] > 0.999) > 0.99


def test_flows_around_a_bend_follow_the_object():
    labels = flow_fields.odd()
    flows = label_flows(labels)
    y, x = np.nonzero(labels == 3)
    y, x = y.astype(float), x.astype(float)
    for _ in range(200):
        places = np.round(y).astype(int), np.round(x).astype(int)
        assert (labels[places] == 3).all()  # no way leads through the background
        y, x = y + 0.4 * flows[0][places], x + 0.4 * flows[1][places]
    assert np.ptp(y) < 3
    assert np.ptp(x) < 3


def test_ids_may_have_gaps_and_be_as_large_as_there_are():
    labels = flow_fields.crowd().astype(np.uint32)
    expected = label_flows(labels)
    labels[labels == 7] = 2**32 - 1
    np.testing.assert_array_equal(label_flows(labels), expected)
    assert not label_flows(np.zeros((5, 6), np.uint16)).any()
