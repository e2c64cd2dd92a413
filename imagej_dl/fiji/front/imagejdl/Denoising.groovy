package imagejdl

import ij.IJ
import ij.ImagePlus
import java.awt.Window
import javax.swing.JFileChooser

/**
 * A training on the open image that is applied to it at once. Cancel ends the training alone: what
 * its model so far makes of the image is shown. Asked a second time, it ends that, too.
 */
class Denoising extends Training {
    protected boolean stopping
    protected volatile String model

    Denoising(Front front, Map command, Map values, Set takes, ImagePlus image) {
        super(front, command, values, takes, image)
    }

    protected String named() {
        def file = (values.images ?: "").split(";").first().trim()
        String title = file ? new File(file).name : image?.title ?: "image"
        return title.replaceAll(/\.\w{1,5}$/, "")
    }

    protected TrainingWindow opened() {
        new DenoisingWindow("ImageJ-DL: denoising $name", image?.window,
            { control.finishing(); tell("enough") }, { cancelled = true }, { export() })
    }

    /** The first time only the training is stopped; what follows goes on. */
    protected boolean stopped() {
        if (!super.stopped()) return false
        if (stopping) return true
        stopping = true
        cancelled = false
        IJ.resetEscape()
        tell("stop")
        control?.stopping()
        return false
    }

    protected List<Window> beside() { [control?.frame, curve] }

    /** Later: the denoised image is in its memory. */
    protected void letGo() { }

    protected Map finish(Map result) {
        def found = super.finish(result)
        model = found.model
        return found
    }

    Map start() {
        boolean stays = false
        try {
            def found = super.start()
            stays = door == "dialog" && model != null && control != null
            if (stays) control.finished(model)
            return found
        } finally {
            worker.close()
            if (!stays) control?.closed()
        }
    }

    /** Puts a copy of the model where the user wants it; during the training when the epoch ends. */
    protected void export() {
        def chooser = new JFileChooser(dialogTitle: "Folder for the model", approveButtonText: "Export",
            fileSelectionMode: JFileChooser.DIRECTORIES_ONLY)
        if (chooser.showDialog(control.frame, "Export") != JFileChooser.APPROVE_OPTION) return
        def inputs = [folder: chooser.selectedFile.path, name: "$name-model".toString()]
        Thread.startDaemon("imagej-dl-export") {
            try {
                if (model != null) control.exported(front.export(inputs.folder, inputs.name, model), false)
                else control.exported(worker.call("export", inputs).folder, true)
            } catch (CommandError trouble) {
                front.tell(trouble)
            }
        }
    }
}
