"""Paths, programs and arguments on Linux, macOS and Windows, by simulated values of each."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from java_mode import central, looks_like_a_fiji, plain

from imagej_dl import preferences
from imagej_dl.fiji import scripts, set_up

pytestmark = pytest.mark.jvm

WINDOWS = {"os": "Windows 11", "arch": "amd64", "home": "C:/Users/Jörg Weiß"}
MAC = {"os": "Mac OS X", "arch": "aarch64", "home": "/Users/Jörg Weiß"}
LINUX = {"os": "Linux", "arch": "amd64", "home": "/home/Jörg Weiß"}
ROAMING = {"APPDATA": "C:/Users/Jörg Weiß/AppData/Roaming"}
LOCAL = {"LOCALAPPDATA": "D:/Local"}
MACHINES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "windows": (WINDOWS, {**ROAMING, **LOCAL, "Path": "TOOLS;C:/Windows"}),
    "windows without variables": (WINDOWS, {}),
    "mac": (MAC, {"PATH": "/usr/bin"}),
    "linux": (LINUX, {"PATH": "TOOLS:/usr/bin", "LOCALAPPDATA": "/not/here"}),
    "linux with folders": (LINUX, {"XDG_CONFIG_HOME": "/conf", "XDG_DATA_HOME": "/data"}),
    "named": (MAC, {"IMAGEJ_DL_HOME": "/mine"}),
}

WHEELS = (
    "uv-0.9.5-py3-none-win_amd64.whl",
    "uv-0.9.5-py3-none-win_arm64.whl",
    "uv-0.9.5-py3-none-win32.whl",
    "uv-0.9.5-py3-none-macosx_11_0_arm64.whl",
    "uv-0.9.5-py3-none-macosx_10_12_x86_64.whl",
    "uv-0.9.5-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "uv-0.9.5-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
    "uv-0.9.5-py3-none-musllinux_1_1_x86_64.whl",
    "uv-0.9.5-py3-none-linux_armv6l.whl",
)

GROOVY = """
def start = new GroovyShell(this.class.classLoader).parse(new File("FRONT/Start.groovy"))
def classes = start.classes(new File("FRONT"))
def of = { String name -> classes.loadClass("imagejdl." + name) }
def said = { work -> try { work() } catch (RuntimeException error) { error.message } }
def machine = { about, variables ->
    of("Platform").newInstance(about.os, about.arch, variables, about.home) }
def given = new groovy.json.JsonSlurper().parseText(new File("GIVEN").getText("UTF-8"))
given.machines.each { name, values ->
    def platform = machine(values[0], values[1])
    out[name] = [settings: said { platform.settings().path },
        environments: said { platform.environments().path },
        python: platform.python(new File("/env")).path, uv: platform.onPath("uv")?.path,
        wheels: given.wheels.findAll { platform.takes(it) },
        cuda: [null, "", "470.1", "525.60", "550.54.15"].collect { platform.cuda(it) },
        quoted: said { platform.argument('say "no"') },
        arguments: ['C:\\\\a b\\\\', '/a b/', 'plain'].collect { platform.argument(it) }]
}
// Where environments are looked for, by what is set for a Fiji and by the user.
def common = of("EnvironmentSettings").shared()
common.parentFile.mkdirs()
out.looked = given.machines.collectEntries { name, values ->
    [name, given.kept.collect { both ->
        common.text = groovy.json.JsonOutput.toJson(both[0])
        def platform = machine(values[0], values[1])
        def found = of("Environment").newInstance(both[0] + both[1], null, platform)
        found.folders().collect { it.path } }] }
common.delete()
// What is read of a record.
def environment = new File("GIVEN.folder")
environment.mkdirs()
out.ready = given.records.collect { text ->
    new File(environment, "ready.json").text = text
    of("EnvironmentRecord").read(environment)?.environment }
out.homeless = said { machine([os: "Linux", arch: "amd64", home: "?"], [:]).environments() }
def garbled = [os: "Linux", arch: "amd64", home: "/home/J\\uFFFDrg"]
out.garbled = said { machine(garbled, [:]).settings() }
// A real process: its arguments come as they are, and no other environment gets in its way.
def echo = "import os, sys; print(sys.argv[1:], os.environ.get('UV_PYTHON'))"
def command = ["OURS", "-c", echo, "a b", "ü'\\"\\$x", ""]
out.echo = of("Platform").here().start(command).inputStream.getText("UTF-8")
def asked = { String program, int seconds = 60 ->
    of("Platform").here().answer(["OURS", "-c", program], seconds)?.trim() }
def slow = "import subprocess; subprocess.run(['OURS', '-c', 'import time; time.sleep(90)'])"
out.answers = [asked("print('yes')"), asked("print('no'); exit(1)"), asked(slow, 1),
    of("Platform").here().answer(["/nowhere/python"], 60)]
// What the settings refuse.
def settings = of("EnvironmentSettings")
out.refused = [[pyhton: "/x"], [gpu: "tpu"], [proxy: "proxy:3128"], [index: "ftp://x"],
    [wheels: "here"]].collect { values -> said { settings.checked(values) } }
def file = new File("GIVEN.settings")
out.files = ['{"gpu": "cpu", "proxy": ""}', '{"gpu": 3}', '[1]', '"x"', '{', ''].collect { text ->
    file.text = text
    said { settings.values(file) } }
// What went wrong, as uv says it.
def trouble = { String words ->
    of("SetUpTrouble").of(words, new File("/"), "0.1.0", [:]).message }
out.troubles = given.troubles.collect { trouble(it) }
// A list of uv's.
out.packages = of("Packages").parse(given.lock)
"""

TROUBLES = {
    "error: failed to write\n  cause: No space left on device (os error 28)": "disk of / is full",
    "error: There is not enough space on the disk. (os error 112)": "disk of / is full",
    "error: Request failed\n cause: dns error\n cause: failed to lookup address": "no connection",
    "error: Failed to fetch: x\n  cause: tunnel error: unsuccessful": "no connection",
    "error: No interpreter found for Python >=3.11": "no Python 3.11 to 3.13",
    "invalid peer certificate: UnknownIssuer": "not trusted",
    "  × No solution found when resolving dependencies:\n  ╰─▶ Because there is no version of "
    "imagej-dl==0.1.0 and you require": "has no imagej-dl 0.1.0",
    "error: something new": "The installation failed: error: something new",
    "": "no message",
}

LOCK = """
lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "absl-py"
version = "2.5.1"
index = "https://pypi.org/simple"
sdist = { url = "https://x/absl_py-2.5.1.tar.gz", size = 118387, hashes = { sha256 = "28" } }
wheels = [{ url = "https://x/absl-2.5.1.whl", size = 137673, hashes = { sha256 = "72" } }]

[[packages]]
name = "imagej-dl"
version = "0.1.0"
wheels = [{ url = "file:///w/imagej_dl-0.1.0-py3-none-any.whl", hashes = { sha256 = "34" } }]

[[packages]]
name = "h5py"
version = "3.16.0"
wheels = [
    { url = "https://x/h5py-cp312.whl", upload-time = 2026-10-09T08:38:56Z, size = 5, \
hashes = { sha256 = "35" } },
]
"""


KEPT: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, {}),
    ({"folder": "/common"}, {}),
    ({}, {"folder": "/own folder"}),
    ({"folder": "/common"}, {"folder": "/own folder"}),
    ({"folder": "/same"}, {"folder": "/same"}),
    ({"folder": "/common"}, {"folder": ""}),
    ({"folder": "/common", "gpu": "cpu"}, {"index": "https://x/simple"}),
]
"""What is set for all users of a Fiji, and by the user."""

_WHOLE = {"version": "0.1.0", "processor": "cpu", "environment": "env-0af3"}
RECORDS = [
    json.dumps(record)
    for record in (
        _WHOLE,
        {**_WHOLE, "environment": "env-0AF3"},
        {**_WHOLE, "environment": "../env-0af3"},
        {**_WHOLE, "environment": "env-"},
        {**_WHOLE, "environment": "env-0af3/.."},
        {**_WHOLE, "processor": 1},
        {"version": "0.1.0", "environment": "env-0af3"},
        [],
    )
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("platforms")
    tools = folder / "my tools"
    tools.mkdir()
    for name in ("uv", "uv.exe"):
        (tools / name).touch()
    told = {"machines": MACHINES, "wheels": WHEELS, "troubles": list(TROUBLES), "lock": LOCK}
    told |= {"kept": KEPT, "records": RECORDS}
    text = json.dumps(told).replace("TOOLS", str(tools))
    (folder / "given.json").write_text(text, encoding="utf-8")
    groovy = GROOVY.replace("FRONT", str(scripts.FRONT)).replace("OURS", sys.executable)
    groovy = groovy.replace("GIVEN", str(folder / "given.json"))
    home = looks_like_a_fiji(folder / "Fiji", central())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.setenv("UV_PYTHON", "/nowhere")
        done = plain(home, folder, groovy, display=False)
    assert done.found is not None, done.stdout + done.stderr
    return {**done.found, "tools": str(tools)}


@pytest.mark.parametrize(
    ("name", "settings", "environments"),
    [
        (
            "windows",
            "C:/Users/Jörg Weiß/AppData/Roaming/imagej-dl",
            "D:/Local/imagej-dl/python",
        ),
        (
            "windows without variables",
            "C:/Users/Jörg Weiß/imagej-dl",
            "C:/Users/Jörg Weiß/AppData/Local/imagej-dl/python",
        ),
        (
            "mac",
            "/Users/Jörg Weiß/Library/Application Support/imagej-dl",
            "/Users/Jörg Weiß/Library/Application Support/imagej-dl/python",
        ),
        (
            "linux",
            "/home/Jörg Weiß/.config/imagej-dl",
            "/home/Jörg Weiß/.local/share/imagej-dl/python",
        ),
        ("linux with folders", "/conf/imagej-dl", "/data/imagej-dl/python"),
        ("named", "/mine", "/mine/python"),
    ],
)
def test_folders(seen: dict[str, Any], name: str, settings: str, environments: str) -> None:
    assert seen[name]["settings"] == settings
    assert seen[name]["environments"] == environments


def at(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Python believe that it runs on one of the machines."""
    about, variables = MACHINES[name]
    folders = ("APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    for variable in ("IMAGEJ_DL_HOME", *folders):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        if variable not in ("PATH", "Path"):
            monkeypatch.setenv(variable, value)
    monkeypatch.setattr(Path, "home", lambda: Path(about["home"]))
    platforms = {"Windows 11": "win32", "Mac OS X": "darwin", "Linux": "linux"}
    monkeypatch.setattr(sys, "platform", platforms[about["os"]])


@pytest.mark.parametrize("name", MACHINES)
def test_settings_lie_where_python_has_them(
    seen: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(name, monkeypatch)
    assert preferences.path().parent.as_posix() == seen[name]["settings"]
    assert set_up.own_folder().as_posix() == seen[name]["environments"]


@pytest.mark.parametrize("name", MACHINES)
def test_environments_are_looked_for_where_python_looks(
    seen: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The rule stands in Groovy, which has no Python yet, and in Python, which has no Fiji."""
    at(name, monkeypatch)
    own, shared = tmp_path / "own.json", tmp_path / set_up.SHARED
    shared.parent.mkdir()
    monkeypatch.setattr(set_up, "_own_settings", lambda: own)
    for (common, mine), places in zip(KEPT, seen["looked"][name], strict=True):
        shared.write_text(json.dumps(common))
        own.write_text(json.dumps(mine))
        assert [place.as_posix() for place in set_up.folders(tmp_path)] == places
    assert {len(places) for places in seen["looked"][name]} == {1, 2, 3}


def test_a_record_is_read_as_python_reads_it(seen: dict[str, Any], tmp_path: Path) -> None:
    for text, environment in zip(RECORDS, seen["ready"], strict=True):
        (tmp_path / set_up.RECORD).write_text(text)
        python = set_up.read(tmp_path).python
        assert (None if python is None else python.parents[1].name) == environment, text
    assert [one is not None for one in seen["ready"]] == [True] + [False] * (len(RECORDS) - 1)


def test_programs(seen: dict[str, Any]) -> None:
    assert seen["windows"]["python"] == "/env/Scripts/python.exe"
    assert seen["mac"]["python"] == seen["linux"]["python"] == "/env/bin/python"
    assert seen["windows"]["uv"] == f"{seen['tools']}/uv.exe"
    assert seen["linux"]["uv"] == f"{seen['tools']}/uv"
    assert seen["mac"]["uv"] is None
    assert seen["windows"]["wheels"] == [WHEELS[0]]
    assert seen["mac"]["wheels"] == [WHEELS[3]]
    assert seen["linux"]["wheels"] == [WHEELS[5]]


def test_cuda_is_for_linux_with_a_driver_that_is_new_enough(seen: dict[str, Any]) -> None:
    assert seen["linux"]["cuda"] == [False, False, False, True, True]
    assert not any(seen["windows"]["cuda"] + seen["mac"]["cuda"])


def test_arguments(seen: dict[str, Any]) -> None:
    assert seen["linux"]["arguments"] == ["C:\\a b\\", "/a b/", "plain"]
    assert seen["windows"]["arguments"] == ["C:\\a b", "/a b/", "plain"]
    assert "quotation marks" in seen["windows"]["quoted"]
    assert seen["linux"]["quoted"] == 'say "no"'
    assert seen["echo"].strip() == "['a b', 'ü\\'\"$x', ''] None"


def test_a_program_that_fails_or_hangs_has_no_answer(seen: dict[str, Any]) -> None:
    assert seen["answers"] == ["yes", None, None, None]


def test_a_user_without_a_home_is_told(seen: dict[str, Any]) -> None:
    assert "no home folder" in seen["homeless"]
    assert "UTF-8 locale" in seen["garbled"]


def test_settings_that_are_refused(seen: dict[str, Any]) -> None:
    words = [
        "pyhton is an unknown key",
        "gpu is one of",
        "proxy is an address",
        "index is an address",
    ]
    for told, expected in zip(seen["refused"], [*words, "wheels is a whole path"], strict=True):
        assert expected in told
    assert seen["files"][0] == {"gpu": "cpu"}
    assert "gpu is one of" in seen["files"][1]
    assert all("Delete it" in told for told in seen["files"][2:])


def test_troubles_in_words(seen: dict[str, Any]) -> None:
    for told, expected in zip(seen["troubles"], TROUBLES.values(), strict=True):
        assert expected in told


def test_a_list_of_packages(seen: dict[str, Any]) -> None:
    first, ours, last = seen["packages"]
    assert first == {
        "name": "absl-py",
        "version": "2.5.1",
        "address": "https://x/absl-2.5.1.whl",
        "bytes": 137673,
        "sha256": "72",
    }
    assert ours["address"] == "file:///w/imagej_dl-0.1.0-py3-none-any.whl"
    assert ours["bytes"] == 0
    assert (last["version"], last["bytes"], last["sha256"]) == ("3.16.0", 5, "35")
