// Gives the one front of this ImageJ, made at the first call. The scripts that
// `imagej-dl install` puts into a Fiji call this, and so does Python when it hosts ImageJ.
import groovy.transform.Field
import ij.IJ
import java.nio.file.Files
import java.security.MessageDigest
import java.util.jar.JarFile
import org.codehaus.groovy.control.CompilationFailedException
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.CompilerConfiguration

/** Where `imagej-dl install` puts the compiled front, from Fiji's folder. */
@Field static final String INSTALLED = "scripts/Plugins/ImageJ-DL/front.jar"
@Field static final String KEY = "imagejdl/key.txt"

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

private Class environment(File home) { classes(home).loadClass("imagejdl.Environment") }

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

/**
 * The front's classes. From an update site they come compiled, in a jar; `imagej-dl install` puts
 * such a jar into the Fiji. Else they are compiled once and kept, since that takes ten seconds.
 */
ClassLoader classes(File home) {
    if (home.file) {
        def there = IJ.getProperty("imagej-dl.shipped") ?: shipped(home)
        IJ.setProperty("imagej-dl.shipped", there)
        return there
    }
    def ours = this.class.classLoader
    def sources = sources(home)
    try {
        def key = key(sources)
        def jar = new File(IJ.getDirectory("imagej") ?: home.path, INSTALLED)
        if (keyOf(jar) == key) return new URLClassLoader([jar.toURI().toURL()] as URL[], ours)
        def kept = kept(sources, key)
        IJ.setProperty("imagej-dl.classes", kept)
        return new URLClassLoader([kept.toURI().toURL()] as URL[], ours)
    } catch (IOException | CompilationFailedException unwritable) {
        // A disk that is full makes Groovy's compiler fail, as an error in a source would.
        def loader = new GroovyClassLoader(ours)
        loader.addClasspath(home.path)
        return loader
    }
}

/** The classes of an update site's jar, with Appose from beside it if Fiji's own will not do. */
ClassLoader shipped(File jar) {
    // This class comes from the jar by a loader that does not know Appose: it must not be asked.
    def fijis = this.class.classLoader.parent
    def loader = this.class.classLoader.loadClass("imagejdl.ApposeLoader")
    return loader.newInstance([jar, new File(jar.parentFile, "appose.jar")] as File[], fijis)
}

/** This one, and the front's in the order of their names. */
List<File> sources(File home) {
    def fronts = new File(home, "imagejdl").listFiles().findAll { it.name.endsWith(".groovy") }
    return [new File(home, "Start.groovy"), *fronts.sort { it.name }]
}

/**
 * Stands for these sources' classes, as it is made of all that they depend on. Python finds them
 * by it: imagej_dl.fiji.kept.
 */
String key(List<File> sources) {
    def digest = MessageDigest.getInstance("SHA-256")
    [GroovySystem.version, IJ.fullVersion].each { digest.update("$it\n".bytes) }
    sources.each { digest.update(it.bytes) }
    return digest.digest().encodeHex().toString().take(24)
}

/** The key of the sources that a jar was made of; null where there is none. */
String keyOf(File jar) {
    if (!jar.file) return null
    try {
        return new JarFile(jar).withCloseable { file ->
            file.getEntry(KEY)?.with { file.getInputStream(it).getText("UTF-8") }
        }
    } catch (IOException broken) {
        return null
    }
}

/** The folder of these sources' classes in the user's cache, made if need be. */
File kept(List<File> sources, String key) {
    def folder = cache()
    def there = new File(folder, "front-" + key)
    inUse(there)
    tidy(folder, there)
    if (new File(there, "imagejdl/Front.class").file) return there
    Files.createDirectories(folder.toPath())
    // Under a name of its own until it is whole: another ImageJ may do the same just now.
    def making = Files.createTempDirectory(folder.toPath(), "making-").toFile()
    try {
        compile(sources, making)
        if (!making.renameTo(there) && !there.directory) throw new IOException("$there")
    } finally {
        if (making.exists()) making.deleteDir()
    }
    return there
}

void compile(List<File> sources, File target) {
    def loader = new GroovyClassLoader(this.class.classLoader)
    def unit = new CompilationUnit(new CompilerConfiguration(targetDirectory: target), null, loader)
    unit.addSources(sources as File[])
    unit.compile()
}

/** Compiles what a jar of the front holds; imagej_dl.fiji.compiled calls this. */
void compileAll(File home, File target) {
    def sources = sources(home)
    compile(sources, target)
    def file = new File(target, KEY)
    file.parentFile.mkdirs()
    file.setText(key(sources), "UTF-8")
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
