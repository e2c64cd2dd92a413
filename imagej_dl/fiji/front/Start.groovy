// Gives the one front of this ImageJ, made at the first call. The scripts that
// `imagej-dl install` puts into a Fiji call this, and so does Python when it hosts ImageJ.
import ij.IJ
import java.nio.file.Files
import java.security.MessageDigest
import org.codehaus.groovy.control.CompilationFailedException
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.CompilerConfiguration

/**
 * What an installed script does: runs its command with the macro's options, or a dialog's. Where
 * Python hosts this Fiji that one does the work, whichever the script names. A script of an update
 * site names none: its Python is found, or installed, by imagejdl.Environment.
 */
def command(File home, File python, String name) {
    def front = IJ.getProperty("imagej-dl.menu")?.front
    if (front == null) {
        python = python ?: environment(home).python(home)
        if (python == null) return null  // the user has cancelled, and was told
        front = this.front(home, python)
    }
    if (name == null) front.class.classLoader.loadClass("imagejdl.Extensions").register(front)
    else front.run(name, ij.Macro.options)
    return null  // SciJava would warn of any other result, in a console window
}

/** What the script of the command "ImageJ-DL Set Up" does, which comes with an update site. */
def setUp(File home) {
    environment(home).setUp(home, ij.Macro.options)
    return null
}

private Class environment(File home) {
    def loader = IJ.getProperty("imagej-dl.environment") ?: classes(home)
    IJ.setProperty("imagej-dl.environment", loader)
    return loader.loadClass("imagejdl.Environment")
}

def front(File home, File python) {
    def there = IJ.getProperty("imagej-dl.front")
    if (there != null && there.python == python) {
        inUse(IJ.getProperty("imagej-dl.classes"))
        return there
    }
    if (there != null) there.close()
    def made = classes(home).loadClass("imagejdl.Front").newInstance(home, python)
    IJ.setProperty("imagej-dl.front", made)
    return made
}

/** The front's classes: compiled once and kept, since compiling takes ten seconds. */
ClassLoader classes(File home) {
    def ours = this.class.classLoader
    def sources = new File(home, "imagejdl").listFiles().findAll { it.name.endsWith(".groovy") }
    try {
        def kept = kept(sources.sort { it.name })
        IJ.setProperty("imagej-dl.classes", kept)
        return new URLClassLoader([kept.toURI().toURL()] as URL[], ours)
    } catch (IOException | CompilationFailedException unwritable) {
        // A disk that is full makes Groovy's compiler fail, as an error in a source would.
        def loader = new GroovyClassLoader(ours)
        loader.addClasspath(home.path)
        return loader
    }
}

/** The folder of these sources' classes, named by all that they depend on. */
File kept(List<File> sources) {
    def digest = MessageDigest.getInstance("SHA-256")
    [GroovySystem.version, System.getProperty("java.specification.version"), IJ.fullVersion].each {
        digest.update("$it\n".bytes)
    }
    sources.each { digest.update(it.bytes) }
    def name = "front-" + digest.digest().encodeHex().toString().take(24)
    def folder = cache()
    def there = new File(folder, name)
    inUse(there)
    tidy(folder, there)
    if (new File(there, "imagejdl/Front.class").file) return there
    Files.createDirectories(folder.toPath())
    // Under a name of its own until it is whole: another ImageJ may do the same just now.
    def making = Files.createTempDirectory(folder.toPath(), "making-").toFile()
    try {
        def loader = new GroovyClassLoader(this.class.classLoader)
        def unit = new CompilationUnit(
            new CompilerConfiguration(targetDirectory: making), null, loader)
        unit.addSources(sources as File[])
        unit.compile()
        if (!making.renameTo(there) && !there.directory) throw new IOException("$there")
    } finally {
        if (making.exists()) making.deleteDir()
    }
    return there
}

/** Says that the classes of a folder are in use, so that no other ImageJ tidies them away. */
void inUse(File kept) {
    kept?.setLastModified(System.currentTimeMillis())
}

/**
 * Removes what no ImageJ has used for 30 days: classes of other versions, and what was left half
 * made. Younger ones may be in use by an ImageJ that runs. What cannot be removed stays.
 */
void tidy(File folder, File own) {
    def limit = System.currentTimeMillis() - 30L * 24 * 3600 * 1000
    def old = folder.listFiles()?.findAll {
        it.name ==~ /(front|making)-.*/ && it.directory && it != own
    }
    old?.each {
        // Under another name first: who starts meanwhile finds it whole, or not at all.
        def going = new File(folder, "making-" + UUID.randomUUID())
        if (it.lastModified() < limit && it.renameTo(going)) going.deleteDir()
    }
}

/** Where a user's programs keep what they can make anew. */
File cache() {
    def local = System.getenv("LOCALAPPDATA") ?: System.getenv("XDG_CACHE_HOME")
    def folder = new File(local ?: System.getProperty("user.home") + "/.cache", "imagej-dl")
    // In a container whose user has no home Java calls it "?".
    if (!folder.absolute) throw new IOException("there is no home: $folder")
    return folder
}
