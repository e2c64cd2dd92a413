import json

import numpy as np
import pytest
from pydantic import ValidationError

from imagej_dl.errors import UserError
from imagej_dl.methods import registry
from imagej_dl.methods.base import Truth
from imagej_dl.methods.border import Border
from imagej_dl.methods.registry import METHODS
from imagej_dl.methods.shared.blockwise import Blocks
from imagej_dl.methods.shared.class_method import ClassMethod
from imagej_dl.methods.shared.losses import whole
from imagej_dl.models import CLASSES, Instances, ModelConfig
from imagej_dl.training import Settings


def test_each_module_adds_its_method_in_the_order_of_lists():
    assert list(METHODS)[:4] == ["distance", "border", "binary", "foreground"]
    assert registry.DEFAULT == "distance"


def test_classes_are_those_of_the_format():
    """Those of models that there are never change; a new method adds its own."""
    published = {
        "border": ("background", "object", "border"),
        "binary": ("object",),
        "foreground": ("background", "object"),
        "contour": ("background", "object", "contour"),
    }
    assert published.items() <= CLASSES.items()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("border", {"region_erosion": 3, "joining": 0.45, "least_mean": 0.8}),
        ("binary", {"marker_height": 1.0}),
        ("foreground", {"marker_height": 1.0}),
        ("contour", {}),
        ("distance", {"object_weight": 3.0, "marker_height": 1.0}),
    ],
)
def test_post_processing_begins_with_what_fits_the_target(kind, expected):
    assert Instances.of_kind(kind, 3) == Instances(**expected)


@pytest.mark.parametrize("name", METHODS)
def test_declarations_are_whole(name):
    declared = METHODS[name]
    method = declared()
    assert declared.summary
    assert not declared.summary.endswith(".")
    assert all(field.description for field in declared.model_fields.values())
    assert isinstance(method.default_postprocessing(), declared.postprocessing)
    start = method.default_postprocessing()
    for key, values in method.search_space(start).items():
        for value in values:  # each can be had
            declared.postprocessing.model_validate(start.model_dump() | {key: value})


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if issubclass(m, ClassMethod)])
def test_large_planes_of_classes_are_worked_on_block_by_block(name):
    method = METHODS[name]()
    assert isinstance(method.accumulator((4, 4), method.default_postprocessing()), Blocks)


@pytest.mark.parametrize("name", METHODS)
def test_targets_need_no_more_than_the_margin(name):
    """What lies beyond the margin plays no part."""
    rng = np.random.default_rng(0)
    method = METHODS[name]()
    margin, more = method.margin, 8
    side = 32 + 2 * (margin + more)
    blocks = rng.integers(0, 3, (side // 4 + 1, side // 4 + 1)).astype(np.uint16)
    labels = np.kron(blocks, np.ones((4, 4), np.uint16))[:side, :side]
    image = rng.random((side, side, len(method.channels)), np.float32)
    wide = method.targets(Truth(labels, margin + more, image=image))
    cut = (slice(more, -more),) * 2
    near = method.targets(Truth(labels[cut], margin, image=image[cut]))
    np.testing.assert_array_equal(wide, near)
    if method.target_kind == "classes":
        assert wide.shape == (32, 32)
        assert wide.dtype == np.uint8
        assert wide.max() < max(len(method.channels), 2)
    else:
        assert wide.shape == (32, 32, method.target_channels)
        assert wide.dtype == np.float32


@pytest.mark.tf
@pytest.mark.parametrize(
    "name",
    [n for n, m in METHODS.items() if m().target_channels == len(m().channels) == m().outputs],
)
def test_the_usual_loss_of_each_method_goes_with_it(name):
    method = METHODS[name]()
    method.check_loss(method.losses[0], None)
    count = len(method.channels)
    right = np.zeros((1, 2, 2, count), np.float32)
    right[..., 0] = 1
    compute = method.loss(method.losses[0], total=whole)
    assert float(compute(right, right)) < float(compute(right, np.full_like(right, 0.5)))


def test_settings_of_a_method_are_checked():
    assert registry.method("border", {"border_size": 3, "depth": 2}) == Border(border_size=3)
    with pytest.raises(ValueError, match="unknown key"):
        registry.method("border", {}, {"bordersize": 3})
    with pytest.raises(ValueError, match="border_size"):
        registry.method("border", {}, {"border_size": 0})
    with pytest.raises(ValueError, match="setting of its own"):
        registry.method("border", {"border_size": 3}, {"border_size": 3})


def quoted(names):
    *others, last = (f"'{name}'" for name in names)
    return f"{', '.join(others)} or {last}$"


def test_an_unknown_kind_is_refused_with_those_that_there_are():
    with pytest.raises(UserError, match=quoted(METHODS)):
        Settings.of({"kind": "bordr"})
    with pytest.raises(UserError, match=quoted(registry.weight_maps())):
        Settings.of({"weight_map": "unets"})
    with pytest.raises(UserError, match=quoted(registry.losses())):
        Settings.of({"loss": "crossentropy"})


def test_settings_without_their_own_are_written_as_before():
    assert "method_settings" not in Settings().model_dump()
    assert "method_settings" not in json.loads(Settings().model_dump_json())


def config(**more):
    values = {
        "kind": "binary",
        "classes": ("object",),
        "architecture": {"name": "unet", "arguments": {}},
        "normalisation": {},
        "patch": 32,
        "halo": 4,
        "multiple_of": 2,
        "imagej_dl_version": "0",
        "keras_version": "0",
        "tensorflow_version": "0",
    }
    return ModelConfig.model_validate(values | more)


def test_a_models_post_processing_is_that_of_its_method():
    read = config(instances={"closing": 3}).instances
    assert isinstance(read, Instances)
    assert read.closing == 3
    with pytest.raises(ValidationError, match="closings: unknown key, perhaps closing"):
        config(instances={"closings": 3})
    with pytest.raises(ValidationError, match="kind"):
        config(kind="nothing")
    with pytest.raises(ValidationError, match="method_settings"):
        config(method_settings={"rays": 32})


def test_a_search_begins_with_the_smallest_object_and_what_is_given():
    method = Border(border_size=2)
    begun = method.start_postprocessing(None, 30, {"closing": 1})
    own = method.default_postprocessing()
    assert begun == own.model_copy(update={"minimum_area": 30, "closing": 1})
    tuned = begun.model_copy(update={"marker_height": 4.0})
    later = method.start_postprocessing(tuned, 50, {})
    assert later == tuned  # the model knows smaller objects
    assert method.start_postprocessing(tuned, 20, {}).least_area() == 20
    assert method.start_postprocessing(None, 30, {"minimum_area": 5}).least_area() == 5
    with pytest.raises(ValueError, match="rays"):
        method.start_postprocessing(None, 0, {"rays": 3})


def test_formats_of_others_are_mapped_to_methods():
    assert registry.of_fluffy(1).name == "binary"
    assert registry.of_fluffy(3).name == "border"
    assert registry.of_fluffy(2) is None
    assert registry.of_suite("mask").name == "binary"
    assert registry.of_suite("categories").name == "foreground"
    assert registry.of_suite("contours").name == "contour"
