#!/bin/sh
# Runs one unit test program and hands on its TAP. cmocka prints a skipped test as "not ok N # SKIP NAME", which TAP reads
# as a failure: it becomes "ok N # SKIP NAME: REASON", the reason being the comment just before. Other text becomes comments.
# UNIT_WRAPPER: a command to run it under, such as valgrind.

status_file=$(mktemp) || exit 99
trap 'rm -f "$status_file"' EXIT
{
    # shellcheck disable=SC2086
    timeout -k 10 "${UNIT_TIMEOUT:-120}" ${UNIT_WRAPPER-} "$@"
    echo $? >"$status_file"
} | awk '
    /^not ok [0-9]+ # SKIP/ {
        sub(/^not /, "")
        if (reason != "")
            $0 = $0 ": " reason
    }
    !/^(ok|not ok|#|1\.\.|Bail out!)/ { $0 = "# " $0 }
    { reason = "" }
    /^# / { reason = substr($0, 3) }
    { print; fflush() }'
status=$(cat "$status_file")
[ "$status" != 124 ] || echo "Bail out! timed out after ${UNIT_TIMEOUT:-120} s"
exit "$status"
