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

/* By which capital and small letters differ. */
#define CASE_BIT  0x20
#define CASE_BITS (CASE_BIT * 0x0101010101010101ULL)

struct name_slot {
    uint64_t head;  /* the name's first bytes, NULs behind it */
    uint64_t exact; /* its bits that have to be the same: all but CASE_BIT of letters */
    struct slice name;
    const struct command *command; /* NULL = free */
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
static size_t row_count;
static bool is_filled;

/* The first eight bytes, zeros behind them where there are fewer. */
static uint64_t first_bytes(struct slice text)
{
    size_t size = text.size;
    if (size >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, text.data, sizeof(word));
        return word;
    }
    if (size >= sizeof(uint32_t)) {
        uint32_t low;
        uint32_t high;
        memcpy(&low, text.data, sizeof(low));
        memcpy(&high, text.data + size - sizeof(high), sizeof(high));
        return low | (uint64_t)high << (8 * (size - sizeof(high)));
    }
    if (size >= sizeof(uint16_t)) {
        uint16_t low;
        uint16_t high;
        memcpy(&low, text.data, sizeof(low));
        memcpy(&high, text.data + size - sizeof(high), sizeof(high));
        return low | (uint64_t)high << (8 * (size - sizeof(high)));
    }
    return size == 0 ? 0 : (unsigned char)text.data[0];
}

static size_t mix(uint64_t word)
{
    return (size_t)(word * 0x9E3779B97F4A7C15ULL >> (64 - SLOT_BITS));
}

/* The same for heads that differ in the case of letters. */
static size_t hash_head(uint64_t head)
{
    return mix(head | CASE_BITS);
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
    bool is_never_run = row->subcommands != NULL || (row->flags & COMMAND_MODULES) != 0;
    CHECK(row->handler != NULL || is_never_run);
    CHECK(row->group != NULL && row->since != NULL && row->summary != NULL);
    CHECK(row->parent == parent);
    CHECK((row->key_flags != NULL) == ((row->keys[0].flags & KEY_VARIABLE_FLAGS) != 0));
    size_t size = strlen(row->name) + (parent == NULL ? 0 : strlen(parent->name) + 1);
    CHECK(size < COMMAND_NAME_SIZE_MAX);
    for (const char *c = row->name; *c != '\0'; c++) {
        CHECK(*c < 'A' || *c > 'Z');
    }
}

static bool is_letter(char c)
{
    char small = (char)(c | CASE_BIT);
    return small >= 'a' && small <= 'z';
}

/* CASE_BIT in those of the first bytes that are letters. */
static uint64_t letters_of(struct slice name)
{
    uint64_t letters = 0;
    for (size_t i = 0; i < name.size && i < sizeof(letters); i++) {
        letters |= is_letter(name.data[i]) ? (uint64_t)CASE_BIT << (8 * i) : 0;
    }
    return letters;
}

static void add_name(const struct callable *callable)
{
    uint64_t head = first_bytes(callable->name);
    size_t slot = hash_head(head);
    while (names[slot].command != NULL) {
        slot = (slot + 1) & SLOT_MASK;
    }
    names[slot] = (struct name_slot){.head = head,
                                     .exact = ~letters_of(callable->name),
                                     .name = callable->name,
                                     .command = callable->command};
}

static void add_command(const struct command *command)
{
    check_row(command, NULL);
    struct slice name = slice_of_string(command->name);
    CHECK(command_count < ROWS_MAX && table_find(name) == NULL);
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

/* Are names of one size, whose heads are the same, the same? */
static bool is_same_rest(struct slice a, struct slice b)
{
    for (size_t i = sizeof(uint64_t); i < a.size; i++) {
        int difference = a.data[i] ^ b.data[i];
        if (difference != 0 && (difference != CASE_BIT || !is_letter(a.data[i]))) {
            return false;
        }
    }
    return true;
}

/* Nothing at all is the name of a free slot. */
static inline bool is_name(const struct name_slot *slot, uint64_t head, struct slice text)
{
    /* The size tells a NUL at the end of a name from none. */
    return ((slot->head ^ head) & slot->exact) == 0 && slot->name.size == text.size &&
           (text.size <= sizeof(head) || is_same_rest(slot->name, text));
}

const struct command *table_find(struct slice text)
{
    uint64_t head = first_bytes(text);
    size_t at = hash_head(head);
    while (!is_name(&names[at], head, text)) {
        if (names[at].command == NULL) {
            return NULL;
        }
        at = (at + 1) & SLOT_MASK;
    }
    return names[at].command;
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
