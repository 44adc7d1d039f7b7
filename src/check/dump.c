/* dump.c - see dump.h. */
#include "check/dump.h"

#include <inttypes.h>

struct dump {
    const struct live *live;
    const struct dump_options *options;
    FILE *out;
    bool has_selected;
    unsigned database; /* that is selected */
};

/* --- RESP --------------------------------------------------------------------------------- */

static void write_word(FILE *out, struct slice word)
{
    (void)fprintf(out, "$%zu\r\n", word.size);
    (void)fwrite(word.data, 1, word.size, out);
    (void)fputs("\r\n", out);
}

static void write_number(FILE *out, int64_t number)
{
    char text[32];
    int size = snprintf(text, sizeof(text), "%" PRId64, number);
    write_word(out, slice_make(text, (size_t)size));
}

static void select_database(struct dump *dump, unsigned database)
{
    if (dump->has_selected && dump->database == database) {
        return;
    }
    (void)fputs("*2\r\n", dump->out);
    write_word(dump->out, SLICE_LITERAL("SELECT"));
    write_number(dump->out, database);
    dump->has_selected = true;
    dump->database = database;
}

static void write_command(struct dump *dump, const struct live_record *found)
{
    bool has_expiry = found->record->expiry_ms != EXPIRY_NONE;
    select_database(dump, found->database);
    (void)fprintf(dump->out, "*%d\r\n", has_expiry ? 5 : 3);
    write_word(dump->out, SLICE_LITERAL("SET"));
    write_word(dump->out, found->record->key);
    write_word(dump->out, found->value);
    if (has_expiry) {
        write_word(dump->out, SLICE_LITERAL("PXAT"));
        write_number(dump->out, found->record->expiry_ms);
    }
}

/* --- text --------------------------------------------------------------------------------- */

static void write_line(const struct dump *dump, const struct live_record *found)
{
    (void)fprintf(dump->out, "%u ", found->database);
    if (found->record->expiry_ms == EXPIRY_NONE) {
        (void)fputs("- \"", dump->out);
    } else {
        (void)fprintf(dump->out, "%" PRId64 " \"", found->record->expiry_ms);
    }
    report_write_escaped(dump->out, found->record->key);
    (void)fputs("\" \"", dump->out);
    report_write_escaped(dump->out, found->value);
    (void)fputs("\"\n", dump->out);
}

static enum status on_record(void *context, const struct live_record *found)
{
    struct dump *dump = context;
    if (dump->options->format == DUMP_TEXT) {
        write_line(dump, found);
    } else if (dump->options->with_strays || !dump->live->databases[found->database].is_stray) {
        write_command(dump, found);
    }
    return ferror(dump->out) == 0 ? STATUS_OK : STATUS_IO;
}

enum status dump_write(struct live *live, const struct dump_options *options, FILE *out)
{
    struct dump dump = {.live = live, .options = options, .out = out};
    enum status status = live_visit(live, on_record, &dump);
    return status == STATUS_OK && fflush(out) != 0 ? STATUS_IO : status;
}
