package imagejdl

import ij.ImagePlus
import javax.xml.parsers.DocumentBuilderFactory

/** Opens TrackMate's window on a file of tracks, over the movie's own window if that is open. */
class TrackMate {
    // Compiled where TrackMate is: ImageJ alone does not have it.
    private static final String LOADER = """
        import fiji.plugin.trackmate.LoadTrackMatePlugIn
        import fiji.plugin.trackmate.io.TmXmlReader
        class OverOpenMovie extends LoadTrackMatePlugIn {
            Closure find
            protected TmXmlReader createReader(File file) {
                def find = this.find
                return new TmXmlReader(file) {
                    ij.ImagePlus readImage() { find(file) ?: super.readImage() }
                }
            }
        }
        return OverOpenMovie
        """

    /** Opens the file; throws ClassNotFoundException if TrackMate is not installed. */
    static void open(String path, ImagePlus movie, ClassLoader loader) {
        def plugin = loader.loadClass("fiji.plugin.trackmate.LoadTrackMatePlugIn")
        def made
        try {
            made = new GroovyShell(loader).evaluate(LOADER).newInstance(find: { File file -> windowOf(file, movie) })
        } catch (Exception | LinkageError other) {
            made = plugin.newInstance()  // another version of TrackMate: it opens the movie once more
        }
        made.run(path)
    }

    /** Returns the open image of the movie that a file of tracks names, unchanged from disk; or null. */
    private static ImagePlus windowOf(File file, ImagePlus known) {
        def data = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file)
            .getElementsByTagName("ImageData").item(0)
        def image = new File(data.getAttribute("folder"), data.getAttribute("filename"))
        if (!image.absolute) image = new File(file.parentFile, image.path)
        return ([known] + OpenImages.all()).find { imp ->
            // TrackMate clears the overlay of the image it draws on, and needs the same number of frames.
            imp != null && imp.visible && imp.overlay == null && imp.NFrames == (data.getAttribute("nframes") as int) &&
                imp.NSlices == 1 && (imp.is(known) || (!imp.changes && same(imp, image)))
        }
    }

    private static boolean same(ImagePlus imp, File file) {
        def info = imp.originalFileInfo
        info?.directory != null && info.fileName != null &&
            new File(info.directory, info.fileName).canonicalPath == file.canonicalPath
    }
}
