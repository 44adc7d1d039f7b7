# scdb: `make run` builds and starts the server, `make test` runs every test. `make help` lists all.
#
# BUILD=dir says where everything that is made goes, MODE=release|asan|tsan|coverage|fuzz how it is
# compiled, CC=gcc|clang with what, V=1 shows the whole commands, LTO=no links the server in a moment.

BUILD ?= build
MODE ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

include deps/flags.mk

CSTD := -std=c11 -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror
ifneq ($(findstring clang,$(CC)),)
WARNINGS += -Wthread-safety
# What gcc calls them by itself.
SANITIZE_asan := -D__SANITIZE_ADDRESS__=1
SANITIZE_tsan := -D__SANITIZE_THREAD__=1
endif

OPTIMIZE_release := -O3 -g
# What sanitizers report has lines and no variables.
OPTIMIZE_asan := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPTIMIZE_tsan := -O1 -g1 -fsanitize=thread -fno-omit-frame-pointer
OPTIMIZE_coverage := -O0 -g --coverage
OPTIMIZE_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
                 -fno-omit-frame-pointer
# `make trained` compiles twice: with counters, then by what these have counted, which is what stands
# in a folder with a profile in it from then on. What the training did not run is compiled as usual.
# By a profile gcc warns of what can't be (its inlining misleads it); without one the same sources pass.
PROFILE := $(if $(wildcard $(BUILD)/profile),use)
PROFILE_generate := -fprofile-generate -fprofile-update=atomic
PROFILE_use := -fprofile-use -fprofile-partial-training -Wno-missing-profile -Wno-error \
               -Wno-array-bounds -Wno-maybe-uninitialized -Werror=coverage-mismatch
OPTIMIZE := $(OPTIMIZE_$(MODE)) $(SANITIZE_$(MODE)) $(PROFILE_$(PROFILE))

# Over a hundred test programs are linked, each from all layers: lld takes half the time that ld does.
TEST_LINKER := $(if $(shell command -v ld.lld),-fuse-ld=lld)

# What tests use is compiled sooner with less, and unit tests themselves, which run for a moment,
# with less still.
SUPPORT_OPTIMIZE_release := -O2
TEST_OPTIMIZE_release := -O1
TEST_OPTIMIZE_asan := -O0
TEST_OPTIMIZE_tsan := -O0

# gcc's release build of the server is optimised as a whole when it is linked. Its objects hold code
# of their own, too: everything else is linked from that, tests above all, which put functions of
# theirs in the place of some.
LTO ?= $(if $(findstring clang,$(CC))$(filter-out release,$(MODE)),no,yes)
LTO_LDFLAGS := -fno-lto
ifeq ($(LTO),yes)
LTO_CFLAGS := -flto -ffat-lto-objects
$(BUILD)/scdb-server: private LTO_LDFLAGS := -flto=auto
endif

OWN_CFLAGS = $(CSTD) $(WARNINGS) $(OPTIMIZE) -fPIC -fvisibility=hidden -pthread -Isrc
CFLAGS = $(OWN_CFLAGS) $(PKG_CFLAGS) $(EXTRA_CFLAGS)
LDFLAGS = $(OPTIMIZE) $(LTO_LDFLAGS) -pthread $(EXTRA_LDFLAGS)

# What the objects in $(BUILD) were made with. When that is something else now, all are made anew.
MADE_WITH := $(BUILD)/made-with
FLAGS := $(strip $(CC) $(OWN_CFLAGS) $(LTO_CFLAGS) $(SUPPORT_OPTIMIZE_$(MODE)) $(TEST_OPTIMIZE_$(MODE)) \
                $(EXTRA_CFLAGS) $(EXTRA_LDFLAGS))
ifneq ($(file <$(MADE_WITH)),$(FLAGS))
.PHONY: $(MADE_WITH)
endif

ifeq ($(V),1)
Q :=
say =
else
Q := @
say = @printf '  %-6s %s\n' '$(1)' '$(2)'
endif

# --- what is built ------------------------------------------------------------------------------

LAYERS := base engine import keyspace resp server commands check
# A program's main is no part of its layer's archive, which tests link, too.
sources_of = $(filter-out src/$(1)/main.c,$(wildcard src/$(1)/*.c))
objects_of = $(patsubst %.c,$(BUILD)/%.o,$(call sources_of,$(1)))
archive_of = $(BUILD)/layers/$(1).a

ARCHIVES := $(foreach layer,$(LAYERS),$(call archive_of,$(layer)))
# In the order the linker wants them: a layer before those below it.
LINK_ORDER := $(foreach layer,check commands server resp keyspace import engine base,$(call archive_of,$(layer)))

SERVER := $(BUILD)/scdb-server
CHECKER := $(BUILD)/scdb-check
LIBRARIES := $(BUILD)/libscdb.a $(BUILD)/libscdb.so
INSTALLED := $(BUILD)/deps

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9_-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: $(SERVER) $(CHECKER) $(LIBRARIES) ## build/scdb-server, build/scdb-check and build/libscdb.{a,so}

TRAINED := $(BUILD)/trained
COUNTING := $(TRAINED)/scdb-server-counting
.PHONY: trained
trained: | $(INSTALLED)/build $(INSTALLED)/test ## build/trained/scdb-server, compiled by a profile of itself: faster by a tenth, in two minutes (gcc)
	$(if $(findstring clang,$(CC)),$(error `make trained` takes gcc: clang's profiles have another form))
	$(Q)rm -rf $(TRAINED)
	$(Q)CCACHE_DISABLE=1 $(MAKE) --no-print-directory BUILD=$(TRAINED) PROFILE=generate $(TRAINED)/scdb-server
	$(Q)mv $(TRAINED)/scdb-server $(COUNTING)
	$(call say,TRAIN,$(COUNTING))
	$(Q)SCDB_SERVER=$(abspath $(COUNTING)) tests/bench/train.py
	$(Q)test -e $(TRAINED)/src/server/turn.gcda || { echo "$(COUNTING) has left no counters in $(TRAINED)/src:" \
	    "there is no profile to compile by. Is the disk full, or was the folder moved?"; exit 1; }
	$(Q)touch $(TRAINED)/profile
	$(Q)$(MAKE) --no-print-directory BUILD=$(TRAINED) build

.PHONY: run
run: build ## build, then start the server with scdb.conf (ARGS="--port 7000" adds directives)
	@exec $(SERVER) scdb.conf $(ARGS)

# What a purpose needs is installed before the first thing is made for it.
$(INSTALLED)/%: deps/%.packages deps/install.sh
	@deps/install.sh $*
	@mkdir -p $(@D) && touch $@

$(MADE_WITH):
	@mkdir -p $(@D) && printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@

$(SERVER): $(BUILD)/src/main.o $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(BUILD)/src/main.o $(LINK_ORDER) $(PKG_LIBS)

CHECKER_ARCHIVES := $(foreach layer,check import engine base,$(call archive_of,$(layer)))
$(CHECKER): $(BUILD)/src/check/main.o $(CHECKER_ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(CHECKER_ARCHIVES) $(ENGINE_LIBS)

define layer_archive
$(call archive_of,$(1)): $(call objects_of,$(1))
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach layer,$(LAYERS),$(eval $(call layer_archive,$(layer))))

# One object, so that what is hidden in the shared library is hidden here, too.
$(BUILD)/libscdb.a: $(call objects_of,base) $(call objects_of,engine)
	$(call say,AR,$@)
	$(Q)$(LD) -r -o $(@D)/libscdb.o $^ && objcopy --localize-hidden --wildcard \
	    --remove-section='.gnu.*lto_*' $(@D)/libscdb.o
	$(Q)rm -f $@ && ar rcs $@ $(@D)/libscdb.o

# Its handler of SIGBUS may be called as long as the process lives, so dlclose() leaves it where it is.
$(BUILD)/libscdb.so: $(call objects_of,base) $(call objects_of,engine)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,libscdb.so.1 -Wl,-z,nodelete -Wl,--exclude-libs,ALL -o $@ $^ $(ENGINE_LIBS)
	$(Q)ln -sf libscdb.so $(@D)/libscdb.so.1

$(BUILD)/%.o: %.c $(MADE_WITH) | $(INSTALLED)/build
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(LTO_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.c $(MADE_WITH) | $(INSTALLED)/build $(INSTALLED)/test
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(TEST_CFLAGS) -Itests -MMD -MP -c -o $@ $<

$(BUILD)/tests/%.o: private OPTIMIZE += $(SUPPORT_OPTIMIZE_$(MODE))
$(BUILD)/tests/unit/%.o: private OPTIMIZE += $(TEST_OPTIMIZE_$(MODE))

$(BUILD)/redis-tests/%.o: redis-tests/%.c $(MADE_WITH) | $(INSTALLED)/build $(INSTALLED)/test
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(TEST_CFLAGS) -MMD -MP -c -o $@ $<

# --- tests: each tests/*/*_test.c is a program of its own ---------------------------------------

TEST_SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
TEST_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/*_test.c))

# Where there is one thread there are no races: ThreadSanitizer leaves that out. So it is in a unit test
# whose source speaks of none, and in some that take long.
ifeq ($(MODE),tsan)
ONE_THREAD := tests/crash/% tests/model/% \
              $(patsubst %,tests/unit/%_test,compaction compaction_bound engine fault_between scrub) \
              $(patsubst %.c,%,$(shell grep -LE 'thread|mutex|worker|standby|background|disk_store|scdb_open' \
                                            tests/unit/*_test.c))
TEST_PROGRAMS := $(filter-out $(addprefix $(BUILD)/,$(ONE_THREAD)),$(TEST_PROGRAMS)) \
                 $(BUILD)/tests/crash/threads_crash_test
endif
HIREDIS_TEST := $(BUILD)/redis-tests/hiredis_test
HIREDIS_ASYNC_TEST := $(BUILD)/redis-tests/hiredis_async_test

# Fuzz targets, which `make test` runs over their corpora only (`make fuzz` runs them for long).
FUZZ_SOURCES := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_NAMES := $(patsubst tests/fuzz/%_fuzz.c,%,$(FUZZ_SOURCES))
ifeq ($(MODE),tsan)
FUZZ_NAMES :=
endif
REPLAY_PROGRAMS := $(patsubst %,$(BUILD)/tests/fuzz/%_replay,$(FUZZ_NAMES))
REPLAYS := $(foreach name,$(FUZZ_NAMES),"$(BUILD)/tests/fuzz/$(name)_replay tests/fuzz/corpus/$(name)")

$(REPLAY_PROGRAMS): %_replay: %_fuzz.o $(BUILD)/tests/fuzz/replay.o $(TEST_SUPPORT) $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(TEST_LINKER) -o $@ $< $(BUILD)/tests/fuzz/replay.o $(TEST_SUPPORT) $(LINK_ORDER) $(PKG_LIBS) $(TEST_LIBS)

# The engine with malloc, calloc and realloc that fail on demand (tests/support/failing_memory.h);
# engine_verify is the tests' own.
FAILING_ENGINE := $(BUILD)/layers/engine_failing.a
MEMORY_TEST := $(BUILD)/tests/crash/memory_sweep_test
failing_objects = $(patsubst $(BUILD)/%.o,$(BUILD)/failing/%.o,\
                  $(filter-out %/engine_verify.o,$(call objects_of,engine) $(call objects_of,base)))

$(BUILD)/failing/%.o: $(BUILD)/%.o
	@mkdir -p $(@D)
	$(Q)objcopy --redefine-sym malloc=failing_malloc --redefine-sym calloc=failing_calloc \
	    --redefine-sym realloc=failing_realloc $< $@

$(FAILING_ENGINE): $(failing_objects) $(BUILD)/src/engine/engine_verify.o
	$(Q)rm -f $@ && ar rcs $@ $^

$(MEMORY_TEST): $(MEMORY_TEST).o $(TEST_SUPPORT) $(FAILING_ENGINE) $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(TEST_LINKER) -o $@ $< $(TEST_SUPPORT) $(FAILING_ENGINE) $(LINK_ORDER) $(PKG_LIBS) $(TEST_LIBS)

# The system calls of file_posix.c, interrupted and cut short.
$(BUILD)/tests/unit/file_interrupts_test: \
    LDFLAGS += $(foreach call,openat pwrite pwritev pread fdatasync fsync fallocate ftruncate,-Wl,--wrap=$(call))

# What another finds between the calls.
$(BUILD)/tests/unit/file_lock_test: LDFLAGS += -Wl,--wrap=flock

# Guarded reads of a mapping, at or behind which the disk fails.
$(BUILD)/tests/unit/fault_between_test $(BUILD)/tests/unit/recovery_history_test: \
    LDFLAGS += -Wl,--wrap=fault_guard_run

# Commands, with a clock of the tests' own (tests/support/command_shell.h).
$(BUILD)/tests/unit/dispatch_test $(BUILD)/tests/unit/key_commands_test \
$(BUILD)/tests/unit/string_commands_test: LDFLAGS += -Wl,--wrap=clock_unix_ms

$(filter-out $(MEMORY_TEST),$(TEST_PROGRAMS)): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(TEST_SUPPORT) $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(TEST_LINKER) -o $@ $< $(TEST_SUPPORT) $(LINK_ORDER) $(PKG_LIBS) $(TEST_LIBS)

$(HIREDIS_TEST) $(HIREDIS_ASYNC_TEST): %: %.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(TEST_LIBS) $(PKG_LIBS)

# What LD_PRELOAD puts between the server and its disk, to see what a power cut could leave.
RECORDER := $(BUILD)/tests/power/recorder.so
export SCDB_RECORDER = $(abspath $(RECORDER))

$(RECORDER): %.so: %.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -shared -o $@ $< -ldl

# A disk that fails on demand. Not instrumented: it is loaded before the sanitizers' libraries.
FAULT_DISK := $(BUILD)/redis-tests/fault_disk.so
$(FAULT_DISK): redis-tests/support/fault_disk.c
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=c11 -O1 -Wall -Wextra -Werror -fPIC -shared -o $@ $< -ldl

.PHONY: tests
tests: $(TEST_PROGRAMS) $(REPLAY_PROGRAMS) $(HIREDIS_TEST) $(HIREDIS_ASYNC_TEST) $(RECORDER) $(FAULT_DISK)

# Clients against the real server; with_server starts one for those that don't do it themselves.
WITH_SERVER := redis-tests/support/with_server
CLIENT_TESTS := "$(WITH_SERVER) $(HIREDIS_TEST)" \
                "$(WITH_SERVER) $(HIREDIS_ASYNC_TEST)" \
                "$(WITH_SERVER) redis-tests/redis_benchmark_test.sh" \
                "$(WITH_SERVER) redis-tests/redis_py_test.py" \
                redis-tests/administration_test.py \
                redis-tests/buffers_test.py \
                redis-tests/operations_test.py \
                redis-tests/large_values_test.py \
                redis-tests/directory_test.py \
                redis-tests/networking_test.py \
                redis-tests/reference_test.py \
                redis-tests/refusals_test.py \
                redis-tests/pubsub_test.py \
                redis-tests/events_test.py \
                redis-tests/values_test.py \
                redis-tests/patches_test.py \
                redis-tests/tracking_test.py \
                redis-tests/acl_test.py \
                redis-tests/migrate_test.py \
                redis-tests/eviction_test.py \
                redis-tests/sentinel_test.py \
                redis-tests/observe_test.py \
                redis-tests/import_test.py \
                redis-tests/durability_test.py \
                redis-tests/maintenance_test.py \
                redis-tests/scdb_check_test.py \
                redis-tests/differential/differential.py \
                redis-tests/crash/kill9.py \
                redis-tests/crash/flip.py

# The recorder can't be loaded in front of a sanitizer's runtime, which wants to be the first.
ifeq ($(filter asan tsan,$(MODE)),)
CLIENT_TESTS += redis-tests/power/disk_test.py redis-tests/power/powercut.py
endif
# Redis's own tests, in the mode that has all of them. They look at the clock.
ifeq ($(MODE),release)
SUITE_TEST := "redis-tests/suite/run.py --mode spawned --jobs 2"
endif
# What one client does after the other shows no races that the others' tests don't.
ifeq ($(MODE),tsan)
CLIENT_TESTS := $(filter-out redis-tests/scdb_check_test.py redis-tests/values_test.py \
                 redis-tests/import_test.py redis-tests/acl_test.py,$(CLIENT_TESTS))
else
CLIENT_TESTS += "$(WITH_SERVER) redis-tests/redis_cli_test.sh" \
                "$(WITH_SERVER) redis-tests/node/run.sh"
endif

# Clients and applications that take more packages than CI has anyway: deps/clients.packages and npm.
NODE_TEST := $(WITH_SERVER) redis-tests/node/applications/run.sh
MORE_CLIENT_TESTS := "$(NODE_TEST) 20 node_redis.test.mjs NODE_REDIS=redis-6" \
                     "$(NODE_TEST) 20 ioredis.test.mjs IOREDIS=ioredis-6 IOREDIS_PROTOCOL=2" \
                     "$(NODE_TEST) 20 ioredis.test.mjs IOREDIS=ioredis-6 IOREDIS_PROTOCOL=3" \
                     "$(NODE_TEST) 18 node_redis_4.test.mjs" \
                     "$(NODE_TEST) 18 caches.test.mjs" \
                     "$(NODE_TEST) 18 sessions.test.mjs" \
                     "$(NODE_TEST) 18 rate_limits.test.mjs" \
                     "$(NODE_TEST) 18 socket_io.test.mjs" \
                     "$(WITH_SERVER) redis-tests/redis_py_test.py hiredis" \
                     "$(WITH_SERVER) redis-tests/redis_py_test.py python" \
                     "$(WITH_SERVER) redis-tests/python/django_test.py" \
                     "$(WITH_SERVER) redis-tests/python/flask_test.py" \
                     "$(WITH_SERVER) redis-tests/python/dogpile_test.py" \
                     "$(WITH_SERVER) redis-tests/php/redis_test.php" \
                     "$(WITH_SERVER) redis-tests/php/predis_test.php" \
                     "$(WITH_SERVER) redis-tests/php/symfony_cache_test.php" \
                     "$(WITH_SERVER) redis-tests/ruby/redis_test.rb" \
                     "$(WITH_SERVER) redis-tests/ruby/rails_cache_test.rb" \
                     "$(WITH_SERVER) redis-tests/perl/redis_test.pl" \
                     "$(WITH_SERVER) redis-tests/perl/redis_test.pl Redis::Fast"
export SCDB_NODE_APPLICATIONS = $(abspath $(BUILD)/node)

# A sanitizer's finding ends the program at once, so that the test that met it fails.
export ASAN_OPTIONS := detect_leaks=1:abort_on_error=0:exitcode=66
export UBSAN_OPTIONS := print_stacktrace=1
export TSAN_OPTIONS := halt_on_error=1:exitcode=66:second_deadlock_stack=1
export SCDB_SERVER = $(abspath $(SERVER))
export SCDB_CHECK = $(abspath $(CHECKER))

# Where every access is watched, random tests take fewer rounds and have more time.
ifneq ($(filter asan tsan coverage,$(MODE)),)
export CK_TIMEOUT_MULTIPLIER ?= 30
export SCDB_TEST_SCALE ?= 0.1
export SCDB_REQUESTS ?= 1600
export SCDB_COUNT ?= 3000
export SCDB_ROUNDS ?= 1
export SCDB_SANITIZED ?= $(if $(filter asan tsan,$(MODE)),yes)
export SCDB_FLIPS ?= 1
endif

# The example program, against both libraries.
EXAMPLE_TEST := tests/example/run.sh
EXAMPLE_SETTINGS = BUILD=$(BUILD) CC="$(CC)" LIBRARY_FLAGS="$(OPTIMIZE)"

# What the benchmarks rest on, and themselves in short; nothing is measured.
HARNESS_TEST := tests/bench/harness_test.py
ifeq ($(MODE),release)
SCRIPTS_TEST := tests/bench/scripts_test.py
endif

# A sanitizer's runs have none that looks at the clock, so that more of them may share a processor.
ifneq ($(filter asan tsan,$(MODE)),)
SIDE_BY_SIDE := -j $(shell expr 3 \* $$(nproc 2>/dev/null || echo 2))
endif

# They compute, and some for long, while most clients wait: so they begin early.
SWEEPS := $(filter $(BUILD)/tests/crash/%,$(TEST_PROGRAMS))

.PHONY: test
test: build tests | $(INSTALLED)/test $(INSTALLED)/suite ## every test: unit, model, crash, the example, and clients against the server
	@$(EXAMPLE_SETTINGS) tests/run $(SIDE_BY_SIDE) $(SUITE_TEST) $(SCRIPTS_TEST) $(SWEEPS) $(CLIENT_TESTS) \
	    $(filter-out $(SWEEPS),$(TEST_PROGRAMS)) $(REPLAYS) $(EXAMPLE_TEST) $(HARNESS_TEST)

.PHONY: unit-test
unit-test: tests ## only the C tests (ONLY=word picks programs whose name has the word)
	@tests/run $(if $(ONLY),$(foreach program,$(TEST_PROGRAMS),$(if $(findstring $(ONLY),$(program)),$(program))),$(TEST_PROGRAMS))

.PHONY: redis-test
redis-test: build $(HIREDIS_TEST) $(HIREDIS_ASYNC_TEST) $(RECORDER) $(FAULT_DISK) | $(INSTALLED)/test $(INSTALLED)/suite ## only the clients against the server
	@tests/run $(SUITE_TEST) $(CLIENT_TESTS)

# Node finds modules from where a file lies, so the tests go to where npm has put those.
NODE_TESTS := $(wildcard redis-tests/node/*.mjs redis-tests/node/applications/*.mjs)
NODE_PACKAGES := $(addprefix redis-tests/node/applications/,package.json package-lock.json)

$(BUILD)/node/.installed: $(NODE_PACKAGES) | $(INSTALLED)/test
	@mkdir -p $(@D) && cp $(NODE_PACKAGES) $(@D)
	@cd $(@D) && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

$(BUILD)/node/.tests: $(NODE_TESTS) $(BUILD)/node/.installed
	@cp $(NODE_TESTS) $(@D) && touch $@

.PHONY: client-test
client-test: build $(BUILD)/node/.tests | $(INSTALLED)/test $(INSTALLED)/clients ## clients of more languages, and applications, against the server
	@tests/run $(MORE_CLIENT_TESTS)

.PHONY: upstream-test
upstream-test: build | $(INSTALLED)/test $(INSTALLED)/upstream ## client libraries' own tests against the server (ONLY="hiredis phpredis redigo")
	@redis-tests/upstream/run.py $(ONLY)

.PHONY: differential
differential: build | $(INSTALLED)/test ## random commands here and at redis-server (COUNT=200000 SEED=n)
	@redis-tests/differential/differential.py --count $(or $(COUNT),200000) $(if $(SEED),--seed $(SEED))

.PHONY: kill9
kill9: build | $(INSTALLED)/test ## kill -9 under load, in each appendfsync mode (ROUNDS=50 SEED=n)
	@redis-tests/crash/kill9.py --rounds $(or $(ROUNDS),50) $(if $(SEED),--seed $(SEED))

.PHONY: powercut
powercut: build $(RECORDER) | $(INSTALLED)/test ## power cuts of the recorded server, STATES=200 for each of ROUNDS=10 a mode (SEED=n)
	@redis-tests/power/powercut.py --rounds $(or $(ROUNDS),10) --states $(or $(STATES),200) $(if $(SEED),--seed $(SEED))

.PHONY: fs-powercut
fs-powercut: build | $(INSTALLED)/test ## power cuts of ext4 on a loop device, as root (ROUNDS=20 SEED=n)
	@redis-tests/power/fs_powercut.py --rounds $(or $(ROUNDS),20) $(if $(SEED),--seed $(SEED))

.PHONY: flip
flip: build $(BUILD)/tests/crash/flip_test | $(INSTALLED)/test ## every byte of a small store flipped in turn, then COUNT=100 a file under the server
	@SCDB_FLIP_ALL=1 tests/run --timeout 7200 $(BUILD)/tests/crash/flip_test \
	    "redis-tests/crash/flip.py --count $(or $(COUNT),100) $(if $(SEED),--seed $(SEED))"

.PHONY: crash
crash: $(BUILD)/tests/crash/crash_sweep_test ## a crash at every step of random histories (POINTS=1000000 SEED=n WORKERS=n)
	@SCDB_CRASH_POINTS=$(or $(POINTS),1000000) SCDB_CRASH_WORKERS=$(WORKERS) \
	    $(if $(SEED),SCDB_TEST_SEED=$(SEED)) $<

MUTANT_TESTS := tests/unit/resurrection_test tests/unit/sync_test tests/unit/patch_test \
                tests/unit/backup_test tests/crash/crash_sweep_test tests/crash/fault_sweep_test

.PHONY: mutants
mutants: ## each rule of durability broken in turn: the crash tests must notice (ONLY="NAME...")
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/mutants LTO=no EXTRA_CFLAGS='-DSCDB_MUTANTS -O1 -g1' \
	    $(addprefix $(BUILD)/mutants/,$(MUTANT_TESTS))
	@tests/crash/mutants.py $(BUILD)/mutants $(ONLY)

.PHONY: redis-suite
redis-suite: build | $(INSTALLED)/suite ## Redis's own test suite in both modes (FILES="unit/..." ARGS="--mode spawned ...")
	@redis-tests/suite/run.py $(ARGS) $(if $(FILES),$(FILES),--all)

.PHONY: asan
asan: ## every test under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory MODE=asan BUILD=$(BUILD)/asan test

.PHONY: tsan
tsan: ## every test of what has threads under ThreadSanitizer
	@$(MAKE) --no-print-directory MODE=tsan BUILD=$(BUILD)/tsan test

.PHONY: coverage
coverage: | $(INSTALLED)/coverage ## every test, then build/coverage/html/index.html
	@$(MAKE) --no-print-directory MODE=coverage BUILD=$(BUILD)/coverage test
	@lcov --quiet --capture --directory $(BUILD)/coverage/src --output-file $(BUILD)/coverage/all.info
	@lcov --quiet --extract $(BUILD)/coverage/all.info '$(CURDIR)/src/*' \
	      --output-file $(BUILD)/coverage/scdb.info
	@genhtml --quiet --output-directory $(BUILD)/coverage/html $(BUILD)/coverage/scdb.info
	@lcov --summary $(BUILD)/coverage/scdb.info

# --- fuzzing: each tests/fuzz/NAME_fuzz.c with the corpus tests/fuzz/corpus/NAME -----------------

FUZZ_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(FUZZ_SOURCES))
FUZZ_SECONDS ?= 60

$(FUZZ_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(TEST_SUPPORT) $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< $(TEST_SUPPORT) $(LINK_ORDER) $(PKG_LIBS) $(TEST_LIBS)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

.PHONY: fuzz
fuzz: | $(INSTALLED)/lint ## each fuzz target for FUZZ_SECONDS=60, from its corpus (ONLY=word picks)
	@$(MAKE) --no-print-directory CC=clang MODE=fuzz BUILD=$(BUILD)/fuzz fuzz-programs
	@tests/fuzz/run $(BUILD)/fuzz $(FUZZ_SECONDS) $(ONLY)

# --- measuring ----------------------------------------------------------------------------------

BENCH_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*_bench.c))

$(BENCH_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(TEST_SUPPORT) $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(TEST_SUPPORT) $(LINK_ORDER) $(PKG_LIBS) $(TEST_LIBS)

# Built with the tests, so that they don't fall behind what they measure.
tests: $(BENCH_PROGRAMS)

LATENCY_RECORDER := $(BUILD)/tests/bench/latency_recorder
tests: $(LATENCY_RECORDER)
$(LATENCY_RECORDER): $(LATENCY_RECORDER).o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $<

.PHONY: compaction-bench
compaction-bench: build $(LATENCY_RECORDER) ## what compaction costs others; ARGS="--nice -15 --worst" as root sees through other load
	@tests/bench/compaction.py $(ARGS)

.PHONY: larger-than-memory
larger-than-memory: build $(LATENCY_RECORDER) ## 4 GiB of values in 256 MiB of memory: latencies, and nothing killed or lost (ARGS="--verify 200000")
	@tests/bench/larger_than_memory.py $(ARGS)

# The engine beside LMDB and RocksDB, each through its own library.
BENCH_STORES := $(BUILD)/bench-stores
BENCH_STORES_OBJECTS := $(addprefix $(BUILD)/tests/bench/,bench_stores.o bench_store_scdb.o \
                        bench_store_lmdb.o bench_store_rocksdb.o)
$(BENCH_STORES_OBJECTS): | $(INSTALLED)/bench

$(BENCH_STORES): $(BENCH_STORES_OBJECTS) $(BUILD)/libscdb.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(ENGINE_LIBS) -llmdb -lrocksdb

# PEER=path measures one more server beside redis-server, WORKERS=2 scdb with two workers, ROWS= picks
# rows (tests/bench/rows.py), SESSION= goes on with what was cut short. Results are kept in build/bench.
ROWS ?= all
SESSION_ARGS = $(if $(SESSION),--session $(SESSION))
export BENCH_RESULTS = $(abspath $(BUILD))/bench
export SCDB_BENCH_STORES = $(abspath $(BENCH_STORES))
export SCDB_LATENCY_RECORDER = $(abspath $(LATENCY_RECORDER))
export PEER WORKERS

.PHONY: bench
bench: build | $(INSTALLED)/test ## scdb and redis-server side by side, every row: hours (ROWS=bars ROUNDS=5 PEER=path SESSION=name)
	@tests/bench/compare.py --rows "$(ROWS)" --rounds $(or $(ROUNDS),5) $(SESSION_ARGS) $(ARGS)
	@tests/bench/tables.py --only bars,compare,latency $(SESSION_ARGS)

.PHONY: bench-quick
bench-quick: build | $(INSTALLED)/test ## the same in less than two minutes, for every day: short runs, so rough figures
	@tests/bench/compare.py --rows quick --rounds 3 --seconds 1.5 --minutes 1.5 $(ARGS)
	@tests/bench/tables.py --only bars,compare

.PHONY: bench-bars
bench-bars: build | $(INSTALLED)/test ## the rows that have a bar, as many rounds as fit into MINUTES=14
	@tests/bench/compare.py --rows bars --rounds 99 --minutes $(or $(MINUTES),14) $(SESSION_ARGS)
	@tests/bench/tables.py --only bars,compare,latency $(SESSION_ARGS)

.PHONY: bench-engine
bench-engine: $(BENCH_STORES) ## the engine alone beside LMDB and RocksDB, 7 to 10M keys (ARGS="--counts 1000000 --rounds 3")
	@tests/bench/store.py $(SESSION_ARGS) $(ARGS)
	@tests/bench/tables.py --only store,seven $(SESSION_ARGS)

.PHONY: bench-more
bench-more: build $(LATENCY_RECORDER) | $(INSTALLED)/test ## memory, disk, idle connections, peaks, rewrites, durable writes, restarts: scdb and redis-server
	@tests/bench/footprint.py $(SESSION_ARGS)
	@tests/bench/idle.py $(SESSION_ARGS)
	@tests/bench/peak.py $(SESSION_ARGS)
	@tests/bench/rewrite.py $(SESSION_ARGS)
	@tests/bench/durable.py
	@tests/bench/scale.py
	@for keys in 1000000 5000000; do tests/bench/restart.py --keys $$keys $(SESSION_ARGS) || exit 1; done
	@tests/bench/tables.py --only footprint,idle,peak,rewrite,restart $(SESSION_ARGS)

.PHONY: bench-parts
bench-parts: $(BENCH_PROGRAMS) ## parts of the server by themselves: index, engine, parser and replies
	@set -e; for program in $(BENCH_PROGRAMS); do echo "$$program"; $$program; done

.PHONY: bench-docs
bench-docs: bench-plots ## put the newest results' tables into docs/benchmarks.md, and draw the plots
	@tests/bench/tables.py --write docs/benchmarks.md $(SESSION_ARGS)

.PHONY: bench-publish
bench-publish: build | $(INSTALLED)/test $(INSTALLED)/bench ## bench-bars, then its tables and plots into docs/: a quarter of an hour (MINUTES=14)
	@set -e; session=$(or $(SESSION),$$(date +%F-%H%M%S)); \
	tests/bench/compare.py --rows bars --rounds 99 --minutes $(or $(MINUTES),14) --session $$session; \
	tests/bench/tables.py --write docs/benchmarks.md --session $$session; \
	tests/bench/plots.py docs/plots --session $$session

.PHONY: bench-plots
bench-plots: | $(INSTALLED)/bench ## draw docs/plots/*.svg from the newest results
	@tests/bench/plots.py docs/plots $(SESSION_ARGS)

.PHONY: soak
soak: build tests | $(INSTALLED)/test ## the random tests, long: 200,000 commands, 50 kills a mode, C tests with SCDB_SOAK=1
	@redis-tests/differential/differential.py --count $(or $(COUNT),200000)
	@redis-tests/crash/kill9.py --rounds $(or $(ROUNDS),50)
	@SCDB_SOAK=1 tests/run --timeout 3600 $(filter $(BUILD)/tests/model/% $(BUILD)/tests/crash/%,$(TEST_PROGRAMS))

# --- pages made from the code -------------------------------------------------------------------

COMMANDS_PAGE := $(BUILD)/docs/tools/commands_page

$(COMMANDS_PAGE): $(COMMANDS_PAGE).o $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(LINK_ORDER) $(PKG_LIBS)

.PHONY: docs
docs: $(COMMANDS_PAGE) ## write docs/commands.md from the commands' rows
	@$(COMMANDS_PAGE) > $(BUILD)/commands.md && mv $(BUILD)/commands.md docs/commands.md

.PHONY: lint-docs
lint-docs: $(COMMANDS_PAGE)
	@$(COMMANDS_PAGE) | diff docs/commands.md - >/dev/null || \
	    { echo 'docs/commands.md is not what the rows say: make docs'; exit 1; }

# --- how the code looks -------------------------------------------------------------------------

LINT := $(BUILD)/lint
C_SOURCES := $(wildcard src/*.c src/*/*.c tests/*/*.c redis-tests/*.c docs/*/*.c)
C_HEADERS := $(wildcard src/*.h src/*/*.h tests/*/*.h)
LINT_CFLAGS = $(CSTD) -Isrc -Itests $(PKG_CFLAGS) $(TEST_CFLAGS)
# The examples include scdb.h as it is installed.
$(LINT)/docs/examples/%: LINT_CFLAGS += -Isrc/engine

.PHONY: fmt
fmt: | $(INSTALLED)/lint ## format every C file
	@clang-format -i $(C_SOURCES) $(C_HEADERS)

.PHONY: lint
lint: lint-format lint-layers lint-docs lint-headers lint-shell lint-python lint-cppcheck lint-tidy ## format, layers, pages, lone headers, shellcheck, flake8, cppcheck, clang-tidy
	@echo 'lint: clean'

.PHONY: lint-format
lint-format: | $(INSTALLED)/lint
	@clang-format --dry-run -Werror $(C_SOURCES) $(C_HEADERS)

.PHONY: lint-layers
lint-layers: | $(INSTALLED)/lint
	@tests/lint/layers.py

.PHONY: lint-shell
lint-shell: | $(INSTALLED)/lint
	@shellcheck .ci/run deps/install.sh $$(grep -rlE '^#!/(bin/sh|usr/bin/env (ba)?sh)' tests redis-tests --exclude-dir=node_modules)

# Names that are unknown, unused, or given twice: of two tests of one name only the second runs.
.PHONY: lint-python
lint-python: | $(INSTALLED)/lint
	@/usr/bin/flake8 --isolated --select=F $$(grep -rlE '^#!/usr/bin/python3' tests redis-tests --exclude='*.py' --exclude-dir=node_modules) \
	    $$(find tests redis-tests -name node_modules -prune -o -name '*.py' -print)

.PHONY: lint-cppcheck
lint-cppcheck: | $(INSTALLED)/lint
	@mkdir -p $(LINT)/cppcheck
	$(call say,CHECK,src tests redis-tests)
	$(Q)cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --error-exitcode=1 --cppcheck-build-dir=$(LINT)/cppcheck -j2 -D_GNU_SOURCE \
	    --suppressions-list=tests/lint/cppcheck.suppressions -Isrc -Itests $(C_SOURCES) \
	    >$(LINT)/cppcheck.log 2>&1; code=$$?; cat $(LINT)/cppcheck.log; exit $$code
	@test ! -s $(LINT)/cppcheck.log # its exit code leaves out what it finds across files

# One file a check, so that only what has changed, or a header of it, is looked at again.
.PHONY: lint-headers
lint-headers: $(patsubst %,$(LINT)/%.alone,$(C_HEADERS))

$(LINT)/%.h.alone: %.h | $(INSTALLED)/build $(INSTALLED)/test
	@mkdir -p $(@D)
	$(Q)printf '#include "%s"\n' '$(abspath $<)' | $(CC) $(LINT_CFLAGS) $(WARNINGS) -fsyntax-only \
	    -MMD -MP -MT $@ -MF $@.d -x c -
	@touch $@

# What includes another store's header is looked at where `make bench-engine` has installed that.
UNTIDIED := $(if $(wildcard /usr/include/lmdb.h),,tests/bench/bench_store_lmdb.c) \
            $(if $(wildcard /usr/include/rocksdb/c.h),,tests/bench/bench_store_rocksdb.c)

# The analyzer follows a function's paths until it has seen so many states of the program. With a
# ninth of clang's own budget a whole run took 190 CPU seconds instead of 690. CI has a limit, so it
# has a fourteenth, and tests, whose paths are followed whenever they run, a quarter of that.
ANALYZER_NODES ?= 16000
TEST_ANALYZER_NODES ?= 4000
analyzer_nodes = $(if $(filter tests/% redis-tests/%,$(1)),$(TEST_ANALYZER_NODES),$(ANALYZER_NODES))

.PHONY: lint-deep
lint-deep: ## clang-tidy with all the paths that clang's analyzer would follow by itself: longer than CI may take
	@$(MAKE) --no-print-directory LINT=$(BUILD)/lint-deep ANALYZER_NODES=225000 TEST_ANALYZER_NODES=225000 lint-tidy

.PHONY: lint-tidy
lint-tidy: $(patsubst %,$(LINT)/%.tidy,$(filter-out $(UNTIDIED),$(C_SOURCES)))

$(LINT)/%.c.tidy: %.c .clang-tidy tests/lint/exceptions.txt | $(INSTALLED)/lint $(INSTALLED)/build $(INSTALLED)/test
	@mkdir -p $(@D)
	$(call say,TIDY,$<)
	$(Q)$(CC) $(LINT_CFLAGS) -MM -MP -MT $@ -MF $@.d $<
	$(Q)tests/lint/tidy $< $(LINT_CFLAGS) -Xclang -analyzer-config -Xclang max-nodes=$(call analyzer_nodes,$<)
	@touch $@

.PHONY: compile_commands
compile_commands: | $(INSTALLED)/build $(INSTALLED)/test ## compile_commands.json for clangd
	@for source in $(C_SOURCES); do \
	    printf '{"directory": "%s", "file": "%s", "command": "%s"},\n' '$(CURDIR)' "$$source" \
	        '$(CC) $(filter-out -Werror,$(CFLAGS)) $(TEST_CFLAGS) -Itests -c '"$$source"; \
	done | sed '1s/^/[/; $$s/,$$/]/' > compile_commands.json

# --- putting it in place ------------------------------------------------------------------------

PREFIX ?= /usr/local
SYSCONFDIR ?= $(PREFIX)/etc
VERSION = $(shell sed -n 's/^\#define SCDB_VERSION "\(.*\)"/\1/p' src/base/version.h)

.PHONY: install
install: build ## server, scdb-check, libscdb with scdb.h and scdb.pc, and scdb.conf under PREFIX=/usr/local (DESTDIR respected)
	install -D -m 755 $(SERVER) $(DESTDIR)$(PREFIX)/bin/scdb-server
	install -D -m 755 $(CHECKER) $(DESTDIR)$(PREFIX)/bin/scdb-check
	install -D -m 644 $(BUILD)/libscdb.a $(DESTDIR)$(PREFIX)/lib/libscdb.a
	install -D -m 755 $(BUILD)/libscdb.so $(DESTDIR)$(PREFIX)/lib/libscdb.so.1
	ln -sf libscdb.so.1 $(DESTDIR)$(PREFIX)/lib/libscdb.so
	install -D -m 644 src/engine/scdb.h $(DESTDIR)$(PREFIX)/include/scdb.h
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' src/engine/scdb.pc.in \
	    >$(DESTDIR)$(PREFIX)/lib/pkgconfig/scdb.pc
	test -e $(DESTDIR)$(SYSCONFDIR)/scdb.conf || \
	    install -D -m 644 scdb.conf $(DESTDIR)$(SYSCONFDIR)/scdb.conf

.PHONY: clean
clean: ## remove what was built (the data directory stays)
	rm -rf $(BUILD) compile_commands.json redis-tests/node/node_modules

ALL_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(C_SOURCES))
-include $(ALL_OBJECTS:.o=.d)
-include $(patsubst %,$(LINT)/%.tidy.d,$(C_SOURCES)) $(patsubst %,$(LINT)/%.alone.d,$(C_HEADERS))
