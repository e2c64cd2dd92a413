"""The ways in which a Fiji has got the commands: `imagej-dl install`, an update site, or both."""

from __future__ import annotations

from pathlib import Path

from imagej_dl._version import __version__
from imagej_dl.errors import UserError
from imagej_dl.fiji import installation
from imagej_dl.fiji.updater import followed


def found(home: Path) -> tuple[bool, str]:
    """Return whether a Fiji has the commands in one way that works, and which, or the remedy."""
    site = followed.site(home)
    try:
        installed = installation.manifest(home)
    except UserError as error:
        return False, str(error)
    if not (home / installation.MANIFEST).is_file():
        if site is None:
            return False, f"not in its menu: imagej-dl install {home}, or an update site"
        differs = "" if site.version == __version__ else f"; this Python has {__version__}"
        return True, f"imagej-dl {site.version or 'of unknown version'} from {site}{differs}"
    if site is not None:
        return False, (
            f"twice, by `imagej-dl install` and from {site}. Run imagej-dl uninstall {home}, and "
            "Help > Update... for the site's scripts; or deactivate the site there"
        )
    version, python = installed.get("version"), str(installed.get("python"))
    again = f"Run imagej-dl install {home} again"
    if not Path(python).is_file():
        return False, f"by `imagej-dl install`, with {python}, which is not there any more. {again}"
    if version != __version__:
        return False, f"by `imagej-dl install` of {version}; this is {__version__}. {again}"
    return True, f"by `imagej-dl install` of {version}, with {python}"
