package imagejdl

/** How large an environment is, and how much room there is. */
class Sizes {
    /**
     * Bytes to download and on disk at the end, as measured on Linux with TensorFlow 2.21. The sum
     * of the downloads is counted again before they begin.
     */
    static final Map<String, List<Long>> MEASURED = [cpu: [940_000_000L, 3_000_000_000L],
        cuda: [3_750_000_000L, 7_500_000_000L]]

    static String words(long bytes) {
        if (bytes >= 500_000_000L) return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9d)
        return "${Math.round(bytes / 1e6d)} MB"
    }

    /** Bytes of room that a set-up takes at most: downloads are there until all is installed. */
    static long room(String processor) { MEASURED[processor].sum() as long }

    /** Bytes of the files of a folder that has no folders in it. */
    static long of(File folder) { (folder.listFiles() ?: new File[0]).sum(0L) { it.length() } as long }

    /** The folder, or the nearest one above it that is there. */
    static File there(File folder) {
        def found = folder.absoluteFile
        while (!found.exists() && found.parentFile != null) found = found.parentFile
        return found
    }
}
