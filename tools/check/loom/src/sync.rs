// SPDX-License-Identifier: GPL-2.0

//! The kernel's types, made of loom's.

use crate::{
    alloc::{
        AllocError,
        Flags, //
    },
    error::Result,
    explore::note,
    machine, //
};
use std::ops::{
    Deref,
    DerefMut, //
};

pub(crate) struct Arc<T>(loom::sync::Arc<T>);

impl<T> Arc<T> {
    pub(crate) fn new(contents: T, _: Flags) -> Result<Self, AllocError> {
        machine::alloc()?;
        Ok(Self(loom::sync::Arc::new(contents)))
    }

    pub(crate) fn pin_init(init: impl FnOnce() -> T, _: Flags) -> Result<Self> {
        machine::alloc()?;
        Ok(Self(loom::sync::Arc::new(init())))
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

/// [`None`] only while it waits.
pub(crate) struct Guard<'a, T>(&'a Mutex<T>, Option<loom::sync::MutexGuard<'a, T>>);

#[macro_export]
macro_rules! new_mutex {
    ($value:expr) => {
        $crate::sync::Mutex::new($value)
    };
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    #[track_caller]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        let guard = self.0.lock().unwrap();
        note("lock", 0);
        Guard(self, Some(guard))
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.1.as_ref().unwrap()
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.1.as_mut().unwrap()
    }
}

pub(crate) struct CondVar(loom::sync::Condvar);

#[macro_export]
macro_rules! new_condvar {
    () => {
        $crate::sync::CondVar::new()
    };
}

impl CondVar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    #[track_caller]
    pub(crate) fn wait<T>(&self, guard: &mut Guard<'_, T>) {
        note("wait", 0);
        let inner = guard.1.take().unwrap();
        guard.1 = Some(if machine::wakes_early() {
            drop(inner);
            guard.0 .0.lock().unwrap()
        } else {
            self.0.wait(inner).unwrap()
        });
        note("woken", 0);
    }

    #[track_caller]
    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
        note("notify_all", 0);
    }
}

pub(crate) mod atomic {
    use crate::explore::note;
    use loom::sync::atomic::AtomicUsize;
    use std::{
        marker::PhantomData,
        sync::atomic::Ordering as C11, //
    };

    pub(crate) struct Relaxed;
    pub(crate) struct Acquire;
    pub(crate) struct Release;

    pub(crate) trait Ordering {
        const C11: C11;
    }

    impl Ordering for Relaxed {
        const C11: C11 = C11::Relaxed;
    }

    impl Ordering for Acquire {
        const C11: C11 = C11::Acquire;
    }

    impl Ordering for Release {
        const C11: C11 = C11::Release;
    }

    /// What fits a `usize`, and can be added up there.
    pub(crate) trait AtomicType: Copy {
        fn from_bits(bits: usize) -> Self;
        fn bits(self) -> usize;
    }

    impl AtomicType for usize {
        fn from_bits(bits: usize) -> Self {
            bits
        }

        fn bits(self) -> usize {
            self
        }
    }

    impl AtomicType for isize {
        fn from_bits(bits: usize) -> Self {
            bits as isize
        }

        fn bits(self) -> usize {
            self as usize
        }
    }

    pub(crate) struct Atomic<T>(AtomicUsize, PhantomData<T>);

    impl<T: AtomicType> Atomic<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(AtomicUsize::new(value.bits()), PhantomData)
        }

        #[track_caller]
        pub(crate) fn load<O: Ordering>(&self, _: O) -> T {
            let value = self.0.load(O::C11);
            note("load", value as isize);
            T::from_bits(value)
        }

        #[track_caller]
        pub(crate) fn store<O: Ordering>(&self, value: T, _: O) {
            self.0.store(value.bits(), O::C11);
            note("store", value.bits() as isize);
        }

        #[track_caller]
        pub(crate) fn fetch_add<O: Ordering>(&self, value: T, _: O) -> T {
            let old = self.0.fetch_add(value.bits(), O::C11);
            note("fetch_add, was", old as isize);
            T::from_bits(old)
        }

        #[track_caller]
        pub(crate) fn fetch_sub<O: Ordering>(&self, value: T, _: O) -> T {
            let old = self.0.fetch_sub(value.bits(), O::C11);
            note("fetch_sub, was", old as isize);
            T::from_bits(old)
        }

        /// If it fails, then it orders nothing.
        #[track_caller]
        pub(crate) fn cmpxchg<O: Ordering>(&self, old: T, new: T, _: O) -> Result<T, T> {
            let result = self
                .0
                .compare_exchange(old.bits(), new.bits(), O::C11, C11::Relaxed);
            match result {
                Ok(old) => note("cmpxchg, was", old as isize),
                Err(now) => note("cmpxchg fails, is", now as isize),
            }
            result.map(T::from_bits).map_err(T::from_bits)
        }
    }
}
