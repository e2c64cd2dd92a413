package imagejdl

import ij.ImagePlus
import ij.WindowManager
import ij.macro.Interpreter

/**
 * Who called a command. ImageJ keeps the current image of a batch by the thread, and Fiji runs
 * scripts in threads of its own: the macro that waits for one has another current image.
 */
class Caller {
    private final Thread present = Thread.currentThread()
    private final List<Thread> callers = waiting(present)

    /** Whether another thread waits for this one. */
    boolean isAny() { !callers.empty }

    /** The image that the caller means by the current one. */
    ImagePlus image() {
        if (!callers) return WindowManager.currentImage
        def kept = kept()
        return callers.findResult { kept[it] } ?: active()
    }

    /** Makes an image the current one, as selectImage() of a macro does. */
    void select(ImagePlus imp) {
        if (imp == null) return
        boolean batch = imp.window == null || Interpreter.batchMode
        if (batch) Interpreter.activateImage(imp)
        else WindowManager.currentWindow = imp.window
        def kept = kept()
        // The window system's own thread never ends, and would have this image for ever.
        (callers + present).findAll { !it.name.startsWith("AWT-EventQueue") }.each {
            if (batch || kept[it] != null) WindowManager.setTempCurrentImage(it, imp)
        }
    }

    /** Forgets the present thread's own current image, if another command is next to use it. */
    void leave() { if (callers) WindowManager.setTempCurrentImage(null) }

    /** The current image of those that have none of their own. */
    private ImagePlus active() {
        def own = WindowManager.tempCurrentImage
        WindowManager.setTempCurrentImage(null)
        try {
            return WindowManager.currentImage
        } finally {
            if (own != null) WindowManager.setTempCurrentImage(own)
        }
    }

    private static Map<Thread, ImagePlus> kept() {
        def field = WindowManager.getDeclaredField("tempImageTable")
        field.accessible = true
        return field.get(null) as Map
    }

    /** The threads that wait for this one, the nearest first. */
    private static List<Thread> waiting(Thread thread) {
        def found = []
        try {
            def service = Caller.classLoader.loadClass("org.scijava.thread.DefaultThreadService")
                .newInstance()
            def next = service.getParent(thread)
            while (next != null && !next.is(thread) && !found.any { it.is(next) }) {
                found << next
                next = service.getParent(next)
            }
        } catch (ReflectiveOperationException none) {
            // ImageJ alone runs a macro's commands in the macro's thread.
        }
        return found
    }
}
