"""What macros say is public: labels, keys and their types stay for ever; how options are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imagej_dl import commands
from imagej_dl.commands import menu
from imagej_dl.errors import UserError

# Macros of users rely on these: none is renamed, none goes, and none becomes of another type.
# "files" are several, apart by semicolons. The keys of a new command stand in its own test.
PUBLISHED = {
    "ImageJ-DL New project": {"project": "folder"},
    "ImageJ-DL Annotate next image": {"project": "folder", "name": "text", "rois": "file"},
    "ImageJ-DL Make label maps": {
        "source": "folder",
        "roiset": "file",
        "out": "file",
        "overlap": "choice",
        "lines_as_areas": "bool",
        "channel": "int",
        "ignore": "text",
        "background": "text",
        "axes": "text",
        "overwrite": "bool",
    },
    "ImageJ-DL Train": {
        "project": "folder",
        "out": "folder",
        "kind": "choice",
        "epochs": "int",
        "minutes": "float",
        "sparse": "bool",
        "patience": "int",
        "patch": "int",
        "patch_slices": "int",
        "batch": "int",
        "learning_rate": "float",
        "depth": "int",
        "width": "int",
        "precision": "choice",
        "seed": "int",
        "validation": "float",
        "test": "float",
        "imaging": "float",
        "crowding": "float",
        "start": "folder",
        "architecture": "choice",
        "validation_folder": "folder",
        "test_folder": "folder",
        "videos": "file",
        "checkpoints": "int",
        "settings": "text",
        "tensorboard": "bool",
        "search": "bool",
        "fluffy_names": "bool",
        "h5": "bool",
        "resume": "bool",
        "overwrite": "bool",
    },
    "ImageJ-DL Predict": {
        "model": "folder",
        "images": "files",
        "out": "folder",
        "rois": "bool",
        "probabilities": "bool",
        "diameter": "text",
        "type": "choice",
        "denoise": "folder",
        "output": "choice",
        "save_denoised": "bool",
        "augment": "choice",
        "ensemble": "folders",
        "tile": "int",
        "batch": "int",
        "halo": "int",
        "videos": "file",
        "weights": "file",
        "closing": "int",
        "fill_holes": "choice",
        "minimum_area": "int",
        "drop_edge": "choice",
        "scenes": "text",
        "axes": "text",
        "overwrite": "bool",
    },
    "ImageJ-DL Correct and retrain": {
        "project": "folder",
        "model": "folder",
        "step": "choice",
        "name": "text",
        "rois": "file",
        "epochs": "int",
        "minutes": "float",
        "learning_rate": "float",
        "accept": "bool",
        "sparse": "bool",
    },
    "ImageJ-DL Track": {
        "labels": "file",
        "out": "folder",
        "image": "file",
        "engine": "choice",
        "engine_python": "file",
        "settings": "file",
        "fill_gaps": "bool",
        "split_fused": "bool",
        "pictures": "bool",
        "open": "bool",
        "axes": "text",
        "image_axes": "text",
        "fiji": "text",
        "overwrite": "bool",
    },
    "ImageJ-DL Evaluate": {
        "pred": "file",
        "truth": "file",
        "sparse": "bool",
        "axes": "text",
        "json": "file",
        "overwrite": "bool",
    },
    "ImageJ-DL Settings": {
        "device": "choice",
        "engine": "choice",
        "tile": "int",
        "preview": "float",
        "idle": "float",
    },
}
# What a choice may be, likewise.
CHOICES = {
    ("train", "kind"): ["border", "binary", "foreground", "contour"],
    ("train", "precision"): ["float32", "mixed_float16", "mixed_bfloat16"],
    ("train", "architecture"): [
        "unet",
        "unet_suite",
        "categorical_unet",
        "categorical_unet_fc",
        "categorical_unet_fc_dil",
        "categorical_unet_transpose",
        "mobilenet_mobileunet",
        "mobilenet_mobileunet_lstm",
        "unet_lstm",
    ],
    ("predict", "fill_holes"): ["model", "yes", "no"],
    ("predict", "drop_edge"): ["model", "yes", "no"],
    ("labels", "overlap"): ["last", "first", "smallest", "error"],
    ("correct", "step"): ["next", "save", "empty", "retrain", "status"],
    ("track", "engine"): ["auto", "trackmate", "embedded", "motile", "btrack", "trackastra"],
    ("settings", "device"): ["auto", "all", "cpu"],
    ("settings", "engine"): ["auto", "tensorflow", "openvino"],
}
# Counts and shares that have no unit.
BARE = {"channel", "epochs", "learning_rate", "seed", "batch"}


def described() -> dict[str, dict[str, Any]]:
    return {menu.MENU[name]: menu.describe(name) for name in menu.MENU}


def test_published_labels_and_keys_are_there() -> None:
    found = {
        label: {f["key"]: f["type"] + "s" * f["several"] for f in command["fields"]}
        for label, command in described().items()
    }
    for label, keys in PUBLISHED.items():
        assert label in found
        assert keys.items() <= found[label].items(), label


def test_published_choices_are_there() -> None:
    for (name, key), published in CHOICES.items():
        field = next(f for f in menu.describe(name)["fields"] if f["key"] == key)
        assert set(published) <= set(field["choices"])


def test_no_new_key_is_asked_for_by_force() -> None:
    """A macro written before a key was added must go on working."""
    needed = {
        label: {f["key"] for f in command["fields"] if f["required"]}
        for label, command in described().items()
        if label in PUBLISHED
    }
    assert {label: keys for label, keys in needed.items() if keys} == {
        "ImageJ-DL New project": {"project"},
        "ImageJ-DL Annotate next image": {"project"},
        "ImageJ-DL Train": {"project"},
        "ImageJ-DL Correct and retrain": {"project"},
        "ImageJ-DL Track": {"out"},
        "ImageJ-DL Evaluate": {"truth"},
    }


@pytest.mark.parametrize("name", menu.MENU)
def test_every_field_is_explained(name: str) -> None:
    command = menu.describe(name)
    assert command["summary"]
    assert command["help"]
    for field in command["fields"]:
        assert field["help"].endswith((".", ".)")), field["key"]
        if field["type"] in ("int", "float") and field["key"] not in BARE:
            assert field["unit"], f"{field['key']} has no unit"
        if field["type"] == "choice":
            assert len(field["choices"]) > 1


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("train", {"project": " /a b ", "out": "/m"}, {"project": "/a b", "out": "/m"}),
        ("predict", {"model": "/m", "out": "", "axes": "  "}, {"model": "/m"}),
        (
            "predict",
            {"model": "/m", "images": "/a b.tif; /c.tif ;"},
            {"model": "/m", "images": ["/a b.tif", "/c.tif"]},
        ),
        # No list: a semicolon is part of the name.
        ("new", {"project": "/a;b"}, {"project": "/a;b"}),
    ],
)
def test_parse(name: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert menu.parse(name, given) == expected


def test_flags_and_numbers_of_a_macro_become_values() -> None:
    given = {"project": "/p", "out": "/m", "epochs": "5", "minutes": "0.5", "overwrite": "true"}
    train = commands.load("train").declare(menu.parse("train", given))
    assert (train.epochs, train.minutes, train.overwrite, train.resume) == (5, 0.5, True, False)
    predict = commands.load("predict").declare(menu.parse("predict", {"model": "/m", "rois": "no"}))
    assert predict.rois is False


def test_unknown_key_names_the_nearest() -> None:
    given = menu.parse("train", {"project": "/p", "out": "/m", "epoch": "5"})
    with pytest.raises(UserError, match=r"epoch: unknown key, perhaps epochs$"):
        commands.load("train").declare(given)


# What ImageJ hands over: the option string of run("...", "...").
OPTIONS = {
    "": {},
    "a=1": {"a": "1"},
    "  a=1   b=[two words] flag ": {"a": "1", "b": "two words", "flag": "true"},
    "a=[x [y] z] b=2": {"a": "x [y] z", "b": "2"},
    "a=[] b=": {"a": "", "b": ""},
    "a='two words' b=it's": {"a": "two words", "b": "it's"},
    "a='x] ''y' b='' c=''']'": {"a": "x] 'y", "b": "", "c": "']"},
    "a=[k=v flag] b=x=y": {"a": "k=v flag", "b": "x=y"},
    "a=[/m y/a.tif;/b.tif]": {"a": "/m y/a.tif;/b.tif"},
    r"a=[C:\my cells\a] b=C:\x": {"a": r"C:\my cells\a", "b": r"C:\x"},
    "flag1 flag2": {"flag1": "true", "flag2": "true"},
    "a=µm b=[ß x]": {"a": "µm", "b": "ß x"},
}


def _options() -> tuple[Any, Any]:
    """Return the front's class of options, and Java's of texts."""
    from scyjava import jimport

    from imagej_dl.fiji import gateway
    from imagej_dl.fiji import menu as door

    gateway.start("embedded", display=False, jars=(door.APPOSE, gateway.PATCHER))
    loader = door._front().getClass().getClassLoader()
    return loader.loadClass("imagejdl.Options"), jimport("java.lang.String").class_


def _parsed(texts: list[str]) -> tuple[list[dict[str, str]], str]:
    options, text = _options()
    parse = options.getMethod("parse", text)
    found = [parse.invoke(None, text) for text in texts]
    try:
        parse.invoke(None, "a=[never closed")
    except Exception as error:
        words = str(error.getCause().getMessage())
    return [{str(k): str(m.get(k)) for k in m.keySet()} for m in found], words


def _read(texts: list[str], values: list[str]) -> tuple[Any, list[dict[str, str]]]:
    return _parsed(texts), _recorded(values)


@pytest.fixture(scope="module")
def read(own_process: Any) -> Any:
    """What ImageJ reads of options, and of values that are written for it: by one ImageJ."""
    return own_process(_read, list(OPTIONS), VALUES)


@pytest.mark.jvm
def test_options_as_imagej_reads_them(read: Any) -> None:
    (found, words), _ = read
    assert found == list(OPTIONS.values())
    assert "value of a" in words


# Values that a dialog may be given: names of files have all of these.
VALUES = ["a", "two words", "a]b", "a] b", "[x", "[x y", "x [y] z", "a ]b[ c", 'say "a"', "\"] \\'",
          "it's", "it's a ]", "' ]", "''", "]", "[]", "C:\\new\\table", "C:\\my cells\\", "a\tb",
          "a\nb ]", "k=v", "a=[b", "µ ß", "\\\\host\\x\\", "\\", "''] '", "'"]  # fmt: skip


def _recorded(values: list[str]) -> list[dict[str, str]]:
    """Write each value as a macro line, and give what a macro with that line hands over."""
    from scyjava import jimport

    options, text = _options()

    def call(name: str, value: str) -> str:
        return str(options.getMethod(name, text).invoke(None, value))

    found = []
    for value in values:
        line = call("literal", f"flag a={call('quote', value)} b=2")
        handed = str(jimport("ij.IJ").runMacro(f"return {line};"))
        parsed = options.getMethod("parse", text).invoke(None, handed)
        found.append({str(key): str(parsed.get(key)) for key in parsed.keySet()})
    return found


@pytest.mark.jvm
def test_any_value_is_written_so_that_imagej_reads_it_again(read: Any) -> None:
    _, found = read
    assert found == [{"flag": "true", "a": value, "b": "2"} for value in VALUES]


def test_ext_functions_are_published() -> None:
    """Names and numbers of arguments of Ext.dl_...: may be added to, never changed."""
    source = Path(menu.__file__).parents[1] / "fiji" / "front" / "imagejdl" / "Extensions.groovy"
    text = source.read_text(encoding="utf-8")
    for declared in (
        "dl_run: [TEXT, TEXT]",
        "dl_value: [TEXT]",
        "dl_labels: [TEXT]",
        "dl_train: [TEXT, TEXT, NUMBER]",
        "dl_predict: [TEXT, TEXT]",
        "dl_track: [TEXT, TEXT]",
        "dl_count: [TEXT, NUMBER_OR_NONE]",
        "dl_score: [TEXT, TEXT, NUMBER]",
        "dl_rois: [TEXT]",
    ):
        assert declared in text
