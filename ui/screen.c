/* Canvas to ncurses, and keys back: the only file with curses.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "screen.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

struct screen {
    struct screen_config config;
    enum theme_depth depth; /* what the terminal has, within config.max_depth */
    struct theme theme;
    SCREEN *curses;
    struct canvas shown; /* what the terminal has now */
    bool shown_valid;
    int pairs[N_PAINTS][N_PAINTS]; /* by fg and bg; 0: not made yet */
    int n_pairs;
    int io_fd; /* /proc/thread-self/io, -1: not to be had */
    uint64_t frame_bytes;
};

/* ---- the way back from a fatal signal ---- */

static struct {
    volatile sig_atomic_t armed;
    size_t n;
    char bytes[256];
    struct termios termios;
    bool have_termios;
} restore;

static int restore_putc(int c)
{
    if (restore.n < sizeof restore.bytes)
        restore.bytes[restore.n++] = (char)c;
    return c;
}

static void restore_add(const char *capability)
{
    const char *s = tigetstr(capability);
    if (s && s != (const char *)-1)
        tputs(s, 1, restore_putc);
}

static void restore_prepare(bool mouse)
{
    static const char mouse_off[] = "\033[?1000l\033[?1002l\033[?1003l\033[?1006l";
    restore.n = 0;
    if (mouse)
        for (const char *p = mouse_off; *p; p++)
            restore_putc(*p);
    restore_add("sgr0");
    restore_add("op");
    restore_add("clear");
    restore_add("rmkx");
    restore_add("cnorm");
    restore_add("rmcup");
}

void screen_emergency_restore(void)
{
    if (!restore.armed)
        return;
    restore.armed = 0;
    for (size_t done = 0; done < restore.n;) {
        ssize_t n = write(STDOUT_FILENO, restore.bytes + done, restore.n - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (restore.have_termios)
        tcsetattr(STDIN_FILENO, TCSANOW, &restore.termios);
}

/* ---- opening ---- */

static bool terminal_known(const char *term, struct err *err)
{
    int found = 0;
    if (!term || !*term)
        return err_set(
            err, "TERM is not set, so the terminal is unknown: set it (TERM=xterm-256color schedviz) or "
                 "use -b for a report without a screen");
    if (setupterm(term, STDOUT_FILENO, &found) == ERR) {
        if (found < 0)
            return err_set(
                err,
                "no terminfo database was found for TERM=%.64s: install ncurses-base, or use -b for a "
                "report without a screen",
                term);
        return err_set(
            err,
            "terminal type '%.64s' (TERM) is unknown or cannot be drawn on: try TERM=xterm-256color, or "
            "use -b for a report without a screen",
            term);
    }
    const char *cup = tigetstr("cup");
    bool usable = cup && cup != (const char *)-1;
    del_curterm(cur_term);
    if (!usable)
        return err_set(
            err,
            "terminal type '%.64s' (TERM) cannot move its cursor: try TERM=xterm-256color, or use -b for "
            "a report without a screen",
            term);
    return true;
}

static bool terminfo_exists(const char *term)
{
    int found = 0;
    if (setupterm(term, STDOUT_FILENO, &found) == ERR)
        return false;
    bool direct = tigetflag("RGB") > 0 || tigetnum("colors") >= 1 << 24;
    del_curterm(cur_term);
    return direct;
}

/* Terminals that have direct colour say so in COLORTERM, while TERM names their entry with 256 colours;
 * terminfo has theirs with direct colour beside it, where the full database (ncurses-term) is installed. */
static const char *best_term(const char *term, enum theme_depth max_depth, char *buf, size_t size)
{
    const char *colorterm = getenv("COLORTERM");
    if (max_depth < DEPTH_TRUE || !colorterm ||
        (strcmp(colorterm, "truecolor") != 0 && strcmp(colorterm, "24bit") != 0))
        return term;
    int n = (int)strlen(term);
    const char suffix[] = "-256color";
    const int n_suffix = (int)strlen(suffix);
    if (n > n_suffix && strcmp(term + n - n_suffix, suffix) == 0)
        n -= n_suffix;
    if (snprintf(buf, size, "%.*s-direct", n, term) >= (int)size)
        return term;
    return terminfo_exists(buf) ? buf : term;
}

static enum theme_depth terminal_depth(enum theme_depth max_depth)
{
    enum theme_depth depth = DEPTH_MONO;
    if (has_colors())
        depth = COLORS >= 1 << 24 ? DEPTH_TRUE
                : COLORS >= 256   ? DEPTH_256
                : COLORS >= 8     ? DEPTH_8
                                  : DEPTH_MONO;
    return depth < max_depth ? depth : max_depth;
}

static void take_terminal(bool mouse)
{
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    if (mouse) {
        mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
        mouseinterval(0);
    }
}

struct screen *screen_open(const struct screen_config *config, struct err *err)
{
    const char *term = getenv("TERM");
    char direct[128];
    if (!terminal_known(term, err))
        return NULL;
    assert(term); /* without TERM it is not known */
    term = best_term(term, config->max_depth, direct, sizeof direct);

    restore.have_termios = tcgetattr(STDIN_FILENO, &restore.termios) == 0;
    SCREEN *curses = newterm(term, stdout, stdin);
    if (!curses) {
        err_set(err,
                "the terminal '%.64s' (TERM) could not be opened: try TERM=xterm-256color, or use -b for a "
                "report "
                "without a screen",
                term);
        return NULL;
    }
    struct screen *screen = mem_new(1, sizeof *screen);
    screen->config = *config;
    screen->curses = curses;
    set_term(curses);
    set_escdelay(25);
    if (has_colors()) {
        start_color();
        use_default_colors();
    }
    screen->depth = terminal_depth(config->max_depth);
    canvas_init(&screen->shown, 0, 0);
    screen->io_fd = open("/proc/thread-self/io", O_RDONLY | O_CLOEXEC);
    restore_prepare(config->mouse);
    screen_set_theme(screen, config->theme);
    take_terminal(config->mouse);
    restore.armed = 1;
    return screen;
}

void screen_close(struct screen *screen)
{
    if (!screen)
        return;
    if (!isendwin()) {
        if (screen->config.mouse)
            mousemask(0, NULL);
        endwin();
    }
    restore.armed = 0;
    delscreen(screen->curses);
    if (screen->io_fd >= 0)
        close(screen->io_fd);
    canvas_fini(&screen->shown);
    free(screen);
}

const struct theme *screen_theme(const struct screen *screen)
{
    return &screen->theme;
}

/* ---- drawing ---- */

static int curses_colour(const struct theme *theme, enum paint paint)
{
    if (theme_is_default(theme, paint))
        return -1;
    if (theme->depth == DEPTH_8)
        return theme->index8[paint];
    return theme->depth == DEPTH_256 ? theme->index256[paint] : (int)theme->rgb[paint];
}

/* Pairs are made when they are first needed; when the terminal has no more of them, default colours stand in.
 */
static int pair_of(struct screen *screen, enum paint fg, enum paint bg)
{
    int *pair = &screen->pairs[fg][bg];
    if (screen->theme.depth == DEPTH_MONO)
        return 0;
    if (*pair == 0 && screen->n_pairs + 1 < COLOR_PAIRS) {
        int next = screen->n_pairs + 1;
        if (init_extended_pair(next, curses_colour(&screen->theme, fg), curses_colour(&screen->theme, bg)) ==
            OK) {
            screen->n_pairs = next;
            *pair = next;
        }
    }
    return *pair;
}

static attr_t curses_attr(unsigned attr)
{
    attr_t a = A_NORMAL;
    if (attr & CELL_BOLD)
        a |= A_BOLD;
    if (attr & CELL_DIM)
        a |= A_DIM;
    if (attr & CELL_UNDERLINE)
        a |= A_UNDERLINE;
    if (attr & CELL_REVERSE)
        a |= A_REVERSE;
    return a;
}

static void set_cell(struct screen *screen, cchar_t *out, const struct cell *cell)
{
    char32_t ch = screen->config.ascii && cell->ch > 0x7e ? U'?' : cell->ch;
    wchar_t text[2] = {(wchar_t)ch, 0};
    int pair = pair_of(screen, cell->fg, cell->bg);
    /* beyond SHRT_MAX the pair travels in the last argument (curs_getcchar(3x)) */
    setcchar(out, text, curses_attr(theme_attr(&screen->theme, cell->fg, cell->bg, cell->attr)), (short)pair,
             &pair);
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
    return a->ch == b->ch && a->fg == b->fg && a->bg == b->bg && a->attr == b->attr;
}

void screen_set_theme(struct screen *screen, enum theme_name theme)
{
    theme_init(&screen->theme, theme, screen->depth);
    memset(screen->pairs, 0, sizeof screen->pairs);
    screen->n_pairs = 0;
    cchar_t background;
    set_cell(screen, &background, &(struct cell){' ', PAINT_TEXT, PAINT_BACK, 0});
    bkgrndset(&background);
    screen_redraw(screen);
}

static uint64_t written_bytes(const struct screen *screen)
{
    char text[256];
    ssize_t n = screen->io_fd >= 0 ? pread(screen->io_fd, text, sizeof text - 1, 0) : -1;
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *wchar = strstr(text, "wchar: ");
    return wchar ? strtoull(wchar + strlen("wchar: "), NULL, 10) : 0;
}

static void draw_row(struct screen *screen, const struct canvas *canvas, int y, int cols, bool all)
{
    size_t row = (size_t)y * (size_t)canvas->cols;
    for (int x = 0; x < cols; x++) {
        const struct cell *cell = &canvas->cells[row + (size_t)x];
        if (!cell->ch || (!all && same_cell(cell, &screen->shown.cells[row + (size_t)x])))
            continue;
        cchar_t out;
        set_cell(screen, &out, cell);
        mvadd_wch(y, x, &out);
    }
}

static void keep_shown(struct screen *screen, const struct canvas *canvas)
{
    if (screen->shown.cols != canvas->cols || screen->shown.rows != canvas->rows)
        canvas_resize(&screen->shown, canvas->cols, canvas->rows);
    memcpy(screen->shown.cells, canvas->cells,
           (size_t)canvas->cols * (size_t)canvas->rows * sizeof *canvas->cells);
    screen->shown_valid = true;
}

void screen_draw(struct screen *screen, const struct canvas *canvas)
{
    bool all =
        !screen->shown_valid || screen->shown.cols != canvas->cols || screen->shown.rows != canvas->rows;
    int cols = canvas->cols < COLS ? canvas->cols : COLS, rows = canvas->rows < LINES ? canvas->rows : LINES;
    uint64_t before = written_bytes(screen);
    if (all)
        erase();
    for (int y = 0; y < rows; y++)
        draw_row(screen, canvas, y, cols, all);
    if (!screen->shown_valid)
        clearok(curscr, TRUE);
    refresh();
    keep_shown(screen, canvas);
    uint64_t after = written_bytes(screen);
    screen->frame_bytes = after > before ? after - before : 0;
}

void screen_redraw(struct screen *screen)
{
    screen->shown_valid = false;
}

uint64_t screen_frame_bytes(const struct screen *screen)
{
    return screen->frame_bytes;
}

void screen_size(struct screen *screen, int *cols, int *rows)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0 &&
        (size.ws_col != COLS || size.ws_row != LINES)) {
        resizeterm(size.ws_row, size.ws_col);
        screen_redraw(screen);
    }
    *cols = COLS;
    *rows = LINES;
}

/* ---- job control ---- */

void screen_suspend(struct screen *screen)
{
    def_prog_mode();
    if (screen->config.mouse)
        mousemask(0, NULL);
    endwin();
    restore.armed = 0;
}

void screen_resume(struct screen *screen)
{
    reset_prog_mode();
    refresh();
    take_terminal(screen->config.mouse);
    restore.armed = 1;
    screen_redraw(screen);
}

/* ---- keys ---- */

static struct screen_key mouse_key(void)
{
    struct screen_key key = {.kind = SCREEN_OTHER};
    MEVENT event;
    if (getmouse(&event) != OK)
        return key;
    key.x = event.x;
    key.y = event.y;
    if (event.bstate & BUTTON1_PRESSED)
        key.kind = SCREEN_CLICK;
    else if (event.bstate & BUTTON4_PRESSED)
        key.kind = SCREEN_WHEEL_UP;
    else if (event.bstate & BUTTON5_PRESSED)
        key.kind = SCREEN_WHEEL_DOWN;
    return key;
}

static enum screen_key_kind function_key(wint_t code)
{
    static const struct {
        wint_t code;
        enum screen_key_kind kind;
    } keys[] = {
        {KEY_UP, SCREEN_UP},
        {KEY_DOWN, SCREEN_DOWN},
        {KEY_LEFT, SCREEN_LEFT},
        {KEY_RIGHT, SCREEN_RIGHT},
        {KEY_SLEFT, SCREEN_SHIFT_LEFT},
        {KEY_SRIGHT, SCREEN_SHIFT_RIGHT},
        {KEY_HOME, SCREEN_HOME},
        {KEY_END, SCREEN_END},
        {KEY_PPAGE, SCREEN_PAGE_UP},
        {KEY_NPAGE, SCREEN_PAGE_DOWN},
        {KEY_IC, SCREEN_INSERT},
        {KEY_DC, SCREEN_DELETE},
        {KEY_BACKSPACE, SCREEN_BACKSPACE},
        {KEY_ENTER, SCREEN_ENTER},
        {KEY_BTAB, SCREEN_BACKTAB},
        {KEY_RESIZE, SCREEN_RESIZE},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].code == code)
            return keys[i].kind;
    return SCREEN_OTHER;
}

static struct screen_key char_key(wint_t ch)
{
    struct screen_key key = {.kind = SCREEN_CHAR, .ch = (char32_t)ch};
    if (ch == 27)
        key.kind = SCREEN_ESCAPE;
    else if (ch == '\r' || ch == '\n')
        key.kind = SCREEN_ENTER;
    else if (ch == '\t')
        key.kind = SCREEN_TAB;
    else if (ch == 127 || ch == 8)
        key.kind = SCREEN_BACKSPACE;
    return key;
}

struct screen_key screen_key(struct screen *screen)
{
    wint_t ch;
    int r = get_wch(&ch);
    if (r == OK)
        return char_key(ch);
    if (r != KEY_CODE_YES)
        return (struct screen_key){.kind = SCREEN_NONE};
    if (ch == KEY_MOUSE)
        return mouse_key();
    if (ch >= KEY_F(1) && ch <= KEY_F(24))
        return (struct screen_key){.kind = SCREEN_F, .n = (int)(ch - KEY_F0)};
    struct screen_key key = {.kind = function_key(ch)};
    if (key.kind == SCREEN_RESIZE)
        screen_redraw(screen);
    return key;
}
