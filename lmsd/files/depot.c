/* files/depot.c - files in one directory, whole or not at all, and never more than fit. */
#include "files/depot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hex.h"
#include "base/json.h"

#define PART ".part"
#define PART_NAME_MAX (FILES_ID_MAX + sizeof(PART))
#define COUNT_MAX 2000		/* files: many small ones are no reason to become slow */
#define LOOK_BYTES ((int64_t)1 << 20)	/* of one whose size is not known: so often room is looked for */

struct depot {
	struct depot_conf conf;
	int fd;
	int64_t kept, coming;		/* bytes, heads included; of parts as much as they said or have */
	struct file_info *files;
	size_t count;
};

struct part {
	struct depot *d;
	struct file_info about;
	int fd;
	int64_t declared;		/* -1 */
	int64_t size, taken;		/* so far; of d->coming */
	EVP_MD_CTX *md;
};

/* ---- heads and names ---- */

static bool id_good(const char *name, size_t len)
{
	return len == FILES_ID_MAX && strspn(name, "0123456789abcdef") >= len;
}

static const char *part_name(const char *id, char out[PART_NAME_MAX])
{
	snprintf(out, PART_NAME_MAX, "%s" PART, id);
	return out;
}

static void head_write(const struct file_info *f, char head[DEPOT_HEAD])
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "lms", "file");
	jw_kstr(&w, "what", f->what);
	jw_kstr(&w, "name", f->name);
	jw_kstr(&w, "station", f->station);
	jw_kint(&w, "job", f->job);
	jw_kint(&w, "size", f->size);
	jw_kstr(&w, "sha256", f->sha256);
	jw_kint(&w, "created", f->created);
	jw_object_end(&w);
	lms_assert(b.len < DEPOT_HEAD);
	memset(head, ' ', DEPOT_HEAD);
	memcpy(head, b.data, b.len);
	head[DEPOT_HEAD - 1] = '\n';
	buf_fini(&b);
}

static void text_of(const struct json *obj, const char *key, char *out, size_t size)
{
	snprintf(out, size, "%s", json_str(json_get(obj, key), ""));
}

static bool head_read(const char head[DEPOT_HEAD], struct file_info *f)
{
	struct arena arena;
	const struct json *obj;
	bool ok;

	arena_init(&arena);
	obj = json_parse(&arena, head, DEPOT_HEAD, &JSON_CAPS_DEFAULT, NULL);
	ok = strcmp(json_str(json_get(obj, "lms"), ""), "file") == 0 && json_int(json_get(obj, "size"), &f->size) == 0 &&
	     json_int(json_get(obj, "job"), &f->job) == 0 && json_int(json_get(obj, "created"), &f->created) == 0;
	text_of(obj, "what", f->what, sizeof(f->what));
	text_of(obj, "name", f->name, sizeof(f->name));
	text_of(obj, "station", f->station, sizeof(f->station));
	text_of(obj, "sha256", f->sha256, sizeof(f->sha256));
	arena_fini(&arena);
	return ok && f->size >= 0;
}

static bool is_firmware(const struct file_info *f)
{
	return strcmp(f->what, "firmware") == 0;
}

/* ---- the list ---- */

static void list_add(struct depot *d, const struct file_info *f)
{
	size_t at = d->count;

	d->files = xrealloc(d->files, (d->count + 1) * sizeof(*d->files));
	while (at > 0 && d->files[at - 1].created > f->created)
		at--;
	memmove(&d->files[at + 1], &d->files[at], (d->count - at) * sizeof(*d->files));
	d->files[at] = *f;
	d->count++;
	d->kept += f->size + DEPOT_HEAD;
}

static void list_drop(struct depot *d, size_t at)
{
	d->kept -= d->files[at].size + DEPOT_HEAD;
	memmove(&d->files[at], &d->files[at + 1], (d->count - at - 1) * sizeof(*d->files));
	d->count--;
}

const struct file_info *depot_list(const struct depot *d, size_t *count)
{
	*count = d->count;
	return d->files;
}

const struct file_info *depot_find(const struct depot *d, const char *id)
{
	for (size_t i = 0; i < d->count; i++) {
		if (strcmp(d->files[i].id, id) == 0)
			return &d->files[i];
	}
	return NULL;
}

/* ---- opening ---- */

/* What is whole goes into the list; what is not goes away; what is not ours stays. */
static void look_at(struct depot *d, const char *name)
{
	struct file_info f = { 0 };
	char head[DEPOT_HEAD];
	struct stat st;
	bool whole;
	int fd;

	if (strlen(name) == FILES_ID_MAX + strlen(PART) && id_good(name, FILES_ID_MAX) &&
	    strcmp(name + FILES_ID_MAX, PART) == 0)
		unlinkat(d->fd, name, 0);
	if (!id_good(name, strlen(name)))
		return;
	fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	whole = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && pread(fd, head, sizeof(head), 0) == sizeof(head) &&
		head_read(head, &f) && f.size + DEPOT_HEAD == st.st_size;
	close(fd);
	if (!whole) {
		unlinkat(d->fd, name, 0);
		return;
	}
	snprintf(f.id, sizeof(f.id), "%s", name);
	list_add(d, &f);
}

static int look_around(struct depot *d)
{
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return errno;
	}
	while ((e = readdir(dir)) != NULL)
		look_at(d, e->d_name);
	closedir(dir);
	return 0;
}

int depot_open(const struct depot_conf *conf, struct depot **out, struct diag *diag)
{
	struct depot *d = xcalloc(1, sizeof(*d));
	int err = 0;

	d->conf = *conf;
	if (mkdir(conf->directory, 0700) < 0 && errno != EEXIST)
		err = errno;
	d->fd = err ? -1 : open(conf->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (!err && d->fd < 0)
		err = errno;
	if (!err)
		err = look_around(d);
	d->conf.directory = NULL;	/* borrowed */
	if (err) {
		diag_set(diag, -LMS_ECANTCREAT, "%s: %s (lmsd must be able to make and to write it)", conf->directory,
			 strerror(err));
		depot_close(d);
		return -LMS_ECANTCREAT;
	}
	*out = d;
	return 0;
}

void depot_close(struct depot *d)
{
	if (!d)
		return;
	if (d->fd >= 0)
		close(d->fd);
	free(d->files);
	free(d);
}

/* ---- room ---- */

static void remove_file(struct depot *d, size_t at)
{
	char id[FILES_ID_MAX + 1];

	memcpy(id, d->files[at].id, sizeof(id));
	unlinkat(d->fd, id, 0);
	list_drop(d, at);
	d->conf.gone(d->conf.ctx, id);
}

/* Bytes that may still be written to the disk. */
static int64_t disk_left(const struct depot *d)
{
	struct statvfs vfs;

	return fstatvfs(d->fd, &vfs) == 0 ? (int64_t)(vfs.f_bavail * vfs.f_frsize) - d->conf.keep_free : 0;
}

static bool fits(const struct depot *d, int64_t more)
{
	return d->kept + d->coming + more <= d->conf.store_max && d->count < COUNT_MAX && disk_left(d) >= more;
}

/* For so many bytes more. Nothing is removed where that would not be enough. */
static int make_room(struct depot *d, int64_t more, struct diag *diag)
{
	int64_t movable = 0;

	for (size_t i = 0; i < d->count; i++)
		movable += is_firmware(&d->files[i]) ? 0 : d->files[i].size + DEPOT_HEAD;
	if (d->kept + d->coming + more - movable > d->conf.store_max)
		return diag_set(diag, -LMS_ECANTCREAT, "no room for %lld bytes among the %lld of files.store (lmsctl file "
				"delete makes some)", (long long)more, (long long)d->conf.store_max);
	if (disk_left(d) + movable < more)
		return diag_set(diag, -LMS_ECANTCREAT, "no room on the disk of the state directory for %lld bytes",
				(long long)more);
	for (size_t i = 0; !fits(d, more) && i < d->count;) {
		if (is_firmware(&d->files[i]))
			i++;
		else
			remove_file(d, i);
	}
	if (fits(d, more))
		return 0;
	return diag_set(diag, -LMS_ECANTCREAT, "no room: %zu files are kept (lmsctl file delete makes some)", d->count);
}

/* ---- on the way in ---- */

static int too_large(const struct depot *d, struct diag *diag)
{
	return diag_set(diag, -LMS_ERANGE, "larger than one file may be, %lld bytes (files.max_size in lmsd.conf)",
			(long long)d->conf.file_max);
}

static int io_error(struct diag *diag)
{
	return diag_set(diag, -LMS_EIO, "cannot write the file: %s", strerror(errno));
}

static bool new_id(char id[FILES_ID_MAX + 1])
{
	unsigned char raw[FILES_ID_MAX / 2];

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return false;
	hex_encode(raw, sizeof(raw), id);
	return true;
}

/* So much at a time is taken for one whose size is not known. */
static int64_t look_bytes(const struct depot *d)
{
	return d->conf.file_max < LOOK_BYTES ? d->conf.file_max : LOOK_BYTES;
}

int depot_begin(struct depot *d, const struct file_info *about, int64_t size, struct part **out, struct diag *diag)
{
	int64_t room = (size < 0 ? look_bytes(d) : size) + DEPOT_HEAD;
	char name[PART_NAME_MAX];
	struct part *p;
	int ret;

	if (size > d->conf.file_max)
		return too_large(d, diag);
	ret = make_room(d, room, diag);
	if (ret)
		return ret;
	p = xcalloc(1, sizeof(*p));
	p->d = d;
	p->about = *about;
	p->declared = size;
	p->md = EVP_MD_CTX_new();
	p->fd = -1;
	if (p->md && EVP_DigestInit_ex(p->md, EVP_sha256(), NULL) == 1 && new_id(p->about.id))
		p->fd = openat(d->fd, part_name(p->about.id, name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->fd < 0) {
		ret = io_error(diag);
		EVP_MD_CTX_free(p->md);
		free(p);
		return ret;
	}
	p->taken = room;
	d->coming += room;
	*out = p;
	return 0;
}

static int grow(struct part *p, int64_t size, struct diag *diag)
{
	int64_t more = size + DEPOT_HEAD - p->taken;
	int ret;

	if (size > p->d->conf.file_max)
		return too_large(p->d, diag);
	if (p->declared >= 0)
		return size > p->declared ? diag_set(diag, -LMS_EDATA, "more bytes than were announced") : 0;
	if (more <= 0)
		return 0;
	more += look_bytes(p->d);
	ret = make_room(p->d, more, diag);
	if (ret == 0) {
		p->taken += more;
		p->d->coming += more;
	}
	return ret;
}

int part_add(struct part *p, const void *data, size_t len, struct diag *diag)
{
	const char *from = data;
	int ret = grow(p, p->size + (int64_t)len, diag);

	if (ret)
		return ret;
	if (EVP_DigestUpdate(p->md, data, len) != 1)
		return diag_set(diag, -LMS_EINTERNAL, "cannot sum the file up");
	while (len > 0) {
		ssize_t n = pwrite(p->fd, from, len, p->size + DEPOT_HEAD);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return io_error(diag);
		from += n;
		len -= (size_t)n;
		p->size += n;
	}
	return 0;
}

int64_t part_size(const struct part *p)
{
	return p->size;
}

static void part_free(struct part *p)
{
	p->d->coming -= p->taken;
	if (p->fd >= 0)
		close(p->fd);
	EVP_MD_CTX_free(p->md);
	free(p);
}

void part_drop(struct part *p)
{
	char name[PART_NAME_MAX];

	if (!p)
		return;
	unlinkat(p->d->fd, part_name(p->about.id, name), 0);
	part_free(p);
}

static void sum_up(struct part *p)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	EVP_DigestFinal_ex(p->md, sum, &len);
	lms_assert(len == FILES_SHA256_MAX / 2);
	hex_encode(sum, len, p->about.sha256);
}

static const struct file_info *same_firmware(const struct depot *d, const struct file_info *f)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct file_info *k = &d->files[i];

		if (is_firmware(f) && is_firmware(k) && strcmp(k->sha256, f->sha256) == 0 && strcmp(k->name, f->name) == 0)
			return k;
	}
	return NULL;
}

int part_finish(struct part *p, struct file_info *out, struct diag *diag)
{
	const struct file_info *same;
	struct depot *d = p->d;
	char name[PART_NAME_MAX], head[DEPOT_HEAD];
	int ret = 0;

	if (p->declared >= 0 && p->size != p->declared)
		ret = diag_set(diag, -LMS_EDATA, "only %lld of %lld bytes came", (long long)p->size, (long long)p->declared);
	sum_up(p);
	p->about.size = p->size;
	same = ret ? NULL : same_firmware(d, &p->about);
	if (ret || same) {
		if (same)
			*out = *same;
		part_drop(p);
		return ret;
	}
	head_write(&p->about, head);
	if (pwrite(p->fd, head, sizeof(head), 0) != sizeof(head) || fsync(p->fd) < 0 ||
	    renameat(d->fd, part_name(p->about.id, name), d->fd, p->about.id) < 0) {
		ret = io_error(diag);
		part_drop(p);
		return ret;
	}
	if (fsync(d->fd) < 0) {
		ret = io_error(diag);
		unlinkat(d->fd, p->about.id, 0);
	} else {
		*out = p->about;
		list_add(d, out);
	}
	part_free(p);
	return ret;
}

/* ---- out and away ---- */

int depot_fd(const struct depot *d, const struct file_info *file)
{
	return openat(d->fd, file->id, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static int not_there(const char *id, struct diag *diag)
{
	return diag_set(diag, -LMS_ENOTFOUND, "file '%.60s' is not there (lmsctl file list)", id);
}

int64_t depot_read(const struct depot *d, const char *id, int64_t offset, void *out, size_t len, struct diag *diag)
{
	const struct file_info *f = depot_find(d, id);
	int fd = f ? depot_fd(d, f) : -1;
	ssize_t n;

	if (fd < 0)
		return not_there(id, diag);
	n = pread(fd, out, len, offset + DEPOT_HEAD);
	close(fd);
	return n < 0 ? diag_set(diag, -LMS_EIO, "cannot read file %s: %s", id, strerror(errno)) : n;
}

int depot_delete(struct depot *d, const char *id, struct diag *diag)
{
	const struct file_info *f = depot_find(d, id);

	if (!f)
		return not_there(id, diag);
	remove_file(d, (size_t)(f - d->files));
	return 0;
}
