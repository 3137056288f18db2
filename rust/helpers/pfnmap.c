// SPDX-License-Identifier: GPL-2.0

#include <linux/mm.h>
#include <linux/pgtable.h>

__rust_helper bool rust_helper_vma_desc_test(const struct vm_area_desc *desc,
					     vma_flag_t bit)
{
	return vma_desc_test(desc, bit);
}

__rust_helper void rust_helper_vma_desc_set_flags(struct vm_area_desc *desc,
						  vma_flag_t bit)
{
	vma_desc_set_flags(desc, bit);
}

__rust_helper void rust_helper_vma_desc_clear_flags(struct vm_area_desc *desc,
						    vma_flag_t bit)
{
	vma_desc_clear_flags(desc, bit);
}

__rust_helper pgprot_t rust_helper_pgprot_noncached(pgprot_t prot)
{
	return pgprot_noncached(prot);
}

#ifdef CONFIG_MMU
/* PMD_ORDER is a compile-time constant on some architectures only. */
__rust_helper unsigned int rust_helper_pmd_order(void)
{
	return PMD_ORDER;
}

__rust_helper bool rust_helper_arch_needs_pgtable_deposit(void)
{
	return arch_needs_pgtable_deposit();
}
#endif
