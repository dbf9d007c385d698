#!/bin/sh
# The house has one direction: fails when an include runs the wrong way, or a file does what its room must not.

cd "${top_srcdir:-$(dirname "$0")/..}" || exit 99

n=0

# check NAME OFFENDERS: one TAP line; OFFENDERS is empty when all is well.
check() {
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        printf '%s\n' "$2" | sed 's/^/# /'
    fi
}

# includes TREE...: every local include of the C files there, as "FILE INCLUDED", both as paths from the top.
includes() {
    find "$@" -name '*.[ch]' -exec awk '
        FNR == 1 { dir = FILENAME; sub(/\/[^\/]*$/, "", dir) }
        /^[ \t]*#[ \t]*include[ \t]*"/ {
            split($0, part, "\"")
            path = dir "/" part[2]
            if (part[2] == "config.h")
                next
            while (sub(/[^\/]+\/\.\.\//, "", path))
                ;
            print FILENAME, path
        }' {} +
}

# code PATTERN TREE...: lines outside comments and strings that match.
code() {
    pattern=$1
    shift
    find "$@" -name '*.[ch]' -exec awk -v pattern="$pattern" '
        FNR == 1 { comment = 0 }
        {
            line = $0
            gsub(/\\./, "", line)
            gsub(/"[^"]*"/, "\"\"", line)
            text = ""
            while (line != "") {
                if (comment) {
                    end = index(line, "*/")
                    if (!end)
                        break
                    line = substr(line, end + 2)
                    comment = 0
                } else {
                    begin = index(line, "/*")
                    if (!begin) {
                        text = text line
                        break
                    }
                    text = text substr(line, 1, begin - 1)
                    line = substr(line, begin + 2)
                    comment = 1
                }
            }
            sub(/\/\/.*/, "", text)
            if (text ~ pattern)
                print FILENAME ":" FNR ": " $0
        }' {} +
}

if ! [ -d src ] || ! [ -d ui ]; then
    echo "1..0 # SKIP the sources are not here"
    exit 0
fi

check "src includes only src" \
    "$(includes src | awk '$2 !~ /^src\//')"

check "ui includes only ui and src" \
    "$(includes ui | awk '$2 !~ /^(ui|src)\//')"

check "every include is there" \
    "$(includes src ui | while read -r from to; do [ -f "$to" ] || echo "$from includes $to"; done)"

check "observe includes only leaves, cpusets and itself" \
    "$(includes src/observe | awk '$2 !~ /^src\/(observe\/|(err|event|clock|cpuset)\.h$)/')"

check "engine does not know timeline, session, export and report" \
    "$(includes src/engine | awk '$2 ~ /^src\/(timeline|export|session|report)/')"

check "workload includes only leaves, cpusets, formulas and itself" \
    "$(includes src/workload | awk '$2 !~ /^src\/(workload\/|(err|event|clock|cpuset|lesson\/expression)\.h$)/')"

check "import includes only leaves and itself" \
    "$(includes src/import | awk '$2 !~ /^src\/(import\/|(err|event)\.h$)/')"

check "timeline includes only leaves and itself" \
    "$(includes src/timeline | awk '$2 !~ /^src\/(timeline\/|(err|event|clock)\.h$)/')"

check "record includes only leaves, the timeline's face and itself" \
    "$(includes src/record | awk '$2 !~ /^src\/(record\/|timeline\/timeline\.h$|(err|event|clock)\.h$)/')"

check "export knows no observer and no engine" \
    "$(includes src/export | awk '$2 ~ /^src\/(observe|engine)\//')"

check "only ui/screen.c includes curses" \
    "$(grep -rnE '^[ 	]*#[ 	]*include[ 	]*[<"].*(curses|term)\.h[>"]' src ui | grep -vE '^ui/screen\.c:|termios')"

check "views know no kernel" \
    "$(grep -nE '#[ 	]*include[ 	]*<(sys/|linux/|unistd|sched|signal|pthread|poll|fcntl)' ui/view*.[ch] ui/canvas.[ch] \
        ui/theme.[ch] ui/viewport.[ch] 2>/dev/null)"

check "nothing under src prints" \
    "$(code '(^|[^a-zA-Z0-9_])((printf|vprintf|puts|putchar|perror|errx?|warnx?|syslog|psignal)[ ]*\\(|(stdout|stderr)[^a-zA-Z0-9_])' src)"

check "nothing under src ends the program" \
    "$(code '(^|[^a-zA-Z0-9_])(exit|quick_exit)[ ]*\(' src)"

check "no struct typedefs" \
    "$(code '^[ ]*typedef[ ]+(struct|union|enum)' src ui)"

check "no include-all header" \
    "$(find src ui -name '*.h' | while read -r header; do
        [ "$(grep -c '^#include "' "$header")" -le 8 ] || echo "$header"
    done)"

check "every file begins with its purpose" \
    "$(find src ui -name '*.[ch]' | while read -r file; do
        head -n 1 "$file" | grep -q '^/\* ' || echo "$file"
    done)"

check "every source file is in Makefile.am" \
    "$(find src ui tests/unit tests/fuzz tests/bench tests/e2e -name '*.[ch]' -o -path 'tests/e2e/*.py' | sort |
        while read -r file; do
            grep -qE "(^|[ 	])${file%.c}(\.c)?([ 	]|\$)" Makefile.am || echo "$file"
        done)"

echo "1..$n"
