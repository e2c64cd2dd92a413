"""A library that is not there is told from one that does not load."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imagej_dl import UserError, optional
from imagej_dl.tracking.trackers import registry

BTRACK = registry.foreign()["btrack"].program

LOADER = "ImportError: /lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (needed by lib.so)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import not_there_at_all", r"is installed, but does not load.*not_there_at_all"),
        ("raise ImportError('DLL load failed')", "does not load.*DLL load failed"),
        ("raise OSError('libx.so: cannot open shared object file')", "does not load.*libx.so"),
        ("1 / 0", "does not load.*ZeroDivisionError"),
    ],
)
def test_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str) -> None:
    (tmp_path / "broken_library.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=words) as error:
        optional.need("broken_library", "It", "pip install it")
    assert "pip install it" not in str(error.value)
    sys.modules.pop("broken_library", None)


def test_missing() -> None:
    with pytest.raises(UserError, match=r"It is not installed. pip install it"):
        optional.need("not_there_at_all", "It", "pip install it")
    assert not optional.there("not_there_at_all")
    assert optional.there("numpy")


def test_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "found_again.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with optional.hidden("found_again", "sys"):
        assert not optional.there("found_again")
        assert sys.modules["sys"] is sys  # what is imported already stays
    assert optional.need("found_again", "It", "pip install it")
    sys.modules.pop("found_again")


def _engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> str:
    """Say what is said of btrack where the library's code is this."""
    (tmp_path / "btrack").mkdir()
    (tmp_path / "btrack" / "__init__.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError) as error:
        BTRACK.version()
    return str(error.value)


def test_engine_says_its_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BTRACK.variable, raising=False)
    text = (
        "import sys\n"
        f"print({LOADER!r}, file=sys.stderr)\n"  # said, and then something else goes wrong
        "lib = None\nlib.new_interface"
    )
    said = _engine(tmp_path, monkeypatch, text)
    assert "btrack is installed, but does not load" in said
    assert "GLIBCXX_3.4.32" in said
    assert "Install it, or" not in said


def test_engine_that_is_not_in_the_python_that_was_named() -> None:
    said = BTRACK.failure("ModuleNotFoundError: No module named 'btrack'", "python")
    assert "btrack is not installed" in str(said)
    assert "pip install btrack" in str(said)
    said = BTRACK.failure("ModuleNotFoundError: No module named 'cvxopt'", "python")
    assert "No module named 'cvxopt'" in str(said)
