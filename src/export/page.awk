# Makes src/export/page_data.c (in the build tree) out of page.css and page.js: each as a string with its SHA-256 in base64, by
# which the page's Content-Security-Policy allows it.
# usage: sha256sum page.css page.js | awk -f page.awk
function quote(line) {
    gsub(/[\\"]/, "\\\\&", line)
    gsub(/\?\?/, "?\"\"?", line)
    return line
}

# 24 bits at a time; mawk has no hexadecimal numbers.
function base64(hex,    text, i, bits, n) {
    n = length(hex)
    for (i = 1; i <= n; i += 6) {
        bits = value(substr(hex, i, 6)) * 16 ^ (6 - length(substr(hex, i, 6)))
        text = text digit(bits, 262144) digit(bits, 4096)
        text = text (i + 2 <= n ? digit(bits, 64) : "=") (i + 4 <= n ? digit(bits, 1) : "=")
    }
    return text
}

function value(hex,    i, sum) {
    for (i = 1; i <= length(hex); i++)
        sum = sum * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
    return sum
}

function digit(bits, unit) {
    return substr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", int(bits / unit) % 64 + 1, 1)
}

BEGIN { print "/* Made by page.awk: do not edit. */\n#include \"src/export/page.h\"\n" }
{
    name = $2 ~ /\.css$/ ? "page_style" : "page_script"
    printf "const char %s_hash[] = \"%s\";\nconst char %s[] =\n", name, base64($1), name
    while ((getline line < $2) > 0)
        printf "    \"%s\\n\"\n", quote(line)
    print "    ;"
}
