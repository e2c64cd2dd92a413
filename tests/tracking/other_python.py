"""A Python in which a foreign library is installed: a stand-in for the library."""

from __future__ import annotations

import sys
from pathlib import Path


def python_with(folder: Path, module: str, text: str) -> Path:
    """Write a Python, a shell script, that finds one module more, of version 9.9.

    Parameters
    ----------
    folder : where it is written, with the module in its folder `site`.
    module : name of the module, with that of its package before it, such as "trackastra.model".
    text : of the module.
    """
    library, *inner = module.split(".")
    package = folder / "site" / library
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package.joinpath(*inner or ["__init__"]).with_suffix(".py")).write_text(text)
    info = folder / "site" / f"{library}-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {library}\nVersion: 9.9\n")
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}/site" exec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return path
