"""The command line is made of the declarations, and bad input is one clear line."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import Field

from imagej_dl import UserError, cli, commands, images
from imagej_dl.commands.base import Command


def run(*args: str | Path, code: int = 0) -> str:
    """Run imagej-dl as a user does; return what it says after checking its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "imagej_dl", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_help_lists_every_command() -> None:
    text = run("--help")
    for name in commands.TABLE:
        assert f"\n  {name} " in text


@pytest.mark.parametrize("name", commands.TABLE)
def test_declarations(name: str) -> None:
    declaration = commands.load(name)
    assert issubclass(declaration, Command)
    assert declaration.model_config["extra"] == "forbid"
    # The table exists for speed; it must say what the declaration says.
    assert (declaration.__doc__ or "").strip().splitlines()[0] == commands.TABLE[name].summary
    for field in declaration.model_fields.values():
        assert field.description
    click_command = cli.cli.get_command(None, name)  # type: ignore[arg-type]
    assert click_command is not None
    assert {p.name for p in click_command.params} == {*declaration.model_fields, "from_json"}


def test_unknown_option_and_key(tmp_path: Path) -> None:
    assert "No such option" in run("new", tmp_path / "a", "--colour", "red", code=2)
    (tmp_path / "a.json").write_text(json.dumps({"project": "x", "colour": "red"}))
    text = run("new", "--from-json", tmp_path / "a.json", code=2)
    assert "a.json" in text
    assert "colour: unknown key" in text
    assert "project" not in text  # no list of all keys
    (tmp_path / "a.json").write_text(json.dumps({"projekt": "x"}))
    text = run("new", "--from-json", tmp_path / "a.json", code=2)
    assert "project: must be given; projekt: unknown key, perhaps project" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", commands.TABLE)
def test_help_describes_what_is_given_by_its_place(name: str) -> None:
    text = " ".join(run(name, "--help").split())
    declaration = commands.load(name)
    for field, declared in declaration.model_fields.items():
        if declaration.is_positional(field):
            assert f"{field.upper()}" in text
            assert " ".join((declared.description or "").split()) in text


def test_parameters_from_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"project": str(tmp_path / "p")}))
    run("new", "--from-json", tmp_path / "a.json")
    assert (tmp_path / "p" / "Raw").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": ', "[" * 100_000])
def test_broken_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert "a.json" in run("new", "--from-json", tmp_path / "a.json", code=2)


def test_what_the_system_refuses_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["imagej-dl", "labels", "a" * 300])
    with pytest.raises(SystemExit) as code:
        cli.main()
    assert code.value.code == 2
    told = capsys.readouterr().err.splitlines()
    assert told == [f"error: {'a' * 300}: cannot be used (File name too long)"]


def test_missing_value_is_named() -> None:
    assert "project" in run("new", code=2)


def test_options_come_before_json_and_lists_are_kept() -> None:
    class Sample(Command):
        """Sample."""

        many: list[Path] = Field(default_factory=list, description="Files.")
        count: int = Field(1, ge=0, description="A count.")

        def run(self, progress: object) -> None: ...

    assert Sample.declare({"many": ["a", "b"], "count": 0}).many == [Path("a"), Path("b")]
    with pytest.raises(UserError, match=r"count: .*greater than or equal to 0"):
        Sample.declare({"count": -1})


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("361920 requested and 98128 written"),  # NumPy's words for it
    ],
)
def test_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    import tifffile

    target = tmp_path / "a.tif"
    target.write_bytes(b"before")

    def full(path: Path, *_: object, **__: object) -> None:
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(tifffile, "imwrite", full)
    with pytest.raises(UserError, match=r"a\.tif: the disk is full"):
        images.write(images.make(np.zeros((2, 2), np.uint8)), target, overwrite=True)
    assert target.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_java_that_ctrl_c_ended_is_no_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class JVMNotRunning(RuntimeError):
        """JPype's, by name: the command line does without JPype."""

    def ended(**options: object) -> None:
        raise JVMNotRunning("Java Virtual Machine is not running")

    monkeypatch.setattr(cli, "cli", ended)
    with pytest.raises(SystemExit) as code:
        cli.main()
    assert code.value.code == 130
    assert capsys.readouterr().err == "cancelled\n"


@pytest.mark.slow
def test_declarations_leave_the_filters_of_warnings() -> None:
    code = (
        "import warnings, pydantic, scipy.sparse, scipy.special\n"  # they add some of their own
        "from imagej_dl import commands\n"
        "warnings.simplefilter('error', UserWarning); before = list(warnings.filters)\n"
        "for name in commands.TABLE: commands.load(name)\n"
        "assert warnings.filters == before, warnings.filters[:3]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
