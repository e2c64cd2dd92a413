"""The Recorder's line of a dialog runs again, whatever the values hold."""

from __future__ import annotations

from typing import Any

import hosted
import pytest

from imagej_dl import fiji

pytestmark = [
    pytest.mark.jvm,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]

SIMPLE = {"project": "/my cells", "overwrite": "true", "out": "m"}
STRANGE = {"project": 'say "a] b"', "overwrite": "true", "out": "C:\\new\\it's"}


def _lines(given: list[dict[str, str]]) -> tuple[str, list[dict[str, str]]]:
    """Record a dialog's values; return the Recorder's text and what each line hands over."""
    from imagej_dl.fiji import gateway
    from imagej_dl.fiji import menu as door

    gateway.start("embedded", display=True, jars=(door.APPOSE, gateway.PATCHER))
    loader = door._front().getClass().getClassLoader()
    maps, text = hosted.jimport("java.util.LinkedHashMap"), hosted.jimport("java.lang.String")
    fields = hosted.jimport("java.util.ArrayList")()
    for key, kind in (("project", "folder"), ("overwrite", "bool"), ("out", "folder")):
        field = maps()
        for name, value in (("key", key), ("type", kind), ("default", None), ("advanced", False)):
            field.put(name, value)
        fields.add(field)
    command = maps()
    command.put("label", "ImageJ-DL Train")
    command.put("fields", fields)
    recorder = hosted.jimport("ij.plugin.frame.Recorder")
    recorder()  # opens it
    kind = hosted.jimport("java.util.Map").class_
    record = loader.loadClass("imagejdl.Dialog").getMethod("record", kind, kind)
    parse = loader.loadClass("imagejdl.Options").getMethod("parse", text.class_)
    found = []
    for values in given:
        before = str(recorder.getInstance().getText())
        told = maps()
        for key, value in values.items():
            told.put(key, value)
        record.invoke(None, command, told)
        line = str(recorder.getInstance().getText())[len(before) :].strip()
        assert line.startswith('run("ImageJ-DL Train", "')
        # What the macro gives to the command, in place of which it is returned here.
        options = line.removeprefix('run("ImageJ-DL Train", ').removesuffix(");")
        handed = str(hosted.jimport("ij.IJ").runMacro(f"return {options};"))
        parsed = parse.invoke(None, handed)
        found.append({str(key): str(parsed.get(key)) for key in parsed.keySet()})
    return str(recorder.getInstance().getText()), found


def test_lines_hand_over_what_the_dialog_had(own_process: Any) -> None:
    text, found = own_process(_lines, [SIMPLE, STRANGE, SIMPLE])
    assert found == [SIMPLE, STRANGE, SIMPLE]
    assert text.count('run("ImageJ-DL Train"') == 3
    assert 'project=[/my cells] overwrite out=m"' in text
