/* SPDX-License-Identifier: MIT */
#include "control_kit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

static struct sockaddr_un address;
static socklen_t address_len;

int control_kit_listen(void)
{
	/* The kernel chooses a name in the abstract name space. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	address_len = sizeof(address);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &address_len), 0);
	assert_int_equal(listen(fd, 100), 0);
	return fd;
}

void control_kit_turn(struct poller *poller)
{
	for (int i = 0; i < 20; i++)
		poller_turn(poller, 0);
}

int control_kit_send(struct poller *poller, const char *bytes, size_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, address_len), 0);
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
	control_kit_turn(poller);
	return fd;
}

int control_kit_ask(struct poller *poller, const char *text)
{
	return control_kit_send(poller, text, strlen(text));
}

const char *control_kit_answer(int fd)
{
	static char text[4096];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return NULL;
	text[n > 0 ? n : 0] = '\0';
	return text;
}
