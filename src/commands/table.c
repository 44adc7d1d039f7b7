/* table.c - see table.h. Two open hash tables, filled once: name -> row and row -> number. */
#include "commands/table.h"

#include "base/check.h"
#include "commands/tables.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ROWS_MAX  512
#define SLOT_BITS 10
#define SLOTS     (1 << SLOT_BITS)
#define SLOT_MASK (SLOTS - 1)

struct name_slot {
    const struct command *command; /* NULL = free */
    size_t size;
};

struct row_slot {
    const struct command *row; /* NULL = free */
    size_t number;
};

static const struct command *const families[] = {
#define TABLES_ROWS(rows) rows,
    COMMAND_TABLES(TABLES_ROWS)
#undef TABLES_ROWS
        NULL};

static struct name_slot names[SLOTS];
static struct row_slot numbers[SLOTS];
static const struct command *commands[ROWS_MAX];
static const struct command *rows_by_number[ROWS_MAX];
static size_t command_count;
static size_t row_count;
static bool is_filled;

/* Names are letters mostly, for which setting this bit makes lower case; what it does to other
 * characters does not matter to a hash. */
#define LOWER_CASE_BITS 0x2020202020202020ULL

static uint64_t load_bytes(const char *data, size_t size)
{
    uint64_t word = 0;
    if (size >= sizeof(word)) {
        memcpy(&word, data, sizeof(word));
        return word;
    }
    for (size_t i = 0; i < size; i++) {
        word = word << 8 | (unsigned char)data[i];
    }
    return word;
}

static size_t mix(uint64_t word)
{
    return (size_t)(word * 0x9E3779B97F4A7C15ULL >> (64 - SLOT_BITS));
}

static size_t hash_name(struct slice name)
{
    uint64_t word = load_bytes(name.data, name.size) | LOWER_CASE_BITS;
    if (name.size > sizeof(word)) {
        uint64_t end = load_bytes(name.data + name.size - sizeof(word), sizeof(word));
        word ^= (end | LOWER_CASE_BITS) * 0xC2B2AE3D27D4EB4FULL;
    }
    return mix(word + name.size);
}

static size_t hash_row(const struct command *row)
{
    return mix((uint64_t)(uintptr_t)row);
}

static void number_row(const struct command *row)
{
    CHECK(row_count < ROWS_MAX);
    size_t slot = hash_row(row);
    while (numbers[slot].row != NULL) {
        CHECK(numbers[slot].row != row);
        slot = (slot + 1) & SLOT_MASK;
    }
    numbers[slot] = (struct row_slot){.row = row, .number = row_count};
    rows_by_number[row_count] = row;
    row_count++;
}

static void check_row(const struct command *row, const struct command *parent)
{
    CHECK(row->arity != 0);
    CHECK(row->handler != NULL || row->subcommands != NULL);
    CHECK(row->group != NULL && row->since != NULL && row->summary != NULL);
    CHECK(row->parent == parent);
    size_t size = strlen(row->name) + (parent == NULL ? 0 : strlen(parent->name) + 1);
    CHECK(size < COMMAND_NAME_SIZE_MAX);
    for (const char *c = row->name; *c != '\0'; c++) {
        CHECK(*c < 'A' || *c > 'Z');
    }
}

static void add_command(const struct command *command)
{
    check_row(command, NULL);
    struct slice name = slice_of_string(command->name);
    CHECK(command_count < ROWS_MAX && table_find(name) == NULL);
    size_t slot = hash_name(name);
    while (names[slot].command != NULL) {
        slot = (slot + 1) & SLOT_MASK;
    }
    names[slot] = (struct name_slot){.command = command, .size = name.size};
    commands[command_count++] = command;
    number_row(command);
    if (command->subcommands == NULL) {
        return;
    }
    for (const struct command *sub = command->subcommands; sub->name != NULL; sub++) {
        check_row(sub, command);
        number_row(sub);
    }
}

void table_init(void)
{
    if (is_filled) {
        return;
    }
    for (const struct command *const *family = families; *family != NULL; family++) {
        for (const struct command *row = *family; row->name != NULL; row++) {
            add_command(row);
        }
    }
    is_filled = true;
}

const struct command *table_find(struct slice name)
{
    size_t slot = hash_name(name);
    while (names[slot].command != NULL) {
        if (names[slot].size == name.size && slice_is_word(name, names[slot].command->name)) {
            return names[slot].command;
        }
        slot = (slot + 1) & SLOT_MASK;
    }
    return NULL;
}

const struct command *table_find_subcommand(const struct command *parent, struct slice name)
{
    if (parent->subcommands == NULL) {
        return NULL;
    }
    for (const struct command *sub = parent->subcommands; sub->name != NULL; sub++) {
        if (slice_is_word(name, sub->name)) {
            return sub;
        }
    }
    return NULL;
}

size_t table_count(void)
{
    return command_count;
}

const struct command *table_at(size_t index)
{
    CHECK(index < command_count);
    return commands[index];
}

size_t table_row_count(void)
{
    return row_count;
}

size_t table_row_number(const struct command *command)
{
    size_t slot = hash_row(command);
    while (numbers[slot].row != command) {
        CHECK(numbers[slot].row != NULL);
        slot = (slot + 1) & SLOT_MASK;
    }
    return numbers[slot].number;
}

const struct command *table_row_at(size_t number)
{
    CHECK(number < row_count);
    return rows_by_number[number];
}

const char *table_full_name(const struct command *command, char name[COMMAND_NAME_SIZE_MAX])
{
    char *end = name;
    if (command->parent != NULL) {
        end = stpcpy(end, command->parent->name);
        *end++ = '|';
    }
    stpcpy(end, command->name);
    return name;
}
