package imagejdl

/** Why a set-up failed, in one sentence, and what to do: made of what uv, pip or Java said. */
class SetUpTrouble {
    private static final List FULL = ["no space left", "os error 28", "not enough space", "os error 112",
        "disk quota exceeded", "os error 122"]
    private static final List NO_NETWORK = ["dns error", "failed to lookup", "connection refused",
        "error sending request", "tcp connect", "timed out", "network is unreachable", "tunnel error",
        "connection reset", "failed to fetch", "request failed", "network connectivity is disabled"]
    private static final List CERTIFICATE = ["invalid peer certificate", "certificate verify failed"]

    static boolean full(String said) {
        def lower = (said ?: "").toLowerCase(Locale.ROOT)
        return FULL.any { lower.contains(it) }
    }

    static String full(File folder, Long needed = null) {
        def free = Sizes.words(Sizes.there(folder).usableSpace)
        def more = needed == null ? "" : "; ${Sizes.words(needed)} are needed"
        return "The disk of $folder is full ($free free$more). Make room, or name a folder on " +
            "another disk. What was downloaded is kept."
    }

    static String unreachable(String host) {
        "There is no connection to $host. Check the network; name a proxy or a package index that " +
            "can be reached, or a folder of wheels. What was downloaded is kept for the next time."
    }

    /** said: all that the program said; settings: as EnvironmentSettings gives them. */
    static CommandError of(String said, File folder, String version, Map settings) {
        def lower = said.toLowerCase(Locale.ROOT)
        def lines = said.readLines()*.trim().findAll { it }
        if (full(said)) return new CommandError(full(folder))
        def place = settings.wheels ?: settings.index ?: "the package index"
        if (lower.contains("no interpreter found") || lower.contains("python-build-standalone"))
            return new CommandError("There is no Python 3.11 to 3.13 on this computer, and Python 3.12 " +
                "could not be downloaded. Install Python 3.12, or name a Python that has imagej-dl.")
        if (CERTIFICATE.any { lower.contains(it) }) return new CommandError("The certificate of " +
            "$place is not trusted by this computer. Ask who runs your network.")
        if (lower.contains("no solution found") || lower.contains("not found in the package registry")) {
            boolean ours = said =~ /(?i)(?:because|versions? of) imagej-dl\b(?!.*depends)/
            def why = lines.findAll { !(it ==~ /(?i)(?:hint|using|resolved|error).*/) }.join(" ")
                .replaceAll(/[×╰─▶│]+|cause:/, "").replaceAll(/\s+/, " ").trim()
            return new CommandError((ours ? "$place has no imagej-dl $version. " :
                "$place lacks a package for this computer. ") + why.take(300))
        }
        if (NO_NETWORK.any { lower.contains(it) }) return new CommandError(unreachable(
            place + (settings.proxy ? " through the proxy $settings.proxy" : "")))
        def last = lines.reverse().find { it.toLowerCase(Locale.ROOT).startsWith("error") } ?: lines ? lines.last() : "no message"
        return new CommandError("The installation failed: ${last.take(300)}")
    }
}
