/* SPDX-License-Identifier: MIT */
#include "core/proc/proctext.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define countof(a) (sizeof(a) / sizeof((a)[0]))

static void test_comm(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *comm; /* NULL: none */
	} cases[] = {
		{"sh\n", "sh"},
		{"sh", "sh"},
		{"a b\n", "a b"},
		{"x\ny\n", "x\ny"},
		{"\n\n", "\n"},
		{"123456789012345\n", "123456789012345"},
		{"1234567890123456789\n", "123456789012345"},
		{"\n", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char comm[PROGRAM_COMM_SIZE] = "?";
		bool ok = proctext_comm(cases[i].text, strlen(cases[i].text), comm);
		assert_int_equal(ok, cases[i].comm != NULL);
		if (ok)
			assert_string_equal(comm, cases[i].comm);
	}
}

static void test_status(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{"Name:\tsh\nPid:\t9\nPPid:\t12\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n",
			true},
		{"Uid:\t1\t2\t3\t4\nPPid:\t12", true},
		/* The kernel escapes newlines in names; but a name is not trusted anyway.
		 */
		{"Name:\tPPid:\t99\nPPid:\t12\nUid:\t1\t2\n", true},
		{"PPid:\t12\n", false},
		{"Uid:\t1\t2\t3\t4\n", false},
		{"PPid:\t12\nUid:\t1\n", false},
		{"PPid:\tx\nUid:\t1\t2\n", false},
		{"PPid:\t99999999999\nUid:\t1\t2\n", false},
		{"PPid:\t4294967295\nUid:\t1\t2\n", false},
		{"", false},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct proc_snapshot s = {0};
		bool ok = proctext_status(cases[i].text, strlen(cases[i].text), &s);
		assert_int_equal(ok, cases[i].ok);
		assert_int_equal(s.has_status, cases[i].ok);
		if (!ok)
			continue;
		assert_int_equal(s.ppid, 12);
		assert_int_equal(s.uid, 1);
		assert_int_equal(s.euid, 2);
	}
}

static void test_stat(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok, is_kthread;
	} cases[] = {
		{"9 (sh) S 1 9 9 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 99", true,
			false},
		{"9 (a) b) (c) S 1 9 9 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 9",
			true, false},
		{"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 12345 0",
			true, true},
		{"9 (sh) S 1 9 9 0 -1 4194304 1 2 3", false, false},
		{"9 (sh", false, false},
		{"", false, false},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct proc_snapshot s = {0};
		bool ok = proctext_stat(cases[i].text, strlen(cases[i].text), &s);
		assert_int_equal(ok, cases[i].ok);
		assert_int_equal(s.has_stat, cases[i].ok);
		if (!ok)
			continue;
		assert_true(s.start_ticks == 12345);
		assert_int_equal(s.is_kthread, cases[i].is_kthread);
	}
}

static void test_login_uid(void **state)
{
	(void)state;
	uint32_t uid = 7;
	assert_true(proctext_login_uid("1000", 4, &uid));
	assert_int_equal(uid, 1000);
	assert_true(proctext_login_uid("4294967295\n", 11, &uid));
	assert_true(uid == PROGRAM_NO_LOGIN);
	assert_false(proctext_login_uid("4294967296", 10, &uid));
	assert_false(proctext_login_uid("", 0, &uid));
	assert_false(proctext_login_uid("-1", 2, &uid));
}

static void test_cmdline(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		const char *joined; /* NULL: none */
	} cases[] = {
		{"sh\0-c\0: > f\0", 12, "sh -c : > f"},
		{"one\0", 4, "one"},
		{"one", 3, "one"},
		{"a\0\0b\0", 5, "a  b"},
		{"nginx: worker\0\0\0\0", 17, "nginx: worker"},
		{"\0\0", 2, NULL},
		{"", 0, NULL},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		errno = 1;
		char *joined = proctext_cmdline(cases[i].bytes, cases[i].len);
		if (cases[i].joined) {
			assert_non_null(joined);
			assert_string_equal(joined, cases[i].joined);
		} else {
			assert_null(joined);
			assert_int_equal(errno, 0);
		}
		free(joined);
	}
}

static void test_unit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *unit; /* NULL: none */
	} cases[] = {
		{"0::/system.slice/ssh.service\n", "ssh.service"},
		{"0::/user.slice/user-1.slice/session-3.scope\n", "session-3.scope"},
		{"0::/user.slice/user@1.service/app.slice/x.service\n", "x.service"},
		{"0::/system.slice/docker.service/payload/deep\n", "docker.service"},
		{"0::/system.slice\n", "/system.slice"},
		{"0::/\n", "/"},
		{"1:name=systemd:/system.slice/a.service\n0::/\n", "a.service"},
		{"1:name=systemd:/system.slice/a.service\n0::/x/b.service\n",
			"b.service"},
		{"1:name=systemd:/lxc/x\n0::/\n", "/lxc/x"},
		{"1:name=systemd:/\n0::/mine\n", "/mine"},
		{"2:cpu:/cpu.service\n1:name=systemd:/\n0::/\n", "/"},
		{"1:name=systemd:/one\n", "/one"},
		{"0::/a:b/c\n", "/a:b/c"},
		{"0::/x/.service\n", "/x/.service"},
		{"2:cpu:/x\n", NULL},
		{"0::\n", NULL},
		{"garbage", NULL},
		{"0:", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		errno = 1;
		char *unit = proctext_unit(cases[i].text, strlen(cases[i].text));
		if (cases[i].unit) {
			assert_non_null(unit);
			assert_string_equal(unit, cases[i].unit);
		} else {
			assert_null(unit);
			assert_int_equal(errno, 0);
		}
		free(unit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comm),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_login_uid),
		cmocka_unit_test(test_cmdline),
		cmocka_unit_test(test_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
