# Makes lessons/catalogue_data.c (in the build tree) out of the lesson files: each as a string, with its name.
# usage: awk -f embed.awk FILE...
BEGIN { print "/* Made by lessons/embed.awk: do not edit. */\n#include \"src/lesson/catalogue.h\"\n\nconst struct catalogue_entry catalogue[] = {" }
FNR == 1 {
    if (NR > 1)
        print "    },"
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.[^.]*$/, "", name)
    printf "    {\"%s\",\n", name
}
{
    gsub(/\\/, "\\\\")
    gsub(/"/, "\\\"")
    gsub(/\?\?/, "?\"\"?")
    printf "     \"%s\\n\"\n", $0
}
END { print "    },\n};\nconst unsigned n_catalogue = sizeof catalogue / sizeof *catalogue;" }
