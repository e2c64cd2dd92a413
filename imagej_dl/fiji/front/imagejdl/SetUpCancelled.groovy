package imagejdl

/** The user has cancelled the set-up; what has been downloaded is kept for the next time. */
class SetUpCancelled extends RuntimeException {
    SetUpCancelled() { super("The set-up was cancelled; what was downloaded is kept for the next time.") }
}
