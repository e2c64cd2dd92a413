package imagejdl

import ij.ImagePlus
import ij.gui.GenericDialog
import ij.plugin.frame.Recorder

/** The dialog of a command, made of its declaration, and the macro line that says the same. */
class Dialog {
    static final String MORE = "More settings..."

    /** Asks for a command's values; null when the user cancels. */
    static Map<String, String> ask(Map command, Map<String, String> before, ImagePlus image) {
        def (more, main) = command.fields.split { it.advanced }
        def values = page(command, main, before, more ? true : false, image)
        if (values == null) return null
        boolean wanted = values.remove(MORE) == "true"
        if (wanted) {
            def rest = page(command, more, before, false, image)
            if (rest == null) return null
            values += rest
        } else {
            // What was set there once is said again, also where the page is not opened.
            more.each { if (before[it.key] != null) values[it.key] = before[it.key] }
        }
        return values
    }

    /** Tells ImageJ's Recorder the line that does the same again. */
    static void record(Map command, Map<String, String> values) {
        if (!Recorder.record) return
        def said = new LinkedHashMap<String, String>()
        command.fields.each { field ->
            String value = values[field.key]
            String usual = text(field.default)
            boolean same = (value ?: "") == usual
            if (field.type == "bool") {
                if (value == "true") said[field.key] = null
                else if (!same && value != null) said[field.key] = "false"
            } else if (value && !(same && field.advanced)) {
                said[field.key] = value
            }
        }
        if (said.values().every { it == null || Options.simple(it) }) {
            Recorder.setCommand(command.label)
            said.each { key, value ->
                if (value == null) Recorder.recordOption(key) else Recorder.recordOption(key, value)
            }
            Recorder.saveCommand()
        } else {
            // The Recorder would write quotes and backslashes as they are: no macro runs that.
            def options = said.collect { key, value ->
                value == null ? key : key + "=" + Options.quote(value)
            }.join(" ")
            String run = Recorder.scriptMode() ? "IJ.run(" : "run("
            Recorder.recordString(
                run + Options.literal(command.label) + ", " + Options.literal(options) + ");\n")
            Recorder.disableCommandRecording()
        }
    }

    static GenericDialog build(Map command, List fields, Map<String, String> before, boolean more,
                               ImagePlus image = null) {
        def dialog = new GenericDialog(command.label)
        boolean needed = fields.any { it.needed }
        dialog.addMessage(command.summary + (needed ? "\nFields with * are needed." : ""))
        fields.each { field ->
            String value = before.containsKey(field.key) ? before[field.key] : text(field.default)
            def titles = field.opened ? OpenImages.titles(field, image) : []
            String title = value in titles ? value : OpenImages.NONE
            if (title != OpenImages.NONE) value = ""
            String offered = field.offers ? " - a folder or ${field.offers.join(', ')}" : ""
            String label = field.label + (field.unit ? " ($field.unit)" : "") + offered +
                (field.needed ? " *" : field.empty ? " - empty: $field.empty" : "")
            switch (field.type) {
                case "folder":
                    dialog.addDirectoryField(label, value, 30)
                    // ImageJ makes a folder of it by a separator at its end, which a name is not.
                    if (value in (field.offers ?: [])) dialog.stringFields.last().text = value
                    break
                case "file": dialog.addFileField(label, value, 30); break
                case "bool": dialog.addCheckbox(label, value == "true"); break
                case "choice":
                    def choices = (field.required || field.default != null ? [] : [""]) + field.choices
                    dialog.addChoice(label, choices as String[], value); break
                default:
                    dialog.addStringField(label, value, field.type == "text" ? 24 : 8)
            }
            if (field.opened) dialog.addChoice("or an open image",
                [OpenImages.NONE, *titles] as String[], title)
        }
        if (more) dialog.addCheckbox(MORE, false)
        dialog.addHelp(help(command))
        return dialog
    }

    private static Map<String, String> page(Map command, List fields, Map before, boolean more,
                                            ImagePlus image) {
        def dialog = build(command, fields, before, more, image)
        dialog.showDialog()
        return dialog.wasCanceled() ? null : read(dialog, fields, more)
    }

    /** Reads the components, not getNext...(), which would record keys of its own. */
    static Map<String, String> read(GenericDialog dialog, List fields, boolean more) {
        def values = new LinkedHashMap<String, String>()
        def texts = (dialog.stringFields ?: []).iterator()
        def boxes = (dialog.checkboxes ?: []).iterator()
        def choices = (dialog.choices ?: []).iterator()
        fields.each { field ->
            switch (field.type) {
                case "bool": values[field.key] = boxes.next().state as String; break
                case "choice": values[field.key] = choices.next().selectedItem; break
                default: values[field.key] = texts.next().text.trim()
            }
            if (field.opened) {
                String title = choices.next().selectedItem
                if (title != OpenImages.NONE) values[field.key] = title
            }
        }
        if (more) values[MORE] = boxes.next().state as String
        return values.findAll { it.value != "" }
    }

    static String text(value) {
        value == null ? "" : value instanceof BigDecimal ? value.toPlainString() : value.toString()
    }

    private static String help(Map command) {
        def rows = command.fields.collect { field ->
            String usual = text(field.default)
            "<tr><td valign=top><b>${escape(field.key)}</b>&nbsp;&nbsp;</td><td>${escape(field.help)}" +
                (field.unit ? " (${escape(field.unit)})" : "") +
                (usual && field.type != "bool" ? " <i>${escape(usual)}</i>" : "") + "</td></tr>"
        }
        def words = escape(command.help).replaceAll(/\n\s*\n/, "<p>")
        return "<html><body width=560><h3>${escape(command.label)}</h3>$words<p><table>" +
            rows.join("") + "</table></body></html>"
    }

    static String escape(String text) {
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    }
}
