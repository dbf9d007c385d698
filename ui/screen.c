/* The terminal: ncurses knows it, takes it over, gives it back and reads its keys; frames go out by their own
 * way, made in frame.c. The only file with curses.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "screen.h"

#include "../src/clock.h"
#include "frame.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
    WINDOW *keys;        /* a pad: reading keys from it draws nothing (curs_getch(3x)) */
    struct canvas shown; /* what the terminal has once the frame is sent */
    bool shown_valid;
    struct frame_seqs seqs;
    struct frame frame;
    size_t n_sent; /* of the frame's bytes */
    int out_fd;    /* the terminal opened once more, so that writing to it never blocks; -1: not to be had */
};

#define SEND_NS (20 * NS_PER_MS) /* how long a frame may keep us waiting for the terminal */

/* ---- sequences of the terminal ---- */

/* tputs(3x) hands over one byte at a time, and nothing besides. */
static struct {
    char *bytes;
    size_t n, size;
} gathered;

static int gather_putc(int c)
{
    if (gathered.n < gathered.size)
        gathered.bytes[gathered.n++] = (char)c;
    return c;
}

/* Puts a sequence, its padding done, behind the first n bytes of buf; returns how many there are then. */
static size_t gather(const char *seq, char *buf, size_t n, size_t size)
{
    gathered.bytes = buf;
    gathered.n = n;
    gathered.size = size;
    if (seq && seq != (const char *)-1)
        tputs(seq, 1, gather_putc);
    return gathered.n;
}

/* ---- the way back from a fatal signal ---- */

static struct {
    volatile sig_atomic_t armed;
    size_t n;
    char bytes[256];
    struct termios termios;
    bool have_termios;
} restore;

static void restore_prepare(bool mouse)
{
    static const char mouse_off[] = "\033[?1000l\033[?1002l\033[?1003l\033[?1006l";
    static const char *const names[] = {"sgr0", "op", "clear", "rmkx", "cnorm", "rmcup"};
    restore.n = mouse ? strlen(mouse_off) : 0;
    memcpy(restore.bytes, mouse_off, restore.n);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        restore.n = gather(tigetstr(names[i]), restore.bytes, restore.n, sizeof restore.bytes);
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

static void take_terminal(struct screen *screen)
{
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(screen->keys, TRUE);
    nodelay(screen->keys, TRUE);
    curs_set(0);
    if (screen->config.mouse) {
        mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
        mouseinterval(0);
    }
    refresh(); /* the last that ncurses draws: nothing, on an empty screen */
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
    frame_init(&screen->frame);
    screen->keys = newpad(1, 1);
    screen->out_fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    restore_prepare(config->mouse);
    screen_set_theme(screen, config->theme);
    take_terminal(screen);
    restore.armed = 1;
    return screen;
}

/* One that takes nothing (Ctrl-S, a program at its other end that stands still) must not keep us from
 * leaving: what it has not shown is of no use any more, and makes room for the way back. */
static void give_terminal(struct screen *screen)
{
    if (!screen_ready(screen)) {
        tcflow(STDOUT_FILENO, TCOOFF); /* what Ctrl-S stopped, TCOON alone does not start again */
        tcflow(STDOUT_FILENO, TCOON);
        tcflush(STDOUT_FILENO, TCOFLUSH);
    }
    screen->n_sent = screen->frame.n;
    if (screen->config.mouse)
        mousemask(0, NULL);
    endwin();
}

void screen_close(struct screen *screen)
{
    if (!screen)
        return;
    if (!isendwin())
        give_terminal(screen);
    restore.armed = 0;
    delwin(screen->keys);
    delscreen(screen->curses);
    if (screen->out_fd >= 0)
        close(screen->out_fd);
    canvas_fini(&screen->shown);
    frame_fini(&screen->frame);
    free(screen);
}

const struct theme *screen_theme(const struct screen *screen)
{
    return &screen->theme;
}

/* ---- drawing ---- */

static void colour_seq(const struct theme *theme, enum paint paint, const char *setter, char *seq)
{
    int colour = theme->depth == DEPTH_8     ? theme->index8[paint]
                 : theme->depth == DEPTH_256 ? theme->index256[paint]
                                             : (int)theme->rgb[paint];
    size_t n = 0;
    if (!theme_is_default(theme, paint) && setter && setter != (const char *)-1)
        n = gather(tiparm(setter, colour), seq, 0, FRAME_SEQ_BYTES - 1);
    seq[n] = '\0';
}

static void named_seq(const char *name, char *seq)
{
    seq[gather(tigetstr(name), seq, 0, FRAME_SEQ_BYTES - 1)] = '\0';
}

static size_t move_seq(char buf[FRAME_SEQ_BYTES], int x, int y)
{
    return gather(tiparm(cursor_address, y, x), buf, 0, FRAME_SEQ_BYTES);
}

/* The attributes that terminfo's ncv ("no colour video") names; its bits are those of sgr. */
static unsigned colourless(void)
{
    enum { NCV_UNDERLINE = 2, NCV_REVERSE = 4, NCV_DIM = 16, NCV_BOLD = 32 };
    int ncv = tigetnum("ncv") > 0 ? tigetnum("ncv") : 0;
    return (ncv & NCV_UNDERLINE ? CELL_UNDERLINE : 0u) | (ncv & NCV_REVERSE ? CELL_REVERSE : 0u) |
           (ncv & NCV_DIM ? CELL_DIM : 0u) | (ncv & NCV_BOLD ? CELL_BOLD : 0u);
}

static void learn_seqs(struct screen *screen)
{
    static const char *const attrs[] = {"bold", "dim", "smul", "rev"};
    struct frame_seqs *seqs = &screen->seqs;
    const char *setaf = tigetstr("setaf"), *setab = tigetstr("setab");
    for (int i = 0; i < N_PAINTS; i++) {
        colour_seq(&screen->theme, (enum paint)i, setaf, seqs->fg[i]);
        colour_seq(&screen->theme, (enum paint)i, setab, seqs->bg[i]);
    }
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++)
        named_seq(attrs[i], seqs->attr[i]);
    named_seq("clear", seqs->clear);
    named_seq("sgr0", seqs->plain);
    /* AX: the terminal knows SGR 39 and 49, and its SGR 0 takes colours back too (user_caps(5)). */
    bool ax = tigetflag("AX") > 0 && screen->theme.depth != DEPTH_MONO;
    strcpy(seqs->own_fg, ax ? "\033[39m" : "");
    strcpy(seqs->own_bg, ax ? "\033[49m" : "");
    size_t n = strlen(seqs->plain);
    if (!ax && screen->theme.depth != DEPTH_MONO)
        seqs->plain[gather(tigetstr("op"), seqs->plain, n, FRAME_SEQ_BYTES - 1)] = '\0';
    seqs->colourless = colourless();
    seqs->scrolls = tigetflag("am") > 0 && tigetflag("xenl") <= 0;
    seqs->ascii = screen->config.ascii;
    seqs->move = move_seq;
}

void screen_set_theme(struct screen *screen, enum theme_name theme)
{
    theme_init(&screen->theme, theme, screen->depth);
    learn_seqs(screen);
    screen_redraw(screen);
}

/* Sends what is left of the frame. A terminal that is gone has taken everything: the event loop hears of its
 * end. */
static void send_frame(struct screen *screen, uint64_t wait_ns)
{
    uint64_t end_ns = clock_now_ns() + wait_ns;
    int fd = screen->out_fd >= 0 ? screen->out_fd : STDOUT_FILENO;
    while (screen->n_sent < screen->frame.n) {
        struct pollfd out = {.fd = fd, .events = POLLOUT};
        ssize_t n = write(fd, screen->frame.bytes + screen->n_sent, screen->frame.n - screen->n_sent);
        if (n >= 0) {
            screen->n_sent += (size_t)n;
        } else if (errno == EAGAIN) {
            uint64_t now = clock_now_ns();
            if (now >= end_ns || poll(&out, 1, (int)((end_ns - now) / NS_PER_MS) + 1) == 0)
                return;
        } else if (errno != EINTR) {
            screen->n_sent = screen->frame.n;
        }
    }
}

int screen_unsent_fd(const struct screen *screen)
{
    return screen->n_sent < screen->frame.n ? screen->out_fd : -1;
}

bool screen_ready(struct screen *screen)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (poll(&out, 1, 0) == 0)
        return false;
    send_frame(screen, 0);
    return screen->n_sent == screen->frame.n;
}

void screen_draw(struct screen *screen, const struct canvas *canvas)
{
    if (!screen_ready(screen))
        return;
    if (screen->shown.cols != canvas->cols || screen->shown.rows != canvas->rows) {
        canvas_resize(&screen->shown, canvas->cols, canvas->rows);
        screen->shown_valid = false;
    }
    frame_make(&screen->frame, &screen->seqs, &screen->theme, screen->shown_valid ? &screen->shown : NULL,
               canvas);
    screen->n_sent = 0;
    memcpy(screen->shown.cells, canvas->cells,
           (size_t)canvas->cols * (size_t)canvas->rows * sizeof *canvas->cells);
    screen->shown_valid = true;
    send_frame(screen, SEND_NS);
}

void screen_redraw(struct screen *screen)
{
    screen->shown_valid = false;
}

uint64_t screen_frame_bytes(const struct screen *screen)
{
    return screen->frame.n;
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
    give_terminal(screen);
    restore.armed = 0;
}

void screen_resume(struct screen *screen)
{
    reset_prog_mode();
    take_terminal(screen);
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
    int r = wget_wch(screen->keys, &ch);
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
