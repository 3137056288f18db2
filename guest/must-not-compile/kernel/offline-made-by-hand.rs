// SPDX-License-Identifier: GPL-2.0

//! Pages are said to be offline by set_offline() only.

use kernel::mm::{
    cleared::ClearedPages,
    offline::OfflinePages, //
};

pub(crate) fn program(pages: ClearedPages) -> OfflinePages {
    #[cfg(wrong)]
    return OfflinePages(pages); //~ E0423
    #[cfg(not(wrong))]
    pages.set_offline()
}
