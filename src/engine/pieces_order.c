/* pieces_order.c - see pieces_order.h. */
#include "engine/pieces_order.h"

#include "base/check.h"

static bool is_copied(const struct pieces_table *table, const struct pieces *pieces)
{
    return pieces->copy_epoch == table->epoch;
}

static void append(struct pieces_list *list, struct pieces *pieces)
{
    pieces->order_next = NULL;
    pieces->order_previous = list->last;
    if (list->last == NULL) {
        list->first = pieces;
    } else {
        list->last->order_next = pieces;
    }
    list->last = pieces;
}

static void take_out(struct pieces_list *list, const struct pieces *pieces)
{
    if (pieces->order_previous == NULL) {
        list->first = pieces->order_next;
    } else {
        pieces->order_previous->order_next = pieces->order_next;
    }
    if (pieces->order_next == NULL) {
        list->last = pieces->order_previous;
    } else {
        pieces->order_next->order_previous = pieces->order_previous;
    }
}

void pieces_order_add(struct pieces_table *table, struct pieces *pieces)
{
    append(&table->fresh, pieces);
}

void pieces_order_remove(struct pieces_table *table, struct pieces *pieces)
{
    pieces_order_touch(table, pieces);
    take_out(&table->fresh, pieces);
}

void pieces_order_touch(struct pieces_table *table, struct pieces *pieces)
{
    if (is_copied(table, pieces)) {
        pieces->copy->is_void = true;
        pieces->copy_epoch = 0;
        take_out(&table->copied, pieces);
        append(&table->fresh, pieces);
    }
}

struct pieces *pieces_order_fresh(const struct pieces_table *table)
{
    return table->fresh.first;
}

void pieces_order_note_copy(struct pieces_table *table, struct pieces *pieces,
                            struct pieces_copy *copy)
{
    CHECK(!is_copied(table, pieces));
    take_out(&table->fresh, pieces);
    append(&table->copied, pieces);
    pieces->copy = copy;
    pieces->copy_epoch = table->epoch;
}

void pieces_order_forget(struct pieces_table *table)
{
    struct pieces_list *fresh = &table->fresh;
    struct pieces_list *copied = &table->copied;
    table->epoch++;
    if (copied->first == NULL) {
        return;
    }
    copied->first->order_previous = fresh->last;
    if (fresh->last == NULL) {
        fresh->first = copied->first;
    } else {
        fresh->last->order_next = copied->first;
    }
    fresh->last = copied->last;
    *copied = (struct pieces_list){0};
}
