"""A package that was opened: its files, what it declares, and which of its weights are used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.models.packages import description, verification
from imagej_dl.models.packages.archive import Archive
from imagej_dl.models.packages.description import Description, Tensor

ONNX, KERAS, SAVED = "onnx", "keras_v3", "tensorflow_saved_model_bundle"
"""Formats of weights that are opened."""


@dataclass(frozen=True)
class Package:
    """A package that was read: its files, and what it declares."""

    archive: Archive
    declared: Description

    @property
    def path(self) -> Path:
        return self.archive.given

    @property
    def source(self) -> Tensor:
        return self.declared.inputs[0]

    @property
    def target(self) -> Tensor:
        return self.declared.outputs[0]

    @property
    def format(self) -> str:
        """The format of the weights that are opened: ONNX first, of models of ours Keras."""
        present = {name for name, one in self.declared.weights.items() if one is not None}
        wanted = (ONNX, KERAS, SAVED) if self.declared.own is None else (KERAS, ONNX)
        found = next((name for name in wanted if name in present), None)
        if found is not None:
            return found
        if present and all("torch" in name for name in present):
            problem = "has PyTorch weights alone, and imagej-dl has no PyTorch"
        else:
            problem = f"has no weights that imagej-dl opens ({', '.join(sorted(present)) or '-'})"
        raise UserError(
            problem,
            path=self.path,
            remedy="Use a package with ONNX, Keras 3 or TensorFlow SavedModel weights; its authors "
            "can add them.",
        )

    def weights(self, which: str) -> bytes:
        """Return the file of the weights of a format."""
        entry = self.declared.weights[which]
        assert entry is not None
        if entry.external_data is not None:
            raise UserError(
                "keeps its ONNX weights in a second file, which is not opened",
                path=self.path,
                remedy="Use a package whose ONNX file holds the weights itself.",
            )
        return verification.contents(self.archive, entry)

    def digest(self, which: str) -> str:
        """Return the SHA-256 of all files that a prediction depends on, in hexadecimal."""
        entry = self.declared.weights[which]
        assert entry is not None
        names = [self.archive.description, entry.source]
        tests = (self.source.test_tensor, self.target.test_tensor)
        names += [one.source for one in tests if one is not None]
        return self.archive.digest(names)


def opened(path: Path) -> Package:
    """Open a package, and read its description.

    Raises
    ------
    UserError : for a package that is damaged, not safe, or of an unknown version.
    """
    archive = Archive(path)
    return Package(archive, description.read(archive))
