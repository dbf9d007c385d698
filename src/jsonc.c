/* json-c, where no memory dies like everywhere. */
#include "jsonc.h"

#include "err.h"

struct json_object *jsonc_object(void)
{
    struct json_object *o = json_object_new_object();
    if (!o)
        err_no_memory();
    return o;
}

struct json_object *jsonc_array(void)
{
    struct json_object *list = json_object_new_array();
    if (!list)
        err_no_memory();
    return list;
}

void jsonc_put(struct json_object *o, const char *key, struct json_object *value)
{
    if (json_object_object_add(o, key, value) != 0)
        err_no_memory();
}

void jsonc_add(struct json_object *list, struct json_object *value)
{
    if (json_object_array_add(list, value) != 0)
        err_no_memory();
}

void jsonc_put_u64(struct json_object *o, const char *key, uint64_t value)
{
    jsonc_put(o, key, json_object_new_uint64(value));
}

void jsonc_put_int(struct json_object *o, const char *key, int value)
{
    jsonc_put(o, key, json_object_new_int(value));
}

void jsonc_put_bool(struct json_object *o, const char *key, bool value)
{
    jsonc_put(o, key, json_object_new_boolean(value));
}
