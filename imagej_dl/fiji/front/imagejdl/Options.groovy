package imagejdl

/**
 * The options of a macro line: `project=[/my cells] epochs=50 overwrite`.
 * A word alone is a switch that is on; brackets keep a value with spaces together.
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
                if (last < 0) throw new Trouble("The options end within the value of $key: $text")
                found[key] = text[(at + 1)..<last]
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
            else if (text[i] == close && (close == "]" ? --depth == 0 : i > at)) return i
        }
        return -1
    }
}
