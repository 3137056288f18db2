// SPDX-License-Identifier: GPL-2.0

//! Reboot notifiers.
//!
//! C header: [`include/linux/reboot.h`](srctree/include/linux/reboot.h)

use crate::{
    bindings,
    container_of,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// What is about to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The machine restarts, or another kernel is started by kexec.
    Restart,
    /// The machine halts.
    Halt,
    /// The machine is powered off.
    PowerOff,
}

/// What to do before the machine restarts or is turned off.
pub trait Handler: Send + Sync + 'static {
    /// Called before devices are shut down, while all CPUs are still running.
    ///
    /// May sleep. May be called more than once, and concurrently. Must neither create nor drop a
    /// [`Registration`], nor wait for a task that does. It is not called after a crash, on an
    /// emergency restart, or on kexec with preserved context.
    fn notify(&self, event: Event);
}

/// A handler that is registered until this is dropped.
///
/// # Examples
///
/// ```
/// use kernel::reboot::{Event, Handler, Registration};
///
/// struct Device;
///
/// impl Handler for Device {
///     fn notify(&self, event: Event) {
///         pr_info!("{event:?} follows\n");
///     }
/// }
///
/// let registration = KBox::pin_init(Registration::new(Device), GFP_KERNEL)?;
/// drop(registration);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `block` is on the list of reboot notifiers, and its function is `Self::notify`.
#[pin_data(PinnedDrop)]
pub struct Registration<T: Handler> {
    handler: T,
    #[pin]
    block: Opaque<bindings::notifier_block>,
}

// SAFETY: Any task can remove the notifier from the list, and drop the handler, which is `Send`.
unsafe impl<T: Handler> Send for Registration<T> {}

// SAFETY: Only the handler, which is `Sync`, is accessed through a shared reference.
unsafe impl<T: Handler> Sync for Registration<T> {}

impl<T: Handler> Registration<T> {
    /// Registers `handler`.
    ///
    /// May sleep.
    pub fn new(handler: T) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler,
            // INVARIANT: Registers the notifier, as the last field, since it may be called from
            // then on.
            block <- Opaque::try_ffi_init(|block: *mut bindings::notifier_block| {
                // SAFETY: `block` is valid for writes.
                unsafe {
                    block.write(bindings::notifier_block {
                        notifier_call: Some(Self::notify),
                        ..pin_init::zeroed()
                    })
                };
                // SAFETY: register_reboot_notifier() (kernel/reboot.c) keeps `block` on a list, and
                // calls its function with it. It has been initialized, and is pinned, so that it
                // stays valid until `drop()` has removed it.
                to_result(unsafe { bindings::register_reboot_notifier(block) })
            }),
        })
    }

    /// # Safety
    ///
    /// `block` must be that of a `Registration<T>`, and on the list.
    unsafe extern "C" fn notify(
        block: *mut bindings::notifier_block,
        action: usize,
        _command: *mut c_void,
    ) -> c_int {
        // SAFETY: By the safety requirement. unregister_reboot_notifier() (kernel/reboot.c) waits
        // for notifiers that are being called, so the handler has not been dropped.
        let this = unsafe { &*container_of!(Opaque::cast_from(block), Self, block) };
        let event = match action as u32 {
            bindings::SYS_HALT => Event::Halt,
            bindings::SYS_POWER_OFF => Event::PowerOff,
            _ => Event::Restart,
        };

        this.handler.notify(event);
        bindings::NOTIFY_DONE as c_int
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant, it is on the list. unregister_reboot_notifier()
        // (kernel/reboot.c) removes it, and returns when no notifier is being called any more.
        unsafe { bindings::unregister_reboot_notifier(self.block.get()) };
    }
}
