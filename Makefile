# scdb: `make run` builds and starts the server, `make test` runs every test. `make help` lists all.

BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
MODE ?= release

PACKAGES := libevent_core libevent_pthreads libxxhash
TEST_PACKAGES := check hiredis

CSTD := -std=c11 -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror
ifneq ($(findstring clang,$(CC)),)
WARNINGS += -Wthread-safety
endif

OPTIMIZE_release := -O2 -g
OPTIMIZE_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPTIMIZE_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
OPTIMIZE_coverage := -O0 -g --coverage
OPTIMIZE := $(OPTIMIZE_$(MODE))

PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))
PKG_LIBS = $(shell pkg-config --libs $(PACKAGES))
TEST_CFLAGS = $(shell pkg-config --cflags $(TEST_PACKAGES))
TEST_LIBS = $(shell pkg-config --libs $(TEST_PACKAGES))

CFLAGS = $(CSTD) $(WARNINGS) $(OPTIMIZE) -fPIC -fvisibility=hidden -pthread -Isrc $(PKG_CFLAGS) $(EXTRA_CFLAGS)
LDFLAGS = $(OPTIMIZE) -pthread

# --- what is built ------------------------------------------------------------------------------

LAYERS := base engine keyspace resp server commands
sources_of = $(wildcard src/$(1)/*.c)
objects_of = $(patsubst %.c,$(BUILD)/%.o,$(call sources_of,$(1)))
archive_of = $(BUILD)/layers/$(1).a

ARCHIVES := $(foreach layer,$(LAYERS),$(call archive_of,$(layer)))
# In the order the linker wants them: a layer before those below it.
LINK_ORDER := $(foreach layer,commands server resp keyspace engine base,$(call archive_of,$(layer)))

SERVER := $(BUILD)/scdb-server
LIBRARIES := $(BUILD)/libscdb.a $(BUILD)/libscdb.so

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z_-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: $(SERVER) $(LIBRARIES) ## build/scdb-server and build/libscdb.{a,so}

$(SERVER): $(BUILD)/src/main.o $(ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $(BUILD)/src/main.o $(LINK_ORDER) $(PKG_LIBS)

define layer_archive
$(call archive_of,$(1)): $(call objects_of,$(1))
	@mkdir -p $$(@D)
	rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach layer,$(LAYERS),$(eval $(call layer_archive,$(layer))))

$(BUILD)/libscdb.a: $(call objects_of,base) $(call objects_of,engine)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/libscdb.so: $(call objects_of,base) $(call objects_of,engine)
	$(CC) $(LDFLAGS) -shared -Wl,-soname,libscdb.so.1 -o $@ $^ $(shell pkg-config --libs libxxhash)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(TEST_CFLAGS) -Itests -MMD -MP -c -o $@ $<

# --- tests: each tests/*/*_test.c is a program of its own ---------------------------------------

TEST_SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
TEST_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/*_test.c))

$(TEST_PROGRAMS): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(TEST_SUPPORT) $(ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $< $(TEST_SUPPORT) $(LINK_ORDER) $(PKG_LIBS) $(TEST_LIBS)

.PHONY: tests
tests: $(TEST_PROGRAMS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
