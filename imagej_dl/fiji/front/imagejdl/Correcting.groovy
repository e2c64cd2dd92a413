package imagejdl

import ij.IJ
import ij.ImagePlus

/** Correct and retrain, but for the training itself: proposals are opened, corrections stored. */
class Correcting extends Run {
    Correcting(Front front, Map command, Map values, Set takes, ImagePlus image) {
        super(front, command, values, takes, image)
    }

    protected Map work(Map inputs) {
        def drawing = Drawing.current("correct", values.project)
        String step = values.step ?: "next"
        if (drawing == null || values.rois || !(step in ["save", "empty"])) return super.work(inputs)
        def given = values + [name: drawing.name]
        def rois = step == "save" ? drawing.rois() : []
        def file = File.createTempFile("imagej-dl-", ".zip")
        try {
            if (rois) {
                Rois.write(rois, file)
                given.rois = file.path
            } else if (step == "save") throw new Trouble("No ROI is left on $drawing.name. If there " +
                "is no object on it, choose the step empty.")
            def result = super.work(inputs + [values: given])
            if (!result.error && !result.cancelled) drawing.close()
            return result
        } finally {
            file.delete()
        }
    }

    protected Map finish(Map result) {
        def found = super.finish(result)
        if (found.image_path && !java.awt.GraphicsEnvironment.isHeadless()) {
            def open = Drawing.current("correct")
            if (open != null && open.isOpen() && open.name == found.name) return found
            new Drawing("correct", values.project, found.name, found.image_path,
                found.rois_path ? new File(found.rois_path) : null)
            IJ.showStatus("Delete, redraw and add ROIs; then Correct and retrain with step save")
        }
        return found
    }
}
