package imagejdl

import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean

/**
 * What differs between Linux, macOS and Windows: where a user's files lie, what programs are
 * called, how a process is started. Its values are given, so that each branch is tested on any
 * machine.
 */
class Platform {
    /** The first driver that runs CUDA 12, for which TensorFlow is built. */
    static final int CUDA_DRIVER = 525
    /** Variables that would send a Python, or uv, to another environment than the one meant. */
    private static final List OTHERS = ["PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX",
        "__PYVENV_LAUNCHER__", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_TARGET", "UV_PREFIX"]
    /** "windows", "macos" or "linux", which stands for every other system, too. */
    final String system
    /** "arm64", "x86_64" or as Java calls it. */
    final String machine
    private final Map<String, String> variables
    private final String home

    /** name, architecture: as Java's os.name and os.arch have them. */
    Platform(String name, String architecture, Map<String, String> variables, String home) {
        def lower = name.toLowerCase(Locale.ROOT)
        system = lower.startsWith("windows") ? "windows" : lower.startsWith("mac") ? "macos" : "linux"
        machine = [amd64: "x86_64", aarch64: "arm64"].get(architecture, architecture)
        this.variables = variables
        this.home = home
    }

    static Platform here() {
        new Platform(System.getProperty("os.name"), System.getProperty("os.arch"), System.getenv(),
            System.getProperty("user.home"))
    }

    boolean isWindows() { system == "windows" }

    /** A variable of the environment; Windows does not tell "Path" from "PATH". */
    String variable(String name) {
        def key = variables.keySet().find { windows ? it.equalsIgnoreCase(name) : it == name }
        return key == null ? null : variables[key] ?: null
    }

    /** Where settings are kept: the folder of `imagej_dl.preferences`. */
    File settings() {
        if (variable("IMAGEJ_DL_HOME")) return new File(variable("IMAGEJ_DL_HOME"))
        def base = windows ? variable("APPDATA") ?: user("") :
            system == "macos" ? user("Library/Application Support") :
            variable("XDG_CONFIG_HOME") ?: user(".config")
        return new File(base, "imagej-dl")
    }

    /**
     * Where a Python environment of a user's own is made. On Windows not among the settings: those
     * follow a user from computer to computer, which gigabytes should not.
     */
    File environments() {
        if (variable("IMAGEJ_DL_HOME")) return new File(variable("IMAGEJ_DL_HOME"), "python")
        def base = windows ? variable("LOCALAPPDATA") ?: user("AppData/Local") :
            system == "macos" ? user("Library/Application Support") :
            variable("XDG_DATA_HOME") ?: user(".local/share")
        return new File(base, "imagej-dl/python")
    }

    /** The Python of an environment. */
    File python(File environment) {
        new File(environment, windows ? "Scripts/python.exe" : "bin/python")
    }

    String program(String name) { windows ? name + ".exe" : name }

    /** A program on the PATH, or null. */
    File onPath(String name) {
        def folders = (variable("PATH") ?: "").split(windows ? ";" : ":").findAll { it }
        return folders.collect { new File(it.replace('"', ""), program(name)) }.find { it.file }
    }

    /** Whether a wheel that brings a program, such as uv, is for this machine. */
    boolean takes(String wheel) {
        def tag = wheel.toLowerCase(Locale.ROOT).replaceAll(/\.whl$/, "").tokenize("-").last()
        if (windows) return tag == (machine == "arm64" ? "win_arm64" : "win_amd64")
        if (system == "macos") return tag.startsWith("macosx") && tag.endsWith("_" + machine)
        return tag.startsWith("manylinux") && tag.endsWith("_" + (machine == "arm64" ? "aarch64" : machine))
    }

    /** Whether TensorFlow can use a GPU with a driver of this version, such as "550.54.15". */
    boolean cuda(String driver) {
        def major = driver?.find(/^\d+/)
        return system == "linux" && machine == "x86_64" && major != null && (major as int) >= CUDA_DRIVER
    }

    /** The version of the NVIDIA driver, or null. */
    String driver() {
        if (system != "linux") return null
        def told = new File("/proc/driver/nvidia/version")
        if (told.canRead()) return told.text.find(/(?:Kernel Module|x86_64)\D+(\d+\.[\d.]+)/) { it[1] }
        def smi = onPath("nvidia-smi") ?: new File("/usr/lib/wsl/lib/nvidia-smi")
        if (!smi.file) return null
        return answer([smi.path, "--query-gpu=driver_version", "--format=csv,noheader"], 10)?.readLines()?.find()?.trim()
    }

    /** What a program says; null where it does not start, fails, or takes longer than these seconds. */
    String answer(List<String> command, int seconds) {
        try {
            def asked = start(command)
            def late = new AtomicBoolean()
            Thread.startDaemon("imagej-dl-answer") {
                if (asked.waitFor(seconds, TimeUnit.SECONDS)) return
                late.set(true)  // once its own processes are ended, it may end well by itself
                end(asked)
            }
            def said = asked.inputStream.text
            return asked.waitFor() == 0 && !late.get() ? said : null
        } catch (IOException none) {
            return null
        }
    }

    /**
     * Starts a process whose output and errors come as one text. Arguments are given one by one:
     * no shell reads them, and blanks in paths need no quotes. It runs in the program's own folder:
     * Python would import what lies in the one that Fiji was started from, and uv read its settings.
     */
    Process start(List<String> command, Map<String, String> environment = [:]) {
        def builder = new ProcessBuilder(command.collect { argument(it) }).redirectErrorStream(true)
        OTHERS.each { builder.environment().remove(it) }
        builder.environment().putAll([PYTHONUTF8: "1", PYTHONUNBUFFERED: "1"] + environment)
        builder.directory(new File(command[0]).absoluteFile.parentFile)
        def started = builder.start()
        started.outputStream.close()
        return started
    }

    /** Ends a process, and those that it has started. */
    static void end(Process process) {
        process.descendants().each { it.destroyForcibly() }
        process.destroyForcibly().waitFor()
    }

    /**
     * An argument as Java passes it on. Windows has one line for all of them, which each program
     * takes apart by itself: a quotation mark, or a backslash at the end, would be read differently.
     */
    String argument(String text) {
        if (!windows) return text
        if (text.contains('"')) throw new CommandError("$text: must not have quotation marks in it")
        return text.replaceAll(/\\+$/, "")
    }

    /** A folder of the user; "?" is what Java says in a container where the user has none. */
    private String user(String folder) {
        if (!home || home == "?") throw new CommandError("This user has no home folder. Set the " +
            "variable IMAGEJ_DL_HOME to a folder that can be written to.")
        if (home.contains("\uFFFD")) throw new CommandError("$home: Java cannot read this name of " +
            "the home folder here. Start Fiji with a UTF-8 locale, such as LC_ALL=C.UTF-8.")
        return (folder ? new File(home, folder) : new File(home)).path
    }
}
