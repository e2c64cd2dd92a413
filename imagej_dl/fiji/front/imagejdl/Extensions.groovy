package imagejdl

import ij.IJ
import ij.ImagePlus
import ij.WindowManager
import ij.macro.ExtensionDescriptor
import ij.macro.Functions
import ij.macro.MacroExtension

/**
 * Functions for macros that want values back, known after run("ImageJ-DL Macro Extensions"):
 * Ext.dl_run(command, options), Ext.dl_value(key), Ext.dl_labels(title), Ext.dl_train(project,
 * out, epochs), Ext.dl_predict(model, title). Each returns text: a window's title or a number.
 */
class Extensions implements MacroExtension {
    static final String COMMAND = "ImageJ-DL Macro Extensions"
    private static final int TEXT = MacroExtension.ARG_STRING
    private static final int NUMBER = MacroExtension.ARG_NUMBER
    private final Front front
    private Map last = [:]

    private Extensions(Front front) { this.front = front }

    static void register(Front front) { Functions.registerExtensions(new Extensions(front)) }

    ExtensionDescriptor[] getExtensionFunctions() {
        [dl_run: [TEXT, TEXT], dl_value: [TEXT], dl_labels: [TEXT], dl_train: [TEXT, TEXT, NUMBER],
         dl_predict: [TEXT, TEXT]].collect { name, types ->
            ExtensionDescriptor.newDescriptor(name, this, types as int[])
        } as ExtensionDescriptor[]
    }

    String handleExtension(String name, Object[] given) {
        try {
            return this."$name"(*given) as String
        } catch (Trouble trouble) {
            front.tell(trouble)
            return ""
        }
    }

    private String dl_run(String command, String options) {
        last = front.call(command, Options.parse(options), WindowManager.currentImage)
        return last.collect { key, value -> "$key=$value" }.join("\n")
    }

    private String dl_value(String key) { last[key] == null ? "" : last[key] }

    private String dl_labels(String title) {
        last = front.call("labels", [:], window(title))
        return last.image
    }

    private String dl_train(String project, String out, Double epochs) {
        last = front.call("train", [project: project, out: out, epochs: epochs as int], null)
        return last["ap_0.5"]
    }

    private String dl_predict(String model, String title) {
        last = front.call("predict", [model: model], window(title))
        return last.image
    }

    private static ImagePlus window(String title) {
        def found = WindowManager.getImage(title)
        if (found == null) throw new Trouble("There is no image of the title $title open")
        return found
    }
}
