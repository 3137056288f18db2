// SPDX-License-Identifier: GPL-2.0

//! What an instruction does to the data cache, by its word.

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// It accesses no memory, or none that the cache has to do with.
    Other,
    /// It loads or stores, or both.
    Access,
    /// `dcbz`
    Zero,
    /// `dcbf`, also for persistent storage, and `dcbi`
    TakeOut,
    /// `dcbst`, also for persistent storage
    Clean,
}

/// `blr`
const RETURN: u32 = 0x4e80_0020;

/// Tells what `word` does, with the opcodes of Power ISA 3.1.
pub(crate) fn class(word: u32) -> Class {
    match primary(word) {
        31 => match extended(word) {
            1014 => Class::Zero,
            470 => Class::TakeOut,
            54 => Class::Clean,
            // The L field: 0 and 4 reach all caches, 6 is a dcbst in truth, and 1 and 3 leave lines
            // in the caches of other CPUs.
            86 => match word >> 21 & 7 {
                0 | 4 => Class::TakeOut,
                6 => Class::Clean,
                _ => Class::Other,
            },
            // icbi, which QEMU has load a byte.
            982 => Class::Other,
            // l*cix and st*cix, which only firmware has a use for.
            789 | 821 | 853 | 885 | 917 | 949 | 981 | 1013 => Class::Other,
            _ => Class::Access,
        },
        // A prefix, lxvp and stxvp; loads and stores with a displacement.
        1 | 6 | 32..=58 | 61 | 62 => Class::Access,
        _ => Class::Other,
    }
}

/// Whether a function that ends at `end` and begins at `start` is left by `word` at `address`: by a
/// return, or by a branch to another one that returns in its stead.
pub(crate) fn leaves(word: u32, address: u64, start: u64, end: u64) -> bool {
    if word == RETURN {
        return true;
    }
    // b, neither bl nor ba
    if primary(word) != 18 || word & 3 != 0 {
        return false;
    }
    let displacement = ((word << 6) as i32 >> 6) as i64;
    let target = address.wrapping_add_signed(displacement);
    !(start..end).contains(&target)
}

/// Whether `word` begins a function that sets up its own r2 in two instructions, which callers that
/// share it skip.
pub(crate) fn sets_up_toc(word: u32) -> bool {
    // addis r2,r12,... and lis r2,...
    matches!(word >> 16, 0x3c4c | 0x3c40)
}

/// The registers that the address of an X-form instruction, such as `dcbz`, is the sum of. The first
/// one may be none.
pub(crate) fn address_registers(word: u32) -> (Option<usize>, usize) {
    let (ra, rb) = (word >> 16 & 31, word >> 11 & 31);

    ((ra != 0).then_some(ra as usize), rb as usize)
}

fn primary(word: u32) -> u32 {
    word >> 26
}

fn extended(word: u32) -> u32 {
    word >> 1 & 0x3ff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `powerpc64le-linux-gnu-as` has them.
    #[test]
    fn instructions_are_told_apart() {
        for (word, expected) in [
            (0x7c00_1fec, Class::Zero),    // dcbz 0,r3
            (0x7c20_1fec, Class::Zero),    // dcbzl 0,r3
            (0x7c00_18ac, Class::TakeOut), // dcbf 0,r3
            (0x7c80_18ac, Class::TakeOut), // dcbfps 0,r3
            (0x7cc0_18ac, Class::Clean),   // dcbstps 0,r3
            (0x7c20_18ac, Class::Other),   // dcbfl 0,r3
            (0x7c60_18ac, Class::Other),   // dcbflp 0,r3
            (0x7c00_1bac, Class::TakeOut), // dcbi 0,r3
            (0x7c00_186c, Class::Clean),   // dcbst 0,r3
            (0x7c00_1fac, Class::Other),   // icbi 0,r3
            (0xe883_0000, Class::Access),  // ld r4,0(r3)
            (0xf883_0000, Class::Access),  // std r4,0(r3)
            (0x7c00_1e98, Class::Access),  // lxvd2x vs0,0,r3
            (0x7c80_18a8, Class::Access),  // ldarx r4,0,r3
            (0x7c80_19ad, Class::Access),  // stdcx. r4,0,r3
            (0xf403_0001, Class::Access),  // lxv vs0,0(r3)
            (0x1841_0000, Class::Access),  // lxvp vs2,0(r1)
            (0x3863_0001, Class::Other),   // addi r3,r3,1
            (0x4e80_0020, Class::Other),   // blr
            (0x4800_0010, Class::Other),   // b .+16
        ] {
            assert_eq!(class(word), expected, "{word:#x}");
        }
    }

    #[test]
    fn address_is_that_of_the_registers() {
        assert_eq!(address_registers(0x7c00_1fec), (None, 3)); // dcbz 0,r3
        assert_eq!(address_registers(0x7c1f_07ec), (Some(31), 0)); // dcbz r31,r0
    }

    #[test]
    fn function_is_left_by_a_return_or_a_branch_beyond() {
        let (start, end) = (0xc000_0000_0000_1000, 0xc000_0000_0000_1100);
        let at = start + 0x80;

        assert!(leaves(RETURN, at, start, end));
        assert!(leaves(0x4800_0080, at, start, end)); // b .+0x80, to the end
        assert!(!leaves(0x4800_007c, at, start, end)); // b .+0x7c
        assert!(!leaves(0x4bff_ff80, at, start, end)); // b .-0x80, to the start
        assert!(leaves(0x4bff_ff7c, at, start, end)); // b .-0x84
        assert!(!leaves(0x4800_0081, at, start, end)); // bl .+0x80
        assert!(!leaves(0x4d82_0020, at, start, end)); // beqlr
    }

    #[test]
    fn beginning_is_recognized() {
        assert!(sets_up_toc(0x3c4c_0123)); // addis r2,r12,0x123
        assert!(!sets_up_toc(0x7c08_02a6)); // mflr r0
    }
}
