// SPDX-License-Identifier: GPL-2.0
/*
 * The parameters of the module: which values are accepted, and the resulting regions
 * and messages.
 */
#include "memtrace.h"

#define MODULE "/sys/module/memtrace"

/*
 * Loads memtrace with parameters, and returns an error, which modprobe tells in
 * words, or 0.
 */
static int load(const char *format, ...)
{
	static const int errors[] = { EINVAL, ERANGE, ENOMEM, EEXIST, ENODEV, EBUSY };
	char parameters[256], command[320], said[512];
	va_list args;
	size_t len;
	FILE *f;

	va_start(args, format);
	vsnprintf(parameters, sizeof(parameters), format, args);
	va_end(args);
	snprintf(command, sizeof(command), "modprobe memtrace %s 2>&1", parameters);
	f = popen(command, "r");
	if (!f)
		return errno;
	len = fread(said, 1, sizeof(said) - 1, f);
	said[len] = '\0';
	if (!pclose(f))
		return 0;
	for (int i = 0; i < ARRAY_SIZE(errors); i++) {
		if (strstr(said, strerror(errors[i])))
			return errors[i];
	}
	ksft_print_msg("%s\n", said);
	return -1;
}

static bool is_loaded(void)
{
	return !access(MODULE, F_OK) || !access(MEMTRACE, F_OK);
}

static void expect_failed(char *expected)
{
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;)
		expect_line(expected, "3 Failed to allocate trace memory on node %d\n", node);
}

static void expect_without(char *expected, u64 size)
{
	expect_line(expected,
		    "4 No node could provide 0x%llx bytes, loaded without trace memory\n", size);
}

/* memtrace that is not loaded yet. */
FIXTURE(parameters)
{
	FIXTURE_DATA(region) region;
	int kmsg;
	char log[MAX_LOG];
	char expected[MAX_LOG];
};

FIXTURE_SETUP(parameters)
{
	ASSERT_FALSE(is_loaded());
	self->kmsg = open_log();
}

FIXTURE_TEARDOWN_PARENT(parameters)
{
	if (is_loaded()) {
		region_teardown(_metadata, &self->region, NULL);
		unload_memtrace();
	}
	EXPECT_FALSE(is_loaded());
}

TEST_F(parameters, without_any_nothing_is_held_and_nothing_said)
{
	char status[MAX_LOG];

	ASSERT_EQ(0, load(""));
	read_log(self->kmsg, self->log);
	EXPECT_STREQ("", self->log);
	EXPECT_EQ(0, held());
	EXPECT_EQ(-1, next_region(0));
	read_file(STATUS, status, sizeof(status));
	EXPECT_EQ(strlen(status) - 1, strcspn(status, "\n"));
}

TEST_F(parameters, do_not_show)
{
	ASSERT_EQ(0, load("size=0 nodes=0 movable=y"));
	EXPECT_NE(0, access(MODULE "/parameters", F_OK));
}

TEST_F(parameters, size_is_taken_as_by_enable)
{
	ASSERT_EQ(0, load("size=0x%llx", block_size()));
	if (!held())
		SKIP(return, "no node has 0x%llx bytes to give", block_size());
	EXPECT_EQ(block_size(), held());
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;) {
		if (!region_size(node)) {
			EXPECT_TRUE(is_short(node));
			continue;
		}
		EXPECT_EQ(block_size(), region_size(node));
		expect_line(self->expected, "6 Allocated trace memory on node %d at 0x%016llx\n",
			    node, region_start(node));
	}
	read_log(self->kmsg, self->log);
	if (!strstr(self->log, "Failed"))
		EXPECT_STREQ(self->expected, self->log);

	/* Unloading is told as well, the last node first. */
	self->expected[0] = '\0';
	for (int node = 255; node >= 0; node--) {
		if (region_size(node))
			expect_line(self->expected, "6 Freed trace memory back on node %d\n", node);
	}
	unload_memtrace();
	read_log(self->kmsg, self->log);
	EXPECT_STREQ(self->expected, self->log);
}

TEST_F(parameters, size_has_any_form_that_enable_takes)
{
	static const struct {
		const char *format;
		int shift;
	} forms[] = {
		{ "size=%llu", 0 },
		{ "size=0X%llX", 0 },
		{ "size=0%llo", 0 },
		{ "size=%lluk", 10 },
		{ "size=%lluM", 20 },
		{ "size=0x%llxG", 30 },
	};
	u64 block = block_size();

	for (int i = 0; i < ARRAY_SIZE(forms); i++) {
		if (block % (1ULL << forms[i].shift))
			continue;
		ASSERT_EQ(0, load(forms[i].format, block >> forms[i].shift));
		if (!i && !held())
			SKIP(return, "no node has 0x%llx bytes to give", block);
		EXPECT_EQ(block, held()) TH_LOG("%s", forms[i].format);
		unload_memtrace();
	}
}

TEST_F(parameters, size_that_is_not_there_is_a_warning)
{
	ASSERT_EQ(0, load("size=4194304T"));
	EXPECT_EQ(0, held());
	EXPECT_EQ(-1, next_region(0));
	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;)
		EXPECT_TRUE(is_short(node));

	expect_failed(self->expected);
	expect_without(self->expected, 1ULL << 62);
	read_log(self->kmsg, self->log);
	EXPECT_STREQ(self->expected, self->log);
}

TEST_F(parameters, size_that_is_no_power_of_two_is_a_notice)
{
	u64 size = (1ULL << 62) + block_size();

	ASSERT_EQ(0, load("size=0x%llx", size));
	expect_line(self->expected, "5 The HTM requires a power of two, which 0x%llx is not\n",
		    size);
	expect_failed(self->expected);
	expect_without(self->expected, size);
	read_log(self->kmsg, self->log);
	EXPECT_STREQ(self->expected, self->log);
}

TEST_F(parameters, nodes_are_in_force)
{
	char text[1024], expected[16];
	int last = -1;

	for (int node = -1; (node = next_memory_node(node + 1)) >= 0;)
		last = node;
	snprintf(expected, sizeof(expected), "%d\n", last);

	ASSERT_EQ(0, load("nodes=%d", last));
	read_file(NODES, text, sizeof(text));
	EXPECT_STREQ(expected, text);
	EXPECT_EQ(0, held());

	SETUP_REGION(&self->region);
	EXPECT_EQ(last, self->region.node);
	EXPECT_EQ(-1, next_region(last + 1));
}

TEST_F(parameters, nodes_that_are_none_are_all)
{
	char has_memory[1024], text[1024];

	ASSERT_EQ(0, load("nodes="));
	read_file("/sys/devices/system/node/has_memory", has_memory, sizeof(has_memory));
	read_file(NODES, text, sizeof(text));
	EXPECT_STREQ(has_memory, text);
}

TEST_F(parameters, nodes_without_memory_give_none)
{
	int node = find_empty_node();

	if (node < 0)
		SKIP(return, "each node has memory");
	ASSERT_EQ(0, load("size=0x%llx nodes=%d", block_size(), node));
	EXPECT_EQ(0, held());
	EXPECT_TRUE(is_short(node));
}

/* Those that are not kept for the next time. */
TEST_F(parameters, are_forgotten)
{
	char has_memory[1024], text[1024];

	ASSERT_EQ(0, load("nodes=0 size=0x%llx", block_size()));
	unload_memtrace();
	ASSERT_FALSE(is_loaded());
	ASSERT_EQ(0, load(""));
	EXPECT_EQ(0, held());
	read_file("/sys/devices/system/node/has_memory", has_memory, sizeof(has_memory));
	read_file(NODES, text, sizeof(text));
	EXPECT_STREQ(has_memory, text);
}

TEST_F(parameters, movable_is_any_truth)
{
	static const char * const truths[] = { "y", "n", "Y", "N", "1", "0", "on", "off" };

	for (int i = 0; i < ARRAY_SIZE(truths); i++) {
		EXPECT_EQ(0, load("movable=%s", truths[i])) TH_LOG("%s", truths[i]);
		unload_memtrace();
	}
}

FIXTURE(refused)
{
	FIXTURE_DATA(parameters) parameters;
};

/* %llx is a memory block, and @log what memtrace itself says of it. */
FIXTURE_VARIANT(refused)
{
	const char *text;
	int err;
	const char *log;
};

FIXTURE_VARIANT_ADD(refused, size_of_a_word) { .text = "size=one", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, size_of_nothing) { .text = "size=", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, size_alone) { .text = "size", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, size_with_bad_suffix) { .text = "size=1X", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, negative_size) { .text = "size=-1", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, fraction) { .text = "size=1.5G", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, size_over_64_bits) { .text = "size=16777216T", .err = ERANGE };
FIXTURE_VARIANT_ADD(refused, size_that_is_not_aligned)
{
	.text = "size=0x1000",
	.err = EINVAL,
	.log = "3 Value must be aligned with 0x%llx\n",
};

FIXTURE_VARIANT_ADD(refused, nodes_of_a_word) { .text = "nodes=one", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, nodes_alone) { .text = "nodes", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, nodes_that_fall) { .text = "nodes=1-0", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, nodes_that_are_not_online)
{
	.text = "nodes=0,255",
	.err = EINVAL,
	.log = "3 Nodes 0,255 are not all online, only ",
};

FIXTURE_VARIANT_ADD(refused, nodes_that_are_not_online_with_a_good_size)
{
	.text = "size=0x%llx nodes=255",
	.err = EINVAL,
	.log = "3 Nodes 255 are not all online, only ",
};

FIXTURE_VARIANT_ADD(refused, movable_that_may_be) { .text = "movable=maybe", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, movable_of_nothing) { .text = "movable=", .err = EINVAL };
FIXTURE_VARIANT_ADD(refused, movable_that_may_be_with_a_good_size)
{
	.text = "size=0x%llx movable=maybe",
	.err = EINVAL,
};

FIXTURE_SETUP(refused)
{
	parameters_setup(_metadata, &self->parameters, NULL);
}

FIXTURE_TEARDOWN_PARENT(refused)
{
	parameters_teardown(_metadata, &self->parameters, NULL);
}

TEST_F(refused, and_leaves_nothing)
{
	char expected[128] = "", *log = self->parameters.log;

	EXPECT_EQ(variant->err, load(variant->text, block_size()));
	EXPECT_FALSE(is_loaded());
	EXPECT_NE(0, access(MEMTRACE, F_OK));

	read_log(self->parameters.kmsg, log);
	EXPECT_EQ(NULL, strstr(log, "trace memory"));
	if (!variant->log)
		return;
	/* Some modprobe tries twice. */
	expect_line(expected, variant->log, block_size());
	EXPECT_NE('\0', *log);
	for (; *log; log = strchr(log, '\n') + 1)
		EXPECT_EQ(0, strncmp(log, expected, strlen(expected))) TH_LOG("%s", log);
}

static void load_again(void)
{
	load("");
}

/* As run_memtrace_tests(), but with memtrace not loaded. */
int main(int argc, char **argv)
{
	bool was_loaded = !access(MEMTRACE, F_OK);

	if (geteuid())
		ksft_exit_skip("only root can load modules\n");
	if (!was_loaded && load(""))
		ksft_exit_skip("there is no memtrace here\n");
	if (access(MODULE "/initstate", F_OK))
		ksft_exit_skip("memtrace is built in\n");
	if (access(ENABLE, F_OK))
		ksft_exit_skip("there is no " ENABLE ", is debugfs mounted?\n");
	if (held())
		ksft_exit_skip("trace memory is in use\n");
	unload_memtrace();
	if (is_loaded())
		ksft_exit_skip("memtrace is in use\n");
	if (was_loaded)
		atexit(load_again);

	return test_harness_run(argc, argv);
}
