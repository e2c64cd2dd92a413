package imagejdl

import ij.IJ
import ij.ImagePlus
import ij.WindowManager
import org.apposed.appose.NDArray
import org.apposed.appose.TaskEvent

/** One run of a command: what it is given from ImageJ, its progress, what it leaves there. */
class Run {
    final Front front
    final Map command
    final Map values
    final Set takes
    protected ImagePlus image

    Run(Front front, Map command, Map values, Set takes) {
        this.front = front
        this.command = command
        this.values = values
        this.takes = takes
    }

    Map start() {
        image = WindowManager.currentImage
        NDArray array = null
        File roiset = null
        def inputs = [command: command.name, values: values]
        try {
            if ("image" in takes && image != null) {
                array = Images.share(image)
                inputs += [image: array, about: Images.about(image)]
            }
            def rois = "rois" in takes ? Rois.current(image) : []
            if (rois) {
                roiset = File.createTempFile("imagej-dl-", ".zip")
                Rois.write(rois, roiset)
                inputs.roiset = roiset.path
            }
            IJ.resetEscape()
            def result = work(inputs)
            return finish(result)
        } finally {
            array?.close()
            roiset?.delete()
            IJ.showProgress(1.0)
        }
    }

    protected Map work(Map inputs) {
        front.worker.call("run", inputs, { IJ.escapePressed() }, { TaskEvent event -> heard(event) })
    }

    protected void heard(TaskEvent event) {
        if (event.info == null && event.maximum > 0) {
            IJ.showStatus("ImageJ-DL: $event.message (Esc cancels)")
            IJ.showProgress((event.current / event.maximum) as double)
        }
    }

    protected Map finish(Map result) {
        if (result.text) IJ.log(result.text)
        if (result.error) throw new Trouble(result.error)
        if (result.cancelled) {
            IJ.showStatus("ImageJ-DL: cancelled")
            return [cancelled: true]
        }
        def shown = new Shown(image)
        result.shown.each { shown.show(it) }
        IJ.showStatus("ImageJ-DL: " + (result.text ?: "done").readLines().last())
        return (result.values ?: [:]) + shown.values
    }
}
