/* files/queue.c - the two queues between the thread of the file server and the loop. */
#include "files/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/arena.h"

struct msg *files_msg_new(enum msg_kind kind)
{
	struct msg *m = xcalloc(1, sizeof(*m));

	m->kind = kind;
	diag_init(&m->diag);
	buf_init(&m->data);
	return m;
}

void files_msg_free(struct msg *m)
{
	buf_fini(&m->data);
	if (m->key)
		OPENSSL_cleanse(m->key, strlen(m->key));
	free(m->key);
	free(m->certificate);
	free(m);
}

static void queue_add(struct msg_queue *q, struct msg *m)
{
	m->next = NULL;
	*q->last = m;
	q->last = &m->next;
}

struct msg *files_queue_take(struct msg_queue *q)
{
	struct msg *m = q->first;

	q->first = NULL;
	q->last = &q->first;
	return m;
}

void files_msgs_free(struct msg *m)
{
	struct msg *next;

	for (; m; m = next) {
		next = m->next;
		files_msg_free(m);
	}
}

void files_kick(struct files *f)
{
	uint64_t one = 1;

	while (write(f->kick, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void files_ask(struct files *f, struct msg *m)
{
	pthread_mutex_lock(&f->lock);
	queue_add(&f->to_thread, m);
	pthread_mutex_unlock(&f->lock);
	files_kick(f);
}

void files_report(struct files *f, struct msg *m)
{
	pthread_mutex_lock(&f->lock);
	queue_add(&f->to_loop, m);
	pthread_mutex_unlock(&f->lock);
	loop_wake_send(f->wake);
}
