package imagejdl

import ij.IJ

/**
 * A command that failed in a Fiji without a screen. Fiji logs the exceptions of scripts and goes
 * on, with the macro too, and ends with 0: here the macro is ended, and Fiji ends with 1.
 */
class Headless {
    private static boolean failed

    static void fail(CommandError trouble) {
        // Where Python hosts ImageJ, the exception reaches Python.
        if (IJ.getProperty("imagej-dl.menu") != null) return
        try {
            IJ.error("ImageJ-DL", trouble.message)
        } catch (RuntimeException cancelled) {
            // is how ImageJ ends a macro
        }
        synchronized (Headless) {
            if (!failed) Runtime.runtime.addShutdownHook(new Thread({ end() }))
            failed = true
        }
    }

    /** The exit code is Fiji's to give, so it is changed last, after what else is done at the end. */
    private static void end() {
        long since = System.currentTimeMillis()
        while (System.currentTimeMillis() - since < 5000 && othersEnd()) sleep(20)
        Runtime.runtime.halt(1)
    }

    private static boolean othersEnd() {
        Thread.allStackTraces.any { thread, stack ->
            !thread.daemon && thread != Thread.currentThread() && thread.name != "DestroyJavaVM" &&
                !stack.any { it.className == "java.lang.Shutdown" }
        }
    }
}
