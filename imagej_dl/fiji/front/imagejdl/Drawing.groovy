package imagejdl

import ij.IJ
import ij.ImagePlus
import ij.gui.Roi
import ij.plugin.frame.RoiManager

/**
 * An image of a project that the user draws on, or corrects. The ROIs that were in the ROI Manager
 * before it are the user's and stay; those that came since are this image's.
 */
class Drawing {
    static final String KEY = "imagej-dl.drawing"
    final String command
    final String project
    final String name
    final ImagePlus image
    private final Set<Roi> before = Collections.newSetFromMap(new IdentityHashMap<Roi, Boolean>())

    /** Opens the image, with ROIs to begin from or none. */
    Drawing(String command, String project, String name, String path, File proposed) {
        this.command = command
        this.project = project
        this.name = name
        before.addAll((Rois.manager()?.roisAsArray ?: []) as List)
        image = IJ.openImage(path)
        if (image == null) throw new CommandError("$path: ImageJ cannot open it")
        image.show()
        new Caller().select(image)
        def rois = proposed?.isFile() ? Rois.read(proposed) : []
        Rois.add(rois, image)
        // All outlines are seen on it, drawn or proposed.
        (Rois.manager() ?: new RoiManager()).runCommand(image, "Show All")
        IJ.setProperty(KEY, this)
    }

    /** The drawing under way, of this command; null where there is none. */
    static Drawing current(String command, String project = null) {
        def found = IJ.getProperty(KEY)
        if (found?.command != command) return null
        return project == null || new File(project).canonicalPath == new File(found.project).canonicalPath ?
            found : null
    }

    List<Roi> rois() { ((Rois.manager()?.roisAsArray ?: []) as List).findAll { !before.contains(it) } }

    boolean isOpen() { image.isVisible() }

    /** Ends it once its ROIs are on disk: they and the window go, the user's own stay. */
    void close() {
        Rois.remove(rois())
        IJ.setProperty(KEY, null)
        if (image.isVisible()) {
            image.changes = false  // what was drawn is saved, and pixels are the file's
            image.close()
        }
    }

    void forget() { IJ.setProperty(KEY, null) }
}
