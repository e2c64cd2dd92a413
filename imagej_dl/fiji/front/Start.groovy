// Gives the one front of this ImageJ, made at the first call. The scripts that
// `imagej-dl install` puts into a Fiji call this, and so does Python when it hosts ImageJ.
import ij.IJ

/** What an installed script does: runs its command with the macro's options, or a dialog's. */
def command(File home, File python, String name) {
    def front = front(home, python)
    if (name == null) front.class.classLoader.loadClass("imagejdl.Extensions").register(front)
    else front.run(name, ij.Macro.options)
    return null  // SciJava would warn of any other result, in a console window
}

def front(File home, File python) {
    def there = IJ.getProperty("imagej-dl.front")
    if (there != null && there.python == python) return there
    if (there != null) there.close()
    def loader = new GroovyClassLoader(this.class.classLoader)
    loader.addClasspath(home.path)
    def made = loader.loadClass("imagejdl.Front").newInstance(home, python)
    IJ.setProperty("imagej-dl.front", made)
    return made
}
