package imagejdl

import groovy.transform.CompileStatic

/**
 * Loads the front from a jar, with the Appose beside it where Fiji has none, or one that is too old.
 * Fiji's own parts go on with Fiji's, which is never replaced.
 */
@CompileStatic
class ApposeLoader extends URLClassLoader {
    private static final String PACKAGE = "org.apposed.appose."
    private final boolean own

    ApposeLoader(File[] jars, ClassLoader fijis) {
        super(jars.collect { it.toURI().toURL() } as URL[], fijis)
        own = !serves(fijis)
    }

    /** Whether there is an Appose that can start a Python which is named: 0.8 or later. */
    private static boolean serves(ClassLoader fijis) {
        try {
            fijis.loadClass(PACKAGE + "Appose").getMethod("custom")
            return true
        } catch (ReflectiveOperationException | LinkageError none) {
            return false
        }
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) {
        synchronized (getClassLoadingLock(name)) {
            if (!own || !name.startsWith(PACKAGE)) return super.loadClass(name, resolve)
            return findLoadedClass(name) ?: findClass(name)
        }
    }

    /** Does Appose's work in a thread whose loader is the front's: there Appose looks for its parts. */
    static <T> T within(Closure<T> work) {
        def thread = Thread.currentThread()
        def before = thread.contextClassLoader
        thread.contextClassLoader = ApposeLoader.classLoader
        try {
            return work()
        } finally {
            thread.contextClassLoader = before
        }
    }
}
