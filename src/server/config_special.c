/* config_special.c - see config_special.h. */
#include "server/config_special.h"

#include "base/number.h"
#include "server/config.h"
#include "server/config_number.h"
#include "server/event_classes.h"
#include "server/process_title.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ADDRESSES_MAX 16
#define PORT_MAX      65535

const char config_special_no_memory[] = "out of memory";

/* Redis splits what CONFIG SET gives at each blank: of two in a row the second begins an empty
 * word, and a tab is part of one. No word of these directives is empty or has a tab. */
static bool has_stray_blanks(struct slice value)
{
    bool begins_word = true;
    for (size_t i = 0; i < value.size; i++) {
        bool ends_word = slice_is_blank(value.data[i]);
        if (ends_word && (begins_word || value.data[i] != ' ')) {
            return true;
        }
        begins_word = ends_word;
    }
    return begins_word && value.size > 0;
}

static bool append(struct buffer *text, struct slice word)
{
    if (text->size > 0 && buffer_append(text, " ", 1) != STATUS_OK) {
        return false;
    }
    return buffer_append(text, word.data, word.size) == STATUS_OK;
}

static bool append_number(struct buffer *text, int64_t value)
{
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%lld", (long long)value);
    return append(text, slice_make(digits, (size_t)size));
}

const char *config_special_addresses(struct slice value, struct slice current, struct buffer *text)
{
    (void)current;
    size_t count = 0;
    for (struct slice word = slice_next_word(&value); word.size > 0;
         word = slice_next_word(&value)) {
        if (++count > ADDRESSES_MAX) {
            return "Too many bind addresses specified.";
        }
        if (!append(text, word)) {
            return config_special_no_memory;
        }
    }
    return NULL;
}

/* --- client-output-buffer-limit --- */

static const char *const class_names[CLIENT_CLASS_COUNT] = {"normal", "slave", "pubsub"};

struct class_limits {
    int64_t numbers[3];
};

static bool find_class(struct slice word, size_t *out)
{
    if (slice_is_word(word, "replica")) {
        *out = CLIENT_REPLICA;
        return true;
    }
    for (size_t i = 0; i < CLIENT_CLASS_COUNT; i++) {
        if (slice_is_word(word, class_names[i])) {
            *out = i;
            return true;
        }
    }
    return false;
}

static const char *read_limits(struct slice value, struct class_limits *limits)
{
    static const char wrong_number[] = "Wrong number of arguments in buffer limit configuration.";
    if (has_stray_blanks(value)) {
        return wrong_number;
    }
    for (struct slice word = slice_next_word(&value); word.size > 0;
         word = slice_next_word(&value)) {
        struct slice hard = slice_next_word(&value);
        struct slice soft = slice_next_word(&value);
        struct slice seconds = slice_next_word(&value);
        size_t class;
        if (seconds.size == 0) {
            return wrong_number;
        }
        if (!find_class(word, &class)) {
            return "Invalid client class specified in buffer limit configuration.";
        }
        int64_t *numbers = limits[class].numbers;
        if (!config_number_parse_memory(hard, &numbers[0]) ||
            !config_number_parse_memory(soft, &numbers[1]) || !number_parse(seconds, &numbers[2]) ||
            numbers[0] < 0 || numbers[1] < 0 || numbers[2] < 0) {
            return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        }
    }
    return NULL;
}

const char *config_special_output_limits(struct slice value, struct slice current,
                                         struct buffer *text)
{
    struct class_limits limits[CLIENT_CLASS_COUNT] = {0};
    const char *words = read_limits(current, limits);
    if (words == NULL) {
        words = read_limits(value, limits);
    }
    for (size_t i = 0; i < CLIENT_CLASS_COUNT && words == NULL; i++) {
        bool done = append(text, slice_of_string(class_names[i]));
        for (size_t k = 0; k < 3; k++) {
            done = done && append_number(text, limits[i].numbers[k]);
        }
        words = done ? NULL : config_special_no_memory;
    }
    return words;
}

/* --- the others --- */

const char *config_special_save(struct slice value, struct slice current, struct buffer *text)
{
    (void)current;
    static const char invalid[] = "Invalid save parameters";
    if (has_stray_blanks(value)) {
        return invalid;
    }
    struct slice seconds = slice_next_word(&value);
    while (seconds.size > 0) {
        struct slice changes = slice_next_word(&value);
        int64_t numbers[2];
        if (!number_parse(seconds, &numbers[0]) || numbers[0] < 1 || numbers[0] > INT_MAX ||
            !number_parse(changes, &numbers[1]) || numbers[1] < 0 || numbers[1] > INT_MAX) {
            return invalid;
        }
        if (!append_number(text, numbers[0]) || !append_number(text, numbers[1])) {
            return config_special_no_memory;
        }
        seconds = slice_next_word(&value);
    }
    return NULL;
}

const char *config_special_events(struct slice value, struct slice current, struct buffer *text)
{
    (void)current;
    uint32_t classes;
    char letters[EVENT_CLASS_COUNT + 1];
    if (!event_classes_parse(value, &classes)) {
        return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
    }
    size_t count = event_classes_format(classes, letters);
    return buffer_append(text, letters, count) == STATUS_OK ? NULL : config_special_no_memory;
}

const char *config_special_oom_values(struct slice value, struct slice current, struct buffer *text)
{
    (void)current;
    size_t count = 0;
    struct slice counted = value;
    while (slice_next_word(&counted).size > 0) {
        count++;
    }
    if (count != 3 || has_stray_blanks(value)) {
        return "wrong number of arguments";
    }
    for (size_t i = 0; i < count; i++) {
        int64_t number;
        struct slice word = slice_next_word(&value);
        if (!number_parse(word, &number) || number < -2000 || number > 2000) {
            return "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
        }
        if (!append_number(text, number)) {
            return config_special_no_memory;
        }
    }
    return NULL;
}

/* As Redis shows it: six decimals at most, without the zeros at their end. */
static bool append_decimals(struct buffer *text, double number)
{
    char copy[64];
    int size = snprintf(copy, sizeof(copy), "%f", number);
    while (copy[size - 1] == '0') {
        size--;
    }
    if (copy[size - 1] == '.') {
        size--;
    }
    return append(text, slice_make(copy, (size_t)size));
}

const char *config_special_percentiles(struct slice value, struct slice current,
                                       struct buffer *text)
{
    (void)current;
    static const char invalid[] = "Invalid latency-tracking-info-percentiles parameters";
    if (has_stray_blanks(value)) {
        return invalid;
    }
    for (struct slice word = slice_next_word(&value); word.size > 0;
         word = slice_next_word(&value)) {
        char copy[64] = "";
        char *end = copy;
        double number = 0;
        if (word.size < sizeof(copy)) {
            memcpy(copy, word.data, word.size);
            copy[word.size] = '\0';
            number = strtod(copy, &end);
        }
        if (end == copy || *end != '\0' || isnan(number)) {
            return invalid;
        }
        if (!(number >= 0.0 && number <= 100.0)) {
            return "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
        }
        if (!append_decimals(text, number)) {
            return config_special_no_memory;
        }
    }
    return NULL;
}

const char *config_special_title(struct slice value, struct slice current, struct buffer *text)
{
    (void)current;
    if (!process_title_is_template(value)) {
        return "template format is invalid or contains unknown variables";
    }
    return buffer_append(text, value.data, value.size) == STATUS_OK ? NULL
                                                                    : config_special_no_memory;
}

/* Redis's names of what a shutdown may do; which of them a value has is a bit for each. */
static const char *const shutdown_words[] = {"default", "save", "nosave", "now", "force"};

enum { SHUTDOWN_WORD_COUNT = 5, SHUTDOWN_SAVE = 1 << 1, SHUTDOWN_NOSAVE = 1 << 2 };

/* 0: not one of them. */
static unsigned find_shutdown_word(struct slice word)
{
    for (unsigned i = 0; i < SHUTDOWN_WORD_COUNT; i++) {
        if (slice_is_word(word, shutdown_words[i])) {
            return 1U << i;
        }
    }
    return 0;
}

/* As Redis shows them: each word once, in this order, and `default` only where it stands alone. */
const char *config_special_shutdown(struct slice value, struct slice current, struct buffer *text)
{
    (void)current;
    unsigned words = 0;
    bool is_clean = !has_stray_blanks(value);
    struct slice word = slice_next_word(&value);
    do {
        unsigned found = find_shutdown_word(word);
        if (found == 0 || !is_clean) {
            return "argument(s) must be one of the following: default, save, nosave, now, force";
        }
        words |= found;
        word = slice_next_word(&value);
    } while (word.size > 0);
    if ((words & SHUTDOWN_SAVE) != 0 && (words & SHUTDOWN_NOSAVE) != 0) {
        return "shutdown options SAVE and NOSAVE can't be used simultaneously";
    }
    for (unsigned i = words == 1 ? 0 : 1; i < SHUTDOWN_WORD_COUNT; i++) {
        if ((words & 1U << i) != 0 && !append(text, slice_of_string(shutdown_words[i]))) {
            return config_special_no_memory;
        }
    }
    return NULL;
}

const char *config_special_hostname(struct slice value, struct slice current, struct buffer *text)
{
    (void)current;
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.') {
            return "Hostnames may only contain alphanumeric characters, hyphens or dots";
        }
    }
    return buffer_append(text, value.data, value.size) == STATUS_OK ? NULL
                                                                    : config_special_no_memory;
}

const char *config_special_replicaof(struct slice value, struct slice current, struct buffer *text)
{
    (void)current;
    (void)text;
    struct slice host = slice_next_word(&value);
    struct slice port = slice_next_word(&value);
    int64_t number;
    if (host.size == 0 || (slice_is_word(host, "no") && slice_is_word(port, "one"))) {
        return NULL;
    }
    if (port.size == 0 || slice_next_word(&value).size > 0) {
        return "wrong number of arguments: it takes a host and a port, or no one";
    }
    if (!number_parse(port, &number) || number < 0 || number > PORT_MAX) {
        return "Invalid master port";
    }
    return "scdb does not replicate yet, and would answer as a master; remove the line";
}

const char *config_special_tls_port(struct slice value, struct slice current, struct buffer *text)
{
    (void)current;
    int64_t number;
    if (!number_parse(value, &number)) {
        return "argument couldn't be parsed into an integer";
    }
    if (number != 0) {
        return "scdb has no TLS, and would serve nobody there; leave it 0 and put a proxy that "
               "speaks TLS in front of 'port'";
    }
    return append_number(text, number) ? NULL : config_special_no_memory;
}

const char *config_special_hz(struct slice value, struct slice current, struct buffer *text)
{
    (void)current;
    int64_t number;
    if (!number_parse(value, &number)) {
        return "argument couldn't be parsed into an integer";
    }
    if (number < 0 || number > INT_MAX) {
        return "argument must be between 0 and 2147483647 inclusive";
    }
    int64_t clamped = number < 1 ? 1 : number > 500 ? 500 : number;
    return append_number(text, clamped) ? NULL : config_special_no_memory;
}
