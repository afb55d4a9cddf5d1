# SPDX-License-Identifier: MIT
# Builds, tests and installs fsmon. `make help` lists what it can do.

VERSION := 0.1.0

# What the build and the tests need, one thing a line: how to see that it is there (cmd: a
# program, pc: a pkg-config module, file: a file), and the package that brings it under apt, dnf,
# pacman and apk (- where another line's package brings it).
#
# probe                             apt                 dnf                    pacman            apk
define BUILD_DEPS
cmd:gcc                             gcc                 gcc                    gcc               gcc
file:/usr/include/stdio.h           libc6-dev           glibc-devel            glibc             musl-dev
file:/usr/include/linux/fanotify.h  linux-libc-dev      kernel-headers         linux-api-headers linux-headers
cmd:pkg-config                      pkg-config          pkgconf-pkg-config     pkgconf           pkgconf
pc:libmnl                           libmnl-dev          libmnl-devel           libmnl            libmnl-dev
pc:inih                             libinih-dev         inih-devel             libinih           inih-dev
pc:libbsd-overlay                   libbsd-dev          libbsd-devel           libbsd            libbsd-dev
pc:jansson                          libjansson-dev      jansson-devel          jansson           jansson-dev
pc:sqlite3                          libsqlite3-dev      sqlite-devel           sqlite            sqlite-dev
file:/usr/include/uthash.h          uthash-dev          uthash-devel           uthash            uthash-dev
endef

define CHECK_DEPS
cmd:bash                            bash                bash                   bash              bash
cmd:setpriv                         util-linux          util-linux             util-linux        setpriv
cmd:losetup                         mount               util-linux             util-linux        losetup
cmd:pkill                           procps              procps-ng              procps-ng         procps
cmd:bats                            bats                bats                   bats              bats
pc:cmocka                           libcmocka-dev       libcmocka-devel        cmocka            cmocka-dev
cmd:clang                           clang               clang                  clang             clang
cc:clang:-fsanitize=fuzzer          libclang-rt-dev     compiler-rt            compiler-rt       compiler-rt
cc:gcc:-fsanitize=address           -                   libasan                -                 -
cc:gcc:-fsanitize=undefined         -                   libubsan               -                 -
cc:gcc:-static                      -                   glibc-static           -                 -
cmd:clang-format                    clang-format        clang-tools-extra      -                 clang-extra-tools
cmd:clang-tidy                      clang-tidy          clang-tools-extra      -                 clang-extra-tools
cmd:shellcheck                      shellcheck          ShellCheck             shellcheck        shellcheck
cmd:mandoc                          mandoc              mandoc                 mandoc            mandoc
cmd:jq                              jq                  jq                     jq                jq
cmd:vim                             vim                 vim-enhanced           vim               vim
cmd:rsync                           rsync               rsync                  rsync             rsync
cmd:git                             git                 git-core               git               git
cmd:strace                          strace              strace                 strace            strace
cmd:fuse2fs                         fuse2fs             fuse2fs                fuse2fs           fuse2fs
cmd:mkfs.ext4                       e2fsprogs           e2fsprogs              e2fsprogs         e2fsprogs
cmd:mkfs.xfs                        xfsprogs            xfsprogs               xfsprogs          xfsprogs
cmd:mkfs.btrfs                      btrfs-progs         btrfs-progs            btrfs-progs       btrfs-progs
endef

# ---- Settings: each may be given on the command line -------------------------------------------

# release, debug, asan (with ubsan), tsan, fuzz (libFuzzer), or coverage (gcov); each builds in its
# own directory.
MODE  ?= release
BUILD ?= $(if $(filter release,$(MODE)),build,build-$(MODE))

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/fsmon
UNITDIR    ?= $(PREFIX)/lib/systemd/system

FUZZ_SECONDS ?= 60

ifeq ($(origin CC),default)
CC := gcc
endif

modes := release debug asan tsan fuzz coverage
ifeq ($(filter $(MODE),$(modes)),)
$(error MODE=$(MODE): one of $(modes))
endif

san_fuzz := -fno-omit-frame-pointer -fno-sanitize-recover=all

CFLAGS_release   := -O2 -g
CFLAGS_debug     := -O0 -g3
CFLAGS_asan      := -O1 -g
CFLAGS_tsan      := -O1 -g
CFLAGS_fuzz      := -O1 -g
CFLAGS_coverage  := -O0 -g
HARDEN_release   := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
SANITIZE_asan    := -fsanitize=address,undefined $(san_fuzz)
SANITIZE_tsan    := -fsanitize=thread $(san_fuzz)
SANITIZE_fuzz    := -fsanitize=fuzzer-no-link,address,undefined $(san_fuzz)
SANITIZE_coverage := --coverage

CFLAGS ?= $(CFLAGS_$(MODE))
# clang does not read the comments in which uthash.h says that it means to fall through; gcc does.
WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla -Wcast-align -Wwrite-strings -Wundef -Wnull-dereference \
	$(if $(findstring clang,$(CC)),-Wno-implicit-fallthrough,-Wimplicit-fallthrough)

# Asked for once, and not before something is compiled: `make deps` may have to install them.
pkg_config  = $(shell pkg-config $(1) || echo pkg-config-failed:try-make-deps)
LIB_CFLAGS  = $(eval LIB_CFLAGS := $(call pkg_config,--cflags $(LIBS)))$(LIB_CFLAGS)
LIB_LDLIBS  = $(eval LIB_LDLIBS := $(call pkg_config,--libs $(LIBS)))$(LIB_LDLIBS)
UNIT_CFLAGS = $(eval UNIT_CFLAGS := $(call pkg_config,--cflags cmocka))$(UNIT_CFLAGS)
UNIT_LDLIBS = $(eval UNIT_LDLIBS := $(call pkg_config,--libs cmocka))$(UNIT_LDLIBS)
LIBS := libmnl inih libbsd-overlay jansson sqlite3

# LIBBSD_OPENBSD_VIS: of the two strnvis() of libbsd the one with OpenBSD's order of arguments.
ALL_CPPFLAGS = -Isrc -D_GNU_SOURCE -DFSMON_VERSION='"$(VERSION)"' -DLIBBSD_OPENBSD_VIS \
	$(LIB_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS   = -std=gnu17 $(WARN) -fPIE -pthread $(HARDEN_$(MODE)) $(SANITIZE_$(MODE)) $(CFLAGS)
ALL_LDFLAGS  = -pie -Wl,-z,relro,-z,now -Wl,--as-needed -pthread $(SANITIZE_$(MODE)) $(LDFLAGS)
COMPILE      = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP
LINK         = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)

# ---- What there is to build --------------------------------------------------------------------

CORE_SRC := $(sort $(wildcard src/base/*.c src/core/*/*.c))
LIB_SRC  := $(CORE_SRC) $(sort $(wildcard src/os/*.c src/app/*.c src/app/*/*.c))
CORE_OBJ := $(CORE_SRC:%.c=$(BUILD)/%.o)
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)

# A test is linked with base and core alone unless it includes something from the other layers.
UNIT_SRC    := $(sort $(wildcard tests/unit/test_*.c))
UNIT_SHARED := $(filter-out $(UNIT_SRC),$(sort $(wildcard tests/unit/*.c)))
FUZZ_SRC    := $(sort $(wildcard tests/fuzz/fuzz_*.c))
HELPER_SRC  := $(sort $(wildcard tests/helpers/*.c))
whole       := $(if $(UNIT_SRC)$(FUZZ_SRC),$(shell \
	grep -lE '^.include "(os|app)/' $(UNIT_SRC) $(FUZZ_SRC)))
static      := $(if $(HELPER_SRC),$(shell grep -l '^/\* link: static \*/' $(HELPER_SRC)))

UNIT   := $(UNIT_SRC:%.c=$(BUILD)/%)
FUZZ   := $(FUZZ_SRC:%.c=$(BUILD)/%)
HELPER := $(HELPER_SRC:tests/helpers/%.c=$(BUILD)/helpers/%)

# make -j, as many as there are processors, where the caller has not said otherwise.
SUBMAKE = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
# What sudo make builds in a user's own checkout stays the user's, also what failed half-way.
GIVE_BACK = if [ -n "$$SUDO_UID" ] && [ "$$(id -u)" = 0 ]; then chown -R "$$SUDO_UID:$$SUDO_GID" $(BUILD); fi
finish    = status=$$?; $(GIVE_BACK); exit $$status
build     = echo 'Building $(1)'; $(SUBMAKE) -s $(2); $(finish)

.PHONY: all tests deps check-deps run check unit fuzz coverage lint format \
	install uninstall clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

# ---- Build -------------------------------------------------------------------------------------

all: $(BUILD)/fsmon

$(BUILD)/fsmon: $(BUILD)/src/main.o $(BUILD)/libfsmon.a
	$(LINK) -o $@ $^ $(LIB_LDLIBS)

$(BUILD)/libfsmon.a: $(LIB_OBJ) $(BUILD)/sources
$(BUILD)/libfsmon-core.a: $(CORE_OBJ) $(BUILD)/sources
$(BUILD)/%.a:
	@rm -f $@
	$(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# Files that change when the flags, or the list of the sources, do.
same_or_write = mkdir -p $(@D) && printf '%s\n' '$(subst ','\'',$(1))' >$@.new && \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$(BUILD)/flags: FORCE
	@$(call same_or_write,$(COMPILE) $(ALL_LDFLAGS) $(LIB_LDLIBS))
$(BUILD)/sources: FORCE
	@$(call same_or_write,$(LIB_SRC))

# ---- Tests -------------------------------------------------------------------------------------

tests: $(UNIT) $(FUZZ) $(HELPER)

library = $(BUILD)/libfsmon$(if $(filter $(1),$(whole)),,-core).a

$(BUILD)/tests/unit/%.o: tests/unit/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) $(UNIT_CFLAGS) -c -o $@ $<

# What tests share: of it each test is linked with what it uses.
$(BUILD)/libfsmon-unit.a: $(UNIT_SHARED:%.c=$(BUILD)/%.o)

define unit_rule
$(BUILD)/$(1:.c=): $(BUILD)/$(1:.c=.o) $(BUILD)/libfsmon-unit.a $(call library,$(1))
	$$(LINK) -o $$@ $$^ $$(LIB_LDLIBS) $$(UNIT_LDLIBS)
endef
$(foreach src,$(UNIT_SRC),$(eval $(call unit_rule,$(src))))

# Under MODE=fuzz libFuzzer brings the main function, else one that replays files.
FUZZ_MAIN := $(if $(filter fuzz,$(MODE)),,$(BUILD)/tests/fuzz/replay.o)
define fuzz_rule
$(BUILD)/$(1:.c=): $(BUILD)/$(1:.c=.o) $(FUZZ_MAIN) $(call library,$(1))
	$$(LINK) $(if $(FUZZ_MAIN),,-fsanitize=fuzzer) -o $$@ $$^ $$(LIB_LDLIBS)
endef
$(foreach src,$(FUZZ_SRC),$(eval $(call fuzz_rule,$(src))))

# Small programs for the behaviour tests; they share nothing with fsmon, sanitizers neither.
$(BUILD)/helpers/%: tests/helpers/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -O2 -g -MMD -MP -MF $@.d \
		$(if $(filter $<,$(static)),-static) -o $@ $< -pthread

deps:
	@.ci/deps "$$BUILD_DEPS"

check-deps:
	@.ci/deps "$$BUILD_DEPS" "$$CHECK_DEPS"

export BUILD_DEPS CHECK_DEPS

run: deps
	+@$(call build,fsmon,all)
	@-examples/quickstart.sh $(BUILD)/fsmon

check: check-deps
	+@$(call build,fsmon and its tests,all tests)
	@BUILD=$(BUILD) MODE=$(MODE) tests/run unit fuzz bats; $(finish)

unit: $(UNIT)
	@BUILD=$(BUILD) MODE=$(MODE) tests/run unit

ifeq ($(MODE),fuzz)
fuzz: $(FUZZ)
	@BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run
else
fuzz:
	+@$(SUBMAKE) -s MODE=fuzz CC=clang fuzz
endif

# Whether the tests pass is not asked here: a child that has become another user cannot write its
# counts, and says so where the test expects nothing.
ifeq ($(MODE),coverage)
coverage: $(UNIT)
	@find $(BUILD) -name '*.gcda' -delete
	@BUILD=$(BUILD) MODE=$(MODE) tests/run unit >$(BUILD)/tests.log || :
	@tests/coverage $(BUILD)
else
coverage:
	+@$(SUBMAKE) -s MODE=coverage coverage
endif

lint:
	+@MAKE='$(SUBMAKE)' CFLAGS='$(subst ',,$(ALL_CPPFLAGS)) $(UNIT_CFLAGS) -std=gnu17 $(WARN)' tests/lint/run

format:
	clang-format -i $(wildcard src/*.[ch] src/*/*.[ch] src/*/*/*.[ch] tests/*/*.[ch])

# ---- Installation ------------------------------------------------------------------------------

man_dir = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))
MAN := $(sort $(wildcard man/*.[1-9]))

install:
	+@$(call build,fsmon,all)
	install -d '$(DESTDIR)$(SBINDIR)' '$(DESTDIR)$(UNITDIR)' '$(DESTDIR)$(DOCDIR)/examples' \
		'$(DESTDIR)$(SYSCONFDIR)/fsmon/rules.d'
	install -m 755 $(BUILD)/fsmon '$(DESTDIR)$(SBINDIR)/fsmon'
	$(foreach page,$(MAN),install -D -m 644 -t '$(call man_dir,$(page))' $(page) &&) :
	sed 's|/usr/local/sbin/|$(SBINDIR)/|' etc/fsmon.service >'$(DESTDIR)$(UNITDIR)/fsmon.service'
	chmod 644 '$(DESTDIR)$(UNITDIR)/fsmon.service'
	cp -R examples/. '$(DESTDIR)$(DOCDIR)/examples'
	install -m 644 etc/NEWS '$(DESTDIR)$(DOCDIR)/NEWS'
	test -e '$(DESTDIR)$(SYSCONFDIR)/fsmon/fsmon.conf' || \
		install -m 644 etc/fsmon.conf '$(DESTDIR)$(SYSCONFDIR)/fsmon/fsmon.conf'

# A configuration that differs from the one that comes with fsmon is somebody's work: it stays.
uninstall:
	rm -f '$(DESTDIR)$(SBINDIR)/fsmon' '$(DESTDIR)$(UNITDIR)/fsmon.service'
	$(foreach page,$(MAN),rm -f '$(call man_dir,$(page))/$(notdir $(page))' &&) :
	rm -rf '$(DESTDIR)$(DOCDIR)'
	conf='$(DESTDIR)$(SYSCONFDIR)/fsmon'; if cmp -s etc/fsmon.conf "$$conf/fsmon.conf"; then \
		rm "$$conf/fsmon.conf"; fi; \
	for dir in "$$conf/rules.d" "$$conf"; do \
		if [ -d "$$dir" ] && ! rmdir "$$dir" 2>/dev/null; then echo "kept: $$dir"; fi; done

clean:
	rm -rf build build-debug build-asan build-tsan build-fuzz build-coverage \
		build-lint-gcc build-lint-clang

help:
	@echo 'make                build $(BUILD)/fsmon; MODE=debug, asan or tsan: in build-MODE/'
	@echo 'sudo make run       try it: the quickstart rules, in the foreground; Ctrl-C ends it'
	@echo 'sudo make check     run every test; TESTS=REGEX: those files, FILTER=REGEX: those bats tests'
	@echo 'make unit           only the unit tests'
	@echo 'make fuzz           run each fuzzer for FUZZ_SECONDS=$(FUZZ_SECONDS)'
	@echo 'make coverage       which lines of src the unit tests reach, by folder'
	@echo 'make lint           layers, circles, warnings, format, clang-tidy, shellcheck, mandoc'
	@echo 'make format         put the sources into their format'
	@echo 'sudo make deps      install what the build needs; check-deps: what the tests need too'
	@echo 'make install        DESTDIR= PREFIX=$(PREFIX) SYSCONFDIR=$(SYSCONFDIR); uninstall takes it away'
	@echo 'make clean          remove what was built'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
