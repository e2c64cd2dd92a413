package imagejdl

import ij.ImagePlus
import ij.gui.ImageRoi
import ij.gui.ImageWindow
import ij.gui.Line
import ij.gui.Overlay
import java.awt.Color
import java.awt.Window

/** What the present model makes of the open image, in a window of its own: the user's stays as it is. */
class TrainingPreview {
    private static final int LEAST = 300  // width of a region in px of the screen
    private final ImagePlus source
    private final String name
    private ImagePlus shown

    TrainingPreview(ImagePlus source, String name) {
        this.source = source
        this.name = name
    }

    ImageWindow getWindow() { shown?.window }

    boolean shows(ImagePlus imp) { shown != null && imp.is(shown) }

    /** The plane with the model's labels over it; of a large plane its middle is predicted. */
    void labels(ImagePlus found, int epoch, List<Window> others) {
        if (shown == null || !shown.isVisible()) {
            def plane = Run.plane(source)
            plane.setDisplayRange(source.displayRangeMin, source.displayRangeMax)
            open(plane, others)
        }
        def colours = new ImageRoi((shown.width - found.width).intdiv(2),
            (shown.height - found.height).intdiv(2), found.getProcessor().convertToRGB())
        colours.setZeroTransparent(true)
        colours.setOpacity(0.45)
        shown.setOverlay(new Overlay(colours))
        shown.setTitle("Preview of $name, epoch $epoch")
        shown.changes = false
    }

    /** A region that is noisy below its diagonal, and as the model makes it above. */
    void image(ImagePlus made, int epoch, List<Window> others) {
        if (shown == null || !shown.isVisible()) {
            def diagonal = new Line(0, 0, made.width, made.height)
            diagonal.setStrokeColor(new Color(255, 255, 0, 110))
            made.setOverlay(new Overlay(diagonal))
            open(made, others)
            enlarge(LEAST.intdiv(made.width))
        } else {
            (1..made.stackSize).each { i ->
                def pixels = made.getStack().getPixels(i)
                System.arraycopy(pixels, 0, shown.getStack().getPixels(i), 0, made.width * made.height)
            }
            shown.updateAndDraw()
        }
        shown.setTitle("Preview of $name: noisy | denoised, epoch $epoch")
        shown.changes = false
    }

    void close() { shown?.with { changes = false; close() } }

    /** Shows a small region larger, all of it. */
    private void enlarge(int times) {
        if (times < 2) return
        window.canvas.setMagnification(times)
        window.canvas.setSize(shown.width * times, shown.height * times)
        window.pack()
    }

    private void open(ImagePlus imp, List<Window> others) {
        shown = imp
        WindowPlacement.behind { imp.show() }
        WindowPlacement.beside(imp.window, others)
    }
}
