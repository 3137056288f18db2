// SPDX-License-Identifier: GPL-2.0

//! PowerPC machines.
//!
//! C header: [`arch/powerpc/include/asm/machdep.h`](srctree/arch/powerpc/include/asm/machdep.h)

use crate::bindings;

/// Returns whether the kernel runs on a PowerNV machine: on the bare metal, under OPAL.
///
/// # Examples
///
/// ```
/// use kernel::powerpc::machine_is_powernv;
///
/// if machine_is_powernv() {
///     pr_info!("nobody between this kernel and the hardware\n");
/// }
/// ```
pub fn machine_is_powernv() -> bool {
    // SAFETY: `machine_id`, which this reads, is set before the first driver is initialised.
    unsafe { bindings::machine_is_powernv() }
}
