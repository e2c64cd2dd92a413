"""The image that ImageJ works on, brought to the front by a test."""

from __future__ import annotations

import time


def select(title: str) -> None:
    """Bring an image to the front until it stays there, whatever late events of others come."""
    from scyjava import jimport

    manager = jimport("ij.WindowManager")
    stays = 0
    for _ in range(40):
        current = manager.getCurrentImage()
        if current is not None and str(current.getTitle()) == title:
            stays += 1
            if stays == 4:
                return
        else:
            stays = 0
            jimport("ij.IJ").selectWindow(title)
            manager.setCurrentWindow(manager.getImage(title).getWindow())
        time.sleep(0.2)
    raise TimeoutError(f"{title} does not stay in front")
