"""Makes the artefacts of a version that later versions must read, by its commands.

`python tests/versions/make.py` writes a folder beside it that is called as the version, one archive
for each kind of artefact, and the declarations as JSON; another name can be given. Nothing of the
machine goes into them, neither its name nor a path: the program looks for these, and refuses.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

from version_artefacts import MAKE, replaced
from version_compare import machine
from version_declarations import declarations
from version_packing import clean, pack
from version_steps import STEPS, at_home, command

from imagej_dl import __version__

HERE = Path(__file__).resolve().parent


def make(kind: str, target: Path) -> None:
    """Make the artefacts of a kind, take the steps that later versions take, and pack both."""
    with tempfile.TemporaryDirectory() as scratch:
        made, stepped = Path(scratch) / "made", Path(scratch) / "stepped"
        made.mkdir()
        with at_home(made):
            if kind != "settings":  # of ImageJ's rivals on the processor the plain one
                command("settings --device cpu --engine tensorflow")
            MAKE[kind]()
        (made / "found").rmdir()
        for picture in made.rglob("*.png"):  # for the reader only, and half of the size
            picture.unlink()
        shutil.copytree(made, stepped)
        with at_home(stepped):
            STEPS[kind]()
        shutil.copytree(stepped / "found", made / "expected")
        for path in made.rglob("*.xml"):  # TrackMate's files say where the images are
            text = path.read_text(encoding="utf-8")
            path.write_text(replaced(text, dict.fromkeys(_places(made, stepped), "/data")))
        clean(made)
        pack(made, target / f"{kind}.tar.xz")


def _places(*folders: Path) -> list[str]:
    return [str(place) for folder in folders for place in (folder, folder.resolve())]


def main() -> None:
    name, *kinds = sys.argv[1:] or [__version__]
    target = HERE / name
    socket.gethostname = lambda: "elsewhere"  # which the trials of a search say
    target.mkdir(exist_ok=bool(kinds))
    for kind in kinds or MAKE:
        if kind == "declarations":  # which are made each time
            continue
        begun = time.monotonic()
        make(kind, target)
        size = (target / f"{kind}.tar.xz").stat().st_size
        print(f"{kind}: {size / 1000:.0f} kB, {time.monotonic() - begun:.0f} s", flush=True)
    for name, content in (("machine", machine()), ("declarations", declarations())):
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (target / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
