/*
 * config_command_line.c - what stands on the command line: a file, and options, which are turned
 * into lines of one. See config.h.
 */
#include "base/version.h"
#include "server/config.h"
#include "server/config_values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- options --- */

/* In quotes, as Redis tells them when they are wrong. */
static enum status append_value(struct buffer *out, const char *word)
{
    enum status status = buffer_append(out, " ", 1);
    return status == STATUS_OK ? config_words_append_quoted(out, slice_of_string(word)) : status;
}

static bool is_dashed(const char *word)
{
    return strncmp(word, "--", 2) == 0 && word[2] != '\0';
}

/* Begins a line with the name of an option; *wants_value: its value is not in the same word. */
static enum status append_name(struct buffer *out, const char *word, const char *next,
                               bool *wants_value)
{
    const char *name = is_dashed(word) ? word + 2 : word;
    enum status status = out->size == 0 ? STATUS_OK : buffer_append(out, "\n", 1);
    if (status == STATUS_OK) {
        status = buffer_append(out, name, strlen(name));
    }
    *wants_value = strchr(name, ' ') == NULL;
    /* Redis has always taken a --save without anything for --save "". */
    if (status == STATUS_OK && strcmp(name, "save") == 0 && (next == NULL || is_dashed(next))) {
        *wants_value = false;
        status = append_value(out, "");
    }
    return status;
}

/*
 * Writes `--name value ...` as lines of a file: what an option takes is decided by the table. As in
 * Redis, the word behind a name is its value, even one with dashes, and a name and its value may be
 * one word; dashes may be missing before the first name.
 */
static enum status gather_options(int argc, char **argv, struct buffer *out, struct error *error)
{
    bool wants_value = false;
    for (int i = 0; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool is_name = (is_dashed(argv[i]) && !wants_value) || (i == 0 && next != NULL);
        if (i == 0 && !is_name) {
            return error_set(error, STATUS_INVALID,
                             "'%s' on the command line: expected --name value; see --help",
                             argv[i]);
        }
        enum status status;
        if (is_name) {
            status = append_name(out, argv[i], next, &wants_value);
        } else {
            status = append_value(out, argv[i]);
            wants_value = false;
        }
        if (status != STATUS_OK) {
            return error_set(error, status, "out of memory");
        }
    }
    return STATUS_OK;
}

static enum status load_options(struct config *config, int argc, char **argv, struct error *error)
{
    struct buffer lines = {0};
    enum status status = gather_options(argc, argv, &lines, error);
    if (status == STATUS_OK) {
        status = config_load_options(config, buffer_slice(&lines), error);
    }
    buffer_deinit(&lines);
    return status;
}

/* Takes `--import-v1 DIR`, which is an order and no directive, off the options. */
static enum status take_import(struct config *config, int *argc, char **argv, struct error *error)
{
    int at = 0;
    while (at < *argc && strcmp(argv[at], "--import-v1") != 0) {
        at++;
    }
    if (at == *argc) {
        return STATUS_OK;
    }
    if (at + 1 == *argc || strncmp(argv[at + 1], "--", 2) == 0) {
        return error_set(
            error, STATUS_INVALID,
            "--import-v1 on the command line: name the directory that holds dump.scdb");
    }
    free(config->import_directory);
    config->import_directory = realpath(argv[at + 1], NULL);
    if (config->import_directory == NULL) {
        return error_set(error, STATUS_INVALID,
                         "--import-v1 '%s': %s; name the directory that "
                         "holds dump.scdb",
                         argv[at + 1], strerror(errno));
    }
    for (*argc -= 2; at < *argc; at++) {
        argv[at] = argv[at + 2];
    }
    return STATUS_OK;
}

/* --- all of it --- */

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static void print_help(void)
{
    (void)printf(
        "usage: scdb-server [FILE | -] [--name value ...]\n"
        "\n"
        "FILE has the syntax of redis.conf; - reads it from the standard input. Each\n"
        "--name value stands for one of its lines and wins over the file.\n"
        "\n"
        "  scdb-server\n"
        "  scdb-server /etc/scdb/scdb.conf\n"
        "  scdb-server scdb.conf --port 7000 --appendfsync always\n"
        "  echo 'port 7000' | scdb-server -\n"
        "\n"
        "  -v, --version   print the version\n"
        "  -h, --help      print this\n"
        "  --import-v1 DIR\n"
        "                  don't serve: bring the keys of DIR/dump.scdb, a store of scdb's\n"
        "                  ancestor (py_scdb ...), over into the empty store in 'dir'. Ends\n"
        "                  with 0; with 2 if a part of the old file can't be read (the log\n"
        "                  lists what); with 1 if it failed (the log says why: run it again)\n"
        "\n"
        "scdb.conf, which comes with the program, explains all directives.\n");
}

enum config_start config_load_command_line(struct config *config, int argc, char **argv,
                                           struct error *error)
{
    if (argc == 2 && is_one_of(argv[1], "-v", "--version")) {
        (void)printf("scdb-server v=%s (speaks as Redis %s)\n", SCDB_VERSION, SCDB_REDIS_VERSION);
        return CONFIG_START_EXIT;
    }
    if (argc == 2 && is_one_of(argv[1], "-h", "--help")) {
        print_help();
        return CONFIG_START_EXIT;
    }
    free(config->start_directory);
    config->start_directory = getcwd(NULL, 0);
    int next = 1;
    if (argc > 1 && strncmp(argv[1], "--", 2) != 0) {
        next = 2;
        if (config_load_file(config, argv[1], error) != STATUS_OK) {
            return CONFIG_START_FAILED;
        }
    }
    int count = argc - next;
    enum status status = take_import(config, &count, argv + next, error);
    if (status == STATUS_OK) {
        status = load_options(config, count, argv + next, error);
    }
    return status == STATUS_OK ? CONFIG_START_RUN : CONFIG_START_FAILED;
}
