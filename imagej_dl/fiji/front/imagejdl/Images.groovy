package imagejdl

import ij.IJ
import ij.CompositeImage
import ij.ImagePlus
import ij.ImageStack
import ij.process.*
import java.nio.ByteOrder
import org.apposed.appose.NDArray
import org.apposed.appose.NDArray.DType
import org.apposed.appose.NDArray.Shape
import org.apposed.appose.SharedMemory

/** Images through shared memory: arrays of T, Z, C, Y, X, ImageJ's own order of planes. */
class Images {
    /** The exact unit, since ImageJ respells some (um becomes µm). */
    static final String UNIT = "imagej_dl.unit"

    /** What is kept beside pixels that ImageJ has no type for, such as label ids above 2^24. */
    static final List EXACT = ["imagej_dl.dtype", "imagej_dl.ids"]

    /** Copies an image into shared memory; the caller closes it. RGB becomes three channels. */
    static NDArray share(ImagePlus imp) {
        def (w, h, c, z, t) = imp.dimensions as List
        boolean rgb = imp.type == ImagePlus.COLOR_RGB
        def kind = imp.type == ImagePlus.GRAY16 ? DType.UINT16 :
            imp.type == ImagePlus.GRAY32 ? DType.FLOAT32 : DType.UINT8
        long bytes = (long) w * h * (rgb ? 3 : c) * z * t * kind.bytesPerElement()
        if (bytes > Integer.MAX_VALUE) throw new CommandError("${imp.title}: is above 2 GB, too large " +
            "to hand over from ImageJ's memory. Save it, and name its file instead.")
        def shape = new Shape(Shape.Order.C_ORDER, t, z, rgb ? 3 : c, h, w)
        def array = ApposeLoader.within { new NDArray(kind, shape) }
        def buffer = array.buffer().order(ByteOrder.nativeOrder())
        def stack = imp.getStack()
        for (int i = 1; i <= stack.size; i++) {
            def pixels = stack.getPixels(i)
            if (rgb) {
                def plane = new ColorProcessor(w, h, pixels as int[])
                (1..3).each { buffer.put(plane.getChannel(it) as byte[]) }
            } else put(buffer, pixels)
        }
        return array
    }

    private static void put(buffer, byte[] pixels) { buffer.put(pixels) }

    private static void put(buffer, short[] pixels) {
        buffer.asShortBuffer().put(pixels)
        buffer.position(buffer.position() + 2 * pixels.length)
    }

    private static void put(buffer, float[] pixels) {
        buffer.asFloatBuffer().put(pixels)
        buffer.position(buffer.position() + 4 * pixels.length)
    }

    /** What the array does not say: title, calibration, and how it is shown. */
    static Map about(ImagePlus imp) {
        def cal = imp.calibration
        def exact = imp.getProp(UNIT)
        def respelled = cal.copy()
        if (exact != null) respelled.setUnit(exact)
        boolean same = exact != null && respelled.unit == cal.unit
        return [title: imp.title, pixel_width: cal.pixelWidth, pixel_height: cal.pixelHeight,
            pixel_depth: cal.pixelDepth, unit: same ? exact : cal.unit,
            unit_y: cal.YUnit == cal.unit ? "" : cal.YUnit,
            unit_z: cal.ZUnit == cal.unit ? "" : cal.ZUnit, signed: cal.isSigned16Bit(),
            frame_interval: cal.frameInterval, time_unit: cal.timeUnit, display: Display.of(imp),
            props: EXACT.collectEntries { [it, imp.getProp(it)] }.findAll { it.value != null }]
    }

    /** Copies a shared image into a new ImagePlus and gives the shared memory back. */
    static ImagePlus take(Map shared, String title) {
        def array = attached(shared.array)
        def (t, z, c, h, w) = array.shape().toIntArray(Shape.Order.C_ORDER) as List
        def stack = new ImageStack(w, h)
        def buffer = array.buffer().order(ByteOrder.nativeOrder())
        int plane = w * h
        for (int i = 0; i < t * z * c; i++) stack.addSlice("", get(array.dType(), buffer, i, plane))
        array.shm().unlinkOnClose(true)
        array.close()
        def imp = new ImagePlus(title, stack)
        imp.setDimensions(c, z, t)
        imp.setOpenAsHyperStack(stack.size > 1)
        def cal = imp.calibration
        def about = shared.about
        cal.pixelWidth = about.pixel_width
        cal.pixelHeight = about.pixel_height
        cal.pixelDepth = about.pixel_depth
        cal.setUnit(about.unit)
        imp.setProp(UNIT, about.unit)
        cal.frameInterval = about.frame_interval
        cal.timeUnit = "sec"
        if (about.signed) cal.setSigned16BitCalibration()
        (about.props ?: [:]).each { key, value -> imp.setProp(key, value) }
        if (c > 1) imp = new CompositeImage(imp, CompositeImage.COMPOSITE)
        imp.resetDisplayRange()
        if (about.lut) {
            def bytes = (0..2).collect { k -> about.lut.collect { it[k] as byte } as byte[] }
            imp.setLut(new LUT(bytes[0], bytes[1], bytes[2]))
        }
        if (about.range) imp.setDisplayRange(about.range[0] as double, about.range[1] as double)
        return about.display ? Display.apply(imp, about.display) : imp
    }

    /** Appose gives arrays that lie within lists and maps as what they are called. */
    private static NDArray attached(array) {
        if (array instanceof NDArray) return array
        def kind = DType.fromLabel(array.dtype)
        def shape = new Shape(Shape.Order.C_ORDER, array.shape as int[])
        def memory = ApposeLoader.within { SharedMemory.attach(array.shm.name, array.shm.rsize as long) }
        return new NDArray(kind, shape, memory)
    }

    private static Object get(DType kind, buffer, int index, int size) {
        switch (kind) {
            case DType.UINT16:
                def shorts = new short[size]
                buffer.asShortBuffer().position(index * size).get(shorts)
                return shorts
            case DType.FLOAT32:
                def floats = new float[size]
                buffer.asFloatBuffer().position(index * size).get(floats)
                return floats
            default:
                def bytes = new byte[size]
                def part = buffer.duplicate()
                part.position(index * size)
                part.get(bytes)
                return bytes
        }
    }
}
