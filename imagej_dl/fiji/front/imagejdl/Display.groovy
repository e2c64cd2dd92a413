package imagejdl

import ij.CompositeImage
import ij.ImagePlus
import ij.process.LUT

/** How an image is shown: LUTs, display ranges, mode of the channels, slice labels. */
class Display {
    /** Describes it in the words of imagej_dl.images.display. */
    static Map of(ImagePlus imp) {
        def shown = [:]
        def stack = imp.getStack()
        def labels = stack.size < 2 ? [] : (1..stack.size).collect { stack.getSliceLabel(it) ?: "" }
        if (labels.any()) shown.slice_labels = labels
        if (imp.type == ImagePlus.COLOR_RGB) return shown + [display_mode: "rgb"]
        if (imp instanceof CompositeImage && imp.NChannels > 1) {
            def luts = imp.luts as List
            return shown + [luts: luts.collect { colours(it) }, display_mode: imp.modeAsString,
                display_ranges: luts.collect { [it.min, it.max] }]
        }
        // Channels that are no CompositeImage share one LUT and one range.
        def ip = imp.getProcessor()
        int channels = imp.NChannels
        return shown + [luts: [colours(ip.lut)] * channels, display_ranges: [[ip.min, ip.max]] * channels]
    }

    /** Shows an image so; gives it back, or the CompositeImage made of it. */
    static ImagePlus apply(ImagePlus imp, Map shown) {
        shown.slice_labels?.eachWithIndex { label, i ->
            if (label) imp.getStack().setSliceLabel(label as String, i + 1)
        }
        int channels = imp.NChannels
        if (channels > 1) {
            int mode = [composite: CompositeImage.COMPOSITE, color: CompositeImage.COLOR,
                grayscale: CompositeImage.GRAYSCALE][shown.display_mode] ?: CompositeImage.COMPOSITE
            if (!(imp instanceof CompositeImage)) imp = new CompositeImage(imp, mode)
            imp.setMode(mode)
            def luts = imp.luts
            for (int i = 0; i < channels; i++) {
                def (low, high) = [luts[i].min, luts[i].max]
                if (shown.luts) luts[i] = lut(shown.luts[i])
                if (shown.display_ranges) (low, high) = shown.display_ranges[i]
                luts[i].min = low as double
                luts[i].max = high as double
                imp.setChannelLut(luts[i], i + 1)
            }
            // The channel that is shown has a range of its own, besides that of its LUT.
            imp.setDisplayRange(luts[0].min, luts[0].max)
            return imp
        }
        if (shown.luts) imp.setLut(lut(shown.luts[0]))
        if (shown.display_ranges) {
            def (low, high) = shown.display_ranges[0]
            imp.setDisplayRange(low as double, high as double)
        }
        return imp
    }

    /** 256 colours, [red, green, blue] each; short LUTs are filled with black. */
    private static List colours(LUT lut) {
        def bytes = (0..2).collect { new byte[256] }
        lut.getReds(bytes[0])
        lut.getGreens(bytes[1])
        lut.getBlues(bytes[2])
        return (0..<256).collect { i -> bytes.collect { it[i] & 255 } }
    }

    private static LUT lut(List colours) {
        def bytes = (0..2).collect { k -> colours.collect { it[k] as byte } as byte[] }
        return new LUT(bytes[0], bytes[1], bytes[2])
    }
}
