# How the compiler finds what deps/install.sh put there. Each is asked for once, and only when
# something is compiled: reading the Makefile takes neither a compiler nor pkg-config.

PACKAGES := libevent_core libevent_pthreads libxxhash liblzf libmd
TEST_PACKAGES := check hiredis

PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PACKAGES)) -lm)$(PKG_LIBS)
ENGINE_LIBS = $(eval ENGINE_LIBS := $(shell pkg-config --libs libxxhash))$(ENGINE_LIBS)
TEST_CFLAGS = $(eval TEST_CFLAGS := $(shell pkg-config --cflags $(TEST_PACKAGES)))$(TEST_CFLAGS)
TEST_LIBS = $(eval TEST_LIBS := $(shell pkg-config --libs $(TEST_PACKAGES)))$(TEST_LIBS)
