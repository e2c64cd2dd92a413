package imagejdl

/** The packages of an environment: their list with addresses and sizes, their download, their installation. */
class Packages {
    private final Uv uv
    private final Download download
    private final File python
    private final File wheels
    private boolean ours = true

    Packages(Uv uv, Download download, File python, File folder) {
        this.uv = uv
        this.download = download
        this.python = python
        wheels = downloads(folder)
        wheels.mkdirs()
    }

    /** Where all that is downloaded for a folder's environment lies until it is installed. */
    static File downloads(File folder) { new File(folder, "downloads") }

    /**
     * All packages that these requirements bring and that are not there yet: name, version, address,
     * bytes (0: unknown), sha256 (or null). What comes first is taken as new as can be.
     */
    List<Map> wanted(List<String> requirements) {
        def asked = new File(wheels, "wanted.in")
        asked.setText(requirements.join("\n") + "\n", "UTF-8")
        def list = new File(wheels, "pylock.toml")
        list.delete()
        uv.run(["pip", "compile", "--quiet", "--no-header", "--format", "pylock.toml", "--only-binary", ":all:",
            "--python", python.path, "--output-file", list.path, asked.path])
        def there = uv.run(["pip", "freeze", "--python", python.path], [:], false).readLines()*.trim() as Set
        return parse(list.getText("UTF-8")).findAll { !("$it.name==$it.version".toString() in there) }
    }

    /** The packages of a lock file as uv writes it: one wheel of each, for this computer. */
    static List<Map> parse(String toml) {
        toml.split(/(?m)^\[\[packages\]\]\s*$/).drop(1).collect { String part ->
            def wheel = part.find(/(?ms)^wheels\s*=\s*\[(.*?)\]\s*$/) { it[1] } ?: ""
            [name: value(part, /(?m)^name/), version: value(part, /(?m)^version/),
                address: value(wheel, /\burl/) ?: value(wheel, /\bpath/),
                bytes: (wheel.find(/\bsize\s*=\s*(\d+)/) { it[1] } ?: "0") as long, sha256: value(wheel, /\bsha256/)]
        }
    }

    /** Downloads them; progress: hears bytes there, of all, and which package. */
    void fetch(List<Map> packages, Closure progress) {
        def remote = packages.findAll { it.address?.startsWith("http") }
        // An index need not tell sizes; how far all is, is then not known.
        long all = remote.every { it.bytes } ? remote.sum(0L) { it.bytes } : 0
        long done = 0
        try {
            remote.sort { it.bytes }.each { one ->
                progress(done, all, one.name)
                download.file(one.address, file(one), one.sha256) { long there, long size ->
                    progress(done + there, all, one.name)
                }
                done += one.bytes
            }
        } catch (UntrustedAddress error) {
            ours = false  // uv downloads them itself: a file that is cut off begins anew then
        }
    }

    /** Installs them from the downloads, or whence uv has them. */
    void install(List<Map> packages) {
        if (!packages) return
        def list = new File(wheels, "packages.txt")
        list.setText(packages.collect { "$it.name==$it.version\n" }.join(""), "UTF-8")
        def local = packages*.address.findAll { it?.startsWith("file:") }.collect { new File(new URI(it)).parent }.unique()
        def from = ours && packages.every { it.address } ? ["--offline", "--no-index", "--find-links", wheels.path] : []
        uv.run(["pip", "install", "--no-deps", "--compile-bytecode", "--only-binary", ":all:", *from,
            *local.collectMany { ["--find-links", it] }, "--python", python.path, "--requirement", list.path])
    }

    private File file(Map one) {
        new File(wheels, URLDecoder.decode(new URL(one.address).path.tokenize("/").last(), "UTF-8"))
    }

    private static String value(String text, String key) {
        text.find(key + /\s*=\s*"([^"]*)"/) { it[1] }
    }
}
