// SPDX-License-Identifier: GPL-2.0

//! Handlers that run after the kernel has crashed, before it starts the crash kernel.
//!
//! C file: [`arch/powerpc/kexec/crash.c`](srctree/arch/powerpc/kexec/crash.c)

use crate::{
    bindings,
    prelude::*, //
};

use core::marker::PhantomData;

/// What to do after the kernel has crashed.
pub trait Handler: 'static {
    /// Called if a crash kernel has been loaded with kexec, but not with firmware-assisted dump.
    ///
    /// Runs in any context, with interrupts disabled. All other CPUs have been told to stop,
    /// perhaps while they held locks; one that does not respond may still be running. Must not
    /// sleep, wait for a lock, fault or panic: after a fault, `longjmp()` ends the function without
    /// running destructors. May be called twice.
    fn crashed();
}

/// A handler that is registered until this is dropped.
///
/// Without `CONFIG_CRASH_DUMP`, the handler is never called.
///
/// # Examples
///
/// ```
/// use kernel::powerpc::crash::{Handler, Registration};
///
/// struct Log;
///
/// impl Handler for Log {
///     fn crashed() {
///         pr_info!("the kernel has crashed\n");
///     }
/// }
///
/// let registration = Registration::<Log>::new()?;
/// drop(registration);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `callback` has been passed to `crash_shutdown_register()`, which has succeeded.
pub struct Registration<T: Handler> {
    callback: Option<unsafe extern "C" fn()>,
    _handler: PhantomData<fn() -> T>,
}

impl<T: Handler> Registration<T> {
    /// Registers the handler. Must not be called in interrupt context.
    ///
    /// # Errors
    ///
    /// Fails with [`ENOSPC`] if as many handlers are registered as there is room for in the whole
    /// kernel, which is 3.
    pub fn new() -> Result<Self> {
        let callback: Option<unsafe extern "C" fn()> = Some(Self::crashed);

        // SAFETY: crash_shutdown_register() (arch/powerpc/kexec/crash.c) only stores the function,
        // which default_machine_crash_shutdown() calls after a crash. It can be called at any time,
        // until `drop()` has removed it. If it is part of a module, that is before the module is
        // unloaded: only a CPU that did not respond could still do this after a crash.
        if unsafe { bindings::crash_shutdown_register(callback) } != 0 {
            return Err(ENOSPC);
        }
        // INVARIANT: As was just checked.
        Ok(Self {
            callback,
            _handler: PhantomData,
        })
    }

    extern "C" fn crashed() {
        T::crashed();
    }
}

impl<T: Handler> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, it was registered. crash_shutdown_unregister()
        // (arch/powerpc/kexec/crash.c) removes it, so that it is not called after a later crash.
        unsafe { bindings::crash_shutdown_unregister(self.callback) };
    }
}
