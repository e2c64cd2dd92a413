package imagejdl

import ij.IJ
import ij.ImagePlus
import ij.Macro
import ij.WindowManager
import java.awt.GraphicsEnvironment

/**
 * ImageJ's side of imagej-dl, the same whichever way Fiji was started: it asks for a command's
 * values, hands the open image and ROIs to the worker process, and shows what comes back.
 */
class Front {
    final File home
    final File python
    final Worker worker
    private List<Map> commands
    private final Map<String, Map<String, String>> asked = [:].withDefault { [:] }

    Front(File home, File python) {
        this.home = home
        this.python = python
        this.worker = new Worker(python)
        Runtime.runtime.addShutdownHook(new Thread({ worker.kill() }))
    }

    /** All commands of the menu, as their declarations describe them. */
    synchronized List<Map> commands() {
        if (commands == null) {
            IJ.showStatus("ImageJ-DL: starting Python...")
            commands = worker.call("commands", [:]).commands
            IJ.showStatus("")
        }
        return commands
    }

    Map command(String nameOrLabel) {
        def found = commands().find { nameOrLabel in [it.name, it.label] }
        if (found == null) throw new Trouble("ImageJ-DL has no command $nameOrLabel")
        return found
    }

    /**
     * Runs a command as the menu or a macro does: asks where no options are given, and tells
     * what went wrong in a window, or without a screen by an exception.
     */
    void run(String name, String options) {
        try {
            def command = command(name)
            def values = options?.trim() ? Options.parse(options) : ask(command)
            if (values != null) execute(command, values)
        } catch (Trouble trouble) {
            tell(trouble)
        }
    }

    /** Runs a command with these values; returns its values for scripts. Throws Trouble. */
    Map call(String name, Map<String, ?> values) {
        return execute(command(name), values.collectEntries { k, v -> [k, v?.toString()] })
    }

    void close() { worker.close() }

    private Map<String, String> ask(Map command) {
        if (GraphicsEnvironment.isHeadless()) return [:]
        def values = Dialog.ask(command, asked[command.name])
        if (values != null) {
            asked[command.name] = values
            Dialog.record(command, values)
        }
        return values
    }

    private Map execute(Map command, Map values) {
        def plan = worker.call("plan", [command: command.name, values: values])
        if (plan.error) throw new Trouble(plan.error)
        def run = new Run(this, command, values, plan.takes as Set)
        return run.start()
    }

    private static void tell(Trouble trouble) {
        if (GraphicsEnvironment.isHeadless()) throw trouble
        IJ.log("ImageJ-DL: " + trouble.message)
        IJ.showStatus("")
        IJ.showProgress(1.0)
        // Ends the macro that asked for it, too.
        IJ.error("ImageJ-DL", trouble.message.readLines().take(12).join("\n"))
    }
}
