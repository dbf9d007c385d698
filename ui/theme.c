/* Themes: colours of every paint at every depth, and the two sets of glyphs. */
#include "theme.h"

#include "canvas.h"

#include <string.h>

/* index8 of a paint that has no colour of its own among eight. */
enum { DEFAULT8 = 0xff };

struct colour {
    uint32_t rgb;
    uint8_t index256, index8, attr8; /* attr8: what tells it apart where there are only eight colours */
};

static const struct colour dark[N_PAINTS] = {
    [PAINT_TEXT] = {0xd0d0d4, 252, DEFAULT8, 0},
    [PAINT_BACK] = {0x101014, 233, DEFAULT8, 0},
    [PAINT_FAINT] = {0x80808a, 244, DEFAULT8, CELL_DIM},
    [PAINT_STRONG] = {0xffffff, 231, DEFAULT8, 0},
    [PAINT_ACCENT] = {0x7fd4ff, 117, 6, 0},
    [PAINT_GOOD] = {0x4fd08a, 78, 2, 0},
    [PAINT_WARN] = {0xffc34d, 215, 3, 0},
    [PAINT_ALERT] = {0xff6b5a, 203, 1, 0},
    [PAINT_BAR] = {0x26262e, 236, DEFAULT8, 0},
    [PAINT_LANE] = {0x1d1d24, 234, DEFAULT8, CELL_DIM},
    [PAINT_OFF] = {0x5a5a64, 240, DEFAULT8, CELL_DIM},
    [PAINT_SELF] = {0x6c6c78, 242, DEFAULT8, CELL_DIM},
    [PAINT_HOLE] = {0xff6b5a, 203, 1, 0},
    [PAINT_MARK] = {0xffc34d, 215, 3, 0},
    [PAINT_PLAYHEAD] = {0xffffff, 231, 7, 0},
    [PAINT_ON_TASK] = {0x0a0a0c, 16, 0, 0},
    [PAINT_ON_ALERT] = {0x0a0a0c, 16, 0, 0},
    /* Okabe and Ito: sky blue, orange, bluish green, reddish purple, yellow, blue, vermillion; grey for their
       black */
    [PAINT_TASK0 + 0] = {0x56b4e9, 74, 6, 0},
    [PAINT_TASK0 + 1] = {0xe69f00, 214, 3, 0},
    [PAINT_TASK0 + 2] = {0x009e73, 36, 2, 0},
    [PAINT_TASK0 + 3] = {0xcc79a7, 175, 5, 0},
    [PAINT_TASK0 + 4] = {0xf0e442, 227, 7, 0},
    [PAINT_TASK0 + 5] = {0x2a7fc0, 32, 4, 0},
    [PAINT_TASK0 + 6] = {0xd55e00, 166, 1, 0},
    [PAINT_TASK0 + 7] = {0xa8a8b0, 248, 7, 0},
    [PAINT_WAIT0 + 0] = {0x35688a, 67, 6, CELL_DIM},
    [PAINT_WAIT0 + 1] = {0x84601a, 136, 3, CELL_DIM},
    [PAINT_WAIT0 + 2] = {0x16604c, 29, 2, CELL_DIM},
    [PAINT_WAIT0 + 3] = {0x774d66, 96, 5, CELL_DIM},
    [PAINT_WAIT0 + 4] = {0x88822f, 143, 7, CELL_DIM},
    [PAINT_WAIT0 + 5] = {0x24507a, 25, 4, CELL_DIM},
    [PAINT_WAIT0 + 6] = {0x7a3d12, 130, 1, CELL_DIM},
    [PAINT_WAIT0 + 7] = {0x64646c, 242, 7, CELL_DIM},
    [PAINT_KEEP] = {0, 0, DEFAULT8, 0},
};

/* For projectors: dark on white, saturated, no paint paler than what a washed-out lamp still shows. */
static const struct colour light[N_PAINTS] = {
    [PAINT_TEXT] = {0x18181c, 234, 0, 0},
    [PAINT_BACK] = {0xffffff, 231, 7, 0},
    [PAINT_FAINT] = {0x5c5c66, 241, 0, CELL_DIM},
    [PAINT_STRONG] = {0x000000, 16, 0, 0},
    [PAINT_ACCENT] = {0x0050a8, 25, 4, 0},
    [PAINT_GOOD] = {0x007a4d, 29, 2, 0},
    [PAINT_WARN] = {0xa85a00, 130, 3, 0},
    [PAINT_ALERT] = {0xc01818, 160, 1, 0},
    [PAINT_BAR] = {0xd8dce4, 253, 7, 0},
    [PAINT_LANE] = {0xe9ebf0, 255, 7, 0},
    [PAINT_OFF] = {0x8a8a94, 246, 0, CELL_DIM},
    [PAINT_SELF] = {0x8a8a94, 246, 0, CELL_DIM},
    [PAINT_HOLE] = {0xc01818, 160, 1, 0},
    [PAINT_MARK] = {0xa03c00, 130, 1, 0},
    [PAINT_PLAYHEAD] = {0x000000, 16, 0, 0},
    [PAINT_ON_TASK] = {0x000000, 16, 0, 0},
    [PAINT_ON_ALERT] = {0xffffff, 231, 7, 0},
    [PAINT_TASK0 + 0] = {0x56b4e9, 74, 6, 0},
    [PAINT_TASK0 + 1] = {0xe69f00, 214, 3, 0},
    [PAINT_TASK0 + 2] = {0x00a878, 36, 2, 0},
    [PAINT_TASK0 + 3] = {0xd07cab, 175, 5, 0},
    [PAINT_TASK0 + 4] = {0xe6d200, 220, 3, 0},
    [PAINT_TASK0 + 5] = {0x3f8fd2, 68, 4, 0},
    [PAINT_TASK0 + 6] = {0xe06a10, 166, 1, 0},
    [PAINT_TASK0 + 7] = {0xa0a0a8, 247, 7, 0},
    [PAINT_WAIT0 + 0] = {0x2f86ba, 67, 6, CELL_DIM},
    [PAINT_WAIT0 + 1] = {0xb27a00, 136, 3, CELL_DIM},
    [PAINT_WAIT0 + 2] = {0x00805c, 29, 2, CELL_DIM},
    [PAINT_WAIT0 + 3] = {0xa85683, 132, 5, CELL_DIM},
    [PAINT_WAIT0 + 4] = {0x9a8c00, 142, 3, CELL_DIM},
    [PAINT_WAIT0 + 5] = {0x2a6ba8, 25, 4, CELL_DIM},
    [PAINT_WAIT0 + 6] = {0xa84a00, 130, 1, CELL_DIM},
    [PAINT_WAIT0 + 7] = {0x707078, 243, 0, CELL_DIM},
    [PAINT_KEEP] = {0, 0, DEFAULT8, 0},
};

static uint8_t mono_attr(enum paint paint)
{
    switch ((int)paint) {
    case PAINT_FAINT:
    case PAINT_LANE:
    case PAINT_OFF:
    case PAINT_SELF:
        return CELL_DIM;
    case PAINT_STRONG:
    case PAINT_ACCENT:
    case PAINT_WARN:
    case PAINT_MARK:
    case PAINT_PLAYHEAD:
        return CELL_BOLD;
    case PAINT_ALERT:
    case PAINT_HOLE:
        return CELL_BOLD | CELL_UNDERLINE;
    default:
        return 0;
    }
}

void theme_init(struct theme *theme, enum theme_name name, enum theme_depth depth)
{
    const struct colour *colours = name == THEME_LIGHT ? light : dark;
    memset(theme, 0, sizeof *theme);
    theme->name = name;
    theme->depth = name == THEME_MONO ? DEPTH_MONO : depth;
    for (int i = 0; i < N_PAINTS; i++) {
        theme->rgb[i] = colours[i].rgb;
        theme->index256[i] = colours[i].index256;
        theme->index8[i] = colours[i].index8;
        if (theme->depth == DEPTH_MONO)
            theme->attr[i] = mono_attr((enum paint)i);
        else if (theme->depth == DEPTH_8)
            theme->attr[i] = colours[i].attr8;
    }
    theme->attr[PAINT_STRONG] |= CELL_BOLD;
}

bool theme_is_default(const struct theme *theme, enum paint paint)
{
    if (theme->depth == DEPTH_MONO)
        return true;
    if (theme->depth == DEPTH_8 && theme->index8[paint] == DEFAULT8)
        return true;
    return theme->name != THEME_LIGHT &&
           (paint == PAINT_TEXT || paint == PAINT_BACK || paint == PAINT_STRONG);
}

/* Without colours, every other task is reversed, so that neighbours in a lane differ. */
static bool mono_reversed(enum paint bg)
{
    if (bg >= PAINT_TASK0 && bg < PAINT_TASK0 + N_TASK_PAINTS)
        return (bg - PAINT_TASK0) % 2 == 0;
    return bg == PAINT_BAR || bg == PAINT_ACCENT || bg == PAINT_PLAYHEAD || bg == PAINT_ALERT;
}

unsigned theme_attr(const struct theme *theme, enum paint fg, enum paint bg, unsigned attr)
{
    attr |= theme->attr[fg];
    if (theme->depth == DEPTH_MONO && mono_reversed(bg))
        attr = (attr ^ CELL_REVERSE) & ~(unsigned)CELL_DIM;
    return attr;
}

const struct glyphs glyphs_unicode = {
    .left_eighths = {U' ', U'▏', U'▎', U'▍', U'▌', U'▋', U'▊', U'▉', U'█'},
    .lower_eighths = {U' ', U'▁', U'▂', U'▃', U'▄', U'▅', U'▆', U'▇', U'█'},
    .full = U'█',
    .runnable = U'─',
    .brief = U'│',
    .blocked = U'·',
    .gone = U' ',
    .hole = U'╳',
    .others = U'╱',
    .sample = U'▪',
    .quadrants = {U' ', U'▘', U'▝', U'▀', U'▖', U'▌', U'▞', U'▛', U'▗', U'▚', U'▐', U'▜', U'▄', U'▙', U'▟',
                  U'█'},
    .shade = {U'░', U'▒', U'▚', U'▓'},
    .hline = U'─',
    .vline = U'│',
    .lane_left = U'▕',
    .lane_right = U'▏',
    .tick = U'╷',
    .dot = U'·',
    .bullet = U'●',
    .arrow_right = U'▶',
    .arrow_left = U'◀',
    .arrow_up = U'▲',
    .arrow_down = U'▼',
    .mark = U'◆',
    .playhead = U'┃',
    .trigger = U'▼',
    .edge = U'┆',
    .ellipsis = U'…',
    .micro = U'µ',
    .times = U'×',
    .check = U'✓',
    .cross = U'✗',
    .ruler = U'─',
    .ruler_tick = U'┬',
    .box_tl = U'╭',
    .box_tr = U'╮',
    .box_bl = U'╰',
    .box_br = U'╯',
    .box_h = U'─',
    .box_v = U'│',
    .bar_full = U'█',
    .bar_empty = U'░',
    .place_full = U'■',
    .place_empty = U'□',
    .off = U'╌',
    .folded = U'▸',
    .open = U'▾',
};

const struct glyphs glyphs_ascii = {
    .ascii = true,
    .left_eighths = {' ', ' ', ' ', ' ', '#', '#', '#', '#', '#'},
    .lower_eighths = {' ', '.', '.', ':', ':', '+', '+', '#', '#'},
    .full = '#',
    .runnable = '-',
    .brief = '|',
    .blocked = '.',
    .gone = ' ',
    .hole = '!',
    .others = '/',
    .sample = '*',
    .quadrants = {' ', '"', '"', '"', 'o', '#', '#', '#', 'o', '#', '#', '#', 'o', '#', '#', '#'},
    .shade = {':', '+', '%', '@'},
    .hline = '-',
    .vline = '|',
    .lane_left = '|',
    .lane_right = '|',
    .tick = '|',
    .dot = '-',
    .bullet = '*',
    .arrow_right = '>',
    .arrow_left = '<',
    .arrow_up = '^',
    .arrow_down = 'v',
    .mark = '!',
    .playhead = '|',
    .trigger = 'v',
    .edge = ':',
    .ellipsis = '~',
    .micro = 'u',
    .times = 'x',
    .check = '+',
    .cross = 'x',
    .ruler = '-',
    .ruler_tick = '+',
    .box_tl = '+',
    .box_tr = '+',
    .box_bl = '+',
    .box_br = '+',
    .box_h = '-',
    .box_v = '|',
    .bar_full = '#',
    .bar_empty = '.',
    .place_full = '#',
    .place_empty = '.',
    .off = '-',
    .folded = '+',
    .open = '-',
};
