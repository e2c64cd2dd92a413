package imagejdl

/**
 * Java does not know who signed the certificate of a host, as in networks that read what goes
 * through them. uv asks the operating system, which may know.
 */
class UntrustedAddress extends CommandError {
    UntrustedAddress(String host) {
        super("Java does not trust the certificate of $host. Put uv on the PATH, or name a folder of wheels.")
    }
}
