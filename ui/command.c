/* The one table of what keys do. */
#include "command.h"

#include "actions.h"
#include "lectern.h"
#include "library.h"
#include "tape.h"
#include "watching.h"

#include <string.h>

const struct command commands[] = {
    {"Lessons", "n", "next", "the next step of the lesson", action_step_of_lesson, 1},
    {"Lessons", "p", "back", "the step before", action_step_of_lesson, -1},
    {"Lessons", "l", "lessons", "all lessons: choose one", action_lessons, 0},
    {"Lessons", "H", NULL, "hide the text of the lesson, and show it", action_hide_lesson, 0},
    {"Lessons", "{", NULL, "scroll the text up", action_scroll_text, -1},
    {"Lessons", "}", NULL, "scroll the text down", action_scroll_text, 1},

    {"Cores and tasks", "+ =", "core+", "one core more", action_cores, 1},
    {"Cores and tasks", "-", "core-", "one core less", action_cores, -1},
    {"Cores and tasks", "c", "pick", "pick cores by hand", action_picker, 0},
    {"Cores and tasks", "t", "task+", "one task more", action_tasks, 1},
    {"Cores and tasks", "T", "task-", "one task less", action_tasks, -1},
    {"Cores and tasks", "k", "kind", "threads become processes, and back", action_kind, 0},
    {"Cores and tasks", "m", "place", "pinned (task i on core i mod k) or free (the kernel chooses)",
     action_placement, 0},
    {"Cores and tasks", "r", "run", "run again from the start", action_restart, 0},

    {"Watching", "O", "output", "what the command printed; { and } scroll it", action_output, 0},
    {"Watching", "F", "fold", "fold what is under the selected process, and open it", action_fold, 0},
    {"Watching", "*", NULL, "fold the threads of all processes, and open all", action_fold_all, 0},
    {"Watching", "/ F4", "filter", "only tasks whose name has, or whose tid begins with", action_filter, 0},
    {"Watching", "E", NULL, "table: with the tasks that have ended, and without", action_ended, 0},
    {"Watching", "F7", NULL, "nice of all its tasks: one lower", action_nice, -1},
    {"Watching", "F8", NULL, "nice of all its tasks: one higher", action_nice, 1},
    {"Watching", "P", NULL, "policy of all its tasks: other, batch, idle", action_policy, 0},

    {"Time", "Space", "pause", "pause, and go on", action_pause, 0},
    {"Time", "o", NULL, "scope: a window held still, then the next", action_mode, MODE_SCOPE},
    {"Time", "z", "slow", "slow motion: play what was captured, slowed down", action_mode, MODE_SLOW},
    {"Time", "f", NULL, "scroll: live time moves from right to left", action_mode, MODE_SCROLL},
    {"Time", "<", NULL, "slow motion: slower", action_slowness, 1},
    {"Time", ">", NULL, "slow motion: faster", action_slowness, -1},
    {"Time", "w )", "zoom", "zoom in (the wheel does as well)", action_zoom, 1},
    {"Time", "s (", NULL, "zoom out", action_zoom, -1},
    {"Time", "Left a", NULL, "back in time", action_pan, -1},
    {"Time", "Right d", NULL, "forward in time", action_pan, 1},
    {"Time", "PgUp", NULL, "back by a screen; in lists: a page up", action_page, -1},
    {"Time", "PgDn", NULL, "forward by a screen; in lists: a page down", action_page, 1},
    {"Time", "Home g", NULL, "to the oldest that is kept", action_home, 0},
    {"Time", "End G", NULL, "to live", action_live, 0},
    {"Time", "[ ,", "step", "to the previous context switch; of the selected row", action_step, -1},
    {"Time", "] .", NULL, "to the next context switch; of the selected row", action_step, 1},
    {"Time", "N", NULL, "to the mark or alert before", action_mark, -1},
    {"Time", "M", NULL, "to the next mark or alert", action_mark, 1},
    {"Time", "Enter i", NULL, "inspect the slice at the cursor", action_inspect, 0},
    {"Time", "e", NULL, "scope: the selected task, or else the next one, is the trigger", action_trigger, 0},

    {"Views", "Tab", "view", "the next view", action_next_view, 1},
    {"Views", "Shift-Tab", NULL, "the view before", action_next_view, -1},
    {"Views", "1", NULL, "lanes by core", action_view, 0},
    {"Views", "2", NULL, "lanes by task", action_view, 1},
    {"Views", "3", NULL, "table of tasks", action_view, 2},
    {"Views", "4", NULL, "counters", action_view, 3},
    {"Views", "5", NULL, "comparison", action_view, 4},
    {"Views", "6", NULL, "objects: locks, queues, barriers, counters", action_view, 5},
    {"Views", "Up", NULL, "select the row above", action_select, -1},
    {"Views", "Down", NULL, "select the row below", action_select, 1},
    {"Views", "S", NULL, "table: sort by the next column", action_sort, 0},
    {"Views", "I", NULL, "table: invert the order", action_sort, 1},
    {"Views", "L", NULL, "lecture size, and back", action_lecture, 0},
    {"Views", "v", NULL, "the next theme: dark, light, mono", action_theme, 0},

    {"Compare", "x", "compare", "the same work on 1 core and on the chosen ones", action_compare, 0},
    {"Compare", "b", NULL, "keep this run as the reference; again: drop it", action_keep, 0},

    {"Recording", "R", "rec", "record into a file, from now or from before; again: end it", action_record, 0},
    {"Recording", "K", NULL, "keep the last 10 seconds in a file", action_past, 0},
    {"Recording", "X", "export", "write the window, or all, as a figure, a page, a table, a trace", action_export, 0},

    {"Program", "h ? F1", "help", "show the keys", action_help, 0},
    {"Program", "Ctrl-L", NULL, "paint the screen again", action_redraw, 0},
    {"Program", "Esc", NULL, "close what lies over the view", action_close, 0},
    {"Program", "q F10", "quit", "end the tasks and leave", action_quit, 0},
};
const unsigned n_commands = sizeof commands / sizeof *commands;

static const struct {
    const char *name;
    enum screen_key_kind kind;
} special_keys[] = {
    {"Left", SCREEN_LEFT},    {"Right", SCREEN_RIGHT},       {"Up", SCREEN_UP},
    {"Down", SCREEN_DOWN},    {"Home", SCREEN_HOME},         {"End", SCREEN_END},
    {"PgUp", SCREEN_PAGE_UP}, {"PgDn", SCREEN_PAGE_DOWN},    {"Enter", SCREEN_ENTER},
    {"Tab", SCREEN_TAB},      {"Shift-Tab", SCREEN_BACKTAB}, {"Esc", SCREEN_ESCAPE},
};

bool command_key_is(const struct screen_key *key, const char *name, unsigned long length)
{
    if (length == 1)
        return key->kind == SCREEN_CHAR && key->ch == (char32_t)(unsigned char)name[0];
    if (length == 5 && memcmp(name, "Space", 5) == 0)
        return key->kind == SCREEN_CHAR && key->ch == ' ';
    if (length == 6 && memcmp(name, "Ctrl-", 5) == 0)
        return key->kind == SCREEN_CHAR && key->ch == (char32_t)(name[5] & 0x1f);
    if (name[0] == 'F' && name[1] >= '0' && name[1] <= '9') {
        int n = name[1] - '0';
        if (length == 3)
            n = n * 10 + name[2] - '0';
        return key->kind == SCREEN_F && key->n == n;
    }
    for (unsigned i = 0; i < sizeof special_keys / sizeof *special_keys; i++) {
        if (strlen(special_keys[i].name) == length && memcmp(special_keys[i].name, name, length) == 0)
            return key->kind == special_keys[i].kind;
    }
    return false;
}

const struct command *command_of_key(const struct screen_key *key)
{
    for (unsigned i = 0; i < n_commands; i++) {
        for (const char *name = commands[i].keys; *name;) {
            unsigned long length = strcspn(name, " ");
            if (command_key_is(key, name, length))
                return &commands[i];
            name += length + (name[length] == ' ');
        }
    }
    return NULL;
}
