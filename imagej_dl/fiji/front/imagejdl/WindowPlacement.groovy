package imagejdl

import ij.WindowManager
import java.awt.Rectangle
import java.awt.Window

/** Where windows go: beside the user's image and each other, if the screen has room. */
class WindowPlacement {
    static void beside(Window window, List<Window> others) {
        def taken = others.findAll { it?.showing && it != window }*.bounds
        if (!taken) return
        def screen = window.graphicsConfiguration.bounds
        int w = window.width, h = window.height
        def spots = taken.collectMany { Rectangle r ->
            [[r.x + r.width + 8, r.y], [r.x, r.y + r.height + 8], [r.x - w - 8, r.y], [r.x, r.y - h - 8]]
        }.collect { x, y -> new Rectangle(x as int, y as int, w, h) }
        def free = spots.find { spot -> screen.contains(spot) && !taken.any { it.intersects(spot) } }
        if (free != null) window.setLocation(free.location)
    }

    /** Opens a window; the image that commands are for stays the current one. */
    static void behind(Closure open) {
        def before = WindowManager.currentWindow
        open()
        if (before?.isVisible()) WindowManager.setCurrentWindow(before)
    }
}
