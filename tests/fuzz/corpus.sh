#!/bin/sh
# Runs each fuzz target over its corpus, tests/fuzz/corpus/NAME/*. FUZZERS: the programs, below top_builddir.

data=${top_srcdir:?}/tests/fuzz/corpus
n=0
for fuzzer in ${FUZZERS:?}; do
    name=${fuzzer##*/fuzz_}
    n=$((n + 1))
    if output=$(timeout 120 "${top_builddir:?}/$fuzzer" "$data/$name"/* 2>&1); then
        echo "ok $n - $name, $(find "$data/$name" -type f | wc -l) files"
    else
        printf '%s\n' "$output" | sed 's/^/# /'
        echo "not ok $n - $name"
    fi
done
echo "1..$n"
