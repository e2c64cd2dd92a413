"""The bridge to ImageJ and Fiji: gateway, images, ROI Manager, windows, TrackMate.

Java is started by :func:`start` and by nothing else; importing this package starts nothing.
"""

from typing import TYPE_CHECKING, Any

from imagej_dl.fiji.gateway import Gateway, choose, has_display, start

if TYPE_CHECKING:
    from imagej_dl.fiji.imageplus import from_imageplus, to_imageplus
    from imagej_dl.fiji.menu import install, run

__all__ = [
    "Gateway",
    "choose",
    "from_imageplus",
    "has_display",
    "install",
    "run",
    "start",
    "to_imageplus",
]


def __getattr__(name: str) -> Any:
    # They bring xarray, for which the start of a command line tool should not wait.
    if name in ("from_imageplus", "to_imageplus"):
        from imagej_dl.fiji import imageplus

        return getattr(imageplus, name)
    if name in ("install", "run"):
        from imagej_dl.fiji import menu

        return getattr(menu, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
