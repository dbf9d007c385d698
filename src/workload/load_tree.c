/* Reads a file into a tree of nodes: what is plainly JSON by itself, everything else from the events of
 * libyaml. */
#include "load_tree.h"

#include <assert.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

/* ---- Memory that is freed at once ---- */

#define CHUNK_SIZE ((size_t)1024 * 1024)

struct tree_chunk {
    struct tree_chunk *next;
    size_t size, used;
    max_align_t memory[];
};

static void *allocate(struct tree *tree, size_t size)
{
    struct tree_chunk *chunk = tree->chunks;

    size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = mem_new(1, sizeof *chunk + room);
        *chunk = (struct tree_chunk){.next = tree->chunks, .size = room};
        tree->chunks = chunk;
    }
    void *memory = (char *)chunk->memory + chunk->used;
    chunk->used += size;
    return memory;
}

void tree_free(struct tree *tree)
{
    while (tree->chunks) {
        struct tree_chunk *next = tree->chunks->next;
        free(tree->chunks);
        tree->chunks = next;
    }
    tree->root = NULL;
}

/* ---- Nodes, one after the other ---- */

struct open_node {
    struct node *node;
    const struct node **end; /* where its next child is linked */
    const char *anchor;      /* NULL: none */
};

struct builder {
    struct tree *tree;
    const char *file;
    struct err *err;
    struct lh_table *anchors; /* name -> complete node */
    struct open_node open[TREE_MAX_DEPTH];
    unsigned depth;
};

static bool fail(struct builder *b, struct place at, const char *what)
{
    return err_set(b->err, "%s:%u:%u: %s", b->file, at.line, at.column, what);
}

static const char *copy_text(struct tree *tree, const void *text, size_t length)
{
    char *copy = allocate(tree, length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

static struct node *new_node(struct builder *b, enum node_kind kind, struct place place)
{
    struct node *node = allocate(b->tree, sizeof *node);
    *node = (struct node){.kind = kind, .place = place, .weight = 1, .text = ""};
    return node;
}

static void name_node(struct builder *b, const char *anchor, const struct node *node)
{
    lh_table_delete(b->anchors, anchor);
    lh_table_insert(b->anchors, anchor, node);
}

/* Puts a node, complete or still to be filled, into the one that is open. */
static bool place_node(struct builder *b, struct node *node)
{
    if (b->depth == 0) {
        if (b->tree->root)
            return fail(b, node->place, "a second document begins; a workload is one document");
        b->tree->root = node;
        return true;
    }
    struct open_node *parent = &b->open[b->depth - 1];
    if (parent->node->kind == NODE_MAPPING && parent->node->n_children % 2 == 0 && node->kind != NODE_SCALAR)
        return fail(b, node->place, "a list or a group stands where a name is expected; write NAME: VALUE");
    *parent->end = node;
    parent->end = &node->next;
    parent->node->n_children++;
    return true;
}

/* A node is complete: what it weighs counts in the one around it. */
static bool weigh(struct builder *b, const struct node *node)
{
    if (b->depth == 0)
        return true;
    struct node *parent = b->open[b->depth - 1].node;
    if (node->weight > TREE_MAX_NODES - parent->weight)
        return fail(b, node->place, "too much, with what the aliases stand for; write it shorter");
    parent->weight += node->weight;
    return true;
}

static bool begin_group(struct builder *b, enum node_kind kind, struct place place, const char *anchor)
{
    struct node *node = new_node(b, kind, place);

    if (b->depth == TREE_MAX_DEPTH)
        return fail(b, node->place, "nested too deeply; no workload needs that");
    if (!place_node(b, node))
        return false;
    b->open[b->depth++] = (struct open_node){
        .node = node,
        .end = &node->first,
        .anchor = anchor ? copy_text(b->tree, anchor, strlen(anchor)) : NULL,
    };
    return true;
}

static bool end_group(struct builder *b)
{
    assert(b->depth > 0); /* both readers pair beginnings and ends */
    const struct open_node *open = &b->open[--b->depth];

    if (open->anchor)
        name_node(b, open->anchor, open->node);
    return weigh(b, open->node);
}

/* ---- From plain JSON ----
 *
 * Most of what is large comes out of a generator, and libyaml needs 35 ms for a megabyte of it. So braces
 * that hold words, and texts without escapes, are read here, six times faster, just as libyaml reads them
 * (tests/fuzz/fuzz_load.c compares). Whatever else stands there is not judged but left to libyaml, from the
 * beginning. */

#define JSON_MAX_KEY                                                                                         \
    1000 /* libyaml takes a key of up to 1024 characters, with its colon in the same line                    \
          */

struct json {
    struct builder *b;
    const char *at, *end; /* *end is 0 */
    const char *line;     /* where the line of `at' begins */
    unsigned n_lines;     /* before that one */
};

static struct place json_place(const struct json *j)
{
    return (struct place){j->n_lines + 1, (unsigned)(j->at - j->line) + 1};
}

static void json_skip_blanks(struct json *j)
{
    while (*j->at == ' ' || *j->at == '\t')
        j->at++;
}

static void json_skip_space(struct json *j)
{
    for (json_skip_blanks(j); *j->at == '\n'; json_skip_blanks(j)) {
        j->line = ++j->at;
        j->n_lines++;
    }
}

/* What only ever ends a word, or a text, and means nothing else. */
static bool json_is_end(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == ',' || c == '}' || c == ']';
}

static const char *json_end_of_word(const char *at)
{
    static const bool of_word[256] = {['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
                                      ['_'] = true,         ['.'] = true,         ['-'] = true};
    if (*at == '.' || (*at == '-' && !(at[1] >= '0' && at[1] <= '9')))
        return at; /* "---" and "..." are marks of YAML */
    while (of_word[(unsigned char)*at])
        at++;
    return at;
}

static const char *json_end_of_text(const char *at)
{
    while (*at >= ' ' && *at <= '~' && *at != '"' && *at != '\\')
        at++;
    return at;
}

static bool json_scalar(struct json *j)
{
    const bool quoted = *j->at == '"';
    const char *begin = j->at + quoted;
    const char *end = quoted ? json_end_of_text(begin) : json_end_of_word(begin);
    struct node *node = new_node(j->b, NODE_SCALAR, json_place(j));

    if (quoted ? *end != '"' : end == begin)
        return false;
    node->text = copy_text(j->b->tree, begin, (size_t)(end - begin));
    node->quoted = quoted;
    j->at = end + quoted;
    return place_node(j->b, node) && weigh(j->b, node);
}

/* A colon that something follows at once is part of a word that has no quotes. */
static bool json_key(struct json *j)
{
    const char *begin = j->at;
    const bool quoted = *begin == '"';

    if (!json_scalar(j))
        return false;
    json_skip_blanks(j);
    return *j->at == ':' && (quoted || json_is_end(j->at[1])) && j->at++ - begin <= JSON_MAX_KEY;
}

static bool json_value(struct json *j);

static bool json_group(struct json *j, enum node_kind kind, char end)
{
    bool more = true;

    if (!begin_group(j->b, kind, json_place(j), NULL))
        return false;
    j->at++;
    for (json_skip_space(j); more && *j->at != end; json_skip_space(j)) {
        if (kind == NODE_MAPPING && !json_key(j))
            return false;
        json_skip_space(j);
        if (!json_value(j))
            return false;
        json_skip_space(j);
        more = *j->at == ',';
        j->at += more;
    }
    return *j->at++ == end && end_group(j->b);
}

static bool json_value(struct json *j)
{
    if (*j->at == '{')
        return json_group(j, NODE_MAPPING, '}');
    if (*j->at == '[')
        return json_group(j, NODE_SEQUENCE, ']');
    return json_scalar(j) && json_is_end(*j->at);
}

/* False when there is something else in it than plain JSON: the nodes that were built are of no use then. */
static bool build_json(struct builder *b, const char *text, size_t length)
{
    struct json j = {.b = b, .at = text, .end = text + length, .line = text};

    while (*j.at == ' ' || *j.at == '\n') { /* outside of braces a tab is no blank */
        if (*j.at++ == '\n') {
            j.line = j.at;
            j.n_lines++;
        }
    }
    if (*j.at != '{' || !json_value(&j))
        return false;
    while (*j.at == ' ' || *j.at == '\n')
        j.at++;
    return j.at == j.end;
}

/* ---- From the events of libyaml ---- */

static struct place place_of(yaml_mark_t mark)
{
    return (struct place){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static bool add_scalar(struct builder *b, const yaml_event_t *event)
{
    struct node *node = new_node(b, NODE_SCALAR, place_of(event->start_mark));

    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
        return fail(b, node->place, "a text with a zero byte in it; take it out");
    node->text = copy_text(b->tree, event->data.scalar.value, event->data.scalar.length);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (event->data.scalar.anchor) {
        const char *anchor = (const char *)event->data.scalar.anchor;
        name_node(b, copy_text(b->tree, anchor, strlen(anchor)), node);
    }
    return place_node(b, node) && weigh(b, node);
}

/* An alias shares the children of what it stands for, and has its own place. A group is known by its anchor
 * only when it is complete, so nothing contains itself. */
static bool add_alias(struct builder *b, const yaml_event_t *event)
{
    struct node *node = new_node(b, NODE_SCALAR, place_of(event->start_mark));
    struct place place = node->place;
    void *target;

    if (!lh_table_lookup_ex(b->anchors, event->data.alias.anchor, &target))
        return fail(b, place, "an alias of something that is not there before it; set &NAME there");
    *node = *(const struct node *)target;
    node->place = place;
    node->next = NULL;
    return place_node(b, node) && weigh(b, node);
}

static bool begin_yaml_group(struct builder *b, enum node_kind kind, const yaml_event_t *event,
                             const yaml_char_t *anchor)
{
    return begin_group(b, kind, place_of(event->start_mark), (const char *)anchor);
}

static bool take_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return add_scalar(b, event);
    case YAML_ALIAS_EVENT:
        return add_alias(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return begin_yaml_group(b, NODE_SEQUENCE, event, event->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return begin_yaml_group(b, NODE_MAPPING, event, event->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return end_group(b);
    default:
        return true;
    }
}

const char *tree_way_out(const char *file)
{
    struct stat at;
    const bool is_pipe = strcmp(file, "-") == 0 || (stat(file, &at) == 0 && S_ISFIFO(at.st_mode));
    return is_pipe ? "; a recording cannot be read from a pipe: save it to a file" : "";
}

static bool fail_syntax(struct builder *b, const yaml_parser_t *parser)
{
    const char *problem = parser->problem ? parser->problem : "it cannot be read";

    if (parser->error == YAML_READER_ERROR)
        return err_set(b->err, "%s: byte %zu: %s; save it as UTF-8 text%s", b->file, parser->problem_offset,
                       problem, tree_way_out(b->file));
    if (parser->error == YAML_MEMORY_ERROR)
        err_no_memory();
    struct place at = place_of(parser->problem_mark);
    if (!parser->context)
        return err_set(b->err, "%s:%u:%u: %s; look for a missing comma, colon, quote or bracket before it",
                       b->file, at.line, at.column, problem);
    return err_set(b->err, "%s:%u:%u: %s %s; look at what begins in line %zu", b->file, at.line, at.column,
                   problem, parser->context, parser->context_mark.line + 1);
}

static bool build_yaml(struct builder *b, const char *text, size_t length)
{
    yaml_parser_t parser;
    bool good = true, ended = false;

    if (!yaml_parser_initialize(&parser))
        err_no_memory();
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    while (good && !ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            good = fail_syntax(b, &parser);
            break;
        }
        good = take_event(b, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return good;
}

/* `text' without its comments. */
static bool build(struct builder *b, const char *text, size_t length, bool json)
{
    if (json && build_json(b, text, length))
        return true;
    tree_free(b->tree);
    *b = (struct builder){.tree = b->tree, .file = b->file, .err = b->err};
    b->err->msg[0] = '\0'; /* what the other reader did not take is no error */
    b->anchors = lh_kchar_table_new(64, NULL);
    if (!b->anchors)
        err_no_memory();
    bool good = build_yaml(b, text, length);
    lh_table_free(b->anchors);
    return good;
}

static bool read_tree(struct tree *tree, const char *file, const char *text, size_t length, bool json,
                      struct err *err)
{
    struct builder b = {.tree = tree, .file = file, .err = err};
    struct place begin = {1, 1};
    size_t new_length = 0;
    char *blanked = text_blank_comments(text, length, &new_length, &begin);
    bool good;

    *tree = (struct tree){0};
    if (!blanked)
        return fail(&b, begin, "this comment does not end; close it with */");
    good = build(&b, blanked, new_length, json);
    free(blanked);
    return good;
}

bool tree_read(struct tree *tree, const char *file, const char *text, size_t length, struct err *err)
{
    return read_tree(tree, file, text, length, true, err);
}

bool tree_read_yaml(struct tree *tree, const char *file, const char *text, size_t length, struct err *err)
{
    return read_tree(tree, file, text, length, false, err);
}
