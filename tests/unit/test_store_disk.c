/* Full and read-only disks, for real: each test has a small tmpfs in its own mount namespace. */
#include "store_rig.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	rig_init(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

static struct store_batch *big_batch(const char *key, size_t size)
{
	struct store_batch *b = store_batch_new();
	char *json = malloc(size);

	memset(json, ' ', size);
	memcpy(json, "{}", 2);
	store_batch_put(b, STORE_TX, key, json, size);
	free(json);
	return b;
}

static struct store_batch *small_batch(const char *key)
{
	struct store_batch *b = store_batch_new();

	rig_put(b, STORE_TAG, key, "{}");
	return b;
}

#define CANNOT_MOUNT 200
/* For the child: what is wrong goes to stderr. */
#define CHECK(expr)                                                     \
	do {                                                            \
		if (!(expr)) {                                          \
			fprintf(stderr, "%d: %s\n", __LINE__, #expr);   \
			_exit(1);                                       \
		}                                                       \
	} while (0)

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(CANNOT_MOUNT);
	close(fd);
}

static void mount_disk(const char *dir)
{
	char uid_map[32], gid_map[32];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		_exit(CANNOT_MOUNT);
	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/uid_map", uid_map);
	write_text("/proc/self/gid_map", gid_map);
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("lms", dir, "tmpfs", 0, "size=150m,mode=0700") < 0)
		_exit(CANNOT_MOUNT);
}

static void fill_disk(const char *dir, unsigned long long leave)
{
	struct statvfs vfs;
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/fill", dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(statvfs(dir, &vfs) == 0);
	CHECK(posix_fallocate(fd, 0, (off_t)(vfs.f_bavail * vfs.f_frsize - leave)) == 0);
	close(fd);
}

static int count_row(void *ctx, const char *key, const char *json, size_t len)
{
	(void)key;
	(void)json;
	(void)len;
	++*(int *)ctx;
	return 0;
}

/* Of a table; -1 if it cannot be loaded. */
static int rows(struct rig *r, enum store_table table)
{
	int count = 0;

	return store_load(r->store, table, count_row, &count, &r->diag) == 0 ? count : -1;
}

static void open_store(struct rig *r)
{
	if (rig_open(r) == 0)
		return;
	fprintf(stderr, "%s\n", r->diag.text);
	_exit(1);
}

static void full_disk(struct rig *r)
{
	struct store_stat st;
	uint64_t acked;
	char key[16];

	open_store(r);
	CHECK(store_stat(r->store, &st) == 0 && st.ballast);
	fill_disk(r->dir, 8 << 20);
	for (int i = 0; i < 100 && !r->failed_calls; i++) {
		snprintf(key, sizeof(key), "%010d", i);
		rig_wait(r, store_submit(r->store, big_batch(key, 1000000)));
	}
	CHECK(r->failed_calls == 1 && !r->timed_out);
	CHECK(strstr(r->why, "No space"));
	acked = r->told;
	CHECK(acked > 0 && acked < 100);
	CHECK(store_stat(r->store, &st) == 0 && !st.ballast);
	rig_close(r);

	/* The start after it finds the room that the ballast kept. */
	open_store(r);
	CHECK(!store_is_failed(r->store));
	CHECK(rows(r, STORE_TX) == (int)acked);
	CHECK(rig_wait(r, store_submit(r->store, small_batch("A"))));
	CHECK(store_stat(r->store, &st) == 0 && !st.ballast);

	/* And a start on a disk that is full to the brim still reads. */
	rig_close(r);
	fill_disk(r->dir, 0);
	open_store(r);
	CHECK(rows(r, STORE_TX) == (int)acked && rows(r, STORE_TAG) == 1);
	rig_close(r);
}

static void read_only_disk(struct rig *r)
{
	struct rig second = { .told = 0 };

	open_store(r);
	CHECK(rig_wait(r, store_submit(r->store, small_batch("A"))));
	rig_close(r);
	CHECK(mount(NULL, r->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	open_store(r);
	CHECK(store_is_failed(r->store));
	CHECK(strstr(store_why_failed(r->store), "Read-only"));
	CHECK(rows(r, STORE_TAG) == 1);
	store_submit(r->store, small_batch("B"));
	memcpy(second.dir, r->dir, sizeof(second.dir));
	CHECK(rig_open(&second) == -LMS_ECONFLICT);
	rig_close(r);
	CHECK(r->told == 0);
}

static void on_a_disk_of_its_own(struct rig *r, void (*test)(struct rig *r))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		mount_disk(r->dir);
		test(r);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Where a child may not have a disk of its own (no namespaces, or a sanitizer's thread). */
static bool can_mount(void)
{
	struct rig r;
	int status;
	pid_t pid;

	rig_init(&r);
	pid = fork();
	if (pid == 0) {
		mount_disk(r.dir);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	rig_fini(&r);
	return status == 0;
}

static void on_a_full_disk_the_ballast_lets_the_next_start_write(void **state)
{
	on_a_disk_of_its_own(*state, full_disk);
}

static void a_read_only_disk_is_read(void **state)
{
	on_a_disk_of_its_own(*state, read_only_disk);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(on_a_full_disk_the_ballast_lets_the_next_start_write),
		T(a_read_only_disk_is_read),
	};

	if (!can_mount()) {
		puts("1..0 # skip no mount namespace here");
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
