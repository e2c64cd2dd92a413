"""Give the site the pages that are not files in docs/: those of the root, and what is generated."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from imagej_dl.commands import reference

ROOT = Path(__file__).resolve().parents[2]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add contributing.md, changelog.md and commands.md."""
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        text = text.replace("](docs/", "](").replace("](README.md)", "](index.md)")
        files.append(File.generated(config, name.lower(), content=text))
    files.append(File.generated(config, "commands.md", content=reference.command_line()))
    return files
