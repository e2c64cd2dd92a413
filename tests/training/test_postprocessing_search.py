import numpy as np

from imagej_dl.methods.border import Border, border_target
from imagej_dl.models import Instances
from imagej_dl.training.postprocessing_search import choose


def average_precision(predictions, settings):
    return [v for k, v in Border().scores(predictions, settings).items() if k != "objects"]


def certain(labels):
    return np.eye(3, dtype=np.float32)[border_target(labels)] * 0.98 + 0.01


def scene():
    labels = np.zeros((60, 60), np.uint16)
    for i in range(9):
        y, x = divmod(i, 3)
        labels[4 + 20 * y : 16 + 20 * y, 4 + 20 * x : 16 + 20 * x] = i + 1
    return labels


def test_wrong_settings_are_made_better():
    labels = scene()
    found = [(certain(labels), labels)]
    bad = Instances(region_erosion=3, minimum_area=150)
    assert average_precision(found, bad)[0] == 0
    chosen, score = choose(found, bad, Border())
    assert score > 0.9
    assert chosen.minimum_area == 75
    assert score == np.mean(average_precision(found, chosen))


def test_without_objects_the_settings_stay():
    empty = np.zeros((30, 30), np.uint16)
    start = Instances(region_erosion=2)
    chosen, score = choose([(certain(empty), empty)], start, Border())
    assert chosen == start
    assert np.isnan(score)


def test_what_one_image_decides_is_chance():
    """Lower least areas find the small objects of one image of three, or of all."""
    small, large = np.zeros((80, 80), np.uint16), scene()
    for i in range(16):
        y, x = divmod(i, 4)
        small[4 + 19 * y : 11 + 19 * y, 4 + 19 * x : 11 + 19 * x] = i + 1
    start = Instances(region_erosion=2, minimum_area=60)
    one = [(certain(labels), labels) for labels in (small, large, large)]
    assert choose(one, start, Border())[0] == start
    most = [(certain(labels), labels) for labels in (small, small, large)]
    assert choose(most, start, Border())[0] != start


def test_what_one_object_decides_is_chance():
    """One of three small objects would be found with a lower least area: that is no reason."""
    labels = np.zeros((60, 60), np.uint16)
    labels[5:20, 5:20], labels[30:45, 30:45], labels[5:12, 40:47] = 1, 2, 3
    start = Instances(region_erosion=2, minimum_area=60)
    found = [(certain(labels), labels)]
    better = start.model_copy(update={"minimum_area": 30})
    gained = np.mean(average_precision(found, better)) - np.mean(average_precision(found, start))
    assert gained > 0.2
    assert choose(found, start, Border())[0] == start


def test_says_how_far_it_is():
    said = []
    labels = scene()
    choose([(certain(labels), labels)], Instances(), Border(), lambda *a: said.append(a))
    done = [d for _, d, _ in said]
    assert done == sorted(done)
    assert said[-1][1] == said[-1][2]
    assert {stage for stage, _, _ in said} == {"choosing"}


def test_a_setting_that_is_given_stays():
    labels = scene()
    bad = Instances(region_erosion=3, minimum_area=120)
    chosen, _ = choose([(certain(labels), labels)], bad, Border(), given=("minimum_area",))
    assert chosen.minimum_area == 120
    assert chosen.region_erosion == 2
