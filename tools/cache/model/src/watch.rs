// SPDX-License-Identifier: GPL-2.0

//! The functions of the kernel that change how memory is mapped, or let others see it.

use crate::{
    instruction::{
        leaves,
        sets_up_toc, //
    },
    symbols::Symbols, //
};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Function {
    /// `arch_remove_linear_mapping(start, size)`. Until it returns some CPU may still have it.
    Unmap,
    /// `arch_create_linear_mapping(node, start, size, params)`. It is there before it returns.
    Map,
    /// `generic_ioremap_prot(start, size, ...)`, which `ioremap()` and the like end in. It returns
    /// the address.
    Ioremap,
    /// `generic_iounmap(address)`, which `iounmap()` ends in.
    Iounmap,
    /// `debugfs_create_file_unsafe(name, ...)`, or `debugfs_create_file_full(name, ...)`: both
    /// drivers make each file of a region by one of them.
    CreateFile,
}

/// What a CPU is about to do with a function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// It enters. Its arguments are where they were put.
    Entry,
    /// It enters if the function begins with setting up r2, and is two instructions in if not.
    LocalEntry,
    /// It leaves for the caller.
    Return,
}

#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) function: Function,
    pub(crate) start: u64,
    end: u64,
}

/// From the start of a function to the place where callers enter that have the same r2.
const LOCAL_ENTRY: u64 = 8;

pub(crate) struct Watch(Vec<Watched>);

impl Watch {
    /// Returns the name of what is missing if `symbols` have not all functions.
    pub(crate) fn new(symbols: &Symbols) -> Result<Self, &'static str> {
        [
            (Function::Unmap, "arch_remove_linear_mapping"),
            (Function::Map, "arch_create_linear_mapping"),
            (Function::Ioremap, "generic_ioremap_prot"),
            (Function::Iounmap, "generic_iounmap"),
            (Function::CreateFile, "debugfs_create_file_full"),
            (Function::CreateFile, "debugfs_create_file_unsafe"),
        ]
        .into_iter()
        .map(|(function, name)| {
            let (start, end) = symbols.range(name).ok_or(name)?;
            Ok(Watched {
                function,
                start,
                end,
            })
        })
        .collect::<Result<_, _>>()
        .map(Self)
    }

    /// Returns what the instruction `word` at `address` means, and for which function, which
    /// [`Watch::get`] takes.
    pub(crate) fn event(&self, address: u64, word: u32) -> Option<(Event, usize)> {
        let (i, watched) = self
            .0
            .iter()
            .enumerate()
            .find(|(_, watched)| (watched.start..watched.end).contains(&address))?;

        let event = if address == watched.start {
            if sets_up_toc(word) {
                return None; // and comes to the other entry next
            }
            Event::Entry
        } else if leaves(word, address, watched.start, watched.end) {
            Event::Return
        } else if address == watched.start + LOCAL_ENTRY {
            Event::LocalEntry
        } else {
            return None;
        };
        Some((event, i))
    }

    pub(crate) fn get(&self, i: usize) -> &Watched {
        &self.0[i]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "\
c000000000001000 T arch_remove_linear_mapping
c000000000001100 T arch_create_linear_mapping
c000000000001200 T generic_ioremap_prot
c000000000001280 T generic_iounmap
c000000000001300 T debugfs_create_file_unsafe
c000000000001380 T debugfs_create_file_full
c000000000001400 T next
";
    const START: u64 = 0xc000_0000_0000_1000;
    const TOC: u32 = 0x3c4c_0123;
    const BLR: u32 = 0x4e80_0020;
    const MFLR: u32 = 0x7c08_02a6;

    fn watch() -> Watch {
        Watch::new(&Symbols::parse(MAP)).ok().unwrap()
    }

    #[test]
    fn function_is_entered_once() {
        let watch = watch();

        assert_eq!(watch.event(START, TOC), None);
        assert_eq!(watch.event(START + 8, MFLR), Some((Event::LocalEntry, 0)));
        assert_eq!(watch.event(START, MFLR), Some((Event::Entry, 0)));
        assert_eq!(watch.event(START + 4, MFLR), None);
    }

    #[test]
    fn return_is_that_of_the_function_it_is_in() {
        let watch = watch();

        assert_eq!(watch.event(START + 0xfc, BLR), Some((Event::Return, 0)));
        assert_eq!(watch.event(START + 0x1fc, BLR), Some((Event::Return, 1)));
        assert_eq!(watch.get(1).function, Function::Map);
        assert_eq!(watch.event(START + 0x400, BLR), None);
        assert_eq!(watch.event(START - 4, BLR), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let symbols = Symbols::parse(&MAP.replace("generic_ioremap_prot", "ioremap"));

        assert_eq!(Watch::new(&symbols).err(), Some("generic_ioremap_prot"));
    }
}
