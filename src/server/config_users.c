/* config_users.c - lines `user` of the configuration: see config.h. */
#include "server/config.h"
#include "server/config_values.h"

#include <stdlib.h>

const struct config_user *config_users(const struct config *config)
{
    return config->users;
}

void config_set_user_source(struct config *config, const struct config_user_source *source)
{
    config->user_source = *source;
}

/* --- written ---------------------------------------------------------------------------------- */

static bool is_read_as_it_is(struct slice word)
{
    for (size_t i = 0; i < word.size; i++) {
        char c = word.data[i];
        if (c == '"' || c == '\'' || c == '\0' || slice_is_blank(c)) {
            return false;
        }
    }
    return word.size > 0;
}

static enum status append_word(struct buffer *lines, struct slice word)
{
    return is_read_as_it_is(word) ? buffer_append(lines, word.data, word.size)
                                  : config_words_append_quoted(lines, word);
}

enum status config_users_append_line(struct buffer *lines, struct slice line)
{
    enum status status = STATUS_OK;
    while (line.size > 0 && status == STATUS_OK) {
        const char *blank = memchr(line.data, ' ', line.size);
        size_t size = blank == NULL ? line.size : (size_t)(blank - line.data);
        size_t taken = blank == NULL ? size : size + 1;
        status = append_word(lines, slice_part(line, 0, size));
        if (status == STATUS_OK) {
            status = buffer_append(lines, " ", taken - size);
        }
        line = slice_part(line, taken, line.size - taken);
    }
    return status == STATUS_OK ? buffer_append(lines, "\n", 1) : status;
}

/* --- read ------------------------------------------------------------------------------------- */

static void free_user(struct config_user *user)
{
    free(user->place);
    free((void *)user->words);
    free(user);
}

void config_users_clear(struct config *config)
{
    while (config->users != NULL) {
        struct config_user *next = config->users->next;
        free_user(config->users);
        config->users = next;
    }
}

/* Slices, and behind them the bytes that they point to; NULL without memory. */
static struct slice *copy_words(const struct slice *words, size_t count)
{
    size_t size = count * sizeof(*words);
    for (size_t i = 0; i < count; i++) {
        size += words[i].size;
    }
    struct slice *copies = malloc(size);
    if (copies == NULL) {
        return NULL;
    }
    char *bytes = (char *)(copies + count);
    for (size_t i = 0; i < count; i++) {
        copies[i] = slice_make(bytes, words[i].size);
        if (words[i].size > 0) {
            memcpy(bytes, words[i].data, words[i].size);
        }
        bytes += words[i].size;
    }
    return copies;
}

enum status config_users_add(struct config *config, const struct config_user *line)
{
    struct config_user **link = &config->users;
    for (; *link != NULL; link = &(*link)->next) {
        if (slice_equal((*link)->words[0], line->words[0])) {
            return STATUS_EXISTS;
        }
    }
    struct config_user *user = calloc(1, sizeof(*user));
    if (user == NULL) {
        return STATUS_NO_MEMORY;
    }
    user->place = strdup(line->place);
    user->is_included = line->is_included;
    user->words = copy_words(line->words, line->count);
    user->count = line->count;
    if (user->place == NULL || user->words == NULL) {
        free_user(user);
        return STATUS_NO_MEMORY;
    }
    *link = user;
    return STATUS_OK;
}
