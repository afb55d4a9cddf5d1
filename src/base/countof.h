/* SPDX-License-Identifier: MIT */
/* The length of an array. */
#ifndef FSMON_BASE_COUNTOF_H
#define FSMON_BASE_COUNTOF_H

/* Elements of an array; not for pointers. */
#define countof(array) (sizeof(array) / sizeof((array)[0]))

#endif
