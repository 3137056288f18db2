// SPDX-License-Identifier: GPL-2.0

//! A region is exposed together with what counts its mappings.

use crate::{
    gate::Mappings,
    trace::Trace, //
};
use kernel::{
    mm::uncached::UncachedPages,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<UncachedPages>, mappings: Arc<Mappings>) -> Trace {
    #[cfg(wrong)]
    return Trace::new(pages); //~ E0061
    #[cfg(not(wrong))]
    Trace::new(pages, mappings)
}
