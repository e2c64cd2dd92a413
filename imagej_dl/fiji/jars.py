"""The jars of ImageJ and of what goes with it, from Maven's repositories; errors in words."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic_folder

NO_JAVA = (
    "Install Java 11 or later (conda install openjdk=21, or your system's JDK), "
    "or set JAVA_HOME to its folder."
)
_FETCH_SECONDS = 300


def of_imagej(coordinate: str, besides: Sequence[str] = ()) -> list[Path]:
    """Return the jars of ImageJ 1 and of what is needed besides, fetched if need be.

    Parameters
    ----------
    coordinate, besides : Maven coordinates, such as net.imagej:ij:1.54p.

    Raises
    ------
    UserError : when they are not on this machine and cannot be had.
    """
    import scyjava.config

    # ImageJ last: what the first one asks for decides of which version its own parts are.
    wanted = list(dict.fromkeys([*scyjava.config.endpoints, *besides, coordinate]))
    scyjava.config.endpoints.clear()
    # ImageJ 1 is on Maven Central; no other repository need be reached.
    scyjava.config.get_repositories().clear()
    return _kept(wanted, f"ImageJ ({coordinate})")


def _kept(coordinates: Sequence[str], what: str) -> list[Path]:
    """Return the jars of Maven coordinates, from a folder that does not change any more.

    The downloader's own folder is emptied and filled anew at each start, whereby an ImageJ that
    runs from it meanwhile cannot load what it has not loaded yet.
    """
    import scyjava.config

    key = hashlib.sha256("+".join(coordinates).encode()).hexdigest()[:16]
    folder = Path(scyjava.config.get_cache_dir()) / "imagej-dl" / key
    if not folder.is_dir():
        found = download(coordinates, what)
        try:
            with atomic_folder(folder) as temporary:
                for jar in found:
                    shutil.copyfile(jar, temporary / jar.name)
        except (UserError, OSError):
            if not folder.is_dir():  # else another process was faster
                raise
    return sorted(folder.glob("*.jar"))


def download(coordinates: Sequence[str], what: str) -> list[Path]:
    """Fetch the jars of Maven coordinates; a network that never answers ends in words.

    In a thread of its own, because the downloader knows no time-out; Java itself is started by
    the caller's thread, which must be the one that lives as long as Java does.
    """
    import jgo
    import scyjava.config

    def fetch() -> None:
        try:
            with explained(what):
                environment = jgo.build(
                    endpoint="+".join(dict.fromkeys(coordinates)),
                    cache_dir=scyjava.config.get_cache_dir(),
                    repositories=scyjava.config.get_repositories(),
                    resolver=jgo.maven.PythonResolver(lenient=True),
                )
                found.extend(environment.all_jars)
        except UserError as error:
            failure.append(error)

    found: list[Path] = []
    failure: list[UserError] = []
    thread = threading.Thread(target=fetch, name="imagej-download", daemon=True)
    thread.start()
    thread.join(_FETCH_SECONDS)
    if thread.is_alive():
        raise UserError(
            f"{what} could not be downloaded within {_FETCH_SECONDS} s",
            remedy="Check the network connection, or name a Fiji folder with --fiji.",
        )
    if failure:
        raise failure[0]
    return found


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what PyImageJ and its downloader raise into the words a user needs."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        chain: BaseException | None = error
        text = ""
        while chain is not None:
            text += f"{type(chain).__name__}: {chain}\n"
            chain = chain.__cause__ or chain.__context__
        if re.search(r"obtain Java|download Java|cjdk|JVMNotFound|Invalid default JVM", text):
            raise UserError(
                "no Java was found, and none could be downloaded", remedy=NO_JAVA
            ) from error
        if re.search(r"ConnectionError|NameResolution|Max retries|Timeout", text):
            raise UserError(
                f"{what} is not on this machine yet and could not be downloaded: no network",
                remedy="Connect to the network once, or name a Fiji folder with --fiji or "
                "FIJI_HOME.",
            ) from error
        first = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise UserError(
            f"{what} did not start ({first})", remedy="Run imagej-dl doctor for details."
        ) from error
