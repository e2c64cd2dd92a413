package imagejdl

import ij.IJ
import ij.ImagePlus
import ij.WindowManager
import ij.macro.Interpreter
import ij.measure.ResultsTable
import java.awt.GraphicsEnvironment

/** Lays a command's results beside what the user has open; changes none of it. */
class Shown {
    final ImagePlus source
    final Map values = [:]
    private final Caller caller = new Caller()
    private ImagePlus last
    private ImagePlus neighbour

    Shown(ImagePlus source) { this.source = source }

    void show(Map item) { this."${item.kind}"(item) }

    private void image(Map item) {
        last = Images.take(item.image, WindowManager.makeUniqueName(item.title))
        values.image = last.title
        open(last)
    }

    private void labels(Map item) { image(item) }

    private void rois(Map item) {
        def rois = Rois.read(new File(item.path))
        Rois.found(rois, last ?: source, source)
        values.rois = rois.size()
    }

    private void file(Map item) {
        last = IJ.openImage(item.path)
        if (last == null) throw new Trouble("$item.path: ImageJ cannot open it")
        // A macro finds it by its title: that of an earlier result may still be open.
        last.title = WindowManager.makeUniqueName(last.title)
        values.image = last.title
        open(last)
    }

    private void table(Map item) {
        def table = ResultsTable.open(item.path)
        // Under a name of its own: the user's Results stay.
        table.show(item.title ?: new File(item.path).name)
    }

    private void trackmate(Map item) {
        // In batch mode its movie would be an image of the macro's.
        if (GraphicsEnvironment.isHeadless() || Interpreter.batchMode) return
        try {
            TrackMate.open(item.path, item.on_source ? source : null, this.class.classLoader)
            // Commands and macros go on with the tracked movie.
            caller.select(last)
        } catch (ClassNotFoundException none) {
            IJ.log("TrackMate is not in this ImageJ; Fiji opens $item.path")
        }
    }

    private void open(ImagePlus imp) {
        // Without a screen there is no window: batch mode's list keeps it for the macro.
        imp.show()
        beside(imp)
        caller.select(imp)
    }

    /** Moves a window to where it does not hide the image it came of, if the screen has room. */
    private void beside(ImagePlus imp) {
        def window = imp.window
        def near = (neighbour ?: source)?.window
        if (window == null || near == null || !near.showing) return
        neighbour = imp
        def screen = near.graphicsConfiguration.bounds
        def places = [[near.x + near.width + 8, near.y], [near.x - window.width - 8, near.y],
            [near.x, near.y + near.height + 8], [near.x, near.y - window.height - 8]]
        def free = places.find { x, y ->
            screen.contains(x as int, y as int, window.width, window.height)
        } ?: [Math.min(near.x + 40, screen.x + screen.width - 80), Math.min(near.y + 40, screen.y + screen.height - 80)]
        window.setLocation(free[0] as int, free[1] as int)
    }
}
