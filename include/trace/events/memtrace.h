/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocation and freeing of trace memory, see
 * Documentation/arch/powerpc/memtrace.rst
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM memtrace

#if !defined(_TRACE_MEMTRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_MEMTRACE_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(memtrace_region,
	TP_PROTO(int node, unsigned long pfn, unsigned long nr_pages, u64 duration),

	TP_ARGS(node, pfn, nr_pages, duration),

	TP_STRUCT__entry(
		__field(int, node)
		__field(unsigned long, pfn)
		__field(unsigned long, nr_pages)
		__field(u64, duration)
	),

	TP_fast_assign(
		__entry->node = node;
		__entry->pfn = pfn;
		__entry->nr_pages = nr_pages;
		__entry->duration = duration;
	),

	TP_printk("node=%d pfn=0x%lx nr_pages=%lu duration=%llu ns", __entry->node,
		  __entry->pfn, __entry->nr_pages, __entry->duration)
);

/* A region was allocated. @duration is in nanoseconds, in all of these events. */
DEFINE_EVENT(memtrace_region, memtrace_alloc,
	TP_PROTO(int node, unsigned long pfn, unsigned long nr_pages, u64 duration),
	TP_ARGS(node, pfn, nr_pages, duration)
);

/* A region was freed. */
DEFINE_EVENT(memtrace_region, memtrace_free,
	TP_PROTO(int node, unsigned long pfn, unsigned long nr_pages, u64 duration),
	TP_ARGS(node, pfn, nr_pages, duration)
);

/* A region could not be allocated or freed. */
TRACE_EVENT(memtrace_fail,
	TP_PROTO(int node, unsigned long pfn, unsigned long nr_pages, u64 duration, int error),

	TP_ARGS(node, pfn, nr_pages, duration, error),

	TP_STRUCT__entry(
		__field(int, node)
		__field(unsigned long, pfn)
		__field(unsigned long, nr_pages)
		__field(u64, duration)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->node = node;
		__entry->pfn = pfn;
		__entry->nr_pages = nr_pages;
		__entry->duration = duration;
		__entry->error = error;
	),

	TP_printk("node=%d pfn=0x%lx nr_pages=%lu duration=%llu ns error=%d", __entry->node,
		  __entry->pfn, __entry->nr_pages, __entry->duration, __entry->error)
);

#endif /* _TRACE_MEMTRACE_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
