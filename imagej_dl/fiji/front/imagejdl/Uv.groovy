package imagejdl

import java.util.zip.ZipFile

/**
 * The program uv, which installs Python and packages: one of this computer's own (on the PATH, or
 * the one of Appose, which other plugins use), that of a folder of wheels, or else from the
 * package index.
 */
class Uv {
    /** Lists with addresses and sizes (pylock.toml) come with this version. */
    private static final List<Integer> OLDEST = [0, 8, 0]
    static final String PYPI = "https://pypi.org/simple"
    private final Platform platform
    private final Map<String, String> settings
    private final File folder
    private final Closure<Boolean> cancelled
    private final Closure line
    private File program
    private volatile Process running

    /** folder: that of the environments; cancelled: asked while it works; line: hears what uv says. */
    Uv(Platform platform, Map settings, File folder, Closure<Boolean> cancelled, Closure line) {
        this.platform = platform
        this.settings = settings
        this.folder = folder
        this.cancelled = cancelled
        this.line = line
    }

    /** Finds uv, or fetches it; progress: hears bytes there and of all. */
    void find(Download download, Closure progress) {
        def own = new File(folder, "uv/" + platform.program("uv"))
        def appose = new File(System.getProperty("appose.envs-dir") ?:
            System.getProperty("user.home") + "/.local/share/appose", ".uv/bin/" + platform.program("uv"))
        program = [own, platform.onPath("uv"), appose].find { it?.file && runs(it) }
        if (program == null && settings.wheels) {
            def wheel = new File(settings.wheels).listFiles()?.find { it.name ==~ /uv-\d.*\.whl/ && platform.takes(it.name) }
            if (wheel == null) throw new CommandError("$settings.wheels: has no uv for this computer. " +
                "Download it beside the other wheels: pip download --dest FOLDER uv")
            unpack(wheel, own)
        } else if (program == null) {
            def (address, sum) = newest(download)
            def wheel = new File(Packages.downloads(folder), address.tokenize("/").last())
            wheel.parentFile.mkdirs()
            download.file(address, wheel, sum, progress)
            unpack(wheel, own)
            wheel.delete()
        }
        line("uv: $program")
    }

    /** Runs uv and returns what it says; CommandError where it fails. */
    String run(List<String> arguments, Map<String, String> more = [:], boolean told = true) {
        return finished([program.path, "--color", "never", *arguments], more, told)
    }

    /** Runs any program of the environment in the same way. */
    String finished(List<String> command, Map<String, String> more = [:], boolean told = true) {
        def said = new StringBuffer()
        running = platform.start(command, variables() + more)
        def process = running
        def reader = Thread.startDaemon("imagej-dl-set-up") {
            try {
                process.inputStream.eachLine("UTF-8") { text ->
                    said << text << "\n"
                    if (told && !text.startsWith("Activate with")) line(text)
                }
            } catch (IOException ended) {
                // when the process was stopped
            }
        }
        try {
            while (process.alive) {
                if (cancelled()) throw new SetUpCancelled()
                sleep(50)
            }
            reader.join(5000)
        } finally {
            stop()
        }
        if (process.exitValue() != 0) throw new UvError(said.toString())
        return said.toString()
    }

    /** Ends the process that runs, and those that it has started. */
    void stop() {
        def process = running
        if (process != null && process.alive) Platform.end(process)
    }

    /** All that uv keeps lies in the one folder, so that it can be told where and removed. */
    private Map<String, String> variables() {
        def found = [UV_CACHE_DIR: new File(folder, "cache").path, UV_PYTHON_INSTALL_DIR: new File(folder, "python").path,
            UV_NO_PROGRESS: "1", UV_SYSTEM_CERTS: "true", UV_NATIVE_TLS: "true",
            UV_HTTP_TIMEOUT: platform.variable("UV_HTTP_TIMEOUT") ?: "60"]
        if (settings.index) found.UV_DEFAULT_INDEX = settings.index
        def proxy = settings.proxy ?: fijis()
        if (proxy) ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].each { found[it] = proxy }
        if (settings.wheels) found += [UV_OFFLINE: "1", UV_NO_INDEX: "1", UV_FIND_LINKS: settings.wheels]
        return found
    }

    /** The proxy in Fiji's own settings, which Java uses by itself. */
    private static String fijis() {
        def host = System.getProperty("https.proxyHost") ?: System.getProperty("http.proxyHost")
        def port = System.getProperty("https.proxyPort") ?: System.getProperty("http.proxyPort") ?: "80"
        return host ? "http://$host:$port" : null
    }

    private boolean runs(File program) {
        def version = platform.answer([program.path, "--version"], 60)?.find(/\d+\.\d+\.\d+/)
        return version != null && compare(numbers(version), OLDEST) >= 0
    }

    private static List<Integer> numbers(String version) { version.tokenize(".")*.toInteger() }

    private static int compare(List<Integer> one, List<Integer> other) {
        (0..2).findResult { one[it] <=> other[it] ?: null } ?: 0
    }

    /** Address and checksum of the newest uv for this computer, as any package index tells them. */
    private List<String> newest(Download download) {
        def base = (settings.index ?: platform.variable("UV_DEFAULT_INDEX") ?: PYPI).replaceAll(/\/+$/, "") + "/uv/"
        def found = download.text(base).findAll(/<a\s[^>]*href="[^"]+"[^>]*>/)
            .findAll { !it.contains("data-yanked") }.collect { it.find(/href="([^"]+)"/) { it[1] } }
            .findAll { it.replaceAll(/#.*/, "") ==~ /.*\/?uv-\d+\.\d+\.\d+-py3-none-[^\/]*\.whl/ }
            .findAll { platform.takes(it.replaceAll(/#.*/, "")) }
        if (!found) throw new CommandError("$base has no uv for this computer ($platform.system, " +
            "$platform.machine). Put uv on the PATH.")
        def best = found.max { a, b ->
            def (left, right) = [a, b].collect { numbers(it.find(/uv-(\d+\.\d+\.\d+)-/) { it[1] }) }
            compare(left, right)
        }
        def address = new URL(new URL(base), best.replace("&amp;", "&"))
        return [address.toString().replaceAll(/#.*/, ""), best.find(/#sha256=([0-9a-fA-F]{64})/) { it[1] }]
    }

    private void unpack(File wheel, File target) {
        target.parentFile.mkdirs()
        def making = new File(target.path + ".new")
        new ZipFile(wheel).withCloseable { zip ->
            def entry = zip.entries().find { it.name ==~ /uv-.*\.data\/scripts\/uv(?:\.exe)?/ }
            if (entry == null) throw new CommandError("$wheel: holds no uv")
            zip.getInputStream(entry).withCloseable { from -> making.withOutputStream { it << from } }
        }
        making.setExecutable(true, false)
        if (!making.renameTo(target)) {
            target.delete()
            making.renameTo(target)
        }
        if (!runs(target)) throw new CommandError("$target: uv does not run on this computer. Put another one on the PATH.")
        program = target
    }
}
