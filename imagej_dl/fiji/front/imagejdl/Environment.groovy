package imagejdl

import groovy.transform.Memoized
import ij.IJ
import ij.Macro
import java.awt.GraphicsEnvironment

/**
 * The Python of the commands in a Fiji that got them without one, from an update site: which it
 * is, whether it is of the same version as the commands, and how to get it.
 */
class Environment {
    static final String COMMAND = "ImageJ-DL Set Up"
    /** In a folder that was named: what else the user has there is never touched. */
    static final String OURS = "imagej-dl-python"
    final Platform platform
    final Map<String, String> settings
    /** The version of the commands, which imagej-dl must have, too; null: unknown, and any will do. */
    final String version
    /** Why no Python is ready, after ready(). */
    String trouble

    /** home: the folder of the front; null where its classes tell the version. */
    Environment(File home, Platform platform = Platform.here()) {
        this(EnvironmentSettings.read(platform), version(home), platform)
    }

    Environment(Map settings, String version, Platform platform) {
        this.platform = platform
        this.settings = settings
        this.version = version
    }

    /**
     * The Python that does the commands' work. Where there is none, or one of another version: a
     * window offers to install it, and null is returned when the user cancels; without a screen
     * a CommandError says how to.
     */
    static File python(File home) {
        try {
            def environment = new Environment(home)
            def found = environment.ready()
            if (found != null) return found
            if (GraphicsEnvironment.isHeadless()) throw new CommandError(environment.trouble + " This is " +
                "mended by the macro line run(\"$COMMAND\"); it installs into ${environment.target()}.")
            found = SetUpWindow.open(environment)
            // Whatever comes next in a macro needs what was cancelled.
            if (found == null && Macro.options != null) throw new CommandError(
                "ImageJ-DL was not set up: $environment.trouble")
            return found
        } catch (CommandError error) {
            Front.say(error)
            return null
        }
    }

    /** The command of this name: with options, or without a screen, it installs and asks nothing. */
    static void setUp(File home, String options) {
        try {
            boolean asks = !options?.trim() && !GraphicsEnvironment.isHeadless()
            if (asks) SetUpWindow.open(new Environment(home))
            else quietly(home, Options.parse(options ?: ""))
        } catch (CommandError | SetUpCancelled error) {
            Front.say(error instanceof CommandError ? error : new CommandError(error.message))
        }
    }

    private static void quietly(File home, Map<String, String> values) {
        boolean again = values.remove("again") == "true"
        boolean all = values.remove("shared") == "true"
        def environment = new Environment(home).keep(values, all)
        def python = again && !environment.settings.python ? null : environment.ready()
        if (python == null && environment.settings.python) throw new CommandError(environment.trouble)
        if (python == null) {
            def step = ""
            def installer = environment.installer({ String words, double part ->
                IJ.showProgress(part)
                IJ.showStatus("ImageJ-DL: $words")
                def now = words.replaceAll(/:.*/, "")
                if (now != step) IJ.log("ImageJ-DL: $now")
                step = now
            }, { String line -> })
            installer.run(again)
            python = environment.ready()
        }
        IJ.log("ImageJ-DL: ready, $python")
    }

    /** Keeps these values beside those that are kept already; the environment that they mean. */
    Environment keep(Map<String, String> values, boolean all = false) {
        if (!values && !all) return this
        def file = all ? EnvironmentSettings.shared() : EnvironmentSettings.own(platform)
        def kept = EnvironmentSettings.values(file) + EnvironmentSettings.checked(values)
        EnvironmentSettings.write(file, kept)
        return new Environment(EnvironmentSettings.read(platform), version, platform)
    }

    /** The Python that is ready and of the right version; null, and `trouble` says why not. */
    File ready() {
        trouble = null
        if (settings.python) return named(new File(settings.python))
        def places = folders()
        def found = places.findResult { EnvironmentRecord.ready(it, platform, version) }
        if (found != null) return found
        def old = places.find { EnvironmentRecord.read(it) }
        def record = old == null ? null : EnvironmentRecord.read(old)
        trouble = record == null ? "imagej-dl has no Python on this computer yet." :
            record.version != version && version != null ? differs(version, old, record.version) :
            "The Python environment in $old was deleted."
        return null
    }

    /** Whether there is an environment of another version, to be brought up to date. */
    boolean isOld() {
        def record = EnvironmentRecord.read(target())
        return !settings.python && record != null && record.version != version
    }

    /** Where environments are looked for: the user's own place, and that of all users of this Fiji. */
    List<File> folders() {
        def shared = EnvironmentSettings.shared()
        def common = shared == null ? null : EnvironmentSettings.values(shared).folder
        def named = [settings.folder, common].findAll().collect { new File(it, OURS) }
        return (named + [platform.environments()]).unique()
    }

    /** Where one is installed: the first place that can be written to. */
    File target() { folders().find { Sizes.there(it).canWrite() } ?: folders()[0] }

    /** "cpu" or "cuda", as the settings say or this computer has it. */
    String processor() {
        def asked = settings.gpu ?: "auto"
        return asked != "auto" ? asked : platform.cuda(platform.driver()) ? "cuda" : "cpu"
    }

    /** told, line: see Installer. */
    Installer installer(Closure told, Closure line) {
        if (version == null) throw new CommandError("The version of these commands is unknown. Install them again.")
        // A worker that runs has its files open, which Windows does not let anybody replace.
        IJ.getProperty("imagej-dl.front")?.close()
        return new Installer(platform, settings, target(), version, processor(), told, line)
    }

    private File named(File python) {
        if (!python.file) trouble = "$python: is not there any more."
        else {
            def found = versionIn(platform, python.path, python.lastModified())
            if (found == null) trouble = "$python: has no imagej-dl, or does not start."
            else if (version != null && found != version) trouble = differs(version, python, found)
        }
        return trouble == null ? python : null
    }

    /** Says that the commands and imagej-dl are of two versions; theirs: null for one before it told its own. */
    static String differs(String ours, File place, String theirs) {
        "The commands of this Fiji are of version $ours, imagej-dl in $place is of " +
            (theirs == null ? "an earlier version." : "version ${theirs}.")
    }

    /** The version of imagej-dl in a Python; it is asked once, as that takes a moment. */
    @Memoized
    private static String versionIn(Platform platform, String python, long changed) {
        return platform.answer([python, "-m", "imagej_dl", "--version"], 60)?.trim()?.find(/\d+(\.\w+)+\S*$/)
    }

    /** The version of these commands: told beside them, or by the package that they are in. */
    static String version(File home) {
        def told = Environment.getResource("/imagejdl/version.txt")?.getText("UTF-8")?.trim()
        if (told) return told
        if (home == null) return null
        def beside = new File(home, "version.txt")
        if (beside.file) return beside.getText("UTF-8").trim()
        def module = new File(home, "../../_version.py")
        return module.file ? module.getText("UTF-8").find(/__version__ = "([^"]+)"/) { it[1] } : null
    }
}
