/* acl_bits.c - see acl_bits.h. */
#include "server/acl_bits.h"

#include "base/check.h"
#include "server/category.h"

#define BIT_TO_COME (ACL_COMMANDS_MAX - 1)

static void set_bit(struct acl_bits *bits, size_t command, bool allow)
{
    uint64_t bit = (uint64_t)1 << (command % 64);
    if (allow) {
        bits->words[command / 64] |= bit;
    } else {
        bits->words[command / 64] &= ~bit;
    }
}

void acl_bits_set_all(struct acl_bits *bits, bool allow)
{
    memset(bits->words, allow ? 0xff : 0, sizeof(bits->words));
}

void acl_bits_set(struct acl_bits *bits, const struct acl_commands *commands, size_t command,
                  bool allow)
{
    set_bit(bits, command, allow);
    if (!commands->items[command].has_subcommands) {
        return;
    }
    for (size_t i = 0; i < commands->count; i++) {
        if (commands->items[i].parent == command) {
            set_bit(bits, i, allow);
        }
    }
}

/* --- description --- */

/* Rules are put down and followed at once, so that `made` shows what is still missing. */
struct description {
    const struct acl_bits *wanted;
    const struct acl_commands *commands;
    struct acl_bits made;
    struct buffer *out;
    enum status status;
};

static void add_rule(struct description *description, bool allow, const char *mark,
                     struct slice name, struct slice argument)
{
    struct slice parts[] = {SLICE_LITERAL(" "),
                            slice_of_string(allow ? "+" : "-"),
                            slice_of_string(mark),
                            name,
                            slice_of_string(argument.size > 0 ? "|" : ""),
                            argument};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (description->status == STATUS_OK) {
            description->status = buffer_append(description->out, parts[i].data, parts[i].size);
        }
    }
}

static void set_category(struct acl_bits *bits, const struct acl_commands *commands,
                         uint32_t category, bool allow)
{
    for (size_t i = 0; i < commands->count; i++) {
        if ((commands->items[i].categories & category) != 0) {
            acl_bits_set(bits, commands, i, allow);
        }
    }
}

/* Of the categories not yet told, the one with the fewest commands that are not as wanted, if more
 * of its commands are. CATEGORY_COUNT: there is none. */
static size_t find_best_category(const struct acl_commands *commands, const struct acl_bits *left,
                                 bool adds, const bool told[CATEGORY_COUNT])
{
    size_t best = CATEGORY_COUNT;
    size_t best_different = SIZE_MAX;
    size_t best_same = 0;
    for (size_t c = 0; c < CATEGORY_COUNT; c++) {
        size_t counts[2] = {0, 0};
        for (size_t i = 0; i < commands->count && !told[c]; i++) {
            if ((commands->items[i].categories & category_table[c].bit) != 0) {
                counts[acl_bits_has(left, i)]++;
            }
        }
        size_t same = counts[adds];
        size_t different = counts[!adds];
        bool is_better =
            different < best_different || (different == best_different && same > best_same);
        if (same > different && is_better) {
            best = c;
            best_different = different;
            best_same = same;
        }
    }
    return best;
}

static void describe_categories(struct description *description, bool adds)
{
    const struct acl_commands *commands = description->commands;
    struct acl_bits left = *description->wanted;
    bool told[CATEGORY_COUNT] = {false};
    for (;;) {
        size_t best = find_best_category(commands, &left, adds, told);
        if (best == CATEGORY_COUNT) {
            return;
        }
        told[best] = true;
        set_category(&description->made, commands, category_table[best].bit, adds);
        set_category(&left, commands, category_table[best].bit, !adds);
        add_rule(description, adds, "@", slice_of_string(category_table[best].name),
                 (struct slice){0});
    }
}

static void describe_command(struct description *description, size_t command)
{
    bool wanted = acl_bits_has(description->wanted, command);
    if (wanted != acl_bits_has(&description->made, command)) {
        add_rule(description, wanted, "",
                 slice_of_string(description->commands->items[command].name), (struct slice){0});
        acl_bits_set(&description->made, description->commands, command, wanted);
    }
}

static void describe_first_arguments(struct description *description, size_t command,
                                     const struct word_list *words)
{
    struct slice name = slice_of_string(description->commands->items[command].name);
    for (size_t i = 0; i < words->count; i++) {
        if (words->items[i].tag == command && !acl_bits_has(description->wanted, command)) {
            add_rule(description, true, "", name, words->items[i].text);
        }
    }
}

enum status acl_bits_describe(const struct acl_bits *bits, const struct acl_commands *commands,
                              const struct word_list *first_arguments, struct buffer *out)
{
    bool adds = !acl_bits_has(bits, BIT_TO_COME);
    struct description description = {.wanted = bits, .commands = commands, .out = out};
    acl_bits_set_all(&description.made, !adds);
    description.status = buffer_append(out, adds ? "-@all" : "+@all", 5);
    describe_categories(&description, adds);
    for (size_t i = 0; i < commands->count; i++) {
        if (commands->items[i].parent != ACL_NO_COMMAND) {
            continue;
        }
        describe_command(&description, i);
        for (size_t k = 0; commands->items[i].has_subcommands && k < commands->count; k++) {
            if (commands->items[k].parent == i) {
                describe_command(&description, k);
            }
        }
        describe_first_arguments(&description, i, first_arguments);
    }
    /* What is written to the disk must mean what is in force. */
    for (size_t i = 0; i < commands->count; i++) {
        CHECK(acl_bits_has(&description.made, i) == acl_bits_has(bits, i));
    }
    return description.status;
}
