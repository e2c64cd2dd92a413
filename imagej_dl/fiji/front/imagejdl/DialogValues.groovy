package imagejdl

/**
 * What dialogs were given, for the next time, also after a restart. A model or project that one
 * command has made is what the others ask for next; a switch that can destroy is never kept.
 */
class DialogValues {
    private final Map<String, Map<String, String>> asked = [:]
    private final Map<String, String> given = [:]

    /** Takes up what an earlier ImageJ kept: values by command, and those to share. */
    DialogValues(Map told) {
        told?.asked?.each { name, values -> asked[name as String] = new LinkedHashMap(values) }
        if (told?.given) given.putAll(told.given)
    }

    /** What a command's dialog begins with; what no longer fits its fields is left out. */
    synchronized Map<String, String> before(Map command) {
        def values = new LinkedHashMap<String, String>(asked[command.name] ?: [:])
        command.fields.each { field ->
            def shared = field.shares ? given[field.shares] : null
            // A ready model that was looked at is no reason to leave the current one of a project.
            boolean leave = field.empty && shared in (field.offers ?: [])
            if (shared && !leave) values[field.key] = shared
        }
        def fields = command.fields.collectEntries { [it.key, it] }
        return values.findAll { key, value ->
            def field = fields[key]
            field != null && !field.once && (field.type != "choice" || value in field.choices) &&
                !(field.opened && closed(value))
        }
    }

    /** Whether it was the title of an image that is not open any more. */
    private static boolean closed(String value) {
        def file = new File(value)
        return file.parent == null && !file.exists() && !OpenImages.isTitle(value)
    }

    synchronized void keep(Map command, Map<String, String> values) {
        def once = command.fields.findAll { it.once }*.key
        asked[command.name] = values.findAll { !(it.key in once) }
    }

    /** A command has done its work: what it was for, and what it made, is for the others too. */
    synchronized void share(Map command, Map<String, String> values, Map found) {
        command.fields.each { field ->
            def made = field.gives == "model" ? found.model : null
            def value = made ?: values[field.key]
            // An open image is no project.
            if (field.opened && value && OpenImages.isTitle(value as String)) return
            if (field.gives && value) given[field.gives] = value as String
        }
    }

    synchronized Map all() { [asked: asked.collectEntries { [it.key, new HashMap(it.value)] }, given: new HashMap(given)] }
}
