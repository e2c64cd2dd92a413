package imagejdl

/** The other ways to a Python, as a dialog asks for them. */
class Ways {
    private static final Map COMMON = [unit: null, offers: null, needed: false, required: false, opened: null,
        advanced: false]
    static final Map COMMAND = [name: "set-up", label: "ImageJ-DL: other ways",
        summary: "How the Python of ImageJ-DL comes to this computer. Leave a field empty where you have nothing to say.",
        help: "A Python that has imagej-dl already is used as it is, and nothing is installed.",
        fields: [
            field("python", "file", "Python that has imagej-dl", "install one"),
            field("folder", "folder", "Install into", "your own folder"),
            field("wheels", "folder", "Folder of wheels", "download"),
            field("index", "text", "Package index", "PyPI"),
            field("proxy", "text", "Proxy", "as in Fiji's settings"),
            field("gpu", "choice", "TensorFlow for", null) + [choices: EnvironmentSettings.PROCESSORS, default: "auto"],
            field("shared", "bool", "For all users of this Fiji", null) + [default: false]]]

    private static Map field(String key, String type, String label, String empty) {
        COMMON + [key: key, type: type, label: label, empty: empty, default: null,
            help: EnvironmentSettings.KEYS[key] ?: "whether these values are kept in this Fiji's own folder"]
    }
}
