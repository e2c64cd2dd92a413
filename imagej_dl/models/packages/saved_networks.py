"""TensorFlow SavedModels as the networks of packages; TensorFlow 1 and 2 write the same format."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError, first_line
from imagej_dl.filesystem import temporaries
from imagej_dl.models.packages import saved_graphs
from imagej_dl.models.packages.archive import Archive
from imagej_dl.models.packages.networks import PackageNetwork

_GRAPH = "saved_model.pb"
_VARIABLES = re.compile(r"variables\.(index|data-\d{5}-of-\d{5})")


class SavedNetwork(PackageNetwork):
    """A SavedModel in a ZIP archive, computed by TensorFlow.

    Its graph is run as TensorFlow 1 did, in a session, from which nothing is called but the part
    that :mod:`.saved_graphs` has checked: TensorFlow's own loader would run more of it.
    """

    def __init__(self, data: bytes, *described: Any) -> None:
        super().__init__(*described)
        from imagej_dl.models import backend

        self.tf = backend.tensorflow()
        with tempfile.TemporaryDirectory(prefix=temporaries.prefix("package")) as folder:
            try:
                self._open(data, Path(folder))
            except UserError as error:
                raise error.at(self.path) from error
            except saved_graphs.Refused as error:
                raise saved_graphs.refusal(str(error)).at(self.path) from error
            except (ValueError, TypeError, KeyError, self.tf.errors.OpError) as error:
                raise UserError(
                    f"its TensorFlow weights cannot be loaded ({first_line(error)})",
                    path=self.path,
                    remedy="Download the package again.",
                ) from error

    def _open(self, data: bytes, folder: Path) -> None:
        """Unpack what is needed of the archive, check it, and restore the variables."""
        v1 = self.tf.compat.v1
        packed = folder / "weights.zip"
        packed.write_bytes(data)
        archive = Archive(packed)
        root = _root(archive)
        self.saved = saved_graphs.saved(archive.read(root + _GRAPH), self.source.id, self.target.id)
        graph = self.tf.Graph()
        with graph.as_default():
            self.tf.graph_util.import_graph_def(self.saved.graph, name="")
        options = v1.ConfigProto(allow_soft_placement=True)
        options.gpu_options.allow_growth = True
        threads = self.tf.config.threading
        options.intra_op_parallelism_threads = threads.get_intra_op_parallelism_threads()
        options.inter_op_parallelism_threads = threads.get_inter_op_parallelism_threads()
        self.session = v1.Session(graph=graph, config=options)
        if self.saved.restore:
            prefix = _unpacked(archive, f"{root}variables/", folder)
            self.session.run(self.saved.restore, {self.saved.prefix: str(prefix)})
        self.dtype = self.tf.dtypes.as_dtype(self.saved.dtype).as_numpy_dtype

    def compute(self, tensor: NDArray[np.float32]) -> NDArray[Any]:
        """Run the session."""
        errors = self.tf.errors
        given = {self.saved.input: tensor.astype(self.dtype, copy=False)}
        try:
            return np.asarray(self.session.run(self.saved.output, given))
        except errors.ResourceExhaustedError as error:
            raise MemoryError from error
        except (ValueError, TypeError, errors.OpError) as error:
            raise UserError(
                f"its network cannot be computed ({first_line(error)[:300]})",
                path=self.path,
                remedy="Its TensorFlow weights do not fit its description: ask its authors.",
            ) from error


def _root(archive: Archive) -> str:
    """Return the folder of the graph in an archive, "" or one that ends with a slash."""
    found = [name for name in archive.members if name.split("/")[-1] == _GRAPH]
    if len(found) != 1:
        raise UserError(
            f"holds {len(found)} files {_GRAPH} in its TensorFlow weights, not one",
            remedy="Download the package again.",
        )
    return found[0].removesuffix(_GRAPH)


def _unpacked(archive: Archive, inner: str, folder: Path) -> Path:
    """Write the files of the variables; return what their paths begin with."""
    out = folder / "variables"
    out.mkdir()
    for name in archive.members:
        file = name.removeprefix(inner)
        if name.startswith(inner) and _VARIABLES.fullmatch(file):
            (out / file).write_bytes(archive.read(name))
    return out / "variables"
