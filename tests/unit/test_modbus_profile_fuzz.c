/* Profile files that somebody has damaged: read or refused with a place, never more; what is read can be planned and
 * decoded whatever the device holds. Prints its seed when it fails.
 * timeout: 120
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "helper_meter_image.h"
#include "modbus/profile_file.h"

#define TEXT_MAX 32768

/* libconfig loses the text of a string that never ends; only what is ours is looked at. */
/* Else what was suppressed is told, and counted as a complaint. */
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so";
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static size_t pick(uint64_t *seed, size_t below)
{
	return below ? (size_t)(next_random(seed) % below) : 0;
}

static size_t slurp(const char *path, char *text)
{
	FILE *f = fopen(path, "r");
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, TEXT_MAX / 2, f);
	fclose(f);
	return len;
}

/* What people and disks do to a text: a number, a sign, a word of another place, something missing or twice. */
static size_t damage(char *text, size_t len, uint64_t *seed)
{
	static const char *const words[] = {
		"-1", "0", "65535", "65536", "99999999999999999999", "1e308", "0x7FFFFFFFFFFFFFFFFL", "\"", "}", "{", "(",
		");", "[ ]", "[ 1, \"x\" ]", "\"u64\"", "\"f64\"", "models = [ 101 ];", "models = [ 65535 ];", "scale = 0.000001;",
		"addr = 65535;", "max_regs = 1;", "instance = 17;", "even_only = true;", "allow_holes = true;",
		"identity = { function = 3; addr = 0; expected = [ ]; };", "@include \"x\"", "\"\xFF\xFE\"",
		"invalid = \"0x0-0xFFFFFFFFFFFFFFFF\";", "group = \"slow\";", "negate = true;", "\n",
	};
	size_t at = pick(seed, len), n, from;

	switch (pick(seed, 5)) {
	case 0:
		text[at] = (char)next_random(seed);
		return len;
	case 1:	/* gone */
		n = pick(seed, len - at < 40 ? len - at : 40);
		memmove(text + at, text + at + n, len - at - n);
		return len - n;
	case 2:	/* twice, elsewhere */
		from = pick(seed, len);
		n = pick(seed, len - from < 200 ? len - from : 200);
		if (len + n >= TEXT_MAX)
			return len;
		memmove(text + at + n, text + at, len - at);
		memmove(text + at, text + (from < at ? from : from + n), n);
		return len + n;
	case 3:	/* ends here */
		return at;
	default:
		n = strlen(words[from = pick(seed, ARRAY_LEN(words))]);
		if (len + n >= TEXT_MAX)
			return len;
		memmove(text + at + n, text + at, len - at);
		memcpy(text + at, words[from], n);
		return len + n;
	}
}

/* Digits become others, so that much stays a file that can be read. */
static void renumber(char *text, size_t len, uint64_t *seed)
{
	size_t at = pick(seed, len);

	for (size_t i = at; i < len; i++)
		if (text[i] >= '0' && text[i] <= '9') {
			text[i] = (char)('0' + pick(seed, 10));
			return;
		}
}

static void must_be_safe(const struct meter_profile *p, struct image *img, uint64_t *seed)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading r = { .at = US_PER_S, .latency_us = 1, .blocks = blocks, .models = (uint32_t)next_random(seed) };
	struct meter_plan plan;
	struct meter_setup setup;
	struct meter_state *m;

	assert_int_equal(profile_check(p, NULL), 0);
	assert_int_equal(plan_make(p, &plan, NULL), 0);
	for (int i = 0; i < plan.count; i++) {
		const struct plan_block *b = &plan.blocks[i];

		assert_in_range(b->count, 1, p->max_regs);
		assert_true(b->addr + b->count <= 65536);
		for (int k = 0; k < b->count; k++)
			img->regs[b->fc][b->addr + k] = (uint16_t)next_random(seed);
		blocks[r.block_count++] = (struct meter_block){ b->fc, b->addr, b->count, 0, 0, US_PER_S,
								&img->regs[b->fc][b->addr] };
	}
	meter_setup_init(&setup, "M", p);
	m = meter_new(&setup);
	meter_take(m, &r);
	for (int v = 0; v < METER_VAR_COUNT; v++) {
		const struct meter_value *val = meter_value(m, (enum meter_var)v);
		const struct meter_dim_info *dim = meter_dim_info(meter_var_info((enum meter_var)v)->dim);

		if (val->quality == METER_Q_GOOD && v != METER_power_total)
			assert_true(val->v >= dim->min && val->v <= dim->max);
	}
	meter_free(m);
}

static void damaged_files_are_read_or_refused(void **state)
{
	char path[40], *text = xcalloc(1, TEXT_MAX);
	uint64_t seed = UINT64_C(20261126), round_seed;
	struct image *img = image_new();
	int fd = memfd_create("profile", MFD_CLOEXEC), read = 0, refused = 0;
	glob_t found;

	(void)state;
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(glob("etc/meters/*.conf", 0, NULL, &found), 0);
	for (int round = 0; round < 6000; round++) {
		struct meter_profile *p = NULL;
		struct diag d;
		size_t len = slurp(found.gl_pathv[pick(&seed, found.gl_pathc)], text);
		size_t wounds = pick(&seed, 4);
		int ret;

		round_seed = seed;
		for (size_t i = 0; i < wounds && len > 1; i++)
			len = damage(text, len, &seed);
		for (size_t i = pick(&seed, 6); i > 0 && len > 1; i--)
			renumber(text, len, &seed);
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, text, len, 0), (ssize_t)len);
		diag_init(&d);
		ret = profile_load_file(path, &p, &d);
		if (ret == 0) {
			must_be_safe(p, img, &seed);
			profile_free(p);
			read++;
		} else {
			if (ret != -LMS_ECONFIG || strcmp(d.file, path) != 0 || !d.text[0] || p)
				fail_msg("seed %llu: %d '%s'", (unsigned long long)round_seed, ret, d.text);
			refused++;
		}
	}
	globfree(&found);
	close(fd);
	image_free(img);
	free(text);
	assert_in_range(read, 500, 6000);	/* both are exercised */
	assert_in_range(refused, 500, 6000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(damaged_files_are_read_or_refused) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
