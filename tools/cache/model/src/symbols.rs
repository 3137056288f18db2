// SPDX-License-Identifier: GPL-2.0

//! The functions of the guest's kernel, out of System.map.

use std::fmt;

pub(crate) struct Symbols {
    /// By address.
    functions: Vec<(u64, String)>,
}

/// A place in a function, as far as one is known.
pub(crate) struct Place<'a> {
    address: u64,
    function: Option<(&'a str, u64)>,
}

/// The kernel's text is there, and modules and all else at other addresses.
fn is_kernel(address: u64) -> bool {
    address >> 51 == 0xc000_0000_0000_0000 >> 51
}

impl Symbols {
    /// Reads lines such as `c000000000094f40 T arch_remove_linear_mapping`.
    pub(crate) fn parse(map: &str) -> Self {
        let mut functions: Vec<_> = map
            .lines()
            .filter_map(|line| {
                let mut words = line.split_ascii_whitespace();
                let address = u64::from_str_radix(words.next()?, 16).ok()?;
                let kind = words.next()?;
                let name = words.next()?;
                (matches!(kind, "t" | "T" | "w" | "W") && is_kernel(address))
                    .then(|| (address, name.to_string()))
            })
            .collect();

        functions.sort();
        Self { functions }
    }

    /// Returns where the function begins and where it ends, which is where the next one begins.
    pub(crate) fn range(&self, name: &str) -> Option<(u64, u64)> {
        let start = self.functions.iter().find(|(_, this)| this == name)?.0;
        let next = self
            .functions
            .partition_point(|(address, _)| *address <= start);

        Some((start, self.functions.get(next)?.0))
    }

    pub(crate) fn place(&self, address: u64) -> Place<'_> {
        let next = self
            .functions
            .partition_point(|(start, _)| *start <= address);
        let function = next
            .checked_sub(1)
            .filter(|_| is_kernel(address) && next < self.functions.len())
            .map(|i| {
                let (start, name) = &self.functions[i];
                (name.as_str(), address - start)
            });

        Place { address, function }
    }
}

impl Place<'_> {
    /// The name of the function, or the address.
    pub(crate) fn function(&self) -> String {
        match self.function {
            // Without the hash.
            Some((name, _)) => format!("{:#}", rustc_demangle::demangle(name)),
            None => format!("{:#x}", self.address),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function())?;
        match self.function {
            Some((_, offset)) => write!(f, "+{offset:#x}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "\
c000000000001000 T first
c000000000001100 t _RNvMs_NtNtCs9Xy_6kernel7powerpc6zeroedNtB4_5Pages4zero
c000000000001200 d data
c000000000001300 T last
0000000000000007 A absolute
";

    #[test]
    fn function_ends_where_the_next_one_begins() {
        let symbols = Symbols::parse(MAP);

        assert_eq!(
            symbols.range("first"),
            Some((0xc000_0000_0000_1000, 0xc000_0000_0000_1100))
        );
        assert_eq!(symbols.range("data"), None);
        assert_eq!(symbols.range("last"), None);
    }

    #[test]
    fn places_are_named() {
        let symbols = Symbols::parse(MAP);
        let name = |address| symbols.place(address).to_string();

        assert_eq!(name(0xc000_0000_0000_1004), "first+0x4");
        assert_eq!(
            name(0xc000_0000_0000_12fc),
            "<kernel::powerpc::zeroed::Pages>::zero+0x1fc"
        );
        assert_eq!(name(0xc000_0000_0000_2000), "0xc000000000002000");
        assert_eq!(name(0xc008_0000_0000_1004), "0xc008000000001004");
        assert_eq!(name(0x1000_0000), "0x10000000");
    }
}
