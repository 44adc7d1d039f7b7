/*
 * lolwut.c - LOLWUT: a log before and after its compaction, another one each time.
 */
#include "base/clock.h"
#include "base/number.h"
#include "base/version.h"
#include "commands/errors.h"
#include "commands/tables.h"
#include "commands/text.h"
#include "server/server.h"

#define COLUMNS_DEFAULT 60
#define COLUMNS_MAX     1000
#define ROWS_DEFAULT    8
#define ROWS_MAX        1000
#define RUN_MAX         7 /* cells of the longest record */

struct picture {
    int64_t columns;
    int64_t rows;
    uint64_t random;
    struct text text;
};

/* xorshift64: good enough for a picture. */
static uint64_t next_random(struct picture *picture)
{
    picture->random ^= picture->random << 13;
    picture->random ^= picture->random >> 7;
    picture->random ^= picture->random << 17;
    return picture->random;
}

static void draw_cells(struct picture *picture, int64_t count, const char *cell)
{
    for (int64_t i = 0; i < count; i++) {
        text_add(&picture->text, slice_of_string(cell));
    }
}

/* One segment: records of random length, the fewer of them alive the older it is. Returns the
 * cells that are alive. */
static int64_t draw_segment(struct picture *picture, int64_t row)
{
    static const char *const shades[] = {"\u2593", "\u2588"}; /* neighbours must not run together */
    int64_t alive = 0;
    int64_t column = 0;
    unsigned shade = 0;
    while (column < picture->columns) {
        int64_t run = 1 + (int64_t)(next_random(picture) % RUN_MAX);
        run = run < picture->columns - column ? run : picture->columns - column;
        bool is_alive = (int64_t)(next_random(picture) % (uint64_t)(picture->rows + 1)) <= row;
        draw_cells(picture, run, is_alive ? shades[shade++ % 2] : "\u00b7");
        alive += is_alive ? run : 0;
        column += run;
    }
    text_add(&picture->text, SLICE_LITERAL("\n"));
    return alive;
}

static void draw(struct picture *picture)
{
    int64_t alive = 0;
    for (int64_t row = 0; row < picture->rows; row++) {
        alive += draw_segment(picture, row);
    }
    text_add(&picture->text, SLICE_LITERAL("\n"));
    for (int64_t left = alive; left > 0; left -= picture->columns) {
        draw_cells(picture, left < picture->columns ? left : picture->columns, "\u2588");
        text_add(&picture->text, SLICE_LITERAL("\n"));
    }
    int64_t cells = picture->columns * picture->rows;
    text_format(&picture->text,
                "\nA log, and what was alive in it: %lld of %lld. Redis ver. %s, scdb ver. %s\n",
                (long long)alive, (long long)cells, SCDB_REDIS_VERSION, SCDB_VERSION);
}

/* Redis has pictures for two of its versions, which insist on numbers for sizes, this many of them.
 * For any other, its own among them, it draws nothing and looks at no argument. */
static size_t count_checked_sizes(int64_t version)
{
    return version == 5 ? 3 : version == 6 ? 2 : 0;
}

/* A size of the picture, cut down to what is sensible; what is no number leaves the default. */
static void take_size(const struct call *call, size_t argument, int64_t maximum, int64_t *out)
{
    int64_t size;
    if (argument < call->argument_count && number_parse(call->arguments[argument], &size)) {
        *out = size < 1 ? 1 : size > maximum ? maximum : size;
    }
}

/* `first` is the argument of the first size. False: the error is written. */
static bool check_arguments(const struct call *call, size_t *first)
{
    int64_t number;
    size_t checked = 0;
    *first = 1;
    if (call->argument_count >= 3 && slice_is_word(call->arguments[1], "version")) {
        if (!number_parse(call->arguments[2], &number)) {
            errors_reply(call, ERROR_NOT_INTEGER);
            return false;
        }
        checked = count_checked_sizes(number);
        *first = 3;
    }
    for (size_t i = *first; i < call->argument_count && i < *first + checked; i++) {
        if (!number_parse(call->arguments[i], &number)) {
            errors_reply(call, ERROR_NOT_INTEGER);
            return false;
        }
    }
    return true;
}

static void lolwut(struct call *call)
{
    struct picture picture = {
        .columns = COLUMNS_DEFAULT, .rows = ROWS_DEFAULT, .random = (uint64_t)clock_unix_us() | 1};
    size_t first;
    if (!check_arguments(call, &first)) {
        return;
    }
    take_size(call, first, COLUMNS_MAX, &picture.columns);
    take_size(call, first + 1, ROWS_MAX, &picture.rows);
    text_init(&picture.text);
    draw(&picture);
    text_reply(&picture.text, call->reply);
    text_deinit(&picture.text);
}

const struct command lolwut_commands[] = {
    {.name = "lolwut",
     .handler = lolwut,
     .arity = -1,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .group = "server",
     .since = "5.0.0",
     .summary = "Draws a picture and tells the versions",
     .complexity = "O(N) where N is the number of cells of the picture",
     .syntax = "[VERSION version:integer] [columns:integer] [rows:integer]"},
    {0},
};
