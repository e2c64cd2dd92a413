package imagejdl

/** A program of the set-up ended with an error; the message is all that it said. */
class UvError extends RuntimeException {
    UvError(String said) { super(said) }
}
