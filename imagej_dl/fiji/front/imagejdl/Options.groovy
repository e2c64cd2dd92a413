package imagejdl

/**
 * The options of a macro line: `project=[/my cells] epochs=50 overwrite`.
 * A word alone is a switch that is on; brackets keep a value with spaces together, and so do
 * single quotes, in which '' is one quote.
 */
class Options {
    static Map<String, String> parse(String text) {
        def found = new LinkedHashMap<String, String>()
        int at = 0
        int end = text.length()
        while (at < end) {
            if (text[at].trim().isEmpty()) { at++; continue }
            int start = at
            while (at < end && text[at] != "=" && !text[at].trim().isEmpty()) at++
            String key = text[start..<at]
            if (at == end || text[at] != "=") { found[key] = "true"; continue }
            at++
            String close = at == end ? "" : text[at] == "[" ? "]" : text[at] == "'" ? "'" : ""
            if (close) {
                int last = closing(text, at, close)
                if (last < 0) throw new CommandError("The options end within the value of $key: $text")
                String value = text[(at + 1)..<last]
                found[key] = close == "'" ? value.replace("''", "'") : value
                at = last + 1
            } else {
                start = at
                while (at < end && !text[at].trim().isEmpty()) at++
                found[key] = text[start..<at]
            }
        }
        return found
    }

    /** Brackets may hold brackets, as ImageJ reads them. */
    private static int closing(String text, int at, String close) {
        int depth = 0
        for (int i = at; i < text.length(); i++) {
            if (text[i] == "[" && close == "]") depth++
            else if (text[i] == close && close == "]" && --depth == 0) return i
            else if (text[i] == close && close == "'" && i > at) {
                if (i + 1 == text.length() || text[i + 1] != "'") return i
                i++
            }
        }
        return -1
    }

    /** A value as options hold it, so that parse() reads it again. */
    static String quote(String value) {
        boolean blank = value.isEmpty() || value.any { it.trim().isEmpty() }
        if (!blank && !(value[0] in ["[", "'"])) return value
        String bracketed = "[" + value + "]"
        if (closing(bracketed, 0, "]") == bracketed.length() - 1) return bracketed
        return "'" + value.replace("'", "''") + "'"
    }

    /** Whether ImageJ's Recorder, which only puts brackets around spaces, writes a value rightly. */
    static boolean simple(String value) {
        boolean escaped = value.any { it == '"' || it == "\\" || (it as char) < (' ' as char) }
        return !escaped && quote(value) == (value.contains(" ") ? "[" + value + "]" : value)
    }

    /** A text as ImageJ's macros, Java and JavaScript write it. */
    static String literal(String text) {
        def written = text.replace("\\", "\\\\").replace("\"", "\\\"")
        return "\"" + written.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + "\""
    }
}
