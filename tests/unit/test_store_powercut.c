/* Power cuts: what the ledger's file may hold after one, at any write, in any order of sectors.
 *
 * This program stands between LMDB and the kernel: it records writes to data.mdb, syncs, and
 * acknowledgements. An image is what was synced when the power went, plus any choice of the sectors
 * that were not. From each image the store must come up with all that was acknowledged. As a
 * control the same images are made as if syncs did nothing, and then something must be missing.
 * SEED= and IMAGES= vary it (how batches fall into commits depends on the moment, too).
 */
#include "store_numbered.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define SECTOR ((size_t)512)
#define BATCHES 120

enum kind { WRITE, WRITE_SYNCED, SYNC, ACK };

struct entry {
	enum kind kind;
	off_t at;
	size_t len;
	unsigned char *data;
	uint64_t acked;
};

static struct recorder {
	pthread_mutex_t lock;
	bool on;
	bool broken_sync;	/* the disk says EIO to every sync of the ledger */
	struct entry *entries;
	size_t count, cap;
} rec = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct entry *record_add(enum kind kind)
{
	if (rec.count == rec.cap) {
		rec.cap = rec.cap ? 2 * rec.cap : 256;
		rec.entries = realloc(rec.entries, rec.cap * sizeof(rec.entries[0]));
	}
	rec.entries[rec.count] = (struct entry){ .kind = kind };
	return &rec.entries[rec.count++];
}

static bool is_ledger(int fd)
{
	char link[64], path[256];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	return n > 9 && memcmp(path + n - 9, "/data.mdb", 9) == 0;
}

static void record_write(int fd, const struct iovec *iov, int count, off_t at, ssize_t done)
{
	pthread_mutex_lock(&rec.lock);
	if (rec.on && done > 0 && is_ledger(fd)) {
		struct entry *e = record_add(fcntl(fd, F_GETFL) & O_DSYNC ? WRITE_SYNCED : WRITE);

		e->at = at;
		e->data = malloc((size_t)done);
		for (int i = 0; i < count && e->len < (size_t)done; i++) {
			size_t n = iov[i].iov_len;

			if (n > (size_t)done - e->len)
				n = (size_t)done - e->len;
			memcpy(e->data + e->len, iov[i].iov_base, n);
			e->len += n;
		}
	}
	pthread_mutex_unlock(&rec.lock);
}

static int record_sync(int fd, long number)
{
	int ret = (int)syscall(number, fd);
	bool ledger = is_ledger(fd), broken;

	pthread_mutex_lock(&rec.lock);
	broken = rec.broken_sync && ledger;
	if (rec.on && ret == 0 && ledger)
		record_add(SYNC);
	pthread_mutex_unlock(&rec.lock);
	if (!broken)
		return ret;
	errno = EIO;
	return -1;
}

/* LMDB's calls land here: symbols of the program come before those of libc. */

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	ssize_t done = syscall(SYS_pwrite64, fd, buf, n, at);
	union { const void *in; void *out; } u = { .in = buf };
	struct iovec iov = { u.out, n };

	record_write(fd, &iov, 1, at, done);
	return done;
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t done = syscall(SYS_writev, fd, iov, count);

	record_write(fd, iov, count, at, done);
	return done;
}

int fdatasync(int fd)
{
	return record_sync(fd, SYS_fdatasync);
}

int fsync(int fd)
{
	return record_sync(fd, SYS_fsync);
}

/* ---- the recording ------------------------------------------------------------------------- */

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

struct file {
	unsigned char *data;
	size_t len, cap;
};

static void file_write(struct file *f, off_t at, const unsigned char *data, size_t len)
{
	size_t end = (size_t)at + len;

	if (end > f->cap) {
		f->data = realloc(f->data, 2 * end);
		f->cap = 2 * end;
	}
	if (end > f->len) {
		memset(f->data + f->len, 0, end - f->len);
		f->len = end;
	}
	memcpy(f->data + at, data, len);
}

static void file_load(struct file *f, const char *path)
{
	static unsigned char page[65536];
	FILE *in = fopen(path, "r");
	size_t n;

	assert_non_null(in);
	f->len = 0;
	while ((n = fread(page, 1, sizeof(page), in)) > 0)
		file_write(f, (off_t)f->len, page, n);
	fclose(in);
}

static void file_save(const struct file *f, const char *path)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(f->data, 1, f->len, out), f->len);
	fclose(out);
}

static void acknowledged(void *ctx, uint64_t seq)
{
	rig_committed(ctx, seq);
	pthread_mutex_lock(&rec.lock);
	record_add(ACK)->acked = seq;
	pthread_mutex_unlock(&rec.lock);
}

static void record_switch(bool on)
{
	pthread_mutex_lock(&rec.lock);
	rec.on = on;
	pthread_mutex_unlock(&rec.lock);
}

/* Numbered batches, alone and in groups, from a ledger that is on the disk already. */
static void record_run(struct rig *r, const char *path, struct file *base)
{
	static const struct store_ops ops = { acknowledged, rig_failed };
	uint64_t seq = 0;

	assert_int_equal(rig_open(r), 0);
	rig_close(r);
	file_load(base, path);
	record_switch(true);
	r->told = 0;
	r->loop = loop_new();
	assert_int_equal(store_open(r->loop, r->dir, &ops, r, &r->store, &r->diag), 0);
	while (seq < BATCHES) {
		for (uint32_t group = 1 + draw(6); group > 0; group--)
			seq = store_submit(r->store, numbered_batch(seq + 1));
		assert_true(rig_wait(r, seq - draw(2)));
	}
	rig_close(r);
	record_switch(false);
}

/* ---- images -------------------------------------------------------------------------------- */

static void apply(struct file *f, const struct entry *e)
{
	file_write(f, e->at, e->data, e->len);
}

/* Those sectors of a write that reached the disk. */
static void apply_torn(struct file *f, const struct entry *e, uint32_t percent)
{
	size_t n;

	for (size_t at = 0; at < e->len; at += n) {
		n = SECTOR - (size_t)(e->at + (off_t)at) % SECTOR;
		if (n > e->len - at)
			n = e->len - at;
		if (draw(100) < percent)
			file_write(f, e->at + (off_t)at, e->data + at, n);
	}
}

/* What is on the disk when the power goes just before or during entry `cut`, and what was
 * acknowledged by then. */
static uint64_t make_image(const struct file *base, size_t cut, bool syncs_work, struct file *image)
{
	uint32_t percent = draw(3) ? draw(101) : 100 * draw(2);
	uint64_t acked = 0;
	size_t synced = 0;

	for (size_t i = 0; i < cut; i++) {
		if (rec.entries[i].kind == ACK)
			acked = rec.entries[i].acked;
		if (rec.entries[i].kind == SYNC && syncs_work)
			synced = i;
	}
	image->len = 0;
	file_write(image, 0, base->data, base->len);
	for (size_t i = 0; i <= cut && i < rec.count; i++) {
		const struct entry *e = &rec.entries[i];

		if (e->kind == ACK || e->kind == SYNC)
			continue;
		if (i < synced || (e->kind == WRITE_SYNCED && i < cut && syncs_work))
			apply(image, e);
		else
			apply_torn(image, e, percent);
	}
	return acked;
}

/* In a child, because LMDB trusts its pages and may well crash on a broken image. */
static const char *look(struct rig *r, uint64_t acked)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		uint64_t last;

		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGFPE, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		_exit(numbered_look(r, acked, &last) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0 ? NULL : WIFSIGNALED(status) ? "opening it crashes" : "something is missing";
}

struct result {
	int images, broken;
	char first[200];
};

static struct result try_images(struct rig *r, const char *path, const struct file *base,
				int images, bool syncs_work)
{
	struct result res = { .images = images };
	struct file image = { 0 };

	for (int i = 0; i < images; i++) {
		uint64_t from = seed;
		size_t cut = draw((uint32_t)rec.count + 1);
		uint64_t acked = make_image(base, cut, syncs_work, &image);
		const char *wrong;

		file_save(&image, path);
		wrong = look(r, acked);
		if (wrong && res.broken++ == 0)
			snprintf(res.first, sizeof(res.first),
				 "%s: cut at entry %zu of %zu, acknowledged %llu (state %llu)", wrong,
				 cut, rec.count, (unsigned long long)acked,
				 (unsigned long long)from);
	}
	free(image.data);
	return res;
}

static void no_power_cut_loses_what_was_acknowledged(void **state)
{
	const char *images_text = getenv("IMAGES"), *seed_text = getenv("SEED");
	int images = images_text ? atoi(images_text) : 300;
	struct result honest, control;
	struct file base = { 0 };
	char path[256];
	struct rig r;

	(void)state;
	seed = seed_text ? strtoull(seed_text, NULL, 10) : 20261121;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	rig_init(&r);
	snprintf(path, sizeof(path), "%s/ledger/data.mdb", r.dir);
	record_run(&r, path, &base);
	honest = try_images(&r, path, &base, images, true);
	control = try_images(&r, path, &base, images / 10, false);
	print_message("# %d images of %zu writes, syncs and acknowledgements: %d broken; without syncs "
		      "%d of %d\n", honest.images, rec.count, honest.broken, control.broken,
		      control.images);
	if (honest.broken)
		fail_msg("%s", honest.first);
	assert_true(control.broken > 0);
	for (size_t i = 0; i < rec.count; i++)
		free(rec.entries[i].data);
	free(rec.entries);
	free(base.data);
	rig_fini(&r);
}

static void break_sync(bool broken)
{
	pthread_mutex_lock(&rec.lock);
	rec.broken_sync = broken;
	pthread_mutex_unlock(&rec.lock);
}

static void a_sync_that_fails_is_never_acknowledged(void **state)
{
	uint64_t last = 0;
	struct rig r;

	(void)state;
	rig_init(&r);
	assert_int_equal(rig_open(&r), 0);
	for (uint64_t n = 1; n <= 3; n++)
		assert_true(rig_wait(&r, store_submit(r.store, numbered_batch(n))));
	break_sync(true);
	store_submit(r.store, numbered_batch(4));
	assert_false(rig_wait(&r, 4));
	assert_int_equal(r.failed_calls, 1);
	assert_int_equal(r.failed_seq, 4);
	assert_non_null(strstr(r.why, "Input/output error"));

	/* The start after it: still broken, so for reading only; then the disk is well again. */
	rig_close(&r);
	assert_int_equal(r.told, 3);
	assert_int_equal(rig_open(&r), 0);
	assert_true(store_is_failed(r.store));
	assert_int_equal(numbered_last(r.store, &r.diag), 3);
	rig_close(&r);
	break_sync(false);
	assert_null(numbered_look(&r, 3, &last));
	assert_int_equal(last, 3);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sync_that_fails_is_never_acknowledged),
		cmocka_unit_test(no_power_cut_loses_what_was_acknowledged),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
