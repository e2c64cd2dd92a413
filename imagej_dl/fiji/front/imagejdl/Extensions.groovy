package imagejdl

import ij.macro.ExtensionDescriptor
import ij.macro.Functions
import ij.macro.MacroExtension

/** Ext.dl_... for macros that want values back, after run("ImageJ-DL Macro Extensions"). */
class Extensions implements MacroExtension {
    static final String COMMAND = "ImageJ-DL Macro Extensions"
    final Front front

    private Extensions(Front front) { this.front = front }

    static void register(Front front) { Functions.registerExtensions(new Extensions(front)) }

    ExtensionDescriptor[] getExtensionFunctions() { [] as ExtensionDescriptor[] }

    String handleExtension(String name, Object[] arguments) { null }
}
