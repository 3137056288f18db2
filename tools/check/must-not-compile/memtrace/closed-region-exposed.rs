// SPDX-License-Identifier: GPL-2.0

//! A region that is about to be freed is not one that can be used.

use crate::{
    region::{
        ClosedRegion,
        ExposedRegion, //
    },
    status::State, //
};

pub(crate) fn program(region: ClosedRegion) -> State {
    #[cfg(not(wrong))]
    let region: ExposedRegion = region.reopen();
    State::Held(region) //~ E0308
}
