package imagejdl

import ij.IJ
import ij.ImagePlus

/** Annotate next image: stores what was drawn on the one before, and opens the next. */
class Annotating extends Run {
    Annotating(Front front, Map command, Map values, Set takes, ImagePlus image) {
        super(front, command, values, takes, image)
    }

    protected Map work(Map inputs) {
        def drawing = Drawing.current("annotate", values.project)
        if (drawing == null || values.rois) return super.work(inputs)
        def rois = drawing.rois()
        if (!rois) {
            if (drawing.isOpen()) throw new Trouble("No ROI is drawn on $drawing.name yet. Draw an " +
                "outline around each object and press t after each; or close its window to leave it.")
            drawing.forget()
            return super.work(inputs)
        }
        def file = File.createTempFile("imagej-dl-", ".zip")
        try {
            Rois.write(rois, file)
            def result = super.work(inputs + [values: values + [name: drawing.name, rois: file.path]])
            if (!result.error && !result.cancelled) drawing.close()
            return result
        } finally {
            file.delete()
        }
    }

    protected Map finish(Map result) {
        def found = super.finish(result)
        if (found.image_path && !java.awt.GraphicsEnvironment.isHeadless()) {
            new Drawing("annotate", values.project, found.name, found.image_path, null)
            IJ.showStatus("Draw an outline around each object and press t; then Annotate next image")
        }
        return found
    }
}
