package imagejdl

import ij.IJ
import ij.ImagePlus
import ij.WindowManager
import ij.macro.Interpreter
import ij.measure.ResultsTable
import java.awt.GraphicsEnvironment
import java.awt.Window

/** Lays a command's results beside what the user has open; changes none of it. */
class ResultWindows {
    final ImagePlus source
    final Map values = [:]
    private final Caller caller = new Caller()
    private ImagePlus last
    private final List<ImagePlus> opened = []
    private final List<Window> others

    ResultWindows(ImagePlus source, List<Window> others = []) {
        this.source = source
        this.others = others
    }

    void show(Map item) { this."${item.kind}"(item) }

    private void image(Map item) {
        last = Images.take(item.image, WindowManager.makeUniqueName(item.title))
        values.image = last.title
        open(last)
        // Beside the open image, at the same place of both.
        if (item.kind == "image" && source != null && last.dimensions == source.dimensions)
            last.setPosition(source.channel, source.slice, source.frame)
    }

    private void labels(Map item) { image(item) }

    private void rois(Map item) {
        def rois = Rois.read(new File(item.path))
        Rois.found(rois, last ?: source, source)
        values.rois = rois.size()
    }

    private void file(Map item) {
        last = IJ.openImage(item.path)
        if (last == null) throw new CommandError("$item.path: ImageJ cannot open it")
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
        if (imp.window != null) WindowPlacement.beside(imp.window, [source?.window] + others + opened*.window)
        opened << imp
        caller.select(imp)
    }
}
