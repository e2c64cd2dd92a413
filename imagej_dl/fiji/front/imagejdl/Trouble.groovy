package imagejdl

/** What the user must know: bad input, a worker that died. The message says what to do. */
class Trouble extends RuntimeException {
    Trouble(String words) { super(words) }
}
