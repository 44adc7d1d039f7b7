/* table.c - see table.h. Two open hash tables, filled once: name -> row and row -> number. */
#include "commands/table.h"

#include "base/check.h"
#include "commands/tables.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ROWS_MAX  512
#define SLOT_BITS 10
#define SLOTS     (1 << SLOT_BITS)
#define SLOT_MASK (SLOTS - 1)

/* A name in lower case, NULs behind it: compared and hashed as words. */
#define NAME_WORDS    3
#define NAME_SIZE_MAX (NAME_WORDS * sizeof(uint64_t))

struct name {
    uint64_t words[NAME_WORDS];
};

struct name_slot {
    struct name name;
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

/* What clients can call, and by which name. */
struct callable {
    struct slice name;
    const struct command *command;
};

static struct name_slot names[SLOTS];
static struct row_slot numbers[SLOTS];
static struct callable callables[ROWS_MAX];
static const struct command *rows_by_number[ROWS_MAX];
static size_t command_count;
static bool has_long_names; /* which `names` has no place for: somebody has renamed a command */
static size_t row_count;
static bool is_filled;

#define EACH_BYTE 0x0101010101010101ULL

/* Makes the ASCII capitals among eight bytes small. In each byte the sums below carry into the top
 * bit from 'A' on and beyond 'Z'. */
static uint64_t lower_bytes(uint64_t word)
{
    uint64_t low_bits = word & (EACH_BYTE * 0x7F);
    uint64_t from_a = low_bits + EACH_BYTE * (0x80 - 'A');
    uint64_t beyond_z = low_bits + EACH_BYTE * (0x7F - 'Z');
    uint64_t is_capital = from_a & ~beyond_z & ~word & (EACH_BYTE * 0x80);
    return word | is_capital >> 2;
}

/* Up to eight bytes, the rest zero. */
static uint64_t load_bytes(const char *data, size_t size)
{
    uint64_t word = 0;
    if (size == sizeof(word)) {
        memcpy(&word, data, sizeof(word));
        return word;
    }
    if (size >= sizeof(uint32_t)) {
        uint32_t low;
        uint32_t high;
        memcpy(&low, data, sizeof(low));
        memcpy(&high, data + size - sizeof(high), sizeof(high));
        return low | (uint64_t)high << (8 * (size - sizeof(high)));
    }
    for (size_t i = 0; i < size; i++) {
        word |= (uint64_t)(unsigned char)data[i] << (8 * i);
    }
    return word;
}

/* False: no command has so long a name. */
static bool read_name(struct slice text, struct name *name)
{
    if (text.size > NAME_SIZE_MAX) {
        return false;
    }
    *name = (struct name){{0}};
    size_t word = 0;
    for (; text.size > sizeof(uint64_t); word++) {
        name->words[word] = lower_bytes(load_bytes(text.data, sizeof(uint64_t)));
        text = slice_part(text, sizeof(uint64_t), text.size - sizeof(uint64_t));
    }
    name->words[word] = lower_bytes(load_bytes(text.data, text.size));
    return true;
}

static bool is_same_name(const struct name *a, const struct name *b)
{
    uint64_t difference = 0;
    for (size_t i = 0; i < NAME_WORDS; i++) {
        difference |= a->words[i] ^ b->words[i];
    }
    return difference == 0;
}

static size_t mix(uint64_t word)
{
    return (size_t)(word * 0x9E3779B97F4A7C15ULL >> (64 - SLOT_BITS));
}

static size_t hash_name(const struct name *name)
{
    uint64_t word = name->words[1] ^ name->words[2] * 0xC2B2AE3D27D4EB4FULL;
    return mix(name->words[0] ^ word * 0xFF51AFD7ED558CCDULL);
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
    CHECK((row->key_flags != NULL) == ((row->keys[0].flags & KEY_VARIABLE_FLAGS) != 0));
    size_t size = strlen(row->name) + (parent == NULL ? 0 : strlen(parent->name) + 1);
    CHECK(size < COMMAND_NAME_SIZE_MAX);
    for (const char *c = row->name; *c != '\0'; c++) {
        CHECK(*c < 'A' || *c > 'Z');
    }
}

static void add_name(const struct callable *callable)
{
    struct name name;
    if (!read_name(callable->name, &name)) {
        has_long_names = true;
        return;
    }
    size_t slot = hash_name(&name);
    while (names[slot].command != NULL) {
        slot = (slot + 1) & SLOT_MASK;
    }
    names[slot] =
        (struct name_slot){.name = name, .command = callable->command, .size = callable->name.size};
}

static void add_command(const struct command *command)
{
    check_row(command, NULL);
    struct slice name = slice_of_string(command->name);
    CHECK(command_count < ROWS_MAX && name.size <= NAME_SIZE_MAX && table_find(name) == NULL);
    callables[command_count] = (struct callable){.name = name, .command = command};
    add_name(&callables[command_count]);
    command_count++;
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

static void name_anew(void)
{
    memset(names, 0, sizeof(names));
    has_long_names = false;
    for (size_t i = 0; i < command_count; i++) {
        add_name(&callables[i]);
    }
}

enum status table_rename(struct slice from, struct slice to)
{
    const struct command *command = table_find(from);
    const struct command *other = table_find(to);
    if (command == NULL) {
        return STATUS_NOT_FOUND;
    }
    if (other != NULL && other != command) {
        return STATUS_EXISTS;
    }
    size_t at = 0;
    while (callables[at].command != command) {
        at++;
    }
    if (to.size > 0) {
        callables[at].name = to;
    } else {
        command_count--;
        memmove(&callables[at], &callables[at + 1], (command_count - at) * sizeof(callables[0]));
    }
    name_anew();
    return STATUS_OK;
}

static bool is_same_ignoring_case(struct slice a, struct slice b)
{
    for (size_t i = 0; i < a.size && i < b.size; i++) {
        if (lower_bytes((unsigned char)a.data[i]) != lower_bytes((unsigned char)b.data[i])) {
            return false;
        }
    }
    return a.size == b.size;
}

static const struct command *find_long_name(struct slice text)
{
    for (size_t i = 0; i < command_count; i++) {
        if (is_same_ignoring_case(callables[i].name, text)) {
            return callables[i].command;
        }
    }
    return NULL;
}

const struct command *table_find(struct slice text)
{
    struct name name;
    if (!read_name(text, &name)) {
        return has_long_names ? find_long_name(text) : NULL;
    }
    for (size_t slot = hash_name(&name); names[slot].command != NULL;
         slot = (slot + 1) & SLOT_MASK) {
        /* The size tells a NUL at the end of a name from none. */
        if (is_same_name(&names[slot].name, &name) && names[slot].size == text.size) {
            return names[slot].command;
        }
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

const struct command *table_find_call(const struct slice *arguments, size_t count)
{
    const struct command *command = table_find(arguments[0]);
    bool names_subcommand = command != NULL && command->subcommands != NULL && count > 1;
    return names_subcommand ? table_find_subcommand(command, arguments[1]) : command;
}

const struct command *table_find_full(struct slice name)
{
    const char *bar = name.size == 0 ? NULL : memchr(name.data, '|', name.size);
    if (bar == NULL) {
        return table_find(name);
    }
    size_t size = (size_t)(bar - name.data);
    const struct command *parent = table_find(slice_make(name.data, size));
    if (parent == NULL) {
        return NULL;
    }
    return table_find_subcommand(parent, slice_part(name, size + 1, name.size - size - 1));
}

size_t table_count(void)
{
    return command_count;
}

const struct command *table_at(size_t index)
{
    CHECK(index < command_count);
    return callables[index].command;
}

bool table_is_callable(const struct command *row)
{
    const struct command *command = row->parent == NULL ? row : row->parent;
    for (size_t i = 0; i < command_count; i++) {
        if (callables[i].command == command) {
            return true;
        }
    }
    return false;
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

const char *table_client_name(const struct command *command, char name[TABLE_CLIENT_NAME_SIZE_MAX])
{
    struct slice called = slice_of_string(command->name);
    for (size_t i = 0; i < command_count; i++) {
        if (callables[i].command == command) {
            called = callables[i].name;
        }
    }
    size_t size = 0;
    for (; size < called.size && size + 1 < TABLE_CLIENT_NAME_SIZE_MAX; size++) {
        name[size] = (char)toupper((unsigned char)called.data[size]);
    }
    name[size] = '\0';
    return name;
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
