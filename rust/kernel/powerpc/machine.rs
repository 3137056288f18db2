// SPDX-License-Identifier: GPL-2.0

//! What kind of machine the kernel runs on.
//!
//! C header: [`arch/powerpc/include/asm/machdep.h`](srctree/arch/powerpc/include/asm/machdep.h)

use crate::bindings;

/// Returns whether the kernel runs on a PowerNV machine, that is, on bare metal under OPAL.
///
/// # Examples
///
/// ```
/// use kernel::powerpc::machine_is_powernv;
///
/// if machine_is_powernv() {
///     pr_info!("running on bare metal under OPAL\n");
/// }
/// ```
pub fn machine_is_powernv() -> bool {
    // SAFETY: This reads `machine_id`, which is set before any driver is initialized.
    unsafe { bindings::machine_is_powernv() }
}

#[macros::kunit_tests(rust_powerpc_machine)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[test]
    fn machine_is_what_the_device_tree_says() {
        let powernv = [c"ibm,powernv".as_char_ptr(), core::ptr::null()];

        // SAFETY: `powernv` is a list of C strings that is terminated by `NULL`.
        let is_powernv = unsafe { bindings::of_machine_compatible_match(powernv.as_ptr()) };
        assert_eq!(machine_is_powernv(), is_powernv);
    }
}
