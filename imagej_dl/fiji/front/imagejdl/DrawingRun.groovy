package imagejdl

import ij.IJ
import ij.ImagePlus
import java.awt.GraphicsEnvironment

/**
 * Annotate next image, and Correct and retrain but for the training itself: the ROIs of the image
 * under way are stored, and the next one is opened, with ROIs to correct if the model proposes some.
 */
class DrawingRun extends Run {
    private final boolean annotating
    private final Drawing drawing

    DrawingRun(Front front, Map command, Map values, Set takes, ImagePlus image) {
        super(front, command, values, takes, image)
        annotating = command.name == "annotate"
        drawing = Drawing.current(command.name, values.project)
    }

    protected Map work(Map inputs) {
        if (drawing == null || values.rois) return super.work(inputs)
        String step = annotating ? "save" : values.step ?: "next"
        if (!(step in ["save", "empty"])) return super.work(inputs)
        def rois = step == "save" ? drawing.rois() : []
        if (annotating && !rois && !drawing.isOpen()) {
            drawing.forget()  // closed and nothing drawn: left for another day
            return super.work(inputs)
        }
        if (step == "save" && !rois) throw new CommandError(nothing())
        def given = values + [name: drawing.name]
        File file = null
        try {
            if (rois) {
                file = File.createTempFile("imagej-dl-", ".zip")
                Rois.write(rois, file)
                given.rois = file.path
            }
            def result = super.work(inputs + [values: given])
            if (!result.error && !result.cancelled) drawing.close()
            return result
        } finally {
            file?.delete()
        }
    }

    protected Map finish(Map result) {
        def found = super.finish(result)
        if (!found.image_path || GraphicsEnvironment.isHeadless()) return found
        def open = Drawing.current(command.name)
        if (open?.isOpen()) {
            if (open.name == found.name) return found
            throw new CommandError("$open.name is still open. Store its ROIs first (step save), or close " +
                "its window to discard the changes.")
        }
        new Drawing(command.name, values.project, found.name, found.image_path,
            found.rois_path ? new File(found.rois_path) : null)
        IJ.showStatus(annotating ? "Draw an outline around each object and press t; then Annotate next image"
            : "Delete, redraw and add ROIs; then Correct and retrain with step save")
        return found
    }

    private String nothing() {
        if (annotating) return "No ROI is drawn on $drawing.name yet. Draw an outline around each object " +
            "and press t after each; or close its window to leave it."
        return "No ROI is left on $drawing.name. If there is no object on it, choose the step empty."
    }
}
