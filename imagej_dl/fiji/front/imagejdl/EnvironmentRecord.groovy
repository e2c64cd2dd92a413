package imagejdl

import groovy.json.JsonException
import groovy.json.JsonSlurper

/** The record by which an environment counts as ready: written last, and removed first. */
class EnvironmentRecord {
    private static final String NAME = "ready.json"

    /** The record of a folder: version, processor, environment (a folder's name); or null. */
    static Map read(File folder) {
        def file = new File(folder, NAME)
        if (!file.file) return null
        try {
            def found = new JsonSlurper().parse(file, "UTF-8")
            boolean sound = found instanceof Map && ["version", "processor", "environment"].every { found[it] instanceof String }
            return sound && found.environment ==~ /env-[0-9a-f]+/ ? found : null
        } catch (JsonException | IOException damaged) {
            return null  // made anew
        }
    }

    /** The Python where all is as wanted and still there, or null; version, processor: null for any. */
    static File ready(File folder, Platform platform, String version, String processor = null) {
        def found = read(folder)
        if (found == null || (version != null && found.version != version)) return null
        if (processor != null && found.processor != processor) return null
        def python = platform.python(new File(folder, found.environment))
        return python.file ? python : null
    }

    static void write(File folder, Map record) { EnvironmentSettings.write(new File(folder, NAME), record) }

    static void remove(File folder) {
        def file = new File(folder, NAME)
        if (file.exists() && !file.delete()) throw new CommandError("$file: cannot be removed. Close other Fijis.")
    }
}
