// SPDX-License-Identifier: GPL-2.0
/*
 * A writer gets signals that do not kill it: its request has the same result as without
 * signals, and is made once.
 */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "memtrace.h"

/* What a writer and its parent tell each other. */
struct writer {
	bool begun;
	bool ended;
	int err;
	int handled;
};

static volatile struct writer *writer;

static void count_signal(int signal)
{
	writer->handled++;
}

static bool set_up_writer(void)
{
	writer = mmap(NULL, sizeof(*writer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	return writer != MAP_FAILED;
}

FIXTURE(signals)
{
	FIXTURE_DATA(region) region;
	u64 block;
	int kmsg;
	char log[MAX_LOG];
};

/* What a writer does with a signal, and the signal that follows it. */
FIXTURE_VARIANT(signals)
{
	int signal;
	int next;
	void (*handler)(int signal);
	int flags;
};

FIXTURE_VARIANT_ADD(signals, handled)
{
	.signal = SIGUSR1, .next = SIGUSR1, .handler = count_signal,
};

FIXTURE_VARIANT_ADD(signals, handled_and_restarted)
{
	.signal = SIGUSR1, .next = SIGUSR1, .handler = count_signal, .flags = SA_RESTART,
};

FIXTURE_VARIANT_ADD(signals, ignored)
{
	.signal = SIGTERM, .next = SIGINT, .handler = SIG_IGN,
};

FIXTURE_VARIANT_ADD(signals, stopped_and_continued)
{
	.signal = SIGSTOP, .next = SIGCONT, .handler = SIG_DFL,
};

FIXTURE_SETUP(signals)
{
	SETUP_REGION(&self->region);
	ASSERT_EQ(0, enable(0));
	self->block = self->region.size;
	ASSERT_TRUE(set_up_writer());
	self->kmsg = open_log();
	ASSERT_LE(0, self->kmsg);
}

FIXTURE_TEARDOWN_PARENT(signals)
{
	region_teardown(_metadata, &self->region, NULL);
}

static void write_and_exit(u64 size, const FIXTURE_VARIANT(signals) *variant)
{
	struct sigaction action = { .sa_handler = variant->handler, .sa_flags = variant->flags };

	if (variant->handler != SIG_DFL) {
		sigaction(variant->signal, &action, NULL);
		sigaction(variant->next, &action, NULL);
	}
	writer->begun = true;
	writer->err = enable(size);
	writer->ended = true;
	_exit(KSFT_PASS);
}

/* The maximum number of signals that are sent to a writer, so that it can finish. */
#define ENOUGH 50

/*
 * Writes @size in a process that gets signals meanwhile. Returns how many it got after it
 * had half of the memory, or how many in all if it is not to get any.
 */
static int write_among_signals(u64 size, bool gets_memory,
			       const FIXTURE_VARIANT(signals) *variant)
{
	u64 free_before = free_memory();
	bool counts = !gets_memory;
	int count = 0, status;
	pid_t pid;

	memset((void *)writer, 0, sizeof(*writer));
	pid = fork();
	if (pid < 0)
		return 0;
	if (!pid)
		write_and_exit(size, variant);
	while (!writer->begun)
		sched_yield();
	while (!writer->ended && count < ENOUGH) {
		kill(pid, variant->signal);
		counts |= free_memory() + size / 2 < free_before;
		count += counts && !writer->ended;
		kill(pid, variant->next);
		sched_yield();
	}
	waitpid(pid, &status, 0);
	return status ? 0 : count;
}

/* On a busy host, a request is often over before it gets a signal. */
#define MAX_TRIES 200

TEST_F(signals, do_not_disturb_a_request)
{
	/* In blocks. The last one is looked for in a way of its own. */
	static const int sizes[] = { 1, 3 };
	int count, tries;

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 size = sizes[i] * self->block;
		int regions = 0;

		for (count = 0, tries = 0; !count && tries < MAX_TRIES; tries++) {
			ASSERT_EQ(0, enable(0));
			read_log(self->kmsg, self->log);
			count = write_among_signals(size, true, variant);
			/* The region has shown that there is one block. */
			if (writer->err == ENOMEM && i)
				return;
			ASSERT_EQ(0, writer->err);
			ASSERT_EQ(size, held());
		}
		TH_LOG("%d signals at try %d", count, tries);
		EXPECT_LT(0, count);
		EXPECT_EQ(variant->handler == count_signal, writer->handled > 0);

		/* One request has one line for each region. */
		for (int node = -1; (node = next_region(node + 1)) >= 0;)
			regions++;
		read_log(self->kmsg, self->log);
		EXPECT_EQ(regions, count_lines(self->log, "6 Allocated trace memory on node "))
			TH_LOG("%s", self->log);
		EXPECT_EQ(0, count_lines(self->log, "6 Freed trace memory "));
		EXPECT_EQ(sizes[i] & (sizes[i] - 1) ? 1 : 0,
			  count_lines(self->log, "5 The HTM requires a power of two, "));
	}
}

TEST_F(signals, are_no_reason_why_there_is_no_memory)
{
	int count = 0;

	for (int i = 0; i < MAX_TRIES && !count; i++) {
		count = write_among_signals(1ULL << 62, false, variant);
		ASSERT_EQ(ENOMEM, writer->err);
	}
	if (!count)
		SKIP(return, "the writer was done before it got a signal");
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		EXPECT_TRUE(is_short(node));
		EXPECT_FALSE(is_short_because(node, "signal"))
			TH_LOG("%s", status_row(node));
	}
}

TEST_F(region, is_given_back_among_signals)
{
	FIXTURE_VARIANT(signals) handled = {
		.signal = SIGUSR1, .next = SIGUSR1, .handler = count_signal,
	};

	ASSERT_TRUE(set_up_writer());
	for (int i = 0; i < MAX_TRIES; i++) {
		write_among_signals(0, false, &handled);
		ASSERT_EQ(0, writer->err);
		EXPECT_EQ(0, held());
		EXPECT_EQ(-1, next_region(0));
		if (writer->handled)
			break;
		ASSERT_EQ(0, enable(self->size));
	}
	EXPECT_LT(0, writer->handled);
}

MEMTRACE_TEST_MAIN
