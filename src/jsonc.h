/* json-c, where no memory dies like everywhere (err_no_memory()). */
#ifndef SCHEDVIZ_JSONC_H
#define SCHEDVIZ_JSONC_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

struct json_object *jsonc_object(void);
struct json_object *jsonc_array(void);

/* The object or the array owns the value from then on; NULL is null. */
void jsonc_put(struct json_object *o, const char *key, struct json_object *value);
void jsonc_add(struct json_object *list, struct json_object *value);

void jsonc_put_u64(struct json_object *o, const char *key, uint64_t value);
void jsonc_put_int(struct json_object *o, const char *key, int value);
void jsonc_put_bool(struct json_object *o, const char *key, bool value);

#endif
