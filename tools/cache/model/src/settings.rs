// SPDX-License-Identifier: GPL-2.0

//! What is said to the plugin on QEMU's command line.

use crate::prefetcher::Strength;
use qemu_plugin::{
    Args,
    Value, //
};

pub(crate) struct Settings {
    /// The guest's memory in MiB.
    pub(crate) memory: u64,
    /// System.map of its kernel.
    pub(crate) map: String,
    /// The file to write the report to.
    pub(crate) report: String,
    pub(crate) strength: Strength,
}

impl Settings {
    pub(crate) fn new(args: &Args) -> Result<Self, String> {
        for name in args.parsed.keys() {
            if !["memory", "map", "report", "neighbours", "random", "seed"].contains(&name.as_str())
            {
                return Err(format!("{name}: no such setting"));
            }
        }
        let text = |name: &str| match args.parsed.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(format!("{name}= is missing")),
        };
        let number = |name: &str| match args.parsed.get(name) {
            Some(Value::Integer(n)) => u64::try_from(*n).map_err(|e| format!("{name}: {e}")),
            None => Ok(0),
            _ => Err(format!("{name}= takes a number")),
        };
        let small = |name: &str| {
            number(name).and_then(|n| u32::try_from(n).map_err(|e| format!("{name}: {e}")))
        };

        Ok(Self {
            memory: number("memory")?,
            map: text("map")?,
            report: text("report")?,
            strength: Strength {
                neighbours: small("neighbours")?,
                random: small("random")?,
                seed: number("seed")?,
            },
        })
    }
}
