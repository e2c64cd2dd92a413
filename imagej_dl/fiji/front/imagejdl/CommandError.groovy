package imagejdl

/** What the user must know: bad input, a worker that died. The message says what to do. */
class CommandError extends RuntimeException {
    CommandError(String words) { super(words) }

    /** No trace of our code: it would hide the words from the user. */
    synchronized Throwable fillInStackTrace() { this }
}
