/* The table of commands: every key means one thing, every name is a key, every row says what it does. */
#include "../../ui/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The key that a name stands for, found by trying all there are. */
static bool key_of_name(const char *name, unsigned long length, struct screen_key *key)
{
    for (int kind = SCREEN_NONE; kind <= SCREEN_OTHER; kind++) {
        for (char32_t ch = 0; ch < 128; ch++) {
            *key = (struct screen_key){.kind = (enum screen_key_kind)kind, .ch = ch, .n = (int)ch};
            if (command_key_is(key, name, length))
                return true;
        }
    }
    return false;
}

static void every_key_means_one_thing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_commands; i++) {
        for (const char *name = commands[i].keys; *name;) {
            unsigned long length = strcspn(name, " ");
            struct screen_key key;
            if (!key_of_name(name, length, &key))
                fail_msg("%.*s is no key", (int)length, name);
            if (command_of_key(&key) != &commands[i])
                fail_msg("%.*s means \"%s\" before it means \"%s\"", (int)length, name,
                         command_of_key(&key)->help, commands[i].help);
            name += length + (name[length] == ' ');
        }
    }
}

static void every_row_is_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_commands; i++) {
        assert_non_null(commands[i].run);
        assert_true(commands[i].help[0] != '\0' && commands[i].group[0] != '\0' &&
                    commands[i].keys[0] != '\0');
        if (commands[i].name)
            assert_true(strlen(commands[i].name) <= 8);
    }
}

static void an_unknown_key_is_nothing(void **state)
{
    (void)state;
    struct screen_key key = {.kind = SCREEN_CHAR, .ch = U'ß'};
    assert_null(command_of_key(&key));
    key = (struct screen_key){.kind = SCREEN_OTHER};
    assert_null(command_of_key(&key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_means_one_thing),
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(an_unknown_key_is_nothing),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
