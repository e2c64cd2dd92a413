"""Errors and warnings: their words, and the line that a warning points at."""

from __future__ import annotations

import ast
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

import imagej_dl
from imagej_dl import errors
from imagej_dl.errors import DataWarning, UserError, warn
from imagej_dl.images.checks import repeated_warnings

PACKAGE = Path(imagej_dl.__file__).parent


def test_a_warning_is_worded_as_an_error_is() -> None:
    with pytest.warns(DataWarning) as said:
        warn("2 ROIs are left out", path=Path("a") / "RoiSet.zip", remedy="Check them.")
    error = UserError("2 ROIs are left out", path=Path("a") / "RoiSet.zip", remedy="Check them.")
    assert str(said[0].message) == str(error)


@contextmanager
def recorded() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield said


def test_a_warning_points_at_the_line_outside_the_package() -> None:
    with recorded() as said:
        repeated_warnings.warn("masks", "a is a mask")  # through a function of the package
        with repeated_warnings.gathered():  # through a context manager of the package
            repeated_warnings.warn("masks", "b is a mask")
        line = sys._getframe().f_lineno
    assert [(item.filename, item.lineno) for item in said] == [
        (__file__, line - 3),
        (__file__, line - 2),
    ]


def test_a_warning_from_a_thread_without_a_caller_is_still_issued() -> None:
    thread = threading.Thread(target=warn, args=("nothing to link",))
    with recorded() as said:
        thread.start()
        thread.join()
    assert [str(item.message) for item in said] == ["nothing to link"]


def test_a_warning_is_shown_once_for_each_line_that_leads_to_it() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("the same")
        warn("the same")
    assert len(said) == 2


@contextmanager
def foreign() -> Iterator[None]:
    yield
    warn("from a context manager outside")


def test_a_context_manager_outside_the_package_is_the_caller() -> None:
    with pytest.warns(DataWarning) as said, foreign():
        pass
    assert said[0].lineno == foreign.__wrapped__.__code__.co_firstlineno + 3


@pytest.mark.slow
def test_no_other_module_issues_a_data_warning() -> None:
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        if path == Path(errors.__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "warnings.warn":
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                if any(ast.unparse(value).endswith("DataWarning") for value in given):
                    wrong.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert not wrong, "call imagej_dl.errors.warn"


class Declared(BaseModel):
    model_config = ConfigDict(extra="forbid")
    epochs: int = 1


def test_an_error_at_another_file_keeps_its_remedy() -> None:
    error = UserError("has no pixels", path="tmp.tif", remedy="Save it again.").at("a.tif")
    assert str(error) == "a.tif: has no pixels. Save it again."


def test_a_validation_error_in_words() -> None:
    with pytest.raises(ValidationError) as raised:
        Declared.model_validate({"epoch": 3, "epochs": "many"})
    error = UserError.of_validation(
        raised.value, Declared.model_fields, prefix="is damaged: ", path="a.json"
    )
    assert str(error) == (
        "a.json: is damaged: epochs: Input should be a valid integer, unable to parse string as an "
        "integer; epoch: unknown key, perhaps epochs"
    )


def test_no_other_module_words_a_validation_error() -> None:
    wrong = [
        path.relative_to(PACKAGE)
        for path in PACKAGE.rglob("*.py")
        if path.name != "validation.py" and '["msg"]' in path.read_text(encoding="utf-8")
    ]
    assert not wrong, "call imagej_dl.errors.UserError.of_validation"


@pytest.mark.parametrize(
    ("text", "first", "whole"),
    [("\n a\n  b c ", "a", "a b c"), ("", "ValueError", "ValueError")],
)
def test_the_words_of_a_librarys_error(text: str, first: str, whole: str) -> None:
    assert errors.first_line(ValueError(text)) == first
    assert errors.one_line(ValueError(text)) == whole
