// SPDX-License-Identifier: GPL-2.0

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

__rust_helper struct dentry *rust_helper_file_dentry(const struct file *file)
{
	return file_dentry(file);
}

__rust_helper void rust_helper_inode_lock(struct inode *inode)
{
	inode_lock(inode);
}

__rust_helper void rust_helper_inode_unlock(struct inode *inode)
{
	inode_unlock(inode);
}

__rust_helper void rust_helper_i_size_write(struct inode *inode, loff_t i_size)
{
	i_size_write(inode, i_size);
}

__rust_helper void rust_helper_pagefault_disable(void)
{
	pagefault_disable();
}

__rust_helper void rust_helper_pagefault_enable(void)
{
	pagefault_enable();
}

#ifndef CONFIG_DEBUG_FS
__rust_helper int rust_helper_debugfs_file_get(struct dentry *dentry)
{
	return debugfs_file_get(dentry);
}

__rust_helper void rust_helper_debugfs_file_put(struct dentry *dentry)
{
	debugfs_file_put(dentry);
}
#endif
