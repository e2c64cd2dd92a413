package imagejdl

import ij.ImagePlus
import ij.gui.Overlay
import ij.gui.Roi
import ij.io.RoiDecoder
import ij.io.RoiEncoder
import ij.plugin.frame.RoiManager
import java.awt.EventQueue
import java.awt.GraphicsEnvironment
import java.util.zip.ZipEntry
import java.util.zip.ZipFile
import java.util.zip.ZipOutputStream

/** ROIs between ImageJ and files. The user's own are never cleared: ours come after them. */
class Rois {
    /** Marks a ROI as found by a command: when, on which image, and how it was. */
    private static final String MARK = "imagej-dl.found"
    private static final String SESSION = UUID.randomUUID()
    /** The ROI Manager that is there, shown or of batch mode; null where there is none. */
    static RoiManager manager() {
        // Without a screen the one of batch mode cannot be made either.
        GraphicsEnvironment.isHeadless() ? null : RoiManager.getInstance2()
    }

    static List<Roi> current(ImagePlus imp) {
        def rois = manager()?.roisAsArray as List
        if (!rois && imp?.overlay != null) rois = imp.overlay.toArray() as List
        return rois ?: []
    }

    static List<Roi> read(File path) {
        def found = []
        new ZipFile(path).withCloseable { zip ->
            zip.entries().each { entry ->
                def name = entry.name - ~/\.roi$/
                found << new RoiDecoder(zip.getInputStream(entry).bytes, name).roi
            }
        }
        return found
    }

    static void write(List<Roi> rois, File path) {
        def taken = [] as Set
        path.withOutputStream { stream ->
            new ZipOutputStream(stream).withCloseable { zip ->
                rois.eachWithIndex { roi, i ->
                    String name = roi.name ?: String.format("%04d", i + 1)
                    while (!taken.add(name)) name += "-1"
                    zip.putNextEntry(new ZipEntry(name + ".roi"))
                    new RoiEncoder(zip).write(roi)
                    zip.closeEntry()
                }
            }
        }
    }

    /**
     * Adds what a command has found on an image, in place of what it found there before; ROIs that
     * the user has changed since stay. Their names tell of which image they are.
     */
    static void found(List<Roi> rois, ImagePlus imp, ImagePlus shownOn) {
        def title = (shownOn ?: imp)?.title?.replaceAll(/\.\w{1,4}$/, "")
        def mark = "$SESSION ${shownOn?.ID}"
        remove(((manager()?.roisAsArray ?: []) as List).findAll {
            it.getProperty(MARK) == mark + " " + shape(it)
        })
        def taken = ((manager()?.roisAsArray ?: []) as List)*.name as Set
        rois.findAll { title && it.name }.each { roi ->
            String name = "$title $roi.name"
            int more = 2
            while (!taken.add(name)) name = "$title $roi.name (${more++})"
            roi.name = name
        }
        add(rois, imp)
        def window = manager()
        if (window == null) return
        // The Manager has copies, whose names it may have changed.
        (window.roisAsArray as List).takeRight(rois.size()).each { it.setProperty(MARK, mark + " " + shape(it)) }
        if (!shownOn?.isVisible()) return
        def selection = shownOn.roi
        window.runCommand(shownOn, "Show All")
        // ImageJ takes the selection away, which is the user's.
        if (selection != null && shownOn.roi == null) shownOn.setRoi(selection)
    }

    /** What of a ROI a user changes: its name, its place and its outline. */
    private static String shape(Roi roi) {
        def points = roi.floatPolygon
        [roi.name, roi.type, roi.position, roi.CPosition, roi.ZPosition, roi.TPosition,
            Arrays.hashCode(points.xpoints), Arrays.hashCode(points.ypoints), roi.bounds].hashCode() as String
    }

    /** Adds to the ROI Manager; without a screen, to the overlay of the image. */
    static void add(List<Roi> rois, ImagePlus imp) {
        if (GraphicsEnvironment.isHeadless()) {
            if (imp == null) return
            def overlay = imp.overlay ?: new Overlay()
            rois.each { overlay.add(it) }
            imp.setOverlay(overlay)
            return
        }
        def manager = manager() ?: new RoiManager()
        rois.each { manager.add(it, -1) }
        manager.repaint()
    }

    /** Takes ROIs out of the ROI Manager again, those only, whatever else the user has there. */
    static void remove(Collection<Roi> rois) {
        def manager = manager()
        if (manager == null || !rois) return
        def gone = Collections.newSetFromMap(new IdentityHashMap<Roi, Boolean>())
        gone.addAll(rois)
        def all = manager.roisAsArray as List
        def indices = (0..<all.size()).findAll { gone.contains(all[it]) }
        if (!indices) return
        // Not by selecting them: ImageJ then draws them on the current image, over its own ROI.
        def delete = { indices.reverseEach { manager.delete(it) } }
        if (EventQueue.isDispatchThread()) delete()
        else EventQueue.invokeAndWait(delete as Runnable)
    }
}
