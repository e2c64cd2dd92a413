package imagejdl

import groovy.json.JsonException
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import java.nio.file.Files
import java.nio.file.StandardCopyOption

/**
 * How this user's Python comes to this computer. It is kept in `environment.json` beside the
 * settings of imagej-dl; a Fiji's own `config/imagej-dl.json` holds the same for all its users.
 */
class EnvironmentSettings {
    /** The keys, of macros too, and what they mean. */
    static final Map<String, String> KEYS = [
        python: "a Python that has imagej-dl, to be used as it is",
        folder: "where the environment is made, in a folder imagej-dl-python; empty: the user's own folder",
        wheels: "a folder of wheels, for a computer without a network",
        index: "the address of a package index; empty: PyPI",
        proxy: "the address of a proxy, such as http://proxy:3128",
        gpu: "auto, cpu or cuda: what TensorFlow computes on"]
    static final List<String> PROCESSORS = ["auto", "cpu", "cuda"]

    /** The values of both files, the user's own before the Fiji's. */
    static Map<String, String> read(Platform platform) {
        return (shared() == null ? [:] : values(shared())) + values(own(platform))
    }

    static File own(Platform platform) { new File(platform.settings(), "environment.json") }

    /** The file for all users of this Fiji; null where ImageJ has no folder. */
    static File shared() {
        def home = ij.IJ.getDirectory("imagej")
        return home == null ? null : new File(home, "config/imagej-dl.json")
    }

    static Map<String, String> values(File file) {
        if (!file.file) return [:]
        try {
            def found = new JsonSlurper().parse(file, "UTF-8")
            if (!(found instanceof Map)) throw new JsonException("no object")
            return checked(found.findAll { it.value }.collectEntries { [it.key, it.value as String] })
        } catch (JsonException | IOException error) {
            throw new CommandError("$file: holds no settings of a Python environment. Delete it.")
        } catch (CommandError error) {
            throw new CommandError("$file: $error.message")
        }
    }

    /** The values, of which each must be known. */
    static Map<String, String> checked(Map<String, String> values) {
        def unknown = values.keySet().find { !(it in KEYS) }
        if (unknown != null) throw new CommandError(
            "$unknown is an unknown key; known are ${KEYS.keySet().join(', ')}")
        if (values.gpu && !(values.gpu in PROCESSORS)) throw new CommandError(
            "gpu is one of ${PROCESSORS.join(', ')}, not $values.gpu")
        ["index", "proxy"].each { key ->
            if (values[key] && !(values[key] ==~ /(?:https?|socks5h?):\/\/\S+/)) throw new CommandError(
                "$key is an address such as http://host:3128, not ${values[key]}")
        }
        ["folder", "wheels", "python"].each { key ->
            if (values[key] && !new File(values[key]).absolute) throw new CommandError(
                "$key is a whole path, not ${values[key]}")
        }
        return values
    }

    /** Writes a file of these values, without the empty ones: whole, or not at all. */
    static void write(File file, Map<String, String> values) {
        def text = JsonOutput.prettyPrint(JsonOutput.toJson(values.findAll { it.value }))
        try {
            Files.createDirectories(file.parentFile.toPath())
            def making = File.createTempFile(file.name, ".new", file.parentFile)
            try {
                new FileOutputStream(making).withCloseable {
                    it.write((text + "\n").getBytes("UTF-8"))
                    it.getFD().sync()
                }
                Files.move(making.toPath(), file.toPath(), StandardCopyOption.REPLACE_EXISTING)
            } finally {
                making.delete()
            }
        } catch (IOException error) {
            throw new CommandError("$file: cannot be written ($error.message)")
        }
    }
}
