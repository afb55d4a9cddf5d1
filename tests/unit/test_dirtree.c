/* SPDX-License-Identifier: MIT */
#include "core/place/dirtree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FS 7

/* The node of the handle that holds this number. */
static struct dirnode *node_on(struct dirtree *t, uint64_t fsid, uint32_t id)
{
	struct fanrec_handle h = {
		.bytes = (const unsigned char *)&id, .len = sizeof(id), .type = 1};
	struct dirnode *n = dirtree_node(t, fsid, &h);
	assert_non_null(n);
	return n;
}

static struct dirnode *node(struct dirtree *t, uint32_t id)
{
	return node_on(t, FS, id);
}

static void place(struct dirtree *t, uint32_t id, uint32_t parent, const char *name)
{
	assert_int_equal(dirtree_place(t, node(t, id), node(t, parent), name), 0);
}

static void assert_path(struct dirnode *n, const char *path)
{
	struct buf b = {0};
	assert_null(dirtree_unknown(n));
	buf_add_str(&b, "=");
	assert_int_equal(dirtree_add_path(n, &b), 0);
	assert_string_equal(b.data + 1, path);
	assert_int_equal(b.len, 1 + strlen(path));
	buf_fini(&b);
}

/* 1 is the root, /a is 2, /a/b is 3, /a/b/c is 4. */
static struct dirtree *small_tree(size_t max_nodes)
{
	struct dirtree *t = dirtree_new(max_nodes);
	assert_non_null(t);
	dirtree_set_root(t, node(t, 1));
	place(t, 2, 1, "a");
	place(t, 3, 2, "b");
	place(t, 4, 3, "c");
	return t;
}

static void reads_paths_off_the_tree(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(100);
	assert_path(node(t, 1), "");
	assert_path(node(t, 2), "/a");
	assert_path(node(t, 4), "/a/b/c");
	assert_int_equal(dirtree_count(t), 4);
	dirtree_free(t);
	dirtree_free(NULL);
}

static void finds_nodes_by_all_of_their_handle(void **state)
{
	(void)state;
	struct dirtree *t = dirtree_new(100);
	const unsigned char bytes[] = "abcdefgh";
	struct fanrec_handle h = {.bytes = bytes, .len = 8, .type = 1};
	struct dirnode *n = dirtree_node(t, FS, &h);
	assert_ptr_equal(dirtree_node(t, FS, &h), n);
	assert_ptr_not_equal(dirtree_node(t, FS + 1, &h), n);
	h.type = 2;
	assert_ptr_not_equal(dirtree_node(t, FS, &h), n);
	h.type = 1;
	h.len = 7;
	assert_ptr_not_equal(dirtree_node(t, FS, &h), n);
	assert_int_equal(dirtree_count(t), 4);

	struct fanrec_handle back = dirtree_handle(n);
	assert_int_equal(back.len, 8);
	assert_int_equal(back.type, 1);
	assert_memory_equal(back.bytes, bytes, 8);
	dirtree_free(t);
}

static void refuses_handles_that_are_too_long(void **state)
{
	(void)state;
	struct dirtree *t = dirtree_new(100);
	unsigned char bytes[FANREC_HANDLE_MAX + 1] = {0};
	struct fanrec_handle h = {.bytes = bytes, .len = FANREC_HANDLE_MAX, .type = 1};
	assert_non_null(dirtree_node(t, FS, &h));
	h.len++;
	assert_null(dirtree_node(t, FS, &h));
	assert_int_equal(errno, EINVAL);
	dirtree_free(t);
}

static void a_new_node_is_unknown(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(100);
	struct dirnode *n = node(t, 50);
	assert_false(dirtree_is_placed(n));
	assert_ptr_equal(dirtree_unknown(n), n);
	place(t, 51, 50, "below");
	assert_true(dirtree_is_placed(node(t, 51)));
	assert_ptr_equal(dirtree_unknown(node(t, 51)), n);
	place(t, 50, 4, "late");
	assert_path(node(t, 51), "/a/b/c/late/below");
	dirtree_free(t);
}

static void moves_a_subtree_in_one_step(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(2000);
	char path[64];
	for (uint32_t i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "%u", i);
		place(t, 1000 + i, 4, path);
	}
	place(t, 3, 1, "moved");
	assert_path(node(t, 2), "/a");
	assert_path(node(t, 4), "/moved/c");
	for (uint32_t i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/moved/c/%u", i);
		assert_path(node(t, 1000 + i), path);
	}
	/* Only the name. */
	place(t, 3, 1, "renamed");
	assert_path(node(t, 4), "/renamed/c");
	dirtree_free(t);
}

static void a_place_below_itself_makes_it_unknown(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(100);
	assert_int_equal(dirtree_place(t, node(t, 2), node(t, 4), "loop"), -1);
	assert_int_equal(errno, ELOOP);
	assert_ptr_equal(dirtree_unknown(node(t, 4)), node(t, 2));
	assert_int_equal(dirtree_place(t, node(t, 2), node(t, 2), "self"), -1);
	assert_int_equal(errno, ELOOP);
	place(t, 2, 1, "again");
	assert_path(node(t, 4), "/again/b/c");
	dirtree_free(t);
}

static void a_guess_is_one_until_it_is_confirmed_or_told(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(100);
	struct dirnode *n = node(t, 5), *other = node(t, 6);
	assert_false(dirtree_is_guess(t, node(t, 2)));
	assert_int_equal(dirtree_guess(t, n, node(t, 4), "d"), 0);
	assert_int_equal(dirtree_guess(t, other, node(t, 4), "e"), 0);
	assert_true(dirtree_is_placed(n));
	assert_true(dirtree_is_guess(t, n));
	assert_path(n, "/a/b/c/d");
	/* A record tells the same, or another place. */
	assert_int_equal(dirtree_place(t, n, node(t, 4), "d"), 0);
	assert_false(dirtree_is_guess(t, n));
	assert_true(dirtree_is_guess(t, other));
	assert_int_equal(dirtree_guess(t, n, node(t, 4), "d"), 0);
	assert_true(dirtree_is_guess(t, n));
	place(t, 5, 4, "f");
	assert_false(dirtree_is_guess(t, n));
	dirtree_confirm(t);
	assert_false(dirtree_is_guess(t, other));
	assert_path(other, "/a/b/c/e");
	/* What is below itself is no guess but unknown. */
	assert_int_equal(dirtree_guess(t, node(t, 3), other, "loop"), -1);
	assert_int_equal(errno, ELOOP);
	assert_false(dirtree_is_guess(t, node(t, 3)));
	dirtree_free(t);
}

static void what_is_gone_is_so_until_a_record_tells_of_it(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(100);
	struct dirnode *n = node(t, 5);
	assert_false(dirtree_is_gone(n));
	dirtree_set_gone(n);
	assert_true(dirtree_is_gone(n));
	assert_ptr_equal(dirtree_unknown(n), n);
	place(t, 5, 4, "d");
	assert_false(dirtree_is_gone(n));
	n = node(t, 6);
	dirtree_set_gone(n);
	place(t, 7, 6, "below");
	dirtree_forget(t, FS);
	assert_false(dirtree_is_gone(node(t, 6)));
	dirtree_free(t);
}

static void a_path_begins_at_what_is_unknown(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(100);
	struct buf b = {0};
	place(t, 51, 50, "x");
	place(t, 52, 51, "y");
	assert_int_equal(dirtree_add_path(node(t, 52), &b), 0);
	assert_string_equal(b.data, "/x/y");
	buf_fini(&b);
	dirtree_free(t);
}

static void a_root_stays_where_it_is(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(100);
	place(t, 1, 9, "elsewhere");
	assert_path(node(t, 2), "/a");
	dirtree_set_root(t, node(t, 1));
	/* A node that had a place becomes a root. */
	dirtree_set_root(t, node(t, 3));
	assert_path(node(t, 3), "");
	assert_path(node(t, 4), "/c");
	dirtree_free(t);
}

static void takes_any_name(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(100);
	char name[256], path[300];
	memset(name, '\xff', 255);
	name[255] = '\0';
	place(t, 5, 4, name);
	snprintf(path, sizeof(path), "/a/b/c/%s", name);
	assert_path(node(t, 5), path);
	place(t, 5, 4, "\n$(x) (deleted)");
	assert_path(node(t, 5), "/a/b/c/\n$(x) (deleted)");
	dirtree_free(t);
}

static void paths_may_be_longer_than_path_max(void **state)
{
	(void)state;
	struct dirtree *t = dirtree_new(1000);
	struct buf want = {0};
	char name[201] = {0};
	dirtree_set_root(t, node(t, 0));
	for (uint32_t i = 1; i <= 100; i++) {
		memset(name, (int)('a' + i % 26), 200);
		place(t, i, i - 1, name);
		buf_printf(&want, "/%s", name);
	}
	assert_path(node(t, 100), want.data);
	buf_fini(&want);
	dirtree_free(t);
}

static void trims_what_was_asked_for_longest_ago(void **state)
{
	(void)state;
	struct dirtree *t = dirtree_new(3);
	for (uint32_t i = 0; i < 6; i++)
		node(t, i);
	node(t, 0); /* asked for again: the newest now */
	dirtree_trim(t);
	assert_int_equal(dirtree_count(t), 3);
	dirtree_set_root(t, node(t, 4));
	dirtree_set_root(t, node(t, 5));
	dirtree_set_root(t, node(t, 0));
	assert_int_equal(dirtree_count(t), 3); /* these three were there */
	dirtree_free(t);
}

static void trims_nothing_within_the_bound(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(4);
	dirtree_trim(t);
	assert_int_equal(dirtree_count(t), 4);
	dirtree_free(t);
}

static void trims_a_chain_from_its_end(void **state)
{
	(void)state;
	/* Parents are older than their children, and stay for as long as those do. */
	struct dirtree *t = dirtree_new(10);
	dirtree_set_root(t, node(t, 0));
	for (uint32_t i = 1; i < 50; i++)
		place(t, i, i - 1, "x");
	dirtree_trim(t);
	assert_int_equal(dirtree_count(t), 10);
	assert_path(node(t, 9), "/x/x/x/x/x/x/x/x/x");
	assert_int_equal(dirtree_count(t), 10);
	dirtree_free(t);
}

static void a_parent_that_was_asked_for_later_stays_longer(void **state)
{
	(void)state;
	struct dirtree *t = dirtree_new(2);
	dirtree_set_root(t, node(t, 1));
	place(t, 3, 2, "child");
	node(t, 4);
	place(t, 2, 1, "parent");
	dirtree_trim(t);
	assert_int_equal(dirtree_count(t), 2);
	assert_path(node(t, 2), "/parent");
	assert_int_equal(dirtree_count(t), 2);
	dirtree_free(t);
}

static void keeps_roots(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(0);
	dirtree_trim(t);
	assert_int_equal(dirtree_count(t), 1);
	assert_path(node(t, 1), "");
	dirtree_free(t);
}

static void forgets_one_filesystem(void **state)
{
	(void)state;
	struct dirtree *t = small_tree(100);
	struct dirnode *other = node_on(t, FS + 1, 1);
	struct dirnode *below = node_on(t, FS + 1, 2);
	dirtree_set_root(t, other);
	assert_int_equal(dirtree_place(t, below, other, "other"), 0);
	dirtree_forget(t, FS);
	assert_int_equal(dirtree_count(t), 2);
	assert_false(dirtree_is_placed(node(t, 3)));
	assert_path(below, "/other");
	/* The root comes back with the filesystem. */
	assert_false(dirtree_is_placed(node(t, 1)));
	dirtree_set_root(t, node(t, 1));
	place(t, 3, 1, "b");
	assert_path(node(t, 3), "/b");
	dirtree_forget(t, FS);
	dirtree_forget(t, FS + 1);
	assert_int_equal(dirtree_count(t), 0);
	dirtree_free(t);
}

/* ---- Random steps against the plainest model there is */

#define NODES 40

struct model {
	int parent[NODES]; /* -1: unknown; 0 is the root */
	char name[NODES][4];
};

/* The nearest node above, or n itself, whose place is not known; -1 if there is none. */
static int model_unknown(const struct model *m, int n)
{
	while (n != 0 && m->parent[n] >= 0)
		n = m->parent[n];
	return n == 0 ? -1 : n;
}

static void model_path(const struct model *m, int n, struct buf *out)
{
	if (n == 0)
		return;
	model_path(m, m->parent[n], out);
	buf_printf(out, "/%s", m->name[n]);
}

static bool model_is_below(const struct model *m, int n, int top)
{
	for (; n >= 0; n = n == 0 ? -1 : m->parent[n]) {
		if (n == top)
			return true;
	}
	return false;
}

static void check_node(struct dirtree *t, const struct model *m, int n)
{
	int unknown = model_unknown(m, n);
	struct dirnode *got = dirtree_unknown(node(t, (uint32_t)n));
	if (unknown >= 0) {
		assert_ptr_equal(got, node(t, (uint32_t)unknown));
		return;
	}
	struct buf path = {0};
	buf_add_str(&path, "");
	model_path(m, n, &path);
	assert_path(node(t, (uint32_t)n), path.data);
	buf_fini(&path);
}

static void random_moves_agree_with_a_plain_model(void **state)
{
	(void)state;
	struct dirtree *t = dirtree_new(NODES);
	struct model m;
	unsigned loops = 0;
	for (int i = 0; i < NODES; i++)
		m.parent[i] = -1;
	dirtree_set_root(t, node(t, 0));
	srand(1);
	for (unsigned step = 0; step < 20000; step++) {
		int n = 1 + rand() % (NODES - 1), parent = rand() % NODES;
		char name[4] = {(char)('a' + rand() % 26), (char)('a' + rand() % 26), 0};
		bool loop = model_is_below(&m, parent, n);
		int rc = dirtree_place(
			t, node(t, (uint32_t)n), node(t, (uint32_t)parent), name);
		assert_int_equal(rc, loop ? -1 : 0);
		m.parent[n] = loop ? -1 : parent;
		memcpy(m.name[n], name, sizeof(name));
		loops += loop;
		check_node(t, &m, rand() % NODES);
		if (step % 1000 == 999) {
			dirtree_trim(t);
			assert_int_equal(dirtree_count(t), NODES);
		}
	}
	for (int i = 0; i < NODES; i++)
		check_node(t, &m, i);
	assert_in_range(loops, 100, 19000);
	dirtree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_paths_off_the_tree),
		cmocka_unit_test(finds_nodes_by_all_of_their_handle),
		cmocka_unit_test(refuses_handles_that_are_too_long),
		cmocka_unit_test(a_new_node_is_unknown),
		cmocka_unit_test(moves_a_subtree_in_one_step),
		cmocka_unit_test(a_place_below_itself_makes_it_unknown),
		cmocka_unit_test(a_guess_is_one_until_it_is_confirmed_or_told),
		cmocka_unit_test(what_is_gone_is_so_until_a_record_tells_of_it),
		cmocka_unit_test(a_path_begins_at_what_is_unknown),
		cmocka_unit_test(a_root_stays_where_it_is),
		cmocka_unit_test(takes_any_name),
		cmocka_unit_test(paths_may_be_longer_than_path_max),
		cmocka_unit_test(trims_what_was_asked_for_longest_ago),
		cmocka_unit_test(trims_nothing_within_the_bound),
		cmocka_unit_test(trims_a_chain_from_its_end),
		cmocka_unit_test(a_parent_that_was_asked_for_later_stays_longer),
		cmocka_unit_test(keeps_roots),
		cmocka_unit_test(forgets_one_filesystem),
		cmocka_unit_test(random_moves_agree_with_a_plain_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
