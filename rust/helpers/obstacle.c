// SPDX-License-Identifier: GPL-2.0

#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/spinlock.h>

#ifdef CONFIG_CONTIG_ALLOC
/*
 * Whether a page makes alloc_contig_range() fail. page_is_unmovable() accepts some
 * pages that do. It needs the lock, which keeps a free page free, so that @step is
 * right.
 */
__rust_helper bool rust_helper_page_is_obstacle(struct page *page, unsigned long *step)
{
	struct zone *zone = page_zone(page);

	guard(spinlock_irqsave)(&zone->lock);
	if (is_migrate_cma_page(page) || PageHWPoison(page) ||
	    page_is_unmovable(zone, page, PB_ISOLATE_MODE_OTHER, step))
		return true;

	/* Pages that are in use without a reference, or stay in ZONE_MOVABLE. */
	if (PageSlab(page) || PageLargeKmalloc(page) || PageOffline(page))
		return !page_has_movable_ops(page);
	return PageHuge(page) && compound_order(compound_head(page)) > MAX_PAGE_ORDER;
}
#endif

__rust_helper bool rust_helper_page_is_reserved(const struct page *page)
{
	return PageReserved(page);
}

/* Looks at a copy, whose type does not change between the check and the count. */
__rust_helper bool rust_helper_page_is_pinned(const struct page *page)
{
	struct page_snapshot copy;
	const struct folio *folio = &copy.folio_snapshot;

	snapshot_page(&copy, page);
	return (!page_has_type(&folio->page) || folio_test_hugetlb(folio)) &&
	       folio_ref_count(folio) > folio_expected_ref_count(folio);
}

/* The same for a page of a process or a file that is on no list. */
__rust_helper bool rust_helper_page_is_isolated(const struct page *page)
{
	struct page_snapshot copy;
	const struct folio *folio = &copy.folio_snapshot;

	snapshot_page(&copy, page);
	return !page_has_type(&folio->page) && folio->mapping && !folio_test_lru(folio);
}
