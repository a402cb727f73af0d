# lms - local load management. `make help` lists the targets.
#
# Non-recursive, out of tree: everything made lies in $(BUILD). Rooms are directories; a new .c file
# in a room is found by itself. The pure rooms form one archive that may reach no clock and no I/O
# (tests/purity.sh proves it).

BUILD   ?= build
CC      ?= gcc
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1

# Pure: what the parts share, the site and its balance, what is said to and by stations and meters.
PURE_DIRS   := $(addprefix libshared/,base ctl chart)
PURE_DIRS   += lmsd/site $(addprefix lmsd/site/,alert control door generation ledger mail outer price reserve tags)
PURE_DIRS   += lmsd/balance $(addprefix lmsd/balance/,record split)
PURE_DIRS   += lmsd/ocpp $(addprefix lmsd/ocpp/,control frames inbound limit locallist reserve setup)
PURE_DIRS   += $(addprefix lmsd/,bms history meter relay)
PURE_FILES  := lmsd/effect.c lmsd/answer.c
SHARED_DIRS := libshared/io
# With clock and I/O: the daemon itself, the halls that join rooms to it, and what talks to the world.
SHELL_DIRS  := lmsd
SHELL_DIRS  += lmsd/hall $(addprefix lmsd/hall/,bms broker commission control door history post)
SHELL_DIRS  += $(addprefix lmsd/,archive conf control crypto files modbus net net/ws outlet store)

srcs = $(sort $(wildcard $(addsuffix /*.c,$(1))))
objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

# MQTT is optional: MQTT=no, or no libmosquitto-dev, builds a lmsd that refuses mqtt.host.
MQTT ?= $(shell pkg-config --exists libmosquitto 2>/dev/null && echo yes || echo no)
LEFT_OUT := $(addprefix lmsd/outlet/,$(if $(filter yes,$(MQTT)),mqtt_none.c,mqtt.c mqtt_client.c mqtt_thread.c))

PURE_OBJS   := $(call objs,$(call srcs,$(PURE_DIRS)) $(PURE_FILES))
SHARED_OBJS := $(call objs,$(call srcs,$(SHARED_DIRS)))
LMSD_MAIN   := $(BUILD)/obj/lmsd/main.o
LMSD_OBJS   := $(filter-out $(LMSD_MAIN) $(PURE_OBJS) $(call objs,$(LEFT_OUT)),$(call objs,$(call srcs,$(SHELL_DIRS))))
LMSCTL_OBJS := $(call objs,$(call srcs,lmsctl lmsctl/cmd lmsctl/local lmsctl/export))
LMSTOP_MAIN := $(BUILD)/obj/lmstop/main.o
LMSTOP_OBJS := $(filter-out $(LMSTOP_MAIN),$(call objs,$(call srcs,lmstop)))
UNIT_SRCS   := $(sort $(wildcard tests/unit/test_*.c tests/scenario/test_*.c tests/golden/test_*.c tests/fuzz/test_*.c))
UNIT_BINS   := $(patsubst tests/%.c,$(BUILD)/tests/%,$(UNIT_SRCS))
HELPER_OBJS := $(call objs,$(sort $(wildcard tests/unit/helper_*.c tests/scenario/helper_*.c)))

WARN := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wcast-qual -Wswitch-enum $(if $(WERROR),-Werror)
ifdef SAN
OPT  := -O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all
else
OPT  := -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
	$(if $(findstring clang,$(CC)),,-fstack-clash-protection)
endif
ALL_CFLAGS  = -std=c11 -g -fPIE -D_GNU_SOURCE -Ilibshared -Ilmsd -I. -I$(BUILD)/gen $(WARN) $(OPT) -MMD -MP \
	-DLMS_VERSION='"$(VERSION)"' -DLMS_DATADIR='"$(PREFIX)/share/lms"' $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

LMSD_LIBS   := -lev -lwslay -lmodbus -llmdb -lyajl -lconfig -lmicrohttpd -lcurl $(if $(filter yes,$(MQTT)),-lmosquitto) -lssl -lcrypto -lsystemd -lpthread -lm
LMSCTL_LIBS := -lyajl -lxlsxwriter -lhpdf -lcsv
LMSTOP_LIBS := -lncursesw -ltinfo -lyajl -lev -lm

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

BINS := $(if $(wildcard lmsd/main.c),$(BUILD)/bin/lmsd) $(if $(wildcard lmsctl/main.c),$(BUILD)/bin/lmsctl) \
	$(if $(wildcard lmstop/main.c),$(BUILD)/bin/lmstop)
# Measures; beside the programs, but not installed.
REPLAY := $(BUILD)/bin/lms-replay
# It makes its model of a site as the daemon does.
REPLAY_OBJS := $(call objs,$(sort $(wildcard tests/bench/replay_*.c)) lmsd/feed_model.c)

# Pages come as they are, or with tables that the programs themselves know: a line `.\" @PROGRAM ARG...@`
# of man/NAME.in stands for what that prints.
MAN_PAGES := $(addprefix $(BUILD)/man/,$(notdir $(wildcard man/*.[0-9]) $(basename $(wildcard man/*.[0-9].in))))

.PHONY: all
all: $(BINS) $(REPLAY) $(BUILD)/libpure.a $(BUILD)/libshared.a $(BUILD)/liblmsd.a $(LMSCTL_OBJS) $(BUILD)/liblmstop.a $(MAN_PAGES)

# Changed flags rebuild everything.
$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS)) $(ALL_LDFLAGS) $(MQTT)' | cmp -s - $@ || \
		printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS)) $(ALL_LDFLAGS) $(MQTT)' > $@
.PHONY: FORCE
FORCE:

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# A recording of the balance is read by the engine that wrote it: whatever changes a rule or a structure
# changes this name.
ENGINE_SRCS := $(sort $(wildcard lmsd/balance/*.[ch] lmsd/balance/*.def lmsd/balance/*/*.[ch] lmsd/balance/*/*.def)) libshared/base/types.h
$(BUILD)/gen/engine_id.h: $(ENGINE_SRCS) Makefile
	@mkdir -p $(@D)
	$(Q)printf '#define ENGINE_ID "%s"\n#define ENGINE_ID_MAX 48\n' \
		"$(VERSION)-$$(cat $(ENGINE_SRCS) | cksum | tr ' ' -)-$$(uname -m)" >$@
$(BUILD)/obj/lmsd/balance/record/snapshot.o: $(BUILD)/gen/engine_id.h

$(BUILD)/libpure.a: $(PURE_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/libshared.a: $(SHARED_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/liblmsd.a: $(LMSD_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/liblmstop.a: $(LMSTOP_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/bin/lmsd: $(LMSD_MAIN) $(BUILD)/liblmsd.a $(BUILD)/libshared.a $(BUILD)/libpure.a
$(BUILD)/bin/lmsd: LIBS = $(LMSD_LIBS)
$(BUILD)/bin/lmsctl: $(LMSCTL_OBJS) $(BUILD)/libshared.a $(BUILD)/libpure.a
$(BUILD)/bin/lmsctl: LIBS = $(LMSCTL_LIBS)
$(BUILD)/bin/lmstop: $(LMSTOP_MAIN) $(BUILD)/liblmstop.a $(BUILD)/libshared.a $(BUILD)/libpure.a
$(BUILD)/bin/lmstop: LIBS = $(LMSTOP_LIBS)
$(REPLAY): $(REPLAY_OBJS) $(BUILD)/libpure.a
$(REPLAY): LIBS = -lyajl
$(BUILD)/bin/%:
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS)

$(BUILD)/man/%: man/%.in man/expand.awk $(BINS)
	@mkdir -p $(@D)
	$(call say,MAN,$@)
	$(Q)awk -v bin=$(BUILD)/bin -v prefix=$(PREFIX) -f man/expand.awk $< >$@.new
	$(Q)mv $@.new $@
$(BUILD)/man/%: man/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

# Unit tests: each tests/{unit,scenario,golden,fuzz}/test_*.c is one cmocka program against the archives.
# Those named test_<shell room>_* link the shell rooms too; the pure ones get by without. Those of lmstop
# link its archive instead, out of which nothing that needs curses is pulled.
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(HELPER_OBJS) $(BUILD)/liblmsd.a $(BUILD)/libshared.a $(BUILD)/libpure.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) -lcmocka $(LMSD_LIBS)

$(BUILD)/tests/unit/test_lmstop_%: $(BUILD)/obj/tests/unit/test_lmstop_%.o $(BUILD)/liblmstop.a $(BUILD)/libshared.a \
		$(BUILD)/libpure.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) -lcmocka -lyajl

.PHONY: unit
unit: $(UNIT_BINS)

# The .o files of tests are kept, else make would delete them as intermediates.
.SECONDARY:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: deps
deps:
	@etc/install-packages.sh run build

# The simulated stations and meter of the demo are Python programs; the rest is what make builds.
.PHONY: demo
demo:
	@etc/install-packages.sh run build demo
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@BIN=$(abspath $(BUILD))/bin etc/demo/run

# Everything that can be tested: both compilers, the purity of the pure rooms (of the plain build), and
# all tests on a build with sanitizers. SEED= repeats a random run, SITES= sets its length.
JOBS := $(shell nproc)
$(foreach v,SEED SITES ROUNDS MINUTES,$(if $($(v)),$(eval export $(v))))	# an empty one would be a value
.PHONY: check
check:
	@etc/install-packages.sh run build demo test
	@echo 'check: gcc'
	@$(MAKE) --no-print-directory -s -j$(JOBS) CC=gcc SAN= WERROR=1 BUILD=build all
	@echo 'check: clang'
	@$(MAKE) --no-print-directory -s -j$(JOBS) CC=clang SAN= WERROR=1 BUILD=build/clang all unit
	@echo 'check: gcc with sanitizers'
	@$(MAKE) --no-print-directory -s -j$(JOBS) CC=gcc SAN=address,undefined WERROR=1 BUILD=build/san all unit
	@BUILD=build/san LIBPURE=build/libpure.a tests/run

# Figures to compare, with seeds; BENCH_SITES and BENCH_HOURS set the length. Misses are printed, not failed.
BENCH_DIR := $(BUILD)/tests/bench
$(BENCH_DIR)/alloc-filter: $(BUILD)/obj/tests/bench/filter_main.o $(BUILD)/libpure.a
$(BENCH_DIR)/lms-bench: $(call objs,$(sort $(wildcard tests/bench/bench_*.c))) \
		$(BUILD)/obj/tests/scenario/helper_random.o $(BUILD)/libpure.a
$(BENCH_DIR)/alloc-filter $(BENCH_DIR)/lms-bench:
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) -lyajl

$(BENCH_DIR)/lms-load: $(call objs,$(sort $(wildcard tests/bench/load_*.c)))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lssl -lcrypto

$(BENCH_DIR)/lms-history-bench: $(BUILD)/obj/tests/bench/history_main.o $(BUILD)/obj/tests/scenario/helper_random.o \
		$(BUILD)/liblmsd.a $(BUILD)/libshared.a $(BUILD)/libpure.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LMSD_LIBS)

.PHONY: bench
bench:
	@etc/install-packages.sh run build demo bench
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(BINS) $(REPLAY) $(BENCH_DIR)/alloc-filter $(BENCH_DIR)/lms-bench $(BENCH_DIR)/lms-load \
		$(BENCH_DIR)/lms-history-bench
	@test -d tests/integration/node_modules/ws || \
		(cd tests/integration && npm ci --no-audit --no-fund --loglevel=error)
	@/usr/bin/python3 tests/bench/oracle.py table --replay $(REPLAY) $(if $(SEED),--seed $(SEED)) || :
	@/usr/bin/python3 tests/bench/oracle.py split --filter $(BENCH_DIR)/alloc-filter \
		--sites $(or $(BENCH_SITES),2000) $(if $(SEED),--seed $(SEED)) || :
	@$(BENCH_DIR)/lms-bench || :
	@$(if $(SEED),SEED=$(SEED)) $(BENCH_DIR)/lms-history-bench || :
	@/usr/bin/python3 tests/bench/export.py --bin $(abspath $(BUILD))/bin --fill $(BENCH_DIR)/lms-history-bench || :
	@/usr/bin/python3 tests/bench/wire.py --bin $(abspath $(BUILD))/bin $(if $(SEED),--seed $(SEED)) || :
	@/usr/bin/python3 tests/bench/calls.py --bin $(abspath $(BUILD))/bin --load $(BENCH_DIR)/lms-load || :
	@/usr/bin/python3 tests/bench/meters.py --bin $(abspath $(BUILD))/bin --load $(BENCH_DIR)/lms-load || :

# What takes longer than CI may, or depends on the machine's timing: the whole site against a hostile world,
# more crashes, more random sites. MINUTES, ROUNDS, SITES and SEED set the length.
.PHONY: soak
soak:
	@etc/install-packages.sh run build demo test
	@$(MAKE) --no-print-directory -s -j$(JOBS) CC=gcc SAN=address,undefined WERROR=1 BUILD=build/san all unit
	@cd tests/integration && npm ci --no-audit --no-fund --loglevel=error
	BIN=$(abspath build/san/bin) MINUTES=$(or $(MINUTES),10) tests/soak/chaos.js
	BIN=$(abspath build/san/bin) ROUNDS=$(or $(ROUNDS),1000) tests/integration/test_kill9.js
	@$(MAKE) --no-print-directory -s -j$(JOBS) CC=gcc SAN=thread WERROR=1 BUILD=build/tsan $(addprefix build/tsan/tests/unit/test_modbus_,bus silence line faults)
	$(if $(SEED),SEED=$(SEED)) BUILD=build/tsan tests/run 'unit/test_modbus_(bus|silence|line|faults)'
	SITES=$(or $(SITES),4000000) build/san/tests/scenario/test_balance_population
	SITES=$(or $(SITES),1000000) build/san/tests/scenario/test_balance_properties

# What is installed beside the programs, as SOURCE:PLACE below $(PREFIX).
INSTALL := install
data_files = $(shell find $(wildcard etc/meters etc/stations) /dev/null -type f)
placed = \
	$(foreach f,$(MAN_PAGES),$(f):share/man/man$(subst .,,$(suffix $(f)))/$(notdir $(f))) \
	$(foreach f,$(data_files),$(f):share/lms/$(f:etc/%=%)) \
	etc/lmsd.conf:share/lms/examples/lmsd.conf \
	$(foreach f,$(wildcard etc/samples/* etc/examples/*),$(f):share/lms/examples/$(notdir $(f))) \
	$(foreach f,$(wildcard etc/completions/*.bash),$(f):share/bash-completion/completions/$(basename $(notdir $(f)))) \
	$(foreach f,$(wildcard etc/systemd/*.*),$(f):lib/systemd/system/$(notdir $(f))) \
	$(foreach f,$(wildcard etc/sysusers.d/*.conf etc/tmpfiles.d/*.conf),$(f):lib/$(f:etc/%=%))

.PHONY: install
install: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin
	$(if $(strip $(BINS)),$(INSTALL) $(BINS) $(DESTDIR)$(PREFIX)/bin)
	@set -e; for pair in $(placed); do \
		case $$pair in *.sh:*) mode=755;; *) mode=644;; esac; \
		$(INSTALL) -D -m $$mode "$${pair%%:*}" "$(DESTDIR)$(PREFIX)/$${pair#*:}"; done

.PHONY: uninstall
uninstall:
	rm -f $(foreach f,$(notdir $(BINS)),$(DESTDIR)$(PREFIX)/bin/$(f))
	@for pair in $(placed); do rm -f "$(DESTDIR)$(PREFIX)/$${pair#*:}"; done
	rm -rf $(DESTDIR)$(PREFIX)/share/lms

.PHONY: dist
dist:
	@mkdir -p build
	git archive --prefix=lms-$(VERSION)/ -o build/lms-$(VERSION).tar.gz HEAD

.PHONY: format format-check
format:
	git ls-files '*.c' '*.h' | xargs clang-format -i
format-check:
	git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror

.PHONY: clean
clean:
	rm -rf build

.PHONY: help
help:
	@printf '%s\n' \
	'make            build lmsd, lmsctl, lmstop into build/bin' \
	'make demo       build, start a simulated site, open lmstop on it' \
	'make check      all tests (installs what they need first)' \
	'make bench      figures: energy beside the LP, speed, safety, calls beside other servers (SEED=, BENCH_HOURS=)' \
	'make soak       longer tests: a hostile world, 1000 crashes, many random sites' \
	'make unit       build the unit tests into $(BUILD)/tests' \
	'make dist       the source as build/lms-$(VERSION).tar.gz' \
	'make deps       install the Debian packages that building needs' \
	'make install    programs, manual pages, meter profiles, units (DESTDIR, PREFIX)' \
	'make uninstall  takes them away again' \
	'V=1 SAN=address,undefined CC=clang WERROR=1 MQTT=no CFLAGS=… change the build'
