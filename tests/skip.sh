#!/bin/sh
# Stands in for tests that were not built: says which and why. SKIP_REASONS: reasons, a semicolon before each.

printf '%s\n' "${SKIP_REASONS#;}" | tr ';' '\n' | awk '{ print "ok " NR " # SKIP " $0 } END { print "1.." NR }'
