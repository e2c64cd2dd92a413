package imagejdl

import ij.ImagePlus
import ij.WindowManager
import ij.gui.PlotWindow

/** Open images that a command's values name by their titles, in the place of files. */
class OpenImages {
    /** The choice of none. */
    static final String NONE = "*None*"

    /** The images by the keys of the values that are their titles; a folder of that name goes before. */
    static Map<String, ImagePlus> named(Map command, Map values, ImagePlus current) {
        def found = [:]
        command.fields.findAll { it.opened && values[it.key] }.each { field ->
            String title = values[field.key]
            if (new File(title).isDirectory()) return
            def images = all().findAll { it.title == title }
            if (!images) return
            // With files named the command is not for the open image.
            boolean itself = field.opened == "another" && !values.images
            def image = itself ? images.find { !it.is(current) } : current in images ? current : images[0]
            if (image == null) throw new CommandError("$title: is the image that the command is for. " +
                "Give another one for ${field.label}.")
            found[field.key] = image
        }
        return found
    }

    /** What can be chosen for a field. */
    static List<String> titles(Map field, ImagePlus current) {
        all().findAll { field.opened == "any" || !it.is(current) }*.title.unique()
    }

    static boolean isTitle(String value) { all().any { it.title == value } }

    /** All but plots. */
    static List<ImagePlus> all() {
        (WindowManager.IDList ?: []).collect { WindowManager.getImage(it) }
            .findAll { it != null && !(it.window instanceof PlotWindow) }
    }
}
