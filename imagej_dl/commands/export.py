"""`imagej-dl export`: a model as a package of BioImage.IO."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.errors import UserError
from imagej_dl.models.ready import registry as ready
from imagej_dl.progress import Progress


class Export(Command):
    """Write a model as a package of BioImage.IO, for other programs.

    The package is a ZIP archive with the network in Keras' format and in ONNX, a description of
    what it takes and gives (rdf.yaml, version 0.5), a test image with its result, a picture and a
    README. Programs that read such packages run it without imagej-dl; `imagej-dl predict` makes of
    it what it makes of the model.
    """

    model: Annotated[
        Path, Positional(), Shown(path="folder", takes="model", offers=ready.names)
    ] = Field(
        description="Folder of the model, or the name of a ready model "
        f"({', '.join(ready.names())})."
    )
    out: Annotated[Path, Shown("Package")] = Field(description="The package to write, a .zip file.")
    name: Annotated[str, Shown(empty="that of the file")] = Field(
        "", description="Name of the model, of 5 letters or more; if left out, that of the file."
    )
    description: Annotated[str, Shown(empty="by the method")] = Field(
        "", max_length=1024, description="What the model does, in a sentence."
    )
    authors: Annotated[list[str], Shown(empty="none")] = Field(
        [], description="Names of the authors of the model; BioImage.IO wants at least one."
    )
    licence: Annotated[str, Shown(empty="none")] = Field(
        "", description="Licence of the weights, by its SPDX identifier, such as CC-BY-4.0."
    )
    citations: Annotated[list[str], Shown(unit="DOIs", empty="those of the method")] = Field(
        [], description="DOIs of publications to be cited, beside those of the method."
    )
    overwrite: Annotated[bool, Shown(once=True)] = Field(
        False, description="Replace the package if it exists."
    )

    def run(self, progress: Progress) -> None:
        from imagej_dl.methods.registry import METHODS
        from imagej_dl.models.exporting.about import about
        from imagej_dl.models.exporting.package import export, refuse
        from imagej_dl.models.folder import load_config
        from imagej_dl.models.packages.archive import is_package

        folder = ready.find(self.model)
        if self.out.suffix.lower() != ".zip":
            raise UserError(
                "is not the name of a package", path=self.out, remedy="Let it end with .zip."
            )
        if folder.is_file() or is_package(folder):
            raise UserError(
                "is a file or a package already, not the folder of a model",
                path=folder,
                remedy="Name a folder that was written by imagej-dl train.",
            )
        config = load_config(folder)
        refuse(config, folder)
        name = ready.name_of(folder)
        card = None if name is None else ready.card(name)
        said = about(
            self.name or self.out.stem,
            self.description or (card.title if card else METHODS[config.kind].summary),
            tuple(self.authors),
            self.licence,
            tuple(self.citations),
            card,
        )
        made = export(
            folder, self.out, said, card=card, overwrite=self.overwrite, progress=progress
        )
        say(
            f"{self.out}: {made.size / 1e6:.1f} MB, weights {' and '.join(made.formats)}; ONNX "
            f"differs from Keras by {made.difference:.1g}"
        )
