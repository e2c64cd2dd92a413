package imagejdl

import java.nio.channels.FileChannel
import java.nio.channels.OverlappingFileLockException
import java.nio.file.StandardOpenOption

/**
 * Makes an environment, or brings one up to date. It counts as ready by a record that is written
 * last, after imagej-dl has been started in it. Whatever ends this earlier, the next run goes on:
 * downloads are kept, and an environment without a record is made anew from them.
 */
class Installer {
    /** How far each step is, of 1, when it begins. */
    private static final Map STEPS = ["Fetching uv": 0.0, "Preparing Python": 0.02, "Listing packages": 0.05,
        "Downloading": 0.07, "Installing": 0.75, "Starting imagej-dl": 0.93]
    private final Platform platform
    private final Map<String, String> settings
    private final String version
    private final String processor
    private final File folder
    private final Closure told
    private final Closure line
    private final Uv uv
    private final Download download
    private volatile boolean cancelled
    private long toldAt

    /**
     * folder: gets the environment; version: of imagej-dl; processor: "cpu" or "cuda".
     * told: hears a step and how far all is, 0 to 1; line: hears each line of what is said.
     */
    Installer(Platform platform, Map settings, File folder, String version, String processor,
              Closure told, Closure line) {
        this.platform = platform
        this.settings = settings
        this.folder = folder
        this.version = version
        this.processor = processor
        this.told = told
        this.line = { String text -> log(text); line(text) }
        uv = new Uv(platform, settings, folder, { cancelled }, this.line)
        download = new Download(settings.proxy, { cancelled })
    }

    /** Ends it soon; what was downloaded is kept. */
    void cancel() {
        cancelled = true
        download.stop()
    }

    /**
     * Installs. CommandError, SetUpCancelled.
     * again: also where one is ready, which stays until its successor has been downloaded.
     */
    void run(boolean again = false) {
        def ending = new Thread({ cancel(); uv.stop() })
        Runtime.runtime.addShutdownHook(ending)
        try {
            prepare()
            locked {
                if (again || EnvironmentRecord.ready(folder, platform, version, processor) == null) install(again)
            }
        } catch (UvError error) {
            throw SetUpTrouble.of(error.message, folder, version, settings)
        } catch (IOException error) {
            throw new CommandError(SetUpTrouble.full(error.message) ? SetUpTrouble.full(folder) :
                "$folder: ${error.message ?: error}")
        } finally {
            try {
                Runtime.runtime.removeShutdownHook(ending)
            } catch (IllegalStateException ends) {
                // Java ends already
            }
        }
    }

    private void prepare() {
        folder.mkdirs()
        if (!folder.directory || !folder.canWrite()) throw new CommandError(
            "$folder: cannot be written to. Name another folder.")
        if (settings.wheels && !new File(settings.wheels).directory) throw new CommandError(
            "$settings.wheels: there is no such folder of wheels.")
    }

    private void install(boolean again) {
        def before = EnvironmentRecord.read(folder)
        def old = before == null ? null : new File(folder, before.environment)
        // One that was made for another processor, or whose Python is gone, is made anew.
        boolean update = old != null && !again && before.processor == processor && platform.python(old).file
        discard(old)
        long needed = update ? 0L : Sizes.room(processor) - Sizes.of(Packages.downloads(folder))
        if (folder.usableSpace < needed) throw new CommandError(SetUpTrouble.full(folder, needed))
        step("Fetching uv")
        uv.find(download) { long there, long all -> step("Fetching uv", there, all) }
        step("Preparing Python")
        def made = update ? old : environment()
        def python = platform.python(made)
        def packages = new Packages(uv, download, python, folder)
        step("Listing packages")
        boolean cuda = processor == "cuda"
        // uv would take an older TensorFlow for the sake of a newer h5py.
        def wanted = packages.wanted(["tensorflow" + (cuda ? "[and-cuda]" : ""),
            "imagej-dl" + (cuda ? "[gpu]" : "") + "==" + version])
        if (!settings.wheels) packages.fetch(wanted) { long there, long all, String name ->
            step("Downloading", there, all, name) }
        step("Installing")
        EnvironmentRecord.remove(folder)  // from here on it is neither the old nor the new one
        discard(made)
        packages.install(wanted)
        step("Starting imagej-dl")
        check(python)
        EnvironmentRecord.write(folder, [version: version, processor: processor, environment: made.name])
        [Packages.downloads(folder), new File(folder, "cache")]*.deleteDir()
        told("Ready", 1.0d)
    }

    /** Removes all environments but one: what is not recorded was left half made. */
    private void discard(File other) {
        folder.eachDir { if (it.name ==~ /env-[0-9a-f]{8}/ && it != other) it.deleteDir() }
    }

    /** A new environment, with Python 3.12 where it is to be had. */
    private File environment() {
        def made = new File(folder, "env-" + UUID.randomUUID().toString().take(8))
        def common = ["venv", "--no-project", made.path, "--python"]
        try {
            uv.run([*common, "3.12"])
        } catch (UvError error) {
            line("Python 3.12 is not to be had; looking for another one on this computer.")
            made.deleteDir()
            try {
                uv.run([*common, ">=3.11,<3.14"], [UV_PYTHON_DOWNLOADS: "never"])
            } catch (UvError none) {
                throw SetUpTrouble.full(error.message) ? error : none
            }
        }
        return made
    }

    /** Starts what commands will start, and asks for its version. */
    private void check(File python) {
        def modules = "import tensorflow, imagej_dl; print('imagej-dl', imagej_dl.__version__)"
        def said
        try {
            // What TensorFlow says of processors and CUDA is of interest where it does not start.
            said = uv.finished([python.path, "-c", modules], [:], false)
        } catch (UvError error) {
            log(error.message.trim())
            def last = error.message.readLines()*.trim().findAll { it }
            throw new CommandError("TensorFlow does not start on this computer: ${last ? last.last() : 'it ended without a word'}" +
                (platform.windows ? ". Install Microsoft's Visual C++ Redistributable." : ""))
        }
        if (!said.readLines().contains("imagej-dl $version".toString()))
            throw new CommandError("$python has not got imagej-dl $version: ${said.trim()}")
        def worker = new Worker(python)
        try {
            def told = worker.call("commands", [:], { cancelled })
            if (told.killed || cancelled) throw new SetUpCancelled()
        } finally {
            worker.close()
        }
    }

    private void step(String name, long there = 0, long all = 0, String what = null) {
        if (cancelled) throw new SetUpCancelled()
        // Bytes come faster than anybody reads.
        if (there > 0 && there < all && System.currentTimeMillis() - toldAt < 100) return
        toldAt = System.currentTimeMillis()
        int at = STEPS.keySet().toList().indexOf(name)
        def begin = STEPS[name] as double
        def end = (STEPS.values().toList() + 1.0)[at + 1] as double
        def part = all > 0 ? Math.min(1d, there / (double) all) : 0d
        def words = all > 0 ? "$name${what ? ' ' + what : ''}: ${Sizes.words(there)} of ${Sizes.words(all)}" :
            name + (what ? " $what" : "") + "..."
        if (there == 0) log(words)
        told(words.toString(), begin + (end - begin) * part)
    }

    /** Waits until no other Fiji installs into the folder; the lock of a killed one is free. */
    private void locked(Closure work) {
        FileChannel.open(new File(folder, "lock").toPath(), StandardOpenOption.CREATE, StandardOpenOption.WRITE).withCloseable { channel ->
            def lock = null
            while (lock == null) {
                try {
                    lock = channel.tryLock()
                } catch (OverlappingFileLockException ours) {
                    // another window of this Java
                }
                if (lock != null) break
                if (cancelled) throw new SetUpCancelled()
                told("Another Fiji is installing; waiting for it...", 0d)
                sleep(200)
            }
            try {
                work()
            } finally {
                lock.release()
            }
        }
    }

    private void log(String text) {
        try {
            new File(folder, "set-up.log").append(text + "\n", "UTF-8")
        } catch (IOException full) {
            // the trouble itself is told
        }
    }
}
