package imagejdl

import java.net.HttpURLConnection
import java.nio.file.Files
import java.nio.file.StandardCopyOption
import java.security.MessageDigest
import javax.net.ssl.SSLException

/** Files from the network, each resumed where a lost connection or a killed Fiji left it. */
class Download {
    private static final int TRIES = 4, CONNECT_MS = 15_000, READ_MS = 30_000
    private final Proxy proxy
    private final Closure<Boolean> cancelled
    private volatile HttpURLConnection current

    /**
     * proxy: its address, or null for the one in Fiji's own settings. cancelled: asked while it
     * waits.
     */
    Download(String proxy, Closure<Boolean> cancelled) {
        this.proxy = named(proxy)
        this.cancelled = cancelled
    }

    /** Ends what is under way, also where it waits for the network. */
    void stop() { current?.disconnect() }

    /** The text of an address. */
    String text(String address) {
        return again(address) { open(address, 0).inputStream.getText("UTF-8") }
    }

    /**
     * Fetches a file. What has come of it is in `NAME.part` beside it; the file itself is there
     * only when it is whole.
     * sha256: in hexadecimal digits, or null where the index tells none.
     * progress: hears how many bytes there are, and of how many (-1: unknown).
     */
    void file(String address, File target, String sha256, Closure progress) {
        if (target.file) return
        def part = new File(target.path + ".part")
        again(address, { part.length() }) { append(address, part, progress) }
        if (sha256 != null && sum(part) != sha256.toLowerCase(Locale.ROOT)) {
            part.delete()
            throw new CommandError("$target.name came damaged from ${host(address)}. Try again.")
        }
        Files.move(part.toPath(), target.toPath(), StandardCopyOption.REPLACE_EXISTING)
    }

    private void append(String address, File part, Closure progress) {
        long there = part.length()
        def connection = open(address, there)
        if (connection.responseCode == 416) {  // there is no more of it than this, or it is another
            part.delete()
            there = 0
            connection = open(address, 0)
        }
        boolean goesOn = there > 0 && connection.responseCode == 206
        if (!goesOn) there = 0
        long rest = connection.contentLengthLong
        long all = rest < 0 ? -1 : there + rest
        def buffer = new byte[1 << 16]
        new FileOutputStream(part, goesOn).withCloseable { out ->
            connection.inputStream.withCloseable { from ->
                int count
                while ((count = from.read(buffer)) > 0) {
                    if (cancelled()) throw new SetUpCancelled()
                    out.write(buffer, 0, count)
                    there += count
                    progress(there, all)
                }
            }
        }
        if (all >= 0 && there < all) throw new IOException("the connection was closed early")
    }

    private HttpURLConnection open(String address, long from) {
        def url = new URL(address)
        if (url.protocol == "file") throw new CommandError("$address: is no address of a network")
        current = (proxy == null ? url.openConnection() : url.openConnection(proxy)) as HttpURLConnection
        current.connectTimeout = CONNECT_MS
        current.readTimeout = READ_MS
        current.setRequestProperty("User-Agent", "imagej-dl")
        current.setRequestProperty("Accept", "text/html, */*")
        if (from > 0) current.setRequestProperty("Range", "bytes=$from-")
        if (url.userInfo) current.setRequestProperty("Authorization", "Basic " +
            URLDecoder.decode(url.userInfo, "UTF-8").bytes.encodeBase64())
        int code = current.responseCode
        if (code >= 500) throw new IOException("${host(address)} answered $code")
        if (code >= 400 && code != 416) throw new CommandError(
            "${host(address)} answered $code for ${url.path.tokenize('/').join('/')}")
        return current
    }

    /** Tries again after a lost connection; as long as more comes each time, without an end. */
    private Object again(String address, Closure<Long> size = { 0L }, Closure work) {
        int tries = 0
        while (true) {
            long before = size()
            try {
                if (cancelled()) throw new SetUpCancelled()
                return work()
            } catch (SSLException error) {
                if (error.message?.contains("PKIX")) throw new UntrustedAddress(host(address))
                if (++tries >= TRIES) throw lost(address, error)
            } catch (IOException error) {
                if (cancelled()) throw new SetUpCancelled()
                if (SetUpTrouble.full(error.message)) throw error
                tries = size() > before ? 1 : tries + 1
                if (tries >= TRIES || error instanceof UnknownHostException) throw lost(address, error)
            }
            for (i in 0..<(10 * tries)) {
                if (cancelled()) throw new SetUpCancelled()
                sleep(100)
            }
        }
    }

    private CommandError lost(String address, IOException error) {
        def through = proxy == null || proxy == Proxy.NO_PROXY ? "" : " through the proxy ${proxy.address()}"
        return new CommandError(SetUpTrouble.unreachable(host(address) + through))
    }

    private static String host(String address) { new URL(address).host }

    private static Proxy named(String address) {
        if (!address) return null
        def uri = new URI(address)
        int port = uri.port > 0 ? uri.port : address.startsWith("socks") ? 1080 : 80
        def type = address.startsWith("socks") ? Proxy.Type.SOCKS : Proxy.Type.HTTP
        return new Proxy(type, new InetSocketAddress(uri.host, port))
    }

    static String sum(File file) {
        def digest = MessageDigest.getInstance("SHA-256")
        file.eachByte(1 << 16) { bytes, count -> digest.update(bytes, 0, count) }
        return digest.digest().encodeHex().toString()
    }
}
