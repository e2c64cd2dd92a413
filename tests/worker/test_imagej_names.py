"""What ImageJ's users read has ImageJ's words: labels in a dialog, keys in a macro."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import imagej_dl
from imagej_dl import commands, worker
from imagej_dl.commands.menu import MENU
from imagej_dl.errors import UserError
from imagej_dl.worker import imagej_names

SAYING = {"UserError", "NotEnoughMemory", "warn", "say", "note", "append"}
OPTION = re.compile(r"(?<![\w/.-])--[a-z]")
COMMAND = re.compile(rf"imagej-dl ({'|'.join(commands.TABLE)})\b")
# What belongs to a terminal says so.
TERMINAL = re.compile(r"pip install [^;]*|xvfb-run\b[^;.]*|`[^`]*` in a terminal")


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "X" for part in node.values
        )
    if isinstance(node, ast.BinOp):
        parts = [_text(node.left), _text(node.right)]
        return "".join(part or "" for part in parts) or None
    return None


def _messages() -> Iterator[tuple[str, str]]:
    """All texts that the package says: those of errors, warnings and results, and parts of them."""
    package = Path(imagej_dl.__file__).parent
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            name = (
                function.attr
                if isinstance(function, ast.Attribute)
                else getattr(function, "id", "")
            )
            if name in SAYING:
                for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    for piece in ast.walk(part):
                        if isinstance(piece, ast.expr) and (text := _text(piece)):
                            yield f"{path.relative_to(package)}:{piece.lineno}", text


@pytest.mark.slow
def test_no_message_of_imagejs_has_a_word_for_a_shell() -> None:
    found = list(_messages())
    assert sum(bool(OPTION.search(text)) for _, text in found) > 30  # or it looks at nothing
    wrong = []
    for place, text in found:
        for command in MENU:
            for door in ("dialog", "macro"):
                said = TERMINAL.sub("", imagej_names.spoken(text, command, door))  # type: ignore[arg-type]
                if OPTION.search(said) or COMMAND.search(said):
                    wrong.append(f"{place} {command} {door}: {said}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("command", "text", "dialog", "macro"),
    [
        (
            "train",
            "/m: is already there. Choose another name, or pass --overwrite.",
            "/m: is already there. Choose another name, or tick Overwrite.",
            "/m: is already there. Choose another name, or add overwrite.",
        ),
        (
            "train",
            "Go on with it with --resume, or begin anew with --overwrite.",
            "Go on with it with Resume ticked, or begin anew with Overwrite ticked.",
            "Go on with it with resume, or begin anew with overwrite.",
        ),
        (
            "train",
            "Pass --resume to continue from here.",
            "Tick Resume to continue from here.",
            None,
        ),
        ("train", "Leave --resume out.", "Untick Resume.", "Leave resume out."),
        (
            "train",
            "Choose a smaller --learning-rate.",
            "Choose a smaller Learning rate.",
            "Choose a smaller learning_rate.",
        ),
        (
            "predict",
            "Name it with --out.",
            "Name it in the field Results.",
            "Name it with out.",
        ),
        (
            "track",
            "If that axis is time, pass --axes TYX.",
            "If that axis is time, set Axes to TYX.",
            "If that axis is time, add axes=TYX.",
        ),
        (
            "train",
            "If that axis is time, pass --axes TYX.",
            "If that axis is time, set the axes in ImageJ's Image > Properties..., and save the "
            "image again.",
            None,
        ),
        (
            "new",
            "then run `imagej-dl labels /my project`.",
            "then run ImageJ-DL Make label maps.",
            "then run ImageJ-DL Make label maps.",
        ),
        (
            "train",
            "`imagej-dl prepare` makes an image of each",
            "`imagej-dl prepare` in a terminal makes an image of each",
            None,
        ),
        (
            "predict",
            "Install it again: pip install --force-reinstall tensorflow keras.",
            "Install it again: pip install --force-reinstall tensorflow keras.",
            None,
        ),
        ("predict", "/a--overwrite/b: is no image", "/a--overwrite/b: is no image", None),
    ],
)
def test_each_door_has_its_words(command: str, text: str, dialog: str, macro: str | None) -> None:
    assert imagej_names.spoken(text, command, "dialog") == dialog
    if macro is not None:
        assert imagej_names.spoken(text, command, "macro") == macro


def test_wrong_values_go_by_the_labels_of_the_dialog() -> None:
    with pytest.raises(UserError) as caught:
        commands.load("train").declare({"epochs": "0"})
    said = imagej_names.error(caught.value, "train", "dialog")
    assert said.startswith("ImageJ-DL Train: Project: must be given; Epochs: ")
    assert "keys" not in said
    said = imagej_names.error(caught.value, "train", "macro")
    assert said.startswith("project: must be given; epochs: ")
    with pytest.raises(UserError) as caught:
        commands.load("train").declare({"project": "x"})
    said = imagej_names.error(caught.value, "train", "dialog")
    assert said == "ImageJ-DL Train: New model: a folder for the model is required"
    assert str(caught.value).startswith("out: a folder for the model is required")


def test_a_command_that_is_not_in_the_menu_has_words_too() -> None:
    assert imagej_names.spoken("pass --overwrite", "rois", "macro") == "add overwrite"
    asked = "pass --diameter model"
    assert imagej_names.spoken(asked, "predict", "macro") == "add diameter=model"
    assert imagej_names.spoken(asked, "predict", "dialog") == "set Object diameter to model"


@pytest.mark.slow
def test_what_ends_a_training_at_once_is_said_without_tensorflow(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "project").mkdir()
    model = tmp_path / "model"
    model.mkdir()
    (model / "mine.txt").write_text("not a model")
    code = (
        "import sys; from imagej_dl.worker import plan;"
        f"given = dict(project={str(tmp_path / 'project')!r}, out={str(model)!r});"
        "print(plan('train', given, 'dialog')['error']);"
        f"print(plan('train', dict(given, out={str(tmp_path / 'no')!r}, resume='true'))['error']);"
        "assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert "is already there" in first
    assert first.endswith("or tick Overwrite.")
    assert "there is no stopped training" in second
    assert second.endswith("Leave resume out.")


def test_settings_say_what_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    (tmp_path / "settings.json").write_text('{"tile": 512}')
    assert worker.holding("settings")["values"]["tile"] == "512"
    assert worker.holding("predict") == {"values": {}}


def test_dialogs_are_remembered_beside_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    assert worker.commands()["remembered"] == {}
    kept = {"asked": {"train": {"epochs": "5"}}, "given": {"model": "/m"}}
    worker.remember(kept)
    assert worker.commands()["remembered"] == kept
    for damaged in ("{", "[]", '{"asked": 3, "given": {}}'):
        (tmp_path / "dialogs.json").write_text(damaged)
        assert worker.commands()["remembered"] == {}
