/*
 * counter.c - counts words, and remembers: a short tour of scdb.h.
 *
 *     cc -o counter counter.c -lscdb
 *     ./counter DIRECTORY WORD...     counts each word once more, all or none of them
 *     ./counter DIRECTORY             lists what was counted
 *     ./counter DIRECTORY -WORD       forgets a word
 */
#include <scdb.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *doing, enum scdb_status status)
{
    fprintf(stderr, "%s: %s\n", doing, scdb_status_text(status));
    return EXIT_FAILURE;
}

/* How often the word was counted. A copied value ends with a NUL, so it is a string again. */
static enum scdb_status count_of(struct scdb *db, const char *word, uint64_t *count)
{
    void *text;
    enum scdb_status status = scdb_get(db, scdb_string(word), &text, NULL);
    if (status == SCDB_NOT_FOUND) {
        *count = 0;
        return SCDB_OK;
    }
    if (status == SCDB_OK) {
        *count = strtoull(text, NULL, 10);
        scdb_free(text);
    }
    return status;
}

static int count_words(struct scdb *db, char **words, int word_count)
{
    struct scdb_batch *batch;
    enum scdb_status status = scdb_batch_create(&batch);
    if (status != SCDB_OK) {
        return fail("making a batch", status);
    }
    for (int i = 0; status == SCDB_OK && i < word_count; i++) {
        uint64_t count;
        status = count_of(db, words[i], &count);
        if (status == SCDB_OK) {
            char text[32];
            snprintf(text, sizeof(text), "%" PRIu64, count + 1);
            status = scdb_batch_set(batch, scdb_string(words[i]), scdb_string(text), SCDB_NEVER);
        }
    }
    if (status == SCDB_OK) {
        status = scdb_batch_write(db, batch);
    }
    scdb_batch_destroy(batch);
    return status == SCDB_OK ? EXIT_SUCCESS : fail("counting", status);
}

/* Called with no lock held: it may use the store. */
static void print_word(void *context, const struct scdb_key *found)
{
    struct scdb *db = context;
    struct scdb_view view;
    if (scdb_borrow(db, found->key, &view) == SCDB_OK) {
        printf("%.*s %.*s\n", (int)found->key.size, (const char *)found->key.data,
               (int)view.value.size, (const char *)view.value.data);
        scdb_release(&view);
    }
}

static int list_words(struct scdb *db)
{
    uint64_t cursor = 0;
    do {
        enum scdb_status status = scdb_scan(db, &cursor, 100, print_word, db);
        if (status != SCDB_OK) {
            return fail("listing", status);
        }
    } while (cursor != 0);
    return EXIT_SUCCESS;
}

static int run(struct scdb *db, char **words, int word_count)
{
    if (word_count == 0) {
        return list_words(db);
    }
    if (words[0][0] == '-') {
        enum scdb_status status = scdb_delete(db, scdb_string(words[0] + 1));
        return status == SCDB_OK ? EXIT_SUCCESS : fail(words[0] + 1, status);
    }
    return count_words(db, words, word_count);
}

int main(int argument_count, char **arguments)
{
    if (argument_count < 2) {
        fprintf(stderr, "usage: counter DIRECTORY [WORD... | -WORD]\n");
        return EXIT_FAILURE;
    }
    struct scdb *db;
    struct scdb_error error;
    struct scdb_options options = {.sync = SCDB_SYNC_ALWAYS};
    if (scdb_open(arguments[1], &options, &db, &error) != SCDB_OK) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    int result = run(db, arguments + 2, argument_count - 2);
    enum scdb_status closed = scdb_close(db);
    return closed == SCDB_OK ? result : fail("closing", closed);
}
