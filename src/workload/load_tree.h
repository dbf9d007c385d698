/* A file as a tree of scalars, sequences and mappings: JSON and YAML alike, in order, with repeated keys and
 * with the place of everything. */
#ifndef SCHEDVIZ_LOAD_TREE_H
#define SCHEDVIZ_LOAD_TREE_H

#include "../err.h"
#include "load_text.h"

#define TREE_MAX_DEPTH 32
#define TREE_MAX_NODES 2000000 /* what an alias stands for counts each time that it is used */

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct node {
    enum node_kind kind;
    bool quoted; /* NODE_SCALAR: in quotes or a block: it is a text, whatever it looks like */
    struct place place;
    uint32_t n_children; /* a mapping: keys and values, in turn */
    uint32_t weight;     /* nodes in it, itself included */
    const char *text;    /* NODE_SCALAR; else "" */
    const struct node *first, *next;
};

struct tree {
    struct tree_chunk *chunks; /* all of it is freed at once */
    const struct node *root;   /* NULL: an empty file */
};

/* False with one line that names the file and the place when it is not readable. tree_free() it either way.
 */
bool tree_read(struct tree *tree, const char *file, const char *text, size_t length, struct err *err);
void tree_free(struct tree *tree);

/* The same by libyaml alone. tree_read() reads plain JSON faster by itself, with the same nodes: the tests
 * compare. */
bool tree_read_yaml(struct tree *tree, const char *file, const char *text, size_t length, struct err *err);

/* What a line about bytes that are no text ends with: of standard input and pipes, that a recording is not
 * read from them. */
const char *tree_way_out(const char *file);

#endif
