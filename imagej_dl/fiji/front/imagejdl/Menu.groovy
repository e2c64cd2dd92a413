package imagejdl

import ij.CommandListener
import ij.Executer
import ij.IJ
import ij.Macro
import ij.Menus
import java.awt.EventQueue
import java.awt.Menu as AwtMenu
import java.awt.MenuItem

/**
 * The commands in the menu Plugins > ImageJ-DL and for `run("ImageJ-DL ...")` of macros, in an
 * ImageJ that Python hosts. (A Fiji with the installed scripts finds them by itself.)
 */
class Menu implements CommandListener {
    final Front front

    private Menu(Front front) { this.front = front }

    static void install(Front front) {
        if (IJ.getProperty("imagej-dl.menu") != null) return
        def listener = new Menu(front)
        IJ.setProperty("imagej-dl.menu", listener)
        Executer.addCommandListener(listener)
        def bar = Menus.menuBar
        if (bar == null) return  // no window: macros only
        def plugins = (0..<bar.menuCount).collect { bar.getMenu(it) }.find { it.label == "Plugins" }
        def there = items(plugins).find { it instanceof AwtMenu && it.label == "ImageJ-DL" }
        def ours = there ?: new AwtMenu("ImageJ-DL")
        // A Fiji with the installed scripts has made the menu: one of each is enough.
        def known = items(ours)*.label
        front.commands().findAll { !(it.label in known) }.each { command ->
            def item = new MenuItem(command.label)
            item.addActionListener(IJ.instance)
            ours.add(item)
            // ImageJ's command finder reads this table.
            Menus.commands.put(command.label, "imagejdl.Menu(\"$command.name\")".toString())
        }
        if (there == null) plugins.add(ours)
    }

    /** Puts the menu into the order of work; Fiji sorts scripts by their names. */
    static void order(List<String> labels) {
        def bar = Menus.menuBar
        if (bar == null) return
        def plugins = (0..<bar.menuCount).collect { bar.getMenu(it) }.find { it.label == "Plugins" }
        def ours = plugins == null ? null : items(plugins).find { it instanceof AwtMenu && it.label == "ImageJ-DL" }
        if (ours == null) return
        def there = items(ours)
        def ordered = there.sort(false) { labels.indexOf(it.label) < 0 ? labels.size() : labels.indexOf(it.label) }
        if (ordered*.label == there*.label) return
        EventQueue.invokeLater {
            ours.removeAll()
            ordered.each { ours.add(it) }
        }
    }

    private static List<MenuItem> items(AwtMenu menu) {
        (0..<menu.itemCount).collect { menu.getItem(it) }
    }

    /** Takes our commands; null tells ImageJ that nothing is left to do. */
    String commandExecuting(String command) {
        def ours = command == Extensions.COMMAND || command.startsWith("ImageJ-DL ")
        if (ours) letOthersRun()
        if (command == Extensions.COMMAND) {
            Extensions.register(front)
            return null
        }
        if (!ours) return command
        front.run(command, Macro.options)
        return null
    }

    /**
     * ImageJ holds its list of listeners locked while one is called, and so every other command
     * would wait until a training has ended. A copy takes the list's place, for the others to lock.
     */
    private static void letOthersRun() {
        def field = Executer.getDeclaredField("listeners")
        field.accessible = true
        field.set(null, new Vector(field.get(null)))
    }
}
